/**
 * What each function of the language is in nodes: one row a function. Arguments arrive as nodes whose shapes the checker
 * has made to fit, the result's shape is known; elementwise functions broadcast their arguments to it first.
 */
import { InternalError } from '../diagnostics.ts';
import type { Attributes, FunctionName } from '../2-check/model.ts';
import type { Op } from '../ops/names.ts';
import type { Builder } from './build.ts';
import { logSoftmax, logSumExp, mean, negativeLogSoftmaxAt, oneHot, softmax, stop } from './compose.ts';
import { einsum, matmul } from './einsum.ts';
import type { Dim, Node, NodeId, Shape } from './graph.ts';

type Lowering = (b: Builder<Node>, args: readonly NodeId[], attributes: Attributes, shape: Shape) => NodeId;

const at = (args: readonly NodeId[], i: number): NodeId => { const a = args[i]; if (a === undefined) throw new InternalError('graph', `argument ${i} is missing`); return a; };
const numbers = (a: Attributes, name: string): readonly number[] => { const v = a[name]; if (!Array.isArray(v)) throw new InternalError('graph', `attribute ${name}`); return v as readonly number[]; }; // arrays in Attributes hold numbers
const number = (a: Attributes, name: string): number => { const v = a[name]; if (typeof v !== 'number') throw new InternalError('graph', `attribute ${name}`); return v; };

/** One op on arguments broadcast to the result's shape. */
const elementwise = (op: Op): Lowering => (b, args, _, shape) => b.map(op, ...args.map(a => b.expand(a, shape)));
/** A formula of one argument, which has the result's shape. */
const formula = (f: (b: Builder<Node>, x: NodeId, c: (value: number) => NodeId, a: Attributes) => NodeId): Lowering =>
  (b, args, a, shape) => f(b, b.expand(at(args, 0), shape), value => b.fill(value, shape), a);
const reversed = (op: Op): Lowering => (b, args, a, shape) => elementwise(op)(b, [...args].reverse(), a, shape);
const negated = (l: Lowering): Lowering => (b, args, a, shape) => b.map('not', l(b, args, a, shape));

/** A reduction with `axes` and `keep`. */
const reduction = (f: (b: Builder<Node>, x: NodeId, axes: readonly number[], a: Attributes) => NodeId): Lowering =>
  (b, args, a, shape) => b.reshape(f(b, at(args, 0), numbers(a, 'axes'), a), shape);
const first = (a: Attributes): true | undefined => (a['first'] === true ? true : undefined);
const all = (shape: Shape): readonly number[] => shape.map((_, d) => d);

/** The two arguments of a loss, and the mean of f over all elements. */
const meanLoss = (f: (b: Builder<Node>, difference: NodeId) => NodeId): Lowering => (b, args) => {
  const value = f(b, b.map('sub', at(args, 0), at(args, 1)));
  return mean(b, value, all(b.shape(value)));
};

export const lowerings: Readonly<Record<FunctionName, Lowering>> = {
  add: elementwise('add'), sub: elementwise('sub'), mul: elementwise('mul'), div: elementwise('div'), pow: power,
  minimum: elementwise('min'), maximum: elementwise('max'),
  neg: elementwise('neg'), abs: elementwise('abs'), exp: elementwise('exp'), log: elementwise('log'), log1p: elementwise('log1p'), expm1: elementwise('expm1'),
  sqrt: elementwise('sqrt'), square: elementwise('square'), reciprocal: elementwise('reciprocal'), sin: elementwise('sin'), cos: elementwise('cos'),
  tanh: elementwise('tanh'), sigmoid: elementwise('sigmoid'), softplus: elementwise('softplus'), sign: elementwise('sign'), floor: elementwise('floor'), erf: elementwise('erf'),
  relu: elementwise('relu'),
  leaky_relu: formula((b, x, c, a) => b.map('select', b.map('lt', c(0), x), x, b.map('mul', c(number(a, 'slope')), x))),
  /** x, or α (e^x - 1) below 0 (Clevert et al. 2016, equation 15). */
  elu: formula((b, x, c, a) => b.map('select', b.map('lt', c(0), x), x, b.map('mul', c(number(a, 'alpha')), b.map('expm1', b.map('min', x, c(0)))))),
  /** x Φ(x) = ½ x (1 + erf(x/√2)) (Hendrycks and Gimpel 2016). */
  gelu: formula((b, x, c) => b.map('mul', b.map('mul', c(0.5), x), b.map('add', c(1), b.map('erf', b.map('mul', x, c(Math.SQRT1_2)))))),
  silu: formula((b, x) => b.map('mul', x, b.map('sigmoid', x))),
  clamp: formula((b, x, c, a) => b.map('min', b.map('max', x, c(number(a, 'low'))), c(number(a, 'high')))),
  lt: elementwise('lt'), le: elementwise('le'), gt: reversed('lt'), ge: reversed('le'),
  eq: equality, ne: negated(equality),
  and: elementwise('and'), or: elementwise('or'), not: elementwise('not'), where: elementwise('select'),
  matmul: (b, args) => matmul(b, at(args, 0), at(args, 1)),
  einsum: (b, args, a) => einsum(b, args, String(a['spec'])),
  sum: reduction((b, x, axes) => b.reduce('add', x, axes)),
  mean: reduction((b, x, axes) => mean(b, x, axes)),
  max: reduction((b, x, axes, a) => b.reduce('max', x, axes, first(a))),
  min: reduction((b, x, axes, a) => b.reduce('min', x, axes, first(a))),
  logsumexp: reduction((b, x, axes) => logSumExp(b, x, axes)),
  softmax: (b, args, a) => softmax(b, at(args, 0), number(a, 'axis')),
  log_softmax: (b, args, a) => logSoftmax(b, at(args, 0), number(a, 'axis')),
  reshape: (b, args, _, shape) => b.reshape(at(args, 0), shape),
  transpose: (b, args, a) => b.permute(at(args, 0), numbers(a, 'order')),
  expand: (b, args, _, shape) => b.expand(at(args, 0), shape),
  slice: (b, args, a, shape) => b.view({ kind: 'slice', starts: numbers(a, 'starts'), steps: numbers(a, 'steps') }, at(args, 0), shape),
  concat: (b, args, a, shape) => concat(b, args, number(a, 'axis'), shape),
  pad: (b, args, a, shape) => b.view({ kind: 'pad', before: numbers(a, 'before'), value: number(a, 'value') }, at(args, 0), shape),
  /** Every tap sees the whole axis first; the skew then picks its positions. */
  window(b, args, a, shape) {
    const x = at(args, 0);
    const from = b.shape(x);
    const taps = b.broadcast(x, [...from, shape.at(-1) ?? 1], from.map((_, d) => d));
    return b.view({ kind: 'skew', axis: number(a, 'axis'), tap: from.length, stride: number(a, 'stride'), dilation: number(a, 'dilation'), padding: number(a, 'padding'), value: number(a, 'value') }, taps, shape);
  },
  gather: (b, args, a, shape) => b.add({ kind: 'gather', axis: number(a, 'axis'), arg: at(args, 0), index: at(args, 1), shape, type: 'f32' }),
  one_hot: (b, args, a) => oneHot(b, at(args, 0), number(a, 'classes')),
  fill: (b, _, a, shape) => b.fill(number(a, 'value'), shape),
  stop_gradient: (b, args) => stop(b, at(args, 0)),
  mse: meanLoss((b, d) => b.map('square', d)),
  mae: meanLoss((b, d) => b.map('abs', d)),
  cross_entropy(b, args) {
    const each = negativeLogSoftmaxAt(b, at(args, 0), at(args, 1));
    return mean(b, each, all(b.shape(each)));
  },
};

/** Whole literal powers are products, so that a negative base is right; others are e^(q log p). */
function power(b: Builder<Node>, args: readonly NodeId[], a: Attributes, shape: Shape): NodeId {
  const n = b.node(at(args, 1));
  if (n.kind !== 'fill' || !Number.isInteger(n.value) || Math.abs(n.value) > 64) return elementwise('pow')(b, args, a, shape);
  const raise = (x: NodeId, k: number): NodeId => (k === 0 ? b.fill(1, shape) : k === 1 ? x : k % 2 === 0 ? b.map('square', raise(x, k / 2)) : b.map('mul', x, raise(x, k - 1)));
  const positive = raise(b.expand(at(args, 0), shape), Math.abs(n.value));
  return n.value < 0 ? b.map('reciprocal', positive) : positive;
}

/** Equality of floats, or of classes. */
function equality(b: Builder<Node>, args: readonly NodeId[], a: Attributes, shape: Shape): NodeId {
  return elementwise(args.every(x => b.node(x).type === 'u32') ? 'ueq' : 'eq')(b, args, a, shape);
}

/** Parts side by side: each padded with zeros to the whole, and chosen where it lies. The schedule reads each part behind its guard. */
function concat(b: Builder<Node>, args: readonly NodeId[], axis: number, shape: Shape): NodeId {
  const extents = args.map(x => { const e: Dim = b.shape(x)[axis] ?? 0; if (typeof e !== 'number') throw new InternalError('graph', 'concat along the batch'); return e; });
  const starts = extents.map((_, i) => extents.slice(0, i).reduce((s, e) => s + e, 0));
  const placed = args.map((x, i) => b.view({ kind: 'pad', before: shape.map((_, d) => (d === axis ? starts[i] ?? 0 : 0)), value: 0 }, x, shape));
  return placed.reduce((sum, p) => b.map('add', sum, p));
}
