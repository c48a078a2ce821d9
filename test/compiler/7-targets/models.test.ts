/** Every program of whole models on every target, against the same graphs computed in double precision. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { gpujs } from '../../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../../compiler/7-targets/target.ts';
import { wasm } from '../../../compiler/7-targets/wasm/index.ts';
import { webgpu, webgpuWith } from '../../../compiler/7-targets/wgsl/index.ts';
import { planOf } from '../../../compiler/8-module/manifest.ts';
import type { Backend } from '../../../runtime/backend.ts';
import { writeBuckets } from '../../../runtime/bucket.ts';
import { open as openGpujs } from '../../../runtime/gpujs.ts';
import { open as openWasm } from '../../../runtime/wasm.ts';
import { open as openWebgpu } from '../../../runtime/webgpu.ts';
import type { PlanManifest } from '../../../runtime/manifest.ts';
import { difference, given } from '../../support/graphs.ts';
import { models } from '../../support/models.ts';
import { softwareDevice, webgpuTestSerial } from '../../support/webgpu.ts';
import { forced } from './wgsl/forms.ts';

type Code = Uint8Array | readonly string[];
const openTexts = async (code: Code, plan: PlanManifest): Promise<{ readonly backend: Backend; readonly device: GPUDevice }> => {
  const device = await softwareDevice();
  return { device, backend: await openWebgpu(code as readonly string[], plan, { device }) }; // this target's are texts
};
const ways: readonly { readonly name: string; readonly target: Target; readonly run: typeof test.serial | typeof webgpuTestSerial; readonly open: (code: Code, plan: PlanManifest) => Promise<{ readonly backend: Backend; readonly device?: GPUDevice }> }[] = [
  { name: 'WebAssembly', target: wasm, run: test.serial, open: async (code, plan) => ({ backend: await openWasm(Buffer.from(code as Uint8Array).toString('base64'), plan, {}) }) }, // its code is bytes
  { name: 'WGSL', target: webgpu, run: webgpuTestSerial, open: openTexts },
  { name: 'WGSL, tiles by force', target: webgpuWith(forced('tiles')), run: webgpuTestSerial, open: openTexts },
  { name: 'WGSL, shared sums by force', target: webgpuWith(forced('sums')), run: webgpuTestSerial, open: openTexts },
  { name: 'gpu.js', target: gpujs, run: test.serial, open: async (code, plan) => ({ backend: await openGpujs(code as readonly string[], plan, { mode: 'cpu' }) }) }, // texts
];
const [rows, samples] = [3, 2];

// small models share kernels between programs, large ones fuse gradient and update: the second is forced on three small ones
const fused = new Set(['a regressor', 'a classifier with a sampled divergence', 'a recurrent layer']);
/** Models small enough to be run in forms that a chooser would never give them. */
const byForce = new Set(['a classifier with a sampled divergence, update fused', 'convolutions with batch norm and pooling', 'one and three dimensions', 'estimators', 'a residual block with layer norm, and attention']);
const cases = Object.entries(models).flatMap(([name, text]) => [{ name, text, plan: 'shared' as const }, ...(fused.has(name) ? [{ name: `${name}, update fused`, text, plan: 'fused' as const }] : [])]);
for (const { name, text, plan: order } of cases) {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error(name);
  const { programs } = programsOf(model, order);
  for (const way of ways.filter(x => !x.name.includes('by force') || byForce.has(name))) {
    way.run(`${name}, ${way.name}`, async t => {
      const cut = schedule(programs, way.target.capabilities);
      const plan = planOf(cut, way.target);
      const { backend, device } = await way.open(way.target.print(cut), plan);
      backend.reserve(rows, samples);
      for (const p of programs) {
        if (p.name === 'train_sgd') continue; // the kernels of train_adam with another update
        const g = given(p.graph, { rows, samples });
        const names = new Set(plan.buffers.map(b => b.name));
        for (const [buffer, data] of Object.entries(g.arrays)) {
          if (names.has(buffer)) backend.write(buffer, data);
          writeBuckets(plan, buffer, data, (to, sorted) => { backend.write(to, sorted); });
        }
        backend.run(p.name, { ...g.scalars, rows, samples, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, expected] of evaluate(p.graph, g)) {
          const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs[p.name]?.results[output] ?? '';
          const error = difference(expected, await backend.read(buffer, expected.length));
          t.true(error < 1e-4, `${p.name} ${output}: ${error}`);
        }
      }
      backend.dispose();
      device?.destroy();
    });
  }
}
