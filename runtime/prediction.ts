/** What draws of a prediction say: mean, spread, quantiles and intervals of each element over the samples. */
import { fail } from './errors.ts';
import { product } from './tensors.ts';
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
  #std: Spread | undefined;
  /** @param location For new observations: the mean of the family for each draw of the weights, or that the family does not say it. */
  constructor(draws: Tensor, location?: Tensor | 'unknown') { this.draws = draws; this.#location = location; }

  /** @param key What is asked for: it is not computed again, since apps read `p.mean.data[i]` in loops. @param f Of one element's draws: those from `first` on, so far apart. */
  #over(key: string, f: (draws: Float32Array, first: number, apart: number) => number, of: () => Float32Array = () => this.draws.data): Tensor {
    const known = this.#made.get(key);
    if (known) return known;
    const [shape, draws] = [this.draws.shape.slice(1), of()];
    const size = product(shape);
    const made = { shape, data: new Float32Array(size).map((_, i) => f(draws, i, size)) };
    this.#made.set(key, made);
    return made;
  }
  /** The mean over the draws. */
  get mean(): Tensor { return this.#over('mean', average); }
  /** The standard deviation over the draws, with n - 1; 0 for one draw. */
  get std(): Spread { return this.#std ??= new InParts(this.#over('std', deviation), this); }
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
    const [samples = 0] = this.draws.shape;
    if (samples < 2) return fail('Option', 'a quantile needs more than one draw');
    return this.#over(`${q}`, (draws, first, apart) => {
      const sorted = new Float32Array(samples).map((_, k) => draws[first + k * apart] ?? NaN).sort();
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
/** A spread that asks its prediction for the parts. */
class InParts implements Spread {
  readonly data: Float32Array;
  readonly shape: readonly number[];
  readonly #of: Prediction;
  constructor({ data, shape }: Tensor, of: Prediction) { this.data = data; this.shape = shape; this.#of = of; }
  get fromWeights(): Tensor { return this.#of.fromWeights; }
  get fromNoise(): Tensor { return this.#of.fromNoise; }
}
function average(draws: Float32Array, first: number, apart: number): number {
  let sum = 0;
  for (let i = first; i < draws.length; i += apart) sum += draws[i] ?? NaN;
  return sum / (draws.length / apart);
}
function deviation(draws: Float32Array, first: number, apart: number): number {
  const mean = average(draws, first, apart);
  let sum = 0;
  for (let i = first; i < draws.length; i += apart) sum += ((draws[i] ?? NaN) - mean) ** 2;
  return draws.length > apart ? Math.sqrt(sum / (draws.length / apart - 1)) : 0;
}
