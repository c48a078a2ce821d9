/**
 * What the kernel form promises, checked: after this a target may trust names, types, places and folds. Imagine walking the
 * kernel as it runs, with the axes and values that are known at each point, and asking of every statement whether two
 * positions could disturb each other and whether a read could fall in front of its buffer.
 */
import { InternalError } from '../diagnostics.ts';
import type { ScalarType } from '../ops/names.ts';
import { ops } from '../ops/table.ts';
import { heldInside } from './bounds.ts';
import { addIndex, constant, evaluateSize, indexKey, parts, scaleIndex, showSize, strideAlong, zero } from './index.ts';
import type { Atom, Axis, BufferUse, Condition, Dynamic, Expr, Fold, Index, Kernel, Stmt } from './kernel.ts';
import { childrenOf } from './map.ts';

/** An axis around a statement, from the outside in; those of the grid have no loop. */
type Around = Axis & { readonly loop?: Extract<Stmt, { readonly axis: Axis }> };
/** What is known at a point (`held`: by the bounds of folds around it), and the expressions that have been found right there. */
interface Scope { readonly names: Map<string, ScalarType>; readonly axes: readonly Around[]; readonly held: readonly Condition[]; readonly seen: Set<Expr> }
/** A load or a store of an updated buffer: where, at which elements in all turns of the loops, and in which outermost loop. */
interface Touch { readonly key: string; readonly offset: Index; readonly elements: string; readonly loop: Stmt | undefined; readonly stores: boolean }
type Extents = Readonly<Record<Dynamic, number>>;

/** Offsets are multilinear in the live extents: what holds at these corners holds between them. */
const corners: readonly Extents[] = [1, 2 ** 20].flatMap(rows => [1, 2 ** 20].map(samples => ({ rows, samples })));

/** Throws an InternalError that names the kernel and the rule it breaks. */
export function verifyKernel(kernel: Kernel): void {
  const fail = (text: string): never => { throw new InternalError('verify', `kernel ${kernel.name}: ${text}`); };
  const rule = (ok: boolean, text: string): void => { if (!ok) fail(text); };
  const buffers = new Map(kernel.buffers.map(b => [b.name, b] as const));
  const touched = new Map<string, Touch[]>();
  const stored = new Set<string>();
  rule(buffers.size === kernel.buffers.length, 'a buffer is declared twice');
  block(kernel.body, kernel.axes.reduce<Scope>(inside, { names: new Map(), axes: [], held: [], seen: new Set() }));

  function block(body: readonly Stmt[], s: Scope): void {
    for (const stmt of body) {
      switch (stmt.kind) {
        case 'let': expr(stmt.value, s); define(s, stmt.name, stmt.value.type); break;
        case 'map': block(stmt.body, inside(s, { ...stmt.axis, loop: stmt })); break;
        case 'fold': fold(stmt, s); break;
        case 'store': store(stmt, s); break;
      }
    }
  }
  function inside(s: Scope, axis: Around): Scope {
    rule(!isKnown(s, axis.name), `axis ${axis.name} has the name of something around it`);
    rule(typeof axis.extent !== 'number' || (Number.isInteger(axis.extent) && axis.extent >= 0), `axis ${axis.name} has extent ${axis.extent}`);
    return { names: new Map(s.names), axes: [...s.axes, axis], held: axis.loop?.kind === 'fold' ? [...s.held, ...heldInside(axis.loop)] : s.held, seen: new Set() };
  }
  function isKnown(s: Scope, name: string): boolean { return s.names.has(name) || s.axes.some(a => a.name === name); }
  function define(s: Scope, name: string, type: ScalarType): void {
    rule(!isKnown(s, name), `${name} is defined twice`);
    s.names.set(name, type);
  }

  function fold(f: Fold, s: Scope): void {
    f.bounds?.forEach(b => { expr(b, s); rule(b.type === 'u32', `a bound of fold ${f.axis.name} is ${b.type}`); });
    for (const c of f.carries) { expr(c.init, s); rule(c.init.type === c.type && c.next.type === c.type, `carry ${c.name} is ${c.type}, starts as ${c.init.type} and goes on as ${c.next.type}`); }
    // after the loop the carries are names of the scope around it
    for (const c of f.carries) define(s, c.name, c.type);
    const within = inside(s, { ...f.axis, loop: f });
    block(f.body, within);
    f.carries.forEach(c => expr(c.next, within));
    if (f.combine) combines(f, f.combine);
    for (const name of Object.values(f.contraction ?? {}).flat()) rule(s.axes.some(a => a.name === name && a.loop?.kind !== 'fold'), `fold ${f.axis.name} contracts for ${name}, which is no axis around it`);
  }
  /** A fold that may be cut: each carry only joins with what no carry has a part in. */
  function combines(f: Fold, how: NonNullable<Fold['combine']>): void {
    const carried = new Set(f.carries.map(c => c.name));
    const depends = (e: Expr): boolean => (e.kind === 'ref' ? carried.has(e.name) : childrenOf(e).some(depends));
    const follow = (body: readonly Stmt[]): void => body.forEach(s => {
      if (s.kind === 'map' || s.kind === 'fold') follow(s.body);
      if (s.kind === 'fold') s.carries.filter(c => depends(c.init) || depends(c.next)).forEach(c => carried.add(c.name));
      if (s.kind === 'let' && depends(s.value)) carried.add(s.name);
      rule(s.kind !== 'store' || !depends(s.value), `fold ${f.axis.name} can be cut, but stores what it carries`);
    });
    follow(f.body);
    rule(how.length === f.carries.length, `fold ${f.axis.name} has ${f.carries.length} carries and ${how.length} ways to combine`);
    f.carries.forEach((c, i) => {
      const args = c.next.kind === 'op' && c.next.op === how[i] ? c.next.args : [];
      const others = args.filter(a => !(a.kind === 'ref' && a.name === c.name));
      rule(args.length === 2 && others.length === 1 && !others.some(depends), `carry ${c.name} is not ${c.name} ${how[i]} something without a carry`);
    });
  }

  function store(x: Extract<Stmt, { kind: 'store' }>, s: Scope): void {
    expr(x.value, s);
    place(x.offset, [], s, `the store to ${x.buffer}`);
    const b = use(x.buffer, x.value.type, 'stored');
    rule(b.access !== 'read', `${x.buffer} is only read, but stored`);
    touch(b, x.offset, s, true);
    const key = `${x.buffer} ${indexKey(x.offset)} ${s.axes.map(a => `${a.name}<${a.extent}`).join()}`;
    rule(!stored.has(key), `${x.buffer} is stored twice at ${indexKey(x.offset)}`);
    stored.add(key);
    // ragged rows may be disjoint whatever the strides, and loaded places are anybody's guess
    if (s.axes.some(a => a.loop?.kind === 'fold' && a.loop.bounds) || x.offset.terms.some(t => !isAffine(t.atom))) return;
    for (const at of corners) rule(isInjective(x.offset, s.axes, at), `two positions store the same element of ${x.buffer}`);
  }
  /**
   * No position sees another's write, and no turn of a loop another's: an updated buffer is loaded where it is stored, in another loop
   * of the same position at elements that this position stores, or at others that no position shares with this one.
   */
  function touch(b: BufferUse, offset: Index, s: Scope, stores: boolean): void {
    if (b.access !== 'update') return;
    const loops = new Map(s.axes.filter(a => a.loop).map(a => [a.name, `<${a.extent}`] as const));
    const elements = [...offset.terms.map(t => `${showSize(t.coefficient)} ${(t.atom.kind === 'axis' ? loops.get(t.atom.name) : undefined) ?? atomKey(t.atom)}`), String(offset.constant)].sort().join('+');
    const here: Touch = { key: indexKey(offset), offset, elements, loop: s.axes.find(a => a.loop)?.loop, stores };
    const all = touched.get(b.name) ?? [];
    for (const other of all) {
      const apart = (kernel.axes.length === 0 || other.elements === elements) && (other.loop !== here.loop || here.loop === undefined);
      const meets = (): boolean => here.loop !== undefined || other.loop !== undefined || !corners.every(at => neverMeet(offset, other.offset, s.axes, at));
      rule(other.key === here.key || apart || !(other.stores || stores) || !meets(), `${b.name} is updated, but touched at ${other.key} and at ${here.key}`);
    }
    touched.set(b.name, [...all, here]);
  }
  function use(name: string, type: ScalarType, how: string): BufferUse {
    const b = buffers.get(name) ?? fail(`buffer ${name} is not declared`);
    rule(b.type === type, `${name} holds ${b.type}, but ${type} is ${how}`);
    return b;
  }

  function expr(e: Expr, s: Scope): void {
    if (s.seen.has(e)) return;
    s.seen.add(e);
    childrenOf(e).forEach(c => expr(c, s));
    switch (e.kind) {
      case 'lit': rule(e.type === 'f32' || (Number.isInteger(e.value) && e.value >= 0 && e.value < (e.type === 'bool' ? 2 : 2 ** 32)), `${e.value} is no ${e.type}`); break;
      case 'ref': rule(s.names.get(e.name) === e.type, `${e.name}, read as ${e.type}, is ${s.names.get(e.name) ?? 'not known here'}`); break;
      case 'scalar': break;
      case 'index': known(e.index, s); break;
      case 'inside': e.guard.forEach(c => place(c.index, e.guard, s, 'a condition', -Infinity)); break;
      case 'noise': [e.sample, e.element].forEach(i => known(i, s)); break;
      case 'load': {
        const [b, guard] = [use(e.buffer, e.type, 'loaded'), e.guard ?? []];
        rule(b.access !== 'write', `${e.buffer} is only written, but loaded`);
        guard.forEach(c => place(c.index, guard, s, `a guard of ${e.buffer}`, -Infinity));
        place(e.offset, guard, s, `a load of ${e.buffer}`);
        touch(b, e.offset, s, false);
        break;
      }
      case 'op': {
        const [{ args, result }, by] = [ops[e.op], e.args[1]];
        const fits = args.length === e.args.length && e.args.every((a, i) => a.type === (args[i] === 'T' ? e.type : args[i])) && (result === 'same' || result === e.type);
        if (!fits) fail(`${e.op}(${e.args.map(a => a.type).join()}) gives no ${e.type}`);
        rule(!/^[ui]sh/.test(e.op) || (by?.kind === 'lit' && by.value < 32), `${e.op} by what is no literal below 32`);
      }
    }
  }
  /** An index used where the guard holds: what it divides is not negative, and it is at least `from` itself. Texts are made when they are needed: there are many indices. */
  function place(index: Index, guard: readonly Condition[], s: Scope, what: string, from = 0): void {
    known(index, s);
    const holds = s.held.length > 0 ? [...guard, ...s.held] : guard;
    for (const at of corners) {
      for (const part of divided(index)) if (least(part, holds, s.axes, at) < 0) fail(`${what} divides ${indexKey(part)}, which may be negative`);
      if (least(index, holds, s.axes, at) < from) fail(`${what} is at ${indexKey(index)}, which may be negative`);
    }
  }
  /** Whole numbers of axes that are around it, and of u32 values. */
  function known(index: Index, s: Scope): void {
    for (const { atom: a, coefficient } of index.terms) {
      if (!Number.isInteger(parts(coefficient).times) || !Number.isInteger(index.constant)) fail(`${indexKey(index)} is not whole`);
      if (a.kind === 'axis') { if (!s.axes.some(x => x.name === a.name)) fail(`axis ${a.name} is not known here`); }
      else if (a.kind === 'value') { expr(a.value, s); rule(a.value.type === 'u32', `an index is ${a.value.type}`); }
      else { rule(Number.isInteger(a.by) && a.by > 0, `a division by ${a.by}`); known(a.index, s); }
    }
  }
}

const divided = (index: Index): readonly Index[] => index.terms.flatMap(({ atom: a }) => (a.kind === 'div' || a.kind === 'mod' ? [a.index, ...divided(a.index)] : []));
/** Whether it is an axis, or the same at all positions. */
const isAffine = (a: Atom): boolean => a.kind === 'axis' || (a.kind === 'value' && (a.value.kind === 'lit' || a.value.kind === 'scalar'));
const extentOf = (a: Axis | undefined, at: Extents): number => (a === undefined ? Infinity : typeof a.extent === 'number' ? a.extent : at[a.extent]);
const atomKey = (atom: Atom): string => indexKey({ constant: 0, terms: [{ coefficient: 1, atom }] });

/** Whether an affine offset differs at all positions: as in a number of mixed radix, each stride steps over all that the smaller ones reach. */
function isInjective(offset: Index, axes: readonly Axis[], at: Extents): boolean {
  const strides = axes.map(a => ({ stride: Math.abs(evaluateSize(strideAlong(offset, a.name) ?? 0, at)), turns: extentOf(a, at) }));
  let reach = 1;
  return strides.filter(x => x.turns > 1).sort((a, b) => a.stride - b.stride).every(({ stride, turns }) => {
    const steps = stride >= reach;
    reach += stride * (turns - 1);
    return steps;
  });
}

/** Whether offsets that are a constant apart are never the same element, whatever the two positions: no steps along the axes add up to what is between them. */
function neverMeet(a: Index, b: Index, axes: readonly Axis[], at: Extents): boolean {
  const between = addIndex(b, scaleIndex(a, -1));
  if (between.terms.length > 0 || !a.terms.every(t => isAffine(t.atom))) return false;
  const strides = axes.map(x => ({ stride: Math.abs(evaluateSize(strideAlong(a, x.name) ?? 0, at)), turns: extentOf(x, at) })).filter(x => x.turns > 1 && x.stride > 0).sort((x, y) => x.stride - y.stride);
  const reach = (count: number): number => strides.slice(0, count).reduce((n, { stride, turns }) => n + stride * (turns - 1), 0);
  /** Whether steps along so many of the smallest strides can add up to a distance. */
  const adds = (distance: number, count: number): boolean => {
    const last = strides[count - 1];
    if (!last) return distance === 0;
    const rest = reach(count - 1);
    const [from, to] = [Math.max(Math.ceil((distance - rest) / last.stride), 1 - last.turns), Math.min(Math.floor((distance + rest) / last.stride), last.turns - 1)];
    if (to - from > 2) return true; // strides that hardly step over each other are not looked into
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => adds(distance - (from + i) * last.stride, count - 1)).includes(true);
  };
  return !adds(between.constant, strides.length);
}

/** A bound below an index where the guard holds: multiples of guarded indices are taken out of it, as large as their `from`. */
function least(index: Index, guard: readonly Condition[], axes: readonly Axis[], at: Extents): number {
  const range = (a: Atom): readonly [number, number] => {
    if (a.kind === 'axis') return [0, extentOf(axes.find(x => x.name === a.name), at) - 1];
    if (a.kind === 'value' && a.value.kind === 'lit') return [a.value.value, a.value.value];
    return [0, a.kind === 'mod' ? a.by - 1 : Infinity];
  };
  const number = (i: Index): Index => i.terms.reduce((sum, t) => addIndex(sum, { constant: 0, terms: [{ coefficient: evaluateSize(t.coefficient, at), atom: t.atom }] }), constant(i.constant));
  const timesOf = (a: Atom, i: Index): number => evaluateSize(i.terms.find(t => atomKey(t.atom) === atomKey(a))?.coefficient ?? 0, at);
  const bound = (i: Index): number => i.terms.reduce((n, { atom, coefficient }) => { const times = evaluateSize(coefficient, at); return n + times * range(atom)[times > 0 ? 0 : 1]; }, i.constant);
  /** Which conditions are of use is found by trying: there are few. */
  const search = (rest: Index, from: number): number => {
    let best = bound(rest);
    for (let i = from; best < 0 && i < guard.length; i++) {
      const taken = number(guard[i]?.index ?? zero);
      const times = taken.terms.map(t => timesOf(t.atom, rest) / evaluateSize(t.coefficient, at)).find(n => n > 0 && Number.isInteger(n));
      if (times !== undefined) best = Math.max(best, search(addIndex(rest, addIndex(scaleIndex(taken, -times), constant(times * (guard[i]?.from ?? 0)))), i + 1));
    }
    return best;
  };
  const unguarded = bound(index);
  return unguarded >= 0 || guard.length === 0 ? unguarded : search(number(index), 0);
}
