/** A small plan beside a fast one, on every backend: the same draws, and the same numbers but for rounding, through the calls of an app. */
import test from 'ava';
import { gpujs } from '../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../compiler/7-targets/target.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import type { OpenBackend } from '../../runtime/backend.ts';
import { open as openGpujs } from '../../runtime/gpujs.ts';
import type { CreateOptions, Model } from '../../runtime/types.ts';
import { open as openWasm } from '../../runtime/wasm.ts';
import { open as openWebgpu } from '../../runtime/webgpu.ts';
import { difference, numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import type { AnyModel } from '../support/modules.ts';
import { softwareDevice, webgpuTestSerial } from '../support/webgpu.ts';

const texts: Readonly<Record<string, string>> = {
  'dense, an exact divergence': 'model M { input x: [batch, 12] target y: [batch, 2] p = x |> linear(40) |> relu |> linear(2) output p loss mse(p, y) }',
  'kept statistics, a sampled divergence, radial weights': 'model M { prior laplace(0, 1) input x: [batch, 12] target y: [batch, 2] p = x |> linear(9) |> batch_norm |> tanh |> linear(2) { posterior radial } output p observe y ~ normal(p, 0.5) }',
  'a convolution under a pool': 'model M { input x: [batch, 1, 3, 4] target y: [batch, 2] p = x |> conv2d(3, kernel: 2) |> relu |> max_pool2d(2, stride: 1) |> flatten |> linear(2) output p loss mse(p, y) }',
  'signs of flipout': 'model M { input x: [batch, 12] target y: [batch, 2] p = x |> linear(7) { estimator flipout } |> relu |> linear(2) output p loss mse(p, y) }',
  'draws beside what is given': 'model M { input x: [batch, 12] target y: [batch, 2] weight b: [3] by normal(mu: 0, rho: 0) p = concat(x, x[:, :3] * b, axis: 1) |> linear(2) output p loss mse(p, y) }',
  'scans of scans': 'model M { input x: [batch, 4, 3] target y: [batch, 2] p = (x |> lstm(5, peephole: true) |> gru(4))[:, 1] |> linear(2) output p loss mse(p, y) }',
  'a scan': 'model M { input x: [batch, 4, 3] target y: [batch, 2] p = (x |> lstm(5))[:, 3] |> linear(2) output p loss mse(p, y) }',
};
const rows = 10;
const data = { x: Float32Array.from(numbers(rows * 12, 0.7)), y: Float32Array.from(numbers(rows * 2, 1.3)) };
interface Way { readonly name: string; readonly target: Target; readonly open: OpenBackend; readonly run: typeof test.serial | typeof webgpuTestSerial; readonly options: () => Promise<CreateOptions & { readonly end?: () => void }> }
const ways: readonly Way[] = [
  { name: 'WebAssembly', target: wasm, open: openWasm, run: test.serial, options: async () => ({ threads: 1 }) },
  { name: 'WebAssembly on two threads', target: wasm, open: openWasm, run: test.serial, options: async () => ({ threads: 2 }) },
  { name: 'WebGPU', target: webgpu, open: openWebgpu, run: webgpuTestSerial, options: async () => { const device = await softwareDevice(); return { device, end: () => { device.destroy(); } }; } },
  { name: 'gpu.js', target: gpujs, open: openGpujs, run: test.serial, options: async () => ({ mode: 'cpu' }) },
];

type Numbers = Readonly<Record<string, ArrayLike<number>>>;
/** All that an app can ask for, by name. */
async function everything(m: Model<AnyModel>): Promise<Numbers> {
  const out: Record<string, ArrayLike<number>> = {};
  const all = (name: string, of: Readonly<Record<string, { readonly data: ArrayLike<number> }>>): void => { for (const [k, v] of Object.entries(of)) out[`${name} ${k}`] = v.data; };
  const elbo = (name: string, { loss, likelihood, complexity }: { readonly loss: number; readonly likelihood: number; readonly complexity: number }): void => { out[name] = [loss, likelihood, complexity]; };
  elbo('elbo', await m.sampleElbo(data, { klWeight: 0.1, samples: 3, seed: 5 }));
  all('gradient', await m.gradients(data, { klWeight: 0.1, samples: 3, seed: 5 }));
  all('draw', await m.drawWeights({ seed: 5, sample: 2 }));
  out['divergence'] = [await m.klDivergence({ seed: 5 })];
  elbo('step', await m.step(data, { klWeight: 0.1, samples: 3 }));
  elbo('momentum', await m.step(data, { klWeight: 0.1, samples: 1, optimizer: { kind: 'sgd', learningRate: 0.01, momentum: 0.9 } }));
  await m.fit(data, { epochs: 2, batchSize: 4, samples: 2, optimizer: { kind: 'adam', learningRate: 0.01 } });
  all('states', await m.states());
  all('parameter', await m.parameters());
  all('prediction', { p: (await m.predict({ x: data.x }, { samples: 5, seed: 3 }))['p']?.draws ?? { data: [] } });
  return out;
}

for (const [name, text] of Object.entries(texts)) {
  for (const way of ways) {
    way.run(`${name}, ${way.name}`, async t => {
      const results: Numbers[] = [];
      for (const memory of ['fast', 'small'] as const) {
        const { end, ...options } = await way.options();
        const m = await moduleOf(text, way.target, way.open, memory).create({ seed: 4, ...options });
        results.push(await everything(m));
        m.dispose();
        end?.();
      }
      const [fast = {}, small = {}] = results;
      t.deepEqual(Object.keys(small), Object.keys(fast));
      for (const [k, v] of Object.entries(fast)) {
        const error = difference(v, small[k] ?? []);
        t.true(error < (k.startsWith('parameter') || k.startsWith('prediction') || k.startsWith('states') ? 2e-3 : 1e-4), `${k}: ${error}`);
        if (k.startsWith('draw')) t.true(error < 1e-6, `${k}: ${error}`);
      }
    });
  }
}

test('a step whose loss is not finite leaves parameters, moments and states as they were, and says so', async t => {
  const m = await moduleOf(texts['kept statistics, a sampled divergence, radial weights'] ?? '', wasm, openWasm, 'small').create({ seed: 1 });
  await m.step(data, { klWeight: 0.1, samples: 2 });
  const before = await m.save();
  const error = await t.throwsAsync(m.step({ ...data, y: data.y.map(() => 3e38) }, { klWeight: 0.1, samples: 2 }));
  t.regex(error.message, /not finite/);
  t.deepEqual(await m.save(), before);
  m.dispose();
});
test('predictions stay within what training holds, whatever the rows and the samples', async t => {
  const m = await moduleOf(texts['dense, an exact divergence'] ?? '', wasm, openWasm, 'small').create({ seed: 1, threads: 1 });
  await m.step(data, { klWeight: 0.1, samples: 10 });
  const many = { x: Float32Array.from(numbers(4000 * 12)) };
  const before = m.bytes;
  const { p } = await m.predict(many, { samples: 40, seed: 2 });
  t.true(m.bytes <= before + 2 ** 20 + 65_536, `${before} -> ${m.bytes}`);
  const first = (await m.predict({ x: many.x.subarray(0, 12) }, { samples: 1, seed: 2 }))['p'];
  t.true(difference(first?.draws.data ?? [], p?.draws.data.subarray(0, 2) ?? []) < 1e-6);
  m.dispose();
});
test('a prediction draws the weights once for all rows that there is room for', async t => {
  let runs = 0;
  const counted: OpenBackend = async (...given) => {
    const backend = await openWasm(...given);
    const { run } = backend;
    return Object.assign(backend, { run: (program: string, scalars: Parameters<typeof run>[1]) => { runs += program === 'predict' ? 1 : 0; run(program, scalars); } });
  };
  // gradients take more than a sixth of parameters and moments, and more than a mebibyte
  const m = await moduleOf('model M { input x: [batch, 600] target y: [batch, 2] p = x |> linear(600) |> relu |> linear(2) output p loss mse(p, y) }', wasm, counted, 'small').create({ seed: 1, threads: 1 });
  await m.predict({ x: new Float32Array(16 * 600) }, { samples: 3 });
  t.is(runs, 3);
  m.dispose();
});
