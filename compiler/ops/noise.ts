/**
 * Noise as arithmetic: four words of Threefry4x32-13 and the normals they make, in core and bit ops. It is what the op
 * `noise` of a kernel means in single precision; `runtime/noise.ts` says the same in double precision and is the reference.
 */
import { constant } from '../6-kernels/index.ts';
import type { Expr, Index } from '../6-kernels/kernel.ts';
import type { Algebra } from './algebra.ts';
import { words } from './algebra.ts';
import { byRoots, rootHalf } from './expansions.ts';
import { exprAlgebra } from './exprs.ts';

/** Rotations of the rounds, a pair each (Salmon et al. 2011, table 2; Random123 `threefry.h`). */
const rotations = [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]] as const;

type Four<T> = readonly [T, T, T, T];

/** Four uniform words from a counter and a key. */
export function threefry<T>(a: Algebra<T>, counter: Four<T>, key: Four<T>): Four<T> {
  const add = (x: T, y: T): T => a.op('uadd', x, y);
  const xor = (x: T, y: T): T => a.op('uxor', x, y);
  const rotate = (x: T, by: number): T => a.op('uor', a.op('ushl', x, a.word(by)), a.op('ushr', x, a.word(32 - by)));
  const parity = xor(xor(xor(key[0], key[1]), xor(key[2], key[3])), a.word(0x1bd11bda));
  const keys = [...key, parity];
  const keyAt = (i: number): T => keys[i % 5] ?? parity;
  let x: Four<T> = [add(counter[0], key[0]), add(counter[1], key[1]), add(counter[2], key[2]), add(counter[3], key[3])];
  for (let round = 0; round < 13; round++) {
    const [r, s] = rotations[round % 8] ?? [0, 0];
    if (round % 2 === 0) {
      const [p, q] = [add(x[0], x[1]), add(x[2], x[3])];
      x = [p, xor(rotate(x[1], r), p), q, xor(rotate(x[3], s), q)];
    } else {
      const [p, q] = [add(x[0], x[3]), add(x[2], x[1])];
      x = [p, xor(rotate(x[1], s), q), q, xor(rotate(x[3], r), p)];
    }
    if (round % 4 === 3) {
      const i = (round + 1) / 4;
      x = [add(x[0], keyAt(i)), add(x[1], keyAt(i + 1)), add(x[2], keyAt(i + 2)), add(x[3], add(keyAt(i + 3), a.word(i)))];
    }
  }
  return x;
}

/**
 * (-2 log(1 - w/2) - w)/w² for w in (2 - 2√2, 2 - √2], highest power first: Lawson's weighted least squares (1961), weighted by what it
 * does to the radius, which is off by 8e-9 at most.
 */
const squaredRadius = [3.496729974e-4, 1.137726569e-3, 2.33457041e-3, 5.16471764e-3, 1.247226464e-2, 3.125521194e-2, 8.333548444e-2, 2.499997382e-1];

/**
 * -2 log(k / 2^24) for whole k in [1, 2^24], never below 0: k is a power of two times m in [√½, √2), and -2 log m a polynomial in w = 2 - 2m,
 * which is exact.
 */
function radiusSquared<T>(a: Algebra<T>, k: T): T {
  const w = words(a);
  const { e, m } = byRoots(a, a.op('usub', a.op('bits', k), a.word(rootHalf + (24 << 23))));
  const x = w.add(w.mul(m, a.lit(-2)), a.lit(2));
  return w.add(w.mul(w.mul(x, x), w.polynomial(x, squaredRadius)), w.add(w.mul(e, a.lit(-2 * Math.LN2)), x));
}

/** Two standard normals from two words (Box and Muller 1958): the radius from 24 bits, the angle from 30 bits in quarter turns. */
export function boxMuller<T>(a: Algebra<T>, first: T, second: T): readonly [T, T] {
  const w = words(a);
  const radius = a.op('sqrt', radiusSquared(a, a.op('float', a.op('uadd', a.op('ushr', first, a.word(8)), a.word(1)))));
  const x = w.mul(a.op('ifloat', a.op('ishr', a.op('ushl', second, a.word(2)), a.word(8))), a.lit(2 * Math.PI * 2 ** -26));
  const xx = w.mul(x, x);
  const s = w.add(w.mul(w.mul(w.polynomial(xx, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]), xx), x), x);
  const c = w.polynomial(xx, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2, -0.5, 1]);
  // in odd quarters the two change places; cosine is negative in quarters 1 and 2, sine in 2 and 3: all of it as bits
  const odd = a.op('ushl', second, a.word(1));
  const bits = [c, s].map(y => a.op('bits', y)) as [T, T]; // of two
  const changed = a.op('uand', a.op('uxor', ...bits), a.op('ishr', odd, a.word(31)));
  const value = (y: T, sign: T): T => w.mul(radius, a.op('unbits', a.op('uxor', a.op('uxor', y, changed), a.op('uand', sign, a.word(0x80000000)))));
  return [value(bits[0], a.op('uxor', second, odd)), value(bits[1], second)];
}

/** (word >> 8) · 2^-24 + 2^-25, in (0, 1). */
export const uniform = <T>(a: Algebra<T>, word: T): T => words(a).add(words(a).mul(a.op('float', a.op('ushr', word, a.word(8))), a.lit(2 ** -24)), a.lit(2 ** -25));

/** The four values of one counter: elements 4·quad … 4·quad + 3. */
export function noiseQuad<T>(a: Algebra<T>, family: 'normal' | 'uniform', counter: Four<T>, key: Four<T>): Four<T> {
  const w = threefry(a, counter, key);
  if (family === 'uniform') return [uniform(a, w[0]), uniform(a, w[1]), uniform(a, w[2]), uniform(a, w[3])];
  return [...boxMuller(a, w[0], w[1]), ...boxMuller(a, w[2], w[3])];
}

const field = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });
const whole = (index: Index): Expr => ({ kind: 'index', type: 'u32', index });

/** Counter and key of a noise expression, given its quad. */
export const noiseCounter = (e: Extract<Expr, { kind: 'noise' }>, quad: Expr): { readonly counter: Four<Expr>; readonly key: Four<Expr> } => ({
  counter: [quad, exprAlgebra.op('uadd', whole(e.sample), field('sampleBase')), field('countLo'), field('countHi')],
  key: [field('seedLo'), field('seedHi'), field('purpose'), { kind: 'lit', type: 'u32', value: e.site }],
});

/** One noise expression as arithmetic: its quad computed, its lane chosen. A target that has a better way uses `noiseQuad`. */
export function expandNoise(e: Extract<Expr, { kind: 'noise' }>): Expr {
  const a = exprAlgebra;
  const part = (kind: 'div' | 'mod'): Index => ({ ...constant(0), terms: [{ coefficient: 1, atom: { kind, index: e.element, by: 4 } }] });
  const { counter, key } = noiseCounter(e, whole(part('div')));
  const [p, q, r, s] = noiseQuad(a, e.family, counter, key);
  const lane = whole(part('mod'));
  const isLane = (n: number): Expr => a.op('ueq', lane, a.word(n));
  return a.op('select', isLane(0), p, a.op('select', isLane(1), q, a.op('select', isLane(2), r, s)));
}
