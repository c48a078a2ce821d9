/**
 * Where everything lies. Imagine one long row of 32-bit words: first the slots that keep their content between calls, at
 * places that no number of rows or samples moves, then the slots that are alive only within a run.
 */
import type { BufferManifest, Size } from './manifest.ts';

/** Buffers of one slot begin at one place; every slot begins at a multiple of four words, so that vectors of four are aligned. */
export interface Layout {
  /** For each buffer of the plan, where it begins, in words. */
  readonly offsets: readonly number[];
  /** Length of the whole arena, in words. */
  readonly words: number;
  /** Length of its first part, which keeps its content: the same for all rows and samples. */
  readonly persistent: number;
}

/** How many elements a size is for this many rows and samples. */
export const countOf = (size: Size, rows: number, samples: number): number =>
  typeof size === 'number' ? size : size.by.reduce((n, by) => n * (by === 'rows' ? rows : samples), size.times);

/** What is known of a buffer here. */
type Laid = Pick<BufferManifest, 'role' | 'size' | 'slot'>;
/** Whether a buffer keeps its content between programs. */
export const keeps = (buffer: Laid): boolean => buffer.role === 'parameter' || buffer.role === 'moment';

/** Lays out a plan for up to this many rows and samples. */
export function layout(plan: { readonly buffers: readonly Laid[] }, rows: number, samples: number): Layout {
  const sizes = new Map<number, number>();
  for (const b of [...plan.buffers.filter(keeps), ...plan.buffers.filter(b => !keeps(b))]) {
    const words = Math.ceil(countOf(b.size, rows, samples) / 4) * 4;
    sizes.set(b.slot, Math.max(sizes.get(b.slot) ?? 0, words));
  }
  // A Map keeps the order of first insertion: persistent slots come first.
  const starts = new Map<number, number>();
  let words = 0;
  for (const [slot, length] of sizes) {
    starts.set(slot, words);
    words += length;
  }
  const lasting = new Set(plan.buffers.filter(keeps).map(b => b.slot));
  const persistent = [...lasting].reduce((n, slot) => n + (sizes.get(slot) ?? 0), 0);
  return { offsets: plan.buffers.map(b => starts.get(b.slot) ?? 0), words, persistent };
}
