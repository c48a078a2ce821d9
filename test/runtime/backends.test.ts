/** One model on every backend through the whole runtime: with one seed, `fit` ends at the same parameters and predictions. */
import test from 'ava';
import { gpujs } from '../../compiler/7-targets/gpujs.ts';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import { open as openGpujs } from '../../runtime/gpujs.ts';
import type { Model } from '../../runtime/types.ts';
import { open as openWebgpu } from '../../runtime/webgpu.ts';
import { difference, numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import type { AnyModel } from '../support/modules.ts';
import { softwareDevice, webgpuTest } from '../support/webgpu.ts';

const text = `model Net {
  prior scale_mixture(0.5, 1.0, 0.2)
  input  x: [batch, 3]
  target y: [batch, 1]
  h = x |> linear(6) |> tanh
  m = h |> linear(1) as mean
  output m
  observe y ~ normal(m, 0.1 + softplus(h |> linear(1) as spread))
}`;
const x = Float32Array.from(numbers(11 * 3, 0.7)), y = Float32Array.from(numbers(11, 1.3));
interface Ran { readonly parameters: Readonly<Record<string, Float32Array>>; readonly weight: Float32Array; readonly draws: Float32Array; readonly loss: number }
async function run(m: Model<AnyModel>): Promise<Ran> {
  // eleven rows in batches of four: ten steps with remainders, and one prediction in chunks of samples
  const history = await m.fit({ x, y }, { epochs: 4, batchSize: 4, samples: 2, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 0.01 });
  const parameters = Object.fromEntries(Object.entries(await m.parameters()).map(([k, v]) => [k, v.data]));
  const weight = (await m.drawWeights({ seed: 3, sample: 1 }))['linear1.w']?.data ?? new Float32Array();
  const draws = (await m.predict({ x }, { samples: 5, seed: 9 }))['y']?.draws.data ?? new Float32Array();
  m.dispose();
  return { parameters, weight, draws, loss: history.at(-1)?.loss ?? NaN };
}
const reference = moduleOf(text).create({ seed: 21 }).then(run);
async function same(t: import('ava').ExecutionContext, m: Model<AnyModel>): Promise<void> {
  const [a, b] = [await reference, await run(m)];
  for (const [path, data] of Object.entries(a.parameters)) t.true(difference(data, b.parameters[path] ?? []) < 1e-4, `${path}: ${difference(data, b.parameters[path] ?? [])}`);
  t.true(difference(a.weight, b.weight) < 1e-4);
  t.true(difference(a.draws, b.draws) < 1e-4);
  t.true(Math.abs(a.loss - b.loss) < 1e-4 * Math.abs(a.loss));
}
webgpuTest('WebGPU', async t => {
  const device = await softwareDevice();
  await same(t, await moduleOf(text, webgpu, openWebgpu).create({ seed: 21, device }));
  device.destroy();
});
for (const mode of ['cpu', 'webasm']) test(`gpu.js, ${mode}`, async t => same(t, await moduleOf(text, gpujs, openGpujs).create({ seed: 21, mode })));
webgpuTest('a fit that diverges on a device that runs ahead goes back to numbers', async t => {
  const device = await softwareDevice();
  const m = await moduleOf(text, webgpu, openWebgpu).create({ seed: 21, device });
  const before = (await m.parameters())['linear1.w.mu']?.data;
  const error = await t.throwsAsync(m.fit({ x, y }, { epochs: 3, batchSize: 1, optimizer: { kind: 'sgd', learningRate: 1e30 }, klWeight: 0.01 }));
  t.regex(error.message, /not finite/);
  t.deepEqual((await m.parameters())['linear1.w.mu']?.data, before);
  const again = await m.fit({ x, y }, { epochs: 1, batchSize: 4, klWeight: 0.01, optimizer: { kind: 'adam' } });
  t.true(Number.isFinite(again[0]?.loss), 'and trains on');
  m.dispose();
  device.destroy();
});
