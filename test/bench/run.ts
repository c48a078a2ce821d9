/**
 * One run of the bench. Imagine rounds: in each the machine's limit is probed, then ours is timed, then every peer, one after the other on a
 * machine that is otherwise left alone; what drifts meets all of them, and a ratio is taken within a round.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hasFusedMultiplyAdd } from '../../runtime/fused.ts';
import { compileTask } from './compiled.ts';
import { start, works } from './contender.ts';
import type { Contender, Lane, Work } from './contender.ts';
import { hardwareDevice } from './device.ts';
import { nodeFlags } from './fused.ts';
import { openLimits } from './limits.ts';
import { openProduct, products } from './products.ts';
import { spreadOf } from './report.ts';
import type { ModelReport, OurReport, PeerReport, ProductReport, Report, UpdateReport } from './report.ts';
import { settings } from './tasks.ts';
import type { PeerName, Task } from './tasks.ts';
import { openUpdate, updates } from './updates.ts';

export interface RunOptions {
  readonly tasks: readonly Task[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  /** Thread counts of ours; the first is what the picture shows. */
  readonly threads: readonly number[];
  /** How long one contender is timed in a round, in milliseconds, and how long in all rounds together: what takes longer has fewer rounds, two at least. */
  readonly slice: number; readonly budget: number;
  /** Multiply-adds are fused where the engine can. */
  readonly fused: boolean;
  /** How many of the products and of the updates, from the first. */
  readonly products: number;
  readonly onProgress?: (what: string) => void;
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const cores = cpus().length;
/** Peers as they are started. */
export const lanes: Readonly<Record<PeerName, Lane>> = {
  blitz: { name: 'BLiTZ', command: [process.env['PYTHON'] ?? 'python3', path('./peers/blitz_peer.py')], threads: cores > 1 ? [1, cores] : [1] },
  'jax-js': { name: 'jax-js', command: [process.execPath, ...nodeFlags, path('./peers/jax-js.js')], threads: [1] },
  tfjs: { name: 'TensorFlow.js', command: [process.execPath, ...nodeFlags, path('./peers/tfjs.js')], threads: [1] },
};

interface Ours { readonly backend: 'wasm' | 'webgpu'; readonly threads: number; /** Sums of products are rounded once where the engine can: so too when left out. */ readonly fused?: boolean }
/** Ours as it is started on a compiled module. */
export const ourLane = (module: string, o: Ours): Lane => ({ name: o.backend, command: [process.execPath, ...nodeFlags, '--import', import.meta.resolve('tsx'), path('./ours.ts')], threads: [o.threads], options: { module, ...o } });

/** Measures the machine's limits once more. The best of a run counts: a limit that was missed was not the machine's. */
type Probe = (what?: readonly ('flops' | 'roots' | 'bytes')[]) => Promise<void>;

export async function run(options: RunOptions): Promise<Report> {
  const notes: string[] = [];
  const say = options.onProgress ?? (() => undefined);
  const gpu = await hardwareDevice();
  if (!gpu) notes.push('webgpu is left out: no adapter of hardware answers here');
  gpu?.destroy();
  say('the limits of the machine');
  const counts = [...new Set([1, cores, ...options.threads])].sort((a, b) => a - b);
  const limits = await openLimits(Math.max(...counts), options.fused);
  try {
    const best = new Map(counts.map(threads => [threads, { flops: 0, roots: 0, bytes: 0 }]));
    const probe: Probe = async (what = ['flops']) => { for (const [threads, b] of best) for (const w of what) b[w] = Math.max(b[w], await limits[w](threads)); };
    await probe(['flops', 'roots', 'bytes']);
    const multiplied: ProductReport[] = [];
    for (const threads of options.threads) multiplied.push(...await runProducts(options, threads, probe, say));
    const updated: UpdateReport[] = [];
    for (const threads of options.threads) updated.push(...await runUpdates(options, threads, probe, say));
    const models: ModelReport[] = [];
    for (const task of options.tasks) models.push(...await runTask(task, options, gpu !== undefined, probe, notes, say));
    await probe(['flops', 'roots', 'bytes']);
    return {
      machine: { cpu: cpus()[0]?.model.trim() ?? '?', cores, node: process.versions.node, fused: options.fused && hasFusedMultiplyAdd(), limits: [...best].map(([threads, b]) => ({ threads, ...b })) },
      settings: { ...settings, rounds: options.rounds },
      models, products: multiplied, updates: updated, notes: [...new Set(notes)],
    };
  } finally { await limits.close(); }
}

interface Entrant { readonly contender: Contender; readonly ours?: Ours }

async function runTask(task: Task, options: RunOptions, webgpu: boolean, probe: Probe, notes: string[], say: (what: string) => void): Promise<readonly ModelReport[]> {
  say(`${task.name}: compiling`);
  const { module, counts } = await compileTask(task);
  const ours = [...options.threads.map(threads => ({ backend: 'wasm' as const, threads, fused: options.fused })), ...(webgpu ? [{ backend: 'webgpu' as const, threads: 1 }] : [])];
  const entrants: Entrant[] = [];
  const gone = new Set<Entrant>();
  try {
    for (const o of ours) {
      const contender = await start(ourLane(module, o), task);
      if (typeof contender === 'string') throw new Error(contender);
      entrants.push({ contender, ours: o });
    }
    for (const name of options.peers) {
      say(`${task.name}: starting ${name}`);
      const contender = await start(lanes[name], task);
      if (typeof contender === 'string') notes.push(`${lanes[name].name} on ${task.name} is left out: ${contender}`); else entrants.push({ contender });
    }
    const [first] = entrants;
    for (const { contender: c } of entrants) if (first && Math.abs(Math.log(c.loss / first.contender.loss)) > Math.log(1.5)) notes.push(`the losses of ${c.name} and ours on ${task.name} differ by more than half: ${c.loss} and ${first.contender.loss}`);
    const reports: ModelReport[] = [];
    for (const work of works) {
      say(`${task.name}: ${work}`);
      /** Ours must run; a peer that breaks is out, and the report says so. */
      const attempt = async <T>(e: Entrant, f: (c: Contender) => Promise<T>): Promise<T | undefined> => {
        if (gone.has(e)) return undefined;
        try { return await f(e.contender); } catch (error) {
          if (e.ours || !(error instanceof Error)) throw error;
          gone.add(e); notes.push(`out: ${error.message}`);
          return undefined;
        }
      };
      const paces: (Pace | undefined)[] = [];
      for (const e of entrants) paces.push(await attempt(e, c => paceOf(c, work, options)));
      const times: number[][] = entrants.map(() => []);
      for (let round = 0; round < options.rounds; round++) {
        await probe();
        for (const [i, e] of entrants.entries()) {
          const p = paces[i];
          const ms = p && round < p.rounds ? await attempt(e, c => c.time(work, p.times, p.threads)) : undefined;
          if (ms !== undefined) times[i]?.push(ms);
        }
      }
      const mine: OurReport[] = [];
      const theirs: PeerReport[] = [];
      for (const [i, { contender: c, ours }] of entrants.entries()) {
        const list = times[i] ?? [];
        const milliseconds = spreadOf(list);
        if (ours) {
          mine.push({ ...ours, loss: c.loss, milliseconds, flops: counts[work].contracted / (milliseconds.median / 1000), bytes: counts[work].bytes / (milliseconds.median / 1000) });
        } else if (list.length > 0) {
          theirs.push({ name: c.name, version: c.version, threads: paces[i]?.threads ?? 1, loss: c.loss, milliseconds, ratios: mine.map((_, k) => spreadOf(list.flatMap((ms, r) => { const own = times[k]?.[r]; return own === undefined ? [] : [ms / own]; }))) }); // rounds that both ran
        }
      }
      reports.push({ model: task.name, work, batch: task.batch, counts: counts[work], ours: mine, peers: theirs });
    }
    return reports;
  } finally { entrants.forEach(e => e.contender.stop()); }
}

/** How a contender is timed: calls a round, rounds, and its best thread count. */
interface Pace { readonly times: number; readonly rounds: number; readonly threads: number }

/** What runs for the first time is slow: it is run until it has had its slice. */
async function paceOf(c: Contender, work: Work, { slice, budget, rounds }: RunOptions): Promise<Pace> {
  const tried: { readonly threads: number; readonly ms: number }[] = [];
  for (const threads of c.threads) {
    let ms = Infinity;
    for (let spent = 0, turns = 0; spent < 2 * slice || turns < 2; turns++) {
      const times = Math.max(1, Math.min(1000, Math.floor(slice / 4 / ms)));
      const now = await c.time(work, times, threads);
      ms = Math.min(ms, now);
      spent += now * times;
      if (turns > 0 && now > 4 * Math.min(...tried.map(t => t.ms))) break; // far from the best: no more of it
    }
    tried.push({ threads, ms });
  }
  const best = tried.reduce((a, b) => (b.ms < a.ms ? b : a));
  const times = Math.max(1, Math.round(slice / best.ms));
  return { times, threads: best.threads, rounds: Math.max(Math.min(2, rounds), Math.min(rounds, Math.floor(budget / (times * best.ms)))) };
}

async function runUpdates(options: RunOptions, threads: number, probe: Probe, say: (what: string) => void): Promise<readonly UpdateReport[]> {
  const reports: UpdateReport[] = [];
  for (const shape of updates.slice(0, options.products)) {
    say(`update ${shape.join(' x ')}`);
    const u = await openUpdate(shape, threads, options.fused);
    const ms = warm(u.time, options.slice);
    const milliseconds = [];
    for (let round = 0; round < options.rounds; round++) {
      await probe(['flops', 'roots', 'bytes']);
      milliseconds.push(u.time(Math.max(1, Math.round(options.slice / 4 / ms))));
    }
    u.stop();
    reports.push({ shape, threads, operations: u.operations, roots: u.roots, bytes: u.bytes, milliseconds: spreadOf(milliseconds) });
  }
  return reports;
}
/** Runs it until it has had its slice; the least milliseconds of one. */
function warm(time: (times: number) => number, slice: number): number {
  let ms = time(1);
  for (let spent = 0; spent < 2 * slice; spent += 10 * ms) ms = Math.min(ms, time(10));
  return ms;
}

async function runProducts(options: RunOptions, threads: number, probe: Probe, say: (what: string) => void): Promise<readonly ProductReport[]> {
  const reports: ProductReport[] = [];
  for (const product of products.slice(0, options.products)) {
    say(`product ${product.name}`);
    const p = await openProduct(product, threads, options.fused);
    const ms = warm(p.time, options.slice);
    const flops = [];
    for (let round = 0; round < options.rounds; round++) {
      await probe();
      flops.push(p.operations / (p.time(Math.max(1, Math.round(options.slice / 4 / ms))) / 1000));
    }
    p.stop();
    reports.push({ ...product, threads, operations: p.operations, flops: spreadOf(flops) });
  }
  return reports;
}
