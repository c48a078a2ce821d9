/**
 * What a batch is made of. Imagine a data set as a table with one line a row: the numbers of its inputs and targets side by side,
 * as a device can keep them and pick from them by itself.
 */
import type { Schedule } from './schedule.ts';

/** Buffers that a batch goes into, in the schedule's order: which, and words of one row. Left out is what the page sorts by class (see `bucket`), and what has no rows. */
export function linesOf({ buffers }: Pick<Schedule, 'buffers'>): readonly { readonly buffer: number; readonly each: number }[] {
  const sorted = new Set(buffers.flatMap(b => (b.bucket ? [b.name, b.bucket.of] : [])));
  return buffers.flatMap(({ name, role, size }, buffer) => (role === 'input' && !sorted.has(name) && typeof size !== 'number' && size.by.join() === 'rows' ? [{ buffer, each: size.times }] : []));
}
