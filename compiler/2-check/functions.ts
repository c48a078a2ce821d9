/**
 * The functions of the language: what each takes, what it gives, and what it becomes. One row a function; the reference
 * page is made from the same rows.
 */
import type { Span } from '../1-syntax/ast.ts';
import type { Dim, FunctionName, Shape } from './model.ts';
import type { Report } from './report.ts';
import { axisOf, broadcastOrReport, productOf, sameShape, whereFrom } from './shapes.ts';
import { showShape, unknown } from './values.ts';
import type { CValue, Make, Tensor } from './values.ts';

export type ParameterKind = 'float tensor' | 'class tensor' | 'bool tensor' | 'tensor' | 'number' | 'whole number' | 'axis' | 'axes' | 'bool' | 'text' | 'shape' | 'tensors';
export interface FunctionParameter { readonly name: string; readonly kind: ParameterKind; readonly default?: CValue }
export interface LanguageFunction {
  readonly parameters: readonly FunctionParameter[];
  /** One sentence, and an example. */
  readonly doc: string; readonly example: string;
  readonly apply: (context: Context) => CValue;
}
export interface Context {
  readonly make: Make; readonly report: Report; readonly span: Span;
  tensor(name: string): Tensor; tensors(name: string): readonly Tensor[]; number(name: string): number; flag(name: string): boolean; value(name: string): CValue;
}

const x: FunctionParameter = { name: 'x', kind: 'float tensor' };
const axes: readonly FunctionParameter[] = [x, { name: 'axis', kind: 'axes', default: { kind: 'none' } }, { name: 'keep', kind: 'bool', default: { kind: 'bool', value: false } }];

/** One argument, elementwise, with literal extras as attributes. */
const elementwise = (fn: FunctionName, doc: string, extras: Readonly<Record<string, number>> = {}): LanguageFunction => ({
  parameters: [x, ...Object.entries(extras).map(([name, value]): FunctionParameter => ({ name, kind: 'number', default: { kind: 'number', value, whole: false } }))],
  doc, example: `${fn}(x)`,
  apply: c => c.make.apply(fn, [c.tensor('x')], Object.fromEntries(Object.keys(extras).map(n => [n, c.number(n)])), c.tensor('x').shape, 'float', c.span),
});
const pair = (fn: FunctionName, doc: string): LanguageFunction => ({
  parameters: [{ name: 'a', kind: 'float tensor' }, { name: 'b', kind: 'float tensor' }], doc, example: `${fn}(a, b)`,
  apply: c => {
    const shape = broadcastOrReport(c.report, fn, [c.tensor('a'), c.tensor('b')], c.span);
    return shape ? c.make.apply(fn, [c.tensor('a'), c.tensor('b')], {}, shape, 'float', c.span) : unknown;
  },
});
/** The extreme along axes: of equal ones the gradient goes to all in equal shares, or to the first. */
const extreme = (fn: 'max' | 'min', doc: string): LanguageFunction => ({
  parameters: [...axes, { name: 'first', kind: 'bool', default: { kind: 'bool', value: false } }], doc: `${doc}; the gradient goes to all that attain it, or to the first`, example: `${fn}(x, axis: 1)`,
  apply: c => { const over = reducedAxes(c); return over ? reduce(c, fn, c.tensor('x'), over, c.flag('first')) : unknown; },
});
/** A reduction over one axis, several, or all. */
const reduction = (fn: FunctionName, doc: string): LanguageFunction => ({
  parameters: axes, doc, example: `${fn}(x, axis: 1)`,
  apply: c => { const over = reducedAxes(c); return over ? reduce(c, fn, c.tensor('x'), over) : unknown; },
});
function reducedAxes(c: Context): readonly number[] | undefined {
  const t = c.tensor('x');
  const given = c.value('axis');
  if (given.kind === 'none') return t.shape.map((_, d) => d);
  const list = given.kind === 'tuple' ? given.items : [given];
  const found = list.map(v => (v.kind === 'number' ? axisOf(c.report, v.value, t.shape.length, c.span) : undefined));
  return found.every(a => a !== undefined) ? found : undefined;
}
function reduce(c: Context, fn: FunctionName, t: Tensor, over: readonly number[], first = false): Tensor {
  const keep = c.flag('keep');
  const shape = t.shape.flatMap((d, i): Dim[] => (over.includes(i) ? (keep ? [1] : []) : [d]));
  return c.make.apply(fn, [t], { axes: [...over], keep, ...(first ? { first } : {}) }, shape, 'float', c.span);
}
const alongAxis = (fn: FunctionName, doc: string): LanguageFunction => ({
  parameters: [x, { name: 'axis', kind: 'axis', default: { kind: 'number', value: -1, whole: true } }], doc, example: `${fn}(x)`,
  apply: c => { const axis = axisOf(c.report, c.number('axis'), c.tensor('x').shape.length, c.span); return axis === undefined ? unknown : c.make.apply(fn, [c.tensor('x')], { axis }, c.tensor('x').shape, 'float', c.span); },
});
const loss = (fn: FunctionName, doc: string): LanguageFunction => ({
  parameters: [{ name: 'prediction', kind: 'float tensor' }, { name: 'target', kind: 'float tensor' }], doc, example: `${fn}(p, y)`,
  apply: c => {
    const [p, y] = [c.tensor('prediction'), c.tensor('target')];
    if (!sameShape(p.shape, y.shape)) { c.report.error('B007', `${fn} compares tensors of one shape, and these are ${showShape(p.shape)} and ${showShape(y.shape)}`, c.span, { notes: whereFrom([p, y]), suggestion: productOf(p.shape) === productOf(y.shape) ? `reshape(…, (${y.shape.join(', ')}))` : undefined }); return unknown; }
    return c.make.apply(fn, [p, y], {}, [], 'float', c.span);
  },
});
const fillShape = (c: Context, name: string): Shape | undefined => {
  const v = c.value(name);
  const items = v.kind === 'tuple' ? v.items : [v];
  const dims = items.map((i): Dim | undefined => (i.kind === 'batch' ? 'batch' : i.kind === 'number' && i.whole && i.value > 0 ? i.value : undefined));
  if (dims.some(d => d === undefined)) return c.report.error('B006', `a shape is whole numbers and batch, as in (batch, 4)`, c.span);
  return dims.filter(d => d !== undefined);
};
const encode = (shape: Shape): readonly number[] => shape.map(d => (d === 'batch' ? -1 : d));
function reshape(c: Context, t: Tensor, shape: Shape): CValue {
  if (productOf(shape) !== productOf(t.shape) || shape.filter(d => d === 'batch').length !== t.shape.filter(d => d === 'batch').length) {
    c.report.error('B007', `reshape keeps the number of elements, and ${showShape(t.shape)} does not have as many as ${showShape(shape)}`, c.span, { notes: whereFrom([t]) });
    return unknown;
  }
  return c.make.apply('reshape', [t], { shape: encode(shape) }, shape, t.type, c.span);
}
const transposed = (c: Context, t: Tensor, order: readonly number[]): Tensor => c.make.apply('transpose', [t], { order: [...order] }, order.map(o => t.shape[o] ?? 1), t.type, c.span);

export const functions: Readonly<Record<string, LanguageFunction>> = {
  exp: elementwise('exp', 'e to the power of x'), log: elementwise('log', 'natural logarithm; NaN below 0'), log1p: elementwise('log1p', 'log(1 + x), exact for small x'), expm1: elementwise('expm1', 'exp(x) - 1, exact for small x'),
  sqrt: elementwise('sqrt', 'square root'), square: elementwise('square', 'x times x'), abs: elementwise('abs', 'absolute value'), sign: elementwise('sign', '-1, 0 or 1'), floor: elementwise('floor', 'largest whole number that is not above x'),
  sin: elementwise('sin', 'sine of radians'), cos: elementwise('cos', 'cosine of radians'), tanh: elementwise('tanh', 'hyperbolic tangent'), sigmoid: elementwise('sigmoid', '1 / (1 + exp(-x))'), softplus: elementwise('softplus', 'log(1 + exp(x))'), erf: elementwise('erf', 'error function'),
  relu: elementwise('relu', 'x, or 0 below 0'), leaky_relu: elementwise('leaky_relu', 'x, or slope times x below 0', { slope: 0.01 }), elu: elementwise('elu', 'x, or alpha (exp(x) - 1) below 0', { alpha: 1 }), gelu: elementwise('gelu', 'x times the normal distribution function of x'), silu: elementwise('silu', 'x times sigmoid(x)'),
  clamp: {
    parameters: [x, { name: 'low', kind: 'number' }, { name: 'high', kind: 'number' }], doc: 'x, but not below low and not above high', example: 'clamp(x, -1, 1)',
    apply: c => c.make.apply('clamp', [c.tensor('x')], { low: c.number('low'), high: c.number('high') }, c.tensor('x').shape, 'float', c.span),
  },
  minimum: pair('minimum', 'the smaller of two'), maximum: pair('maximum', 'the larger of two'), pow: pair('pow', 'a to the power of b'),
  where: {
    parameters: [{ name: 'condition', kind: 'bool tensor' }, { name: 'a', kind: 'float tensor' }, { name: 'b', kind: 'float tensor' }], doc: 'a where the condition holds, else b, decided for each element as it is computed', example: 'where(x > 0, x, 0)',
    apply: c => {
      const all = [c.tensor('condition'), c.tensor('a'), c.tensor('b')];
      const shape = broadcastOrReport(c.report, 'where', all, c.span);
      return shape ? c.make.apply('where', all, {}, shape, 'float', c.span) : unknown;
    },
  },
  sum: reduction('sum', 'sum over an axis, several, or all'), mean: reduction('mean', 'mean over an axis, several, or all'), max: extreme('max', 'largest over an axis, several, or all'), min: extreme('min', 'smallest over an axis, several, or all'), logsumexp: reduction('logsumexp', 'log of the sum of exponentials, without overflow'),
  variance: {
    parameters: axes, doc: 'mean square distance from the mean over an axis, several, or all', example: 'variance(x, axis: -1)',
    apply: c => {
      const over = reducedAxes(c);
      if (!over) return unknown;
      const t = c.tensor('x');
      const kept = t.shape.map((d, i): Dim => (over.includes(i) ? 1 : d));
      const centre = c.make.apply('mean', [t], { axes: [...over], keep: true }, kept, 'float', c.span);
      const squares = c.make.apply('square', [c.make.apply('sub', [t, centre], {}, t.shape, 'float', c.span)], {}, t.shape, 'float', c.span);
      return reduce(c, 'mean', squares, over);
    },
  },
  softmax: alongAxis('softmax', 'exponentials that sum to one along an axis'), log_softmax: alongAxis('log_softmax', 'logarithm of softmax, without overflow'),
  matmul: { parameters: [{ name: 'a', kind: 'float tensor' }, { name: 'b', kind: 'float tensor' }], doc: 'matrix product, the same as a @ b', example: 'a @ b', apply: c => matmul(c.make, c.report, c.tensor('a'), c.tensor('b'), c.span) },
  einsum: {
    parameters: [{ name: 'spec', kind: 'text' }, { name: 'operands', kind: 'tensors' }], doc: 'sum of products by labelled axes', example: 'einsum("bi,oi->bo", x, w)',
    apply: c => { const spec = c.value('spec'); return spec.kind === 'string' ? einsum(c, spec.value, c.tensors('operands')) : unknown; },
  },
  reshape: { parameters: [{ name: 'x', kind: 'tensor' }, { name: 'shape', kind: 'shape' }], doc: 'the same elements in another shape', example: 'reshape(x, (batch, 4, 8))', apply: c => { const s = fillShape(c, 'shape'); return s ? reshape(c, c.tensor('x'), s) : unknown; } },
  flatten: {
    parameters: [{ name: 'x', kind: 'tensor' }, { name: 'from', kind: 'whole number', default: { kind: 'number', value: 1, whole: true } }], doc: 'all axes from one on as one; it is added where there are none', example: 'flatten(x)',
    apply: c => {
      const t = c.tensor('x');
      const from = c.number('from');
      if (from < 0 || from > Math.max(1, t.shape.length)) { c.report.error('B010', `there is no axis ${from} in ${showShape(t.shape)}`, c.span, { notes: whereFrom([t]) }); return unknown; }
      const rest = t.shape.slice(from);
      if (rest.includes('batch') && rest.length > 1) { c.report.error('B007', "the batch can't be one with other axes", c.span, { notes: whereFrom([t]) }); return unknown; }
      return reshape(c, t, t.shape.length === 0 ? [1] : [...t.shape.slice(0, from), rest.length === 1 ? rest[0] ?? 1 : productOf(rest)]);
    },
  },
  reshape_as: {
    parameters: [{ name: 'x', kind: 'tensor' }, { name: 'like', kind: 'tensor' }], doc: 'the same elements in the shape of another tensor', example: 'reshape_as(y, x)',
    apply: c => reshape(c, c.tensor('x'), c.tensor('like').shape),
  },
  transpose: {
    parameters: [{ name: 'x', kind: 'tensor' }, { name: 'order', kind: 'axes', default: { kind: 'none' } }], doc: 'axes in another order; without one the last two change places', example: 'transpose(x, (0, 2, 1))',
    apply: c => {
      const t = c.tensor('x');
      const given = c.value('order');
      if (given.kind === 'none') return swapLast(c.make, c.report, t, c.span) ?? unknown;
      const order = (given.kind === 'tuple' ? given.items : [given]).map(v => (v.kind === 'number' ? axisOf(c.report, v.value, t.shape.length, c.span) : undefined)).filter(a => a !== undefined);
      if (order.length !== t.shape.length || new Set(order).size !== order.length) { c.report.error('B010', `an order names each of the ${t.shape.length} axes once`, c.span); return unknown; }
      return transposed(c, t, order);
    },
  },
  concat: {
    parameters: [{ name: 'parts', kind: 'tensors' }, { name: 'axis', kind: 'axis', default: { kind: 'number', value: -1, whole: true } }], doc: 'tensors side by side along an axis', example: 'concat(a, b, axis: 1)',
    apply: c => {
      const parts = c.tensors('parts');
      const [first] = parts;
      if (!first) return unknown;
      const axis = axisOf(c.report, c.number('axis'), first.shape.length, c.span);
      if (axis === undefined) return unknown;
      const odd = parts.find(p => p.shape.length !== first.shape.length || p.shape.some((d, i) => (i === axis ? d === 'batch' : d !== first.shape[i])));
      if (odd) { c.report.error('B007', `concat needs shapes that are equal but for axis ${axis}, which can't be the batch`, c.span, { notes: whereFrom([first, odd]) }); return unknown; }
      const extent = parts.reduce((n, p) => n + Number(p.shape[axis] ?? 0), 0);
      return c.make.apply('concat', parts, { axis }, first.shape.map((d, i) => (i === axis ? extent : d)), 'float', c.span);
    },
  },
  split: {
    parameters: [x, { name: 'parts', kind: 'whole number' }, { name: 'axis', kind: 'axis', default: { kind: 'number', value: -1, whole: true } }], doc: 'equal parts along an axis', example: 'i, f, g, o = split(x, 4)',
    apply: c => {
      const t = c.tensor('x');
      const axis = axisOf(c.report, c.number('axis'), t.shape.length, c.span);
      if (axis === undefined) return unknown;
      const [extent, parts] = [t.shape[axis], c.number('parts')];
      if (typeof extent !== 'number' || parts < 1 || extent % parts !== 0) { c.report.error('B007', `axis ${axis} of ${showShape(t.shape)} can't be split into ${parts} equal parts`, c.span, { notes: whereFrom([t]) }); return unknown; }
      const size = extent / parts;
      return { kind: 'list', items: Array.from({ length: parts }, (_, k) => slice(c.make, t, t.shape.map((_, d) => (d === axis ? { start: k * size, count: size, step: 1 } : undefined)), c.span)) };
    },
  },
  pad: {
    parameters: [x, { name: 'before', kind: 'whole number' }, { name: 'after', kind: 'whole number' }, { name: 'axis', kind: 'axis', default: { kind: 'number', value: -1, whole: true } }, { name: 'value', kind: 'number', default: { kind: 'number', value: 0, whole: false } }], doc: 'more elements of one value before and after an axis', example: 'pad(x, 1, 1, axis: 1)',
    apply: c => {
      const t = c.tensor('x');
      const axis = axisOf(c.report, c.number('axis'), t.shape.length, c.span);
      if (axis === undefined) return unknown;
      const extent = t.shape[axis];
      const [before, after] = [c.number('before'), c.number('after')];
      if (typeof extent !== 'number' || before < 0 || after < 0) { c.report.error('B007', typeof extent === 'number' ? 'padding is not negative' : "the batch can't be padded", c.span); return unknown; }
      const one = (n: number): readonly number[] => t.shape.map((_, d) => (d === axis ? n : 0));
      return c.make.apply('pad', [t], { before: one(before), after: one(after), value: c.number('value') }, t.shape.map((d, i) => (i === axis ? extent + before + after : d)), 'float', c.span);
    },
  },
  window: {
    parameters: [x, { name: 'size', kind: 'whole number' }, { name: 'stride', kind: 'whole number', default: { kind: 'number', value: 1, whole: true } }, { name: 'padding', kind: 'whole number', default: { kind: 'number', value: 0, whole: true } }, { name: 'dilation', kind: 'whole number', default: { kind: 'number', value: 1, whole: true } }, { name: 'axis', kind: 'axis', default: { kind: 'number', value: -1, whole: true } }, { name: 'value', kind: 'number', default: { kind: 'number', value: 0, whole: false } }],
    doc: 'sliding windows along an axis: it becomes the positions, and the elements of each window a new last axis; `value` stands outside', example: 'window(x, 3, padding: 1, axis: 1)',
    apply: c => {
      const t = c.tensor('x');
      const axis = axisOf(c.report, c.number('axis'), t.shape.length, c.span);
      if (axis === undefined) return unknown;
      const extent = t.shape[axis];
      const [size, stride, padding, dilation] = [c.number('size'), c.number('stride'), c.number('padding'), c.number('dilation')];
      if (typeof extent !== 'number') { c.report.error('B007', 'windows along the batch would mix its examples', c.span); return unknown; }
      if (size < 1 || stride < 1 || dilation < 1 || padding < 0) { c.report.error('B006', `a window has a size, a stride and a dilation above 0 and no negative padding, and these are ${size}, ${stride}, ${dilation} and ${padding}`, c.span); return unknown; }
      const positions = Math.floor((extent + 2 * padding - dilation * (size - 1) - 1) / stride) + 1;
      if (positions < 1) { c.report.error('B007', `a window of ${size}${dilation > 1 ? ` with dilation ${dilation}` : ''} does not fit into ${extent}${padding > 0 ? ` with padding ${padding}` : ''}`, c.span, { notes: whereFrom([t]) }); return unknown; }
      return c.make.apply('window', [t], { axis, size, stride, padding, dilation, value: c.number('value') }, [...t.shape.map((d, i) => (i === axis ? positions : d)), size], 'float', c.span);
    },
  },
  gather: {
    parameters: [{ name: 'table', kind: 'float tensor' }, { name: 'index', kind: 'class tensor' }], doc: 'rows of a table by their number', example: 'gather(table, word)',
    apply: c => {
      const [table, index] = [c.tensor('table'), c.tensor('index')];
      const rows = table.shape[0];
      if (typeof rows !== 'number' || (index.classes !== undefined && index.classes > rows)) { c.report.error('B007', typeof rows === 'number' ? `a table of ${rows} rows has no row for each of ${index.classes ?? 0} classes` : "rows of the batch can't be gathered", c.span, { notes: whereFrom([table, index]) }); return unknown; }
      return c.make.apply('gather', [table, index], { axis: 0 }, [...index.shape, ...table.shape.slice(1)], 'float', c.span);
    },
  },
  one_hot: {
    parameters: [{ name: 'index', kind: 'class tensor' }, { name: 'classes', kind: 'whole number', default: { kind: 'none' } }], doc: '1 at the class and 0 elsewhere, along a new last axis', example: 'one_hot(digit)',
    apply: c => { const t = c.tensor('index'); const given = c.value('classes'); const n = given.kind === 'number' ? given.value : t.classes ?? 0; return n > 0 ? c.make.apply('one_hot', [t], { classes: n }, [...t.shape, n], 'float', c.span) : unknown; },
  },
  stop_gradient: { parameters: [x], doc: 'x, taken as a constant in training', example: 'stop_gradient(x)', apply: c => c.make.apply('stop_gradient', [c.tensor('x')], {}, c.tensor('x').shape, 'float', c.span) },
  mse: loss('mse', 'mean of squared differences'), mae: loss('mae', 'mean of absolute differences'),
  cross_entropy: {
    parameters: [{ name: 'logits', kind: 'float tensor' }, { name: 'target', kind: 'class tensor' }], doc: 'mean of -log softmax(logits) at the class, class axis last', example: 'cross_entropy(logits, digit)',
    apply: c => {
      const [logits, target] = [c.tensor('logits'), c.tensor('target')];
      const classes = logits.shape.at(-1);
      if (!sameShape(logits.shape.slice(0, -1), target.shape) || (target.classes !== undefined && classes !== target.classes)) { c.report.error('B007', `cross_entropy needs logits [${[...target.shape, target.classes ?? 'classes'].join(', ')}] for this target, and they are ${showShape(logits.shape)}`, c.span, { notes: whereFrom([logits, target]) }); return unknown; }
      return c.make.apply('cross_entropy', [logits, target], {}, [], 'float', c.span);
    },
  },
};

/** Takes a part of each axis: start, count and step, or the whole where undefined. */
export function slice(make: Make, t: Tensor, parts: readonly ({ readonly start: number; readonly count: number; readonly step: number } | undefined)[], span: Span): Tensor {
  const shape = t.shape.map((d, i): Dim => parts[i]?.count ?? d);
  return make.apply('slice', [t], { starts: parts.map(p => p?.start ?? 0), stops: parts.map(p => (p ? p.start + p.count * p.step : -1)), steps: parts.map(p => p?.step ?? 1) }, shape, t.type, span);
}

/** The last two axes in each other's place. */
export function swapLast(make: Make, report: Report, t: Tensor, span: Span): Tensor | undefined {
  const rank = t.shape.length;
  if (rank < 2) return report.error('B007', `.T needs two axes, and this is ${showShape(t.shape)}`, span, { notes: whereFrom([t]) });
  const order = t.shape.map((_, d) => (d === rank - 2 ? rank - 1 : d === rank - 1 ? rank - 2 : d));
  return make.apply('transpose', [t], { order }, order.map(o => t.shape[o] ?? 1), t.type, span);
}

/** `a @ b`. */
export function matmul(make: Make, report: Report, a: Tensor, b: Tensor, span: Span): CValue {
  const bad = (): CValue => { report.error('B007', `a product of ${showShape(a.shape)} and ${showShape(b.shape)} does not exist: the last axis of the first has to be the ${b.shape.length > 1 ? 'last but one' : 'only one'} of the second`, span, { notes: whereFrom([a, b]) }); return unknown; };
  if (a.shape.length === 0 || b.shape.length === 0) return bad();
  const inner = b.shape.length > 1 ? b.shape.at(-2) : b.shape[0];
  if (a.shape.at(-1) !== inner) return bad();
  const lead = broadcastOrReport(report, 'a product', [{ ...a, shape: a.shape.slice(0, -2) }, { ...b, shape: b.shape.slice(0, -2) }], span);
  if (!lead) return unknown;
  const shape: Shape = [...lead, ...(a.shape.length > 1 ? [a.shape.at(-2) ?? 1] : []), ...(b.shape.length > 1 ? [b.shape.at(-1) ?? 1] : [])];
  if (shape.filter(d => d === 'batch').length > 1) { report.error('B009', `this product would give ${showShape(shape)}, with the batch twice`, span, { notes: whereFrom([a, b]) }); return unknown; }
  return make.apply('matmul', [a, b], {}, shape, 'float', span);
}

function einsum(c: Context, text: string, operands: readonly Tensor[]): CValue {
  const bad = (why: string): CValue => { c.report.error('B031', `this einsum does not read: ${why}`, c.span, { suggestion: 'einsum("bi,oi->bo", x, w)' }); return unknown; };
  const match = /^\s*([a-zA-Z, ]*)->\s*([a-zA-Z]*)\s*$/.exec(text);
  if (!match) return bad('it is letters, commas and one ->');
  const inputs = (match[1] ?? '').replaceAll(' ', '').split(',');
  const output = match[2] ?? '';
  if (inputs.length !== operands.length) return bad(`it names ${inputs.length} operands and gets ${operands.length}`);
  const extent = new Map<string, Dim>();
  for (const [i, letters] of inputs.entries()) {
    const t = operands[i];
    if (!t || letters.length !== t.shape.length) return bad(`'${letters}' has ${letters.length} letters for ${t ? showShape(t.shape) : 'nothing'}`);
    for (const [d, l] of [...letters].entries()) {
      const e = t.shape[d] ?? 1;
      if (extent.has(l) && extent.get(l) !== e) return bad(`'${l}' is ${extent.get(l)} and ${e}`);
      extent.set(l, e);
    }
  }
  const missing = [...output].find(l => !extent.has(l));
  if (missing) return bad(`'${missing}' is in no operand`);
  if (new Set(output).size !== output.length) return bad('a letter of the result stands twice');
  return c.make.apply('einsum', operands, { spec: text }, [...output].map(l => extent.get(l) ?? 1), 'float', c.span);
}
