/** The WebAssembly backend by itself: memory that is more than its first page, and what is said where there is no more. */
import test from 'ava';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { axisIndex, size } from '../../compiler/6-kernels/index.ts';
import type { Kernel } from '../../compiler/6-kernels/kernel.ts';
import type { Schedule } from '../../compiler/5-schedule/schedule.ts';
import { open } from '../../runtime/wasm.ts';
import { planOf, runAll, scheduleOf } from '../support/plan.ts';
import { moduleOf } from '../support/modules.ts';

const twice: Kernel = {
  name: 'twice', origins: [], axes: [{ name: 'b', extent: 'rows' }],
  buffers: [{ name: 'x', type: 'f32', size: size(1, ['rows']), access: 'read' }, { name: 'y', type: 'f32', size: size(1, ['rows']), access: 'write' }],
  body: [{ kind: 'store', buffer: 'y', offset: axisIndex('b'), value: { kind: 'op', op: 'mul', type: 'f32', args: [{ kind: 'load', type: 'f32', buffer: 'x', offset: axisIndex('b') }, { kind: 'lit', type: 'f32', value: 2 }] } }],
};

// a thousand layers have some twenty thousand
for (const threads of [1, 2]) {
  test(`the places of many buffers are more than a page, ${threads} thread(s)`, async t => {
    const plain = scheduleOf([twice]);
    const many: Schedule = { ...plain, buffers: [...plain.buffers, ...Array.from({ length: 40_000 }, (_, i) => ({ name: `t${i}`, type: 'f32' as const, size: 1, slot: plain.buffers.length + i, role: 'temporary' as const, shape: [] }))] };
    const code = wasm.print(many);
    if (!(code instanceof Uint8Array)) { t.fail('no bytes'); return; }
    const backend = await open(Buffer.from(code).toString('base64'), planOf(many), { threads });
    const rows = Array.from({ length: 100 }, (_, i) => i);
    t.deepEqual(await runAll(backend, { x: rows }, { y: 100 }, { rows: 100, samples: 1 }), { y: rows.map(x => 2 * x) });
    backend.dispose();
  });
}
test('what does not fit says what helps', async t => {
  const model = await moduleOf('model M { input x: [batch, 2] target y: [batch, 1] p = x |> linear(1000) |> relu |> linear(1) output p loss mse(p, y) }').create({ seed: 1, backend: 'wasm', threads: 1 });
  const [x, y] = [new Float32Array(2 * 400_000), new Float32Array(400_000)];
  await t.throwsAsync(model.step({ x, y }, { klWeight: 0, samples: 3 }), { message: /400000 rows and 3 samples need \d+ MiB, more than WebAssembly gives here: ask for fewer at once, or compile with --memory small/ });
  t.true(Number.isFinite((await model.step({ x: x.subarray(0, 8), y: y.subarray(0, 4) }, { klWeight: 0 })).loss), 'and goes on');
  model.dispose();
});
test.serial('timers have their turn while a prediction is made in many parts', async t => {
  const model = await moduleOf('model M { input x: [batch, 64] p = x |> linear(1000) |> relu |> linear(1) output p }').create({ seed: 1, backend: 'wasm', threads: 1 });
  let [turns, done] = [0, false];
  const turn = (): void => { turns++; if (!done) setImmediate(turn); };
  // 32 draws at a time, of some milliseconds each
  const prediction = model.predict({ x: new Float32Array(64 * 256) }, { samples: 512 });
  setImmediate(turn);
  await prediction;
  done = true;
  t.true(turns > 2, `${turns} turns`);
  model.dispose();
});
for (const threads of [1, 2]) {
  test.serial(`panels take memory in the programs that have some, ${threads} thread(s)`, async t => {
    const Model = moduleOf('model M { input x: [batch, 64] target y: class(64)[batch] h = x |> linear(512) |> relu |> linear(64) output p = softmax(h) observe y ~ categorical(logits: h) }');
    const model = await Model.create({ seed: 1, backend: 'wasm', threads });
    const [x, y] = [new Float32Array(64 * 256), new Int32Array(256)];
    await model.predict({ x }, { samples: 3 });
    const before = model.bytes;
    await model.step({ x, y }, { klWeight: 0, samples: 3 });
    const after = model.bytes;
    // the panels of a gradient are kilobytes for each row and sample of a thread
    t.true(after - before > threads * 256 * 3 * 500, `${before} to ${after} bytes`);
    for (let i = 0; i < 6; i++) t.true(Number.isFinite((await model.step({ x, y }, { klWeight: 0, samples: 3 })).loss));
    t.is(model.bytes, after);
    model.dispose();
  });
}
for (const threads of [1, 2]) {
  test.serial(`who disposes a model during a prediction is told so by it, ${threads} thread(s)`, async t => {
    const model = await moduleOf('model M { input x: [batch, 64] p = x |> linear(400) |> relu |> linear(1) output p }').create({ seed: 1, backend: 'wasm', threads });
    const x = new Float32Array(64 * 256);
    for (let i = 0; i < 5; i++) await model.predict({ x }, { samples: 32 });
    const prediction = model.predict({ x }, { samples: 2048 });
    setImmediate(() => { model.dispose(); });
    await t.throwsAsync(prediction, { code: 'Disposed' });
  });
}
test.serial('who freezes a model during a prediction does not change it', async t => {
  const model = await moduleOf('model M { input x: [batch, 64] p = x |> linear(400) |> relu |> linear(1) output p }').create({ seed: 1, backend: 'wasm', threads: 1 });
  const x = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
  const draws = async (): Promise<ArrayLike<number>> => (await model.predict({ x }, { samples: 1024, seed: 4 }))['p']?.draws.data ?? [];
  const undisturbed = await draws();
  const prediction = draws();
  let frozen = false;
  setImmediate(() => { model.freeze(); frozen = true; });
  t.deepEqual(await prediction, undisturbed);
  t.true(frozen, 'while it ran');
  model.dispose();
});
test.serial('timers have their turn in a loop of steps', async t => {
  const model = await moduleOf('model M { input x: [batch, 64] target y: [batch, 1] p = x |> linear(400) |> relu |> linear(1) output p loss mse(p, y) }').create({ seed: 1, backend: 'wasm', threads: 1 });
  const data = { x: new Float32Array(64 * 256), y: new Float32Array(256) };
  let [turns, done] = [0, false];
  const turn = (): void => { turns++; if (!done) setImmediate(turn); };
  setImmediate(turn);
  for (const began = performance.now(); performance.now() - began < 100;) await model.step(data, { klWeight: 0 });
  done = true;
  t.true(turns > 2, `${turns} turns`);
  model.dispose();
});
test.serial('after a batch whose panels do not fit, smaller ones do', async t => {
  const model = await moduleOf('model M { input x: [batch, 64] target y: class(64)[batch] h = x |> linear(512) |> relu |> linear(64) output p = softmax(h) observe y ~ categorical(logits: h) }').create({ seed: 1, backend: 'wasm', threads: 8 });
  const step = (rows: number): Promise<unknown> => model.step({ x: new Float32Array(64 * rows), y: new Int32Array(rows) }, { klWeight: 0, samples: 100 });
  await t.throwsAsync(step(8000), { message: /8000 rows and 100 samples need \d+ MiB, more than WebAssembly gives here/ });
  t.true(model.bytes < 2 ** 26, `${model.bytes} bytes`);
  await t.notThrowsAsync(step(8));
  model.dispose();
});
