/** Matrix products and Einstein sums as one kind of node: labels instead of axes. */
import { InternalError } from '../diagnostics.ts';
import type { Builder } from './build.ts';
import type { Node, NodeId } from './graph.ts';

/** `a @ b` as in NumPy: the last axis of `a` with the last but one of `b` (its only one, if b is a vector); leading axes broadcast. */
export function matmul(b: Builder<Node>, left: NodeId, right: NodeId): NodeId {
  const [ra, rb] = [b.shape(left).length, b.shape(right).length];
  const [row, inner, column] = [-1, -2, -3];
  const lead = (rank: number): number => Math.max(0, rank - 2);
  const leading = Math.max(lead(ra), lead(rb));
  // leading axes are labelled from the right, so that equal positions get equal labels
  const labels = (rank: number): number[] => Array.from({ length: lead(rank) }, (_, d) => leading - lead(rank) + d);
  const a = fitted(b, left, [...labels(ra), ...(ra > 1 ? [row] : []), inner], right, [...labels(rb), inner, ...(rb > 1 ? [column] : [])]);
  const out = [...Array.from({ length: leading }, (_, d) => d), ...(ra > 1 ? [row] : []), ...(rb > 1 ? [column] : [])];
  return b.einsum([a.left, a.right], [a.leftLabels, a.rightLabels], out);
}

/** Drops axes of extent 1 that the other operand has with another extent: they repeat. */
function fitted(b: Builder<Node>, left: NodeId, leftLabels: readonly number[], right: NodeId, rightLabels: readonly number[]):
  { readonly left: NodeId; readonly right: NodeId; readonly leftLabels: readonly number[]; readonly rightLabels: readonly number[] } {
  const drop = (x: NodeId, labels: readonly number[], other: NodeId, otherLabels: readonly number[]): { readonly id: NodeId; readonly labels: readonly number[] } => {
    const keep = labels.map((l, d) => !(l >= 0 && b.shape(x)[d] === 1 && otherLabels.includes(l) && b.shape(other)[otherLabels.indexOf(l)] !== 1));
    return { id: b.reshape(x, b.shape(x).filter((_, d) => keep[d])), labels: labels.filter((_, d) => keep[d]) };
  };
  const l = drop(left, leftLabels, right, rightLabels);
  const r = drop(right, rightLabels, left, leftLabels);
  return { left: l.id, right: r.id, leftLabels: l.labels, rightLabels: r.labels };
}

/** `einsum('bi,oi->bo', x, w)`. A letter twice in one operand takes the diagonal. */
export function einsum(b: Builder<Node>, args: readonly NodeId[], spec: string): NodeId {
  const [inputs = '', output = ''] = spec.replaceAll(/\s/g, '').split('->');
  const code = (letter: string): number => letter.codePointAt(0) ?? 0;
  const parts = inputs.split(',').map((letters, i) => diagonal(b, args[i] ?? missing(), [...letters].map(code)));
  return b.einsum(parts.map(p => p.id), parts.map(p => p.labels), [...output].map(code));
}

/** An operand with distinct labels: where a label repeats, the later axis is summed against the equality of both positions. */
function diagonal(b: Builder<Node>, x: NodeId, labels: readonly number[]): { readonly id: NodeId; readonly labels: readonly number[] } {
  const second = labels.findIndex((l, d) => labels.indexOf(l) !== d);
  if (second < 0) return { id: x, labels };
  const first = labels.indexOf(labels[second] ?? 0);
  const shape = b.shape(x);
  const on = b.map('ueq', b.iota(shape, first), b.iota(shape, second));
  return diagonal(b, b.reduce('add', b.map('select', on, x, b.fill(0, shape)), [second]), labels.filter((_, d) => d !== second));
}

function missing(): never { throw new InternalError('graph', 'einsum: an operand is missing'); }
