/**
 * Derived ops in terms of core and bit ops, in single precision without fused multiply-add: what a target prints for an op
 * it has no word for. No branches: both sides are computed and one is selected. Operation counts stand beside each.
 */
import type { Algebra } from './algebra.ts';
import { words } from './algebra.ts';
import type { DerivedOp } from './names.ts';

/** An op in simpler ones. */
export type Expand = <T>(a: Algebra<T>, ...x: T[]) => T;
/** An expansion of one argument. */
export const one = (f: <T>(a: Algebra<T>, w: ReturnType<typeof words<T>>, x: T) => T): Expand => (a, x) => { if (x === undefined) throw new Error('an op without its argument'); return f(a, words(a), x); };

export const ln2High = 0.693359375, ln2Low = -2.12194440e-4;
/** e^r - 1 - r = r² · p(r) for |r| <= ½ ln 2 (Cephes expf). */
const expTail = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** x = k ln 2 + r: k whole as a float, and e^r - 1. 16 ops. */
function reduced<T>(a: Algebra<T>, x: T, low: number, high: number): { readonly k: T; readonly tail: T } {
  const w = words(a);
  const clamped = w.min(w.max(x, a.lit(low)), a.lit(high));
  const k = a.op('floor', w.add(w.mul(clamped, a.lit(Math.LOG2E)), a.lit(0.5)));
  const r = w.sub(w.sub(clamped, w.mul(k, a.lit(ln2High))), w.mul(k, a.lit(ln2Low)));
  return { k, tail: w.add(w.mul(w.mul(r, r), w.polynomial(r, expTail)), r) };
}

/** e^x = 2·2^(k-1)·e^r: overflows to infinity above 88.72, is 0 below -86.98. 21 ops. */
const exp = one((a, w, x) => {
  const { k, tail } = reduced(a, x, -87.336, 89);
  return w.mul(w.mul(w.add(tail, a.lit(1)), a.op('pow2', w.sub(k, a.lit(1)))), a.lit(2));
});

/** log(1 + e)/e for e in [0, 1], highest power first: interpolated at Chebyshev's points, 2.4 ulp in single precision. */
export const log1pUnit = [-0.0031760570127516985, 0.019542526453733444, -0.056373611092567444, 0.10543623566627502, -0.1526966691017151, 0.1966327428817749, -0.24951615929603577, 0.33329710364341736, -0.49999892711639404, 1];

/** Numerator and denominator of tanh(x)/x in x², highest power first (Lawson 1961, as weighted least squares). */
const tanhOver = [1.3384300778795932e-8, 2.0635830878745764e-5, 3.4974582958966494e-3, 0.13382688164710999, 1];
const tanhUnder = [7.790253562234284e-7, 3.288518055342138e-4, 2.5884363800287247e-2, 0.46716007590293884, 1];

/** (log(1 + z) - z + z²/2)/z³ for z in [√½ - 1, √2 - 1), highest power first (Cephes logf). */
export const logUnit = [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1];

/** The bits of √½ in single precision: where one power of two ends and the next begins. */
export const rootHalf = 0x3f3504f3;
/** x = 2^e m with m in [√½, √2), from the bits of x > 0 less those of √½. 4 ops. */
export const byRoots = <T>(a: Algebra<T>, difference: T): { readonly e: T; readonly m: T } => ({
  e: a.op('ifloat', a.op('ishr', difference, a.word(23))),
  m: a.op('unbits', a.op('uadd', a.op('uand', difference, a.word(0x7fffff)), a.word(rootHalf))),
});

/** log m for m = 2^e·f by the bits of m > 0 (Cephes logf). 30 ops. */
function logPositive<T>(a: Algebra<T>, x: T): T {
  const w = words(a);
  const b = a.op('bits', x);
  const mantissa = a.op('unbits', a.op('uor', a.op('uand', b, a.word(0x007fffff)), a.word(0x3f000000)));
  const exponent = a.op('ifloat', a.op('usub', a.op('ushr', b, a.word(23)), a.word(126)));
  const low = w.lt(mantissa, a.lit(Math.SQRT1_2));
  const e = w.select(low, w.sub(exponent, a.lit(1)), exponent);
  const z = w.sub(w.select(low, w.add(mantissa, mantissa), mantissa), a.lit(1));
  const zz = w.mul(z, z);
  const p = w.polynomial(z, logUnit);
  const y = w.add(w.sub(w.mul(w.mul(z, zz), p), w.mul(a.lit(0.5), zz)), w.mul(e, a.lit(ln2Low)));
  return w.add(w.add(z, y), w.mul(e, a.lit(ln2High)));
}
/** A negative argument gives NaN, as the square root of one does, and NaN itself; 0 gives -87.3, the logarithm of the smallest normal number. */
const log = one((a, w, x) => w.select(a.op('le', a.lit(0), x), logPositive(a, w.max(x, a.lit(1.1754943508222875e-38))), a.op('sqrt', x)));

/**
 * log(1 + x) = log u · x/(u - 1) with u = 1 + x rounded, x where u is 1 (Goldberg 1991, theorem 4). 39 ops, one division. The
 * maximum changes no number: it keeps a GPU's compiler, which may reorder sums, from adding and subtracting the 1 away.
 */
const log1p = one((a, w, x) => {
  const u = w.max(w.add(x, a.lit(1)), a.lit(-3e38));
  const d = w.sub(u, a.lit(1));
  const none = a.op('eq', d, a.lit(0));
  return w.select(none, x, w.mul(a.op('log', u), w.div(x, w.select(none, a.lit(1), d))));
});

/** e^x - 1 = 2^k (e^r - 1) + (2^k - 1). 22 ops. */
function expm1Of<T>(a: Algebra<T>, x: T): T {
  const w = words(a);
  const { k, tail } = reduced(a, x, -87, 88);
  const two = a.op('pow2', k);
  return w.add(w.mul(tail, two), w.sub(two, a.lit(1)));
}

/** Sine or cosine: x = q π/2 + r with π/2 in three parts (Cody and Waite 1980), good to |x| <= 10^4. */
function circular<T>(a: Algebra<T>, x: T, shift: number): T {
  const w = words(a);
  const q = a.op('floor', w.add(w.mul(x, a.lit(2 / Math.PI)), a.lit(0.5)));
  const r = w.sub(w.sub(w.sub(x, w.mul(q, a.lit(1.5703125))), w.mul(q, a.lit(4.83751296997070312e-4))), w.mul(q, a.lit(7.54978995489188216e-8)));
  const turn = w.add(q, a.lit(shift));
  const quadrant = w.sub(turn, w.mul(a.lit(4), a.op('floor', w.mul(turn, a.lit(0.25)))));
  const rr = w.mul(r, r);
  const s = w.add(w.mul(w.mul(rr, r), w.polynomial(rr, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1])), r);
  const c = w.add(w.sub(w.mul(w.mul(rr, rr), w.polynomial(rr, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2])), w.mul(a.lit(0.5), rr)), a.lit(1));
  const half = w.sub(quadrant, w.mul(a.lit(2), a.op('floor', w.mul(quadrant, a.lit(0.5)))));
  const y = w.select(w.lt(a.lit(0.5), half), c, s);
  return w.select(w.lt(a.lit(1.5), quadrant), w.neg(y), y);
}

export const expansions: Readonly<Record<DerivedOp, Expand>> = {
  neg: one((a, w, x) => w.sub(a.lit(-0), x)),
  abs: one((_, w, x) => w.max(x, w.neg(x))),
  square: one((_, w, x) => w.mul(x, x)),
  reciprocal: one((a, w, x) => w.div(a.lit(1), x)),
  sign: one((a, w, x) => w.select(w.lt(x, a.lit(0)), a.lit(-1), w.select(w.lt(a.lit(0), x), a.lit(1), a.lit(0)))),
  relu: one((a, w, x) => w.max(x, a.lit(0))),
  /** e^(q log p): NaN for a negative base, as real powers have it; whole literal powers are products before they come here. */
  pow: (a, p, q) => { if (p === undefined || q === undefined) throw new Error('pow'); return a.op('exp', words(a).mul(q, a.op('log', p))); },
  exp, log, log1p,
  expm1: one((a, _, x) => expm1Of(a, x)),
  sin: one((a, _, x) => circular(a, x, 0)),
  cos: one((a, _, x) => circular(a, x, 1)),
  /**
   * x·p(x²)/q(x²), x² at most 81, the quotient at most 1: fitted for the least relative error on |x| <= 9.02, 2.2e-8, with 1 as
   * first coefficients, so that small x come back as they are. 21 ops, one division.
   */
  tanh: one((a, w, x) => {
    const z = w.min(w.mul(x, x), a.lit(81));
    // x is asked for first: a chain of hundreds of these is no deeper than it must be
    const y = w.div(w.mul(x, w.polynomial(z, tanhOver)), w.polynomial(z, tanhUnder));
    return w.min(w.max(y, a.lit(-1)), a.lit(1));
  }),
  /** With e = e^(-|x|), shared with softplus of the same argument: 1/(1 + e), or e/(1 + e) for x < 0. */
  sigmoid: one((a, w, x) => {
    const e = a.op('exp', w.neg(w.abs(x)));
    return w.div(w.select(w.lt(x, a.lit(0)), e, a.lit(1)), w.add(e, a.lit(1)));
  }),
  /** max(x, 0) + log(1 + e), e = e^(-|x|) in (0, 1]. 42 ops, no division. */
  softplus: one((a, w, x) => {
    const e = a.op('exp', w.neg(w.abs(x)));
    return w.add(w.max(x, a.lit(0)), w.mul(e, w.polynomial(e, log1pUnit)));
  }),
  /** x + x·p(x²) up to 0.93, else 1 - e^(p(|x|)) with the sign of x. */
  erf: one((a, w, x) => {
    const t = w.abs(x);
    const s = w.mul(x, x);
    const high = w.add(w.mul(w.add(w.mul(a.lit(-1.72853470e-5), t), a.lit(3.83197126e-4)), s), w.add(w.mul(a.lit(-3.88396438e-3), t), a.lit(2.42546219e-2)));
    const p = [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1].reduce((r, c) => w.add(w.mul(r, t), a.lit(c)), high);
    const far = w.sub(a.lit(1), a.op('exp', w.sub(w.mul(p, t), t)));
    const near = w.add(w.mul(w.polynomial(s, [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]), x), x);
    return w.select(w.lt(a.lit(0.927734375), t), w.select(w.lt(x, a.lit(0)), w.neg(far), far), near);
  }),
  /** The float whose exponent bits are k + 127: adding 2^23 puts the whole number into the lowest bits of the mantissa. */
  pow2: one((a, w, k) => a.op('unbits', a.op('ushl', a.op('bits', w.add(k, a.lit(2 ** 23 + 127))), a.word(23)))),
};

/** The error function in double precision: its series up to 3, the continued fraction of erfc above (Abramowitz and Stegun 7.1.6, 7.1.14). */
export function erf(x: number): number {
  const t = Math.abs(x);
  if (t < 3) {
    let [term, sum] = [t, t];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) { term *= (2 * t * t) / (2 * n + 1); sum += term; }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-t * t) * sum;
  }
  let f = t;
  for (let k = 60; k > 0; k--) f = t + k / 2 / f;
  return Math.sign(x) * (1 - Math.exp(-t * t) / (f * Math.sqrt(Math.PI)));
}
