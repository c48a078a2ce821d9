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
  readonly #made = new Map<string, Tensor>();
  /** @param location For new observations: the mean of the family for each draw of the weights, or that the family does not say it. */
  constructor(draws: Tensor, location?: Tensor | 'unknown') { this.draws = draws; this.#location = location; }

  get #samples(): number { return this.draws.shape[0] ?? 0; }
  get #shape(): readonly number[] { return this.draws.shape.slice(1); }
  get #size(): number { return this.draws.data.length / Math.max(1, this.#samples); }
  /** @param key What is asked for: it is not computed again, since apps read `p.mean.data[i]` in loops. */
  #over(key: string, f: (values: Float32Array) => number, of: () => Float32Array = () => this.draws.data): Tensor {
    const known = this.#made.get(key);
    if (known) return known;
    const [samples, size, data] = [this.#samples, this.#size, of()];
    const values = new Float32Array(samples);
    const made = { shape: this.#shape, data: Float32Array.from({ length: size }, (_, i) => { for (let s = 0; s < samples; s++) values[s] = data[s * size + i] ?? NaN; return f(values); }) };
    this.#made.set(key, made);
    return made;
  }
  /** The mean over the draws. */
  get mean(): Tensor { return this.#over('mean', average); }
  /** The standard deviation over the draws, with n - 1; 0 for one draw. */
  get std(): Spread {
    const made = this.#over('std', deviation);
    if (!('fromNoise' in made)) Object.defineProperties(made, { fromWeights: { get: () => this.fromWeights }, fromNoise: { get: () => this.fromNoise } });
    return made as Spread; // the two parts are what a Spread adds
  }
  /** The mean over the draws of what is expected of an observation: `mean` without the scatter of the draws themselves. */
  get expected(): Tensor { return this.#over('expected', average, () => this.#expectations); }
  /** Of new observations: the part of `std` that comes from not knowing the weights. */
  get fromWeights(): Tensor { return this.#over('fromWeights', deviation, () => this.#expectations); }
  get #expectations(): Float32Array { return (this.#known ?? this.draws).data; }
  get #known(): Tensor | undefined { return this.#location === 'unknown' ? fail('Option', 'the family of this observation has no mean, so its spread has no parts') : this.#location; }
  /** Of new observations: the part that would be there with known weights. */
  get fromNoise(): Tensor { return this.#over('fromNoise', deviation, () => { const l = this.#known?.data ?? this.draws.data; return this.draws.data.map((x, i) => x - (l[i] ?? NaN)); }); }
  /** The empirical quantile q of each element, interpolated linearly (type 7 of Hyndman and Fan 1996). */
  quantile(q: number): Tensor {
    if (!(q >= 0 && q <= 1)) return fail('Option', `a quantile is from 0 to 1, and this is ${q}`);
    if (this.#samples < 2) return fail('Option', 'a quantile needs more than one draw');
    return this.#over(`${q}`, values => {
      const sorted = Float32Array.from(values).sort();
      const at = q * (sorted.length - 1);
      const low = sorted[Math.floor(at)] ?? NaN;
      return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? NaN) - low);
    });
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
