/**
 * A checked model. Imagine the program with every layer use written out in place and every shape known: a list of
 * values in the order they are computed (single assignment), each made by one function of the language from earlier
 * values. Names, arguments, dimensions and conditions are gone; what is left can be lowered without asking anything.
 */
import type { Span } from '../1-syntax/ast.ts';

/** A number, or the one dimension that varies at run time. A shape has at most one `'batch'`. */
export type Dim = number | 'batch';
export type Shape = readonly Dim[];

/** `class` values are whole numbers below the number of classes; `bool` values come from comparisons. */
export type ElementType = 'float' | 'class' | 'bool';

export type ValueId = number & { readonly brand: 'ValueId' };

/** A value and the chain of places that asked for it: the expression first, then the layer uses around it, innermost first. */
interface Typed { readonly shape: Shape; readonly type: ElementType; readonly origin: readonly Span[] }

export type Value = Typed & (
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'target'; readonly name: string }
  /** The drawn weight, or the trained tensor, `model.variables[path]`. */
  | { readonly kind: 'variable'; readonly path: string }
  | { readonly kind: 'constant'; readonly value: number }
  /** Standard noise, fresh for each sample; the site is that of the path (DECISIONS 1.4). Never inside a scan. */
  | { readonly kind: 'noise'; readonly path: string; readonly family: 'normal' | 'uniform' }
  | { readonly kind: 'apply'; readonly fn: FunctionName; readonly args: readonly ValueId[]; readonly attributes: Attributes }
  /** One result of a scan: carry `index` after the last step, or the yields of all steps with the time at `axis`. */
  | { readonly kind: 'scanResult'; readonly scan: number; readonly what: 'carry' | 'yield'; readonly index: number }
  /** Inside a scan's body: the element of sequence `index` at this step, or carry `index` before this step. */
  | { readonly kind: 'scanArgument'; readonly scan: number; readonly what: 'element' | 'carry'; readonly index: number });

/**
 * `scan`: the values whose ids are in `body` are computed once a step. `over` are the sequences, `elements` and
 * `carries` the arguments of the body, `init` the carries before the first step, `next` those after each step.
 */
export interface ScanRegion {
  readonly axis: number; readonly extent: number; readonly reverse: boolean;
  readonly over: readonly ValueId[]; readonly elements: readonly ValueId[];
  readonly init: readonly ValueId[]; readonly carries: readonly ValueId[]; readonly next: readonly ValueId[];
  readonly yields: ValueId;
  readonly body: readonly ValueId[];
  readonly origin: readonly Span[];
}

/** Compile-time arguments of a function: axes, extents, flags, an einsum's text. */
export type Attributes = Readonly<Record<string, number | boolean | string | readonly number[]>>;

/**
 * Functions that the compiler knows by meaning. Elementwise functions broadcast as in NumPy and keep `'batch'`.
 * The table in `functions.ts` gives each its arguments and shape rule, `3-graph/lower.ts` its graph. Attributes:
 *   sum mean max min logsumexp: { axes: number[], keep: boolean }          axes are >= 0; max, min: first: the gradient goes to the first that attains it
 *   softmax log_softmax: { axis }
 *   matmul: {}  as in NumPy for rank >= 1, leading axes broadcast           einsum: { spec: 'ij,jk->ik' }
 *   transpose: { order }    reshape: { shape: number[] } with -1 for the batch    expand (broadcast to a shape): { shape }, likewise
 *   slice: { starts, stops, steps } one an axis, a batch axis is always whole (start 0, stop -1, step 1)
 *   window: { axis, size, stride, padding, dilation, value } the axis becomes its positions, the taps a new last axis
 *   concat: { axis }        pad: { before, after } one an axis, value: number
 *   gather: { axis }  args (table, index of type class): the axis of the table is replaced by the axes of index
 *   one_hot: { classes }    fill: { value, shape } with -1 for the batch    where: args (condition, a, b)
 *   mse, mae: args (prediction, target), mean over all elements, a scalar    cross_entropy: args (logits, classes), mean, a scalar
 */
export type FunctionName =
  | 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'minimum' | 'maximum'
  | 'neg' | 'abs' | 'exp' | 'log' | 'log1p' | 'expm1' | 'sqrt' | 'square' | 'reciprocal' | 'sin' | 'cos' | 'tanh' | 'sigmoid' | 'softplus'
  | 'relu' | 'leaky_relu' | 'elu' | 'gelu' | 'silu' | 'sign' | 'floor' | 'erf' | 'clamp'
  | 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne' | 'and' | 'or' | 'not' | 'where'
  | 'matmul' | 'einsum' | 'sum' | 'mean' | 'max' | 'min' | 'logsumexp' | 'softmax' | 'log_softmax'
  | 'reshape' | 'transpose' | 'expand' | 'slice' | 'concat' | 'pad' | 'window' | 'gather' | 'one_hot' | 'fill' | 'stop_gradient'
  | 'mse' | 'mae' | 'cross_entropy';

/** A family with its parameters: numbers where they are literal (so that a scale mixture with `pi` 1 can be seen), else values. */
export interface Distribution { readonly family: FamilyName | 'custom'; /** What a family of the author's own is called. */ readonly name?: string; readonly parameters: Readonly<Record<string, FamilyArgument>>; readonly span: Span }
/** A literal number, or a value of the model (tagged, since both are numbers at run time). */
export type FamilyArgument = number | { readonly value: ValueId };
export type FamilyName = 'normal' | 'laplace' | 'student_t' | 'cauchy' | 'uniform' | 'scale_mixture' | 'categorical' | 'bernoulli';

/** How a parameter starts: `mean + sd · ε`, `sd` 0 for a constant. */
export interface Init { readonly mean: number; readonly sd: number }

/**
 * The posterior of a weight. `normal`: w = mu + softplus(rho) · ε (Blundell et al. 2015, section 3.2), two parameters
 * `path.mu` and `path.rho`. `radial`: the same two, w = mu + softplus(rho) · ε/‖ε‖ · |r| with one r a tensor (Farquhar et
 * al. 2020, equation 3). `point`: a delta, one parameter `path.mu`.
 */
export type Posterior = { readonly family: 'normal' | 'radial'; readonly mu: Init; readonly rho: Init } | { readonly family: 'point'; readonly mu: Init };

/**
 * How a weight's draws reach the examples of a batch in training. `shared`: one draw for all. `flipout`: one draw, with signs
 * of each example's own (Wen et al. 2018, equation 4). `local`: the products themselves are drawn, for each example (Kingma
 * et al. 2015, section 2.3); `approximate`: for each position too, which has the right marginals only.
 */
export type Estimator = 'shared' | 'flipout' | 'local' | 'approximate';

export type Variable =
  | {
      readonly kind: 'weight'; readonly path: string; readonly shape: readonly number[];
      readonly prior: Distribution; readonly posterior: Posterior;
      /** Decided at compile time (DECISIONS 1.1); `'none'` for a point posterior. */
      readonly kl: 'exact' | 'sampled' | 'none';
      readonly estimator: Estimator;
      /** log p of the drawn weight, elementwise, for a prior of the author's own. */
      readonly density?: ValueId;
      /** ε is 0, no part in the complexity, `rho` does not train (DECISIONS 1.6). */
      readonly frozen: boolean;
      /** Does not train at all. */
      readonly fixed: boolean;
      readonly doc?: string; readonly origin: readonly Span[];
    }
  | { readonly kind: 'param'; readonly path: string; readonly shape: readonly number[]; readonly init: Init; readonly fixed: boolean; readonly doc?: string; readonly origin: readonly Span[] }
  /** Kept, not trained; a prior's `anchor` is one too. */
  | { readonly kind: 'state'; readonly path: string; readonly shape: readonly number[]; readonly init: Init; readonly doc?: string; readonly origin: readonly Span[] };

/** An input or a target of the model. */
export interface Port { readonly name: string; readonly shape: Shape; readonly type: 'float' | 'class'; /** For `class`. */ readonly classes?: number; readonly doc?: string; readonly span: Span }

/**
 * `observe target ~ family(parameters)`. Parameters broadcast to the target, never the target (DECISIONS 1.17).
 * normal: mean, sd.  categorical: logits [.., classes] (class axis last) for a class target.  bernoulli: logits for a float
 * target of 0 and 1.
 */
export interface Observation {
  readonly target: string; readonly distribution: Distribution; readonly span: Span;
  /** Of a family of the author's own: log p(target), elementwise; a new observation, and its mean, where the family has `draw`. */
  readonly custom?: { readonly density: ValueId; readonly draw?: ValueId; readonly mean?: ValueId };
}

export interface Model {
  readonly name: string;
  readonly doc?: string;
  readonly inputs: readonly Port[];
  readonly targets: readonly Port[];
  /** In order of first use; paths are unique. */
  readonly variables: readonly Variable[];
  /** Arguments come before their uses; `ValueId` is the position. */
  readonly values: readonly Value[];
  readonly scans: readonly ScanRegion[];
  readonly outputs: readonly { readonly name: string; readonly value: ValueId; readonly doc?: string; readonly span: Span }[];
  readonly observations: readonly Observation[];
  /** Scalars added to the objective as they stand. */
  readonly losses: readonly ValueId[];
  /** What states become after a training step. */
  readonly updates: readonly { readonly path: string; readonly value: ValueId }[];
  readonly span: Span;
  /** The model as `predict` computes it, where that differs: kept states, no draws but those of weights, whole weights (DECISIONS 1.10). */
  readonly prediction?: Model;
  /** The training model with the estimator `shared` for all weights, where one has another. */
  readonly shared?: Model;
}
