/** One point of the growth bench in a process of its own: compiles a model, trains and predicts a few times, says times and memory. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import type { MemoryPlan } from '../../compiler/5-schedule/schedule.ts';
import type { Model, ModelClass } from '../../runtime/types.ts';
import { compile } from '../../compiler/compile.ts';
import type { AnyModel } from '../support/modules.ts';

/** What is asked, as JSON on standard input. */
export interface Ask { readonly text: string; readonly width: number; readonly rows: number; readonly samples: number; readonly folder: string; /** Of each work at most. */ readonly milliseconds: number; readonly predicts: boolean }
/** What is answered: the plan, which is small where fast does not fit; least milliseconds of each work, and bytes of the process at most, less those before the model was there, but no fewer than the backend holds: what compiling left may be freed meanwhile. */
export interface Answer { readonly memory: MemoryPlan; readonly compile: number; readonly module: number; readonly step: number; readonly predict: number; readonly bytes: number }

const ask = JSON.parse(readFileSync(0, 'utf8')) as Ask;
// what every process pays once is not the model's: the compiler is loaded, and has compiled something
await compile('model First { input x: [batch, 2] target y: [batch, 1] p = x |> linear(1) output p loss mse(p, y) }', { file: 'first.bnn', targets: ['wasm'] });
const folder = resolve(ask.folder);
mkdirSync(folder, { recursive: true });
const x = Float32Array.from({ length: ask.rows * ask.width }, (_, i) => Math.sin(i * 12.9898));
const y = Float32Array.from({ length: ask.rows }, (_, i) => Math.sin(i * 78.233));
const training = { samples: ask.samples, klWeight: 1e-4, optimizer: { kind: 'adam', learningRate: 1e-4 } } as const;

/** The model with one step done, which takes all the memory it will. Rejects where there is not so much. */
async function made(memory: MemoryPlan): Promise<{ readonly model: Model<AnyModel>; readonly compiled: number; readonly module: number; readonly before: number }> {
  const began = performance.now();
  const { files } = await compile(ask.text, { file: `${memory}.bnn`, targets: ['wasm'], memory });
  const compiled = performance.now() - began;
  for (const f of files) writeFileSync(`${folder}/${f.name}`, f.text);
  const [M] = Object.values(await import(pathToFileURL(`${folder}/${memory}.bnn.js`).href) as Record<string, ModelClass<AnyModel>>); // a module of one model
  if (!M) throw new Error('the module has no model');
  const before = process.memoryUsage().rss;
  const model = await M.create({ backend: 'wasm', seed: 1, threads: 1 });
  await model.step({ x, y }, training);
  return { model, compiled, before, module: files.reduce((n, f) => n + (f.name.endsWith('.js') ? f.text.length : 0), 0) };
}
let memory: MemoryPlan = 'fast';
const { model, compiled, module, before } = await made(memory).catch((error: unknown) => {
  if (!String(error).includes('--memory small')) throw error;
  memory = 'small';
  return made(memory);
});

/** The least of some runs. */
async function least(f: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  const until = performance.now() + ask.milliseconds;
  for (let i = 0; i < 200 && (i < 1 || performance.now() < until); i++) {
    const from = performance.now();
    await f();
    best = Math.min(best, performance.now() - from);
  }
  return best;
}
let peak = 0;
const step = await least(async () => {
  const { loss } = await model.step({ x, y }, training);
  if (!Number.isFinite(loss)) throw new Error('the loss is not finite');
  peak = Math.max(peak, process.memoryUsage().rss - before, model.bytes);
});
const predict = ask.predicts ? await least(async () => { await model.predict({ x }, { samples: ask.samples }); }) : NaN;
model.dispose();
rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ memory, compile: compiled, module, step, predict, bytes: peak } satisfies Answer));
process.exit();
