/**
 * The zoo on real devices: every specimen, cut into kernels for WGSL and for gpu.js, printed, run by the runtime with memory
 * shared as planned, gives what the graph gives when it is computed node by node in double precision.
 */
import test from 'ava';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { gpujs } from '../../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../../compiler/7-targets/target.ts';
import { webgpu, webgpuWith } from '../../../compiler/7-targets/wgsl/index.ts';
import type { Backend } from '../../../runtime/backend.ts';
import type { PlanManifest } from '../../../runtime/manifest.ts';
import { open as openGpujs } from '../../../runtime/gpujs.ts';
import { open as openWebgpu } from '../../../runtime/webgpu.ts';
import { difference, given } from '../../support/graphs.ts';
import { planOf } from '../../support/plan.ts';
import { softwareDevice, validateWgsl, webgpuTest } from '../../support/webgpu.ts';
import { loops, zoo } from '../../support/zoo.ts';
import { forced } from './wgsl/forms.ts';

// gpu.js falls back from webasm to cpu with no more than a warning.
const warnings: unknown[] = [];
console.warn = (...args: unknown[]) => { warnings.push(args); };
test.after('nothing fell back to another mode', t => { t.deepEqual(warnings, []); });

type Ways = readonly { readonly name: string; readonly target: Target; readonly run: typeof test | typeof webgpuTest; readonly open: (texts: readonly string[], plan: PlanManifest) => Promise<Backend> }[];
const ways: Ways = [
  ...[{ name: 'WGSL', target: webgpu }, { name: 'WGSL, tiles by force', target: webgpuWith(forced('tiles')) }, { name: 'WGSL, shared sums by force', target: webgpuWith(forced('sums')) }]
    .map(way => ({ ...way, run: webgpuTest, open: async (texts: readonly string[], plan: PlanManifest) => openWebgpu(texts, plan, { device: await device() }) })),
  ...['cpu', 'webasm'].map(mode => ({ name: `gpu.js, ${mode}`, target: gpujs, run: test, open: (texts: readonly string[], plan: PlanManifest) => openGpujs(texts, plan, { mode }) })),
];
let shared: Promise<GPUDevice> | undefined;
const device = (): Promise<GPUDevice> => (shared ??= softwareDevice());
test.after.always(async () => { (await shared)?.destroy(); });

const scalarsOf = (g: ReturnType<typeof given>) => ({ ...g.scalars, rowBase: 2, sampleBase: 1, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });

for (const { name, graph, tolerance } of [...zoo, ...loops]) {
  for (const way of ways) {
    const cut = schedule([{ name: 'all', graph }], way.target.capabilities);
    const texts = (): readonly string[] => way.target.print(cut) as readonly string[]; // both targets print texts
    if (way.target.name === 'webgpu') test(`${name}: valid ${way.name}`, async t => { t.deepEqual(await validateWgsl(texts()), []); });
    way.run(`${name}: ${way.name}`, async t => {
      const plan = planOf(cut, way.target);
      const model = await way.open(texts(), plan);
      for (const [rows, samples] of [[3, 2], [5, 1]] as const) {
        const exact = given(graph, { rows, samples });
        const arrays = Object.fromEntries(Object.entries(exact.arrays).map(([buffer, data]) => [buffer, Float32Array.from(data)]));
        const g = { ...exact, arrays, rowBase: 2, sampleBase: 1 };
        model.reserve(rows, samples);
        for (const [buffer, data] of Object.entries(arrays)) if (plan.buffers.some(b => b.name === buffer)) model.write(buffer, data);
        model.run('all', { ...scalarsOf(exact), rows, samples });
        for (const [output, expected] of evaluate(graph, g)) {
          const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs['all']?.results[output] ?? '';
          const error = difference(expected, await model.read(buffer, expected.length));
          t.true(error < tolerance, `${output} is off by ${error}`);
        }
      }
      model.dispose();
    });
  }
}
