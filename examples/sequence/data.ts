/** Sequences of the adding problem (Hochreiter and Schmidhuber 1997, experiment 4), made from a seed. */
import { mersenne } from '../common/numbers.ts';

export interface Sequences { readonly steps: number[][][]; readonly sum: number[][] }

/** `count` sequences of `length` numbers, evenly from -1 to 1; one number of the first half and one of the second are marked. */
export function sequences(count: number, length: number, seed: number): Sequences {
  const next = mersenne(seed);
  const below = (n: number): number => next() % n;
  const half = Math.floor(length / 2);
  const rows = Array.from({ length: count }, () => {
    const values = Array.from({ length }, () => next() / 2 ** 31 - 1);
    const [first, second] = [below(half), half + below(length - half)];
    return { steps: values.map((v, i) => [v, i === first || i === second ? 1 : 0]), sum: [(values[first] ?? NaN) + (values[second] ?? NaN)] };
  });
  return { steps: rows.map(r => r.steps), sum: rows.map(r => r.sum) };
}

/** Mean square distance of the numbers from their mean: the error of a network that has learned nothing but the mean. */
export function variance(values: readonly number[]): number {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  return values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
}

/** Mean square distance of predictions from the truth. */
export const meanSquareError = (predicted: ArrayLike<number>, truth: readonly number[]): number =>
  truth.reduce((s, y, i) => s + (y - (predicted[i] ?? NaN)) ** 2, 0) / truth.length;
