/**
 * Statements as instructions, for all elements of a tile side by side. Imagine every `let` and every carry as a small block
 * of locals, one for each element of the tile that it differs at, and every loop as one loop that serves them all.
 */
import { InternalError } from '../../diagnostics.ts';
import { strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Carry, Expr, Fold, Stmt } from '../../6-kernels/kernel.ts';
import { address, extentNode } from './address.ts';
import type { Plan, Role } from './plan.ts';
import { eachChild, empty, get, inFrame, needsOf, newLocal, positions, projection, put, valueType } from './scope.ts';
import type { Binding, Local, Position, Region, Scope } from './scope.ts';
import { writeEnd } from './end.ts';
import type { Node } from './spellings.ts';
import { held, value, wideLiteral, wideValue } from './values.ts';

/** Writes statements into the open frame. */
export function writeBlock(s: Scope, body: readonly Stmt[], plan: Plan): void {
  for (const [i, stmt] of body.entries()) {
    s.shared = new Map();
    if (i > 0 && isLoop(body[i - 1]) && writeEnd(s, body.slice(i), plan)) return;
    switch (stmt.kind) {
      case 'let': writeLet(s, stmt.name, stmt.value); break;
      case 'store': writeStore(s, stmt); break;
      case 'map': writeMap(s, stmt, plan); break;
      case 'fold': writeFold(s, stmt, plan); break;
    }
  }
}

const isLoop = (stmt: Stmt | undefined): boolean => stmt?.kind === 'fold' || stmt?.kind === 'map';

function writeLet(s: Scope, name: string, e: Expr): void {
  const deps = needsOf(s, e).deps;
  const isBound = s.names.has(name);
  const isTrivial = e.kind === 'lit' || e.kind === 'scalar';
  const lane = s.region.lane !== undefined && deps.has(s.region.lane) ? s.region.lane : undefined;
  const locals = new Map<string, Local>();
  let depth = isTrivial ? 0 : s.frame.depth;
  if (!isTrivial) {
    for (const p of positions(s, deps)) {
      const h = held(s, e, p);
      depth = h.depth;
      locals.set(projection({ lane, offsets: p.offsets }, deps), h.local);
    }
  }
  s.names.set(name, { type: e.type, deps, keys: deps, locals, depth, lane, ...(isTrivial ? { alias: e } : {}) });
  if (isBound) s.needs = new Map();
}

function writeStore(s: Scope, stmt: Stmt & { readonly kind: 'store' }): void {
  const lane = s.region.lane;
  const place: Expr = { kind: 'index', type: 'u32', index: stmt.offset };
  for (const p of positions(s, undefined)) {
    if (lane === undefined || !needsOf(s, place).deps.has(lane)) {
      const x = value(s, stmt.value, p);
      const { pointer, offset } = address(s, stmt.buffer, stmt.offset, p, false);
      s.frame.out.push(stmt.value.type === 'f32' ? s.m.f32.store(offset, 4, pointer(), x) : s.m.i32.store(offset, 4, pointer(), x));
      continue;
    }
    const x = wideValue(s, stmt.value, p);
    const fresh = s.region.fresh ?? 0;
    if (strideAlong(stmt.offset, lane) === 1 && fresh === 0) {
      const { pointer, offset } = address(s, stmt.buffer, stmt.offset, p, false);
      s.frame.out.push(s.m.v128.store(offset, 4, pointer(), x));
      continue;
    }
    const vector = newLocal(s, s.b.v128);
    put(s, s.frame, vector, x);
    for (let i = fresh; i < 4; i++) {
      const q: Position = { lane: undefined, offsets: new Map([...p.offsets, [lane, (p.offsets.get(lane) ?? 0) + i]]) };
      const { pointer, offset } = address(s, stmt.buffer, stmt.offset, q, false);
      s.frame.out.push(s.m.v128.store32_lane(offset, 4, i, pointer(), get(s, vector)));
    }
  }
}

// ── loops ─────────────────────────────────────────────────────────────────────────────────────

export type Bound = number | Local;
const boundNode = (s: Scope, b: Bound): Node => (typeof b === 'number' ? s.m.i32.const(b) : get(s, b));

/**
 * A loop from `from` up to `to`, `step` at a time: whole steps only. With `clamp` the last step starts at `to - step` even if
 * that is shorter, and what lies in both is computed twice. A loop of one literal turn is no loop.
 */
export function writeLoop(s: Scope, axis: string, from: Bound, to: Bound, step: number, options: { readonly clamp?: boolean; readonly multiple?: number; readonly mayBeEmpty?: boolean; /** There is at least one turn. */ readonly isSure?: boolean }, body: () => void): void {
  const outer = s.axes.get(axis);
  const restore = (): void => { if (outer) s.axes.set(axis, outer); else s.axes.delete(axis); };
  if (typeof from === 'number' && typeof to === 'number') {
    if (to - from < step) return;
    if (to - from === step) {
      // its own frame all the same: what is kept for one turn must not be taken for another's
      const frame = inFrame(s, { mayBeEmpty: false }, () => { s.axes.set(axis, { frame: s.frame, counter: undefined, base: from, multiple: from === 0 ? step : gcd(from, step) }); body(); });
      s.frame.out.push(...frame.out, ...frame.after);
      restore();
      return;
    }
  }
  const counter = newLocal(s, s.b.i32);
  const whole = typeof from === 'number' && typeof to === 'number' && (to - from) % step === 0;
  const clamp = options.clamp === true && !whole;
  const end: Bound = typeof from === 'number' && typeof to === 'number' ? to - ((to - from) % step) : to;
  const [last, previous] = clamp ? [newLocal(s, s.b.i32), newLocal(s, s.b.i32)] : [counter, counter];
  const frame = inFrame(s, {
    axis: { name: axis, from, step: clamp ? undefined : step }, mayBeEmpty: options.mayBeEmpty ?? false,
  }, () => { s.axes.set(axis, { frame: s.frame, counter, base: 0, multiple: options.multiple ?? (from === 0 ? step : typeof from === 'number' ? gcd(from, step) : 1) }); body(); });
  restore();
  const { m } = s;
  const label = `l${s.labels++}`;
  const next = clamp
    ? [
        m.local.set(previous.index, get(s, counter)),
        m.local.set(counter.index, m.i32.add(get(s, counter), m.i32.const(step))),
        m.local.set(counter.index, m.select(m.i32.lt_s(get(s, counter), get(s, last)), get(s, counter), get(s, last))),
        m.br_if(label, m.i32.ne(get(s, previous), get(s, last))),
      ]
    : [m.local.set(counter.index, m.i32.add(get(s, counter), m.i32.const(step))), m.br_if(label, m.i32.lt_s(get(s, counter), boundNode(s, end)))];
  const loop = m.block(null, [
    m.local.set(counter.index, boundNode(s, from)),
    ...(clamp ? [m.local.set(last.index, m.i32.sub(boundNode(s, to), m.i32.const(step)))] : []),
    m.loop(label, m.block(null, [...frame.out, ...frame.after, ...next])),
  ]);
  const isSure = (typeof from === 'number' && typeof to === 'number') || clamp || options.isSure === true;
  s.frame.out.push(isSure ? loop : m.if(m.i32.lt_s(boundNode(s, from), boundNode(s, end)), loop));
}

/** Runs `body` in another region. */
export function inRegion(s: Scope, region: Region, body: () => void): void {
  const outer = s.region;
  s.region = region;
  body();
  s.region = outer;
}

/** The largest multiple of `by` that is no more than an extent. */
function roundedDown(s: Scope, extent: Axis['extent'], by: number): Bound {
  if (typeof extent === 'number') return extent - (extent % by);
  const l = newLocal(s, s.b.i32);
  const x = extentNode(s, extent);
  put(s, s.frame, l, by === 1 ? x : s.m.i32.sub(x, s.m.i32.rem_u(extentNode(s, extent), s.m.i32.const(by))));
  return l;
}

/** Independent turns: tiles of the width that the plan gives, then what is left over. */
function writeMap(s: Scope, stmt: Stmt & { readonly kind: 'map' }, plan: Plan): void {
  const { axis } = stmt;
  const role = plan.roles.get(stmt);
  const outer = s.region;
  const body = (count: number, step: number, fresh = 0) => (): void => {
    const sides = count * step === 1 ? outer.sides : [...outer.sides, { axis: axis.name, count, step }];
    inRegion(s, { ...outer, sides, lane: step === 4 ? axis.name : outer.lane, ...(fresh > 0 ? { fresh } : {}) }, () => writeBlock(s, stmt.body, plan));
  };
  const step = role?.kind === 'lanes' ? 4 : 1;
  const width = (role?.count ?? 1) * step;
  const all = roundedDown(s, axis.extent, 1);
  const loop = (from: Bound, to: Bound, count: number, by: number, clamp = false, multiple?: number): void =>
    { writeLoop(s, axis.name, from, to, count * by, { clamp, ...(multiple !== undefined ? { multiple } : {}) }, body(count, by)); };
  if (!role || width === 1) { loop(0, all, 1, 1); return; }

  if (plan.mayRepeat && (typeof axis.extent !== 'number' || axis.extent >= width)) {
    const multiple = typeof axis.extent === 'number' ? gcd(width, axis.extent - width) : 1;
    if (typeof axis.extent === 'number') { loop(0, all, role.count, step, true, multiple); return; }
    // fewer than a tile: one by one
    const enough = inFrame(s, { mayBeEmpty: false }, () => { loop(0, all, role.count, step, true, multiple); });
    const few = inFrame(s, { mayBeEmpty: false }, () => { loop(0, all, 1, 1); });
    const condition = s.m.i32.ge_s(extentNode(s, axis.extent), s.m.i32.const(width));
    s.frame.out.push(s.m.if(condition, s.m.block(null, [...enough.out]), s.m.block(null, [...few.out])));
    return;
  }
  const tiles = roundedDown(s, axis.extent, width);
  loop(0, tiles, role.count, step);
  const vectors = step === 4 && role.count > 1 ? roundedDown(s, axis.extent, 4) : tiles;
  if (vectors !== tiles) loop(tiles, vectors, 1, 4);
  if (step === 4 && typeof all === 'number' && typeof vectors === 'number' && all > vectors) {
    // one more vector, which begins among elements that are done: those are computed in vain and not stored
    writeLoop(s, axis.name, all - 4, all, 4, {}, body(1, 4, 4 - (all - vectors)));
    return;
  }
  loop(vectors, all, 1, 1);
}
export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

// ── folds ─────────────────────────────────────────────────────────────────────────────────────

function writeFold(s: Scope, fold: Fold, plan: Plan): void {
  const role = plan.roles.get(fold);
  if (role?.kind === 'lanes') { writeWideFold(s, fold, role, plan); return; }
  const deps = carryDeps(s, fold);
  const carries = bindCarries(s, fold, deps, s.region.lane, (c, p, wide) => (wide ? wideValue(s, c.init, p) : value(s, c.init, p)));
  const [from, to] = fold.bounds
    ? fold.bounds.map(b => { const l = newLocal(s, s.b.i32); put(s, s.frame, l, value(s, b, uniform(s))); return l; })
    : [0, roundedDown(s, fold.axis.extent, 1)];
  if (fold.bounds?.some(b => needsOf(s, b).deps.size > 0 && s.region.sides.some(x => needsOf(s, b).deps.has(x.axis)))) fail('a fold whose bounds differ inside a tile');
  foldTurns(s, fold, carries, from ?? 0, to ?? 0, role?.count ?? 1, plan);
  bindAfter(s, fold, carries);
}
/** The position of what does not vary inside the region. */
const uniform = (s: Scope): Position => ({ lane: undefined, offsets: s.region.turns });

/** Carries as they are before the first turn. */
function bindCarries(s: Scope, fold: Fold, deps: ReadonlyMap<string, ReadonlySet<string>>, lane: string | undefined, init: (c: Carry, p: Position, wide: boolean) => Node): ReadonlyMap<string, Binding> {
  const made = new Map<string, Binding>();
  s.shared = new Map();
  for (const c of fold.carries) {
    const own = deps.get(c.name) ?? empty;
    const wide = lane !== undefined && own.has(lane);
    const locals = new Map<string, Local>();
    const keys = new Set([...own].filter(a => a !== fold.axis.name || lane === a));
    for (const p of positions(s, keys)) {
      const l = newLocal(s, valueType(s, c.type, wide));
      put(s, s.frame, l, init(c, p, wide));
      locals.set(projection({ lane: wide ? lane : undefined, offsets: p.offsets }, keys), l);
    }
    made.set(c.name, { type: c.type, deps: own, keys, locals, depth: s.frame.depth, lane: wide ? lane : undefined });
  }
  return made;
}

/** The turns of a fold in order, `times` of them written out in each turn of the loop where that goes evenly. */
function foldTurns(s: Scope, fold: Fold, carries: ReadonlyMap<string, Binding>, from: Bound, to: Bound, times: number, plan: Plan): void {
  const axis = fold.axis.name;
  const turns = (count: number) => (): void => {
    for (const [name, b] of carries) s.names.set(name, { ...b, deps: new Set([...b.deps, axis]), depth: s.frame.depth });
    for (let i = 0; i < count; i++) {
      inRegion(s, { ...s.region, turns: new Map([...s.region.turns, [axis, i]]) }, () => { writeBlock(s, fold.body, plan); writeNext(s, fold, carries); });
    }
  };
  const mayBeEmpty = fold.bounds !== undefined;
  if (typeof from === 'number' && typeof to === 'number' && times > 1) {
    const rest = (to - from) % times;
    writeLoop(s, axis, from, to - rest, times, { mayBeEmpty }, turns(times));
    if (rest > 0) writeLoop(s, axis, to - rest, to, rest, { mayBeEmpty }, turns(rest));
    return;
  }
  writeLoop(s, axis, from, to, 1, { mayBeEmpty }, turns(1));
}

/** All carries are replaced at once: where one looks at another, new values wait until all are made. */
function writeNext(s: Scope, fold: Fold, carries: ReadonlyMap<string, Binding>): void {
  s.shared = new Map();
  s.needs = new Map();
  const others = (name: string): ReadonlySet<string> => new Set(fold.carries.map(c => c.name).filter(n => n !== name));
  const mixed = fold.carries.some(c => mentions(c.next, others(c.name)));
  const later: Node[] = [];
  for (const c of fold.carries) {
    const b = carries.get(c.name) ?? fail(`no carry ${c.name}`);
    for (const p of positions(s, b.keys)) {
      const local = b.locals.get(projection({ lane: b.lane, offsets: p.offsets }, b.keys)) ?? fail(`${c.name} has no place`);
      const next = b.lane !== undefined ? wideValue(s, c.next, p) : value(s, c.next, p);
      if (!mixed) { put(s, s.frame, local, next); continue; }
      const waiting = newLocal(s, local.type);
      put(s, s.frame, waiting, next);
      later.push(s.m.local.set(local.index, get(s, waiting)));
    }
  }
  s.frame.out.push(...later);
  s.shared = new Map();
}
function mentions(e: Expr, names: ReadonlySet<string>): boolean {
  let found = e.kind === 'ref' && names.has(e.name);
  if (!found) eachChild(e, c => { found ||= mentions(c, names); });
  return found;
}

function bindAfter(s: Scope, fold: Fold, carries: ReadonlyMap<string, Binding>): void {
  for (const [name, b] of carries) s.names.set(name, { ...b, deps: new Set([...b.deps].filter(a => a !== fold.axis.name)), depth: s.frame.depth });
  s.needs = new Map();
}

/** What each carry varies along after the fold: what its first value and its next ones do, through the names in the body. */
function carryDeps(s: Scope, fold: Fold): ReadonlyMap<string, ReadonlySet<string>> {
  const saved = new Map(s.names);
  const deps = new Map<string, ReadonlySet<string>>(fold.carries.map(c => [c.name, needsOf(s, c.init).deps]));
  const bind = (name: string, type: Binding['type'], own: ReadonlySet<string>): void => { s.names.set(name, { type, deps: own, keys: own, locals: new Map(), depth: s.frame.depth, lane: undefined }); };
  for (let changed = true; changed;) {
    changed = false;
    s.needs = new Map();
    for (const c of fold.carries) bind(c.name, c.type, deps.get(c.name) ?? empty);
    const walk = (body: readonly Stmt[]): void => {
      for (const b of body) {
        if (b.kind === 'let') bind(b.name, b.value.type, needsOf(s, b.value).deps);
        else if (b.kind === 'map') walk(b.body);
        else if (b.kind === 'fold') for (const [name, own] of carryDeps(s, b)) bind(name, 'f32', own);
        s.needs = new Map();
      }
    };
    walk(fold.body);
    for (const c of fold.carries) {
      const before = deps.get(c.name) ?? empty;
      const now = new Set([...before, ...needsOf(s, c.next).deps].filter(a => a !== fold.axis.name));
      if (now.size !== before.size) { deps.set(c.name, now); changed = true; }
    }
  }
  // bounds that differ make all that follows from them differ
  for (const [name, own] of deps) deps.set(name, new Set([...own, ...(fold.bounds ?? []).flatMap(b => [...needsOf(s, b).deps])].filter(a => a !== fold.axis.name)));
  s.names.clear();
  for (const [name, b] of saved) s.names.set(name, b);
  s.needs = new Map();
  return deps;
}

// ── folds with lanes along their own axis ─────────────────────────────────────────────────────

const neutral = { add: 0, mul: 1, max: -Infinity, min: Infinity } as const;

/**
 * Four (or a few times four) partial results side by side, joined at the end, then what is left over one by one. How the fold
 * is cut follows from its extent alone.
 */
function writeWideFold(s: Scope, fold: Fold, role: Role, plan: Plan): void {
  const { combine = [] } = fold;
  const axis = fold.axis.name;
  const outer = s.region;
  const deps = carryDeps(s, fold);
  const totals = bindCarries(s, fold, deps, undefined, (c, p) => value(s, c.init, p));
  const width = 4 * role.count;
  const end = roundedDown(s, fold.axis.extent, width);
  if (end !== 0) {
    const along = new Map([...deps].map(([n, d]) => [n, new Set([...d, axis])]));
    inRegion(s, { lane: axis, sides: [...outer.sides, { axis, count: role.count, step: 4 }], turns: outer.turns }, () => {
      const parts = bindCarries(s, fold, along, axis, c => wideLiteral(s, 'f32', neutral[combine[fold.carries.indexOf(c)] ?? 'add']));
      const body = (): void => {
        for (const [name, b] of parts) s.names.set(name, { ...b, depth: s.frame.depth });
        s.needs = new Map();
        writeBlock(s, fold.body, plan);
        writeNext(s, fold, parts);
      };
      writeLoop(s, axis, 0, end, width, {}, body);
      s.region = outer;
      fold.carries.forEach((c, i) => {
        const op = combine[i] ?? 'add';
        const total = totals.get(c.name) ?? fail('no total');
        const part = parts.get(c.name) ?? fail('no parts');
        for (const p of positions(s, total.keys)) {
          const vectors = Array.from({ length: role.count }, (_, k) => part.locals.get(projection({ lane: axis, offsets: new Map([...p.offsets, [axis, 4 * k]]) }, part.keys)) ?? fail('no part'));
          const local = total.locals.get(projection(p, total.keys)) ?? fail('no total');
          put(s, s.frame, local, scalarJoin(s, op, get(s, local), across(s, op, pairwise(s, op, vectors.map(v => get(s, v))))));
        }
      });
    });
  }
  if (typeof fold.axis.extent !== 'number' || end !== fold.axis.extent) foldTurns(s, fold, totals, end, roundedDown(s, fold.axis.extent, 1), 1, { ...plan, roles: new Map() });
  bindAfter(s, fold, totals);
}
type Join = keyof typeof neutral;
const scalarJoin = (s: Scope, op: Join, a: Node, b: Node): Node => s.m.f32[op](a, b);
const wideJoin = (s: Scope, op: Join, a: Node, b: Node): Node => s.m.f32x4[op](a, b);
function pairwise(s: Scope, op: Join, vectors: readonly Node[]): Node {
  const [first, second, ...rest] = vectors;
  if (first === undefined) return fail('nothing to join');
  return second === undefined ? first : pairwise(s, op, [...rest, wideJoin(s, op, first, second)]);
}
/** One value from four: halves onto each other, twice. */
function across(s: Scope, op: Join, vector: Node): Node {
  const [a, b] = [newLocal(s, s.b.v128), newLocal(s, s.b.v128)];
  put(s, s.frame, a, vector);
  put(s, s.frame, b, wideJoin(s, op, get(s, a), s.m.i8x16.shuffle(get(s, a), get(s, a), [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])));
  return scalarJoin(s, op, s.m.f32x4.extract_lane(get(s, b), 0), s.m.f32x4.extract_lane(get(s, b), 1));
}

function fail(message: string): never { throw new InternalError('wasm', message); }
