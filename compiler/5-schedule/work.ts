/** Pieces of a program with what they read and write in memory, and the order in which all of them see the right values. */
import type { Step } from './schedule.ts';

/** One kernel, or a loop with everything around it. `needs`: pieces that must have run. */
export interface Work { readonly steps: readonly Step[]; readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string>; readonly needs: readonly Work[] }

/**
 * The pieces in an order where what is needed comes first, and a buffer of `persistent` is written after every other piece
 * has read it. Undefined, and the pieces on a cycle, when there is none.
 */
export function order(pieces: readonly Work[], persistent: ReadonlySet<string>): { readonly ordered: readonly Work[] } | { readonly cycle: readonly Work[] } {
  const readers = new Map<string, Work[]>();
  for (const w of pieces) for (const r of w.reads) if (persistent.has(r)) readers.set(r, [...(readers.get(r) ?? []), w]);
  const before = new Map(pieces.map(w => [w, new Set([...w.needs, ...[...w.writes].flatMap(b => readers.get(b) ?? [])].filter(x => x !== w))]));
  const ordered: Work[] = [];
  const done = new Set<Work>();
  let waiting = [...pieces];
  while (waiting.length > 0) {
    const ready = waiting.filter(w => [...(before.get(w) ?? [])].every(x => done.has(x)));
    if (ready.length === 0) return { cycle: waiting };
    // one at a time in the given order keeps a value's maker and its reader together
    const next = new Set(ready);
    waiting = waiting.filter(w => !next.has(w));
    ready.forEach(w => { ordered.push(w); done.add(w); });
  }
  return { ordered };
}
