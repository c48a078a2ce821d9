/**
 * Positions of a list of classes, sorted by class: what the gradient of a table sums over, in an order that never changes.
 * A page makes it in one pass as it writes the classes; on a device it would take a prefix sum.
 */
import type { PlanManifest } from './manifest.ts';

/** `start[v] .. start[v + 1]` are the places in `order` of the positions whose class is v, in their own order. */
export function bucket(classes: ArrayLike<number>, extent: number): { readonly order: Uint32Array; readonly start: Uint32Array } {
  const start = new Uint32Array(extent + 1);
  for (let i = 0; i < classes.length; i++) { const v = classes[i] ?? 0; start[v + 1] = (start[v + 1] ?? 0) + 1; }
  for (let v = 0; v < extent; v++) start[v + 1] = (start[v + 1] ?? 0) + (start[v] ?? 0);
  const next = start.slice();
  const order = new Uint32Array(classes.length);
  for (let i = 0; i < classes.length; i++) { const v = classes[i] ?? 0; const at = next[v] ?? 0; order[at] = i; next[v] = at + 1; }
  return { order, start };
}

/** Writes what a plan wants sorted of the classes that were just written into `buffer`. */
export function writeBuckets(plan: Pick<PlanManifest, 'buffers'>, buffer: string, classes: ArrayLike<number>, write: (name: string, data: Uint32Array) => void): void {
  const made = new Map<number, ReturnType<typeof bucket>>();
  for (const { name, bucket: b } of plan.buffers) {
    if (b?.of !== buffer) continue;
    const sorted = made.get(b.extent) ?? bucket(classes, b.extent);
    made.set(b.extent, sorted);
    write(name, sorted[b.part]);
  }
}
