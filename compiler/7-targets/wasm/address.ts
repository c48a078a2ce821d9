/**
 * Where an element lies. Imagine a pointer for each buffer and each level of loops: it is set before the loop, moves on with
 * each turn, and elements near it are reached by a literal offset in the instruction.
 */
import { InternalError } from '../../diagnostics.ts';
import { parts, showSize, indexKey, multiplySizes, strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Index, Size, Term } from '../../6-kernels/kernel.ts';
import { cached, get, needsOf, newLocal, projection, put, frameAt } from './scope.ts';
import type { Frame, Local, Position, Scope } from './scope.ts';
import type { Node } from './spellings.ts';
import { mine, panelsOf } from './threads.ts';
import { value } from './values.ts';

/** A field of the step record, as it is stored there. */
export function recordField(s: Scope, name: string): Local {
  const { at, type } = s.memory.field(name);
  return cached(s, s.top, `field ${name}`, type === 'u32' ? s.b.i32 : s.b.f32, () =>
    (type === 'u32' ? s.m.i32.load(at, 4, s.m.i32.const(0)) : s.m.f32.load(at, 4, s.m.i32.const(0))));
}
export const extentNode = (s: Scope, extent: Axis['extent']): Node => (typeof extent === 'number' ? s.m.i32.const(extent) : get(s, recordField(s, extent)));

/** A size as an i32; what varies is computed once. */
export function sizeNode(s: Scope, size: Size): Node {
  if (typeof size === 'number') return s.m.i32.const(size);
  const { times, by } = size;
  return get(s, cached(s, s.top, `size ${showSize(size)}`, s.b.i32, () =>
    by.reduce((n, d) => (n === undefined ? extentNode(s, d) : s.m.i32.mul(n, extentNode(s, d))), times === 1 ? undefined : s.m.i32.const(times)) ?? s.m.i32.const(times)));
}

// ── indices as numbers ────────────────────────────────────────────────────────────────────────

/** Offset of an axis at a position: the literal part of where it stands. */
const literalAt = (s: Scope, axis: string, p: Position): number => (p.offsets.get(axis) ?? 0) + (s.axes.get(axis)?.base ?? 0);

/** A coefficient times a node. */
function times(s: Scope, coefficient: Size, x: Node): Node {
  if (coefficient === 1) return x;
  if (typeof coefficient === 'number' && coefficient > 0 && Number.isInteger(Math.log2(coefficient))) return s.m.i32.shl(x, s.m.i32.const(Math.log2(coefficient)));
  return s.m.i32.mul(x, sizeNode(s, coefficient));
}

/** The value of one index at one position, as an i32; terms that `keep` refuses are left out. */
export function indexNode(s: Scope, index: Index, p: Position, keep: (t: Term) => boolean = () => true): Node {
  let constant = index.constant;
  let sum: Node | undefined;
  const add = (x: Node): void => { sum = sum === undefined ? x : s.m.i32.add(sum, x); };
  for (const t of index.terms) {
    if (!keep(t)) continue;
    if (t.atom.kind !== 'axis') { add(times(s, t.coefficient, atomNode(s, t, p))); continue; }
    const offset = literalAt(s, t.atom.name, p);
    const counter = s.axes.get(t.atom.name)?.counter;
    if (typeof t.coefficient === 'number') constant += t.coefficient * offset;
    else if (offset !== 0) add(sizeNode(s, multiplySizes(t.coefficient, offset)));
    if (counter) add(times(s, t.coefficient, get(s, counter)));
  }
  if (sum === undefined) return s.m.i32.const(constant | 0);
  return constant === 0 ? sum : s.m.i32.add(sum, s.m.i32.const(constant | 0));
}
function atomNode(s: Scope, { atom }: Term, p: Position): Node {
  switch (atom.kind) {
    case 'axis': return fail('an axis is no atom here');
    case 'value': return value(s, atom.value, p);
    case 'div': return isPowerOfTwo(atom.by) ? s.m.i32.shr_s(indexNode(s, atom.index, p), s.m.i32.const(Math.log2(atom.by))) : s.m.i32.div_s(indexNode(s, atom.index, p), s.m.i32.const(atom.by));
    case 'mod': return isPowerOfTwo(atom.by) ? s.m.i32.and(indexNode(s, atom.index, p), s.m.i32.const(atom.by - 1)) : s.m.i32.rem_s(indexNode(s, atom.index, p), s.m.i32.const(atom.by));
  }
}
export const isPowerOfTwo = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));

// ── addresses ─────────────────────────────────────────────────────────────────────────────────

export interface Address { readonly pointer: () => Node; readonly offset: number }

/**
 * Where element `index` of a buffer is. An instruction adds pointer and offset without wrapping, so what may be negative on
 * its way (behind a guard, or walking backwards) goes into the pointer, whose arithmetic wraps.
 */
export function address(s: Scope, buffer: string, index: Index, p: Position, guarded: boolean): Address {
  let offset = 0;
  const extra: Size[] = [];
  const panel = s.panelPlaces.get(buffer);
  /** How far apart neighbours along an axis are inside of a tile, and from tile to tile: in a panel its tile's elements lie next to each other. */
  const apart = ({ coefficient, atom }: Term): { readonly inside: Size; readonly between: Size } =>
    (panel && atom.kind === 'axis' && atom.name === panel.axis ? { inside: 1, between: panel.each } : { inside: coefficient, between: coefficient });
  const add = (coefficient: Size, at: number): void => {
    if (at === 0) return;
    if (typeof coefficient === 'number') offset += coefficient * at; else extra.push(multiplySizes(coefficient, at));
  };
  const terms = index.terms.flatMap((t): readonly Term[] => {
    if (t.atom.kind !== 'axis') return [t];
    const { inside, between } = apart(t);
    const place = s.axes.get(t.atom.name);
    add(inside, p.offsets.get(t.atom.name) ?? 0);
    add(between, place?.base ?? 0);
    return place?.counter && between !== 0 ? [{ ...t, coefficient: between }] : [];
  });
  const exact = guarded || index.constant < 0 || index.terms.some(t => parts(t.coefficient).times < 0);
  const pointer = pointerTo(s, { buffer, constant: exact ? index.constant : 0, steps: extra }, terms, p);
  if (!exact) offset += index.constant;
  const wrap = offset < 0 || (guarded && offset !== 0);
  return wrap ? { pointer: () => s.m.i32.add(get(s, pointer), s.m.i32.const(4 * offset)), offset: 0 } : { pointer: () => get(s, pointer), offset: 4 * offset };
}

const termDepth = (s: Scope, t: Term): number => (t.atom.kind === 'axis' ? s.axes.get(t.atom.name)?.frame.depth ?? 0 : needsOf(s, { kind: 'index', type: 'u32', index: { constant: 0, terms: [t] } }).depth);
const termsDepth = (s: Scope, terms: readonly Term[]): number => terms.reduce((d, t) => Math.max(d, termDepth(s, t)), 0);
/** The one term of a frame, if it is the frame's own axis and the frame steps evenly. */
const movingTerm = (frame: Frame, own: readonly Term[]): Term | undefined =>
  (own.length === 1 && own[0]?.atom.kind === 'axis' && own[0].atom.name === frame.axis?.name && frame.axis.step !== undefined && frame.parent ? own[0] : undefined);

/** Where a pointer starts from: `constant` elements, and steps that are known at run time only, into a buffer. */
interface Origin { readonly buffer: string; readonly constant: number; readonly steps: readonly Size[] }

/** The address of an origin plus these terms, with what the loops around have of it already. */
function pointerTo(s: Scope, origin: Origin, terms: readonly Term[], p: Position): Local {
  const depth = termsDepth(s, terms);
  const frame = frameAt(s, depth);
  const own = terms.filter(t => termDepth(s, t) === depth);
  const key = `at ${origin.buffer} ${origin.constant} ${origin.steps.map(showSize).join()} ${terms.map(t => termKey(s, t, p)).join()}`;
  const seen = frame.cache.get(key);
  if (seen) return seen;
  if (terms.length === 0) {
    return cached(s, s.top, key, s.b.i32, () => {
      const base = get(s, cached(s, s.top, `base ${origin.buffer}`, s.b.i32, () => baseOf(s, origin.buffer)));
      const start = origin.constant === 0 ? base : s.m.i32.add(base, s.m.i32.const(4 * origin.constant));
      return origin.steps.reduce<Node>((n, x) => s.m.i32.add(n, sizeNode(s, multiplySizes(x, 4))), start);
    });
  }
  const rest = terms.filter(t => !own.includes(t));
  const outer = pointerTo(s, origin, rest, p);
  const moving = movingTerm(frame, own);
  if (moving) return moved(s, frame, key, outer, moving);
  return cached(s, frame, key, s.b.i32, () => own.reduce<Node>((n, t) => s.m.i32.add(n, scaled(s, frame, t, p)), get(s, outer)));
}
/** Where a buffer, or a panel of this kernel's own, begins. */
function baseOf(s: Scope, buffer: string): Node {
  const panel = s.panelPlaces.get(buffer);
  if (!panel) {
    const given = s.given.buffers.get(buffer);
    return given === undefined ? s.m.i32.load(s.memory.bufferWord(buffer), 4, s.m.i32.const(0)) : s.m.local.get(given, s.b.i32);
  }
  return panel.isLiteral ? s.m.i32.add(mine(s.m, s.b, 'scratch'), s.m.i32.const(panel.offset)) : s.m.i32.add(panelsOf(s.m, s.b, s.memory.control), sizeNode(s, { times: panel.offset, by: ['rows', 'samples'] }));
}
/** Bytes of one term; the same for all buffers. */
function scaled(s: Scope, frame: Frame, t: Term, p: Position): Node {
  const bytes = (): Node => times(s, multiplySizes(t.coefficient, 4), t.atom.kind === 'axis' ? get(s, s.axes.get(t.atom.name)?.counter ?? fail('an axis without a loop')) : atomNode(s, t, p));
  if (t.atom.kind === 'axis') return get(s, cached(s, frame, `bytes ${termKey(s, t, p)}`, s.b.i32, bytes));
  return bytes();
}

/** Where a run-time start lies, in bytes; the same for all buffers of that stride. */
const startAt = (s: Scope, frame: Frame, bytes: Size, from: Local): Local => cached(s, frame, `start ${from.index} ${showSize(bytes)}`, s.b.i32, () => times(s, bytes, get(s, from)));

/** A pointer that is set before the loop and moves with its turns. */
function moved(s: Scope, frame: Frame, key: string, outer: Local, t: Term): Local {
  const { axis, parent } = frame;
  if (!axis || axis.step === undefined || !parent) return fail('a pointer that cannot move');
  const l = newLocal(s, s.b.i32);
  const inner = s.frame;
  s.frame = parent;
  const bytes = multiplySizes(t.coefficient, 4);
  const start = axis.from === 0 ? undefined : typeof axis.from === 'number' ? sizeNode(s, multiplySizes(bytes, axis.from)) : get(s, startAt(s, parent, bytes, axis.from));
  put(s, parent, l, start === undefined ? get(s, outer) : s.m.i32.add(get(s, outer), start));
  const step = multiplySizes(t.coefficient, 4 * axis.step);
  const by = sizeNode(s, step);
  s.frame = inner;
  frame.after.push(s.m.local.set(l.index, s.m.i32.add(get(s, l), by)));
  frame.cache.set(key, l);
  return l;
}

function termKey(s: Scope, t: Term, p: Position): string {
  if (t.atom.kind === 'axis') return `${showSize(t.coefficient)}*${t.atom.name}`;
  const plain = `${showSize(t.coefficient)}*${indexKey({ constant: 0, terms: [{ coefficient: 1, atom: t.atom }] })}`;
  const index: Index = { constant: 0, terms: [t] };
  const needs = needsOf(s, { kind: 'index', type: 'u32', index });
  // a name may be bound anew in each turn that is written out
  const bound = [...s.names].filter(([name]) => plain.includes(name)).map(([name, b]) => `${name}=${[...b.locals.values()].map(l => l.index).join('/')}`);
  return `${plain}${projection(p, needs.deps)}${bound.join()}`;
}

/** The stride of an index along an axis in whole elements, where it is a literal. */
export function literalStride(index: Index, axis: string): number | undefined {
  const stride = strideAlong(index, axis);
  return typeof stride === 'number' ? stride : undefined;
}

function fail(message: string): never { throw new InternalError('wasm', message); }
