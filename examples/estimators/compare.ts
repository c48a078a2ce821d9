/**
 * Estimators beside each other. Imagine one model and one batch, and many seeds: each gives a loss or a gradient with the
 * model's own estimator and with one draw for the whole batch.
 */
import { readFileSync } from 'node:fs';
import type { AnyModel } from '../../test/support/modules.ts';
import type { Model } from '../../runtime/types.ts';

type Data = AnyModel['inputs']; // targets are of the same type here

/** A mean of many independent numbers, and its standard error. */
export interface Estimate { readonly mean: number; readonly error: number }
export function estimateOf(values: readonly number[]): Estimate {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, error: Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / (values.length * (values.length - 1))) };
}
/** Further from zero than four standard errors: with a right estimator this happens to one comparison in 16,000. */
export const differs = (e: Estimate): boolean => Math.abs(e.mean) > 4 * e.error;

/** What the losses of a model's own estimator and of `shared` come to, each the mean over `samples` draws of `calls` seeds. The calls of one seed share their noise, so their difference is known better than either. */
export interface Losses { readonly own: readonly number[]; readonly shared: readonly number[] }
export async function lossesOf(model: Model<AnyModel>, data: Data, options: { readonly calls: number; readonly samples: number }): Promise<Losses> {
  const [own, shared]: [number[], number[]] = [[], []];
  for (let seed = 0; seed < options.calls; seed++) {
    own.push((await model.sampleElbo(data, { klWeight: 0, samples: options.samples, seed })).likelihood);
    shared.push((await model.sampleElbo(data, { klWeight: 0, samples: options.samples, seed, estimator: 'shared' })).likelihood);
  }
  return { own, shared };
}
export const differenceOf = ({ own, shared }: Losses): Estimate => estimateOf(own.map((x, i) => x - (shared[i] ?? NaN)));

/** The element of all gradients whose mean over seeds differs most, for its standard error, between a model's own estimator and `shared`; and how far all are apart, 1 where they have one mean. */
export async function gradientDifference(model: Model<AnyModel>, data: Data, options: { readonly calls: number; readonly samples: number }): Promise<{ readonly worst: number; readonly typical: number }> {
  const differences = new Map<string, number[]>();
  for (let seed = 0; seed < options.calls; seed++) {
    const own = await model.gradients(data, { klWeight: 0, samples: options.samples, seed });
    const shared = await model.gradients(data, { klWeight: 0, samples: options.samples, seed, estimator: 'shared' });
    for (const [path, { data: g }] of Object.entries(own)) g.forEach((x, i) => {
      const key = `${path}[${i}]`;
      const all = differences.get(key) ?? [];
      differences.set(key, all);
      all.push(x - (shared[path]?.data[i] ?? NaN));
    });
  }
  // a unit that no draw opens has no gradient
  const scores = [...differences.values()].map(estimateOf).filter(e => e.error > 0).map(e => Math.abs(e.mean / e.error));
  return { worst: Math.max(...scores), typical: Math.sqrt(scores.reduce((s, z) => s + z * z, 0) / scores.length) };
}

/** The variance over seeds of the gradient of a loss, summed over all means and over all spreads. */
export interface Spread { readonly mu: number; readonly rho: number }
export async function gradientSpread(model: Model<AnyModel>, data: Data, seeds: number, estimator?: 'shared'): Promise<Spread> {
  const sums = new Map<string, { readonly sum: Float64Array; readonly squares: Float64Array }>();
  for (let seed = 0; seed < seeds; seed++) {
    const gradients = await model.gradients(data, { klWeight: 0, seed, ...(estimator ? { estimator } : {}) });
    for (const [path, { data: g }] of Object.entries(gradients)) {
      const s = sums.get(path) ?? { sum: new Float64Array(g.length), squares: new Float64Array(g.length) };
      g.forEach((x, i) => { s.sum[i] = (s.sum[i] ?? 0) + x; s.squares[i] = (s.squares[i] ?? 0) + x * x; });
      sums.set(path, s);
    }
  }
  const total = (part: string): number => [...sums].filter(([path]) => path.endsWith(part)).reduce((n, [, s]) => n + s.sum.reduce((v, x, i) => v + ((s.squares[i] ?? 0) - (x * x) / seeds) / (seeds - 1), 0), 0);
  return { mu: total('.mu'), rho: total('.rho') };
}

const boston = readFileSync(new URL('../boston/boston.bnn', import.meta.url), 'utf8');
/** Nets whose estimator is a hole in their text, and a batch for each. `rho` is the spread before softplus. */
export const nets = {
  pooled: (estimator: string, rho: number, pool = 'max_pool2d(2)'): string => `model M {
    posterior normal(mu: normal(0, 0.2), rho: ${rho})
    input  x: [batch, 1, 8, 8]
    target c: class(3)[batch]
    z = x |> conv2d(4, kernel: 3) { estimator ${estimator} } |> relu |> ${pool} |> flatten |> linear(3) { estimator ${estimator === 'local(approximate)' ? 'shared' : estimator} }
    observe c ~ categorical(logits: z)
  }`,
  /** A body that gives p, [batch, 1], from x, [batch, 4]. */
  around: (estimator: string, rho: number, body: string): string => `model M {
    estimator ${estimator}
    posterior normal(mu: normal(0, 0.3), rho: ${rho})
    input  x: [batch, 4]
    target y: [batch, 1]
    ${body}
    loss mse(p, y)
  }`,
  dense: (estimator: string, rho: number): string => `model M {
    estimator ${estimator}
    posterior normal(mu: normal(0, 0.2), rho: ${rho})
    input  x: [batch, 13]
    target y: [batch, 1]
    p = x |> linear(16) |> relu |> linear(1)
    loss mse(p, y)
  }`,
  /** The example's own 13-512-1, its means begun as they are there. */
  boston: (estimator: string, rho: number): string => boston.replace('{', `{\n  estimator ${estimator}\n  posterior normal(mu: normal(0, 0.1), rho: ${rho})`),
} as const;

/** The spread before softplus, whose sigma is this: the inverse of softplus. */
export const rhoOf = (sigma: number): number => Math.log(Math.expm1(sigma));

/** Numbers between -1.5 and 1.5 that never change. */
const wave = (n: number, step: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 1.5 * Math.sin((i + 1) * step));
export const images = (batch: number): Data => ({ x: wave(batch * 64, 12.9898), c: Uint8Array.from({ length: batch }, (_, i) => (i * 5 + 1) % 3) });
export const table = (batch: number, columns = 13): Data => ({ x: wave(batch * columns, 78.233), y: wave(batch, 3.7) });
