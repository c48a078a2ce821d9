/** The gpu.js backend as the training loop sees it: noise that it fills itself, twins that change places, sizes that change. */
import test from 'ava';
import { gpujs } from '../../compiler/7-targets/gpujs.ts';
import { axisIndex, offsetOf, size } from '../../compiler/6-kernels/index.ts';
import type { Expr, Index, Kernel } from '../../compiler/6-kernels/kernel.ts';
import type { Schedule } from '../../compiler/5-schedule/schedule.ts';
import { open } from '../../runtime/gpujs.ts';
import { fillNoise } from '../../runtime/noise.ts';
import { planOf, scheduleOf } from '../support/plan.ts';

const load = (buffer: string, offset: Index): Expr => ({ kind: 'load', type: 'f32', buffer, offset });
const position = offsetOf([axisIndex('s'), axisIndex('b'), axisIndex('j')], ['samples', 'rows', 3]);
const op = (name: 'add' | 'mul', a: Expr, b: Expr): Expr => ({ kind: 'op', op: name, type: 'f32', args: [a, b] });

/** y[s, b, j] = eps[s, b, j]; w' = w · 2 + 1, in a twin. */
const draw: Kernel = {
  name: 'draw', origins: [], axes: [{ name: 's', extent: 'samples' }, { name: 'b', extent: 'rows' }, { name: 'j', extent: 3 }],
  buffers: [{ name: 'eps', type: 'f32', size: size(3, ['rows', 'samples']), access: 'read' }, { name: 'y', type: 'f32', size: size(3, ['rows', 'samples']), access: 'write' }],
  body: [{ kind: 'store', buffer: 'y', offset: position, value: load('eps', position) }],
};
const step: Kernel = {
  name: 'step', origins: [], axes: [{ name: 'i', extent: 2 }],
  buffers: [{ name: 'w', type: 'f32', size: 2, access: 'read' }, { name: "w'", type: 'f32', size: 2, access: 'write' }],
  body: [{ kind: 'store', buffer: "w'", offset: axisIndex('i'), value: op('add', op('mul', load('w', axisIndex('i')), { kind: 'lit', type: 'f32', value: 2 }), { kind: 'lit', type: 'f32', value: 1 }) }],
};
const plain = scheduleOf([draw, step]);
const schedule: Schedule = {
  ...plain,
  buffers: plain.buffers.map(b => (b.name === 'eps' ? { ...b, role: 'noise', noise: { family: 'normal', site: 77 } } : b.name.startsWith('w') ? { ...b, role: 'parameter' } : b)),
  programs: plain.programs.map(p => ({ ...p, swaps: [['w', "w'"]] })),
};
const texts = gpujs.print(schedule) as readonly string[]; // this target's are texts
const plan = planOf(schedule);
const stream = { seed: 2 ** 40 + 5, purpose: 2, count: 9 };
const scalars = { seedLo: 5, seedHi: 2 ** 8, purpose: 2, countLo: 9, countHi: 0 };

/** Noise of rows `from` … `to` - 1 of one sample, three to a row. */
function noise(sample: number, from: number, to: number): readonly number[] {
  const out = new Float32Array(3 * (to - from));
  fillNoise(out, 'normal', stream, 77, sample, 3 * from);
  return [...out];
}

for (const mode of ['cpu', 'webasm']) {
  test(`${mode}: noise is that of the seed, whatever the chunks of rows and samples`, async t => {
    const model = await open(texts, plan, { mode });
    model.reserve(4, 2);
    model.run('all', { ...scalars, rows: 4, samples: 2, rowBase: 0, sampleBase: 0 });
    t.deepEqual([...await model.read('y', 24)], [...noise(0, 0, 4), ...noise(1, 0, 4)]);
    model.run('all', { rows: 2, samples: 1, rowBase: 3, sampleBase: 1 });
    t.deepEqual([...await model.read('y', 6)], [...noise(1, 3, 5)]);
    model.dispose();
  });

  test(`${mode}: updated buffers and their twins change places after a run, and stay when room is made`, async t => {
    const model = await open(texts, plan, { mode });
    model.reserve(1, 1);
    model.write('w', [1, 2]);
    model.run('all', { ...scalars, rows: 1, samples: 1 });
    t.deepEqual([...await model.read('w', 2)], [3, 5]);
    model.reserve(5, 2);
    model.run('all', { rows: 5, samples: 2 });
    t.deepEqual([...await model.read('w', 2)], [7, 11]);
    model.dispose();
  });
}

test('any number of sizes, one after the other', async t => {
  const model = await open(texts, plan, { mode: 'webasm' });
  model.reserve(20, 1);
  for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 20]) model.run('all', { ...scalars, rows, samples: 1, rowBase: 0, sampleBase: 0 });
  t.deepEqual([...await model.read('y', 60)], [...noise(0, 0, 20)]);
  model.dispose();
});

test('what can not be is said', async t => {
  await t.throwsAsync(open(texts, plan, { mode: 'abacus' }), { message: /^gpujs: gpu\.js can't start in mode abacus/ });
  const model = await open(texts, plan, { mode: 'cpu' });
  t.throws(() => { model.reserve(10_000_000, 1); }, { message: "gpujs: 10000000 rows and 1 samples need 30000000 values in 'eps', and gpu.js can count to 16777216: ask for fewer rows or samples at once" });
  t.throws(() => { model.run('some', {}); }, { message: "gpujs: this model has no program 'some'" });
  await t.throwsAsync(model.read('z', 1), { message: "gpujs: this model has no buffer 'z'" });
  model.dispose();
  model.dispose();
  t.throws(() => { model.run('all', {}); }, { message: 'gpujs: the model is disposed' });
});
