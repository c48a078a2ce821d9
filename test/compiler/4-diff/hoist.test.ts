/** What does not wait for a loop's carries leaves the loop, and nothing changes but where it is computed. */
import test from 'ava';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import type { NodeId, Shape } from '../../../compiler/3-graph/graph.ts';
import { verifyGraph } from '../../../compiler/3-graph/verify.ts';
import { differentiate } from '../../../compiler/4-diff/differentiate.ts';
import { hoistLoops } from '../../../compiler/4-diff/hoist.ts';
import { difference, given, graphOf, variable } from '../../support/graphs.ts';

// h ← tanh(x[t]·wi + h·exp(wh)): the first product and the exponential don't wait for h
const gru = graphOf(b => {
  const [x, wi, wh, h0] = [variable(b, 'x', [5, 2, 3]), variable(b, 'wi', [3, 4]), variable(b, 'wh', [4, 4]), variable(b, 'h0', [2, 4])];
  const body = graphOf(i => {
    const argument = (what: 'element' | 'carry', index: number, shape: Shape): NodeId => i.add({ kind: 'argument', what, index, shape, type: 'f32' });
    const [xt, a, c, h] = [argument('element', 0, [2, 3]), argument('element', 1, [3, 4]), argument('element', 2, [4, 4]), argument('carry', 0, [2, 4])];
    const next = i.map('tanh', i.map('add', i.einsum([xt, a], [[0, 1], [1, 2]], [0, 2]), i.einsum([h, i.map('exp', c)], [[0, 1], [1, 2]], [0, 2])));
    return { 'next:0': next, 'yield:0': next };
  });
  const loop = b.add({ kind: 'loop', extent: 5, reverse: false, sequences: [x], captured: [wi, wh], init: [h0], body, yields: 1, shape: [], type: 'f32' });
  const steps = b.add({ kind: 'result', loop, index: 1, shape: [5, 2, 4], type: 'f32' });
  return { steps, loss: b.reduce('add', b.map('square', steps), [0, 1, 2]) };
});

test('the values stay the same, and one product stays inside', t => {
  const hoisted = hoistLoops(gru, 0);
  verifyGraph(hoisted, 'hoist');
  const g = given(gru);
  const [before, after] = [evaluate(gru, g), evaluate(hoisted, g)];
  t.true(difference(before.get('steps') ?? [], after.get('steps') ?? []) < 1e-14);
  const inside = hoisted.nodes.flatMap(n => (n.kind === 'loop' ? n.body.nodes.filter(m => hoisted.nodes.length > 0 && (m.kind === 'einsum')) : []));
  t.is(inside.filter(n => n.kind === 'einsum' && n.shape.length === 2).length >= 1, true);
  t.is(hoisted.nodes.filter(n => n.kind === 'einsum').length, 1);
});

test('short products stay inside where they are told to', t => {
  const products = (shortest: number): number => hoistLoops(gru, shortest).nodes.filter(n => n.kind === 'einsum').length;
  // x[t]·wi adds up three terms
  t.deepEqual([products(3), products(4)], [1, 0]);
  const g = given(gru);
  t.true(difference(evaluate(gru, g).get('steps') ?? [], evaluate(hoistLoops(gru, 4), g).get('steps') ?? []) < 1e-14);
});

test('gradients stay the same', t => {
  const names = ['x', 'wi', 'wh', 'h0'];
  const g = given(gru);
  for (const shortest of [0, 9]) {
    const [before, after] = [evaluate(differentiate(gru, 'loss', names), g), evaluate(differentiate(hoistLoops(gru, shortest), 'loss', names), g)];
    for (const n of names) t.true(difference(before.get(`gradient:${n}`) ?? [], after.get(`gradient:${n}`) ?? []) < 1e-12, n);
  }
});

test('the adjoint reads products instead of making them again, and nothing is saved that it does not read', t => {
  const loops = differentiate(hoistLoops(gru, 0), 'loss', ['wh']).nodes.flatMap(n => (n.kind === 'loop' ? [n] : []));
  const products = loops.map(l => l.body.nodes.filter(n => n.kind === 'einsum').length);
  // forward h·exp(wh); backward only the cotangent of h, since the one of wh is a product after the loop
  t.deepEqual(products, [1, 1]);
  // h after the turn, h before it, and the sum of both products
  t.is(loops[0]?.yields, 3);
  const linear = graphOf(b => {
    const [wh, h0] = [variable(b, 'wh', [4, 4]), variable(b, 'h0', [2, 4])];
    const body = graphOf(i => {
      const [c, h] = (['element', 'carry'] as const).map((what, k) => i.add({ kind: 'argument', what, index: 0, shape: k === 0 ? [4, 4] : [2, 4], type: 'f32' }));
      return { 'next:0': i.einsum([h as NodeId, c as NodeId], [[0, 1], [1, 2]], [0, 2]) }; // two of two
    });
    const loop = b.add({ kind: 'loop', extent: 3, reverse: false, sequences: [], captured: [wh], init: [h0], body, yields: 0, shape: [], type: 'f32' });
    return { loss: b.reduce('add', b.add({ kind: 'result', loop, index: 0, shape: [2, 4], type: 'f32' }), [0, 1]) };
  });
  // for h0 alone a linear recurrence needs nothing of what went before
  const [forward] = differentiate(linear, 'loss', ['h0']).nodes.flatMap(n => (n.kind === 'loop' ? [n] : []));
  t.is(forward?.yields, 0);
});
