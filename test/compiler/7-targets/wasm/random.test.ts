/** Random kernels on WebAssembly against the interpreter, with different numbers of rows and samples. */
import test from 'ava';
import fc from 'fast-check';
import { evaluateSize } from '../../../../compiler/6-kernels/index.ts';
import { interpret } from '../../../../compiler/6-kernels/interpret.ts';
import { showKernel } from '../../../../compiler/6-kernels/show.ts';
import { scheduleOf } from '../../../support/plan.ts';
import { load } from './run.ts';
import { dice, randomKernel } from './random-kernels.ts';

/** Numbers in (-1, 1), or whole ones below 4; the same for the same name. */
const content = (name: string, type: 'f32' | 'u32', count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => { const x = Math.sin((i + 1) * 12.9898 + name.length * 3 + (name.codePointAt(1) ?? 0)); return type === 'u32' ? Math.floor(Math.abs(x) * 3.999) : Math.fround(x); });

async function worst(seed: number, large?: { readonly memory: number; readonly blocks: number }): Promise<string | undefined> {
  const kernel = randomKernel(dice(seed));
  for (const [rows, samples] of [[1, 1], [3, 2], [7, 4], [16, 3]] as const) {
    const record = { rows, samples, rate: 0.75, seedLo: 7, seedHi: 8, purpose: 2, countLo: 3, countHi: 0, sampleBase: 1, rowBase: 0 };
    const machine = await load(scheduleOf([kernel], ['rate']), { rows, samples }, false, large);
    const memory = Object.fromEntries(kernel.buffers.map(b => [b.name, content(b.name, b.type, evaluateSize(b.size, { rows, samples }))]));
    for (const b of kernel.buffers) machine.data(b.name).set(memory[b.name] ?? []);
    interpret(kernel, memory, record);
    machine.run('all', record);
    for (const b of kernel.buffers) {
      const [got, expected] = [machine.data(b.name), memory[b.name] ?? new Float64Array()];
      const scale = expected.reduce((m, x) => Math.max(m, Math.abs(x)), 1);
      const at = expected.findIndex((x, i) => !(Math.abs(x - (got[i] ?? NaN)) <= 2e-5 * scale));
      if (at >= 0) return `seed ${seed}, ${rows} rows, ${samples} samples: ${b.name}[${at}] is ${got[at]}, not ${expected[at]}\n${showKernel(kernel)}`;
    }
  }
  return undefined;
}

for (const [name, large] of [['random kernels', undefined], ['random kernels, treated as large ones,', { memory: 0, blocks: 0 }]] as const) {
  test(`${name} give what the interpreter gives`, async t => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1_000_000_000 }), async seed => { const wrong = await worst(seed, large); if (wrong !== undefined) throw new Error(wrong); }), { numRuns: Number(process.env['RANDOM_KERNELS'] ?? 150), seed: 1, endOnFailure: true });
    t.pass();
  });
}
