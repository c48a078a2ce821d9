/** The WebGPU backend as the training loop sees it: memory that stays, memory that does not suffice, devices that go away. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import { axisIndex, constant, size, valueIndex } from '../../compiler/6-kernels/index.ts';
import type { Expr, Kernel } from '../../compiler/6-kernels/kernel.ts';
import type { Schedule } from '../../compiler/5-schedule/schedule.ts';
import type { PlanManifest } from '../../runtime/manifest.ts';
import { open } from '../../runtime/webgpu.ts';
import { planOf, scheduleOf } from '../support/plan.ts';
import { softwareDevice, softwareGpu, webgpuTest, webgpuTestSerial } from '../support/webgpu.ts';

/** w <- w + x[i] for a trained w, and y[b] = x[b] · rate. */
const x: Expr = { kind: 'load', type: 'f32', buffer: 'x', offset: axisIndex('i') };
const grow: Kernel = {
  name: 'grow', axes: [{ name: 'i', extent: 3 }], origins: [],
  buffers: [{ name: 'x', type: 'f32', size: size(1, ['rows']), access: 'read' }, { name: 'w', type: 'f32', size: 3, access: 'update' }],
  body: [{ kind: 'store', buffer: 'w', offset: axisIndex('i'), value: { kind: 'op', op: 'add', type: 'f32', args: [{ kind: 'load', type: 'f32', buffer: 'w', offset: axisIndex('i') }, x] } }],
};
const scale: Kernel = {
  name: 'scale', axes: [{ name: 'i', extent: 'rows' }], origins: [],
  buffers: [{ name: 'x', type: 'f32', size: size(1, ['rows']), access: 'read' }, { name: 'y', type: 'f32', size: size(1, ['rows']), access: 'write' }],
  body: [{ kind: 'store', buffer: 'y', offset: axisIndex('i'), value: { kind: 'op', op: 'mul', type: 'f32', args: [x, { kind: 'scalar', type: 'f32', name: 'rate' }] } }],
};
const plain = scheduleOf([grow, scale], ['rate']);
const schedule: Schedule = { ...plain, buffers: plain.buffers.map(b => (b.name === 'w' ? { ...b, role: 'parameter' } : b)) };
const texts = webgpu.print(schedule) as readonly string[]; // this target's are texts
const plan: PlanManifest = planOf(schedule, webgpu);

webgpuTest('parameters keep their content when room is made for more rows', async t => {
  const device = await softwareDevice();
  const model = await open(texts, plan, { device });
  model.reserve(3, 1);
  model.write('w', [1, 2, 3]);
  model.write('x', [10, 20, 30]);
  model.run('all', { rows: 3, samples: 1, rate: 0.5 });
  const before = model.bytes;
  model.reserve(3000, 1);
  t.true(model.bytes > before);
  model.write('x', new Float32Array(3000).fill(7));
  model.run('all', { rows: 3000 });
  t.deepEqual([...await model.read('w', 3)], [18, 29, 40]);
  // `rate` was left out: it keeps its last value
  t.deepEqual([...(await model.read('y', 3000)).slice(2998)], [3.5, 3.5]);
  model.reserve(4, 1);
  t.deepEqual([...await model.read('w', 3)], [18, 29, 40]);
  model.dispose();
  device.destroy();
});

webgpuTest('a write in the middle, and many runs before one read', async t => {
  const device = await softwareDevice();
  const model = await open(texts, plan, { device });
  model.reserve(4, 1);
  model.write('x', [1, 1, 1, 1]);
  model.write('x', [5], 1);
  for (let i = 0; i < 50; i++) model.run('all', { rows: 4, samples: 1, rate: i });
  t.deepEqual([...await model.read('w', 3)], [50, 250, 50]);
  t.deepEqual([...await model.read('y', 4)], [49, 245, 49, 49]);
  model.dispose();
  device.destroy();
});

webgpuTest('loops of more turns than the tape holds: each kernel sees the counters of its own turn', async t => {
  // for a = 1, 0: for b = 0 … 2499: add b to n[0]; then y[a] = n[0] · (a + 1)
  const counter = (name: string): Expr => ({ kind: 'op', op: 'float', type: 'f32', args: [{ kind: 'scalar', type: 'u32', name }] });
  const load = (buffer: string, offset = constant(0)): Expr => ({ kind: 'load', type: 'f32', buffer, offset });
  const op = (name: 'add' | 'mul', ...args: Expr[]): Expr => ({ kind: 'op', op: name, type: 'f32', args });
  const add: Kernel = { name: 'add', axes: [], origins: [], buffers: [{ name: 'n', type: 'f32', size: 1, access: 'update' }], body: [{ kind: 'store', buffer: 'n', offset: constant(0), value: op('add', load('n'), counter('b')) }] };
  const keep: Kernel = {
    name: 'keep', axes: [], origins: [], buffers: [{ name: 'n', type: 'f32', size: 1, access: 'read' }, { name: 'y', type: 'f32', size: 2, access: 'write' }],
    body: [{ kind: 'store', buffer: 'y', offset: valueIndex({ kind: 'scalar', type: 'u32', name: 'a' }), value: op('mul', load('n'), op('add', counter('a'), { kind: 'lit', type: 'f32', value: 1 })) }],
  };
  const turns = 2500; // all sums below 2^24
  const looped = scheduleOf([add, keep], [], [{ kind: 'loop', counter: 'a', extent: 2, reverse: true, body: [{ kind: 'run', kernel: 1 }, { kind: 'loop', counter: 'b', extent: turns, reverse: false, body: [{ kind: 'run', kernel: 0 }] }, { kind: 'run', kernel: 1 }] }]);
  const device = await softwareDevice();
  const model = await open(webgpu.print(looped) as readonly string[], planOf(looped, webgpu), { device }); // this target's are texts
  model.reserve(1, 1);
  const sum = turns * (turns - 1) / 2;
  model.write('n', [0]);
  for (const times of [1, 2]) {
    model.run('all', { rows: 1, samples: 1 });
    t.deepEqual([...await model.read('y', 2)], [2 * times * sum, 2 * (2 * times - 1) * sum].map(Math.fround));
  }
  model.dispose();
  device.destroy();
});

webgpuTest('more than a binding holds is refused with both numbers, and the model lives on', async t => {
  const device = await softwareDevice(); // limits at WebGPU's defaults: 128 MiB a binding
  const model = await open(texts, plan, { device });
  model.reserve(3, 1);
  model.write('w', [1, 2, 3]);
  t.throws(() => { model.reserve(40_000_000, 2); }, { message: 'webgpu: 40000000 rows and 2 samples need 320000016 bytes, and this device gives at most 134217728 to one buffer: ask for fewer at once' });
  t.deepEqual([...await model.read('w', 3)], [1, 2, 3]);
  model.dispose();
  device.destroy();
});

webgpuTest('a kernel that the device refuses is named', async t => {
  const device = await softwareDevice();
  await t.throwsAsync(open([texts[0] ?? '', 'fn main() {'], plan, { device }), { message: /refuses the kernel 'scale'/ });
  device.destroy();
});

webgpuTest('after the device is lost every call says so', async t => {
  const device = await softwareDevice();
  const model = await open(texts, plan, { device });
  model.reserve(3, 1);
  device.destroy();
  await device.lost;
  t.throws(() => { model.run('all', { rows: 3 }); }, { message: /^webgpu: the device was lost \(destroyed\)/ });
  await t.throwsAsync(model.read('w', 3), { message: /^webgpu: the device was lost/ });
  model.dispose();
});

webgpuTest('what is unknown, and what is disposed, is said', async t => {
  const device = await softwareDevice();
  const model = await open(texts, plan, { device });
  t.throws(() => { model.run('some', {}); }, { message: "webgpu: this model has no program 'some'" });
  t.throws(() => { model.write('z', [1]); }, { message: "webgpu: this model has no buffer 'z'" });
  const reading = model.read('w', 3);
  model.dispose();
  model.dispose();
  await t.throwsAsync(reading, { message: 'webgpu: the model is disposed' });
  t.throws(() => { model.run('all', {}); }, { message: 'webgpu: the model is disposed' });
  device.destroy();
});

test.serial('without navigator.gpu the refusal says how to get one', async t => {
  await t.throwsAsync(open(texts, plan, {}), { message: /no navigator\.gpu here.*npm package "webgpu"/ });
  await t.throwsAsync(open(texts, plan, { device: 'gpu' }), { message: 'the option "device" is not a GPUDevice' });
});

webgpuTestSerial('with navigator.gpu the backend makes a device of its own, and ends it', async t => {
  const requestAdapter = await softwareGpu();
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: { requestAdapter } }, configurable: true });
  try {
    const model = await open(texts, plan, {});
    model.reserve(3, 1);
    model.write('w', [1, 2, 3]);
    t.deepEqual([...await model.read('w', 3)], [1, 2, 3]);
    model.dispose();
    Object.defineProperty(globalThis, 'navigator', { value: { gpu: { requestAdapter: async () => null } }, configurable: true });
    await t.throwsAsync(open(texts, plan, {}), { message: /no adapter answered/ });
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before); else delete (globalThis as { navigator?: unknown }).navigator;
  }
});

for (const end of ['dispose', 'nothing']) {
  webgpuTest(`a program that ends with ${end} exits cleanly`, async t => {
    const program = fileURLToPath(new URL('webgpu-program.ts', import.meta.url));
    // Rejects for an exit status that is not 0, as after a crash of the device's threads.
    const { stdout } = await promisify(execFile)(process.execPath, ['--import=tsx', program, end], { timeout: 60_000 });
    t.is(stdout, '{"y":[0,1,2,3,4]}\n');
  });
}
