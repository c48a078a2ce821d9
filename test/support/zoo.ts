/**
 * One small graph for every kind of node and every situation that the schedule treats in its own way. The same list is
 * scheduled, interpreted, and run on every target.
 */
import { logSoftmax, logSumExp, mean, negativeLogSoftmaxAt, softmax } from '../../compiler/3-graph/compose.ts';
import type { Builder } from '../../compiler/3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../../compiler/3-graph/graph.ts';
import { graphOf, variable } from './graphs.ts';

export interface Specimen { readonly name: string; readonly graph: Graph<Plain>; /** How far a target in single precision may be off: more where large terms cancel, and rounding shows in what is left. */ readonly tolerance: number }

type B = Builder<Plain>;
const input = (b: B, name: string, shape: Shape, type: 'f32' | 'u32' = 'f32'): NodeId => b.add({ kind: 'input', name: `input:${name}`, shape, type });
const noise = (b: B, shape: Shape, family: 'normal' | 'uniform' = 'normal', site = 77): NodeId => b.add({ kind: 'noise', family, path: `n${site}`, site, shape, type: 'f32' });
const specimen = (name: string, make: (b: B) => Record<string, NodeId>, tolerance = 1e-5): Specimen => ({ name, graph: graphOf(make), tolerance });

export const zoo: readonly Specimen[] = [
  specimen('elementwise on a batch', b => { const x = input(b, 'x', ['rows', 5]); return { y: b.map('tanh', b.map('mul', x, b.expand(variable(b, 'w', [5]), ['rows', 5]))) }; }),
  specimen('a dense layer with noise in its weights', b => {
    const [x, mu, rho] = [input(b, 'x', ['rows', 7]), variable(b, 'mu', [6, 7]), variable(b, 'rho', [6, 7])];
    const eps = noise(b, ['samples', 6, 7]);
    const each = (n: NodeId): NodeId => b.broadcast(n, ['samples', 6, 7], [1, 2]);
    const w = b.map('add', each(mu), b.map('mul', each(b.map('softplus', rho)), eps));
    return { y: b.einsum([x, w], [[0, 1], [2, 3, 1]], [2, 0, 3]), w };
  }),
  ...([1, 3, 4, 5, 8, 13, 17] as const).map(n => specimen(`products of ragged size ${n}`, b => {
    const [x, w, v] = [input(b, 'x', ['rows', n]), variable(b, 'w', [9, n]), variable(b, 'v', [n, 9])];
    return { nt: b.einsum([x, w], [[0, 1], [2, 1]], [0, 2]), nn: b.einsum([x, v], [[0, 1], [1, 2]], [0, 2]), tn: b.einsum([x, x], [[0, 1], [0, 2]], [1, 2]) };
  })),
  specimen('a matrix product of 40 by 48 by 56', b => ({ y: b.einsum([variable(b, 'a', [40, 48]), variable(b, 'c', [48, 56])], [[0, 1], [1, 2]], [0, 2]) })),
  specimen('a batched product', b => ({ y: b.einsum([input(b, 'x', ['rows', 3, 5]), input(b, 'z', ['rows', 5, 6])], [[0, 1, 2], [0, 2, 3]], [0, 1, 3]) })),
  specimen('a sum over the batch and over everything', b => { const x = input(b, 'x', ['rows', 6]); return { rows: b.reduce('add', x, [0]), all: b.reduce('add', b.map('square', x), [0, 1]), mean: mean(b, x, [0, 1]) }; }, 1e-4),
  specimen('maximum and minimum', b => { const x = input(b, 'x', ['rows', 6]); return { max: b.reduce('max', x, [1]), min: b.reduce('min', x, [0, 1]) }; }),
  specimen('a large sum', b => ({ y: b.reduce('add', b.map('square', variable(b, 'w', [70, 61])), [0, 1]) })),
  specimen('few products and sums of many turns, over the batch too', b => {
    const [x, y, z] = [input(b, 'x', ['rows', 4, 72]), input(b, 'y', ['rows', 5, 72]), input(b, 'z', ['rows', 3, 20, 15])];
    return { p: b.einsum([x, y], [[0, 1, 2], [0, 3, 2]], [1, 3]), s: b.reduce('add', b.map('square', z), [0, 2, 3]), most: b.reduce('max', z, [0, 2, 3]) };
  }),
  specimen('a very large sum with a rest', b => ({ y: b.reduce('add', variable(b, 'w', [66_001]), [0]) }), 1e-4),
  specimen('softmax, log softmax, log-sum-exp', b => { const x = input(b, 'x', ['rows', 11]); return { s: softmax(b, x, 1), l: logSoftmax(b, x, 1), e: logSumExp(b, x, [1]) }; }),
  specimen('cross-entropy at a class', b => ({ y: mean(b, negativeLogSoftmaxAt(b, input(b, 'z', ['rows', 3]), input(b, 'c', ['rows'], 'u32')), [0]) })),
  specimen('reshape, permute and broadcast', b => { const x = input(b, 'x', ['rows', 2, 6]); return { y: b.permute(b.reshape(x, ['rows', 3, 4]), [2, 0, 1]), z: b.reshape(b.permute(x, [0, 2, 1]), ['rows', 4, 3]) }; }),
  specimen('slices forwards and backwards, and their adjoint', b => {
    const x = input(b, 'x', ['rows', 9]);
    const part = b.view({ kind: 'slice', starts: [0, 7], steps: [1, -3] }, x, ['rows', 3]);
    return { part, back: b.view({ kind: 'spread', starts: [0, 7], steps: [1, -3] }, part, ['rows', 9]), even: b.view({ kind: 'spread', starts: [0, 1], steps: [1, 2] }, part, ['rows', 9]) };
  }),
  specimen('padding, and a sum of two paddings', b => {
    const [x, y] = [input(b, 'x', ['rows', 3, 4]), input(b, 'y', ['rows', 3, 5])];
    const pad = (n: NodeId, before: number, value = 0): NodeId => b.view({ kind: 'pad', before: [0, 0, before], value }, n, ['rows', 3, 9]);
    return { both: b.map('add', pad(x, 0), pad(y, 4)), seven: pad(b.map('exp', x), 2, 7) };
  }),
  specimen('a product with a padded operand', b => {
    const x = b.view({ kind: 'pad', before: [0, 1], value: 0 }, input(b, 'x', ['rows', 5]), ['rows', 8]);
    return { y: b.einsum([b.map('sin', x), variable(b, 'w', [8, 6])], [[0, 1], [1, 2]], [0, 2]) };
  }),
  specimen('gather and scatter', b => {
    const [table, at] = [variable(b, 'table', [3, 4]), input(b, 'at', ['rows'], 'u32')];
    const rows = b.add({ kind: 'gather', axis: 0, arg: table, index: at, shape: ['rows', 4], type: 'f32' });
    return { rows, sum: b.add({ kind: 'scatter', axis: 0, extent: 3, arg: b.map('square', rows), index: at, shape: [3, 4], type: 'f32' }) };
  }),
  specimen('positions, comparisons and choices', b => {
    const x = input(b, 'x', ['rows', 7]);
    const shape: Shape = ['rows', 7];
    const diagonal = b.map('ueq', b.iota(shape, 0), b.iota(shape, 1));
    const positive = b.map('lt', b.fill(0, shape), x);
    return { y: b.map('select', b.map('or', diagonal, b.map('not', positive)), b.map('exp', x), b.map('float', b.iota(shape, 1))), z: b.map('select', b.map('finite', x), x, b.fill(9, shape)) };
  }),
  specimen('uniform noise with a batch', b => ({ u: noise(b, ['samples', 'rows', 3], 'uniform', 5), n: noise(b, ['samples', 'rows', 3], 'normal', 6) })),
  specimen('layer normalisation', b => {
    const x = input(b, 'x', ['rows', 10]);
    const along = (n: NodeId): NodeId => b.broadcast(n, ['rows', 10], [0]);
    const centred = b.map('sub', x, along(mean(b, x, [1])));
    const sd = b.map('sqrt', b.map('add', mean(b, b.map('square', centred), [1]), b.fill(1e-5, ['rows'])));
    return { y: b.map('div', centred, along(sd)) };
  }),
  specimen('attention', b => {
    const x = input(b, 'x', ['rows', 5, 4]);
    const project = (name: string): NodeId => b.einsum([x, variable(b, name, [4, 4])], [[0, 1, 2], [2, 3]], [0, 1, 3]);
    const scores = softmax(b, b.einsum([project('q'), project('k')], [[0, 1, 2], [0, 3, 2]], [0, 1, 3]), 2);
    return { y: b.einsum([scores, project('v')], [[0, 1, 2], [0, 2, 3]], [0, 1, 3]) };
  }),
  specimen('updates in place, one of which another one reads', b => {
    const [w, v, x] = [variable(b, 'w', [6]), variable(b, 'v', [6]), input(b, 'x', ['rows', 6])];
    const g = b.reduce('add', b.map('mul', x, b.expand(w, ['rows', 6])), [0]);
    const next = b.map('add', v, g);
    return { 'update:v': next, 'update:w': b.map('sub', w, b.map('mul', b.expand(b.reduce('add', v, [0]), [6]), next)), total: b.reduce('add', g, [0]) };
  }),
];

/** Loops: not every target runs them. */
export const loops: readonly Specimen[] = [false, true].map(reverse => specimen(`a recurrence${reverse ? ' that runs backwards' : ''}`, b => {
  const [x, w, h0] = [input(b, 'x', ['rows', 4, 3]), variable(b, 'w', [3, 3]), input(b, 'h', ['rows', 3])];
  const sequence = b.permute(x, [1, 0, 2]);
  const body = graphOf(i => {
    const argument = (what: 'element' | 'carry', index: number, shape: Shape): NodeId => i.add({ kind: 'argument', what, index, shape, type: 'f32' });
    const [xt, wi, h, c] = [argument('element', 0, ['rows', 3]), argument('element', 1, [3, 3]), argument('carry', 0, ['rows', 3]), argument('carry', 1, ['rows', 3])];
    const next = i.map('tanh', i.map('add', xt, i.einsum([h, wi], [[0, 1], [1, 2]], [0, 2])));
    return { 'next:0': next, 'next:1': i.map('add', i.map('mul', c, i.map('sigmoid', next)), h), 'yield:0': i.map('mul', next, c) };
  });
  const loop = b.add({ kind: 'loop', extent: 4, reverse, sequences: [sequence], captured: [w], init: [h0, b.fill(0.5, ['rows', 3])], body, yields: 1, shape: [], type: 'f32' });
  const result = (index: number, shape: Shape): NodeId => b.add({ kind: 'result', loop, index, shape, type: 'f32' });
  return { steps: b.permute(result(2, [4, 'rows', 3]), [1, 0, 2]), h: result(0, ['rows', 3]), c: b.map('exp', result(1, ['rows', 3])) };
}));
