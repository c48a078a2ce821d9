/**
 * One kernel as a WebAssembly function. Imagine the kernel's body written out for a small tile of grid positions: named
 * values become a few locals each, loads become vector loads, splats or gathers by their stride along the lanes, and each
 * loop keeps a pointer an access that moves by its stride.
 */
import binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import { guardUses, indexUses, parts, showSize, strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Condition, Dynamic, Expr, Fold, Index, Kernel, Size, Stmt, Term } from '../../6-kernels/kernel.ts';
import { childrenOf } from '../../6-kernels/map.ts';
import type { BitOp, CoreOp, ScalarType } from '../../ops/names.ts';
import { laneSpellings, scalarSpellings } from './spell.ts';
import type { Code, Native } from './spell.ts';
import { canLaneFold, chooseTile, variation } from './tile.ts';

/** What a kernel needs to know of the module around it. */
export interface Surroundings {
  /** Address of a field of the record, and of the word that holds a buffer's address. */
  readonly field: (name: string) => { readonly address: number; readonly type: 'u32' | 'f32' };
  readonly buffer: (name: string) => number;
  /** Functions that draw: (site, sample, element) to one f32; and (…, address) to sixteen from a multiple of four on; areas of 64 bytes to leave them in. */
  readonly noise: { readonly one: (family: 'normal' | 'uniform') => string; readonly sixteen: (family: 'normal' | 'uniform') => string; readonly scratch: (area: number) => number };
}

/** How the body is being written out: `lane` has four positions a vector where `lanes` is 4. */
interface Frame { readonly row: string | undefined; readonly rows: number; readonly lane: string | undefined; readonly vectors: number; readonly lanes: 1 | 4 }
/** Locals that hold values computed before, by expression and place in the tile. */
type Memo = Map<Expr, Map<string, number>>;

/** An access pattern: the part of an address that loops keep in a pointer. */
interface Pattern { readonly key: string; readonly buffer: string; readonly axes: ReadonlyMap<string, Size>; readonly fixed: readonly Term[] }

export function addKernel(m: binaryen.Module, kernel: Kernel, name: string, around: Surroundings): void {
  const { i32 } = binaryen;
  const locals: binaryen.Type[] = [];
  const local = (type: binaryen.Type): number => locals.push(type) - 1;
  const get = (at: number, type: binaryen.Type): Code => m.local.get(at, type);
  const varies = variation(kernel);
  const scalar = scalarSpellings(m);
  const vector = laneSpellings(m);
  const positions = new Map<string, number>();
  const sizes = new Map<string, number>();
  const named = new Map<string, Map<string, number>>();
  let pointers = new Map<string, number>();
  let memos: Memo[] = [new Map()];
  /** The area that holds the values of each site drawn here. */
  const drawn = new Map<number, number>();
  let branches = 0;
  let labels = 0;

  const start: Code[] = [];
  const extents = new Map<Dynamic, number>();
  const extent = (d: Dynamic): Code => {
    const known = extents.get(d) ?? local(i32);
    if (!extents.has(d)) { extents.set(d, known); start.push(m.local.set(known, m.i32.load(around.field(d).address, 4, m.i32.const(0)))); }
    return get(known, i32);
  };
  const tile = chooseTile(kernel, varies);
  const body = gridLoops();
  m.addFunction(name, binaryen.none, binaryen.none, locals, m.block(null, [...start, ...body]));

  // ── loops ───────────────────────────────────────────────────────────────────────────────────

  function gridLoops(): Code[] {
    const by = (n: string | undefined): readonly Axis[] => kernel.axes.filter(a => a.name === n);
    const outer = kernel.axes.filter(a => a.name !== tile.row && a.name !== tile.lane);
    const order = [...outer, ...by(tile.row), ...by(tile.lane)];
    pointers = new Map();
    const frame: Frame = { row: tile.row, rows: 1, lane: tile.lane, vectors: 1, lanes: 1 };
    const patterns = patternsOf(kernel.body, []);
    for (const p of patterns) pointers.set(p.key, basePointer(p));
    const go = (i: number, f: Frame): Code[] => {
      const axis = order[i];
      if (!axis) return scoped(() => block(kernel.body, f));
      if (axis.name === tile.row) return tiled(axis, [tile.rows, 1], patterns, step => go(i + 1, { ...f, rows: step }));
      if (axis.name === tile.lane) {
        const steps = [...new Set([4 * tile.vectors, 4, 1])];
        return tiled(axis, steps, patterns, step => go(i + 1, { ...f, vectors: Math.max(1, step / 4), lanes: step >= 4 ? 4 : 1 }));
      }
      return loop(axis, m.i32.const(0), count(axis), 1, patterns, () => go(i + 1, f));
    };
    return go(0, frame);
  }

  /** A loop over an axis in steps of several sizes, largest first, each as far as it goes. */
  function tiled(axis: Axis, steps: readonly number[], patterns: readonly Pattern[], inside: (step: number) => Code[]): Code[] {
    const out: Code[] = [];
    let from: () => Code = () => m.i32.const(0);
    let done = 0;
    for (const step of steps) {
      if (typeof axis.extent === 'number') {
        const to = done + Math.floor((axis.extent - done) / step) * step;
        if (to > done) out.push(...loop(axis, m.i32.const(done), m.i32.const(to), step, patterns, () => inside(step)));
        done = to;
      } else {
        const end = local(i32);
        const whole = count(axis);
        out.push(m.local.set(end, step === 1 ? whole : m.i32.sub(whole, m.i32.rem_u(m.i32.sub(count(axis), from()), m.i32.const(step)))));
        out.push(...loop(axis, from(), get(end, i32), step, patterns, () => inside(step)));
        from = () => get(end, i32);
      }
    }
    return out;
  }

  /** `for (axis = from; axis < to; axis += step)`, with a pointer for every access inside that moves along the axis. */
  function loop(axis: Axis, from: Code, to: Code, step: number, patterns: readonly Pattern[], inside: () => Code[]): Code[] {
    const at = local(i32);
    const end = local(i32);
    const outer = positions.get(axis.name);
    positions.set(axis.name, at);
    const before = pointers;
    const moving = new Map<string, { readonly pointer: number; readonly by: Size; readonly start: number }>();
    pointers = new Map(before);
    for (const p of patterns) {
      const by = p.axes.get(axis.name);
      const old = before.get(p.key);
      if (by === undefined || old === undefined) continue;
      const key = `${old} ${showSize(by)}`;
      const known = moving.get(key) ?? { pointer: local(i32), by, start: old };
      moving.set(key, known);
      pointers.set(p.key, known.pointer);
    }
    const label = `l${labels++}`;
    const setup = [m.local.set(at, from), m.local.set(end, to), ...[...moving.values()].map(v => m.local.set(v.pointer, m.i32.add(get(v.start, i32), m.i32.mul(get(at, i32), bytes(v.by)))))];
    memos = [...memos, new Map()];
    const content = inside();
    memos = memos.slice(0, -1);
    const advance = [...moving.values()].map(v => m.local.set(v.pointer, m.i32.add(get(v.pointer, i32), typeof v.by === 'number' ? m.i32.const(4 * v.by * step) : m.i32.mul(bytes(v.by), m.i32.const(step)))));
    pointers = before;
    if (outer === undefined) positions.delete(axis.name); else positions.set(axis.name, outer);
    return [
      ...setup,
      m.if(m.i32.lt_s(get(at, i32), get(end, i32)), m.loop(label, m.block(null, [
        ...content, ...advance,
        m.local.set(at, m.i32.add(get(at, i32), m.i32.const(step))),
        m.br(label, m.i32.lt_s(get(at, i32), get(end, i32))),
      ]))),
    ];
  }
  function count(axis: Axis): Code { return typeof axis.extent === 'number' ? m.i32.const(axis.extent) : extent(axis.extent); }
  /** 4 · size, computed once for sizes that vary. */
  function bytes(s: Size): Code {
    if (typeof s === 'number') return m.i32.const(4 * s);
    const key = showSize(s);
    const known = sizes.get(key);
    if (known !== undefined) return get(known, i32);
    const at = local(i32);
    const code = s.by.reduce<Code>((c, d) => m.i32.mul(c, extent(d)), m.i32.const(4 * s.times));
    start.push(m.local.set(at, code));
    sizes.set(key, at);
    return get(at, i32);
  }

  // ── addresses ───────────────────────────────────────────────────────────────────────────────

  /** Accesses among some statements. */
  function patternsOf(stmts: readonly Stmt[], exprs: readonly Expr[]): readonly Pattern[] {
    const found = new Map<string, Pattern>();
    const note = (buffer: string, offset: Index): void => { const p = patternOf(buffer, offset); found.set(p.key, p); };
    const seen = new Set<Expr>();
    const visit = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.kind === 'load') note(e.buffer, e.offset);
      childrenOf(e).forEach(visit);
    };
    const stmt = (s: Stmt): void => {
      switch (s.kind) {
        case 'let': visit(s.value); break;
        case 'store': visit(s.value); note(s.buffer, s.offset); visit({ kind: 'index', type: 'u32', index: s.offset }); break;
        case 'map': s.body.forEach(stmt); break;
        case 'fold': s.carries.forEach(c => { visit(c.init); visit(c.next); }); s.bounds?.forEach(visit); s.body.forEach(stmt);
      }
    };
    stmts.forEach(stmt);
    exprs.forEach(visit);
    return [...found.values()];
  }
  function patternOf(buffer: string, offset: Index): Pattern {
    const axes = new Map<string, Size>();
    const fixed: Term[] = [];
    for (const t of offset.terms) {
      if (t.atom.kind === 'axis') axes.set(t.atom.name, t.coefficient);
      else if (isFixed(t)) fixed.push(t);
    }
    const key = `${buffer}|${[...axes].map(([a, s]) => `${a}*${showSize(s)}`).join()}|${fixed.map(t => `${showSize(t.coefficient)}${JSON.stringify(t.atom)}`).join()}`;
    return { key, buffer, axes, fixed };
  }
  /** A field of the record or a literal: the same for the whole kernel. */
  function isFixed(t: Term): boolean { return t.atom.kind === 'value' && (t.atom.value.kind === 'scalar' || t.atom.value.kind === 'lit'); }
  function basePointer(p: Pattern): number {
    const at = local(i32);
    const address = p.fixed.reduce<Code>((a, t) => m.i32.add(a, m.i32.mul(bytes(t.coefficient), t.atom.kind === 'value' ? scalarExpr(t.atom.value) : m.i32.const(0))), m.i32.load(around.buffer(p.buffer), 4, m.i32.const(0)));
    start.push(m.local.set(at, address));
    return at;
  }
  function scalarExpr(e: Expr): Code {
    if (e.kind === 'lit') return e.type === 'f32' ? m.f32.const(e.value) : m.i32.const(e.value | 0);
    if (e.kind !== 'scalar') return fail(`a ${e.kind} where a field of the record belongs`);
    const { address, type } = around.field(e.name);
    return type === 'f32' ? m.f32.load(address, 4, m.i32.const(0)) : m.i32.load(address, 4, m.i32.const(0));
  }

  /** The address of an access for one place of the tile, and what goes into the instruction's immediate. */
  function address(buffer: string, offset: Index, f: Frame, r: number, at: number): { readonly base: Code; readonly immediate: number } {
    const p = patternOf(buffer, offset);
    const pointer = pointers.get(p.key) ?? fail(`no pointer for ${p.key}`);
    let immediate = 4 * offset.constant;
    let base = get(pointer, i32);
    const move = (axis: string | undefined, by: number): void => {
      const s = axis === undefined ? undefined : p.axes.get(axis);
      if (s === undefined || by === 0) return;
      if (typeof s === 'number') immediate += 4 * s * by; else base = m.i32.add(base, m.i32.mul(bytes(s), m.i32.const(by)));
    };
    move(f.row, r);
    move(f.lane, at);
    for (const t of offset.terms) {
      if (t.atom.kind === 'axis' || isFixed(t)) continue;
      base = m.i32.add(base, m.i32.mul(bytes(t.coefficient), atomCode(t, f, r, at)));
    }
    if (immediate < 0) { base = m.i32.add(base, m.i32.const(immediate)); immediate = 0; }
    return { base, immediate };
  }
  function atomCode(t: Term, f: Frame, r: number, at: number): Code {
    switch (t.atom.kind) {
      case 'axis': {
        const position = get(positions.get(t.atom.name) ?? fail(`axis ${t.atom.name} is not bound`), i32);
        const by = (t.atom.name === f.row ? r : 0) + (t.atom.name === f.lane ? at : 0);
        return by === 0 ? position : m.i32.add(position, m.i32.const(by));
      }
      case 'div': return m.i32.div_s(indexCode(t.atom.index, f, r, at), m.i32.const(t.atom.by));
      case 'mod': return m.i32.rem_s(indexCode(t.atom.index, f, r, at), m.i32.const(t.atom.by));
      case 'value': return valueAt(t.atom.value, f, r, at);
    }
  }
  /** An index as an i32, `at` positions along the lanes. */
  function indexCode(index: Index, f: Frame, r: number, at: number): Code {
    return index.terms.reduce<Code>((sum, t) => {
      const atom = atomCode(t, f, r, at);
      const s = parts(t.coefficient);
      const scaled = s.times === 1 && s.by.length === 0 ? atom : m.i32.mul(atom, s.by.length === 0 ? m.i32.const(s.times) : s.by.reduce<Code>((c, d) => m.i32.mul(c, extent(d)), m.i32.const(s.times)));
      return m.i32.add(sum, scaled);
    }, m.i32.const(index.constant));
  }
  /** A u32 value at one position: in lanes it is taken out of its vector. */
  function valueAt(e: Expr, f: Frame, r: number, at: number): Code {
    if (f.lanes === 1) return expr(e, f, r, 0);
    if (f.lane === undefined || !varies(e).has(f.lane)) return expr(e, { ...f, lanes: 1, vectors: 1 }, r, 0);
    return m.i32x4.extract_lane(expr(e, f, r, Math.floor(at / 4)), at % 4);
  }

  // ── statements ──────────────────────────────────────────────────────────────────────────────

  function scoped(inside: () => Code[]): Code[] {
    memos = [...memos, new Map()];
    const out = inside();
    memos = memos.slice(0, -1);
    return out;
  }
  function block(stmts: readonly Stmt[], f: Frame): Code[] {
    return stmts.flatMap((s): Code[] => {
      switch (s.kind) {
        case 'let': return bind(s.name, s.value, f);
        case 'store': return store(s.buffer, s.offset, s.value, f);
        case 'map': return inner(s.axis, s.body, f);
        case 'fold': return fold(s, f);
      }
    });
  }
  function typeOf(type: ScalarType, f: Frame): binaryen.Type { return f.lanes === 4 ? binaryen.v128 : type === 'f32' ? binaryen.f32 : i32; }
  /** Which copy of a value a place of the tile uses. */
  function copyOf(axes: ReadonlySet<string>, f: Frame, r: number, v: number): string {
    return `${f.lanes}${f.row !== undefined && axes.has(f.row) ? r : '-'},${f.lane !== undefined && axes.has(f.lane) ? v : '-'}`;
  }
  function places(axes: ReadonlySet<string>, f: Frame): readonly { readonly r: number; readonly v: number; readonly copy: string }[] {
    const [rows, vectors] = [f.row !== undefined && axes.has(f.row) ? f.rows : 1, f.lane !== undefined && axes.has(f.lane) ? f.vectors : 1];
    return Array.from({ length: rows * vectors }, (_, i) => ({ r: Math.floor(i / vectors), v: i % vectors })).map(p => ({ ...p, copy: copyOf(axes, f, p.r, p.v) }));
  }
  function localOf(nameOfValue: string, copy: string, type: binaryen.Type): number {
    const copies = named.get(nameOfValue) ?? new Map<string, number>();
    named.set(nameOfValue, copies);
    const at = copies.get(copy) ?? local(type);
    copies.set(copy, at);
    return at;
  }
  function bind(nameOfValue: string, value: Expr, f: Frame): Code[] {
    return places(varies(value), f).map(({ r, v, copy }) => m.local.set(localOf(nameOfValue, copy, typeOf(value.type, f)), expr(value, f, r, v)));
  }
  function store(buffer: string, offset: Index, value: Expr, f: Frame): Code[] {
    const stride = f.lane === undefined ? 0 : strideAlong(offset, f.lane);
    return Array.from({ length: f.rows * f.vectors }, (_, i) => i).flatMap((i): Code[] => {
      const [r, v] = [Math.floor(i / f.vectors), i % f.vectors];
      if (f.lanes === 1) {
        const a = address(buffer, offset, f, r, 0);
        return [(value.type === 'f32' ? m.f32 : m.i32).store(a.immediate, 4, a.base, expr(value, f, r, v))];
      }
      if (stride === 1) { const a = address(buffer, offset, f, r, 4 * v); return [m.v128.store(a.immediate, 4, a.base, expr(value, f, r, v))]; }
      const whole = local(binaryen.v128);
      return [m.local.set(whole, expr(value, f, r, v)), ...[0, 1, 2, 3].map(lane => {
        const a = address(buffer, offset, f, r, 4 * v + lane);
        return m.v128.store32_lane(a.immediate, 4, lane, a.base, get(whole, binaryen.v128));
      })];
    });
  }

  /** An inner map: in lanes along its own axis when nothing else is. */
  function inner(axis: Axis, stmts: readonly Stmt[], f: Frame): Code[] {
    const patterns = patternsOf(stmts, []);
    const free = f.lanes === 1 && f.lane === undefined && f.rows === 1 && !stmts.some(s => s.kind !== 'let' && s.kind !== 'store');
    if (!free) return loop(axis, m.i32.const(0), count(axis), 1, patterns, () => block(stmts, f));
    return tiled(axis, [8, 4, 1], patterns, step => scoped(() => block(stmts, { ...f, lane: axis.name, vectors: Math.max(1, step / 4), lanes: step >= 4 ? 4 : 1 })));
  }

  function fold(s: Fold, f: Frame): Code[] {
    const inLanes = f.lanes === 1 && (f.lane === undefined || f.lane === tile.lane) && tile.lane === undefined && canLaneFold(s);
    return inLanes ? laneFold(s, f) : plainFold(s, f, undefined);
  }
  function carryAxes(c: { readonly name: string; readonly type: ScalarType }): ReadonlySet<string> { return varies({ kind: 'ref', type: c.type, name: c.name }); }

  /** A fold turn by turn. `from`: where to go on, with the carries as they are; else from the start. */
  function plainFold(s: Fold, f: Frame, from: number | undefined): Code[] {
    const patterns = patternsOf(s.body, s.carries.map(c => c.next));
    const first = from === undefined ? s.carries.flatMap(c => places(carryAxes(c), f).map(({ r, v, copy }) => m.local.set(localOf(c.name, copy, typeOf(c.type, f)), expr(c.init, f, r, v)))) : [];
    const low = s.bounds ? expr(s.bounds[0], { ...f, lanes: 1, vectors: 1, rows: 1 }, 0, 0) : from === undefined ? m.i32.const(0) : get(from, i32);
    const high = s.bounds ? expr(s.bounds[1], { ...f, lanes: 1, vectors: 1, rows: 1 }, 0, 0) : count(s.axis);
    return [...first, ...loop(s.axis, low, high, 1, patterns, () => [...block(s.body, f), ...nextCarries(s, f)])];
  }
  function nextCarries(s: Fold, f: Frame): Code[] {
    const names = new Set(s.carries.map(c => c.name));
    const crossed = s.carries.some(c => mentions(c.next, new Set([...names].filter(n => n !== c.name))));
    const all = s.carries.flatMap(c => places(carryAxes(c), f).map(p => ({ c, ...p, target: localOf(c.name, p.copy, typeOf(c.type, f)) })));
    if (!crossed) return all.map(({ c, r, v, target }) => m.local.set(target, expr(c.next, f, r, v)));
    const aside = all.map(x => ({ ...x, temporary: local(typeOf(x.c.type, f)) }));
    return [...aside.map(({ c, r, v, temporary }) => m.local.set(temporary, expr(c.next, f, r, v))), ...aside.map(({ c, target, temporary }) => m.local.set(target, get(temporary, typeOf(c.type, f))))];
  }

  /** Turns as lanes: partial results side by side, joined at the end; the cut depends on the extent alone. The remainder goes one by one. */
  function laneFold(s: Fold, f: Frame): Code[] {
    const vectors = f.rows >= 4 || s.carries.length > 2 ? 1 : f.rows === 2 ? 2 : 4;
    const wide: Frame = { ...f, lane: s.axis.name, vectors, lanes: 4 };
    const axes = (c: { readonly name: string; readonly type: ScalarType }): ReadonlySet<string> => new Set([...carryAxes(c), s.axis.name]);
    const parts4 = (name: string): string => `${name} in lanes`;
    const partial = s.carries.flatMap((c, k) => places(axes(c), wide).map(p => ({ ...p, c, op: s.combine?.[k] ?? 'add', at: localOf(parts4(c.name), p.copy, binaryen.v128) })));
    const patterns = patternsOf(s.body, s.carries.map(c => c.next));
    const done = local(i32);
    const step = 4 * vectors;
    const end = typeof s.axis.extent === 'number' ? m.i32.const(Math.floor(s.axis.extent / step) * step) : m.i32.sub(count(s.axis), m.i32.rem_u(count(s.axis), m.i32.const(step)));
    const out: Code[] = [m.local.set(done, end)];
    out.push(...partial.map(p => m.local.set(p.at, m.f32x4.splat(m.f32.const(neutral[p.op])))));
    out.push(...loop(s.axis, m.i32.const(0), get(done, i32), step, patterns, () => [
      ...block(s.body, wide),
      ...partial.map(p => {
        const added = p.c.next.kind === 'op' ? p.c.next.args.find(a => !(a.kind === 'ref' && a.name === p.c.name)) ?? fail('a fold that adds nothing') : fail('a fold that does not join');
        return m.local.set(p.at, vector[p.op](get(p.at, binaryen.v128), expr(added, wide, p.r, p.v)));
      }),
    ]));
    for (const c of s.carries) {
      for (const place of places(carryAxes(c), f)) {
        const mine = partial.filter(p => p.c === c && copyOf(carryAxes(c), f, p.r, 0) === place.copy);
        const op = mine[0]?.op ?? 'add';
        const joined = mine.map(p => p.at).reduce<Code | undefined>((sum, at) => (sum === undefined ? get(at, binaryen.v128) : vector[op](sum, get(at, binaryen.v128))), undefined) ?? fail('no parts');
        const whole = local(binaryen.v128);
        out.push(m.local.set(whole, joined));
        const lane = (l: number): Code => m.f32x4.extract_lane(get(whole, binaryen.v128), l);
        const sum = scalar[op](scalar[op](lane(0), lane(2)), scalar[op](lane(1), lane(3)));
        out.push(m.local.set(localOf(c.name, place.copy, binaryen.f32), scalar[op](expr(c.init, f, place.r, place.v), sum)));
      }
    }
    if (typeof s.axis.extent === 'number' && s.axis.extent % step === 0) return out;
    return [...out, ...scoped(() => plainFold(s, f, done))];
  }

  // ── expressions ─────────────────────────────────────────────────────────────────────────────

  /** The value of an expression for row r, vector v of the tile. What several places share is computed once. */
  function expr(e: Expr, f: Frame, r: number, v: number): Code {
    if (e.kind === 'ref') {
      const axes = varies(e);
      const copies = named.get(e.name) ?? fail(`${e.name} is not known`);
      const own = copies.get(copyOf(axes, f, r, v));
      if (own !== undefined) return get(own, typeOf(e.type, f));
      // named outside of the lanes: one value for all of them
      const outside = copies.get(copyOf(axes, { ...f, lanes: 1, lane: undefined }, r, 0)) ?? fail(`${e.name} has no copy ${copyOf(axes, f, r, v)}`);
      return f.lanes === 4 ? splat(get(outside, e.type === 'f32' ? binaryen.f32 : i32), e.type) : get(outside, typeOf(e.type, f));
    }
    if (e.kind === 'lit') return f.lanes === 1 ? (e.type === 'f32' ? m.f32.const(e.value) : m.i32.const(e.value | 0)) : constant4(e.type, e.value);
    const axes = varies(e);
    const isShared = branches === 0 && ((f.row !== undefined && f.rows > 1 && !axes.has(f.row)) || (f.vectors > 1 && f.lane !== undefined && !axes.has(f.lane)));
    if (!isShared) return make(e, f, r, v);
    const copy = copyOf(axes, f, r, v);
    for (const memo of memos) { const known = memo.get(e)?.get(copy); if (known !== undefined) return get(known, typeOf(e.type, f)); }
    const memo = memos.at(-1) ?? fail('no scope');
    const at = local(typeOf(e.type, f));
    const code = make(e, f, r, v);
    const copies = memo.get(e) ?? new Map<string, number>();
    memo.set(e, copies.set(copy, at));
    return m.local.tee(at, code, typeOf(e.type, f));
  }
  function splat(x: Code, type: ScalarType): Code { return type === 'f32' ? m.f32x4.splat(x) : m.i32x4.splat(type === 'bool' ? m.i32.sub(m.i32.const(0), x) : x); }
  function constant4(type: ScalarType, value: number): Code {
    const word = new DataView(new ArrayBuffer(4));
    if (type === 'f32') word.setFloat32(0, value, true); else word.setInt32(0, type === 'bool' ? -value : value | 0, true);
    const four = [0, 1, 2, 3].map(i => word.getUint8(i));
    return m.v128.const([...four, ...four, ...four, ...four]);
  }
  function make(e: Exclude<Expr, { kind: 'ref' | 'lit' }>, f: Frame, r: number, v: number): Code {
    switch (e.kind) {
      case 'scalar': return f.lanes === 1 ? scalarExpr(e) : splat(scalarExpr(e), e.type);
      case 'op': {
        const op = e.op as CoreOp | BitOp | Native; // expansion has left only these
        if (f.lanes === 4 && (op === 'ushl' || op === 'ushr' || op === 'ishr')) return vector[op](expr(e.args[0] ?? fail(op), f, r, v), literalOf(e.args[1]));
        // made in the order in which they run: a choice takes its condition last
        const args = (op === 'select' ? [1, 2, 0] : e.args.map((_, i) => i)).map(i => [i, expr(e.args[i] ?? fail(op), f, r, v)] as const).sort(([i], [j]) => i - j);
        return (f.lanes === 4 ? vector : scalar)[op](...args.map(([, code]) => code));
      }
      case 'index': return f.lanes === 1 ? indexCode(e.index, f, r, 0) : lanesOf(e.index, f, r, v);
      case 'inside': return f.lanes === 1 ? holds(e.guard, f, r, 0) : holdsInLanes(e.guard, f, r, v);
      case 'load': return load(e, f, r, v);
      case 'noise': return noise(e, f, r, v);
    }
  }
  function literalOf(e: Expr | undefined): Code { return e?.kind === 'lit' ? m.i32.const(e.value) : fail('a shift by what is not a literal'); }

  /** Four neighbouring values of an index. */
  function lanesOf(index: Index, f: Frame, r: number, v: number): Code {
    const stride = f.lane === undefined ? 0 : strideAlong(index, f.lane);
    if (stride === 0) return m.i32x4.splat(indexCode(index, f, r, 0));
    if (typeof stride === 'number') return m.i32x4.add(m.i32x4.splat(indexCode(index, f, r, 4 * v)), ramp(stride));
    return [1, 2, 3].reduce<Code>((x, lane) => m.i32x4.replace_lane(x, lane, indexCode(index, f, r, 4 * v + lane)), m.i32x4.splat(indexCode(index, f, r, 4 * v)));
  }
  function ramp(stride: number): Code {
    const view = new DataView(new ArrayBuffer(16));
    [0, 1, 2, 3].forEach(i => view.setInt32(4 * i, i * stride, true));
    return m.v128.const(Array.from({ length: 16 }, (_, i) => view.getUint8(i)));
  }
  function below(s: Size): Code { return typeof s === 'number' ? m.i32.const(Math.min(s, 0x7fffffff)) : parts(s).by.reduce<Code>((c, d) => m.i32.mul(c, extent(d)), m.i32.const(parts(s).times)); }
  function holds(guard: readonly Condition[], f: Frame, r: number, at: number): Code {
    return guard.map(c => m.i32.and(m.i32.ge_s(indexCode(c.index, f, r, at), m.i32.const(c.from)), m.i32.lt_s(indexCode(c.index, f, r, at), below(c.below)))).reduce((a, b) => m.i32.and(a, b));
  }
  function holdsInLanes(guard: readonly Condition[], f: Frame, r: number, v: number): Code {
    if (f.lane === undefined || !guardUses(guard, f.lane)) return m.i32x4.splat(m.i32.sub(m.i32.const(0), holds(guard, f, r, 0)));
    return guard.map(c => m.v128.and(m.i32x4.ge_s(lanesOf(c.index, f, r, v), m.i32x4.splat(m.i32.const(c.from))), m.i32x4.lt_s(lanesOf(c.index, f, r, v), m.i32x4.splat(below(c.below))))).reduce((a, b) => m.v128.and(a, b));
  }

  function load(e: Extract<Expr, { kind: 'load' }>, f: Frame, r: number, v: number): Code {
    const read = (at: number): Code => { const a = address(e.buffer, e.offset, f, r, at); return (e.type === 'f32' ? m.f32 : m.i32).load(a.immediate, 4, a.base); };
    const fill = (): Code => (e.type === 'f32' ? m.f32.const(e.fill ?? 0) : m.i32.const(e.fill ?? 0));
    const guarded = (at: number): Code => (e.guard ? inBranch(() => m.if(holds(e.guard ?? [], f, r, at), read(at), fill())) : read(at));
    if (f.lanes === 1) return guarded(0);
    const stride = f.lane === undefined ? 0 : strideAlong(e.offset, f.lane);
    const apart = f.lane !== undefined && guardUses(e.guard, f.lane);
    if (!apart && (stride === 0 || stride === 1)) {
      const whole = (): Code => { const a = address(e.buffer, e.offset, f, r, stride === 1 ? 4 * v : 0); return stride === 1 ? m.v128.load(a.immediate, 4, a.base) : m.v128.load32_splat(a.immediate, 4, a.base); };
      return e.guard ? inBranch(() => m.if(holds(e.guard ?? [], f, r, 0), whole(), constant4(e.type, e.fill ?? 0))) : whole();
    }
    const shape = e.type === 'f32' ? m.f32x4 : m.i32x4;
    return [1, 2, 3].reduce<Code>((x, lane) => shape.replace_lane(x, lane, guarded(4 * v + lane)), shape.splat(guarded(4 * v)));
  }
  /** What a branch computes may not be kept for others. */
  function inBranch(make4: () => Code): Code {
    branches++;
    const out = make4();
    branches--;
    return out;
  }

  function noise(e: Extract<Expr, { kind: 'noise' }>, f: Frame, r: number, v: number): Code {
    const args = (at: number): Code[] => [m.i32.const(e.site | 0), indexCode(e.sample, f, r, at), indexCode(e.element, f, r, at)];
    const one = (at: number): Code => m.call(around.noise.one(e.family), args(at), binaryen.f32);
    if (f.lanes === 1) return one(0);
    const isFlat = f.lane !== undefined && strideAlong(e.element, f.lane) === 1 && !indexUses(e.sample, f.lane) && isMultipleOf4(e.element, f);
    if (isFlat) {
      // all vectors of a row are drawn when the first is asked for
      const area = drawn.get(e.site) ?? drawn.size;
      drawn.set(e.site, area);
      const fill = m.call(around.noise.sixteen(e.family), [...args(0), m.i32.const(around.noise.scratch(area))], binaryen.none);
      const read = m.v128.load(around.noise.scratch(area) + 16 * v, 4, m.i32.const(0));
      return v === 0 ? m.block(null, [fill, read], binaryen.v128) : read;
    }
    return [1, 2, 3].reduce<Code>((x, lane) => m.f32x4.replace_lane(x, lane, one(4 * v + lane)), m.f32x4.splat(one(4 * v)));
  }
  /** The element of the first lane is a multiple of four wherever the tile stands. */
  function isMultipleOf4(element: Index, f: Frame): boolean {
    return element.constant % 4 === 0 && f.vectors <= 4 && element.terms.every(t => (t.atom.kind === 'axis' && t.atom.name === f.lane) || parts(t.coefficient).times % 4 === 0);
  }
  function mentions(e: Expr, names: ReadonlySet<string>): boolean { return e.kind === 'ref' ? names.has(e.name) : childrenOf(e).some(c => mentions(c, names)); }
}

const neutral = { add: 0, mul: 1, max: -3.4028234663852886e38, min: 3.4028234663852886e38 } as const;
function fail(message: string): never { throw new InternalError('wasm', message); }
