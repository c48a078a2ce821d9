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
  const hoisted = hoistLoops(gru);
  verifyGraph(hoisted, 'hoist');
  const g = given(gru);
  const [before, after] = [evaluate(gru, g), evaluate(hoisted, g)];
  t.true(difference(before.get('steps') ?? [], after.get('steps') ?? []) < 1e-14);
  const inside = hoisted.nodes.flatMap(n => (n.kind === 'loop' ? n.body.nodes.filter(m => hoisted.nodes.length > 0 && (m.kind === 'einsum')) : []));
  t.is(inside.filter(n => n.kind === 'einsum' && n.shape.length === 2).length >= 1, true);
  t.is(hoisted.nodes.filter(n => n.kind === 'einsum').length, 1);
});

test('gradients stay the same', t => {
  const names = ['x', 'wi', 'wh', 'h0'];
  const g = given(gru);
  const [before, after] = [evaluate(differentiate(gru, 'loss', names), g), evaluate(differentiate(hoistLoops(gru), 'loss', names), g)];
  for (const n of names) t.true(difference(before.get(`gradient:${n}`) ?? [], after.get(`gradient:${n}`) ?? []) < 1e-12, n);
});
