/**
 * Values that are put together from equal parts: what `concat` makes, or the gradient of slices. Imagine the gradient of an LSTM's four gates: all
 * are made by a kernel over one of them, which stores four elements a position and computes once what several of them want.
 */
import type { NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { longestList, shortestSegment } from './segments.ts';

/** A part, and where its first element lies. */
export interface Part { readonly node: NodeId; readonly start: readonly number[] }
/** `shape` is that of each part. */
export interface Concat { readonly shape: Shape; readonly parts: readonly Part[] }

/** The parts of a sum of values that are padded with zeros, where they are of one shape, side by side along one axis, and leave nothing out. */
export function concatOf(nodes: readonly Plain[], id: NodeId): Concat | undefined {
  const whole = nodes[id];
  if (whole?.kind !== 'map' || whole.op !== 'add') return undefined;
  const parts: Part[] = [];
  const left: NodeId[] = [id];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const n = nodes[at];
    if (n?.kind === 'map' && n.op === 'add') left.push(...n.args);
    else if (n?.kind === 'view' && n.view.kind === 'pad' && n.view.value === 0) parts.push({ node: n.arg, start: n.view.before });
    else if (n?.kind === 'view' && n.view.kind === 'spread' && n.view.steps.every(s => s === 1)) parts.push({ node: n.arg, start: n.view.starts });
    else return undefined;
    if (parts.length + left.length > longestList) return undefined;
  }
  const shape = nodes[parts[0]?.node ?? id]?.shape ?? [];
  const axes = whole.shape.flatMap((e, d) => (e === shape[d] ? [] : [d]));
  const [axis] = axes;
  const length = axis === undefined ? undefined : shape[axis];
  if (axes.length !== 1 || axis === undefined || typeof length !== 'number' || length < shortestSegment || length * parts.length !== whole.shape[axis]) return undefined;
  const sorted = [...parts].sort((x, y) => (x.start[axis] ?? 0) - (y.start[axis] ?? 0));
  const fits = sorted.every(({ node, start }, i) => start.every((s, d) => s === (d === axis ? i * length : 0)) && nodes[node]?.shape.every((e, d) => e === shape[d]) === true);
  return fits ? { shape, parts: sorted } : undefined;
}
