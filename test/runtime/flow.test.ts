/**
 * What passes between a training loop and a device: how often, and that nothing of it shows in the numbers. Each count is a promise
 * that a later change could break without any result being wrong.
 */
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import type { Backend, OpenBackend } from '../../runtime/backend.ts';
import { BnncError, Diverged } from '../../runtime/errors.ts';
import type { PlanManifest } from '../../runtime/manifest.ts';
import type { Model } from '../../runtime/types.ts';
import { open } from '../../runtime/webgpu.ts';
import { counted } from '../support/counted.ts';
import { numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import type { AnyModel } from '../support/modules.ts';
import { softwareDevice, webgpuTestSerial as webgpuTest } from '../support/webgpu.ts';

const text = `model Net {
  input  x: [batch, 3]
  target y: [batch, 1]
  p = x |> linear(4) |> tanh |> linear(1)
  output p
  loss mse(p, y)
}`;
const rows = 50;
const x = Float32Array.from(numbers(rows * 3, 0.7)), y = Float32Array.from(numbers(rows, 1.3));
const data = { x, y };
const options = { epochs: 3, batchSize: 8, klWeight: 0.01, optimizer: { kind: 'adam', learningRate: 0.01 } } as const;

type Bits = Readonly<Record<string, string>>;
const bitsOf = async (m: Model<AnyModel>): Promise<Bits> => Object.fromEntries(Object.entries(await m.parameters()).map(([k, v]) => [k, Buffer.from(v.data.buffer, v.data.byteOffset, v.data.byteLength).toString('base64')]));
const onDevice = async (f: (device: GPUDevice) => Promise<void>): Promise<void> => { const device = await softwareDevice(); await f(device); device.destroy(); };
/** The backend with another plan, or without some of what it can. */
const changed = (plan: (p: PlanManifest) => PlanManifest, backend: (b: Backend) => Partial<Backend> = () => ({})): OpenBackend => async (code, p, o) => {
  const b = await open(code, plan(p), o);
  const change = backend(b);
  return new Proxy(b, { get: (target, name): unknown => (name in change ? change[name as keyof Backend] : Reflect.get(target, name)) }); // names of a backend
};
const withoutData = changed(p => p, () => ({ hold: async () => undefined }));
/** Fits, and gives the parameters' bits. */
const fitted = async (device: GPUDevice, opener: OpenBackend = open, source = text, given: Readonly<Record<string, Float32Array>> = data): Promise<Bits> => {
  const m = await moduleOf(source, webgpu, opener).create({ seed: 5, device });
  await m.fit(given, options);
  const bits = await bitsOf(m);
  m.dispose();
  return bits;
};

/** A clock that runs so many times as fast while `f` does: all seems slow, or quick, however busy this machine is. */
async function hurried<T>(times: number, f: () => Promise<T>): Promise<T> {
  const { performance } = globalThis;
  Object.defineProperty(globalThis, 'performance', { configurable: true, writable: true, value: { now: () => times * performance.now() } });
  try { return await f(); } finally { Object.defineProperty(globalThis, 'performance', { configurable: true, writable: true, value: performance }); }
}

webgpuTest('a hundred small steps: slices of one submit, one write and one map', async t => onDevice(async device => {
  const counts = counted(device);
  const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  const fit = () => hurried(1e-3, () => m.fit(data, { ...options, epochs: 2, batchSize: 1 }));
  await fit();
  Object.assign(counts, { submits: 0, writes: 0, maps: 0, dispatches: 0, pipelines: 0, groups: 0 });
  await fit();
  // submits and maps: the copy to go back to, and one slice. Writes: the data set, the order of its first epoch, the tape. Groups: with the data set bound, and without
  const { submits, maps, writes, groups, pipelines } = counts;
  t.deepEqual({ submits, maps, writes, groups, pipelines }, { submits: 2, maps: 2, writes: 3, groups: 2, pipelines: 0 });
  m.dispose();
}));

webgpuTest('a step by itself is one submit and one map; so is a prediction', async t => onDevice(async device => {
  const counts = counted(device);
  const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  await m.step(data, { klWeight: 0.1 });
  await m.predict({ x }, { samples: 3 });
  Object.assign(counts, { submits: 0, maps: 0, groups: 0 });
  await m.step(data, { klWeight: 0.1 });
  t.deepEqual([counts.submits, counts.maps, counts.groups], [1, 1, 0]);
  await m.predict({ x }, { samples: 3 });
  t.deepEqual([counts.submits, counts.maps, counts.groups], [2, 2, 0]);
  await m.parameters();
  t.deepEqual([counts.submits, counts.maps], [3, 3], 'all parameters are one transfer');
  m.dispose();
}));

/** Kernels that are said to take so many times as long as they do. */
const costly = (times: number) => (p: PlanManifest): PlanManifest => ({ ...p, costs: (p.costs ?? []).map(c => c.map(n => n * times)) });
webgpuTest('a slice is on its way before the losses of the one before it are awaited', async t => onDevice(async device => {
  let [runs, stuck] = [0, 0];
  const slices = new Set<number>();
  const waiting: (() => void)[] = [];
  // losses come back only when a later slice has run: whoever waits for them first waits for long
  const slow = changed(p => p, b => ({
    run(program, scalars) { runs++; waiting.splice(0).forEach(go => { go(); }); b.run(program, scalars); },
    async read(buffer, count) {
      const coming = b.read(buffer, count);
      if (buffer !== b.plan.programs['train_adam']?.results['loss']) return coming;
      await Promise.resolve();
      const end = runs; // of its slice
      slices.add(end);
      const got = await coming;
      if (runs === end && runs < 25) await new Promise<void>(go => { waiting.push(go); setTimeout(() => { stuck++; go(); }, 2000); });
      return got;
    },
  }));
  const m = await moduleOf(text, webgpu, slow).create({ seed: 5, device });
  runs = 0;
  await hurried(100, () => m.fit(data, { ...options, epochs: 1, batchSize: 2 }));
  t.is(runs, 25);
  t.true(slices.size > 3, `${slices.size} slices`);
  t.is(stuck, 0);
  m.dispose();
}));

// ── the same bits, whatever way ────────────────────────────────────────────────────────────────

webgpuTest('batches picked on the device are those that are written: the same bits, twice', async t => onDevice(async device => {
  const picked = await fitted(device);
  t.deepEqual(await fitted(device), picked);
  t.deepEqual(await fitted(device, withoutData), picked);
}));

webgpuTest('a data set that the device has no room for is written, some steps in one submit all the same', async t => onDevice(async device => {
  const many = { x: Float32Array.from(numbers(2000 * 3, 0.7)), y: Float32Array.from(numbers(2000, 1.3)) };
  const run = async (): Promise<Bits> => {
    const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
    await m.fit(many, { ...options, epochs: 1, batchSize: 40 });
    return bitsOf(m);
  };
  const roomy = await run();
  const { limits } = device;
  const size = 20_000; // the arena has room in it, 2000 lines of four words and their order have not
  Object.defineProperty(device, 'limits', { value: new Proxy(limits, { get: (l, name): unknown => (name === 'maxBufferSize' ? size : l[name as keyof GPUSupportedLimits]) }) }); // names of limits
  const counts = counted(device);
  t.deepEqual(await hurried(1e-3, run), roomy);
  t.true(counts.submits < 8, `${counts.submits} submits of 50 steps`);
}));

webgpuTest('long dispatches in parts, in many submits: the same bits', async t => onDevice(async device => {
  const wide = text.replace('linear(4)', 'linear(300)');
  const counts = counted(device);
  const whole = await fitted(device, open, wide);
  const { dispatches, submits } = counts;
  t.deepEqual(await hurried(1e5, () => fitted(device, changed(costly(1e3)), wide)), whole);
  t.true(counts.dispatches > 4 * dispatches, `${counts.dispatches - dispatches} dispatches instead of ${dispatches}`);
  t.true(counts.submits > 20 * submits, `${counts.submits - submits} submits instead of ${submits}`);
}));

/** Classes of an embedding, sorted on the page; classes as a target, and inputs without rows. */
const words = `model Words {
  input  word: class(600)[batch, 4]
  input  scale: [3]
  target kind: class(3)[batch]
  p = word |> embedding(5) |> mean(1) |> linear(3)
  output p
  loss cross_entropy(p * scale, kind)
}`;
webgpuTest('what is sorted by class is sorted for each batch of a slice', async t => onDevice(async device => {
  const given = { word: Float32Array.from({ length: 40 * 4 }, (_, i) => (i * i * 7) % 600), scale: Float32Array.of(1, 0.5, 2), kind: Float32Array.from({ length: 40 }, (_, i) => i % 3) };
  const counts = counted(device);
  const both = await hurried(1e-3, () => fitted(device, open, words, given));
  const { submits } = counts;
  t.true(submits < 8, `${submits} submits of 15 steps`);
  t.deepEqual(await fitted(device, withoutData, words, given), both);
}));

// ── what goes wrong ────────────────────────────────────────────────────────────────────────────

/** Fits that end with an error: in WebAssembly, on this device, and on this device in slices of one step. */
async function diverges(device: GPUDevice, given: typeof data, more: object): Promise<readonly { readonly error: Diverged; readonly bits: Bits; readonly epochs: number }[]> {
  const run = async (m: Model<AnyModel>) => {
    const error = await m.fit(given, { ...options, ...more }).then(() => undefined, (e: unknown) => e);
    if (!(error instanceof Diverged)) throw new Error(`no divergence: ${String(error)}`);
    const bits = await bitsOf(m);
    const again = await m.fit(data, { ...options, epochs: 1 });
    if (!Number.isFinite(again[0]?.loss)) throw new Error('it does not train on');
    m.dispose();
    return { error, bits, epochs: error.history?.length ?? -1 };
  };
  return [
    await run(await moduleOf(text).create({ seed: 5 })),
    await run(await moduleOf(text, webgpu, open).create({ seed: 5, device })),
    await hurried(1e5, async () => run(await moduleOf(text, webgpu, open).create({ seed: 5, device }))),
  ];
}
webgpuTest('a row that overflows is met at its step, and the fit goes back to its begin', async t => onDevice(async device => {
  const start = await bitsOf(await moduleOf(text, webgpu, open).create({ seed: 5, device }));
  const all = await diverges(device, { x, y: y.with(29, 3e30) }, { shuffle: false, batchSize: 2 });
  for (const { error, epochs } of all) t.deepEqual([error.epoch, error.step, error.path, epochs], [0, 14, 'loss', 0]);
  for (const { bits } of all.slice(1)) t.deepEqual(bits, start);
}));
webgpuTest('a later epoch that diverges goes back to the end of the one before it', async t => onDevice(async device => {
  const learningRate = (step: number): number => (step === 33 ? 1e30 : 0.01);
  const all = await diverges(device, data, { epochs: 4, batchSize: 2, optimizer: { kind: 'sgd', learningRate } });
  const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  await m.fit(data, { ...options, epochs: 1, batchSize: 2, optimizer: { kind: 'sgd', learningRate } });
  const good = await bitsOf(m);
  for (const { error, epochs } of all) t.deepEqual([error.epoch, error.step, epochs], [1, 34, 1]);
  for (const { bits } of all.slice(1)) t.deepEqual(bits, good);
}));

webgpuTest('a copy is good when what came after it was, not what came before', async t => onDevice(async device => {
  // the last step of the first epoch has no finite loss
  const learningRate = (step: number): number => (step === 23 ? 1e30 : 0.01);
  const start = await bitsOf(await moduleOf(text, webgpu, open).create({ seed: 5, device }));
  const all = await diverges(device, data, { epochs: 4, batchSize: 2, optimizer: { kind: 'sgd', learningRate } });
  for (const { error, epochs } of all) t.deepEqual([error.epoch, error.step, epochs], [0, 24, 0]);
  for (const { bits } of all.slice(1)) t.deepEqual(bits, start);
}));
webgpuTest('a fit that ends by an error of the app still goes back from what it led to', async t => onDevice(async device => {
  const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  const start = await bitsOf(m);
  const learningRate = (step: number): number => { if (step === 5) throw new Error('mine'); return step === 1 ? 1e30 : 0.01; };
  await t.throwsAsync(m.fit(data, { ...options, batchSize: 2, optimizer: { kind: 'sgd', learningRate } }), { message: 'mine' });
  t.deepEqual(await bitsOf(m), start);
}));

webgpuTest('a signal, a prediction and a save in between, dispose: as on any backend', async t => onDevice(async device => {
  const Net = moduleOf(text, webgpu, open);
  const m = await Net.create({ seed: 5, device });
  const stop = new AbortController();
  const aborted = m.fit(data, { ...options, epochs: 1000, signal: stop.signal });
  await m.predict({ x }, { samples: 2 });
  stop.abort(new Error('enough'));
  const reason: Error & { readonly history?: readonly unknown[] } = await t.throwsAsync(aborted, { message: 'enough' });
  t.true((reason.history?.length ?? 1000) < 1000);
  const asking = m.fit(data, { ...options, epochs: 2 });
  await m.predict({ x }, { samples: 2 });
  const saved = await m.save();
  await asking;
  t.deepEqual(Object.keys(await (await Net.load(saved, { device })).parameters()).sort(), Object.keys(await m.parameters()).sort());
  const left = m.fit(data, { ...options, epochs: 1000 });
  await m.predict({ x }, { samples: 2 });
  m.dispose();
  t.is((await t.throwsAsync(left, { instanceOf: BnncError })).code, 'Disposed');
}));

webgpuTest('whoever is told of an epoch finds the model at its end', async t => onDevice(async device => {
  const seen: Bits[] = [];
  const m = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  await m.fit(data, { ...options, onEpoch: async () => { seen.push(await bitsOf(m)); } });
  t.deepEqual(seen.at(-1), await fitted(device));
  const short = await moduleOf(text, webgpu, open).create({ seed: 5, device });
  await short.fit(data, { ...options, epochs: 1 });
  t.deepEqual(seen[0], await bitsOf(short));
}));
