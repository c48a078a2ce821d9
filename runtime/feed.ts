/**
 * Batches of a data set. Imagine the rows in a new order every epoch, and a window that moves along it: where a backend keeps the
 * rows itself it is told which to pick, elsewhere the batch is gathered here and written.
 */
import { portBuffer, write } from './state.ts';
import type { State } from './state.ts';
import type { Rows } from './tensors.ts';

export interface Feed {
  order(rows: Uint32Array<ArrayBuffer>): void;
  /** Puts rows `first` to `first + count` of the order into the buffers of the inputs and targets. */
  load(first: number, count: number): void;
  free(): void;
}

/** @param batchSize Rows of a batch at most. */
export async function feedOf(s: State, tensors: ReadonlyMap<string, Rows>, batchSize: number): Promise<Feed> {
  const held = await s.backend.hold?.(new Map([...tensors].map(([name, t]) => [portBuffer(s, name), t])));
  // rows of a batch are gathered here, once allocated
  const written = [...tensors].filter(([name]) => !held?.names.has(portBuffer(s, name))).map(([name, t]) => ({ name, t, rows: new Float32Array(t.rows === undefined ? 0 : batchSize * t.each) }));
  let order = new Uint32Array();
  return {
    order(rows) { order = rows; held?.order(rows); },
    load(first, count) {
      held?.pick(first, count);
      for (const { name, t, rows } of written) {
        if (t.rows === undefined) { write(s, name, t.data); continue; }
        for (let r = 0; r < count; r++) { const at = (order[first + r] ?? 0) * t.each; for (let k = 0; k < t.each; k++) rows[r * t.each + k] = t.data[at + k] ?? 0; }
        write(s, name, count === batchSize ? rows : rows.subarray(0, count * t.each));
      }
    },
    free() { held?.free(); },
  };
}
