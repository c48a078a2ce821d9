/**
 * Loops that run only where there is something to add. Imagine a window that hangs over the upper border: the sum over its
 * rows starts at the first row that is inside, instead of asking at each of them. A condition outside of which all that a fold
 * adds is zero, on the folded axis and axes around it, becomes the fold's bounds.
 */
import { clamped } from '../6-kernels/bounds.ts';
import { addIndex, axisIndex, constant, guardKey, scaleIndex, strideAlong } from '../6-kernels/index.ts';
import type { Condition, Expr, Fold, Kernel, Stmt } from '../6-kernels/kernel.ts';
import { mapStmts, partsOf, upwards } from '../6-kernels/map.ts';

/** What each name is zero outside of. */
type Zeros = ReadonlyMap<string, readonly Condition[]>;

export function boundFolds(kernel: Kernel): Kernel {
  if (!kernel.body.some(hasGuardedFold)) return kernel;
  // neighbours along the innermost axis are computed side by side: their loops run equally far
  return { ...kernel, body: block(kernel.body, new Set(kernel.axes.slice(0, -1).map(a => a.name)), new Map()) };
}

function block(body: readonly Stmt[], around: ReadonlySet<string>, outer: Zeros): readonly Stmt[] {
  const zeros = new Map(outer);
  return body.map((s): Stmt => {
    note(s, zeros);
    if (s.kind !== 'fold') return s;
    const made = bounded(s, around, zeros);
    return { ...made, body: block(made.body, new Set([...around, s.axis.name]), zeros) };
  });
}

function bounded(f: Fold, around: ReadonlySet<string>, outer: Zeros): Fold {
  const extent = f.axis.extent;
  if (f.bounds || typeof extent !== 'number' || f.combine?.some(c => c !== 'add') !== false) return f;
  const held = addedOutside(f, outer).find(c => isLine(c, f.axis.name, around));
  if (!held) return f;
  // from <= rest ± k < below
  const step = strideAlong(held.index, f.axis.name) === 1 ? 1 : -1;
  const rest = scaleIndex(addIndex(held.index, scaleIndex(axisIndex(f.axis.name), -step)), -step);
  const below = Number(held.below);
  const [first, end] = step === 1 ? [addIndex(rest, constant(held.from)), addIndex(rest, constant(below))] : [addIndex(rest, constant(1 - below)), addIndex(rest, constant(1 - held.from))];
  const carries = f.carries.map(c => ({ ...c, next: assume(held)(c.next) }));
  return { ...f, bounds: [clamped(first, extent), clamped(end, extent)], carries, body: mapStmts(f.body, assume(held)) };
}

/** Whether a condition is one on ±k and axes around the fold alone, at literal places. */
const isLine = (c: Condition, axis: string, around: ReadonlySet<string>): boolean =>
  typeof c.below === 'number' && Math.abs(Number(strideAlong(c.index, axis))) === 1 &&
  c.index.terms.every(t => typeof t.coefficient === 'number' && t.atom.kind === 'axis' && (t.atom.name === axis || around.has(t.atom.name)));

/** The expression where a condition is known to hold. */
function assume(held: Condition): (e: Expr) => Expr {
  const key = guardKey([held]);
  const left = (guard: readonly Condition[]): readonly Condition[] => guard.filter(c => guardKey([c]) !== key);
  return upwards(e => {
    if (e.kind === 'inside') return { ...e, guard: left(e.guard) };
    if (e.kind === 'op' && e.op === 'select' && e.args[0]?.kind === 'inside' && e.args[0].guard.length === 0) return e.args[1] ?? e;
    if (e.kind !== 'load' || !e.guard) return e;
    const { guard, fill, ...plain } = e;
    const rest = left(guard);
    return rest.length > 0 ? { ...plain, guard: rest, ...(fill === undefined ? {} : { fill }) } : plain;
  });
}

// ── where things are zero ─────────────────────────────────────────────────────────────────────

/** Conditions outside of which all that a fold adds to its carries is zero. */
function addedOutside(f: Fold, outer: Zeros): readonly Condition[] {
  const zeros = new Map(outer);
  f.body.forEach(s => { note(s, zeros); });
  return f.carries.map(c => {
    const added = c.next.kind === 'op' && c.next.op === 'add' && c.init.kind === 'lit' && c.init.value === 0 ? c.next.args.find(a => a.kind !== 'ref' || a.name !== c.name) : undefined;
    return added ? zeroOutside(added, zeros) : [];
  }).reduce(both);
}
function note(s: Stmt, zeros: Map<string, readonly Condition[]>): void {
  if (s.kind === 'let') zeros.set(s.name, zeroOutside(s.value, zeros));
  if (s.kind !== 'fold' || s.combine?.some(c => c !== 'add') !== false) return;
  const all = addedOutside(s, zeros).filter(c => strideAlong(c.index, s.axis.name) === 0);
  s.carries.forEach(c => { zeros.set(c.name, all); });
}
/** @param known What was found of parts. */
function zeroOutside(e: Expr, zeros: Zeros, known = new Map<Expr, readonly Condition[]>()): readonly Condition[] {
  const made = known.get(e) ?? zerosOf(e, zeros, known);
  known.set(e, made);
  return made;
}
function zerosOf(e: Expr, zeros: Zeros, known: Map<Expr, readonly Condition[]>): readonly Condition[] {
  if (e.kind === 'ref') return zeros.get(e.name) ?? [];
  if (e.kind === 'load') return e.fill === undefined || e.fill === 0 ? e.guard ?? [] : [];
  if (e.kind !== 'op') return [];
  const of = e.args.map(a => zeroOutside(a, zeros, known));
  switch (e.op) {
    case 'mul': return [...new Set(of.flat())];
    case 'neg': return of[0] ?? [];
    case 'add': case 'sub': return of.reduce(both);
    case 'select': {
      const [where, , no] = e.args;
      return where?.kind === 'inside' && no?.kind === 'lit' && no.value === 0 ? [...where.guard, ...of[1] ?? []] : [];
    }
    default: return [];
  }
}
const both = (a: readonly Condition[], b: readonly Condition[]): readonly Condition[] => a.filter(c => b.some(d => guardKey([c]) === guardKey([d])));

function hasGuardedFold(s: Stmt): boolean {
  if (s.kind !== 'fold') return false;
  const isGuarded = (e: Expr): boolean => [...partsOf(e)].some(x => x.kind === 'load' && (x.guard?.length ?? 0) > 0);
  return s.body.some(x => hasGuardedFold(x) || (x.kind === 'let' && isGuarded(x.value))) || s.carries.some(c => isGuarded(c.next));
}
