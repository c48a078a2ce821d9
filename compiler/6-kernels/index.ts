/**
 * Arithmetic on index expressions. Imagine a sum of `coefficient · atom` kept in a normal form: equal atoms are merged and
 * zero terms dropped, so that the stride of an axis is simply its coefficient, and two equal indices have equal keys.
 */
import type { Atom, Axis, Condition, Expr, Index, Size, Term } from './kernel.ts';

export const zero: Index = { constant: 0, terms: [] };
export const constant = (value: number): Index => ({ constant: value, terms: [] });
export const axisIndex = (name: string): Index => atomIndex({ kind: 'axis', name });
export const valueIndex = (value: Expr): Index => atomIndex({ kind: 'value', value });
const atomIndex = (atom: Atom): Index => ({ constant: 0, terms: [{ coefficient: 1, atom }] });

// ── sizes ─────────────────────────────────────────────────────────────────────────────────────

/** `a · b`. */
export function multiplySizes(a: Size, b: Size): Size {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const [x, y] = [parts(a), parts(b)];
  return size(x.times * y.times, [...x.by, ...y.by]);
}
/** A size in its normal form: a plain number when nothing varies, else `by` sorted. */
export const size = (times: number, by: readonly ('rows' | 'samples')[] = []): Size =>
  by.length === 0 || times === 0 ? times : { times, by: [...by].sort() };
export const parts = (s: Size): Exclude<Size, number> => (typeof s === 'number' ? { times: s, by: [] } : s);
export const sizeOf = (extents: readonly (number | 'rows' | 'samples')[]): Size =>
  extents.reduce<Size>((s, e) => multiplySizes(s, typeof e === 'number' ? e : { times: 1, by: [e] }), 1);
export const showSize = (s: Size): string => (typeof s === 'number' ? String(s) : showDynamic(s));
const showDynamic = (s: Exclude<Size, number>): string => [...(s.times === 1 && s.by.length ? [] : [String(s.times)]), ...s.by].join('*');
/** The number that a size is when the run-time extents are known. */
export const evaluateSize = (s: Size, extents: Readonly<Record<'rows' | 'samples', number>>): number =>
  parts(s).by.reduce((n, d) => n * extents[d], parts(s).times);

// ── sums ──────────────────────────────────────────────────────────────────────────────────────

export function addIndex(a: Index, b: Index): Index {
  if (a.terms.length === 0 && a.constant === 0) return b;
  if (b.terms.length === 0) return b.constant === 0 ? a : { constant: a.constant + b.constant, terms: a.terms };
  return normal(a.constant + b.constant, [...a.terms, ...b.terms]);
}
/** `index · by`. A constant part times a run-time extent becomes a term of the constant atom. */
export function scaleIndex(index: Index, by: Size): Index {
  if (typeof by !== 'number' && index.constant !== 0) {
    const one: Term = { coefficient: multiplySizes(index.constant, by), atom: oneAtom };
    return normal(0, [...index.terms.map(t => ({ ...t, coefficient: multiplySizes(t.coefficient, by) })), one]);
  }
  return by === 0 ? zero : normal(typeof by === 'number' ? index.constant * by : 0, index.terms.map(t => ({ ...t, coefficient: multiplySizes(t.coefficient, by) })));
}
/** The number one as an atom: carries constants that are multiplied by a run-time extent. */
export const oneAtom: Atom = { kind: 'value', value: { kind: 'lit', type: 'u32', value: 1 } };

function normal(constantPart: number, terms: readonly Term[]): Index {
  const [only] = terms;
  if (terms.length === 1 && only) return { constant: constantPart, terms: parts(only.coefficient).times === 0 ? [] : terms };
  const merged = new Map<string, Term>();
  for (const t of terms) {
    const key = termKey(t);
    const seen = merged.get(key);
    merged.set(key, seen ? { ...t, coefficient: size(parts(seen.coefficient).times + parts(t.coefficient).times, parts(t.coefficient).by) } : t);
  }
  const extra = rejoin(merged);
  const kept = [...merged.entries()].filter(([, t]) => parts(t.coefficient).times !== 0).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, t]) => t);
  return { constant: constantPart + extra, terms: kept };
}

/** Where a quotient and a remainder of one index meet again, `c·by·⌊x/by⌋ + c·(x mod by)`, they are `c·x`: a reshape there and back leaves no trace. */
function rejoin(terms: Map<string, Term>): number {
  for (const [key, t] of terms) {
    if (t.atom.kind !== 'mod') continue;
    const { index, by } = t.atom;
    const coefficient = multiplySizes(t.coefficient, by);
    const other = termKey({ coefficient, atom: { kind: 'div', index, by } });
    const quotient = terms.get(other);
    if (!quotient || parts(quotient.coefficient).times !== parts(coefficient).times) continue;
    terms.delete(key);
    terms.delete(other);
    const whole = scaleIndex(index, t.coefficient);
    for (const w of whole.terms) {
      const k = termKey(w);
      const seen = terms.get(k);
      terms.set(k, seen ? { ...w, coefficient: size(parts(seen.coefficient).times + parts(w.coefficient).times, parts(w.coefficient).by) } : w);
    }
    return whole.constant + rejoin(terms);
  }
  return 0;
}
const termKey = (t: Term): string => `${parts(t.coefficient).by.join('*')}|${atomKey(t.atom)}`;

/** Row-major offset of a position in a tensor of the given extents. */
export function offsetOf(position: readonly Index[], extents: readonly (number | 'rows' | 'samples')[]): Index {
  let stride: Size = 1;
  let offset = zero;
  for (let d = extents.length - 1; d >= 0; d--) {
    offset = addIndex(offset, scaleIndex(position[d] ?? zero, stride));
    stride = multiplySizes(stride, sizeOf([extents[d] ?? 1]));
  }
  return offset;
}

// ── division ──────────────────────────────────────────────────────────────────────────────────

/** Largest value of an index whose axes run over literal extents, or undefined when that is not known or it can be negative. */
export function upperBound(index: Index, extentOf: (axis: string) => Axis['extent'] | undefined): number | undefined {
  let bound = index.constant;
  if (bound < 0) return undefined;
  for (const { coefficient, atom } of index.terms) {
    if (typeof coefficient !== 'number' || coefficient < 0) return undefined;
    const top = atomBound(atom, extentOf);
    if (top === undefined) return undefined;
    bound += coefficient * top;
  }
  return bound;
}
function atomBound(atom: Atom, extentOf: (axis: string) => Axis['extent'] | undefined): number | undefined {
  if (atom.kind === 'axis') { const e = extentOf(atom.name); return typeof e === 'number' ? e - 1 : undefined; }
  if (atom.kind === 'mod') return atom.by - 1;
  if (atom.kind === 'div') { const b = upperBound(atom.index, extentOf); return b === undefined ? undefined : Math.floor(b / atom.by); }
  return undefined;
}

/** Whether a condition holds at every position, going by the extents of the axes alone. */
export function alwaysHolds({ index, from, below }: Condition, extentOf: (axis: string) => Axis['extent'] | undefined): boolean {
  const range = rangeOf(index, extentOf);
  return range !== undefined && range[0] >= from && typeof below === 'number' && range[1] < below;
}
/** Whether a condition holds nowhere, going by the extents of the axes alone. */
export function neverHolds({ index, from, below }: Condition, extentOf: (axis: string) => Axis['extent'] | undefined): boolean {
  const range = rangeOf(index, extentOf);
  return range !== undefined && (range[1] < from || (typeof below === 'number' && range[0] >= below));
}
/** Smallest and largest value of an index over literal extents; undefined where that is not known. */
function rangeOf(index: Index, extentOf: (axis: string) => Axis['extent'] | undefined): readonly [number, number] | undefined {
  let [low, high] = [index.constant, index.constant];
  for (const { coefficient, atom } of index.terms) {
    if (typeof coefficient !== 'number') return undefined;
    const range = rangeOfAtom(atom, extentOf);
    if (!range) return undefined;
    const ends = range.map(x => x * coefficient);
    low += Math.min(...ends);
    high += Math.max(...ends);
  }
  return [low, high];
}
function rangeOfAtom(atom: Atom, extentOf: (axis: string) => Axis['extent'] | undefined): readonly [number, number] | undefined {
  if (atom.kind === 'axis') { const e = extentOf(atom.name); return typeof e === 'number' ? [0, e - 1] : undefined; }
  if (atom.kind === 'value') return undefined;
  const inside = rangeOf(atom.index, extentOf);
  if (!inside || inside[0] < 0) return undefined;
  return atom.kind === 'mod' ? [0, Math.min(inside[1], atom.by - 1)] : [Math.floor(inside[0] / atom.by), Math.floor(inside[1] / atom.by)];
}

/** ⌊index / by⌋ and index mod by, simplified: multiples of `by` come out of the division and vanish from the remainder. */
export function divideIndex(index: Index, by: number, extentOf: (axis: string) => Axis['extent'] | undefined): { readonly quotient: Index; readonly remainder: Index } {
  if (by === 1) return { quotient: index, remainder: zero };
  const divisible = (t: Term): boolean => parts(t.coefficient).times % by === 0;
  const whole = Math.floor(index.constant / by);
  const quotient: Index = {
    constant: whole,
    terms: index.terms.filter(divisible).map(t => ({ ...t, coefficient: size(parts(t.coefficient).times / by, parts(t.coefficient).by) })),
  };
  const rest: Index = { constant: index.constant - whole * by, terms: index.terms.filter(t => !divisible(t)) };
  const bound = upperBound(rest, extentOf);
  if (bound !== undefined && bound < by) return { quotient, remainder: rest };
  if (rest.terms.length === 0) return { quotient, remainder: rest };
  return {
    quotient: addIndex(quotient, atomIndex({ kind: 'div', index: rest, by })),
    remainder: atomIndex({ kind: 'mod', index: rest, by }),
  };
}

// ── looking at them ───────────────────────────────────────────────────────────────────────────

/** The stride of an index along an axis: 0 when the axis is absent, undefined when it is inside a division, a remainder or a value. */
export function strideAlong(index: Index, axis: string): Size | undefined {
  let stride: Size = 0;
  for (const { coefficient, atom } of index.terms) {
    if (atom.kind === 'axis') { if (atom.name === axis) { if (stride !== 0) return undefined; stride = coefficient; } } else if (atomUses(atom, axis)) return undefined;
  }
  return stride;
}
export const indexUses = (index: Index, axis: string): boolean => index.terms.some(t => atomUses(t.atom, axis));
const atomUses = (atom: Atom, axis: string): boolean =>
  atom.kind === 'axis' ? atom.name === axis : atom.kind === 'value' ? exprUses(atom.value, axis) : indexUses(atom.index, axis);
export const guardUses = (guard: readonly Condition[] | undefined, axis: string): boolean => guard?.some(c => indexUses(c.index, axis)) ?? false;

/** Whether an expression mentions an axis directly (a `ref` may still depend on it). */
export function exprUses(e: Expr, axis: string): boolean {
  switch (e.kind) {
    case 'lit': case 'ref': case 'scalar': return false;
    case 'index': return indexUses(e.index, axis);
    case 'load': return indexUses(e.offset, axis) || guardUses(e.guard, axis);
    case 'inside': return guardUses(e.guard, axis);
    case 'noise': return indexUses(e.sample, axis) || indexUses(e.element, axis);
    case 'op': return e.args.some(a => exprUses(a, axis));
  }
}

const indexKeys = new WeakMap<Index, string>();
/** Equal indices have equal keys. */
export function indexKey(index: Index): string {
  const known = indexKeys.get(index);
  if (known !== undefined) return known;
  let key = index.constant !== 0 || index.terms.length === 0 ? String(index.constant) : '';
  for (const t of index.terms) key += `${key === '' ? '' : '+'}${showSize(t.coefficient)}·${atomKey(t.atom)}`;
  indexKeys.set(index, key);
  return key;
}
const atomKey = (atom: Atom): string =>
  atom.kind === 'axis' ? atom.name : atom.kind === 'value' ? `<${exprKey(atom.value)}>` : `(${indexKey(atom.index)})${atom.kind === 'div' ? '/' : '%'}${atom.by}`;
export const guardKey = (guard: readonly Condition[] | undefined): string =>
  guard === undefined || guard.length === 0 ? '' : guard.map(c => `${c.from}<=${indexKey(c.index)}<${showSize(c.below)}`).join('&');

const keys = new WeakMap<Expr, string>();
/** Equal expressions have equal keys. */
export function exprKey(e: Expr): string {
  const known = keys.get(e);
  if (known !== undefined) return known;
  const key = makeKey(e);
  keys.set(e, key);
  return key;
}
function makeKey(e: Expr): string {
  switch (e.kind) {
    case 'lit': return `${e.value}${e.type}`;
    case 'ref': return e.name;
    case 'scalar': return `$${e.name}`;
    case 'index': return `#${indexKey(e.index)}`;
    case 'load': return `${e.buffer}[${indexKey(e.offset)}${e.guard ? ` if ${guardKey(e.guard)} else ${e.fill ?? 0}` : ''}]`;
    case 'inside': return `inside(${guardKey(e.guard)})`;
    case 'noise': return `${e.family}(${e.site};${indexKey(e.sample)};${indexKey(e.element)})`;
    case 'op': return `${e.op}(${e.args.map(exprKey).join(',')})`;
  }
}
