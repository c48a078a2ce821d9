/** Workgroups that work together, against the interpreter: products and kernels at random, in every shape, with tiles that hang over. */
import test from 'ava';
import { evaluateSize } from '../../../../compiler/6-kernels/index.ts';
import { interpret } from '../../../../compiler/6-kernels/interpret.ts';
import type { Kernel } from '../../../../compiler/6-kernels/kernel.ts';
import { recognize } from '../../../../compiler/6-kernels/recognize.ts';
import { showKernel } from '../../../../compiler/6-kernels/show.ts';
import { verifyKernel } from '../../../../compiler/6-kernels/verify.ts';
import { webgpuWith } from '../../../../compiler/7-targets/wgsl/index.ts';
import type { Form } from '../../../../compiler/7-targets/wgsl/form.ts';
import { open } from '../../../../runtime/webgpu.ts';
import { planOf, scheduleOf } from '../../../support/plan.ts';
import { softwareDevice, validateWgsl, webgpuTestSerial } from '../../../support/webgpu.ts';
import { dice, randomKernel } from '../wasm/random-kernels.ts';
import { formsOf } from './forms.ts';
import { randomProduct } from './random-products.ts';

const count = Number(process.env['RANDOM_PRODUCTS'] ?? 10);
const content = (name: string, type: 'f32' | 'u32', length: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => { const x = Math.sin((i + 1) * 12.9898 + name.length * 3 + (name.codePointAt(1) ?? 0)); return type === 'u32' ? Math.floor(Math.abs(x) * 3.999) : Math.fround(x); });
/** Multiply-adds of a kernel at most: SwiftShader is slow. */
const work = (k: Kernel, rows: number, samples: number): number => {
  const extent = (e: number | 'rows' | 'samples'): number => (e === 'rows' ? rows : e === 'samples' ? samples : e);
  const turns = (body: Kernel['body']): number => body.reduce((n, s) => n + (s.kind === 'fold' || s.kind === 'map' ? extent(s.axis.extent) * (1 + turns(s.body)) : 1), 0);
  return k.axes.reduce((n, a) => n * extent(a.extent), turns(k.body));
};
const calls = [[1, 1], [5, 3], [70, 1]] as const;

/** What a kernel stores, for each call that is not too much work, and what it should: buffers by name. */
interface Stored { readonly rows: number; readonly samples: number; readonly name: string; readonly got: Float32Array; readonly expected: Float64Array }
async function stored(device: GPUDevice, kernel: Kernel, form: Form): Promise<readonly Stored[]> {
  const target = webgpuWith(() => form);
  const schedule = scheduleOf([kernel], ['rate']);
  const backend = await open(target.print(schedule) as readonly string[], planOf(schedule, target), { device }); // this target's are texts
  const found: Stored[] = [];
  try {
    for (const [rows, samples] of calls) {
      if (work(kernel, rows, samples) > 2_000_000) continue;
      const record = { rows, samples, rate: 0.75, seedLo: 7, seedHi: 8, purpose: 2, countLo: 3, countHi: 0, sampleBase: 1, rowBase: 0 };
      const memory = Object.fromEntries(kernel.buffers.map(b => [b.name, content(b.name, b.type, evaluateSize(b.size, { rows, samples }))]));
      backend.reserve(rows, samples);
      for (const b of kernel.buffers) backend.write(b.name, Float32Array.from(memory[b.name] ?? []));
      interpret(kernel, memory, record);
      backend.run('all', record);
      for (const { name } of kernel.buffers.filter(x => x.access !== 'read')) {
        const expected = memory[name] ?? new Float64Array();
        found.push({ rows, samples, name, expected, got: await backend.read(name, expected.length) });
      }
    }
    return found;
  } finally { backend.dispose(); }
}
async function wrong(device: GPUDevice, kernel: Kernel, form: Form): Promise<string | undefined> {
  for (const { rows, samples, name, got, expected } of await stored(device, kernel, form)) {
    const scale = expected.reduce((m, x) => Math.max(m, Math.abs(x)), 1);
    const at = expected.findIndex((x, i) => !(Math.abs(x - (got[i] ?? NaN)) <= 2e-5 * scale));
    if (at >= 0) return `${rows} rows, ${samples} samples, ${JSON.stringify(form.shape)}: ${name}[${at}] is ${got[at]}, not ${expected[at]}\n${showKernel(kernel)}`;
  }
  return undefined;
}

const made = [
  ...Array.from({ length: count }, (_, i) => ({ name: `product ${i}`, kernel: randomProduct(dice(i)) })),
  ...Array.from({ length: 3 * count }, (_, i) => ({ name: `kernel ${i}`, kernel: recognize(randomKernel(dice(i))) })),
];
/** Two shapes of each kind: any, and the one with the most positions of a lane. */
const cases = made.flatMap(({ name, kernel }, n) => (['tiles', 'sums'] as const).flatMap(kind => {
  const all = formsOf(kernel, kind);
  const largest = all.reduce<Form | undefined>((best, f) => (best && Math.max(...best.shape.block) >= Math.max(...f.shape.block) ? best : f), undefined);
  return [...new Set([all[(n * 37) % all.length], largest].flatMap(form => form ?? []))].map(form => ({ name: `${name}, ${kind}`, kernel, form }));
}));

test('kernels at random have forms of both kinds, and are valid', t => {
  for (const { kernel } of made) verifyKernel(kernel);
  t.true(cases.filter(c => c.form.shape.depth === 1).length >= count, 'tiles');
  t.true(cases.filter(c => c.form.shape.depth > 1).length > count / 2, 'sums');
});
test('every text is valid WGSL', async t => {
  const texts = cases.flatMap(({ kernel, form }) => webgpuWith(() => form).print(scheduleOf([kernel], ['rate'])) as readonly string[]);
  t.deepEqual(await validateWgsl(texts), []);
});
webgpuTestSerial('they compute what the interpreter does', async t => {
  const device = await softwareDevice();
  for (const { name, kernel, form } of cases) {
    const found = await wrong(device, kernel, form);
    if (found !== undefined) { t.fail(`${name}: ${found}`); return; }
  }
  device.destroy();
  t.pass();
});
webgpuTestSerial('sums that meet in subgroups are the same bits as those that meet in workgroup memory', async t => {
  const [without, having] = [await softwareDevice(), await softwareDevice({ requiredFeatures: ['subgroups'] })];
  const codes: string[] = [];
  const create = having.createShaderModule.bind(having);
  having.createShaderModule = descriptor => { codes.push(descriptor.code); return create(descriptor); };
  // every shape of sums; SwiftShader's subgroups are of four, so only where one position has all lanes do numbers meet in them
  const sums = [...cases.filter(c => c.form.shape.depth > 1), ...made.slice(0, 4).flatMap(({ name, kernel }) => formsOf(kernel, 'sums').map(form => ({ name, kernel, form })))];
  t.deepEqual([...new Set(sums.map(c => c.form.shape.lanes[1]))].sort((a, b) => a - b), [1, 4, 16, 32]);
  for (const { name, kernel, form } of sums) {
    const [plain, met] = [await stored(without, kernel, form), await stored(having, kernel, form)];
    t.deepEqual(met.map(s => s.got), plain.map(s => s.got), name);
  }
  t.true(codes.length > 0 && codes.filter(code => code.includes('parts_')).every(code => code.startsWith('enable subgroups;')));
  without.destroy();
  having.destroy();
});
