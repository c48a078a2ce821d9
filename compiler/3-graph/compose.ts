/**
 * Functions made of nodes, used by more than one pass: the ones where a naive spelling overflows or loses digits.
 * Everything here works on any shape, with or without a samples axis.
 */
import type { NodeId, Node, Shape } from './graph.ts';
import type { Builder } from './build.ts';

/** Number of elements along `axes` as an f32 scalar: literal extents times the live rows or samples. */
export function count<N extends Node>(b: Builder<N>, shape: Shape, axes: readonly number[]): NodeId {
  const extents = axes.map(a => shape[a] ?? 1);
  const literal = extents.reduce<number>((n, e) => (typeof e === 'number' ? n * e : n), 1);
  return extents.reduce<NodeId>((n, e) => (typeof e === 'number' ? n : b.map('mul', n, b.scalar(e))), b.fill(literal, []));
}

/** Mean over `axes`, which vanish: the sum times the reciprocal of the live count. */
export const mean = <N extends Node>(b: Builder<N>, x: NodeId, axes: readonly number[]): NodeId =>
  axes.length === 0 ? x : b.map('mul', b.reduce('add', x, axes), b.map('reciprocal', count(b, b.shape(x), axes)));

/** `reduced`, which lost `axes` of `shape`, repeated along them. */
export const restore = <N extends Node>(b: Builder<N>, reduced: NodeId, shape: Shape, axes: readonly number[]): NodeId =>
  b.broadcast(reduced, shape, shape.map((_, d) => d).filter(d => !axes.includes(d)));

const stop = <N extends Node>(b: Builder<N>, x: NodeId): NodeId => {
  const n = b.node(x);
  // a stop node is a Plain, and Plain is part of every N
  return b.add({ kind: 'stop', arg: x, shape: n.shape, type: n.type } as unknown as Parameters<Builder<N>['add']>[0]);
};
export { stop };

/** The parts of a stable softmax over `axes`: m = max x (no gradient: it cancels), e = exp(x - m), s = Σ e. */
function shifted<N extends Node>(b: Builder<N>, x: NodeId, axes: readonly number[]): { readonly m: NodeId; readonly e: NodeId; readonly s: NodeId } {
  const m = stop(b, b.reduce('max', x, axes));
  const e = b.map('exp', b.map('sub', x, restore(b, m, b.shape(x), axes)));
  return { m, e, s: b.reduce('add', e, axes) };
}

/** log Σ exp x = m + log Σ exp(x - m). */
export function logSumExp<N extends Node>(b: Builder<N>, x: NodeId, axes: readonly number[]): NodeId {
  const { m, s } = shifted(b, x, axes);
  return b.map('add', m, b.map('log', s));
}

/** exp(x - m) / Σ exp(x - m). */
export function softmax<N extends Node>(b: Builder<N>, x: NodeId, axis: number): NodeId {
  const { e, s } = shifted(b, x, [axis]);
  return b.map('mul', e, restore(b, b.map('reciprocal', s), b.shape(x), [axis]));
}

/** x - log Σ exp x. */
export const logSoftmax = <N extends Node>(b: Builder<N>, x: NodeId, axis: number): NodeId =>
  b.map('sub', x, restore(b, logSumExp(b, x, [axis]), b.shape(x), [axis]));

/** 1 where the position along the new last axis is the class, else 0. */
export function oneHot<N extends Node>(b: Builder<N>, index: NodeId, classes: number): NodeId {
  const shape = [...b.shape(index), classes];
  return b.map('select', isClass(b, index, shape), b.fill(1, shape), b.fill(0, shape));
}
const isClass = <N extends Node>(b: Builder<N>, index: NodeId, shape: Shape): NodeId =>
  b.map('ueq', b.iota(shape, shape.length - 1), b.broadcast(index, shape, b.shape(index).map((_, d) => d)));

/** -log softmax(logits)[class], class axis last: log Σ exp z - z[class]. Shape: that of `index`, which may lack leading axes of the logits. */
export function negativeLogSoftmaxAt<N extends Node>(b: Builder<N>, logits: NodeId, index: NodeId): NodeId {
  const shape = b.shape(logits);
  const last = shape.length - 1;
  const chosen = b.map('select', isClass(b, b.expand(index, shape.slice(0, last)), shape), logits, b.fill(0, shape));
  return b.map('sub', logSumExp(b, logits, [last]), b.reduce('add', chosen, [last]));
}
