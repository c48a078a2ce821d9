/** Every rule of differentiation against central finite differences of the graph's own evaluation. */
import test from 'ava';
import { builder } from '../../../compiler/3-graph/build.ts';
import type { Builder } from '../../../compiler/3-graph/build.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import type { Graph, NodeId, Plain, Shape } from '../../../compiler/3-graph/graph.ts';
import { softmax, logSumExp, negativeLogSoftmaxAt } from '../../../compiler/3-graph/compose.ts';
import { verifyGraph } from '../../../compiler/3-graph/verify.ts';
import { differentiate } from '../../../compiler/4-diff/differentiate.ts';
import { ops } from '../../../compiler/ops/table.ts';
import type { Op } from '../../../compiler/ops/names.ts';
import { given, graphOf, variable } from '../../support/graphs.ts';

/** Compares the gradient of output `loss` for every variable with finite differences. */
function worstError(graph: Graph<Plain>, variables: readonly string[], arrays: Record<string, Float64Array> = {}): number {
  const withGradients = differentiate(graph, 'loss', variables);
  verifyGraph(withGradients, 'differentiate');
  const start = given(graph, { arrays });
  const exact = evaluate(withGradients, start);
  let worst = 0;
  for (const name of variables) {
    const at = Float64Array.from(start.arrays[name] ?? []);
    const gradient = exact.get(`gradient:${name}`) ?? new Float64Array();
    const scale = Math.max(1e-3, ...gradient.map(Math.abs));
    for (let i = 0; i < at.length; i++) {
      const h = 1e-5 * Math.max(1, Math.abs(at[i] ?? 0));
      const loss = (x: number): number => evaluate(graph, { ...start, arrays: { ...start.arrays, [name]: at.with(i, x) } }).get('loss')?.[0] ?? NaN;
      const numeric = (loss((at[i] ?? 0) + h) - loss((at[i] ?? 0) - h)) / (2 * h);
      worst = Math.max(worst, Math.abs(numeric - (gradient[i] ?? NaN)) / scale);
    }
  }
  return worst;
}
/** Σ sin(y) + ½ y²: a scalar with a gradient that is different everywhere. */
const scalarize = (b: Builder<Plain>, y: NodeId): NodeId => {
  const all = b.shape(y).map((_, d) => d);
  return b.reduce('add', b.map('add', b.map('sin', y), b.map('mul', b.fill(0.5, b.shape(y)), b.map('square', y))), all);
};
const check = (title: string, shapes: Record<string, Shape>, make: (b: Builder<Plain>, ...x: NodeId[]) => NodeId, arrays: Record<string, Float64Array> = {}): void => {
  test(title, t => {
    const graph = graphOf(b => ({ loss: scalarize(b, make(b, ...Object.entries(shapes).map(([n, s]) => variable(b, n, s)))) }));
    t.true(worstError(graph, Object.keys(shapes), arrays) < 2e-6);
  });
};

// arguments where each op is smooth
const domain: Partial<Record<Op, readonly Float64Array[]>> = {
  log: [Float64Array.of(0.3, 1, 2.5)], sqrt: [Float64Array.of(0.3, 1, 2.5)], log1p: [Float64Array.of(-0.4, 0.1, 2.5)],
  pow: [Float64Array.of(0.3, 1.2, 2.5), Float64Array.of(2, -0.7, 1.3)], div: [Float64Array.of(0.3, -1, 2.5), Float64Array.of(1.2, -2, 0.6)],
  reciprocal: [Float64Array.of(0.5, -1, 2.5)],
};
for (const [name, record] of Object.entries(ops)) {
  const op = name as Op; // a key of the table
  if (!record.diff || record.result !== 'f32') continue;
  const count = record.eval.length === 0 || ['add', 'sub', 'mul', 'div', 'min', 'max', 'pow'].includes(op) ? 2 : 1;
  const arity = ['add', 'sub', 'mul', 'div', 'min', 'max', 'pow'].includes(op) ? 2 : Math.min(count, 1);
  const names = ['p', 'q'].slice(0, arity);
  const arrays = Object.fromEntries(names.map((n, i) => [n, domain[op]?.[i] ?? Float64Array.of(0.4 + i, -1.1 - 0.3 * i, 0.9 - i)]));
  check(`the derivative of ${op}`, Object.fromEntries(names.map(n => [n, [3]])), (b, ...x) => b.map(op, ...x), arrays);
}

check('sum over axes', { x: [2, 3, 4] }, (b, x) => b.reduce('add', x, [0, 2]));
check('maximum over an axis', { x: [3, 4] }, (b, x) => b.reduce('max', x, [1]));
check('minimum over all axes', { x: [3, 4] }, (b, x) => b.reduce('min', x, [0, 1]));
check('matrix product', { x: [2, 3], y: [3, 4] }, (b, x, y) => b.einsum([x, y], [[0, 1], [1, 2]], [0, 2]));
check('einsum with a batch label and a label that only one operand has', { x: [2, 3, 4], y: [2, 3] }, (b, x, y) => b.einsum([x, y], [[0, 1, 2], [0, 1]], [0]));
check('a product with itself', { x: [3, 3] }, (b, x) => b.einsum([x, x], [[0, 1], [1, 2]], [0, 2]));
check('reshape, permute, broadcast', { x: [2, 6] }, (b, x) => b.broadcast(b.permute(b.reshape(x, [2, 3, 2]), [2, 0, 1]), [2, 5, 2, 3], [0, 2, 3]));
check('broadcast to other places', { x: [2, 3] }, (b, x) => b.broadcast(x, [3, 4, 2], [2, 0]));
check('slice with steps, forwards and backwards', { x: [7, 5] }, (b, x) => b.view({ kind: 'slice', starts: [1, 4], steps: [2, -2] }, x, [3, 3]));
check('pad', { x: [2, 3] }, (b, x) => b.view({ kind: 'pad', before: [1, 2], value: 0.7 }, x, [4, 6]));
check('softmax', { x: [2, 5] }, (b, x) => softmax(b, x, 1));
check('logsumexp', { x: [2, 5] }, (b, x) => logSumExp(b, x, [1]));
check('a distributed prior: select by comparison', { x: [6] }, (b, x) => b.map('select', b.map('lt', x, b.fill(0.2, [6])), b.map('exp', x), b.map('square', x)));

test('gather, and cross-entropy at a class', t => {
  const graph = graphOf(b => {
    const index = b.add({ kind: 'input', name: 'input:at', shape: [4], type: 'u32' });
    const table = variable(b, 'table', [3, 2]);
    const rows = b.add({ kind: 'gather', axis: 0, arg: table, index, shape: [4, 2], type: 'f32' });
    const logits = variable(b, 'logits', [4, 3]);
    return { loss: b.map('add', scalarize(b, rows), b.reduce('add', negativeLogSoftmaxAt(b, logits, index), [0])) };
  });
  t.true(worstError(graph, ['table', 'logits']) < 2e-6);
});

/** h ← tanh(x[t] + h·w + u), c ← c·σ(h); yields h·c: two carries, captured values in a product, in a sum, and elementwise. */
function recurrence(reverse: boolean): Graph<Plain> {
  return graphOf(b => {
    const [x, w, u, h0, c0] = [variable(b, 'x', [4, 2, 3]), variable(b, 'w', [3, 3]), variable(b, 'u', [3]), variable(b, 'h0', [2, 3]), variable(b, 'c0', [2, 3])];
    const body = graphOf(i => {
      const argument = (what: 'element' | 'carry', index: number, shape: Shape): NodeId => i.add({ kind: 'argument', what, index, shape, type: 'f32' });
      const [xt, wi, ui, h, c] = [argument('element', 0, [2, 3]), argument('element', 1, [3, 3]), argument('element', 2, [3]), argument('carry', 0, [2, 3]), argument('carry', 1, [2, 3])];
      const next = i.map('tanh', i.map('add', i.map('add', xt, i.einsum([h, wi], [[0, 1], [1, 2]], [0, 2])), i.expand(ui, [2, 3])));
      const kept = i.map('mul', i.map('mul', c, i.map('sigmoid', next)), i.map('exp', i.expand(ui, [2, 3])));
      return { 'next:0': next, 'next:1': kept, 'yield:0': i.map('mul', next, kept) };
    });
    const loop = b.add({ kind: 'loop', extent: 4, reverse, sequences: [x], captured: [w, u], init: [h0, c0], body, yields: 1, shape: [], type: 'f32' });
    const result = (index: number, shape: Shape): NodeId => b.add({ kind: 'result', loop, index, shape, type: 'f32' });
    return { loss: b.map('add', b.map('add', scalarize(b, result(2, [4, 2, 3])), scalarize(b, result(0, [2, 3]))), scalarize(b, result(1, [2, 3]))) };
  });
}
for (const reverse of [false, true]) {
  test(`a loop${reverse ? ' that runs backwards' : ''}`, t => {
    t.true(worstError(recurrence(reverse), ['x', 'w', 'u', 'h0', 'c0']) < 2e-6);
  });
}
test('equal arguments of a maximum share its gradient', t => {
  const graph = graphOf(b => ({ loss: b.reduce('add', b.map('max', variable(b, 'p', [2]), variable(b, 'q', [2])), [0]) }));
  const arrays = { p: Float64Array.of(1, 2), q: Float64Array.of(1, 3) };
  const gradients = evaluate(differentiate(graph, 'loss', ['p', 'q']), given(graph, { arrays }));
  t.deepEqual([...gradients.get('gradient:p') ?? []], [0.5, 0]);
  t.deepEqual([...gradients.get('gradient:q') ?? []], [0.5, 1]);
});

test('a gradient can be differentiated again', t => {
  // the loss of the second graph is the sum of squares of the first gradient
  const x = Float64Array.of(0.3, -0.8, 1.1);
  const once = differentiate(graphOf(b => { const v = variable(b, 'x', [3]); return { loss: b.reduce('add', b.map('exp', b.map('sin', v)), [0]) }; }), 'loss', ['x']);
  const b = builder<Plain>();
  once.nodes.forEach(n => b.copy(n));
  const squares = b.reduce('add', b.map('square', once.outputs.get('gradient:x') ?? b.fill(0, [3])), [0]);
  const second = b.graph(new Map([['loss', squares]]));
  t.true(worstError(second, ['x'], { x }) < 2e-6);
});
