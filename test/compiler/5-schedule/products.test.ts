/** Products of long sums: on a processor they are computed in parts that fit a cache, where there are enough of them and an axis to cut. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { arranged, programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import type { MemoryPlan } from '../../../compiler/5-schedule/schedule.ts';
import { targets } from '../../../compiler/7-targets/targets.ts';
import type { TargetName } from '../../../compiler/7-targets/target.ts';
import { wasm } from '../../../compiler/7-targets/wasm/index.ts';
import { open } from '../../../runtime/wasm.ts';
import { moduleOf } from '../../support/modules.ts';

/** The longest literal fold of a prediction of `p`. */
async function longest(p: string, options: { readonly target?: TargetName; readonly memory?: MemoryPlan; readonly inputs?: string } = {}): Promise<number> {
  const [model] = checkText(`model M { ${options.inputs ?? 'input a: [batch, 3200] input b: [512, 3200]'} input row: [batch] output p = ${p} }`, { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  const { capabilities } = await targets[options.target ?? 'wasm']();
  const s = schedule(arranged(programsOf(model, undefined, options.memory).programs, capabilities), capabilities, options.memory);
  let most = 0;
  const walk = (body: (typeof s.kernels)[number]['body']): void => { for (const x of body) if (x.kind === 'fold' || x.kind === 'map') { if (x.kind === 'fold' && typeof x.axis.extent === 'number') most = Math.max(most, x.axis.extent); walk(x.body); } };
  s.kernels.forEach(k => { walk(k.body); });
  return most;
}

test('3,200 terms are eight parts of 400 on a processor', async t => {
  t.is(await longest('a @ b.T'), 400);
  t.is(await longest('a.T @ b', { inputs: 'input a: [3200, 64] input b: [3200, 64]' }), 400);
});
test('one sum stays where cutting it brings nothing or takes memory', async t => {
  t.is(await longest('a @ b.T', { target: 'webgpu' }), 3200, 'a GPU has tiles of its own');
  t.is(await longest('a @ b.T', { memory: 'small' }), 3200, 'a small plan has no room for parts');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 1200] input b: [512, 1200]' }), 1200, 'not long');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 3203] input b: [512, 3203]' }), 3203, 'a prime');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 3200] input b: [10, 3200]' }), 3200, 'few results');
});

test('a prediction of 1,408 terms a sum is what the drawn weights make by themselves', async t => {
  const model = await moduleOf('model M { input x: [batch, 1408] output p = x |> linear(128) }').create({ backend: 'wasm', seed: 2 });
  const x = Float32Array.from({ length: 5 * 1408 }, (_, i) => Math.sin(i));
  const { p } = await model.predict({ x }, { samples: 1, seed: 7 });
  const { 'linear1.w': w, 'linear1.b': b } = await model.drawWeights({ seed: 7 });
  const expected = Array.from({ length: 5 * 128 }, (_, i) => { const [row, out] = [Math.floor(i / 128), i % 128]; let sum = b?.data[out] ?? NaN; for (let k = 0; k < 1408; k++) sum += (x[1408 * row + k] ?? NaN) * (w?.data[1408 * out + k] ?? NaN); return sum; });
  const largest = Math.max(...expected.map(Math.abs));
  t.is(p?.draws.data.length, expected.length);
  p?.draws.data.forEach((y, i) => { t.true(Math.abs(y - (expected[i] ?? NaN)) < 1e-5 * largest, `${i}: ${y} and ${expected[i] ?? NaN}`); });
  model.dispose();
});
const recurrent = 'model M { input x: [batch, 60, 3] target y: [batch, 1] s = x |> lstm(64) p = s.h |> linear(1) output p loss mse(p, y) }';
const wide = 'model M { input x: [batch, 60, 3] target y: [batch, 1] p = reshape(x, (batch, 180)) |> linear(200) |> tanh |> linear(170) |> tanh |> linear(1) output p loss mse(p, y) }';
const data = { x: Float32Array.from({ length: 6 * 60 * 3 }, (_, i) => Math.sin(i * i)), y: Float32Array.from({ length: 6 }, (_, i) => i / 3 - 1) };
for (const [name, text] of [['over 60 turns, in parts', recurrent], ['of large weights, a product for each sample', wide]] as const) test(`gradients ${name}, are those of a plan that does neither, with any number of threads`, async t => {
  const gradients = async (memory: MemoryPlan, threads: number): Promise<Readonly<Record<string, Float32Array>>> => {
    const model = await moduleOf(text, wasm, open, memory).create({ backend: 'wasm', seed: 5, threads });
    const made = await model.gradients(data, { samples: 3, klWeight: 1e-3, seed: 1 });
    model.dispose();
    return Object.fromEntries(Object.entries(made).map(([path, g]) => [path, Float32Array.from(g.data)]));
  };
  const [cut, two, whole] = [await gradients('fast', 1), await gradients('fast', 2), await gradients('small', 1)];
  t.deepEqual(two, cut);
  for (const [path, g] of Object.entries(whole)) {
    const largest = g.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    t.true(largest > 0 && g.every((x, i) => Math.abs(x - (cut[path]?.[i] ?? NaN)) < 1e-4 * largest), path);
  }
});
test('the product of a large gradient has nothing else in its kernel, and lies as the weight does', t => {
  const [model] = checkText(wide, { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  const { kernels } = schedule(arranged(programsOf(model).programs, wasm.capabilities), wasm.capabilities);
  for (const [out, into] of [[200, 180], [170, 200]] as const) {
    const products = kernels.filter(k => k.body.some(s => s.kind === 'fold') && k.axes.map(a => String(a.extent)).join() === `samples,${out},${into}`);
    t.is(products.length, 1, `samples, ${out}, ${into}: ${products.map(k => k.name).join(', ')}`);
  }
});
