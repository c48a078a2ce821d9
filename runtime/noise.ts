/**
 * Standard noise as a function of (seed, purpose, count, sample, site, element): Threefry4x32-13 and Box-Muller, as the
 * kernels compute it, in JavaScript. The shuffle and targets without integers use it, and it is what the kernels' own
 * expansion is tested against.
 */

/** What a draw depends on beside sample, site and element (DECISIONS 1.4). */
export interface Stream { readonly seed: number; readonly purpose: number; readonly count: number }

/** Numbers of the purposes in the noise key. */
export const purposes = { init: 0, shuffle: 1, train: 2, call: 3, explicit: 4 } as const;

const rotations = [10, 26, 11, 21, 13, 27, 23, 5, 6, 20, 17, 11, 25, 10, 18, 20] as const;
const parity = 0x1bd11bda;

/**
 * Threefry4x32 with 13 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4): four words of
 * counter and key to four words. Published vectors: Random123, `kat_vectors`, 13 rounds.
 */
export function threefry(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, k2: number, k3: number): readonly [number, number, number, number] {
  const key = [k0, k1, k2, k3, k0 ^ k1 ^ k2 ^ k3 ^ parity];
  let x0 = (c0 + k0) | 0, x1 = (c1 + k1) | 0, x2 = (c2 + k2) | 0, x3 = (c3 + k3) | 0;
  for (let round = 0; round < 13; round++) {
    const at = (round % 8) * 2;
    const [a, b] = [rotations[at] ?? 0, rotations[at + 1] ?? 0];
    if (round % 2 === 0) {
      x0 = (x0 + x1) | 0; x1 = ((x1 << a) | (x1 >>> (32 - a))) ^ x0;
      x2 = (x2 + x3) | 0; x3 = ((x3 << b) | (x3 >>> (32 - b))) ^ x2;
    } else {
      x0 = (x0 + x3) | 0; x3 = ((x3 << a) | (x3 >>> (32 - a))) ^ x0;
      x2 = (x2 + x1) | 0; x1 = ((x1 << b) | (x1 >>> (32 - b))) ^ x2;
    }
    if (round % 4 === 3) {
      const i = (round + 1) / 4;
      x0 = (x0 + (key[i % 5] ?? 0)) | 0;
      x1 = (x1 + (key[(i + 1) % 5] ?? 0)) | 0;
      x2 = (x2 + (key[(i + 2) % 5] ?? 0)) | 0;
      x3 = (x3 + (key[(i + 3) % 5] ?? 0) + i) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0, x2 >>> 0, x3 >>> 0];
}

/** The low and high words of a whole number below 2^53. */
export const words = (n: number): readonly [number, number] => [n >>> 0, Math.floor(n / 2 ** 32) >>> 0];

/** Four uniform words for elements 4·quad … 4·quad + 3. */
export function noiseWords(stream: Stream, site: number, sample: number, quad: number): readonly [number, number, number, number] {
  const [seedLo, seedHi] = words(stream.seed);
  const [countLo, countHi] = words(stream.count);
  return threefry(quad, sample, countLo, countHi, seedLo, seedHi, stream.purpose, site);
}

/** A pair of standard normals from two words (Box and Muller 1958): radius from 24 bits in (0, 1], angle from 30 bits in quarter turns. */
export function boxMuller(a: number, b: number): readonly [number, number] {
  const radius = Math.sqrt(-2 * Math.log(((a >>> 8) + 1) * 2 ** -24));
  const angle = ((b << 2 | 0) >> 8) * 2 ** -26 * 2 * Math.PI;
  const [s, c] = [Math.sin(angle), Math.cos(angle)];
  const quarter = b >>> 30;
  const [cos, sin] = quarter === 0 ? [c, s] : quarter === 1 ? [-s, c] : quarter === 2 ? [-c, -s] : [s, -c];
  return [radius * cos, radius * sin];
}

/** Standard normals (or uniforms in (0, 1)) for elements `from` … `from + out.length - 1`, in double precision before rounding to `out`. */
export function fillNoise(out: Float32Array | Float64Array, family: 'normal' | 'uniform', stream: Stream, site: number, sample: number, from = 0): void {
  for (let quad = Math.floor(from / 4); quad * 4 < from + out.length; quad++) {
    const w = noiseWords(stream, site, sample, quad);
    const values = family === 'normal' ? [...boxMuller(w[0], w[1]), ...boxMuller(w[2], w[3])] : w.map(x => (x >>> 8) * 2 ** -24 + 2 ** -25);
    for (let lane = 0; lane < 4; lane++) {
      const i = quad * 4 + lane - from;
      if (i >= 0 && i < out.length) out[i] = values[lane] ?? 0;
    }
  }
}
