/**
 * The scalar operations, one record each: what it means, what type it gives, what it costs, its partial derivatives, and,
 * for derived ones, how it is made of simpler ones. Every target is tested against the meaning, every derivative against
 * finite differences, every expansion in single precision against the meaning.
 */
import type { Algebra } from './algebra.ts';
import { words } from './algebra.ts';
import { erf, expansions } from './expansions.ts';
import type { BitOp, CoreOp, DerivedOp, Op, ScalarType } from './names.ts';

export type { Algebra } from './algebra.ts';

export interface OpRecord {
  /** Types of the arguments; `T` is the type of the result of `select`. */
  readonly args: readonly (ScalarType | 'T')[];
  /** The result's type; `'same'`: that of the second argument. */
  readonly result: ScalarType | 'same';
  /** The meaning in double precision; u32 as whole numbers below 2^32, bool as 0 and 1. */
  readonly eval: (...x: number[]) => number;
  /** Partial derivatives with respect to the arguments; `y` is the result. Absent: zero everywhere. */
  readonly diff?: <T>(a: Algebra<T>, y: T, ...x: T[]) => readonly (T | undefined)[];
  readonly cost: 'arithmetic' | 'transcendental';
}
/** A derived op: `expand` gives the same value out of core and bit ops, in single precision. */
export interface DerivedRecord extends OpRecord { readonly expand: <T>(a: Algebra<T>, ...x: T[]) => T }

type Args = readonly number[];
const at = (x: Args, i: number): number => x[i] ?? NaN;
const unary = (f: (x: number) => number) => (...x: number[]): number => f(at(x, 0));
const binary = (f: (x: number, y: number) => number) => (...x: number[]): number => f(at(x, 0), at(x, 1));
const bool = (f: (x: number, y: number) => boolean) => binary((x, y) => (f(x, y) ? 1 : 0));
/** Partial derivatives of an op of one or two arguments. */
const d1 = (f: <T>(w: ReturnType<typeof words<T>>, a: Algebra<T>, y: T, x: T) => T): NonNullable<OpRecord['diff']> => (a, y, x) => (x === undefined ? [] : [f(words(a), a, y, x)]);
const d2 = (f: <T>(w: ReturnType<typeof words<T>>, a: Algebra<T>, y: T, p: T, q: T) => readonly [T, T]): NonNullable<OpRecord['diff']> => (a, y, p, q) => (p === undefined || q === undefined ? [] : f(words(a), a, y, p, q));
const ff = { args: ['f32', 'f32'], result: 'f32', cost: 'arithmetic' } as const;
const f = { args: ['f32'], result: 'f32', cost: 'arithmetic' } as const;
const slow = { ...f, cost: 'transcendental' } as const;
const compare = { args: ['f32', 'f32'], result: 'bool', cost: 'arithmetic' } as const;
const uu = { args: ['u32', 'u32'], result: 'u32', cost: 'arithmetic' } as const;

/** Half to each where they are equal (DECISIONS 1.25). */
const smaller = <T>(w: ReturnType<typeof words<T>>, a: Algebra<T>, p: T, q: T): T => w.select(w.lt(p, q), a.lit(1), w.select(w.lt(q, p), a.lit(0), a.lit(0.5)));

export const core: Readonly<Record<CoreOp, OpRecord>> = {
  add: { ...ff, eval: binary((x, y) => x + y), diff: d2((_, a) => [a.lit(1), a.lit(1)]) },
  sub: { ...ff, eval: binary((x, y) => x - y), diff: d2((_, a) => [a.lit(1), a.lit(-1)]) },
  mul: { ...ff, eval: binary((x, y) => x * y), diff: d2((_, __, ___, p, q) => [q, p]) },
  div: { ...ff, cost: 'transcendental', eval: binary((x, y) => x / y), diff: d2((w, a, y, _, q) => { const r = a.op('reciprocal', q); return [r, w.neg(w.mul(y, r))]; }) },
  min: { ...ff, eval: binary(Math.min), diff: d2((w, a, _, p, q) => [smaller(w, a, p, q), smaller(w, a, q, p)]) },
  max: { ...ff, eval: binary(Math.max), diff: d2((w, a, _, p, q) => [smaller(w, a, q, p), smaller(w, a, p, q)]) },
  floor: { ...f, eval: unary(Math.floor) },
  sqrt: { ...slow, eval: unary(Math.sqrt), diff: d1((w, a, y) => w.div(a.lit(0.5), y)) },
  lt: { ...compare, eval: bool((x, y) => x < y) },
  le: { ...compare, eval: bool((x, y) => x <= y) },
  eq: { ...compare, eval: bool((x, y) => x === y) },
  and: { ...compare, args: ['bool', 'bool'], eval: bool((x, y) => x !== 0 && y !== 0) },
  or: { ...compare, args: ['bool', 'bool'], eval: bool((x, y) => x !== 0 || y !== 0) },
  not: { ...compare, args: ['bool'], eval: unary(x => (x === 0 ? 1 : 0)) },
  select: {
    args: ['bool', 'T', 'T'], result: 'same', cost: 'arithmetic', eval: (...x) => (at(x, 0) !== 0 ? at(x, 1) : at(x, 2)),
    diff: (a, _, c) => (c === undefined ? [] : [undefined, a.op('select', c, a.lit(1), a.lit(0)), a.op('select', c, a.lit(0), a.lit(1))]),
  },
  float: { args: ['u32'], result: 'f32', cost: 'arithmetic', eval: unary(x => x) },
  finite: { args: ['f32'], result: 'bool', cost: 'arithmetic', eval: unary(x => (Number.isFinite(x) ? 1 : 0)) },
  ult: { ...compare, args: ['u32', 'u32'], eval: bool((x, y) => x < y) },
  ueq: { ...compare, args: ['u32', 'u32'], eval: bool((x, y) => x === y) },
};

const view = new DataView(new ArrayBuffer(4));
const toBits = (x: number): number => { view.setFloat32(0, x); return view.getUint32(0); };
const fromBits = (x: number): number => { view.setUint32(0, x); return view.getFloat32(0); };
export const bits: Readonly<Record<BitOp, OpRecord>> = {
  uadd: { ...uu, eval: binary((x, y) => (x + y) >>> 0) },
  usub: { ...uu, eval: binary((x, y) => (x - y) >>> 0) },
  uxor: { ...uu, eval: binary((x, y) => (x ^ y) >>> 0) },
  uand: { ...uu, eval: binary((x, y) => (x & y) >>> 0) },
  uor: { ...uu, eval: binary((x, y) => (x | y) >>> 0) },
  ushl: { ...uu, eval: binary((x, y) => (x << y) >>> 0) },
  ushr: { ...uu, eval: binary((x, y) => x >>> y) },
  ishr: { ...uu, eval: binary((x, y) => (x >> y) >>> 0) },
  ifloat: { args: ['u32'], result: 'f32', cost: 'arithmetic', eval: unary(x => x | 0) },
  bits: { args: ['f32'], result: 'u32', cost: 'arithmetic', eval: unary(toBits) },
  unbits: { args: ['u32'], result: 'f32', cost: 'arithmetic', eval: unary(fromBits) },
};

const derive = (op: DerivedOp, record: OpRecord): DerivedRecord => ({ ...record, expand: expansions[op] });
export const derived: Readonly<Record<DerivedOp, DerivedRecord>> = {
  neg: derive('neg', { ...f, eval: unary(x => -x), diff: d1((_, a) => a.lit(-1)) }),
  abs: derive('abs', { ...f, eval: unary(Math.abs), diff: d1((_, a, __, x) => a.op('sign', x)) }),
  square: derive('square', { ...f, eval: unary(x => x * x), diff: d1((w, a, _, x) => w.mul(a.lit(2), x)) }),
  reciprocal: derive('reciprocal', { ...slow, eval: unary(x => 1 / x), diff: d1((w, _, y) => w.neg(w.mul(y, y))) }),
  sign: derive('sign', { ...f, eval: unary(Math.sign) }),
  /** relu'(0) = 0; the derivative is told by the result, so that the argument need not be kept. */
  relu: derive('relu', { ...f, eval: unary(x => Math.max(x, 0)), diff: d1((w, a, y) => w.select(w.lt(a.lit(0), y), a.lit(1), a.lit(0))) }),
  pow: derive('pow', {
    ...ff, cost: 'transcendental', eval: binary(Math.pow),
    diff: d2((w, a, y, p, q) => [w.mul(q, a.op('pow', p, w.sub(q, a.lit(1)))), w.mul(y, a.op('log', p))]),
  }),
  exp: derive('exp', { ...slow, eval: unary(Math.exp), diff: d1((_, __, y) => y) }),
  log: derive('log', { ...slow, eval: unary(Math.log), diff: d1((_, a, __, x) => a.op('reciprocal', x)) }),
  log1p: derive('log1p', { ...slow, eval: unary(Math.log1p), diff: d1((w, a, _, x) => a.op('reciprocal', w.add(x, a.lit(1)))) }),
  expm1: derive('expm1', { ...slow, eval: unary(Math.expm1), diff: d1((w, a, y) => w.add(y, a.lit(1))) }),
  sin: derive('sin', { ...slow, eval: unary(Math.sin), diff: d1((_, a, __, x) => a.op('cos', x)) }),
  cos: derive('cos', { ...slow, eval: unary(Math.cos), diff: d1((w, a, _, x) => w.neg(a.op('sin', x))) }),
  tanh: derive('tanh', { ...slow, eval: unary(Math.tanh), diff: d1((w, a, y) => w.sub(a.lit(1), w.mul(y, y))) }),
  sigmoid: derive('sigmoid', { ...slow, eval: unary(x => 1 / (1 + Math.exp(-x))), diff: d1((w, a, y) => w.mul(y, w.sub(a.lit(1), y))) }),
  softplus: derive('softplus', { ...slow, eval: unary(x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))), diff: d1((_, a, __, x) => a.op('sigmoid', x)) }),
  /** d erf/dx = 2/√π e^(-x²). */
  erf: derive('erf', { ...slow, eval: unary(erf), diff: d1((w, a, _, x) => w.mul(a.lit(2 / Math.sqrt(Math.PI)), a.op('exp', w.neg(w.mul(x, x))))) }),
  pow2: derive('pow2', { ...f, eval: unary(x => 2 ** x) }),
};

export const ops: Readonly<Record<Op, OpRecord>> = { ...core, ...bits, ...derived };
export const isDerived = (op: Op): op is DerivedOp => op in derived;
