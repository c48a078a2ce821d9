/**
 * Layers of odd sizes in the forms that the chooser gives them: right with one row, with a tile and a bit, with several samples; and
 * what they load is counted, against an invocation a position.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { evaluate } from '../../../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import type { Schedule } from '../../../../compiler/5-schedule/schedule.ts';
import type { Kernel, Stmt } from '../../../../compiler/6-kernels/kernel.ts';
import { formOf } from '../../../../compiler/7-targets/wgsl/form.ts';
import { webgpu } from '../../../../compiler/7-targets/wgsl/index.ts';
import { open } from '../../../../runtime/webgpu.ts';
import { difference, given } from '../../../support/graphs.ts';
import { planOf } from '../../../support/plan.ts';
import { softwareDevice, validateWgsl, webgpuTestSerial } from '../../../support/webgpu.ts';

const programs = (text: string) => {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  return programsOf(model).programs;
};
const models = {
  'dense layers': 'model M { input x: [batch, 130] target y: [batch, 3] p = x |> linear(65) |> relu |> linear(130) { estimator flipout } |> tanh |> linear(17) { estimator local } |> linear(3) output p loss mse(p, y) }',
  'convolutions with steps and borders': 'model M { input x: [batch, 3, 17, 13] target y: [batch, 3] h = x |> conv2d(17, kernel: 3, stride: 2, padding: 1) |> relu |> conv2d(8, kernel: (3, 2), padding: (1, 0)) { estimator flipout } |> max_pool2d(2) |> flatten p = h |> linear(3) output p loss mse(p, y) }',
};
for (const [name, text] of Object.entries(models)) {
  const all = programs(text);
  const cut = schedule(all, webgpu.capabilities);
  const texts = webgpu.print(cut) as readonly string[]; // this target's are texts
  test(`${name}: some have tiles, some share sums, all are valid`, async t => {
    const shapes = cut.kernels.flatMap(k => formOf(k)?.shape ?? []);
    t.true(shapes.some(s => s.depth === 1), 'tiles');
    t.true(shapes.some(s => s.depth > 1), 'sums');
    t.deepEqual(await validateWgsl(texts), []);
  });
  webgpuTestSerial(`${name}: gradients and predictions for any number of rows and samples`, async t => {
    const device = await softwareDevice();
    const plan = planOf(cut, webgpu);
    const backend = await open(texts, plan, { device });
    for (const [rows, samples] of [[1, 1], [17, 3], [70, 1]] as const) {
      backend.reserve(rows, samples);
      for (const p of all.filter(x => x.name === 'gradients' || x.name === 'predict')) {
        const g = given(p.graph, { rows, samples });
        const names = new Set(plan.buffers.map(b => b.name));
        for (const [buffer, data] of Object.entries(g.arrays)) if (names.has(buffer)) backend.write(buffer, data);
        backend.run(p.name, { ...g.scalars, rows, samples, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, expected] of evaluate(p.graph, g)) {
          const error = difference(expected, await backend.read(plan.programs[p.name]?.results[output] ?? '', expected.length));
          t.true(error < 1e-4, `${rows} rows, ${samples} samples, ${p.name} ${output}: ${error}`);
        }
      }
    }
    backend.dispose();
    device.destroy();
  });
}

// ── counts ────────────────────────────────────────────────────────────────────────────────────

const contracts = (body: readonly Stmt[]): boolean => body.some(s => (s.kind === 'fold' && s.contraction !== undefined) || ((s.kind === 'fold' || s.kind === 'map') && contracts(s.body)));
const large = (cut: Schedule, least: number): readonly { readonly kernel: Kernel; readonly loads: number; readonly plain: number }[] =>
  cut.kernels.filter(k => contracts(k.body)).flatMap(kernel => {
    const traffic = webgpu.traffic?.(kernel, { rows: 128, samples: 3 });
    return traffic && traffic.plainLoads >= least ? [{ kernel, loads: traffic.globalLoads, plain: traffic.plainLoads }] : [];
  });

test('dense layers load an eighth of what an invocation a position would, forwards and for gradients', t => {
  const cut = schedule(programs('model M { input x: [batch, 784] target c: class(10)[batch] z = x |> linear(400) |> relu |> linear(400) |> relu |> linear(10) observe c ~ categorical(logits: z) }'), webgpu.capabilities);
  const found = large(cut, 1e7);
  t.true(found.length >= 5, `${found.length} large products`);
  for (const { kernel, loads, plain } of found) t.true(loads * 8 <= plain, `${kernel.name}: ${loads} loads for ${plain}`);
});
test('so do the convolutions of LeNet', t => {
  const cut = schedule(programs(readFileSync('test/bench/models/lenet.bnn', 'utf8')), webgpu.capabilities);
  const found = large(cut, 2e7);
  t.true(found.length >= 5, `${found.length} large products`);
  for (const { kernel, loads, plain } of found) t.true(loads * 8 <= plain, `${kernel.name}: ${loads} loads for ${plain}`);
});
test('the whole step of a convolutional network: loads and dispatches', t => {
  const cut = schedule(programs(readFileSync('test/bench/models/lenet.bnn', 'utf8')), webgpu.capabilities);
  const step = cut.programs.find(p => p.name === 'train_adam')?.steps ?? [];
  const traffic = step.flatMap(s => { const k = s.kind === 'run' ? cut.kernels[s.kernel] : undefined; return k ? webgpu.traffic?.(k, { rows: 128, samples: 3 }) ?? [] : []; });
  const [loads, plain] = [traffic.reduce((n, x) => n + x.globalLoads, 0), traffic.reduce((n, x) => n + x.plainLoads, 0)];
  t.true(loads * 8 <= plain, `${loads} for ${plain}`);
  t.true(step.length <= 51, `${step.length} dispatches`);
});
