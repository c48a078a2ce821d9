/** Tiles of twelve vectors: products are what plain loops make of them, for any number of rows and threads, and no engine is asked for two turns at once. */
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { arranged, programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { prepare } from '../../../../compiler/7-targets/prepare.ts';
import { collapse } from '../../../../compiler/7-targets/wasm/collapse.ts';
import { ownExpansions } from '../../../../compiler/7-targets/wasm/expansions.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { makePlan } from '../../../../compiler/7-targets/wasm/plan.ts';
import { spells } from '../../../../compiler/7-targets/wasm/spellings.ts';
import { axisIndex, constant, size } from '../../../../compiler/6-kernels/index.ts';
import type { Expr, Kernel, Stmt } from '../../../../compiler/6-kernels/kernel.ts';
import { verifyKernel } from '../../../../compiler/6-kernels/verify.ts';
import { moduleOf } from '../../../support/modules.ts';
import { scheduleOf } from '../../../support/plan.ts';
import { load } from './run.ts';

const [width, out] = [96, 200];
const text = `model M { input x: [batch, ${width}] target y: [batch, 1] p = x |> linear(${out}) s = p |> tanh |> linear(1) output p output s loss mse(s, y) }`;
const data = (rows: number): { readonly x: Float32Array; readonly y: Float32Array } =>
  ({ x: Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * i)), y: Float32Array.from({ length: rows }, (_, i) => Math.cos(i)) });

/** Counts of rows and of vectors of the tiles of a model's products. */
function tilesOf(model: string): ReadonlySet<string> {
  const [checked] = checkText(model, { file: 'm.bnn' }).models;
  if (!checked) throw new Error('no model');
  const { kernels } = schedule(arranged(programsOf(checked).programs, wasm.capabilities), wasm.capabilities);
  return new Set(kernels.map(k => { const roles = [...makePlan(prepare(collapse(k), spells, ownExpansions), true).roles.values()]; return ['rows', 'lanes'].map(kind => String(roles.find(r => r.kind === kind)?.count ?? 1)).join(' x '); }));
}

test('large products have them, small ones do not', t => {
  const large = tilesOf(text);
  t.true(large.has('6 x 2') || large.has('2 x 6'), [...large].join(', '));
  const small = tilesOf('model M { input x: [batch, 8] target y: [batch, 1] p = x |> linear(16) |> tanh |> linear(1) output p loss mse(p, y) }');
  t.false(small.has('6 x 2') || small.has('2 x 6'), [...small].join(', '));
});
test('a prediction is what the drawn weights make by themselves, whatever the rows; threads share it', async t => {
  const M = moduleOf(text);
  const [one, three] = [await M.create({ backend: 'wasm', seed: 2 }), await M.create({ backend: 'wasm', seed: 2, threads: 3 })];
  const { 'linear1.w': w, 'linear1.b': b } = await one.drawWeights({ seed: 7 });
  for (const rows of [1, 2, 3, 5, 6, 7, 11, 12, 13, 24, 25, 64]) {
    const { x } = data(rows);
    const { p } = await one.predict({ x }, { samples: 1, seed: 7 });
    const together = await three.predict({ x }, { samples: 1, seed: 7 });
    t.deepEqual(together.p?.draws.data, p?.draws.data, `${rows} rows`);
    for (let row = 0; row < rows; row++) for (let j = 0; j < out; j++) {
      let sum = b?.data[j] ?? NaN;
      for (let k = 0; k < width; k++) sum += (x[width * row + k] ?? NaN) * (w?.data[width * j + k] ?? NaN);
      const got = p?.draws.data[out * row + j] ?? NaN;
      if (!(Math.abs(got - sum) < 1e-5)) t.fail(`${rows} rows, ${row}, ${j}: ${got} and ${sum}`);
    }
  }
  one.dispose();
  three.dispose();
});
for (const rows of [5, 32, 37]) test(`gradients of ${rows} rows are those of a plan for little memory`, async t => {
  const gradients = async (memory: 'fast' | 'small', threads: number): Promise<readonly (readonly [string, Float32Array])[]> => {
    const model = await moduleOf(text, wasm, undefined, memory).create({ backend: 'wasm', seed: 5, threads });
    const made = await model.gradients(data(rows), { samples: 3, klWeight: 1e-3, seed: 1 });
    model.dispose();
    return Object.entries(made).map(([path, g]) => [path, Float32Array.from(g.data)] as const);
  };
  const fast = await gradients('fast', 1);
  t.deepEqual(await gradients('fast', 2), fast);
  for (const [i, [path, g]] of (await gradients('small', 1)).entries()) {
    const most = g.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    t.true(g.every((x, k) => Math.abs(x - (fast[i]?.[1][k] ?? NaN)) <= 2e-5 * most), path);
  }
});

test('twelve sums that are one number each are only sums', async t => {
  const sums = Array.from({ length: 12 }, (_, i) => i);
  const lit = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
  const op = (name: 'add' | 'mul', ...args: readonly Expr[]): Expr => ({ kind: 'op', type: 'f32', op: name, args });
  const sum = (i: number): Expr => ({ kind: 'ref', type: 'f32', name: `s${i}` });
  const x: Expr = { kind: 'load', type: 'f32', buffer: 'x', offset: axisIndex('k') };
  const kernel: Kernel = {
    name: 'sums', origins: [], axes: [],
    buffers: [{ name: 'x', type: 'f32', size: size(19), access: 'read' }, { name: 'y', type: 'f32', size: size(12), access: 'write' }],
    body: [
      { kind: 'fold', axis: { name: 'k', extent: 19 }, body: [], carries: sums.map(i => ({ name: `s${i}`, type: 'f32', init: lit(i), next: op('add', sum(i), op('mul', x, lit(i + 1))) })) },
      ...sums.map((i): Stmt => ({ kind: 'store', buffer: 'y', offset: constant(i), value: sum(i) })),
    ],
  };
  verifyKernel(kernel);
  const machine = await load(scheduleOf([kernel]), { rows: 1, samples: 1 });
  machine.data('x').forEach((_, k, all) => { all[k] = k; });
  machine.run('all', {});
  t.deepEqual([...machine.data('y')].slice(0, 12), sums.map(i => i + 171 * (i + 1)));
});
