/**
 * A kernel cut where a workgroup works together. Imagine the body of a kernel as it reads for one position, with some of its folds
 * marked: those are done by all invocations at once, behind barriers, and everything between two of them is done by each
 * invocation for the positions that it owns. What passes from one piece to the next is kept in variables; values that are
 * cheap to say again (a `let`) are said again.
 */
import type { Axis, Carry, Expr, Fold, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { eachValue, gathered, mapChildren, mapStmts } from '../../6-kernels/map.ts';

/** A value that is kept under a name, for each position. */
export interface Result { readonly name: string; readonly value: Expr }

export type Piece<Together> =
  /** Statements of a position, and what is kept of them. `needs`: names that were kept before. */
  | { readonly kind: 'each'; readonly body: readonly Stmt[]; readonly results: readonly Result[]; readonly needs: readonly string[] }
  /** All invocations go through its turns side by side: its extent is the same for all. */
  | { readonly kind: 'loop'; readonly axis: Axis; readonly body: readonly Piece<Together>[] }
  | { readonly kind: 'together'; readonly what: Together; /** Its results, each with what it starts from where that is kept. */ readonly carries: readonly { readonly name: string; readonly isKept: boolean }[]; readonly needs: readonly string[] };

/** A fold done together, as far as cutting has to know: what it starts from, and names that it refers to. */
export interface Shared { readonly carries: readonly Carry[]; /** What the carries start from when nothing has to be kept: a literal. */ readonly neutral: readonly number[]; readonly needs: readonly string[] }

/** What names stand for. */
export type Lets = ReadonlyMap<string, Expr>;

export interface Pieces<Together> { readonly pieces: readonly Piece<Together>[]; /** All names that are kept. */ readonly kept: readonly string[] }

/**
 * The kernel in pieces; undefined where no fold is done together, or where something would have to be kept that cannot be.
 * @param together What becomes of a fold, given the lets around it and the loops; undefined: it stays as it is.
 */
export function piecesOf<T extends Shared>(kernel: Kernel, together: (fold: Fold, lets: Lets, loops: readonly Axis[]) => T | undefined): Pieces<T> | undefined {
  const written = new Set(kernel.buffers.filter(b => b.access !== 'read').map(b => b.name));
  let [isPossible, isShared] = [true, false];
  const pieces = block(kernel.body, new Map(), []);
  const kept = isPossible && isShared ? keep(pieces) : undefined;
  return kept;

  function block(body: readonly Stmt[], outer: Lets, loops: readonly Axis[], results: readonly Result[] = []): readonly Piece<T>[] {
    const out: Piece<T>[] = [];
    /** Lets of this piece too; those of the pieces before it. */
    const lets = new Map(outer);
    let before: Lets = outer;
    let run: Stmt[] = [];
    const flush = (last: readonly Result[]): void => {
      if (run.length + last.length > 0) out.push({ kind: 'each', body: mapStmts(run, inliner(before)), results: last.map(r => ({ ...r, value: inlined(r.value, before) })), needs: [] });
      before = lasting(lets);
      run = [];
    };
    const starts = (carries: readonly Carry[]): readonly Result[] => carries.map(c => ({ name: c.name, value: c.init }));
    for (const s of body) {
      if (s.kind === 'let') lets.set(s.name, inlined(s.value, lets));
      if (s.kind === 'fold') {
        const what = together(s, lets, loops);
        if (what) {
          isShared = true;
          const isKept = what.carries.map((c, i) => !(c.init.kind === 'lit' && c.init.value === what.neutral[i]));
          flush(starts(what.carries.filter((_, i) => isKept[i])));
          out.push({ kind: 'together', what, carries: what.carries.map((c, i) => ({ name: c.name, isKept: isKept[i] ?? false })), needs: what.needs });
          continue;
        }
      }
      if (isLoop(s) && within(s, lets, loops)) {
        const isFold = s.kind === 'fold';
        if (isFold && (s.bounds || s.carries.some(c => c.type !== 'f32'))) isPossible = false;
        flush(isFold ? starts(s.carries) : []);
        out.push({ kind: 'loop', axis: s.axis, body: block(s.body, lasting(lets), [...loops, s.axis], isFold ? s.carries.map(c => ({ name: c.name, value: c.next })) : []) });
        continue;
      }
      run.push(s);
    }
    flush(results);
    return out;
  }
  /** Whether a fold somewhere inside of this loop is done together. */
  function within(loop: Stmt & { readonly body: readonly Stmt[] }, outer: Lets, loops: readonly Axis[]): boolean {
    const lets = new Map(outer);
    const around = isLoop(loop) ? [...loops, loop.axis] : loops;
    return loop.body.some(s => {
      if (s.kind === 'let') lets.set(s.name, inlined(s.value, lets));
      return (s.kind === 'fold' && together(s, lets, around) !== undefined) || (isLoop(s) && within(s, lets, around));
    });
  }

  /** Adds to each piece what others need of it; undefined where that is no carry, or reads what the kernel writes. */
  function keep(all: readonly Piece<T>[]): Pieces<T> | undefined {
    const kept = new Set<string>();
    const visit = (list: readonly Piece<T>[], f: (p: Exclude<Piece<T>, { kind: 'loop' }>) => void): void => { for (const p of list) if (p.kind === 'loop') visit(p.body, f); else f(p); };
    visit(all, p => { (p.kind === 'each' ? p.results : p.carries).forEach(r => kept.add(r.name)); });
    const wanted = new Set<string>();
    visit(all, p => { (p.kind === 'each' ? freeIn(p.body, p.results.map(r => r.value)) : p.needs).forEach(n => wanted.add(n)); });
    const finish = (list: readonly Piece<T>[]): readonly Piece<T>[] => list.map((p): Piece<T> => {
      if (p.kind === 'loop') return { ...p, body: finish(p.body) };
      if (p.kind === 'together') return p;
      const made = p.body.flatMap(s => (s.kind === 'fold' ? s.carries : [])).filter(c => c.type === 'f32' && wanted.has(c.name)).map((c): Result => ({ name: c.name, value: { kind: 'ref', type: c.type, name: c.name } }));
      made.forEach(r => kept.add(r.name));
      return { ...p, results: [...p.results, ...made], needs: freeIn(p.body, p.results.map(r => r.value)) };
    });
    const pieces = finish(all);
    return [...wanted].every(n => kept.has(n)) ? { pieces, kept: [...kept] } : undefined;
  }

  /** Lets that may be said again in another piece: what is read again must not have been written in between. */
  function lasting(lets: Lets): Lets {
    return new Map([...lets].filter(([, e]) => { for (const b of buffersIn(e)) if (written.has(b)) return false; return true; }));
  }
}

/** Puts what names stand for in their places. */
export function inliner(lets: Lets): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = (e.kind === 'ref' ? lets.get(e.name) : undefined) ?? mapChildren(e, visit);
    done.set(e, made);
    return made;
  };
  return visit;
}
export const inlined = (e: Expr, lets: Lets): Expr => inliner(lets)(e);

const isLoop = (s: Stmt): s is Extract<Stmt, { kind: 'fold' | 'map' }> => s.kind === 'fold' || s.kind === 'map';

/** Names that statements, and values after them, refer to without defining them. */
export function freeIn(body: readonly Stmt[], after: readonly Expr[] = []): readonly string[] {
  const free = new Set<string>();
  const expr = (e: Expr, own: ReadonlySet<string>): void => { for (const name of namesIn(e)) if (!own.has(name)) free.add(name); };
  const walk = (list: readonly Stmt[], outer: ReadonlySet<string>): ReadonlySet<string> => {
    const own = new Set(outer);
    for (const s of list) {
      switch (s.kind) {
        case 'let': expr(s.value, own); own.add(s.name); break;
        case 'store': expr(s.value, own); eachValue(s.offset, v => { expr(v, own); }); break;
        case 'map': walk(s.body, own); break;
        case 'fold': {
          [...s.carries.map(c => c.init), ...(s.bounds ?? [])].forEach(e => { expr(e, own); });
          s.carries.forEach(c => own.add(c.name));
          const inside = walk(s.body, own);
          s.carries.forEach(c => { expr(c.next, inside); });
        }
      }
    }
    return own;
  };
  const own = walk(body, new Set());
  after.forEach(e => { expr(e, own); });
  return [...free];
}

const none: ReadonlySet<string> = new Set();
/** Names that an expression refers to. */
export const namesIn = gathered(e => (e.kind === 'ref' ? new Set([e.name]) : none));
/** Buffers that an expression reads. */
export const buffersIn = gathered(e => (e.kind === 'load' ? new Set([e.buffer]) : none));
