/**
 * Folds. Imagine the carries of all elements of a tile as a block of locals that one loop brings forward; or, where no axis of
 * the tile is in the lanes, four turns of the fold at once, whose partial results are joined at the end.
 */
import { InternalError } from '../../diagnostics.ts';
import type { Carry, Expr, Fold, Stmt } from '../../6-kernels/kernel.ts';
import { eachChild } from '../../6-kernels/map.ts';
import { mostCarries, nominalOf } from './cost.ts';
import { withPanels } from './panels.ts';
import type { Plan } from './plan.ts';
import { empty, get, needsOf, newLocal, positions, projection, put, valueType } from './scope.ts';
import type { Binding, Local, Position, Region, Scope } from './scope.ts';
import type { Node } from './spellings.ts';
import { mine } from './threads.ts';
import { inRegion, roundedDown, writeBlock, writeLoop } from './statements.ts';
import type { Bound } from './statements.ts';
import { value, wideLiteral, wideValue } from './values.ts';

/** A loop that carries values from turn to turn. */
export function writeFold(s: Scope, given: Fold, plan: Plan): void {
  const role = plan.roles.get(given);
  const nest = sumsOf(given, plan);
  if (nest.length > 1 || role?.kind === 'lanes') { writeSums(s, nest, plan); return; }
  const fold = withPanels(s, given, plan);
  const deps = carryDeps(s, fold);
  const carries = bindCarries(s, fold, deps, s.region.lane, (c, p, wide) => (wide ? wideValue(s, c.init, p) : value(s, c.init, p)));
  const [from, to] = fold.bounds
    ? fold.bounds.map(b => { const l = newLocal(s, s.b.i32); put(s, s.frame, l, value(s, b, uniform(s))); return l; })
    : [0, roundedDown(s, fold.axis.extent, 1)];
  if (fold.bounds?.some(b => needsOf(s, b).deps.size > 0 && s.region.sides.some(x => needsOf(s, b).deps.has(x.axis)))) fail('a fold whose bounds differ inside a tile');
  const around = s.folds;
  s.folds = [...around, { axis: fold.axis, depth: s.frame.depth, isWrittenOut: (role?.count ?? 1) > 1 }];
  if (foldTurns(s, fold, carries, from ?? 0, to ?? 0, role?.count ?? 1, plan)) layDown(s, carries);
  s.folds = around;
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

/** The turns of a fold in order, `times` of them written out in each turn of the loop where that goes evenly. Says whether its carries need all registers. */
function foldTurns(s: Scope, fold: Fold, carries: ReadonlyMap<string, Binding>, from: Bound, to: Bound, times: number, plan: Plan, isInNest = false): boolean {
  const axis = fold.axis.name;
  const turns = (count: number) => (): void => {
    for (const [name, b] of carries) s.names.set(name, { ...b, deps: new Set([...b.deps, axis]), depth: s.frame.depth });
    for (let i = 0; i < count; i++) {
      inRegion(s, { ...s.region, turns: new Map([...s.region.turns, [axis, i]]) }, () => { writeBlock(s, fold.body, plan); writeNext(s, fold, carries); });
    }
  };
  const mayBeEmpty = fold.bounds !== undefined;
  const locals = localsOf(carries);
  const isFull = (!isInNest || nominalOf(fold.axis.extent) >= fullTurns) && locals.length === mostCarries && locals.every(l => l.type === s.b.v128) && fold.body.every(b => b.kind === 'let');
  if (typeof from === 'number' && typeof to === 'number' && times > 1) {
    const rest = (to - from) % times;
    writeLoop(s, axis, from, to - rest, times, { mayBeEmpty }, turns(times));
    if (rest > 0) writeLoop(s, axis, to - rest, to, rest, { mayBeEmpty }, turns(rest));
    return false;
  }
  writeLoop(s, axis, from, to, 1, { mayBeEmpty, isFull }, turns(1));
  return isFull;
}

const localsOf = (carries: ReadonlyMap<string, Binding>): readonly Local[] => [...carries.values()].flatMap(b => [...b.locals.values()]);
/** Turns of a nest's innermost loop from which on it is left as it stands. */
const fullTurns = 16;
/** Stores vectors that a loop has carried, and loads them again: `neverRepeated` says why. */
function layDown(s: Scope, carries: ReadonlyMap<string, Binding>): void {
  const locals = localsOf(carries);
  const at = s.allocate(16 * locals.length);
  const base = newLocal(s, s.b.i32);
  put(s, s.frame, base, mine(s.m, s.b, 'scratch'));
  locals.forEach((l, i) => { s.frame.out.push(s.m.v128.store(at + 16 * i, 16, get(s, base), get(s, l))); });
  locals.forEach((l, i) => { put(s, s.frame, l, s.m.v128.load(at + 16 * i, 16, get(s, base))); });
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
      const next = b.lane !== undefined ? wideValue(s, productFirst(c), p) : value(s, c.next, p);
      if (!mixed) { put(s, s.frame, local, next); continue; }
      const waiting = newLocal(s, local.type);
      put(s, s.frame, waiting, next);
      later.push(s.m.local.set(local.index, get(s, waiting)));
    }
  }
  s.frame.out.push(...later);
  s.shared = new Map();
}
/** A sum of a product and the carry with the product on the left: the order that engines with a fused multiply-add can be told in (`runtime/fused.ts`). */
function productFirst({ name, next }: Carry): Expr {
  if (next.kind !== 'op' || next.op !== 'add') return next;
  const [x, y] = next.args;
  return x?.kind === 'ref' && x.name === name && y?.kind === 'op' && y.op === 'mul' ? { ...next, args: [y, x] } : next;
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

/** Turns of a nest, nominally, up to which its sums are one sum: partial sums keep the errors of long ones small. */
const longest = 1024;

/**
 * Folds inside of each other that only add up what the innermost adds up, outermost first: with sums of sums each turn of an outer loop
 * would begin at zero, and with lanes join them, for a handful of turns of the inner one.
 */
function sumsOf(fold: Fold, plan: Plan): readonly [Fold, ...Fold[]] {
  const [inner, ...others] = fold.body;
  if (inner?.kind !== 'fold' || others.length > 0 || plan.roles.has(fold) || fold.bounds || inner.bounds || typeof fold.axis.extent !== 'number' || fold.carries.length !== inner.carries.length) return [fold];
  const adds = fold.carries.every(({ name, next }, i) => {
    const part = inner.carries[i];
    const refs = next.kind === 'op' && next.op === 'add' ? next.args.map(a => (a.kind === 'ref' ? a.name : undefined)) : [];
    return part?.init.kind === 'lit' && part.init.value === 0 && inner.combine?.[i] === 'add' && refs.includes(name) && refs.includes(part.name);
  });
  const nest = adds ? sumsOf(inner, plan) : undefined;
  const turns = nest?.reduce((n, f) => n * nominalOf(f.axis.extent), fold.axis.extent) ?? Infinity;
  return nest && turns <= longest ? [fold, ...nest] : [fold];
}

/**
 * A fold, or a nest of sums as one. With lanes: four (or a few times four) partial results side by side, joined at the end, and what
 * is left over one by one. How it is cut follows from the extents alone.
 */
function writeSums(s: Scope, nest: readonly [Fold, ...Fold[]], plan: Plan): void {
  const [first] = nest;
  const fold = nest.at(-1) ?? first;
  const role = plan.roles.get(fold);
  const lanes = role?.kind === 'lanes' ? role : undefined;
  const { combine = [] } = fold;
  const axis = fold.axis.name;
  const outer = s.region;
  const deps = carryDeps(s, first);
  const totals = bindCarries(s, first, deps, lanes ? undefined : outer.lane, (c, p, wide) => (wide ? wideValue(s, c.init, p) : value(s, c.init, p)));
  // the carries of the innermost fold, by its names, are what the outermost begins with
  const innermost = new Map(first.carries.map((c, i) => [fold.carries[i]?.name ?? '', totals.get(c.name) ?? fail('no total')]));
  const width = 4 * (lanes?.count ?? 0);
  const end = lanes ? roundedDown(s, fold.axis.extent, width) : 0;
  const wide: Region = { lane: axis, sides: [...outer.sides, { axis, count: lanes?.count ?? 1, step: 4 }], turns: outer.turns };
  let parts: ReadonlyMap<string, Binding> = new Map();
  if (end !== 0) {
    const along = new Map(first.carries.map((c, i) => [fold.carries[i]?.name ?? '', new Set([...deps.get(c.name) ?? empty, axis])]));
    inRegion(s, wide, () => { parts = bindCarries(s, fold, along, axis, c => wideLiteral(s, 'f32', neutral[combine[fold.carries.indexOf(c)] ?? 'add'])); });
  }
  let isFull = false;
  const turns = (): void => {
    if (end !== 0) {
      inRegion(s, wide, () => {
        writeLoop(s, axis, 0, end, width, {}, () => {
          for (const [name, b] of parts) s.names.set(name, { ...b, depth: s.frame.depth });
          s.needs = new Map();
          writeBlock(s, fold.body, plan);
          writeNext(s, fold, parts);
        });
      });
    }
    if (lanes && end === fold.axis.extent) return;
    const rest = lanes ? fold : withPanels(s, fold, plan);
    const around = s.folds;
    s.folds = [...around, { axis: rest.axis, depth: s.frame.depth, isWrittenOut: !lanes && (role?.count ?? 1) > 1 }];
    isFull = foldTurns(s, rest, innermost, end, roundedDown(s, fold.axis.extent, 1), lanes ? 1 : role?.count ?? 1, lanes ? { ...plan, roles: new Map() } : plan, nest.length > 1);
    s.folds = around;
  };
  const loops = nest.slice(0, -1).reduceRight((inner, f) => (): void => {
    const around = s.folds;
    s.folds = [...around, { axis: f.axis, depth: s.frame.depth, isWrittenOut: false }];
    writeLoop(s, f.axis.name, 0, roundedDown(s, f.axis.extent, 1), 1, {}, inner);
    s.folds = around;
  }, turns);
  loops();
  if (isFull) layDown(s, totals);
  if (end !== 0) {
    fold.carries.forEach((c, i) => {
      const op = combine[i] ?? 'add';
      const total = innermost.get(c.name) ?? fail('no total');
      const part = parts.get(c.name) ?? fail('no parts');
      for (const p of positions(s, total.keys)) {
        const vectors = Array.from({ length: lanes?.count ?? 1 }, (_, k) => part.locals.get(projection({ lane: axis, offsets: new Map([...p.offsets, [axis, 4 * k]]) }, part.keys)) ?? fail('no part'));
        const local = total.locals.get(projection(p, total.keys)) ?? fail('no total');
        put(s, s.frame, local, scalarJoin(s, op, get(s, local), across(s, op, pairwise(s, op, vectors.map(v => get(s, v))))));
      }
    });
  }
  bindAfter(s, first, totals);
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
