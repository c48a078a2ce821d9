/**
 * A way to build expressions without saying of what: derivatives and expansions are written once against it, and come out as
 * graph nodes, as kernel expressions, or as numbers.
 */
import type { Op } from './names.ts';

export interface Algebra<T> {
  /** An f32 constant. */
  lit(value: number): T;
  /** A u32 constant. */
  word(value: number): T;
  op(op: Op, ...args: readonly T[]): T;
}

/** Short names for the ops of an algebra, so that a formula reads as one. */
export const words = <T>(a: Algebra<T>) => ({
  add: (x: T, y: T): T => a.op('add', x, y), sub: (x: T, y: T): T => a.op('sub', x, y), mul: (x: T, y: T): T => a.op('mul', x, y), div: (x: T, y: T): T => a.op('div', x, y),
  min: (x: T, y: T): T => a.op('min', x, y), max: (x: T, y: T): T => a.op('max', x, y), neg: (x: T): T => a.op('neg', x), abs: (x: T): T => a.op('abs', x),
  lt: (x: T, y: T): T => a.op('lt', x, y), select: (c: T, x: T, y: T): T => a.op('select', c, x, y),
  /** Horner's rule: coefficients from the highest power down. */
  polynomial: (x: T, coefficients: readonly number[]): T =>
    coefficients.slice(1).reduce((p, c) => a.op('add', a.op('mul', p, x), a.lit(c)), a.lit(coefficients[0] ?? 0)),
});
