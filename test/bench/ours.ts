/** Ours as a contender, as an app would write it: the compiled module is imported, `step` trains on a batch and `predict` asks for mean and spread. */
import { createInterface } from 'node:readline';
import type { ModelClass, Optimizer } from '../../runtime/types.ts';
import type { AnyModel } from '../support/modules.ts';
import { hardwareDevice } from './device.ts';
import type { Work } from './contender.ts';
import { batchOf, settings, tasks } from './tasks.ts';

interface Start { readonly name: string; readonly module: string; readonly backend: 'wasm' | 'webgpu'; readonly threads: number }
interface Request { readonly work: Work; readonly times: number }

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (message: object): void => { process.stdout.write(`${JSON.stringify(message)}\n`); };
const { name, module, backend, threads } = JSON.parse(String((await lines.next()).value)) as Start;
const task = tasks.find(t => t.name === name);
if (!task) throw new Error(`no model ${name}`);
const [network] = Object.values(await import(module) as Record<string, ModelClass<AnyModel>>); // a module of one model
if (!network) throw new Error(`${module} has no model`);
const device = backend === 'webgpu' ? await hardwareDevice() : undefined;
const model = await network.create({ backend, seed: 1, threads, ...(device ? { device } : {}) });

const { inputs, targets } = batchOf(task);
const optimizer: Optimizer = { kind: 'adam', learningRate: settings.learningRate };
const step = (): Promise<{ readonly loss: number }> => model.step({ ...inputs, ...targets }, { samples: settings.samples, optimizer, klWeight: 1 / task.rows });
let sink = 0;
async function predict(): Promise<void> {
  const { p, probabilities } = await model.predict(inputs, { samples: settings.predictSamples });
  const output = p ?? probabilities;
  sink += (output?.mean.data[0] ?? NaN) + (output?.std.data[0] ?? NaN);
}
say({ version: backend, loss: (await step()).loss });
for await (const line of lines) {
  const { work, times } = JSON.parse(line) as Request;
  const started = performance.now();
  for (let i = 0; i < times; i++) await (work === 'step' ? step() : predict());
  say({ milliseconds: (performance.now() - started) / times });
}
if (Number.isNaN(sink)) throw new Error('a prediction is not finite');
model.dispose();
