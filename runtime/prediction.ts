/** What draws of a prediction say: mean, spread, quantiles and intervals of each element over the samples. */
import { fail } from './errors.ts';
import type { Tensor } from './tensors.ts';

/** A spread; for new observations, what makes it up. Both parts are computed when they are asked for. */
export interface Spread extends Tensor {
  /** The part that comes from not knowing the weights. */
  readonly fromWeights: Tensor;
  /** The part that would be there with known weights; 0 for an output. */
  readonly fromNoise: Tensor;
}

export class Prediction {
  /** Every draw: shape [samples, …]. */
  readonly draws: Tensor;
  readonly #location: Tensor | 'unknown' | undefined;
  readonly #made = new Map<string, unknown>();
  /** @param location For new observations: the mean of the family for each draw of the weights, or that the family does not say it. */
  constructor(draws: Tensor, location?: Tensor | 'unknown') { this.draws = draws; this.#location = location; }

  get #samples(): number { return this.draws.shape[0] ?? 0; }
  get #shape(): readonly number[] { return this.draws.shape.slice(1); }
  get #size(): number { return this.draws.data.length / Math.max(1, this.#samples); }
  /** What was asked for before is not computed again: apps read `p.mean.data[i]` in loops. */
  #once<T>(name: string, make: () => T): T {
    if (!this.#made.has(name)) this.#made.set(name, make());
    return this.#made.get(name) as T; // made under this name
  }
  #over(data: Float32Array, f: (values: Float32Array) => number): Tensor {
    const [samples, size] = [this.#samples, this.#size];
    const values = new Float32Array(samples);
    return { shape: this.#shape, data: Float32Array.from({ length: size }, (_, i) => { for (let s = 0; s < samples; s++) values[s] = data[s * size + i] ?? NaN; return f(values); }) };
  }
  /** The mean over the draws. */
  get mean(): Tensor { return this.#once('mean', () => this.#over(this.draws.data, average)); }
  /** The standard deviation over the draws, with n - 1; 0 for one draw. */
  get std(): Spread {
    return this.#once('std', () => Object.defineProperties(this.#over(this.draws.data, deviation), { fromWeights: { get: () => this.fromWeights }, fromNoise: { get: () => this.fromNoise } }) as Spread); // the two parts are what a Spread adds
  }
  /** The mean over the draws of what is expected of an observation: `mean` without the scatter of the draws themselves. */
  get expected(): Tensor { return this.#once('expected', () => this.#over((this.#known ?? this.draws).data, average)); }
  /** Of new observations: the part of `std` that comes from not knowing the weights. */
  get fromWeights(): Tensor { return this.#once('fromWeights', () => this.#over((this.#known ?? this.draws).data, deviation)); }
  get #known(): Tensor | undefined { return this.#location === 'unknown' ? fail('Option', 'the family of this observation has no mean, so its spread has no parts') : this.#location; }
  /** Of new observations: the part that would be there with known weights. */
  get fromNoise(): Tensor {
    return this.#once('fromNoise', () => {
      const l = this.#known;
      return l ? this.#over(this.draws.data.map((x, i) => x - (l.data[i] ?? NaN)), deviation) : { shape: this.#shape, data: new Float32Array(this.#size) };
    });
  }
  /** The empirical quantile q of each element, interpolated linearly (type 7 of Hyndman and Fan 1996). */
  quantile(q: number): Tensor {
    if (!(q >= 0 && q <= 1)) return fail('Option', `a quantile is from 0 to 1, and this is ${q}`);
    if (this.#samples < 2) return fail('Option', 'a quantile needs more than one draw');
    return this.#once(`quantile ${q}`, () => this.#over(this.draws.data, values => {
      const sorted = Float32Array.from(values).sort();
      const at = q * (sorted.length - 1);
      const low = sorted[Math.floor(at)] ?? NaN;
      return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? NaN) - low);
    }));
  }
  /** The central interval that holds this share of the draws. */
  interval(share: number): { readonly lower: Tensor; readonly upper: Tensor } {
    if (!(share > 0 && share < 1)) return fail('Option', `an interval holds a share between 0 and 1, and this is ${share}`);
    return { lower: this.quantile((1 - share) / 2), upper: this.quantile((1 + share) / 2) };
  }
}
function average(values: Float32Array): number { let s = 0; for (const v of values) s += v; return s / values.length; }
function deviation(values: Float32Array): number {
  if (values.length < 2) return 0;
  const m = average(values);
  let s = 0;
  for (const v of values) s += (v - m) ** 2;
  return Math.sqrt(s / (values.length - 1));
}
