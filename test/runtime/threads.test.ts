/** Threads: the same bits with any number of them, on every kind of kernel; and what is said where they can't be had. */
import test from 'ava';
import { numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import type { Model } from '../../runtime/types.ts';
import type { AnyModel } from '../support/modules.ts';

const models = {
  dense: { text: 'model M { input x: [batch, 96] target y: class(7)[batch] h = x |> linear(259) |> relu |> linear(131) |> tanh |> linear(7) output p = softmax(h) observe y ~ categorical(logits: h) }', width: 96 },
  convolution: { text: 'model M { input x: [batch, 1, 16, 16] target y: class(7)[batch] h = x |> conv2d(5, kernel: 3, padding: 1) |> relu |> max_pool2d(2) |> flatten |> linear(7) output p = softmax(h) observe y ~ categorical(logits: h) }', width: 256 },
  recurrent: { text: 'model M { input x: [batch, 12, 8] target y: class(7)[batch] h = x |> lstm(37) z = h[:, -1, :] |> linear(7) output p = softmax(z) observe y ~ categorical(logits: z) }', width: 96 },
} as const;
const rows = 61;
const steps = { samples: 3, klWeight: 1 / 200, optimizer: { kind: 'adam', learningRate: 0.01 } } as const;

/** Everything that a model computes, as numbers: losses, parameters, draws. */
async function life(m: Model<AnyModel>, width: number): Promise<readonly number[]> {
  const x = Float32Array.from(numbers(rows * width, 0.7)), y = Int32Array.from({ length: rows }, (_, i) => i % 7);
  const out: number[] = [];
  // twice as often as programs are timed on one thread: the rest run on all
  for (let i = 0; i < 8; i++) out.push((await m.step({ x, y }, steps)).loss);
  out.push(...(await m.fit({ x, y }, { epochs: 2, batchSize: 16, samples: 2 })).map(e => e.loss));
  for (const seed of [1, 2, 3, 4, 5, 6]) out.push(...(await m.predict({ x }, { samples: 5, seed }))['p']?.draws.data ?? []);
  for (const t of Object.values(await m.parameters())) out.push(...t.data);
  return out;
}

for (const [name, { text, width }] of Object.entries(models)) {
  test(`${name}: two, three and five threads give the bits of one`, async t => {
    const Model = moduleOf(text);
    const all: (readonly number[])[] = [];
    for (const threads of [1, 2, 3, 5]) {
      const m = await Model.create({ backend: 'wasm', seed: 3, threads });
      t.is(m.threads, threads);
      all.push(await life(m, width));
      m.dispose();
      m.dispose();
    }
    const [one = [], ...others] = all;
    t.true(one.length > 1000 && one.every(Number.isFinite));
    for (const other of others) t.true(other.length === one.length && other.every((x, i) => Object.is(x, one[i])));
  });
}

test('left out, threads are started by the first program that is worth it', async t => {
  const m = await moduleOf(models.dense.text.replace('259', '1031').replace('131', '1033')).create({ backend: 'wasm', seed: 1 });
  const x = Float32Array.from(numbers(512 * 96, 0.7)), y = new Int32Array(512);
  // on one core there is nothing to start; elsewhere a step of some hundred milliseconds is reason enough
  const cores = (await import('node:os')).availableParallelism();
  for (let i = 0; i < 40 && m.threads === 1; i++) { await m.step({ x, y }, steps); await new Promise(resolve => setTimeout(resolve, 20)); }
  t.is(m.threads, Math.min(cores, 8));
  t.true(Number.isFinite((await m.step({ x, y }, steps)).loss));
  m.dispose();
});
test('a number of threads that is none is an error', async t => {
  for (const threads of [0, 1.5, -2, 65, NaN]) {
    const error = await t.throwsAsync(moduleOf(models.dense.text).create({ backend: 'wasm', threads }));
    t.regex(error.message, /threads is a whole number from 1 to 64, and this is/);
  }
});
