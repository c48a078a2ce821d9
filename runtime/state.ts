/**
 * One model on one backend: its memory, its counts, and the rule of who may use it when. Everything that touches the device
 * goes through `exclusive`, one after the other; `fit` takes turns with the calls that only read.
 */
import { keeps, layout } from './arena.ts';
import { writeBuckets } from './bucket.ts';
import type { Backend, Scalars } from './backend.ts';
import { Diverged, fail } from './errors.ts';
import type { ModelManifest } from './manifest.ts';
import { purposes, words } from './noise.ts';
import type { Rows } from './tensors.ts';
import type { Elbo, Optimizer } from './types.ts';

/** What draws of a call depend on. */
export interface Draws { readonly purpose: number; readonly seed: number; readonly count: number; /** 0 where the model was frozen when it was called. */ readonly live: number }

interface Snapshot { readonly copy: ReadonlyMap<string, Float32Array>; readonly steps: number }

export interface State {
  readonly manifest: ModelManifest; readonly backend: Backend; readonly seed: number;
  /** Optimizer steps, epochs and calls begun so far. */
  steps: number; epochs: number; calls: number;
  frozen: boolean; fitting: boolean; disposed: boolean;
  optimizer: Optimizer;
  capacity: { rows: number; samples: number };
  queue: Promise<unknown>;
  /** The copy to go back to, and one that has not yet proved good: a finite loss after it does. */
  good: Snapshot; pending: Snapshot | undefined;
  /** The step after which all parameters were last seen to be finite. */
  sound: number;
}

export const defaultOptimizer: Optimizer = { kind: 'adam', learningRate: 1e-3 };

/** Runs `f` when all that was asked before has finished. */
export function exclusive<T>(s: State, f: () => Promise<T> | T): Promise<T> {
  alive(s);
  const next = s.queue.then(() => { alive(s); return f(); });
  s.queue = next.catch(() => undefined);
  return next;
}
export function alive(s: State): void { if (s.disposed) fail('Disposed', `this ${s.manifest.name} was disposed: create or load another`); }
export function changeable(s: State, what: string): void { alive(s); if (s.fitting) fail('Busy', `${what} changes the model, which is being fitted: await fit first`); }

/** The draws of a call: of an explicit seed, or of the model's own seed and a count (DECISIONS 1.4). */
export function drawsOf(s: State, seed: number | undefined, own: 'init' | 'train' | 'call', count: number): Draws {
  const live = s.frozen ? 0 : 1;
  return seed === undefined ? { live, purpose: purposes[own], seed: s.seed, count } : { live, purpose: purposes.explicit, seed: checkSeed(seed), count: 0 };
}
export const wholeNumber = (name: string, value: number, least = 1): number => (Number.isSafeInteger(value) && value >= least ? value : fail('Option', `'${name}' is a whole number of at least ${least}, and this is ${value}`));
export const checkSeed = (seed: number): number => wholeNumber('seed', seed, 0);
export const finiteNumber = (name: string, value: number): number => (typeof value === 'number' && Number.isFinite(value) ? value : fail('Option', `'${name}' is a finite number, and this is ${value}`));

/** Options of all calls and of the optimizers, in one list, since it is in every page. */
const names = ' seed epochs batchSize samples optimizer klWeight shuffle signal onEpoch validation estimator outputs kind learningRate momentum beta1 beta2 epsilon ';
/** Throws at an option that no call has: types find a misspelt one, JavaScript would ignore it. */
export function known(options: object): void { for (const k in options) if (!names.includes(` ${k} `)) fail('Option', `there is no option '${k}':${names}`); }

/** The record's fields for one run. */
export function scalarsOf(s: State, d: Draws, rows: number, samples: number, extra: Scalars = {}): Record<string, number> {
  const [seedLo, seedHi] = words(d.seed);
  const [countLo, countHi] = words(d.count);
  // a small plan takes one at a time; `share` is what each is of their mean
  const atOnce = s.backend.plan.memory === 'small' ? { samples: 1, draws: samples, share: 1 / samples } : { samples };
  return { rows, ...atOnce, rowBase: 0, sampleBase: 0, seedLo, seedHi, countLo, countHi, purpose: d.purpose, live: d.live, klWeight: 0, ...extra };
}

export function reserve(s: State, rows: number, wanted: number): void {
  const samples = s.backend.plan.memory === 'small' ? 1 : wanted;
  const { capacity: c } = s;
  if (rows <= c.rows && samples <= c.samples) return;
  const next = { rows: Math.max(rows, c.rows), samples: Math.max(samples, c.samples) };
  s.backend.reserve(next.rows, next.samples); // it throws where there is no memory
  s.capacity = next;
}

/** Memory that a call may take for what it computes in between, in bytes, beyond what one row takes. In a small plan what is there already, a sixth of what is kept, or the least. */
const workspace = 2 ** 28, least = 2 ** 20;
/**
 * How many rows and samples to compute at a time, so that a call stays within its memory: halved, samples first, until they do.
 * Fewer samples at a time cost nothing; fewer rows draw all weights again for the next ones.
 */
export function chunks(s: State, rows: number, wanted: number, divideSamples = true): { readonly rows: number; readonly samples: number } {
  const { plan } = s.backend;
  const samples = plan.memory === 'small' ? 1 : wanted;
  if (rows <= s.capacity.rows && samples <= s.capacity.samples) return { rows, samples }; // there is room
  // what one row needs is there anyway: a small plan keeps all gradients of a weight in it
  const { words: one, persistent } = layout(plan, 1, 1);
  const more = (r: number, n: number): number => 4 * (layout(plan, r, n).words - one);
  const room = plan.memory === 'small' ? Math.max(more(s.capacity.rows, s.capacity.samples), 4 * persistent / 6, least) : workspace;
  if (more(rows, samples) <= room) return { rows, samples };
  if (samples > 1 && divideSamples) return chunks(s, rows, Math.ceil(samples / 2));
  return rows > 1 ? chunks(s, Math.ceil(rows / 2), samples, divideSamples) : { rows, samples };
}

/** Writes rows `from` to `to` of every tensor into its buffer, if the plan has one. */
export function load(s: State, tensors: ReadonlyMap<string, Rows>, from: number, to: number): void {
  for (const [name, t] of tensors) write(s, name, t.rows === undefined ? t.data : t.data.subarray(from * t.each, to * t.each));
}
/** The buffer of an input or target. */
export const portBuffer = (s: State, name: string): string => `${s.manifest.inputs.some(p => p.name === name) ? 'input' : 'target'}:${name}`;
export function write(s: State, name: string, data: Float32Array): void {
  const buffer = portBuffer(s, name);
  if (s.backend.plan.buffers.some(b => b.name === buffer)) s.backend.write(buffer, data);
  writeBuckets(s.backend.plan, buffer, data, (to, sorted) => { s.backend.write(to, sorted); });
}

/** A result of a program, by name. */
export async function result(s: State, program: string, name: string, count: number): Promise<Float32Array> {
  const buffer = s.backend.plan.programs[program]?.results[name] ?? fail('Backend', `no result ${name} of ${program}`);
  return s.backend.read(buffer, count);
}
/** All results of a program whose names begin so, by the rest of their names; also those of its parts, `gradients/1`, …: each after its own run. */
export async function resultsOf(s: State, program: string, start: string, scalars: Scalars, countOf: (name: string) => number): Promise<ReadonlyMap<string, Float32Array>> {
  const out = new Map<string, Float32Array>();
  for (const [part, { results }] of Object.entries(s.backend.plan.programs)) {
    if (part !== program && !part.startsWith(`${program}/`)) continue;
    s.backend.run(part, scalars);
    const wanted = Object.entries(results).flatMap(([name, buffer]) => (name.startsWith(start) ? [[name.slice(start.length), buffer] as const] : []));
    const read = await Promise.all(wanted.map(([name, buffer]) => s.backend.read(buffer, countOf(name)))); // before the next part takes their place
    wanted.forEach(([name], i) => { out.set(name, read[i] ?? new Float32Array()); });
  }
  return out;
}
/** The three numbers of the run before. */
export async function elboOf(s: State, program: string): Promise<Elbo> {
  const [loss = NaN, likelihood = NaN, complexity = NaN] = (await Promise.all(['loss', 'likelihood', 'complexity'].map(name => result(s, program, name, 1)))).map(x => x[0]);
  return { loss, likelihood, complexity };
}
/** The three numbers at once, where the backend has them at once, and nobody is due to have a turn. */
export function peekElbo(s: State, program: string): Elbo | undefined {
  const { backend } = s;
  if (!backend.peek || backend.due) return undefined;
  const results = backend.plan.programs[program]?.results ?? {};
  const one = (name: string): number => backend.peek?.(results[name] ?? '', 1)[0] ?? NaN;
  return { loss: one('loss'), likelihood: one('likelihood'), complexity: one('complexity') };
}

/** Numbers of an optimizer's step t, from 1. */
export function optimizerScalars(o: Optimizer, t: number): Scalars {
  const rate = typeof o.learningRate === 'function' ? o.learningRate(t - 1) : o.learningRate ?? (o.kind === 'adam' ? 1e-3 : 1e-2);
  const learningRate = rate >= 0 ? finiteNumber('learningRate', rate) : fail('Option', `'learningRate' is a number of at least 0, and this is ${rate}`);
  if (o.kind === 'sgd') return { learningRate, momentum: o.momentum ?? 0 };
  if (o.kind !== 'adam') return fail('Option', `there is no optimizer '${String((o as { kind: unknown }).kind)}': adam or sgd`);
  const [b1, b2] = [o.beta1 ?? 0.9, o.beta2 ?? 0.999];
  return { learningRate, beta1: b1, beta2: b2, rate1: 1 - b1, rate2: 1 - b2, correction1: 1 / (1 - b1 ** t), correction2: 1 / (1 - b2 ** t), epsilon: o.epsilon ?? 1e-8 };
}

/** One optimizer step on data that is loaded. Returns nothing where the numbers have to be awaited. */
export function runStep(s: State, o: Optimizer, d: Draws, rows: number, samples: number, klWeight: number): void {
  s.backend.run(`train_${o.kind}`, scalarsOf(s, d, rows, samples, { ...optimizerScalars(o, s.steps + 1), klWeight }));
  s.steps++;
}

/** Persistent buffers: parameters and moments, without twins. */
export const persistent = (s: State): readonly { readonly name: string; readonly count: number; readonly role: string }[] =>
  s.backend.plan.buffers.flatMap(b => (keeps(b) && typeof b.size === 'number' && !b.name.endsWith("'") ? [{ name: b.name, count: b.size, role: b.role }] : []));

/** What is to come back when all runs so far are done. */
export async function copyOf(s: State): Promise<Snapshot> {
  const { steps } = s;
  const kept = persistent(s);
  const data = await Promise.all(kept.map(b => s.backend.read(b.name, b.count)));
  return { copy: new Map(kept.map((b, i) => [b.name, data[i] ?? new Float32Array()])), steps };
}
export async function takeSnapshot(s: State): Promise<void> { s.pending = await copyOf(s); }
/** Whether all numbers are finite: a loop, ten times as fast as `every`. */
export function areFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
/** The first parameter that is not finite; all are asked for at once. */
async function odd(s: State): Promise<string | undefined> {
  const all = persistent(s).filter(b => b.role === 'parameter').map(b => {
    const now = s.backend.peek?.(b.name, b.count); // looked at now: it may move when memory grows
    return [b.name, now ? areFinite(now) : s.backend.read(b.name, b.count).then(areFinite)] as const;
  });
  for (const [name, isFine] of all) if (!await isFine) return name;
  return undefined;
}
/**
 * `exclusive`, for a call that only reads: before anybody sees parameters or what follows from them. A step may have a finite loss and a
 * gradient that is none (a root at 0), or be so long that a parameter overflows. Rejects with what diverged, after going back. A fit looks after itself.
 */
export const reading = <T>(s: State, f: () => Promise<T> | T): Promise<T> => exclusive(s, async () => {
  if (s.fitting || s.sound === s.steps) return f();
  const [bad, made] = await Promise.all([odd(s), f()]); // one transfer
  if (bad !== undefined) throw await recover(s, -1);
  s.sound = s.steps;
  return made;
});
/**
 * What diverged. The update of a step whose loss is not finite writes nothing; but the steps before it may have led astray,
 * so a fit goes back to the copy made at the end of its last epoch, and so does a single step when a parameter is not finite.
 */
export async function recover(s: State, epoch: number): Promise<Diverged> {
  const [path] = [...(await copyOf(s)).copy].find(([, data]) => !areFinite(data)) ?? ['loss'];
  const diverged = new Diverged(epoch, s.steps, path);
  if (epoch >= 0 || path !== 'loss') {
    for (const [name, data] of s.good.copy) s.backend.write(name, data);
    s.steps = s.good.steps;
    s.pending = undefined;
  }
  return diverged;
}
/** The loss was finite: what was copied before it is good. */
export function prove(s: State): void { if (s.pending) { s.good = s.pending; s.pending = undefined; } }
/** The optimizer's moments start again at zero. */
export function resetMoments(s: State, of?: ReadonlySet<string>): void {
  for (const b of persistent(s)) if (b.role === 'moment' && (!of || of.has(b.name.slice(0, b.name.lastIndexOf('/'))))) s.backend.write(b.name, new Float32Array(b.count));
}
export function useOptimizer(s: State, o: Optimizer | undefined): Optimizer {
  if (!o) return s.optimizer;
  known(o);
  for (const [name, x] of Object.entries(optimizerScalars(o, 1))) finiteNumber(name, x);
  if (o.kind !== s.optimizer.kind && s.steps > 0) resetMoments(s);
  s.optimizer = o;
  return o;
}
