/** Ours as a contender, as an app would write it: the compiled module is imported, `step` trains on a batch and `predict` asks for mean and spread. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ModelClass, Optimizer } from '../../runtime/types.ts';
import type { AnyModel } from '../support/modules.ts';
import { hardwareDevice } from './device.ts';
import type { TrainingRequest, Work } from './contender.ts';
import { batchOf, settings, tasks } from './tasks.ts';

interface Start { readonly name: string; readonly module: string; readonly backend: 'wasm' | 'webgpu'; readonly threads: number; readonly fused?: boolean }
type Request = { readonly work: Work; readonly times: number } | { readonly work: 'train'; readonly given: TrainingRequest };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message: object): void => { process.stdout.write(`${JSON.stringify(message)}\n`); };
const { name, module, backend, threads, fused } = JSON.parse(String((await lines.next()).value)) as Start;
const fail = (message: string): never => { throw new Error(message); };
const task = tasks.find(t => t.name === name) ?? fail(`no model ${name}`);
const network = Object.values(await import(module) as Record<string, ModelClass<AnyModel>>)[0] ?? fail(`${module} has no model`); // a module of one model
const device = backend === 'webgpu' ? await hardwareDevice() : undefined;
const fusing = fused === undefined ? {} : { fusedMultiplyAdd: fused };
const model = await network.create({ backend, seed: 1, threads, ...fusing, ...(device ? { device } : {}) });

const { inputs, targets } = batchOf(task);
const optimizer: Optimizer = { kind: 'adam', learningRate: settings.learningRate };
const step = (): Promise<{ readonly loss: number }> => model.step({ ...inputs, ...targets }, { samples: settings.samples, optimizer, klWeight: 1 / task.rows });
let sink = 0;
async function predict(): Promise<void> {
  const { p, probabilities } = await model.predict(inputs, { samples: settings.predictSamples });
  const output = p ?? probabilities;
  sink += (output?.mean.data[0] ?? NaN) + (output?.std.data[0] ?? NaN);
}
/** The loss of all rows after so many steps, each on the next batch of them. */
async function train({ seed, x, y, steps, samples }: TrainingRequest): Promise<number> {
  const trained = await network.create({ backend, seed, threads, ...fusing, ...(device ? { device } : {}) });
  const bytes = (file: string): ArrayBuffer => Uint8Array.from(readFileSync(file)).buffer;
  const [input, target] = [new Float32Array(bytes(x)), new (task.loss === 'mse' ? Float32Array : Int32Array)(bytes(y))];
  const each = input.length / target.length;
  const batches = Array.from({ length: target.length / task.batch }, (_, i) => ({
    [task.input]: input.subarray(i * task.batch * each, (i + 1) * task.batch * each), [task.target]: target.subarray(i * task.batch, (i + 1) * task.batch),
  }));
  const klWeight = 1 / task.rows;
  for (let i = 0; i < steps; i++) await trained.step(batches[i % batches.length] ?? {}, { samples: settings.samples, optimizer, klWeight });
  let sum = 0;
  for (const batch of batches) sum += (await trained.sampleElbo(batch, { samples, klWeight })).loss;
  trained.dispose();
  return sum / batches.length;
}
say({ version: backend, loss: (await step()).loss });
for await (const line of lines) {
  const request = JSON.parse(line) as Request;
  if (request.work === 'train') { say({ loss: await train(request.given) }); continue; }
  const { work, times } = request;
  const started = performance.now();
  for (let i = 0; i < times; i++) await (work === 'step' ? step() : predict());
  say({ milliseconds: (performance.now() - started) / times });
}
if (Number.isNaN(sink)) throw new Error('a prediction is not finite');
model.dispose();
