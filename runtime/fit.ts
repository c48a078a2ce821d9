/** The training loop. Imagine short slices of steps, a few milliseconds each, between which other calls get their turn. */
import type { EpochResult, FitOptions, ModelTypes, Elbo } from './types.ts';
import { BnncError, fail } from './errors.ts';
import { noiseWords, purposes } from './noise.ts';
import { changeable, checkSeed, chunks, drawsOf, elboOf, exclusive, logElbo, finiteNumber, load, peekElbo, prove, recover, reserve, runStep, scalarsOf, takeSnapshot, useOptimizer, wholeNumber, write } from './state.ts';
import type { State } from './state.ts';
import { toBatch } from './tensors.ts';
import type { TensorLike } from './tensors.ts';

/** A permutation of 0 … n - 1 as a function of seed and epoch (Fisher and Yates, with Threefry's words). */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const stream = { seed, purpose: purposes.shuffle, count: epoch };
  let four = noiseWords(stream, 0, 0, 0);
  for (let i = n - 1, k = 0; i > 0; i--, k++) {
    if (k > 0 && k % 4 === 0) four = noiseWords(stream, 0, 0, k / 4);
    const j = Math.floor(((four[k % 4] ?? 0) / 2 ** 32) * (i + 1));
    const x = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = x;
  }
  return order;
}

/** How long a slice of steps runs before other calls get their turn, in milliseconds. */
const slice = 10;
/** Lets everything that waits have its turn. A timer would cost a millisecond and more; a message costs microseconds. */
const pause = (): Promise<void> => new Promise(resolve => {
  if (typeof setImmediate === 'function') { setImmediate(resolve); return; }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); resolve(); };
  port2.postMessage(0);
});

/** Steps that may be on their way to a device at once: three numbers each come back. */
const inFlight = 64;

export async function fit<T extends ModelTypes>(s: State, data: Readonly<Record<string, TensorLike>>, options: FitOptions<T>): Promise<readonly EpochResult[]> {
  changeable(s, 'fit');
  if (!s.manifest.trainable) return fail('Option', `${s.manifest.name} has no loss and no observe: there is nothing to fit`);
  if (typeof options !== 'object' || options === null) return fail('Option', "fit needs options, at least { epochs: … }");
  const ports = [...s.manifest.inputs, ...s.manifest.targets];
  const { tensors, rows } = toBatch(ports, data);
  const epochs = wholeNumber('epochs', options.epochs, 0);
  const batchSize = Math.min(rows, wholeNumber('batchSize', options.batchSize ?? 32));
  const samples = wholeNumber('samples', options.samples ?? 1);
  const held = options.validation ? toBatch(ports, options.validation as Readonly<Record<string, TensorLike>>) : undefined; // a record by the types
  const seed = options.seed === undefined ? s.seed : checkSeed(options.seed);
  const klWeight = options.klWeight ?? 'uniform';
  if (typeof klWeight === 'number') finiteNumber('klWeight', klWeight);
  else if (typeof klWeight !== 'function' && klWeight !== 'uniform' && klWeight !== 'blundell') return fail('Option', `'klWeight' is a number, 'uniform', 'blundell' or a function, and this is '${String(klWeight)}'`);
  const batches = Math.ceil(rows / batchSize);
  const history: EpochResult[] = [];
  const stop = (): void => {
    if (!options.signal?.aborted) return;
    const reason: unknown = options.signal.reason;
    if (reason instanceof Error) Object.assign(reason, { history });
    throw reason;
  };
  s.fitting = true;
  try {
    stop();
    const optimizer = await exclusive(s, () => { reserve(s, batchSize, samples); return useOptimizer(s, options.optimizer); });
    await exclusive(s, () => takeSnapshot(s));
    prove(s);
    // rows of a batch are gathered here, once allocated
    const staging = [...tensors].map(([name, t]) => ({ name, t, rows: new Float32Array(t.rows === undefined ? t.data.length : batchSize * t.each) }));
    let own = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = options.shuffle === false ? Uint32Array.from({ length: rows }, (_, i) => i) : permutation(rows, seed, s.epochs);
      const total = { loss: 0, likelihood: 0, complexity: 0 };
      let batch = 0;
      /** Rows of the steps whose losses are still on the device. */
      const waiting: number[] = [];
      /** @param since Steps that have begun since, this one included. */
      const note = async (e: Elbo, count: number, since = 1): Promise<void> => {
        if (!Number.isFinite(e.loss)) { s.steps -= since; throw await recover(s, epoch); }
        prove(s);
        total.loss += e.loss * count; total.likelihood += e.likelihood * count; total.complexity += e.complexity * count;
      };
      while (batch < batches) {
        stop();
        await exclusive(s, async () => {
          const until = performance.now() + slice;
          do {
            const from = batch * batchSize;
            const count = Math.min(batchSize, rows - from);
            for (const { name, t, rows: staged } of staging) {
              if (t.rows === undefined) { write(s, name, t.data); continue; }
              for (let r = 0; r < count; r++) { const at = (order[from + r] ?? 0) * t.each; for (let k = 0; k < t.each; k++) staged[r * t.each + k] = t.data[at + k] ?? 0; }
              write(s, name, count === batchSize ? staged : staged.subarray(0, count * t.each));
            }
            // Blundell et al. 2015, section 3.4, i = 1 … M in the shuffled order, by the size of the batch
            const weight = typeof klWeight === 'number' ? klWeight : klWeight === 'uniform' ? 1 / rows
              : klWeight === 'blundell' ? blundell(batch + 1, batches) / count : finiteNumber('klWeight', klWeight(epoch * batches + batch, epochs * batches));
            const draws = options.seed === undefined ? drawsOf(s, undefined, 'train', s.steps) : { purpose: purposes.explicit, seed, count: own };
            own++;
            runStep(s, optimizer, draws, count, samples, weight);
            batch++;
            const program = `train_${optimizer.kind}`;
            const now = peekElbo(s, program);
            if (now) await note(now, count);
            else if (s.backend.log) { logElbo(s, program); waiting.push(count); } else await note(await elboOf(s, program), count);
          } while (batch < batches && performance.now() < until && waiting.length < inFlight);
          // a device that runs ahead tells all its losses at once
          const numbers = waiting.length > 0 ? await s.backend.logged?.() : undefined;
          const told = waiting.splice(0);
          for (const [i, count] of told.entries()) await note({ loss: numbers?.[3 * i] ?? NaN, likelihood: numbers?.[3 * i + 1] ?? NaN, complexity: numbers?.[3 * i + 2] ?? NaN }, count, told.length - i);
        });
        if (batch < batches) await pause();
      }
      s.epochs++;
      await exclusive(s, () => takeSnapshot(s));
      const validation = held ? await exclusive(s, () => evaluateOn(s, held.tensors, held.rows, samples, typeof klWeight === 'number' ? klWeight : 1 / rows, 'evaluate' in s.backend.plan.programs ? 'evaluate' : 'elbo')) : undefined;
      const e: EpochResult = { epoch, steps: batches, loss: total.loss / rows, likelihood: total.likelihood / rows, complexity: total.complexity / rows, ...(validation ? { validation } : {}) };
      history.push(e);
      await options.onEpoch?.(e);
      if (epoch + 1 < epochs) await pause();
    }
    return history;
  } catch (error) {
    if (error instanceof BnncError) error.history = history;
    throw error;
  } finally {
    s.fitting = false;
  }
}
/** 2^(M-i)/(2^M - 1), without overflow for large M. */
export const blundell = (i: number, m: number): number => 2 ** -i / (1 - 2 ** -m);

/** The three numbers on data that is held out, in chunks of rows, weighted by their size. */
export async function evaluateOn(s: State, tensors: Parameters<typeof load>[1], rows: number, samples: number, klWeight: number, program: string, seed?: number): Promise<Elbo> {
  const draws = drawsOf(s, seed, 'call', seed === undefined ? s.calls++ : 0);
  const { rows: chunk } = chunks(s, Math.min(rows, 1024), samples, false);
  const total = { loss: 0, likelihood: 0, complexity: 0 };
  reserve(s, chunk, samples);
  for (let from = 0; from < rows; from += chunk) {
    const count = Math.min(chunk, rows - from);
    load(s, tensors, from, from + count);
    s.backend.run(program, scalarsOf(s, draws, count, samples, { klWeight, rowBase: from }));
    const e = await elboOf(s, program);
    total.loss += e.loss * count; total.likelihood += e.likelihood * count; total.complexity += e.complexity * count;
  }
  return { loss: total.loss / rows, likelihood: total.likelihood / rows, complexity: total.complexity / rows };
}
