/** The training loop. Imagine short slices of steps, a few milliseconds each, between which other calls get their turn. */
import type { EpochResult, FitOptions, ModelTypes, Elbo, Optimizer } from './types.ts';
import { BnncError, fail } from './errors.ts';
import { feedOf } from './feed.ts';
import type { Feed } from './feed.ts';
import { noiseWords, purposes } from './noise.ts';
import { pause, slice } from './pause.ts';
import { alive, areFinite, changeable, checkSeed, chunks, copyOf, drawsOf, elboOf, exclusive, finiteNumber, known, load, peekElbo, prove, recover, reserve, runStep, scalarsOf, takeSnapshot, useOptimizer, wholeNumber } from './state.ts';
import type { State } from './state.ts';
import { toBatch } from './tensors.ts';
import type { TensorLike } from './tensors.ts';

/** A permutation of 0 … n - 1 as a function of seed and epoch (Fisher and Yates, with Threefry's words). */
export function permutation(n: number, seed: number, epoch: number): Uint32Array<ArrayBuffer> {
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

/** What `fit` was asked for, checked. */
interface Job {
  readonly tensors: Batch['tensors']; readonly rows: number; readonly held: Batch | undefined;
  readonly epochs: number; readonly batchSize: number; readonly batches: number; readonly samples: number; readonly seed: number;
  readonly klWeight: NonNullable<FitOptions<ModelTypes>['klWeight']>;
}
type Batch = ReturnType<typeof toBatch>;

function jobOf<T extends ModelTypes>(s: State, data: Readonly<Record<string, TensorLike>>, options: FitOptions<T>): Job {
  if (!s.manifest.trainable) return fail('Option', `${s.manifest.name} has no loss and no observe: there is nothing to fit`);
  known(options);
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
  return { tensors, rows, held, epochs, batchSize, batches: Math.ceil(rows / batchSize), samples, seed, klWeight };
}

/** The weight of the divergence in one step of `count` rows. */
function weightOf({ klWeight, rows, batches, epochs }: Job, epoch: number, batch: number, count: number): number {
  if (typeof klWeight === 'number') return klWeight;
  if (klWeight === 'uniform') return 1 / rows;
  // Blundell et al. 2015, section 3.4, i = 1 … M in the shuffled order, by the size of the batch
  return klWeight === 'blundell' ? blundell(batch + 1, batches) / count : finiteNumber('klWeight', klWeight(epoch * batches + batch, epochs * batches));
}

export async function fit<T extends ModelTypes>(s: State, data: Readonly<Record<string, TensorLike>>, options = {} as FitOptions<T>): Promise<readonly EpochResult[]> { // JavaScript may leave them out, and hears of `epochs`
  changeable(s, 'fit');
  const job = jobOf(s, data, options);
  const history: EpochResult[] = [];
  let training: Training | undefined;
  let feed: Feed | undefined;
  const stop = async (): Promise<void> => {
    if (!options.signal?.aborted) return;
    await training?.land();
    const reason: unknown = options.signal.reason;
    if (reason instanceof Error) Object.assign(reason, { history });
    throw reason;
  };
  const { optimizer: before } = s;
  s.fitting = true;
  try {
    await stop();
    const optimizer = await exclusive(s, () => { reserve(s, job.batchSize, job.samples); return useOptimizer(s, options.optimizer); });
    await exclusive(s, () => takeSnapshot(s));
    prove(s);
    feed = await exclusive(s, () => feedOf(s, job.tensors, job.batchSize));
    training = train(s, job, optimizer, options, feed, history);
    for (let told = 0, more = job.epochs > 0; more;) {
      await stop();
      more = await training.slice();
      for (; told < history.length; told++) await options.onEpoch?.(history[told] as EpochResult); // told < length
      if (more) await pause();
    }
    await training.land();
    return history;
  } catch (error) {
    // what is on its way may tell of a divergence, after which the model must go back all the same
    await training?.land().catch(() => undefined);
    if (error instanceof BnncError) {
      error.history = history;
      s.optimizer = before;
    }
    throw error;
  } finally {
    feed?.free();
    s.fitting = false;
  }
}

interface Training {
  /** Runs some steps; whether there are more. */
  slice(): Promise<boolean>;
  /** Waits for all that is still on the device. Rejects where it diverged. */
  land(): Promise<void>;
}

/**
 * Steps, and what comes of them. On a device that runs ahead losses and copies come back later than they are asked for: what is to be
 * done with them stands in a line, in the order of the steps, and while one slice is on the device the slice before it is told.
 */
function train<T extends ModelTypes>(s: State, job: Job, optimizer: Optimizer, options: FitOptions<T>, feed: Feed, history: EpochResult[]): Training {
  const { rows, epochs, batchSize, batches, samples } = job;
  const program = `train_${optimizer.kind}`;
  const firstEpoch = s.epochs;
  /** Whoever is told of an epoch finds the model as it was at its end. */
  const waits = s.backend.peek !== undefined || options.onEpoch !== undefined || job.held !== undefined;
  const line: (() => Promise<void>)[] = [];
  const later = <U>(coming: Promise<U>, act: (x: U) => Promise<void>): void => {
    coming.catch(() => undefined); // told when its turn comes, if it does
    line.push(async () => act(await coming.catch((error: unknown) => { alive(s); throw error; })));
  };
  const land = async (count: number): Promise<void> => { for (let n = count; n > 0; n--) await line.shift()?.(); };
  let [epoch, batch, own] = [0, 0, 0];
  let total = { loss: 0, likelihood: 0, complexity: 0 };

  /** Runs one step. What is to be done with its loss. */
  const step = (): ((e: Elbo) => Promise<void>) => {
    if (batch === 0) {
      feed.order(options.shuffle === false ? Uint32Array.from({ length: rows }, (_, i) => i) : permutation(rows, job.seed, s.epochs));
      total = { loss: 0, likelihood: 0, complexity: 0 };
    }
    const [at, of, sums, count] = [s.steps, epoch, total, Math.min(batchSize, rows - batch * batchSize)];
    feed.load(batch * batchSize, count);
    const draws = options.seed === undefined ? drawsOf(s, undefined, 'train', at) : { ...drawsOf(s, job.seed, 'train', 0), count: own++ };
    runStep(s, optimizer, draws, count, samples, weightOf(job, epoch, batch++, count));
    return async e => {
      if (!Number.isFinite(e.loss)) {
        line.length = 0;
        s.steps = at;
        s.epochs = firstEpoch + of;
        throw await recover(s, of);
      }
      prove(s);
      sums.loss += e.loss * count; sums.likelihood += e.likelihood * count; sums.complexity += e.complexity * count;
    };
  };
  const endEpoch = (): void => {
    const [ended, sums] = [epoch, total];
    line.push(async () => {
      const validation = job.held ? await evaluateOn(s, job.held.tensors, job.held.rows, samples, typeof job.klWeight === 'number' ? job.klWeight : 1 / rows, 'evaluate' in s.backend.plan.programs ? 'evaluate' : 'elbo') : undefined;
      history.push({ epoch: ended, steps: batches, loss: sums.loss / rows, likelihood: sums.likelihood / rows, complexity: sums.complexity / rows, ...(validation ? { validation } : {}) });
    });
    [epoch, batch] = [epoch + 1, 0];
    s.epochs++;
  };

  return {
    land: async () => { if (line.length > 0) await exclusive(s, () => land(line.length)); },
    slice: () => exclusive(s, async () => {
      const until = performance.now() + slice;
      let [before, ended] = [line.length, false];
      do {
        const note = step();
        const now = peekElbo(s, program);
        if (now) await note(now); else later(elboOf(s, program), note);
        if (batch < batches) continue;
        // one copy a slice, however many epochs end in it, and one at the end
        if (!ended || epoch === epochs - 1) {
          const of = epoch;
          later(copyOf(s), async x => {
            if ([...x.copy.values()].every(areFinite)) { s.pending = x; s.sound = x.steps; return; }
            line.length = 0;
            s.epochs = firstEpoch + of;
            throw await recover(s, of);
          });
        }
        endEpoch();
        ended = true;
        if (waits) { before = line.length; break; }
      } while (epoch < epochs && performance.now() < until && !s.backend.full);
      await land(before);
      return epoch < epochs;
    }),
  };
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
