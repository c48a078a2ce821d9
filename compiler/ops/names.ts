/**
 * The names of the scalar operations, in one place, so that a table with a missing row does not compile. What each means,
 * its derivative and its expansion into simpler ones are in `table.ts`.
 *
 * Three scalar types: `f32`, `u32`, `bool`. A target whose numbers are all floats (gpu.js) may hold u32 as a float: only
 * `BitOp` needs real integers.
 */

export type ScalarType = 'f32' | 'u32' | 'bool';

/** Every target must spell these. f32 unless said. */
export type CoreOp =
  | 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'floor' | 'sqrt'
  /** f32, f32 -> bool */
  | 'lt' | 'le' | 'eq'
  /** bool, bool -> bool */
  | 'and' | 'or' | 'not'
  /** bool, T, T -> T */
  | 'select'
  /** u32 -> f32, exact below 2^24. */
  | 'float'
  /** f32 -> bool: neither infinite nor NaN. */
  | 'finite'
  /** u32, u32 -> bool */
  | 'ult' | 'ueq';

/** Integer arithmetic modulo 2^32 and reinterpretation: only targets with integers spell these. */
export type BitOp =
  | 'uadd' | 'usub' | 'uxor' | 'uand' | 'uor'
  /** u32, u32 -> u32: shift by a literal below 32. */
  | 'ushl' | 'ushr'
  /** Arithmetic shift right of the bits as a signed number. */
  | 'ishr'
  /** u32 -> f32: the bits read as a signed integer, converted. */
  | 'ifloat'
  /** Reinterpret the bits. */
  | 'bits' | 'unbits';

/** f32 functions with an expansion into core and bit ops; a target may spell one natively where its accuracy suffices. */
export type DerivedOp =
  | 'neg' | 'abs' | 'square' | 'reciprocal' | 'sign' | 'relu' | 'pow' | 'exp' | 'log' | 'log1p' | 'expm1' | 'sin' | 'cos'
  | 'tanh' | 'sigmoid' | 'softplus' | 'erf'
  /** 2^k for a whole k in [-126, 127]. */
  | 'pow2';

export type Op = CoreOp | BitOp | DerivedOp;
