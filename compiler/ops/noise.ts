/**
 * Noise as arithmetic: four words of Threefry4x32-13 and the normals they make, in core and bit ops. It is what the op
 * `noise` of a kernel means in single precision; `runtime/noise.ts` says the same in double precision and is the reference.
 */
import { constant } from '../6-kernels/index.ts';
import type { Expr, Index } from '../6-kernels/kernel.ts';
import type { Algebra } from './algebra.ts';
import { words } from './algebra.ts';
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

/** log x for x in [2^-24, 1] (Cephes logf; the argument is never 0). */
function logUnit<T>(a: Algebra<T>, x: T): T {
  const w = words(a);
  const b = a.op('bits', x);
  const m = a.op('unbits', a.op('uor', a.op('uand', b, a.word(0x7fffff)), a.word(0x3f000000)));
  const exponent = a.op('ifloat', a.op('usub', a.op('ushr', b, a.word(23)), a.word(126)));
  const low = w.lt(m, a.lit(0.70710678));
  const e = w.select(low, w.sub(exponent, a.lit(1)), exponent);
  const z = w.sub(w.select(low, w.add(m, m), m), a.lit(1));
  const zz = w.mul(z, z);
  const p = w.polynomial(z, [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]);
  const y = w.sub(w.add(w.mul(w.mul(z, zz), p), w.mul(e, a.lit(-2.12194440e-4))), w.mul(a.lit(0.5), zz));
  return w.add(w.add(z, y), w.mul(e, a.lit(0.693359375)));
}

/** Two standard normals from two words (Box and Muller 1958): the radius from 24 bits, the angle from 30 bits in quarter turns. */
export function boxMuller<T>(a: Algebra<T>, first: T, second: T): readonly [T, T] {
  const w = words(a);
  const unit = w.mul(a.op('float', a.op('uadd', a.op('ushr', first, a.word(8)), a.word(1))), a.lit(2 ** -24));
  const radius = a.op('sqrt', w.max(a.lit(0), w.mul(a.lit(-2), logUnit(a, unit))));
  const x = w.mul(w.mul(a.op('ifloat', a.op('ishr', a.op('ushl', second, a.word(2)), a.word(8))), a.lit(2 ** -26)), a.lit(2 * Math.PI));
  const xx = w.mul(x, x);
  const s = w.add(w.mul(w.mul(w.polynomial(xx, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]), xx), x), x);
  const c = w.add(w.sub(w.mul(w.mul(w.polynomial(xx, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]), xx), xx), w.mul(a.lit(0.5), xx)), a.lit(1));
  const quarter = a.op('ushr', second, a.word(30));
  const swap = a.op('ueq', a.op('uand', quarter, a.word(1)), a.word(1));
  // the signs as bits: cosine is negative in quarters 1 and 2, sine in 2 and 3
  const sign = (y: T, bit: T): T => a.op('unbits', a.op('uxor', a.op('bits', y), a.op('ushl', bit, a.word(31))));
  const high = a.op('ushr', quarter, a.word(1));
  const cosine = sign(w.select(swap, s, c), a.op('uxor', high, a.op('uand', quarter, a.word(1))));
  const sine = sign(w.select(swap, c, s), high);
  return [w.mul(radius, cosine), w.mul(radius, sine)];
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
