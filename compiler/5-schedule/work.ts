/** Pieces of a program with what they read and write in memory, and the order in which all of them see the right values. */
import type { Step } from './schedule.ts';

/** One kernel, or a loop with everything around it. `needs`: pieces that must have run. */
export interface Work { readonly steps: readonly Step[]; readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string>; readonly needs: readonly Work[] }

/**
 * The pieces in an order where what is needed comes first, and a buffer of `persistent` is written after every other piece
 * has read it. Undefined, and the pieces on a cycle, when there is none. @param eager What writes to `persistent` alone comes as soon
 * as it can, since what it reads may then go; the rest in the given order.
 */
export function order(pieces: readonly Work[], persistent: ReadonlySet<string>, eager = false): { readonly ordered: readonly Work[] } | { readonly cycle: readonly Work[] } {
  const readers = new Map<string, Work[]>();
  for (const w of pieces) for (const r of w.reads) if (persistent.has(r)) { const list = readers.get(r); if (list) list.push(w); else readers.set(r, [w]); }
  const before = new Map(pieces.map(w => [w, new Set([...w.needs, ...[...w.writes].flatMap(b => readers.get(b) ?? [])].filter(x => x !== w))]));
  const after = new Map<Work, Work[]>();
  const missing = new Map<Work, number>();
  for (const [w, needs] of before) {
    missing.set(w, needs.size);
    for (const x of needs) { const list = after.get(x); if (list) list.push(w); else after.set(x, [w]); }
  }
  const at = new Map(pieces.map((w, i) => [w, i] as const));
  const ordered: Work[] = [];
  const done = new Set<Work>();
  const ends = (w: Work): boolean => [...w.writes].every(b => persistent.has(b));
  for (let ready = pieces.filter(w => missing.get(w) === 0); ready.length > 0;) {
    const now = eager ? [ready.find(ends) ?? ready[0]].flatMap(w => w ?? []) : ready;
    const next: Work[] = eager ? ready.filter(w => !now.includes(w)) : [];
    for (const w of now) {
      ordered.push(w);
      done.add(w);
      for (const x of after.get(w) ?? []) {
        const left = (missing.get(x) ?? 0) - 1;
        missing.set(x, left);
        if (left === 0) next.push(x);
      }
    }
    // the given order keeps a value's maker and its reader together
    ready = next.sort((x, y) => (at.get(x) ?? 0) - (at.get(y) ?? 0));
  }
  return ordered.length === pieces.length ? { ordered } : { cycle: pieces.filter(w => !done.has(w)) };
}
