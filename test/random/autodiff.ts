/**
 * Reverse-mode differentiation of small tensors, in plain double precision. Imagine a list of every tensor in the order it
 * was made: each knows how to hand its gradient to what it was made from. It shares nothing with the compiler, on purpose.
 */

export interface T { readonly shape: readonly number[]; readonly data: Float64Array; readonly grad: Float64Array; readonly back: () => void; readonly index: number }

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
/** Row-major strides. */
const stridesOf = (shape: readonly number[]): readonly number[] => shape.map((_, d) => product(shape.slice(d + 1)));
/** All places of a shape, in order. */
function* places(shape: readonly number[]): Generator<readonly number[]> {
  const strides = stridesOf(shape);
  for (let i = 0; i < product(shape); i++) yield shape.map((e, d) => Math.floor(i / (strides[d] ?? 1)) % e);
}
const at = (a: ArrayLike<number>, i: number): number => { const v = a[i]; if (v === undefined) throw new Error(`no element ${i}`); return v; };
const plus = (a: Float64Array, i: number, v: number): void => { a[i] = at(a, i) + v; };

export type Unary = readonly [f: (x: number) => number, df: (x: number, y: number) => number];
const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** The error function: the Maclaurin series below 3, beyond it Lentz's continued fraction of erfc (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x > 6) return 1;
  if (x < 3) {
    let [sum, term] = [x, x];
    for (let n = 1; n < 120; n++) { term *= -x * x / n; sum += term / (2 * n + 1); }
    return 2 / Math.sqrt(Math.PI) * sum;
  }
  let tail = x;
  for (let n = 120; n > 0; n--) tail = x + n / 2 / tail;
  return 1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}
const phi = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));

/** Functions of one number, and their derivatives from the argument and the value. */
export const unary = {
  exp: [Math.exp, (_, y) => y], log: [Math.log, x => 1 / x], log1p: [Math.log1p, x => 1 / (1 + x)], sqrt: [Math.sqrt, (_, y) => 0.5 / y], square: [x => x * x, x => 2 * x], neg: [x => -x, () => -1],
  abs: [Math.abs, Math.sign], sin: [Math.sin, Math.cos], cos: [Math.cos, x => -Math.sin(x)], tanh: [Math.tanh, (_, y) => 1 - y * y], erf: [erf, x => 2 / Math.sqrt(Math.PI) * Math.exp(-x * x)],
  sigmoid: [sigmoid, (_, y) => y * (1 - y)], softplus: [softplus, sigmoid], relu: [x => Math.max(x, 0), x => (x > 0 ? 1 : 0)],
  leaky_relu: [x => (x > 0 ? x : 0.01 * x), x => (x > 0 ? 1 : 0.01)], elu: [x => (x > 0 ? x : Math.expm1(x)), x => (x > 0 ? 1 : Math.exp(x))],
  silu: [x => x * sigmoid(x), x => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  gelu: [x => x * phi(x), x => phi(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)],
} as const satisfies Readonly<Record<string, Unary>>;
export type UnaryName = keyof typeof unary;

type Op = 'add' | 'sub' | 'mul' | 'div' | 'max' | 'min';
const binary: Readonly<Record<Op, readonly [f: (a: number, b: number) => number, da: (a: number, b: number) => number, db: (a: number, b: number) => number]>> = {
  add: [(a, b) => a + b, () => 1, () => 1], sub: [(a, b) => a - b, () => 1, () => -1], mul: [(a, b) => a * b, (_, b) => b, a => a], div: [(a, b) => a / b, (_, b) => 1 / b, (a, b) => -a / (b * b)],
  max: [Math.max, (a, b) => (a > b ? 1 : 0), (a, b) => (a > b ? 0 : 1)], min: [Math.min, (a, b) => (a < b ? 1 : 0), (a, b) => (a < b ? 0 : 1)],
};

export interface Tape {
  /** A tensor made from nothing: a leaf to differentiate by, or a constant. */
  readonly leaf: (shape: readonly number[], data: ArrayLike<number>) => T;
  readonly scalar: (value: number) => T;
  readonly fill: (shape: readonly number[], value: number) => T;
  readonly map: (name: UnaryName, x: T) => T;
  /** Broadcasts as NumPy does. */
  readonly zip: (op: Op, a: T, b: T) => T;
  readonly power: (x: T, exponent: number) => T;
  /** Every element of the result is one element of one of the arguments: reshape, transpose, slice, concat, gather. */
  readonly pick: (args: readonly T[], shape: readonly number[], from: (place: readonly number[]) => readonly [argument: number, place: readonly number[]]) => T;
  readonly reshape: (x: T, shape: readonly number[]) => T;
  readonly transpose: (x: T, order: readonly number[]) => T;
  readonly slice: (x: T, axis: number, start: number, count: number, step?: number) => T;
  readonly concat: (parts: readonly T[], axis: number) => T;
  readonly sum: (x: T, axes: readonly number[], keep?: boolean) => T;
  readonly mean: (x: T, axes: readonly number[], keep?: boolean) => T;
  /** The largest along an axis, which keeps an extent of 1; the first of equals has the gradient. */
  readonly largest: (x: T, axis: number) => T;
  readonly logSumExp: (x: T, axis: number) => T;
  readonly softmax: (x: T, axis: number) => T;
  /** `ij,jk->ik`; letters of the result may be any of the letters. */
  readonly einsum: (spec: string, ...args: readonly T[]) => T;
  /** Gradients of one number with respect to everything before it. */
  readonly backward: (y: T) => void;
}

export function newTape(): Tape {
  const all: T[] = [];
  const make = (shape: readonly number[], data: Float64Array, back: (self: T) => void): T => {
    const self: T = { shape, data, grad: new Float64Array(data.length), back: () => { back(self); }, index: all.length };
    all.push(self);
    return self;
  };
  const leaf: Tape['leaf'] = (shape, data) => make(shape, Float64Array.from(data), () => undefined);
  const axisOf = (x: T, axis: number): number => (axis < 0 ? axis + x.shape.length : axis);

  const apply = ([f, df]: Unary, x: T): T => make(x.shape, x.data.map(f), self => { self.grad.forEach((g, i) => { plus(x.grad, i, g * df(at(x.data, i), at(self.data, i))); }); });
  const zip: Tape['zip'] = (op, a, b) => {
    const rank = Math.max(a.shape.length, b.shape.length);
    const extent = (t: T, d: number): number => t.shape[d - rank + t.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, d) => { const [p, q] = [extent(a, d), extent(b, d)]; if (p !== q && p !== 1 && q !== 1) throw new Error(`${a.shape.join()} and ${b.shape.join()}`); return Math.max(p, q); });
    const maps = [a, b].map(t => { const s = stridesOf(t.shape); return Int32Array.from([...places(shape)].map(p => p.reduce((sum, i, d) => sum + (extent(t, d) === 1 ? 0 : i * (s[d - rank + t.shape.length] ?? 0)), 0))); });
    const [ia = new Int32Array(), ib = new Int32Array()] = maps;
    const [f, da, db] = binary[op];
    return make(shape, Float64Array.from({ length: product(shape) }, (_, i) => f(at(a.data, at(ia, i)), at(b.data, at(ib, i)))), self => {
      self.grad.forEach((g, i) => {
        const [p, q] = [at(a.data, at(ia, i)), at(b.data, at(ib, i))];
        plus(a.grad, at(ia, i), g * da(p, q));
        plus(b.grad, at(ib, i), g * db(p, q));
      });
    });
  };
  const pick: Tape['pick'] = (args, shape, from) => {
    const sources = [...places(shape)].map(p => {
      const [argument, place] = from(p);
      const x = args[argument];
      if (!x) throw new Error('no argument');
      const strides = stridesOf(x.shape);
      return { x, i: place.reduce((sum, k, d) => sum + k * (strides[d] ?? 0), 0) };
    });
    return make(shape, Float64Array.from(sources, s => at(s.x.data, s.i)), self => { sources.forEach((s, i) => { plus(s.x.grad, s.i, at(self.grad, i)); }); });
  };
  const reshape: Tape['reshape'] = (x, shape) => {
    if (product(shape) !== x.data.length) throw new Error(`${x.shape.join()} as ${shape.join()}`);
    return make(shape, x.data.slice(), self => { self.grad.forEach((g, i) => { plus(x.grad, i, g); }); });
  };
  const sum: Tape['sum'] = (x, axes, keep = false) => {
    const over = axes.map(a => axisOf(x, a));
    const kept = x.shape.map((e, d) => (over.includes(d) ? 1 : e));
    const strides = stridesOf(kept);
    const to = Int32Array.from([...places(x.shape)].map(p => p.reduce((s, k, d) => s + (over.includes(d) ? 0 : k * (strides[d] ?? 0)), 0)));
    const data = new Float64Array(product(kept));
    x.data.forEach((v, i) => { plus(data, at(to, i), v); });
    return make(keep ? kept : x.shape.filter((_, d) => !over.includes(d)), data, self => { to.forEach((k, i) => { plus(x.grad, i, at(self.grad, k)); }); });
  };
  const scalar = (value: number): T => leaf([], [value]);
  const mean: Tape['mean'] = (x, axes, keep) => zip('mul', sum(x, axes, keep), scalar(1 / product(axes.map(a => x.shape[axisOf(x, a)] ?? 1))));
  const largest: Tape['largest'] = (x, axis) => {
    const a = axisOf(x, axis);
    const strides = stridesOf(x.shape);
    return pick([x], x.shape.map((e, d) => (d === a ? 1 : e)), p => {
      const value = (k: number): number => at(x.data, p.reduce((s, i, d) => s + (d === a ? k : i) * (strides[d] ?? 0), 0));
      let best = 0;
      for (let k = 1; k < (x.shape[a] ?? 1); k++) if (value(k) > value(best)) best = k;
      return [0, p.map((i, d) => (d === a ? best : i))];
    });
  };
  const logSumExp: Tape['logSumExp'] = (x, axis) => { const m = largest(x, axis); return zip('add', m, apply(unary.log, sum(apply(unary.exp, zip('sub', x, m)), [axis], true))); };
  const einsum: Tape['einsum'] = (spec, ...args) => {
    const [left = '', out = ''] = spec.split('->');
    const labels = left.split(',');
    const extents = new Map<string, number>();
    labels.forEach((l, i) => { [...l].forEach((c, d) => { extents.set(c, args[i]?.shape[d] ?? 1); }); });
    const letters = [...new Set([...out, ...extents.keys()])];
    const offset = (p: readonly number[], l: string): number => [...l].reduce((s, c) => s * (extents.get(c) ?? 1) + (p[letters.indexOf(c)] ?? 0), 0);
    const shape = [...out].map(c => extents.get(c) ?? 1);
    const terms = [...places(letters.map(c => extents.get(c) ?? 1))].map(p => ({ to: offset(p, out), from: labels.map(l => offset(p, l)) }));
    const data = new Float64Array(product(shape));
    const factor = (from: readonly number[], skip: number): number => args.reduce((v, x, i) => (i === skip ? v : v * at(x.data, from[i] ?? -1)), 1);
    for (const { to, from } of terms) plus(data, to, factor(from, -1));
    return make(shape, data, self => { for (const { to, from } of terms) args.forEach((x, i) => { plus(x.grad, from[i] ?? -1, at(self.grad, to) * factor(from, i)); }); });
  };
  return {
    leaf, scalar, zip, pick, reshape, sum, mean, largest, logSumExp, einsum,
    fill: (shape, value) => leaf(shape, new Float64Array(product(shape)).fill(value)),
    map: (name, x) => apply(unary[name], x),
    power: (x, k) => apply([v => v ** k, v => k * v ** (k - 1)], x),
    transpose: (x, order) => pick([x], order.map(o => x.shape[o] ?? 1), p => [0, x.shape.map((_, d) => p[order.indexOf(d)] ?? 0)]),
    slice: (x, axis, start, count, step = 1) => { const a = axisOf(x, axis); return pick([x], x.shape.map((e, d) => (d === a ? count : e)), p => [0, p.map((k, d) => (d === a ? start + k * step : k))]); },
    concat(parts, axis) {
      const [first] = parts;
      if (!first) throw new Error('nothing to join');
      const a = axisOf(first, axis);
      const starts = parts.map((_, i) => parts.slice(0, i).reduce((s, q) => s + (q.shape[a] ?? 0), 0));
      const whole = parts.reduce((s, q) => s + (q.shape[a] ?? 0), 0);
      return pick(parts, first.shape.map((e, d) => (d === a ? whole : e)), p => { const k = starts.findLastIndex(s => s <= (p[a] ?? 0)); return [k, p.map((i, d) => (d === a ? i - (starts[k] ?? 0) : i))]; });
    },
    softmax: (x, axis) => apply(unary.exp, zip('sub', x, logSumExp(x, axis))),
    backward(y) {
      y.grad.fill(1);
      for (let i = y.index; i >= 0; i--) all[i]?.back();
    },
  };
}
