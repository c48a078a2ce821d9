/**
 * What the author wrote. Imagine the text of a `.bnn` file with the spaces taken out and the precedence made plain:
 * every node is a readonly record, a union on `kind`, and knows the half-open range of text it came from. Nothing here
 * has been looked up or checked; a name is only a word.
 */

/** A half-open range `[start, end)` of UTF-16 offsets in a file. Line and column are computed only when shown. */
export interface Span { readonly file: string; readonly start: number; readonly end: number }

export interface Name { readonly text: string; readonly span: Span }

/** `///` lines joined with `\n`, without the slashes and one leading space. */
export interface Doc { readonly text: string; readonly span: Span }

/** One comment (`// …`, slashes included, without blanks at its end), for the formatter. `///` comments that document a declaration are in its `doc` instead. */
export interface Comment { readonly text: string; readonly span: Span; /** The comment stands alone on its line. */ readonly ownLine: boolean }

export interface Program {
  readonly kind: 'program';
  readonly file: string;
  readonly items: readonly Item[];
  readonly comments: readonly Comment[];
  /** Offsets where something begins after an empty line, for the formatter. */
  readonly blankBefore?: readonly number[];
  readonly span: Span;
}

export type Item = ModelItem | LayerItem | InstanceItem | FamilyItem | ImportItem;

/** `model Name(a: int = 3) { … }` */
export interface ModelItem {
  readonly kind: 'model'; readonly name: Name; readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[]; readonly doc?: Doc; readonly span: Span;
}
/** `layer name(x: [..., n], out: int) -> [..., out] { … }`; the last statement of the body is `return`. */
export interface LayerItem {
  readonly kind: 'layer'; readonly name: Name; readonly parameters: readonly Parameter[];
  readonly result?: TensorType; readonly body: readonly Statement[]; readonly doc?: Doc; readonly span: Span;
}
/** `model Wide = Mlp(hidden: 1024)` */
export interface InstanceItem {
  readonly kind: 'instance'; readonly name: Name; readonly model: Name; readonly args: readonly Argument[];
  readonly doc?: Doc; readonly span: Span;
}

/** `family laplace(loc, scale) { log_density(x) = … draw(eps) = … }` */
export interface FamilyItem {
  readonly kind: 'familyItem'; readonly name: Name; readonly parameters: readonly { readonly name: Name; readonly default?: Expr }[];
  readonly methods: readonly Method[]; readonly doc?: Doc; readonly span: Span;
}
export interface Method { readonly name: Name; readonly argument: Name; readonly value: Expr; readonly span: Span }
/** `import "./layers.bnn"` */
export interface ImportItem { readonly kind: 'import'; readonly path: string; readonly pathSpan: Span; readonly span: Span }

/** `name: type` with an optional default. */
export interface Parameter { readonly name: Name; readonly type: Type; readonly default?: Expr; readonly span: Span }

export type Type =
  | TensorType
  | { readonly kind: 'scalarType'; readonly name: ScalarTypeName; readonly span: Span };
/** `ints`: a tuple of whole numbers, or one that stands for all of them. */
export type ScalarTypeName = 'int' | 'ints' | 'float' | 'bool';

/** `[batch, 13]`, `[..., n]`, or `class(10)[batch]` (whole numbers below 10). */
export interface TensorType {
  readonly kind: 'tensorType';
  readonly dims: readonly DimItem[];
  /** Present on `class(n)[…]`: the number of classes. */
  readonly classes?: Expr;
  readonly span: Span;
}
export type DimItem = Expr | { readonly kind: 'rest'; readonly span: Span };

// ── statements ────────────────────────────────────────────────────────────────────────────────

export type Statement =
  | { readonly kind: 'input' | 'target'; readonly name: Name; readonly type: TensorType; readonly doc?: Doc; readonly span: Span }
  | WeightStatement
  | ParamStatement
  | SettingStatement
  /** `state mean: [c] = 0 if condition`: kept, but not trained. */
  | { readonly kind: 'state'; readonly name: Name; readonly dims: readonly DimItem[]; readonly init?: Expr; readonly condition?: Expr; readonly doc?: Doc; readonly span: Span }
  /** `update mean = expr`, in training only. */
  | { readonly kind: 'update'; readonly name: Name; readonly value: Expr; readonly span: Span }
  /** `draw mask: [..., n] ~ bernoulli(0.9)`; `always`: in prediction too. */
  | { readonly kind: 'draw'; readonly name: Name; readonly always: boolean; readonly dims: readonly DimItem[]; readonly family: FamilyUse; readonly doc?: Doc; readonly span: Span }
  | Repeat
  /** `a, b = expr` */
  | { readonly kind: 'let'; readonly names: readonly Name[]; readonly value: Expr; readonly doc?: Doc; readonly span: Span }
  /** `output p` (name absent, value is a name) or `output p = expr` */
  | { readonly kind: 'output'; readonly name?: Name; readonly value: Expr; readonly doc?: Doc; readonly span: Span }
  | { readonly kind: 'loss'; readonly value: Expr; readonly doc?: Doc; readonly span: Span }
  /** `observe y ~ normal(mean, sd)` */
  | { readonly kind: 'observe'; readonly target: Name; readonly family: FamilyUse; readonly doc?: Doc; readonly span: Span }
  /** `return expr with h: expr, c: expr` */
  | { readonly kind: 'return'; readonly values: readonly Expr[]; readonly fields: readonly { readonly name: Name; readonly value: Expr }[]; readonly span: Span };

/** `repeat 12 as stage { h = h |> block(64) }`: the body, written out so many times; names of outside that it defines again are carried on. */
export interface Repeat { readonly kind: 'repeat'; readonly count: Expr; readonly as?: Name; readonly body: readonly Statement[]; readonly span: Span }

/** `weight w: [n, m] ~ PRIOR by POSTERIOR if condition` */
export interface WeightStatement {
  readonly kind: 'weight'; readonly name: Name; readonly dims: readonly DimItem[];
  readonly prior?: FamilyUse; readonly posterior?: FamilyUse; readonly condition?: Expr; readonly doc?: Doc; readonly span: Span;
}
/** `param scale: [out] = 1.0 if condition` */
export interface ParamStatement {
  readonly kind: 'param'; readonly name: Name; readonly dims: readonly DimItem[];
  readonly init?: Expr; readonly condition?: Expr; readonly doc?: Doc; readonly span: Span;
}

/**
 * What can be set at a model, at a layer's definition (`default prior …`), at a use (`linear(8) { posterior point }`)
 * or at one weight of a use (`{ b: posterior point }`).
 */
export interface SettingStatement {
  readonly kind: 'setting';
  readonly setting: Setting;
  /** `default prior …`: the layer's own default, looked up last (DECISIONS 1.5). */
  readonly isDefault: boolean;
  /** Inside a settings block: the weight it is for. */
  readonly weight?: Name;
  readonly span: Span;
}
export type Setting =
  | { readonly kind: 'prior'; readonly family: FamilyUse; readonly span: Span }
  | { readonly kind: 'posterior'; readonly family: FamilyUse; readonly span: Span }
  | { readonly kind: 'kl'; readonly how: 'sampled' | 'exact'; readonly span: Span }
  | { readonly kind: 'frozen'; readonly span: Span }
  | { readonly kind: 'fixed'; readonly span: Span }
  | { readonly kind: 'estimator'; readonly family: FamilyUse; readonly span: Span };

/** `normal(mu: 0, rho: normal(-5, 0.1))`, or a bare word such as `point`. */
export interface FamilyUse { readonly kind: 'family'; readonly name: Name; readonly args: readonly Argument[]; readonly span: Span }

/** `value` or `label: value`. */
export interface Argument { readonly label?: Name; readonly value: Expr; readonly span: Span }

// ── expressions, loosest first ────────────────────────────────────────────────────────────────

export type Expr =
  /** `a if condition else b`; the condition is decided at compile time. */
  | { readonly kind: 'conditional'; readonly condition: Expr; readonly then: Expr; readonly otherwise: Expr; readonly span: Span }
  /** `value |> use` */
  | { readonly kind: 'pipe'; readonly value: Expr; readonly use: Call; readonly span: Span }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr; readonly span: Span }
  | { readonly kind: 'unary'; readonly op: '-' | 'not'; readonly value: Expr; readonly span: Span }
  | Call
  /** `x[0, 1:3, ...]` */
  | { readonly kind: 'index'; readonly value: Expr; readonly items: readonly IndexItem[]; readonly span: Span }
  /** `steps.h`, `w.T` */
  | { readonly kind: 'field'; readonly value: Expr; readonly name: Name; readonly span: Span }
  | { readonly kind: 'number'; readonly value: number; /** As written, for the formatter. */ readonly text: string; readonly span: Span }
  | { readonly kind: 'bool'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'none'; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  | { readonly kind: 'name'; readonly name: Name; readonly span: Span }
  /** `(3, 5)`: numbers or dimensions. */
  | { readonly kind: 'tuple'; readonly items: readonly Expr[]; readonly span: Span }
  /** `zeros[batch, n]` */
  | { readonly kind: 'fill'; readonly what: 'zeros' | 'ones'; readonly dims: readonly Expr[]; readonly span: Span }
  | Scan;

export type BinaryOp = '+' | '-' | '*' | '/' | '@' | '**' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'and' | 'or';

/**
 * `linear(512, bias: false) { posterior point } as head`. A function, a layer or, right of `|>`, a bare name.
 * In a pipe the piped value is not among `args`.
 */
export interface Call {
  readonly kind: 'call'; readonly callee: Name; readonly args: readonly Argument[];
  /** Written without parentheses (only right of `|>`). */
  readonly bare: boolean;
  readonly settings?: readonly SettingStatement[];
  readonly as?: { readonly name: Name; /** `as enc again`: share the weights of the earlier use. */ readonly again: boolean };
  readonly span: Span;
}

export type IndexItem =
  | { readonly kind: 'at'; readonly value: Expr; readonly span: Span }
  | { readonly kind: 'slice'; readonly from?: Expr; readonly to?: Expr; readonly step?: Expr; readonly span: Span }
  | { readonly kind: 'rest'; readonly span: Span };

/** `scan xt, mt over x, m axis 1 reverse with h = zeros[batch, n] { …; yield h }` */
export interface Scan {
  readonly kind: 'scan';
  readonly names: readonly Name[]; readonly over: readonly Expr[]; readonly axis: number; readonly reverse: boolean;
  readonly carry: readonly { readonly name: Name; readonly init: Expr }[];
  readonly body: readonly Statement[];
  readonly yields: Expr;
  readonly span: Span;
}
