/**
 * A random model twice: its text, and the same model as closures on a tape. Each piece of the generator adds to both, so
 * that what the text means is written down a second time, from the reference and not from the compiler.
 */
import { newTape, softplus } from './autodiff.ts';
import type { T, Tape } from './autodiff.ts';

export type Shape = readonly (number | 'batch')[];
/** One sample of one evaluation. */
export interface Run {
  readonly tape: Tape; readonly rows: number;
  /** The weight as this sample drew it. */
  weight(path: string): T;
  param(path: string): T;
  input(name: string): T;
  classes(name: string): ArrayLike<number>;
  /** What statements have named. */
  readonly names: Map<string, T>;
}
export type Compute = (r: Run) => T;
/** An expression: its text, its shape, and what it computes. */
export interface Value { readonly text: string; readonly shape: Shape; readonly of: Compute }

/** A distribution as a prior, for a weight of a shape. */
export type Density = { readonly family: 'normal'; readonly mean: T; readonly sd: T } | { readonly family: 'mixture'; readonly pi: number; readonly sds: readonly [number, number] };
export interface Prior { readonly text: string; readonly of: (r: Run, shape: readonly number[]) => Density }
/** One setting, as it stands in a model or in the block of a use; with `weight` for that weight of the use only. */
export interface Setting { readonly text: string; readonly weight?: string; readonly prior?: Prior; readonly posterior?: 'normal' | 'point'; readonly sampled?: true; readonly frozen?: true; readonly fixed?: true }

export interface Weight { readonly path: string; readonly shape: readonly number[]; readonly prior: Prior; readonly posterior: 'normal' | 'point'; readonly sampled: boolean; readonly frozen: boolean }
export interface Port { readonly name: string; readonly shape: Shape; readonly classes?: number; /** Numbers of 0 and 1. */ readonly binary?: true }
export interface RandomModel {
  readonly text: string;
  /** Arguments that are not their defaults, as the command line gives them. */
  readonly set: Readonly<Record<string, number>>;
  readonly inputs: readonly Port[]; readonly targets: readonly Port[];
  readonly weights: readonly Weight[]; readonly params: readonly { readonly path: string; readonly shape: readonly number[] }[];
  readonly statements: readonly ((r: Run) => void)[];
  readonly outputs: readonly { readonly name: string; readonly of: Compute }[];
  /** Numbers whose sum is the likelihood. */
  readonly losses: readonly Compute[];
}

type Arrays = Readonly<Record<string, ArrayLike<number>>>;
export interface Given { readonly rows: number; readonly data: Arrays; readonly parameters: Arrays; /** Weights of each sample. */ readonly draws: readonly Arrays[]; readonly klWeight: number }
export interface Result {
  readonly outputs: Readonly<Record<string, Float64Array>>; readonly gradients: Readonly<Record<string, Float64Array>>;
  readonly likelihood: number; readonly complexity: number; readonly loss: number;
  /** How large the terms of the complexity are before they cancel: what its rounding is measured by. */
  readonly terms: number;
}

const need = <V>(v: V | undefined, what: string): V => { if (v === undefined) throw new Error(`no ${what}`); return v; };
export const sized = (shape: Shape, rows: number): number[] => shape.map(d => (d === 'batch' ? rows : d));

/** log N(x; mean, sd²), elementwise. */
export function logNormal(t: Tape, x: T, mean: T, sd: T): T {
  const z = t.zip('div', t.zip('sub', x, mean), sd);
  return t.zip('sub', t.zip('sub', t.zip('mul', t.scalar(-0.5), t.map('square', z)), t.map('log', sd)), t.scalar(0.5 * Math.log(2 * Math.PI)));
}
function logPrior(t: Tape, w: T, p: Density): T {
  if (p.family === 'normal') return logNormal(t, w, p.mean, p.sd);
  const parts = p.sds.map((sd, i) => t.zip('add', t.scalar(Math.log(i === 0 ? p.pi : 1 - p.pi)), logNormal(t, w, t.scalar(0), t.scalar(sd))));
  const joined = t.concat(parts.map(x => t.reshape(x, [...x.shape, 1])), -1);
  return t.reshape(t.logSumExp(joined, -1), w.shape);
}
/** KL(N(mu, sigma²) ‖ N(mean, sd²)) = log(sd/sigma) + (sigma² + (mu - mean)²) / (2 sd²) - ½, elementwise. */
function klNormal(t: Tape, mu: T, sigma: T, mean: T, sd: T): T {
  const squares = t.zip('add', t.map('square', sigma), t.map('square', t.zip('sub', mu, mean)));
  return t.zip('sub', t.zip('add', t.map('log', t.zip('div', sd, sigma)), t.zip('mul', t.scalar(0.5), t.zip('div', squares, t.map('square', sd)))), t.scalar(0.5));
}

/** Outputs, objective and gradients, given what the model under test drew. */
export function compute(m: RandomModel, given: Given): Result {
  const t = newTape();
  const leaves = new Map<string, T>();
  const leaf = (path: string, shape: readonly number[]): void => { leaves.set(path, t.leaf(shape, need(given.parameters[path], path))); };
  for (const w of m.weights) { leaf(`${w.path}.mu`, w.shape); if (w.posterior === 'normal') leaf(`${w.path}.rho`, w.shape); }
  for (const p of m.params) leaf(p.path, p.shape);
  const get = (path: string): T => need(leaves.get(path), path);
  const ports = new Map([...m.inputs, ...m.targets].filter(p => p.classes === undefined).map(p => [p.name, t.leaf(sized(p.shape, given.rows), need(given.data[p.name], p.name))] as const));
  const sigmas = new Map(m.weights.filter(w => w.posterior === 'normal').map(w => [w.path, t.map('softplus', get(`${w.path}.rho`))] as const));

  const outputs: Record<string, number[]> = Object.fromEntries(m.outputs.map(o => [o.name, []]));
  const [likelihoods, complexities]: [T[], T[]] = [[], []];
  let terms = 0;
  for (const drawn of given.draws) {
    const now = new Map(m.weights.map(w => {
      const mu = get(`${w.path}.mu`);
      const sigma = sigmas.get(w.path);
      if (!sigma || w.frozen) return [w.path, mu] as const;
      // the noise that makes this parameter this weight
      const eps = mu.data.map((v, i) => ((need(drawn[w.path], w.path)[i] ?? NaN) - v) / softplus(get(`${w.path}.rho`).data[i] ?? NaN));
      return [w.path, t.zip('add', mu, t.zip('mul', sigma, t.leaf(w.shape, eps)))] as const;
    }));
    const r: Run = { tape: t, rows: given.rows, names: new Map(), weight: p => need(now.get(p), p), param: get, input: n => need(ports.get(n), n), classes: n => need(given.data[n], n) };
    for (const s of m.statements) s(r);
    for (const o of m.outputs) outputs[o.name]?.push(...o.of(r).data);
    likelihoods.push(m.losses.map(l => l(r)).reduce((a, b) => t.zip('add', a, b)));
    for (const w of m.weights) {
      const sigma = sigmas.get(w.path);
      if (!sigma || w.frozen) continue;
      const prior = w.prior.of(r, w.shape);
      const mu = get(`${w.path}.mu`);
      const exact = prior.family === 'normal' && !w.sampled;
      const q = logNormal(t, r.weight(w.path), mu, sigma);
      const p = logPrior(t, r.weight(w.path), prior);
      const kl = exact ? klNormal(t, mu, sigma, prior.mean, prior.sd) : t.zip('sub', q, p);
      for (const x of exact ? [kl] : [q, p]) terms += x.data.reduce((s, v) => s + Math.abs(v), 0) / given.draws.length;
      complexities.push(t.sum(kl, w.shape.map((_, d) => d)));
    }
  }
  const over = (list: readonly T[]): T => t.zip('mul', list.reduce((a, b) => t.zip('add', a, b), t.scalar(0)), t.scalar(1 / given.draws.length));
  const [likelihood, complexity] = [over(likelihoods), over(complexities)];
  const loss = t.zip('add', likelihood, t.zip('mul', t.scalar(given.klWeight), complexity));
  t.backward(loss);
  const number = (x: T): number => x.data[0] ?? NaN;
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([n, v]) => [n, Float64Array.from(v)])), gradients: Object.fromEntries([...leaves].map(([p, x]) => [p, x.grad])),
    likelihood: number(likelihood), complexity: number(complexity), loss: number(loss), terms,
  };
}
