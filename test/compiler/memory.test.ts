/**
 * Memory: what `explain` says before a model runs, beside what its backend holds after it has been trained and asked; and what a
 * small plan takes beside parameters, the optimizer's state and the activations of one sample.
 */
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { arranged, programsOf } from '../../compiler/4-diff/programs.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import type { MemoryPlan } from '../../compiler/5-schedule/schedule.ts';
import { explainMemory } from '../../compiler/explain-memory.ts';
import type { MemoryExplanation } from '../../compiler/explain-memory.ts';
import { gpujs } from '../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../compiler/7-targets/target.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import { open as openGpujs } from '../../runtime/gpujs.ts';
import { open as openWebgpu } from '../../runtime/webgpu.ts';
import { batchOf, sourceOf, tasks } from '../bench/tasks.ts';
import { numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import { softwareDevice, webgpuTestSerial } from '../support/webgpu.ts';

/** What `explain` says of a text, and of what is in the arena. */
function explained(text: string, target: Target, memory: MemoryPlan, extents: { readonly rows: number; readonly samples: number }, threads = 1): MemoryExplanation {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const cut = schedule(arranged(programsOf(model, undefined, memory).programs, target.capabilities), target.capabilities, memory);
  const code = target.print(cut);
  return explainMemory(cut, target.name, extents, threads, code instanceof Uint8Array ? target.ownMemory?.(code) : undefined);
}
const embedding = 'model M { input x: class(300)[batch, 5] target y: [batch, 1] p = x |> embedding(16) |> flatten |> linear(1) output p loss mse(p, y) }';
const cases: readonly { readonly name: string; readonly text: string; readonly rows: number; readonly data: Record<string, Float32Array | Int32Array> }[] = [
  ...tasks.filter(t => t.name !== 'mnist1200').map(t => { const { inputs, targets } = batchOf(t); return { name: t.name, text: sourceOf(t), rows: t.batch, data: { ...inputs, ...targets } }; }),
  { name: 'an embedding', text: embedding, rows: 40, data: { x: Int32Array.from({ length: 200 }, (_, i) => (i * 37) % 300), y: Float32Array.from(numbers(40)) } },
];
const samples = 3;
/** A page of WebAssembly: what memory comes in. */
const page = 65_536;

for (const { name, text, rows, data } of cases) {
  for (const memory of ['fast', 'small'] as const) {
    for (const threads of [1, 2]) {
      test.serial(`${name}, ${memory}, ${threads === 1 ? 'one thread' : 'two threads'}: what explain says is within 5 % of what the memory of WebAssembly has (or a page of 64 KiB)`, async t => {
        const said = explained(text, wasm, memory, { rows, samples }, threads);
        const m = await moduleOf(text, wasm, undefined, memory).create({ seed: 1, threads });
        for (let i = 0; i < 2; i++) await m.step(data, { klWeight: 0.001, samples });
        await m.predict(data, { samples });
        t.true(Math.abs(said.total - m.bytes) <= Math.max(0.05 * m.bytes, page), `${said.total} said, ${m.bytes} held: ${JSON.stringify(said.parts)}`);
        m.dispose();
      });
    }
  }
}

const small = ['mnist400', 'lenet', 'mnist1200', 'lstm'] as const;
for (const name of small) {
  const task = tasks.find(t => t.name === name);
  if (!task) throw new Error(name);
  for (const threads of [1, 2]) {
    test(`${name}, small, ${threads} thread(s): at most 1.2 times parameters, optimizer and the activations of one sample, for any number of samples`, t => {
      const at = (n: number): MemoryExplanation => explained(sourceOf(task), wasm, 'small', { rows: task.batch, samples: n }, threads);
      const [one, ten] = [at(1), at(10)];
      const sum = one.parts['parameters'] as number + (one.parts['moments'] as number) + one.activations;
      t.is(one.total, ten.total);
      t.true(one.total <= 1.2 * sum, `${one.total} is ${one.total / sum} of ${sum}: ${JSON.stringify(one.parts)}, activations ${one.activations}`);
    });
  }
}

const plain = 'model M { input x: [batch, 6] target y: [batch, 2] p = x |> linear(160) |> relu |> linear(160) |> relu |> linear(2) output p loss mse(p, y) }';
const rows = 20;
const table = { x: Float32Array.from(numbers(rows * 6)), y: Float32Array.from(numbers(rows * 2)) };
for (const memory of ['fast', 'small'] as const) {
  webgpuTestSerial(`${memory}: on WebGPU within 5 %`, async t => {
    const device = await softwareDevice();
    const said = explained(plain, webgpu, memory, { rows, samples });
    const m = await moduleOf(plain, webgpu, openWebgpu, memory).create({ seed: 1, device });
    await m.fit(table, { epochs: 2, batchSize: rows, samples });
    await m.predict({ x: table.x }, { samples });
    t.true(Math.abs(said.total - m.bytes) <= 0.05 * m.bytes, `${said.total} said, ${m.bytes} held: ${JSON.stringify(said.parts)}`);
    m.dispose();
    device.destroy();
  });
  test.serial(`${memory}: on gpu.js within 5 %`, async t => {
    const said = explained(plain, gpujs, memory, { rows, samples });
    const m = await moduleOf(plain, gpujs, openGpujs, memory).create({ seed: 1, mode: 'cpu' });
    await m.fit(table, { epochs: 2, batchSize: rows, samples });
    await m.predict({ x: table.x }, { samples });
    t.true(Math.abs(said.total - m.bytes) <= 0.05 * m.bytes, `${said.total} said, ${m.bytes} held: ${JSON.stringify(said.parts)}`);
    m.dispose();
  });
}
