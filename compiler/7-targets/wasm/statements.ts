/**
 * Statements as instructions, for all elements of a tile side by side. Imagine every `let` and every carry as a small block
 * of locals, one for each element of the tile that it differs at, and every loop as one loop that serves them all.
 */
import { InternalError } from '../../diagnostics.ts';
import { strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Expr, Stmt } from '../../6-kernels/kernel.ts';
import { address, extentNode } from './address.ts';
import type { Role } from './cost.ts';
import type { Plan } from './plan.ts';
import { get, inFrame, needsOf, newLocal, positions, projection, put } from './scope.ts';
import type { Local, Position, Region, Scope } from './scope.ts';
import { writeEnd } from './end.ts';
import { writeFold } from './folds.ts';
import type { Node } from './spellings.ts';
import { mine } from './threads.ts';
import type { Tiles } from './threads.ts';
import { held, value, wideValue } from './values.ts';

/** Writes statements into the open frame. */
export function writeBlock(s: Scope, body: readonly Stmt[], plan: Plan): void {
  for (const [i, stmt] of body.entries()) {
    s.shared = new Map();
    if (i > 0 && isLoop(body[i - 1]) && writeEnd(s, body.slice(i), plan)) return;
    switch (stmt.kind) {
      case 'let': writeLet(s, stmt.name, stmt.value); break;
      case 'store': writeStore(s, stmt, plan); break;
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

function writeStore(s: Scope, stmt: Stmt & { readonly kind: 'store' }, plan: Plan): void {
  const lane = s.region.lane;
  const place: Expr = { kind: 'index', type: 'u32', index: stmt.offset };
  if (lane !== undefined && plan.isLarge && writeTransposed(s, stmt, lane)) return;
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

/**
 * Elements that lie apart along the lanes but next to each other along the rows of a tile: four rows of four are turned over in
 * registers, and stored as four vectors. Says whether that is how they lie.
 */
function writeTransposed(s: Scope, stmt: Stmt & { readonly kind: 'store' }, lane: string): boolean {
  const side = s.region.sides.find(x => x.axis !== lane && x.count % 4 === 0 && strideAlong(stmt.offset, x.axis) === 1);
  const stride = strideAlong(stmt.offset, lane);
  if (!side || stride === 1 || typeof stride !== 'number' || (s.region.fresh ?? 0) > 0) return false;
  for (const p of positions(s, undefined)) {
    const row = p.offsets.get(side.axis) ?? 0;
    if (row % 4 !== 0) continue;
    const rows = [0, 1, 2, 3].map(i => {
      const l = newLocal(s, s.b.v128);
      put(s, s.frame, l, wideValue(s, stmt.value, { ...p, offsets: new Map([...p.offsets, [side.axis, row + i]]) }));
      return l;
    });
    transposed(s, rows).forEach((column, i) => {
      const { pointer, offset } = address(s, stmt.buffer, stmt.offset, { lane: undefined, offsets: new Map([...p.offsets, [lane, (p.offsets.get(lane) ?? 0) + i]]) }, false);
      s.frame.out.push(s.m.v128.store(offset, 4, pointer(), get(s, column)));
    });
  }
  return true;
}

/** Rows of a 4x4 block as columns. */
export function transposed(s: Scope, [r0, r1, r2, r3]: readonly Local[]): readonly Local[] {
  const [[a, b], [c, d]] = [interleaved(s, r0, r2), interleaved(s, r1, r3)];
  return [...interleaved(s, a, c), ...interleaved(s, b, d)];
}
/** x0 y0 x1 y1, and x2 y2 x3 y3. */
export function interleaved(s: Scope, x: Local | undefined, y: Local | undefined): readonly [Local, Local] {
  if (!x || !y) return fail('a vector is missing');
  const shuffle = (...w: readonly number[]): Local => {
    const l = newLocal(s, s.b.v128);
    put(s, s.frame, l, s.m.i8x16.shuffle(get(s, x), get(s, y), w.flatMap(i => [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3])));
    return l;
  };
  return [shuffle(0, 4, 1, 5), shuffle(2, 6, 3, 7)];
}
function fail(message: string): never { throw new InternalError('wasm', message); }

// ── loops ─────────────────────────────────────────────────────────────────────────────────────

export type Bound = number | Local;
const boundNode = (s: Scope, b: Bound): Node => (typeof b === 'number' ? s.m.i32.const(b) : get(s, b));

interface LoopOptions {
  /** The last step starts at `to - step` even if that is shorter, and what lies in both is computed twice. */
  readonly clamp?: boolean;
  /** Of what the counter is a multiple. */
  readonly multiple?: number;
  readonly mayBeEmpty?: boolean;
  /** There is at least one turn. */
  readonly isSure?: boolean;
  /** Its carries need all registers: engines are kept from writing out several turns. */
  readonly isFull?: boolean;
}
/**
 * A loop from `from` up to `to`, `step` at a time: whole steps only. A loop of one literal turn is no loop.
 */
export function writeLoop(s: Scope, axis: string, from: Bound, to: Bound, step: number, options: LoopOptions, body: () => void): void {
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
    m.loop(label, m.block(null, [...(options.isFull ? [neverRepeated(s)] : []), ...frame.out, ...frame.after, ...next])),
  ]);
  const isSure = (typeof from === 'number' && typeof to === 'number') || clamp || options.isSure === true;
  const around = [...s.axes.values()].find(place => place.counter !== undefined)?.counter;
  const holds = options.isFull && isSure ? m.i32.ge_s(around ? get(s, around) : extentNode(s, 'rows'), m.i32.const(0)) : undefined;
  s.frame.out.push(isSure ? (holds ? m.if(holds, loop) : loop) : m.if(m.i32.lt_s(boundNode(s, from), boundNode(s, end)), loop));
}
/**
 * A loop in a loop that never runs again. V8 (TurboFan, to version 13) writes out several turns of innermost loops, moves the loads of all but the last
 * to the front of their turn and runs out of registers: a product of twelve vectors at 30 GFLOP/s instead of 47. What has a loop inside it leaves as it is,
 * in the order of what comes after the loop, where that can be reached without the loop too.
 */
function neverRepeated(s: Scope): Node {
  const label = `l${s.labels++}`;
  return s.m.loop(label, s.m.br_if(label, s.m.i32.const(0)));
}

/** Runs `body` in another region. */
export function inRegion(s: Scope, region: Region, body: () => void): void {
  const outer = s.region;
  s.region = region;
  body();
  s.region = outer;
}

/** The largest multiple of `by` that is no more than an extent. */
export function roundedDown(s: Scope, extent: Axis['extent'], by: number): Bound {
  if (typeof extent === 'number') return extent - (extent % by);
  const l = newLocal(s, s.b.i32);
  const x = extentNode(s, extent);
  put(s, s.frame, l, by === 1 ? x : s.m.i32.sub(x, s.m.i32.rem_u(extentNode(s, extent), s.m.i32.const(by))));
  return l;
}

/** Which positions a thread walks through. */
interface Share {
  /** They begin and end in the middle of the axis: where a tile does, but no later than at `limit`. */
  readonly edge: (name: 'from' | 'to', limit?: Bound) => Bound;
  /** There is at least one tile. */
  readonly isSure: boolean;
}
/** All positions of an axis. */
const whole = (all: Bound): Share => ({ edge: (name, limit) => (name === 'from' ? 0 : limit ?? all), isSure: false });
/** The tiles of this thread. */
export const ownTiles = (s: Scope): Share => ({
  isSure: true,
  edge(name, limit) {
    const l = newLocal(s, s.b.i32);
    put(s, s.frame, l, mine(s.m, s.b, name));
    if (limit !== undefined) put(s, s.frame, l, s.m.select(s.m.i32.lt_s(get(s, l), boundNode(s, limit)), get(s, l), boundNode(s, limit)));
    return l;
  },
});

/** Independent turns: tiles of the width that the plan gives, then what is left over; all of them, or those of this thread. */
function writeMap(s: Scope, stmt: Stmt & { readonly kind: 'map' }, plan: Plan): void {
  const { axis } = stmt;
  const { m } = s;
  s.gridAxes.set(axis.name, axis);
  const role = plan.roles.get(stmt);
  const outer = s.region;
  const body: WriteBody = (count, step, fresh = 0) => () => {
    // the longer side is walked outermost: of the other all operands stay in registers
    const sides = count * step === 1 ? outer.sides : [...outer.sides, { axis: axis.name, count, step }].sort((x, y) => y.count - x.count);
    inRegion(s, { ...outer, sides, lane: step === 4 ? axis.name : outer.lane, ...(fresh > 0 ? { fresh } : {}) }, () => writeBlock(s, stmt.body, plan));
  };
  const [count, step] = [role?.count ?? 1, role?.kind === 'lanes' ? 4 : 1];
  const width = count * step;
  if (plan.around.includes(stmt)) { writeTurn(s, stmt, plan, { count, step }, body); return; }
  const { extent } = axis;
  const all = roundedDown(s, extent, 1);
  const isOwn = plan.shared === stmt;
  const { edge, isSure } = isOwn ? ownTiles(s) : whole(all);
  const loop: WriteLoop = (from, to, by, options = {}) => { writeLoop(s, axis.name, from, to, by.count * by.step, options, body(by.count, by.step)); };
  const tile = { count, step };

  if (width === 1 || (typeof extent === 'number' && extent % width === 0)) { loop(edge('from'), edge('to'), tile, { isSure, multiple: width }); return; }
  if (plan.mayRepeat && (typeof extent !== 'number' || extent >= width)) {
    const clamped = (): void => {
      // the last tile ends with the extent, whosever it is
      const last = isOwn ? newLocal(s, s.b.i32) : undefined;
      if (last) put(s, s.frame, last, m.i32.sub(boundNode(s, all), m.i32.const(width)));
      loop(edge('from', last), edge('to', all), tile, { clamp: true, multiple: typeof extent === 'number' ? gcd(width, extent - width) : 1 });
    };
    if (typeof extent === 'number') { clamped(); return; }
    // fewer than a tile: one by one
    const enough = inFrame(s, { mayBeEmpty: false }, clamped);
    const few = inFrame(s, { mayBeEmpty: false }, () => { loop(edge('from'), edge('to'), one, { isSure, multiple: 1 }); });
    s.frame.out.push(m.if(m.i32.ge_s(extentNode(s, extent), m.i32.const(width)), m.block(null, [...enough.out]), m.block(null, [...few.out])));
    return;
  }
  if (!role) return;
  const tiles = roundedDown(s, extent, width);
  if (!isOwn) {
    loop(0, tiles, tile);
    writeRest(s, axis, role, loop, body);
    return;
  }
  const to = edge('to');
  if (tiles !== 0) loop(edge('from'), edge('to', tiles), tile, { multiple: width });
  // what is left over belongs to the last tile's thread
  const rest = inFrame(s, { mayBeEmpty: false }, () => { writeRest(s, axis, role, loop, body); });
  s.frame.out.push(m.if(m.i32.gt_s(boundNode(s, to), boundNode(s, tiles)), m.block(null, [...rest.out])));
}
/** One turn of a loop: the one that this thread's piece is in. @param body Writes a tile of so many positions. */
function writeTurn(s: Scope, stmt: Stmt & { readonly kind: 'map' }, plan: Plan, tile: Width, body: WriteBody): void {
  const { m } = s;
  const { axis } = stmt;
  const { extent } = axis;
  const width = tile.count * tile.step;
  const at = plan.around.indexOf(stmt);
  // turns of all loops are counted as one, the innermost first
  const all = plan.around.slice(at + 1).reduceRight((n, x) => m.i32.div_u(n, tilesOf(s, x, plan).count), mine(m, s.b, 'turn'));
  const turn = newLocal(s, s.b.i32);
  put(s, s.frame, turn, at === 0 ? all : m.i32.rem_u(all, tilesOf(s, stmt, plan).count));
  const outer = s.axes.get(axis.name);
  /** A tile of so many positions; the last one ends with the extent. */
  const written = (by: Width, multiple: number): readonly Node[] => {
    const counter = by.count * by.step === 1 ? turn : newLocal(s, s.b.i32);
    const frame = inFrame(s, { mayBeEmpty: false }, () => {
      if (counter !== turn) {
        put(s, s.frame, counter, m.i32.mul(get(s, turn), m.i32.const(width)));
        const last = (): Node => m.i32.sub(extentNode(s, extent), m.i32.const(width));
        if (typeof extent !== 'number' || extent % width !== 0) put(s, s.frame, counter, m.select(m.i32.lt_s(get(s, counter), last()), get(s, counter), last()));
      }
      s.axes.set(axis.name, { frame: s.frame, counter, base: 0, multiple });
      body(by.count, by.step)();
    });
    if (outer) s.axes.set(axis.name, outer); else s.axes.delete(axis.name);
    return [...frame.out, ...frame.after];
  };
  if (width === 1 || typeof extent === 'number') { s.frame.out.push(...written(tile, typeof extent === 'number' ? gcd(width, extent % width === 0 ? width : extent - width) : 1)); return; }
  // fewer than a tile: one by one
  s.frame.out.push(m.if(m.i32.ge_s(extentNode(s, extent), m.i32.const(width)), m.block(null, [...written(tile, 1)]), m.block(null, [...written(one, 1)])));
}
/** How many positions, or vectors of four, at once. */
interface Width { readonly count: number; readonly step: number }
const one: Width = { count: 1, step: 1 };
type WriteLoop = (from: Bound, to: Bound, by: Width, options?: LoopOptions) => void;
type WriteBody = (count: number, step: number, fresh?: number) => () => void;

/** What whole tiles leave over: vectors, then one vector that begins among elements that are done, or one by one. */
function writeRest(s: Scope, axis: Axis, role: Role, loop: WriteLoop, body: WriteBody): void {
  const step = role.kind === 'lanes' ? 4 : 1;
  const all = roundedDown(s, axis.extent, 1);
  const tiles = roundedDown(s, axis.extent, role.count * step);
  const vectors = step === 4 && role.count > 1 ? roundedDown(s, axis.extent, 4) : tiles;
  if (vectors !== tiles) loop(tiles, vectors, { count: 1, step: 4 });
  if (step === 4 && typeof all === 'number' && typeof vectors === 'number' && all > vectors) {
    // those elements are computed in vain and not stored
    writeLoop(s, axis.name, all - 4, all, 4, {}, body(1, 4, 4 - (all - vectors)));
    return;
  }
  loop(vectors, all, one);
}

/** Tiles of the loop that threads share, the last of which may be a shorter one. */
export function tilesOf(s: Scope, loop: Stmt & { readonly kind: 'map' }, plan: Plan): Tiles {
  const { m } = s;
  const { axis } = loop;
  const role = plan.roles.get(loop);
  const width = (role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1);
  const extent = (): Node => extentNode(s, axis.extent);
  if (typeof axis.extent === 'number') return { count: m.i32.const(Math.ceil(axis.extent / width)), width: m.i32.const(width) };
  if (width === 1) return { count: extent(), width: m.i32.const(1) };
  const count = (): Node => m.i32.div_u(m.i32.add(extent(), m.i32.const(width - 1)), m.i32.const(width));
  // fewer than a tile are shared one by one
  const isEnough = (): Node => m.i32.ge_s(extent(), m.i32.const(width));
  return plan.mayRepeat ? { count: m.select(isEnough(), count(), extent()), width: m.select(isEnough(), m.i32.const(width), m.i32.const(1)) } : { count: count(), width: m.i32.const(width) };
}

export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
