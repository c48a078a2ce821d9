/** What threads share: everything is computed once, by whoever is there, and nothing of another kernel. */
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { moduleOf } from '../../../support/modules.ts';
import { load } from './run.ts';
import type { Machine } from './run.ts';

const [rows, width, threads] = [600, 64, 3];
/** The first kernel of a prediction goes through all rows; another copies what it made for each sample, which is not looked at: there is no barrier here. */
const cut = schedule(checkText(`model M { input x: [batch, ${width}] p = tanh(exp(x) * 2) output p }`, { file: 'm.bnn' }).models.flatMap(m => programsOf(m).programs), wasm.capabilities);
const result = cut.kernels[0]?.buffers.find(b => b.access === 'write')?.name ?? '';
async function machine(count: number): Promise<Machine> {
  const m = await load(cut, { rows, samples: 1 }, false, undefined, count);
  m.data('input:x').set(Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i)));
  return m;
}
const record = { rows, samples: 1 };
const isThere = (m: Machine): readonly boolean[] => Array.from(m.data(result), x => !Number.isNaN(x));

test('in any order, again and again, threads compute what one computes', async t => {
  const one = await machine(1);
  one.run('predict', record);
  t.is(one.control()[8], 0, 'one thread has no small shares');
  const three = await machine(threads);
  for (const [i, order] of [[0, 1, 2], [2, 0, 1], [1, 1, 0, 2].slice(1), [2, 1, 0]].entries()) {
    three.data(result).fill(NaN);
    three.run('predict', record, order);
    t.deepEqual(three.data(result), one.data(result), order.join());
    t.is(three.control()[8], (i + 1) * 2 * 4 * threads, 'four small shares of two kernels for each thread are gone');
  }
});
test('who comes first gets all small shares; the others have their parts of the first tiles alone', async t => {
  const m = await machine(threads);
  const whose = (thread: number): readonly boolean[] => { m.data(result).fill(NaN); m.run('predict', record, [thread]); return isThere(m); };
  const [second, first, third] = [whose(1), whose(0), whose(2)];
  const count = (x: readonly boolean[]): number => x.filter(Boolean).length / (rows * width);
  t.true(Math.abs(count(second) - 0.5) < 0.02, String(count(second)));
  for (const other of [first, third]) t.true(Math.abs(count(other) - 0.25) < 0.02, String(count(other)));
  second.forEach((x, i) => { if (Number(x) + Number(first[i]) + Number(third[i]) !== 1) t.fail(`element ${i} is computed by none, or twice`); });
  t.true(second.slice(-width * rows / 5).every(Boolean), 'the last tiles');
});
test('turns of a product that lays rows down have small shares where there are many of them', async t => {
  const product = schedule(checkText('model M { input x: [batch, 256] input v: [512, 256] p = x @ v.T output p }', { file: 'm.bnn' }).models.flatMap(m => programsOf(m).programs), wasm.capabilities);
  const made = product.kernels[0]?.buffers.find(b => b.access === 'write')?.name ?? '';
  const run = async (few: number, count: number, order: readonly number[]): Promise<Machine> => {
    const m = await load(product, { rows: few, samples: 1 }, false, undefined, count);
    m.data('input:x').set(Float32Array.from({ length: few * 256 }, (_, i) => Math.sin(i)));
    m.data('input:v').set(Float32Array.from({ length: 512 * 256 }, (_, i) => Math.cos(i)));
    m.run('predict', { rows: few, samples: 1 }, order);
    return m;
  };
  for (const few of [40, 600, 601]) {
    const [one, three] = [await run(few, 1, [0]), await run(few, threads, [2, 0, 1])];
    t.deepEqual(three.data(made), one.data(made), `${few} rows`);
    t.true(isFinite(three.data(made)[few * 512 - 1] ?? NaN));
    const gone = three.control()[8] ?? NaN;
    // the copy for each sample has some too, where it is much
    if (few === 40) t.is(gone, 0, 'five tiles of rows for three threads'); else t.is(gone, 2 * 4 * threads);
  }
});
test('little work is not given out in small shares, and less is left to the first thread', async t => {
  const small = async (few: number): Promise<Machine> => { const m = await machine(threads); m.run('predict', { rows: few, samples: 1 }, [1]); return m; };
  const some = await small(60);
  t.is(some.control()[8], 0);
  t.true(isThere(some).some(Boolean));
  t.false(isThere(await small(2)).some(Boolean));
});
test('atomic instructions have the alignment that engines insist on', async t => {
  // V8 of Node 20 takes any, that of Node 22 does not: 0xfe, one on 32-bit words (load, store, add, sub, and, or, xor, exchange, compare), log2 of 4
  const { bytes } = await machine(1);
  const words = [0x10, 0x17, 0x1e, 0x25, 0x2c, 0x33, 0x3a, 0x41, 0x48];
  const found = [...bytes.keys()].filter(i => bytes[i] === 0xfe && words.includes(bytes[i + 1] ?? 0));
  t.true(found.length >= 2, 'a look, and a try');
  for (const i of found) t.is(bytes[i + 2], 2, `instruction ${bytes[i + 1] ?? 0} at ${i}`);
});
const bits = (shape: string, count: number): void => test(`steps are the same bits with any number of threads: ${shape}, ${count} rows`, async t => {
  const [input = '', ...rest] = shape.split(' |> ');
  const M = moduleOf(`model M { input x: ${input} target y: [batch, 1] h = ${['x', ...rest].join(' |> ')} p = h |> linear(1) output p loss mse(${shape.includes('lstm') ? 'p[:, -1]' : 'p'}, y) }`);
  const each = input.split(',').slice(1).reduce((n, d) => n * parseInt(d), 1);
  const data = { x: Float32Array.from({ length: count * each }, (_, i) => Math.sin(i * i)), y: Float32Array.from({ length: count }, (_, i) => Math.cos(i)) };
  const train = async (by: number): Promise<readonly number[]> => {
    const model = await M.create({ backend: 'wasm', seed: 4, threads: by });
    // a program is on one thread until it was timed four times
    for (let i = 0; i < 8; i++) await model.step(data, { samples: 3, klWeight: 0.01 });
    const out = Object.values(await model.parameters()).flatMap(p => [...p.data]);
    for (const samples of [1, 1, 1, 1, 1, 7, 7, 7, 7, 7]) out.push(...(await model.predict({ x: data.x }, { samples, seed: 2 }))['p']?.draws.data ?? []);
    model.dispose();
    return out;
  };
  const one = await train(1);
  t.true(one.every(Number.isFinite));
  for (const by of [2, 3, 5]) t.deepEqual(await train(by), one, `${by} threads`);
});
for (const shape of ['[batch, 24] |> linear(40) |> relu |> linear(3)', '[batch, 20, 5] |> lstm(16)']) bits(shape, 256);
// products whose turns of rows are given out: tiles that overlap, and fewer rows than a tile has
for (const count of [3, 13, 64]) bits('[batch, 300] |> linear(500) |> relu |> linear(300)', count);
