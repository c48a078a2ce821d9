/**
 * How WebAssembly says each operation, one value at a time and four at a time. Imagine a phrase book with two columns: a
 * scalar (f32, i32, a bool as 0 or 1) and a v128 (four of them, a bool as all ones or all zeros).
 */
import type binaryen from 'binaryen';
import type { BitOp, CoreOp, Op } from '../../ops/names.ts';

export type Module = binaryen.Module;
/** One instruction with its arguments. It may stand in one place only. */
export type Node = binaryen.ExpressionRef;

/** What this target says itself; all other operations are expanded before. */
export type SpelledOp = CoreOp | BitOp | 'neg' | 'abs';
/** `a`, `b`, `c`: the arguments. An operation of fewer ignores the rest. */
export type Spelling = (m: Module, a: Node, b: Node, c: Node) => Node;

/** The mask that says where a number is finite: |x| < ∞, which NaN is not. */
const scalarFinite: Spelling = (m, a) => m.f32.lt(m.f32.abs(a), m.f32.const(Infinity));

export const scalarOps: Readonly<Record<SpelledOp, Spelling>> = {
  add: (m, a, b) => m.f32.add(a, b), sub: (m, a, b) => m.f32.sub(a, b), mul: (m, a, b) => m.f32.mul(a, b), div: (m, a, b) => m.f32.div(a, b),
  min: (m, a, b) => m.f32.min(a, b), max: (m, a, b) => m.f32.max(a, b), floor: (m, a) => m.f32.floor(a), sqrt: (m, a) => m.f32.sqrt(a),
  neg: (m, a) => m.f32.neg(a), abs: (m, a) => m.f32.abs(a),
  lt: (m, a, b) => m.f32.lt(a, b), le: (m, a, b) => m.f32.le(a, b), eq: (m, a, b) => m.f32.eq(a, b),
  and: (m, a, b) => m.i32.and(a, b), or: (m, a, b) => m.i32.or(a, b), not: (m, a) => m.i32.eqz(a),
  select: (m, a, b, c) => m.select(a, b, c),
  float: (m, a) => m.f32.convert_s.i32(a), finite: scalarFinite,
  ult: (m, a, b) => m.i32.lt_u(a, b), ueq: (m, a, b) => m.i32.eq(a, b),
  uadd: (m, a, b) => m.i32.add(a, b), usub: (m, a, b) => m.i32.sub(a, b), uxor: (m, a, b) => m.i32.xor(a, b), uand: (m, a, b) => m.i32.and(a, b), uor: (m, a, b) => m.i32.or(a, b),
  ushl: (m, a, b) => m.i32.shl(a, b), ushr: (m, a, b) => m.i32.shr_u(a, b), ishr: (m, a, b) => m.i32.shr_s(a, b),
  ifloat: (m, a) => m.f32.convert_s.i32(a), bits: (m, a) => m.i32.reinterpret(a), unbits: (m, a) => m.f32.reinterpret(a),
};

/** The second argument of a shift is a scalar here too. */
export const laneOps: Readonly<Record<SpelledOp, Spelling>> = {
  add: (m, a, b) => m.f32x4.add(a, b), sub: (m, a, b) => m.f32x4.sub(a, b), mul: (m, a, b) => m.f32x4.mul(a, b), div: (m, a, b) => m.f32x4.div(a, b),
  min: (m, a, b) => m.f32x4.min(a, b), max: (m, a, b) => m.f32x4.max(a, b), floor: (m, a) => m.f32x4.floor(a), sqrt: (m, a) => m.f32x4.sqrt(a),
  neg: (m, a) => m.f32x4.neg(a), abs: (m, a) => m.f32x4.abs(a),
  lt: (m, a, b) => m.f32x4.lt(a, b), le: (m, a, b) => m.f32x4.le(a, b), eq: (m, a, b) => m.f32x4.eq(a, b),
  and: (m, a, b) => m.v128.and(a, b), or: (m, a, b) => m.v128.or(a, b), not: (m, a) => m.v128.not(a),
  select: (m, a, b, c) => m.v128.bitselect(b, c, a),
  float: (m, a) => m.f32x4.convert_i32x4_s(a), finite: (m, a) => m.f32x4.lt(m.f32x4.abs(a), laneConst(m, 'f32', Infinity)),
  ult: (m, a, b) => m.i32x4.lt_u(a, b), ueq: (m, a, b) => m.i32x4.eq(a, b),
  uadd: (m, a, b) => m.i32x4.add(a, b), usub: (m, a, b) => m.i32x4.sub(a, b), uxor: (m, a, b) => m.v128.xor(a, b), uand: (m, a, b) => m.v128.and(a, b), uor: (m, a, b) => m.v128.or(a, b),
  ushl: (m, a, b) => m.i32x4.shl(a, b), ushr: (m, a, b) => m.i32x4.shr_u(a, b), ishr: (m, a, b) => m.i32x4.shr_s(a, b),
  ifloat: (m, a) => m.f32x4.convert_i32x4_s(a), bits: (_, a) => a, unbits: (_, a) => a,
};

/**
 * Maximum and minimum with a literal on the right: one instruction instead of seven, and still NaN where the left is
 * (pmax(a, b) is `a < b ? b : a`).
 */
export const laneOpsWithLiteral: Readonly<Partial<Record<SpelledOp, Spelling>>> = {
  max: (m, a, b) => m.f32x4.pmax(a, b), min: (m, a, b) => m.f32x4.pmin(a, b),
};

export const spells = (op: Op): op is SpelledOp => op in scalarOps;
export const isShift = (op: Op): boolean => op === 'ushl' || op === 'ushr' || op === 'ishr';

/** Four times the same literal. */
export function laneConst(m: Module, type: 'f32' | 'u32' | 'bool', ...values: readonly number[]): Node {
  const bytes = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < 4; i++) {
    const value = values[i % values.length] ?? 0;
    if (type === 'f32') bytes.setFloat32(4 * i, value, true); else bytes.setUint32(4 * i, type === 'bool' ? (value === 0 ? 0 : 0xffffffff) : value >>> 0, true);
  }
  return m.v128.const(new Uint8Array(bytes.buffer));
}
