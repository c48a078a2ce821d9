/**
 * Products by themselves: what the compiler makes of `a @ b`, without draws, activations or updates around it. One square that fits
 * the cache, and those of a step of mnist1200: three forward, two back to the activations, three back to the weights.
 */
import { checkText } from '../../compiler/compile.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { countKernel } from '../../compiler/5-schedule/count.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import type { Schedule } from '../../compiler/5-schedule/schedule.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { planOf } from '../../compiler/8-module/manifest.ts';
import { open } from '../../runtime/wasm.ts';

export interface Product { readonly name: string; /** Shapes as they lie in memory, and the expression. */ readonly a: readonly [number, number]; readonly b: readonly [number, number]; readonly product: string }

const [batch, x, h, y] = [128, 784, 1200, 10];
export const products: readonly Product[] = [
  { name: '384 x 384 x 384', a: [384, 384], b: [384, 384], product: 'a @ b' },
  { name: 'forward 1', a: [batch, x], b: [h, x], product: 'a @ b.T' },
  { name: 'forward 2', a: [batch, h], b: [h, h], product: 'a @ b.T' },
  { name: 'forward 3', a: [batch, h], b: [y, h], product: 'a @ b.T' },
  { name: 'dX 2', a: [batch, h], b: [h, h], product: 'a @ b' },
  { name: 'dX 3', a: [batch, y], b: [y, h], product: 'a @ b' },
  { name: 'dW 1', a: [batch, h], b: [batch, x], product: 'a.T @ b' },
  { name: 'dW 2', a: [batch, h], b: [batch, h], product: 'a.T @ b' },
  { name: 'dW 3', a: [batch, y], b: [batch, h], product: 'a.T @ b' },
];

/** A product that is ready to run. */
export interface Running { readonly operations: number; /** Milliseconds of one, the mean of so many. */ readonly time: (times: number) => number; readonly stop: () => void }

export async function openProduct({ a, b, product }: Product, threads: number, fused: boolean): Promise<Running> {
  const model = checkText(`model Product {\n  input a: [${a.join(', ')}]\n  input b: [${b.join(', ')}]\n  input row: [batch]\n  output y = ${product}\n}\n`, { file: 'product.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const cut = withoutCopies(schedule(programsOf(model).programs, wasm.capabilities));
  const code = wasm.print(cut);
  const backend = await open(Buffer.from(code as Uint8Array).toString('base64'), planOf(cut, wasm), { threads, fusedMultiplyAdd: fused }); // bytes, for WebAssembly
  backend.reserve(1, 1);
  for (const { name, role, shape } of cut.buffers) if (role === 'input') backend.write(name, Float32Array.from({ length: shape.reduce<number>((n, d) => n * Number(d), 1) }, (_, i) => Math.sin(i)));
  const scalars = { rows: 1, samples: 1, rowBase: 0, sampleBase: 0 };
  return {
    operations: cut.programs.flatMap(p => p.steps).reduce((n, s) => n + (s.kind === 'run' ? kernelOperations(cut, s.kernel) : 0), 0),
    time(times) {
      const started = performance.now();
      for (let i = 0; i < times; i++) backend.run('predict', scalars);
      return (performance.now() - started) / times;
    },
    stop: () => { backend.dispose(); },
  };
}
const kernelOperations = (s: Schedule, kernel: number): number => { const k = s.kernels[kernel]; return k ? countKernel(k, { rows: 1, samples: 1 }).contracted : 0; };

/** The program `predict` up to the kernel that writes the product once a sample, a copy that no training step has. */
function withoutCopies(s: Schedule): Schedule {
  const programs = s.programs.filter(p => p.name === 'predict').map(p => {
    const results = new Set(Object.values(p.results));
    const copies = (kernel: number): boolean => kernelOperations(s, kernel) === 0 && (s.kernels[kernel]?.buffers.some(b => b.access !== 'read' && results.has(b.name)) ?? false);
    return { ...p, steps: p.steps.filter(step => step.kind !== 'run' || !copies(step.kernel)) };
  });
  return { ...s, programs };
}
