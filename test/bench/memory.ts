/**
 * `npm run bench:memory`: what fast and small plans take, beside parameters, the optimizer's state and the activations of one sample,
 * and what a small one costs in time, in turns with the fast one. `--large`: ten million weights for 200 steps instead.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { compile } from '../../compiler/compile.ts';
import type { MemoryPlan } from '../../compiler/5-schedule/schedule.ts';
import { explain } from '../../compiler/explain.ts';
import type { MemoryExplanation } from '../../compiler/explain-memory.ts';
import type { Model, ModelClass } from '../../runtime/types.ts';
import type { AnyModel } from '../support/modules.ts';
import { batchOf, settings, sourceOf, tasks } from './tasks.ts';

const { values } = parseArgs({ options: { large: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' }, threads: { type: 'string', default: '2' }, memory: { type: 'string', default: 'fast' } } });
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
const print = (text: string): void => { process.stdout.write(`${text}\n`); };
const mebi = (n: number): string => (n / 2 ** 20).toFixed(2);
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

interface Compiled { readonly classes: ModelClass<AnyModel>; readonly said: (rows: number, samples: number) => MemoryExplanation }
/** A module as an app has it, and what `explain` says of it. */
async function compiled(name: string, source: string, memory: MemoryPlan): Promise<Compiled> {
  const { files, models: [made] } = await compile(source, { file: `${name}.bnn`, targets: ['wasm'], memory });
  const folder = new URL(`./out/${name}-${memory}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const f of files) writeFileSync(new URL(f.name, folder), f.text);
  const module = await import(new URL(`${name}.bnn.js`, folder).href) as Readonly<Record<string, ModelClass<AnyModel>>>; // what the compiler made
  const classes = made && module[made.model.name];
  if (!made?.schedules.wasm || !classes) throw new Error(`${name} gave no model`);
  const { model, schedules: { wasm: plan } } = made;
  const own = made.own();
  return { classes, said: (rows, samples) => explain(model, plan, wasm, { rows, samples }, { threads, ...(own ? { own } : {}) }).memory };
}
/** Parameters, the optimizer's state, and the activations of one sample: what a small plan is measured by. */
const sumOf = (m: MemoryExplanation): number => (m.parts['parameters'] ?? 0) + (m.parts['moments'] ?? 0) + m.activations;

async function table(): Promise<void> {
  print(`WebAssembly on ${threads} thread(s), MiB held after steps; sum: parameters, two moments, activations of one sample (as the small plan keeps them)`);
  print('model       samples     sum    fast  x sum  said    small  x sum  said    step: fast ms   small / fast (lowest to highest)');
  for (const name of ['mnist400', 'mnist1200', 'lenet']) {
    const task = tasks.find(t => t.name === name);
    if (!task) throw new Error(name);
    const { inputs, targets } = batchOf(task);
    const data = { ...inputs, ...targets };
    const [fast, small] = [await compiled(name, sourceOf(task), 'fast'), await compiled(name, sourceOf(task), 'small')];
    for (const samples of [1, 3, 10]) {
      const models = await Promise.all([fast, small].map(c => c.classes.create({ backend: 'wasm', seed: 1, threads })));
      const step = async (m: Model<AnyModel> | undefined): Promise<number> => {
        const began = performance.now();
        await m?.step(data, { klWeight: 1 / task.rows, samples, optimizer: { kind: 'adam', learningRate: settings.learningRate } });
        return performance.now() - began;
      };
      const times: [number, number][] = [];
      for (let i = 0; i < rounds + 3; i++) { const pair: [number, number] = [await step(models[0]), await step(models[1])]; if (i >= 3) times.push(pair); }
      const [a = 0, b = 0] = models.map(m => m.bytes);
      const [saidFast, saidSmall] = [fast.said(task.batch, samples), small.said(task.batch, samples)];
      const sum = sumOf(saidSmall);
      const ratios = times.map(([f, s]) => s / f).sort((x, y) => x - y);
      print(`${name.padEnd(11)} ${String(samples).padStart(7)} ${mebi(sum).padStart(7)} ${mebi(a).padStart(7)} ${(a / sum).toFixed(2).padStart(6)} ${`${(100 * saidFast.total / a).toFixed(1)} %`.padStart(7)} ${mebi(b).padStart(7)} ${(b / sum).toFixed(2).padStart(6)} ${`${(100 * saidSmall.total / b).toFixed(1)} %`.padStart(7)} ${median(times.map(([f]) => f)).toFixed(1).padStart(12)} ${median(ratios).toFixed(2).padStart(14)} (${(ratios[0] ?? NaN).toFixed(2)} to ${(ratios.at(-1) ?? NaN).toFixed(2)})`);
      models.forEach(m => { m.dispose(); });
    }
  }
}

/** A batch that a linear teacher labels: 200 steps must halve the loss. */
async function large(memory: MemoryPlan): Promise<void> {
  const rows = 16;
  const { classes, said } = await compiled('large', readFileSync(new URL('./models/large.bnn', import.meta.url), 'utf8'), memory);
  const model = await classes.create({ backend: 'wasm', seed: 1, threads });
  const x = Float32Array.from({ length: rows * 1000 }, (_, i) => Math.sin(i * 12.9898));
  const y = Float32Array.from({ length: rows }, (_, r) => x.subarray(r * 1000, (r + 1) * 1000).reduce((s, v, k) => s + v * Math.cos(k), 0) / 10);
  const began = performance.now();
  const losses: number[] = [];
  for (let i = 0; i < 200; i++) losses.push((await model.step({ x, y }, { klWeight: 0, optimizer: { kind: 'adam', learningRate: 1e-4 } })).likelihood);
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
  const told = said(rows, 1).total;
  print(`ten million weights, ${memory}: 200 steps in ${((performance.now() - began) / 1000).toFixed(0)} s; likelihood ${mean(losses.slice(0, 5)).toFixed(4)} -> ${mean(losses.slice(-5)).toFixed(4)} (means of five)`);
  print(`  ${mebi(model.bytes)} MiB held, ${mebi(told)} said (${(100 * told / model.bytes).toFixed(1)} %), ${(model.bytes / sumOf(said(rows, 1))).toFixed(2)} times parameters, moments and activations`);
  model.dispose();
}

if (values.large) await large(values.memory === 'small' ? 'small' : 'fast'); else await table();
