/** Small graphs and given values for tests of the passes: deterministic numbers, and comparison with a tolerance. */
import { builder } from '../../compiler/3-graph/build.ts';
import type { Builder } from '../../compiler/3-graph/build.ts';
import type { Given } from '../../compiler/3-graph/evaluate.ts';
import type { Graph, NodeId, Plain, Shape } from '../../compiler/3-graph/graph.ts';

/** Numbers in (-1.3, 1.3) that look random and never change. */
export const numbers = (n: number, seed = 1): Float64Array => Float64Array.from({ length: n }, (_, i) => 1.3 * Math.sin((i + 1) * 12.9898 * seed + seed * 78.233));

export const size = (shape: Shape, rows: number, samples: number): number =>
  shape.reduce<number>((n, d) => n * (d === 'rows' ? rows : d === 'samples' ? samples : d), 1);

/** A variable of a shape. */
export const variable = (b: Builder<Plain>, name: string, shape: Shape): NodeId => b.add({ kind: 'variable', name, role: 'parameter', shape, type: 'f32' });

export const graphOf = (make: (b: Builder<Plain>) => Record<string, NodeId>): Graph<Plain> => {
  const b = builder<Plain>();
  return b.graph(new Map(Object.entries(make(b))));
};

/** Values for every input and variable of a graph (class indices below 3), and for its scalars. */
export function given(graph: Graph<Plain>, extra: Partial<Given> = {}): Given {
  const [rows, samples] = [extra.rows ?? 3, extra.samples ?? 2];
  const arrays: Record<string, ArrayLike<number>> = {};
  graph.nodes.forEach((n, i) => {
    if (n.kind !== 'input' && n.kind !== 'variable') return;
    const count = size(n.shape, rows, samples);
    const random = numbers(count, 1 + (i % 7) * 0.37);
    // a second moment and a variance are means of squares
    arrays[n.name] ??= n.type === 'u32' ? Uint32Array.from({ length: count }, (_, k) => (k * 7 + 1) % 3) : n.name.endsWith('/v') || n.name.endsWith('variance') ? random.map(Math.abs) : random;
  });
  const scalars = { klWeight: 0.3, live: 1, learningRate: 0.01, beta1: 0.9, beta2: 0.999, rate1: 0.1, rate2: 0.001, correction1: 10, correction2: 1000, epsilon: 1e-8, momentum: 0.9 };
  return { arrays: { ...arrays, ...extra.arrays }, scalars: { ...scalars, ...extra.scalars }, rows, samples, stream: extra.stream ?? { seed: 5, purpose: 2, count: 7 } };
}

/** The largest difference of two arrays, relative to the largest entry. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [worst, scale] = [0, 1e-30];
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (Number.isNaN(d)) return Infinity;
    worst = Math.max(worst, d);
    scale = Math.max(scale, Math.abs(a[i] ?? 0), Math.abs(b[i] ?? 0));
  }
  return worst / scale;
}
