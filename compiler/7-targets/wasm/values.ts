/**
 * Expressions as instructions. Imagine asking for an expression at one position of a tile: it is a scalar, or, if it varies
 * along the axis in the lanes, four of them. What several positions share is computed once; what a loop does not change is
 * computed before it; what no vector instruction can do is done lane by lane.
 */
import { InternalError } from '../../diagnostics.ts';
import type { Condition, Expr, Index, Size } from '../../6-kernels/kernel.ts';
import type { ScalarType } from '../../ops/names.ts';
import { address, indexNode, isPowerOfTwo, literalStride, recordField, sizeNode } from './address.ts';
import { noise } from './draws.ts';
import { cached, frameAt, get, needsOf, newLocal, projection, put, sharers, valueType } from './scope.ts';
import type { Local, Position, Scope } from './scope.ts';
import { isShift, laneConst, laneOps, laneOpsWithLiteral, scalarOps, spells } from './spellings.ts';
import type { Node } from './spellings.ts';

/** Whether an expression is four values at this position. */
export const isWide = (s: Scope, e: Expr, p: Position): boolean => p.lane !== undefined && needsOf(s, e).deps.has(p.lane);

/** An expression at a position: a v128 if it is wide there, else a scalar. */
export function value(s: Scope, e: Expr, p: Position): Node {
  switch (e.kind) {
    case 'lit': return literal(s, e.type, e.value);
    case 'scalar': return scalarField(s, e.name, e.type);
    case 'ref': return reference(s, e, p);
    case 'index': if (e.index.terms.length === 0) return indexNode(s, e.index, p);
  }
  const wide = isWide(s, e, p);
  return kept(s, e, p, wide ? 'wide' : 'one', () => make(s, e, p, wide)) ?? make(s, e, p, wide);
}

/** An expression at a position as four values, equal ones if it is not wide. */
export function wideValue(s: Scope, e: Expr, p: Position): Node {
  if (isWide(s, e, p)) return value(s, e, p);
  if (e.kind === 'lit') return wideLiteral(s, e.type, e.value);
  const splat = (): Node => {
    // straight from memory into all lanes: a shuffle less
    if (e.kind === 'load' && !e.guard?.length) {
      const { pointer, offset } = address(s, e.buffer, e.offset, p, false);
      return s.m.v128.load32_splat(offset, 4, pointer());
    }
    return splatNode(s, e.type, value(s, e, p));
  };
  return kept(s, e, p, 'splat', splat) ?? splat();
}
/**
 * Four times a literal, made before all loops: a v128.const takes 18 bytes of code and four instructions each time, a local two
 * bytes and a register, or a load from the stack.
 */
export const wideLiteral = (s: Scope, type: ScalarType, x: number): Node =>
  get(s, cached(s, s.top, `literal ${type} ${Object.is(x, -0) ? '-0' : x}`, s.b.v128, () => splatNode(s, type, literal(s, type, x))));
const splatNode = (s: Scope, type: ScalarType, x: Node): Node =>
  (type === 'f32' ? s.m.f32x4.splat(x) : s.m.i32x4.splat(type === 'bool' ? s.m.i32.sub(s.m.i32.const(0), x) : x));

/** An expression at a position in a local, and the depth at which it is known. */
export function held(s: Scope, e: Expr, p: Position): { readonly local: Local; readonly depth: number } {
  const needs = needsOf(s, e);
  const wide = isWide(s, e, p);
  const type = valueType(s, e.type, wide);
  if (needs.depth < s.frame.depth) return { local: cached(s, frameAt(s, needs.depth), keyOf(s, e, p, wide ? 'wide' : 'one'), type, () => make(s, e, p, wide)), depth: needs.depth };
  const local = newLocal(s, type);
  put(s, s.frame, local, value(s, e, p));
  return { local, depth: s.frame.depth };
}

type Form = 'one' | 'wide' | 'splat';
const numbers = new WeakMap<Expr, number>();
let nextNumber = 0;
export function keyOf(s: Scope, e: Expr, p: Position, form: Form): string {
  let n = numbers.get(e);
  if (n === undefined) numbers.set(e, n = nextNumber++);
  return `${form} ${n}${projection(p, needsOf(s, e).deps)}`;
}

/** The value from a local, where it is worth one: known before this loop, or wanted by several positions. Without `made`: whether it would be. */
function kept(s: Scope, e: Expr, p: Position, form: Form, made?: () => Node): Node | undefined {
  const needs = needsOf(s, e);
  const isOuter = needs.depth < s.frame.depth;
  const isShared = sharers(s, needs.deps) > 1;
  if (!isOuter && !isShared) return undefined;
  if (!made) return s.m.nop();
  const type = valueType(s, e.type, form !== 'one');
  const key = keyOf(s, e, p, form);
  if (isOuter) return get(s, cached(s, frameAt(s, needs.depth), key, type, made));
  const seen = s.shared.get(key);
  if (seen) return get(s, seen);
  const local = newLocal(s, type);
  put(s, s.frame, local, made());
  s.shared.set(key, local);
  return get(s, local);
}

export function literal(s: Scope, type: ScalarType, x: number): Node {
  return type === 'f32' ? s.m.f32.const(x) : s.m.i32.const(type === 'bool' ? Number(x !== 0) : x | 0);
}

function scalarField(s: Scope, name: string, type: 'f32' | 'u32'): Node {
  const local = recordField(s, name);
  const stored = local.type === s.b.f32 ? 'f32' : 'u32';
  if (stored === type) return get(s, local);
  return type === 'f32' ? s.m.f32.convert_u.i32(get(s, local)) : s.m.i32.trunc_u_sat.f32(get(s, local));
}

function reference(s: Scope, e: Expr & { kind: 'ref' }, p: Position): Node {
  const b = s.names.get(e.name) ?? fail(`no value ${e.name}`);
  if (b.alias) return value(s, b.alias, p);
  const at = (offsets: ReadonlyMap<string, number>): Local => b.locals.get(projection({ lane: b.lane, offsets }, b.keys)) ?? fail(`${e.name} has no value here`);
  if (b.lane === undefined || p.lane === b.lane) return get(s, at(p.offsets));
  // one of the lanes
  const offset = p.offsets.get(b.lane) ?? 0;
  const lane = ((offset % 4) + 4) % 4;
  const vector = get(s, at(new Map([...p.offsets, [b.lane, offset - lane]])));
  if (b.type === 'f32') return s.m.f32x4.extract_lane(vector, lane);
  const x = s.m.i32x4.extract_lane(vector, lane);
  return b.type === 'bool' ? s.m.i32.and(x, s.m.i32.const(1)) : x;
}

function make(s: Scope, e: Expr, p: Position, wide: boolean): Node {
  switch (e.kind) {
    case 'op': return wide ? wideOp(s, e, p) : scalarOp(s, e, p);
    case 'load': return wide ? wideLoad(s, e, p) : scalarLoad(s, e, p);
    case 'index': return wide ? wideIndex(s, e.index, p) : indexNode(s, e.index, p);
    case 'inside': return wide ? wideInside(s, e.guard, p) : scalarInside(s, e.guard, p);
    case 'noise': return noise(s, e, p, wide);
    case 'lit': case 'ref': case 'scalar': return value(s, e, p);
  }
}

type OpExpr = Expr & { readonly kind: 'op' };
const argument = (e: OpExpr, i: number): Expr => e.args[i] ?? fail(`${e.op} without its argument`);

function scalarOp(s: Scope, e: OpExpr, p: Position): Node {
  if (!spells(e.op)) return fail(`no spelling for ${e.op}`);
  const nodes = e.args.map(a => value(s, a, p));
  return scalarOps[e.op](s.m, nodes[0] ?? 0, nodes[1] ?? 0, nodes[2] ?? 0);
}
function wideOp(s: Scope, e: OpExpr, p: Position): Node {
  if (!spells(e.op)) return fail(`no spelling for ${e.op}`);
  const [first, second] = e.args;
  const withLiteral = laneOpsWithLiteral[e.op];
  if (withLiteral && (first?.kind === 'lit') !== (second?.kind === 'lit')) {
    const [x, y] = first?.kind === 'lit' ? [argument(e, 1), first] : [argument(e, 0), argument(e, 1)];
    return withLiteral(s.m, wideValue(s, x, p), wideValue(s, y, p), 0);
  }
  if (isShift(e.op)) return laneOps[e.op](s.m, wideValue(s, argument(e, 0), p), value(s, argument(e, 1), { ...p, lane: undefined }), 0);
  const nodes = e.args.map(a => wideValue(s, a, p));
  return laneOps[e.op](s.m, nodes[0] ?? 0, nodes[1] ?? 0, nodes[2] ?? 0);
}

// ── lane by lane ──────────────────────────────────────────────────────────────────────────────

/** The position of one lane, as a scalar. */
export const laneOf = (p: Position, lane: number): Position => {
  const axis = p.lane ?? fail('no lanes');
  return { lane: undefined, offsets: new Map([...p.offsets, [axis, (p.offsets.get(axis) ?? 0) + lane]]) };
};
/** Four scalars side by side. */
export function assemble(s: Scope, type: ScalarType, p: Position, one: (q: Position) => Node): Node {
  const scalar = (i: number): Node => { const x = one(laneOf(p, i)); return type === 'bool' ? s.m.i32.sub(s.m.i32.const(0), x) : x; };
  const replace = type === 'f32' ? s.m.f32x4.replace_lane : s.m.i32x4.replace_lane;
  return [1, 2, 3].reduce((v, i) => replace(v, i, scalar(i)), type === 'f32' ? s.m.f32x4.splat(scalar(0)) : s.m.i32x4.splat(scalar(0)));
}

// ── indices and guards ────────────────────────────────────────────────────────────────────────

function wideIndex(s: Scope, index: Index, p: Position): Node {
  const lane = p.lane ?? fail('no lanes');
  const uses = (t: Index['terms'][number]): boolean => needsOf(s, { kind: 'index', type: 'u32', index: { constant: 0, terms: [t] } }).deps.has(lane);
  const straight = index.terms.filter(t => t.atom.kind === 'axis' && t.atom.name === lane);
  // the first lane of all that is even, then the steps of the lanes, then what bends
  const even = indexNode(s, index, p, t => !uses(t) || straight.includes(t));
  let sum = s.m.i32x4.splat(even);
  for (const t of straight) sum = s.m.i32x4.add(sum, steps(s, t.coefficient));
  for (const t of index.terms) {
    if (!uses(t) || straight.includes(t)) continue;
    const x = wideAtom(s, t.atom, p);
    sum = s.m.i32x4.add(sum, t.coefficient === 1 ? x : s.m.i32x4.mul(x, s.m.i32x4.splat(sizeNode(s, t.coefficient))));
  }
  return sum;
}
const steps = (s: Scope, by: Size): Node =>
  (typeof by === 'number' ? laneConst(s.m, 'u32', 0, by, 2 * by, 3 * by) : s.m.i32x4.mul(s.m.i32x4.splat(sizeNode(s, by)), laneConst(s.m, 'u32', 0, 1, 2, 3)));
function wideAtom(s: Scope, atom: Index['terms'][number]['atom'], p: Position): Node {
  switch (atom.kind) {
    case 'axis': return fail('an axis is straight');
    case 'value': return wideValue(s, atom.value, p);
    case 'div': if (isPowerOfTwo(atom.by)) return s.m.i32x4.shr_s(wideIndex(s, atom.index, p), s.m.i32.const(Math.log2(atom.by))); break;
    case 'mod': if (isPowerOfTwo(atom.by)) return s.m.v128.and(wideIndex(s, atom.index, p), wideLiteral(s, 'u32', atom.by - 1));
  }
  const index: Index = { constant: 0, terms: [{ coefficient: 1, atom }] };
  return assemble(s, 'u32', p, q => indexNode(s, index, q));
}

const below = (c: Condition): number | undefined => (typeof c.below === 'number' ? c.below : undefined);
/** Beyond every index: no condition. */
const unbounded = 2 ** 31;

/** from <= index < below as one unsigned comparison of index - from, where both are literal. */
function scalarCondition(s: Scope, c: Condition, p: Position): Node {
  const top = below(c);
  if (top !== undefined && top - c.from >= unbounded) return s.m.i32.ge_s(indexNode(s, c.index, p), s.m.i32.const(c.from));
  const range = top !== undefined ? s.m.i32.const(top - c.from) : c.from === 0 ? sizeNode(s, c.below) : s.m.i32.sub(sizeNode(s, c.below), s.m.i32.const(c.from));
  return s.m.i32.lt_u(indexNode(s, { ...c.index, constant: c.index.constant - c.from }, p), range);
}
function wideCondition(s: Scope, c: Condition, p: Position): Node {
  const top = below(c);
  if (top !== undefined && top - c.from >= unbounded) return s.m.i32x4.ge_s(wideIndex(s, c.index, p), wideLiteral(s, 'u32', c.from));
  const range = s.m.i32.sub(sizeNode(s, c.below), s.m.i32.const(c.from));
  return s.m.i32x4.lt_u(wideIndex(s, { ...c.index, constant: c.index.constant - c.from }, p), top !== undefined ? wideLiteral(s, 'u32', top - c.from) : s.m.i32x4.splat(range));
}
const conditions = new WeakMap<Condition, Expr>();
/** One condition as an expression, so that it is hoisted like one. */
function conditionExpr(c: Condition): Expr {
  const seen = conditions.get(c);
  if (seen) return seen;
  const made: Expr = { kind: 'inside', type: 'bool', guard: [c] };
  conditions.set(c, made);
  return made;
}
function scalarInside(s: Scope, guard: readonly Condition[], p: Position): Node {
  const [only] = guard;
  if (guard.length === 1 && only) return scalarCondition(s, only, p);
  return guard.map(c => value(s, conditionExpr(c), p)).reduce<Node | undefined>((a, b) => (a === undefined ? b : s.m.i32.and(a, b)), undefined) ?? s.m.i32.const(1);
}
function wideInside(s: Scope, guard: readonly Condition[], p: Position): Node {
  const [only] = guard;
  if (guard.length === 1 && only) return wideCondition(s, only, p);
  return guard.map(c => wideValue(s, conditionExpr(c), p)).reduce((a, b) => s.m.v128.and(a, b));
}

// ── loads ─────────────────────────────────────────────────────────────────────────────────────

type Load = Expr & { readonly kind: 'load' };
const insideOf = (guard: readonly Condition[]): Expr => { const [c] = guard; return guard.length === 1 && c ? conditionExpr(c) : { kind: 'inside', type: 'bool', guard }; };

function plainLoad(s: Scope, e: Load, p: Position, guarded: boolean): Node {
  const { pointer, offset } = address(s, e.buffer, e.offset, p, guarded);
  return e.type === 'f32' ? s.m.f32.load(offset, 4, pointer()) : s.m.i32.load(offset, 4, pointer());
}
function scalarLoad(s: Scope, e: Load, p: Position): Node {
  if (!e.guard?.length) return plainLoad(s, e, p, false);
  // only where the condition holds is there anything to read
  return s.m.if(scalarInside(s, e.guard, p), plainLoad(s, e, p, true), literal(s, e.type, e.fill ?? 0));
}

function wideLoad(s: Scope, e: Load, p: Position): Node {
  const lane = p.lane ?? fail('no lanes');
  const stride = bends(s, e.offset, lane) ? undefined : literalStride(e.offset, lane);
  const guard = e.guard ?? [];
  const isUneven = guard.some(c => varies(s, c.index, lane));
  const fill = (): Node => wideLiteral(s, e.type, e.fill ?? 0);
  if (guard.length > 0 && !isUneven) return s.m.if(value(s, insideOf(guard), p), wholeLoad(s, e, p, stride, true), fill());
  if (guard.length === 0) return wholeLoad(s, e, p, stride, false);
  const each = (): Node => assemble(s, e.type, p, q => scalarLoad(s, e, q));
  const straight = !guard.some(c => bends(s, c.index, lane));
  if (stride !== 1 || !straight) return each();
  // a straight condition that holds for the first and the last lane holds for all
  const all = s.m.i32.and(scalarInside(s, guard, laneOf(p, 0)), scalarInside(s, guard, laneOf(p, 3)));
  return s.m.if(all, wholeLoad(s, e, p, 1, true), each());
}
/** Four elements, each there to be read: neighbours, a literal stride apart, or anywhere. */
function wholeLoad(s: Scope, e: Load, p: Position, stride: number | undefined, guarded: boolean): Node {
  if (stride === 1) {
    const { pointer, offset } = address(s, e.buffer, e.offset, p, guarded);
    return s.m.v128.load(offset, 4, pointer());
  }
  if (stride === undefined) return assemble(s, e.type, p, q => plainLoad(s, e, q, guarded));
  const places = [0, 1, 2, 3].map(i => address(s, e.buffer, e.offset, laneOf(p, i), guarded));
  return places.reduce<Node | undefined>((v, a, i) => (v === undefined ? s.m.v128.load32_zero(a.offset, 4, a.pointer()) : s.m.v128.load32_lane(a.offset, 4, i, a.pointer(), v)), undefined) ?? fail('no lanes');
}

/** Whether an index varies along an axis, and whether it does so inside a quotient, a remainder or a value. */
export const varies = (s: Scope, index: Index, axis: string): boolean => needsOf(s, { kind: 'index', type: 'u32', index }).deps.has(axis);
export const bends = (s: Scope, index: Index, axis: string): boolean => varies(s, { constant: 0, terms: index.terms.filter(t => t.atom.kind !== 'axis') }, axis);

function fail(message: string): never { throw new InternalError('wasm', message); }
