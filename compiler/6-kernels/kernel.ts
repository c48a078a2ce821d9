/**
 * The kernel form: what all targets print. Imagine one output element (or one small row of them) and the straight-line
 * arithmetic that makes it; a kernel says nothing about threads, lanes, tiles or registers. `axes` are the grid: every
 * position is independent of every other and may run in any order or at once. Inside, `map` and `fold` are loops.
 *
 * The ten extensions of DECISIONS part 4 live here: typed scalars (E1), index expressions with guards (E2), folds of
 * tuples (E3), contractions as annotated folds (E4), several results at any depth (E5), two run-time extents and the
 * step record (E6), folds with loaded bounds (E7), `loop` in the schedule (E8), and outlined functions (E10).
 */
import type { Span } from '../1-syntax/ast.ts';
import type { Op, ScalarType } from '../ops/names.ts';

/** The two extents that vary at run time: live rows of the batch, live Monte Carlo samples. */
export type Dynamic = 'rows' | 'samples';

/** How many: `times · Π by`. A plain number where nothing varies. */
export type Size = number | { readonly times: number; readonly by: readonly Dynamic[] };

/** A loop variable, a u32 from 0 up to (not including) `extent`. Names are unique inside a kernel, except in disjoint scopes. */
export interface Axis { readonly name: string; readonly extent: number | Dynamic }

/**
 * A whole number: `constant + Σ coefficient · atom`. Signed while it is being computed (padding makes it negative);
 * a guard keeps a negative one from being used. Atoms of equal key appear once (see `index.ts`, which builds these).
 */
export interface Index { readonly constant: number; readonly terms: readonly Term[] }
export interface Term { readonly coefficient: Size; readonly atom: Atom }
export type Atom =
  | { readonly kind: 'axis'; readonly name: string }
  /** ⌊index / by⌋ and index mod by, for index >= 0; `by` a literal > 0. For a negative index the value is any number: it must be behind a guard. */
  | { readonly kind: 'div'; readonly index: Index; readonly by: number }
  | { readonly kind: 'mod'; readonly index: Index; readonly by: number }
  /** A u32 value: a load (gather), or a field of the step record. */
  | { readonly kind: 'value'; readonly value: Expr };

/** `from <= index < below`. */
export interface Condition { readonly index: Index; readonly from: number; readonly below: Size }

export type Expr =
  | { readonly kind: 'lit'; readonly type: ScalarType; readonly value: number }
  /** A `let`, a fold's carry, or a parameter of an outlined function. */
  | { readonly kind: 'ref'; readonly type: ScalarType; readonly name: string }
  /** An index as a number of type u32. */
  | { readonly kind: 'index'; readonly type: 'u32'; readonly index: Index }
  /** One element of a buffer, `offset` in elements; `fill` where a condition of the guard does not hold. */
  | { readonly kind: 'load'; readonly type: ScalarType; readonly buffer: string; readonly offset: Index; readonly guard?: readonly Condition[]; readonly fill?: number }
  /** A field of the step record: the same for all elements. */
  | { readonly kind: 'scalar'; readonly type: 'f32' | 'u32'; readonly name: string }
  | { readonly kind: 'op'; readonly type: ScalarType; readonly op: Op; readonly args: readonly Expr[] }
  /** True where all conditions hold. */
  | { readonly kind: 'inside'; readonly type: 'bool'; readonly guard: readonly Condition[] }
  /**
   * Standard noise (DECISIONS 1.4): word `element mod 4` of Threefry4x32-13 at counter (element div 4, sample, count lo, count hi)
   * and key (seed lo, seed hi, purpose, site), `sample` being relative to `sampleBase`; the other five are fields of the
   * step record. Normal: words (0,1) and (2,3) make two Box-Muller pairs. Uniform: (word >> 8) · 2^-24 + 2^-25, in (0, 1).
   * All noise is multiplied by nothing here: freezing is arithmetic in the graph.
   */
  | { readonly kind: 'noise'; readonly type: 'f32'; readonly family: 'normal' | 'uniform'; readonly site: number; readonly sample: Index; readonly element: Index };

export interface Carry { readonly name: string; readonly type: ScalarType; readonly init: Expr; readonly next: Expr }

export type Stmt =
  | { readonly kind: 'let'; readonly name: string; readonly value: Expr }
  | Fold
  /** An inner loop whose turns are independent: it has stores but carries nothing. */
  | { readonly kind: 'map'; readonly axis: Axis; readonly body: readonly Stmt[] }
  /** At most one store to each element of a buffer in the whole kernel. */
  | { readonly kind: 'store'; readonly buffer: string; readonly offset: Index; readonly value: Expr };

/**
 * `carries` start at `init`; each turn runs `body`, then replaces all carries by their `next` at once (`next` sees the old
 * ones). After it they can be read. Turns run in order, 0 up; a target may cut a fold with `combine` into parts, as a
 * function of its extent alone.
 */
export interface Fold {
  readonly kind: 'fold'; readonly axis: Axis; readonly carries: readonly Carry[]; readonly body: readonly Stmt[];
  /** E7: the axis runs from `bounds[0]` to `bounds[1]`, both u32, instead of 0 to the extent. */
  readonly bounds?: readonly [Expr, Expr];
  /** How two partial results of each carry join: present when every `next` is `carry ∘ (something without a carry)`. */
  readonly combine?: readonly ('add' | 'max' | 'min' | 'mul')[];
  /**
   * E4: this fold is a contraction: every `next` adds products P·Q. `rows` are the grid or map axes that only P varies
   * along, `columns` those that only Q does, `batch` those both do. Set by `recognize`; targets may build tiles from it.
   */
  readonly contraction?: { readonly rows: readonly string[]; readonly columns: readonly string[]; readonly batch: readonly string[] };
}

/**
 * `read`: only loaded. `write`: only stored. `update`: read where it is written, in another loop of the same position at the
 * elements that this position stores, or where no position stores (the verifier proves it), so no position sees another's write.
 */
export interface BufferUse { readonly name: string; readonly type: 'f32' | 'u32'; readonly size: Size; readonly access: 'read' | 'write' | 'update' }

export interface Kernel {
  readonly name: string;
  readonly buffers: readonly BufferUse[];
  /** The grid, outermost first. Empty: one position. */
  readonly axes: readonly Axis[];
  readonly body: readonly Stmt[];
  /** Source text fused into this kernel, for `explain` and for errors. */
  readonly origins: readonly Span[];
  /** How often a run of a program runs it, if not once: for each turn of a loop, or less where the program is run less than others. What its code costs is paid once. */
  readonly turns?: number;
}

/**
 * Fields of the step record (E6) that every program has: extents, the offset of this call inside the caller's rows and
 * samples, the key and counter of the noise, the turn of the innermost `loop` (the schedule names more of those).
 */
export const recordFields = [
  'rows', 'samples', 'rowBase', 'sampleBase', 'seedLo', 'seedHi', 'purpose', 'countLo', 'countHi',
] as const;
