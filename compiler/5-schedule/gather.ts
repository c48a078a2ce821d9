/** Reads whose place is a value: gathers, and their adjoint, which compares instead of adding in place (no float atomics anywhere). */
import type { NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { valueIndex, zero } from '../6-kernels/index.ts';
import type { Expr, Index } from '../6-kernels/kernel.ts';
import { fold } from './reads.ts';
import type { Reads } from './reads.ts';

type Gather = Extract<Plain, { kind: 'gather' }>;
type Scatter = Extract<Plain, { kind: 'scatter' }>;

/** Reads of the index first, then of the argument. `chosen` is the index's value in the kernel; while deciding it is a stand-in. */
export function gatherReads(n: Gather | Scatter, index: readonly Index[], depth: number, shapeOf: (id: NodeId) => Shape, chosen?: Expr): Reads {
  const rank = shapeOf(n.index).length;
  if (n.kind === 'gather') {
    const own = index.slice(n.axis, n.axis + rank);
    const value = valueIndex(chosen ?? { kind: 'index', type: 'u32', index: own.reduce((s, i) => ({ constant: s.constant + i.constant, terms: [...s.terms, ...i.terms] }), zero) });
    return { folds: [], reads: [{ node: n.index, index: own, guard: [] }, { node: n.arg, index: [...index.slice(0, n.axis), value, ...index.slice(n.axis + rank)], guard: [] }] };
  }
  const { axes, indices } = fold(shapeOf(n.index), depth);
  return { folds: axes, reads: [{ node: n.index, index: indices, guard: [] }, { node: n.arg, index: [...index.slice(0, n.axis), ...indices, ...index.slice(n.axis + 1)], guard: [] }] };
}
