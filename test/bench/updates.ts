/**
 * The optimizer's step by itself: what Adam does to the means and spreads of a large weight once their gradients are in memory, as a training step has
 * it. It moves many bytes for each operation, and has a root and a division for each parameter.
 */
import { checkText } from '../../compiler/compile.ts';
import { arranged, programsOf } from '../../compiler/4-diff/programs.ts';
import { countKernel } from '../../compiler/5-schedule/count.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { planOf } from '../../compiler/8-module/manifest.ts';
import { optimizerScalars } from '../../runtime/state.ts';
import { open } from '../../runtime/wasm.ts';

/** Extents of weights: one whose parameters and moments fit the last cache, and one of 1200 x 1200, which is larger than most. */
export const updates: readonly (readonly [number, number])[] = [[400, 400], [1200, 1200]];

/** An update that is ready to run. */
export interface RunningUpdate {
  /** Additions and multiplications, roots and divisions, and bytes, each once. */
  readonly operations: number; readonly roots: number; readonly bytes: number;
  /** Milliseconds of one, the mean of so many. */ readonly time: (times: number) => number; readonly stop: () => void;
}

export async function openUpdate([out, into]: readonly [number, number], threads: number, fused: boolean): Promise<RunningUpdate> {
  const model = checkText(`model Update {\n  input x: [batch, ${into}]\n  target y: [batch, ${out}]\n  weight w: [${out}, ${into}]\n  p = x @ w.T\n  output p\n  loss mse(p, y)\n}\n`, { file: 'update.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const all = schedule(arranged(programsOf(model).programs, wasm.capabilities), wasm.capabilities);
  const parameters = new Set(all.buffers.filter(b => b.role === 'parameter').map(b => b.name));
  const isUpdate = (kernel: number): boolean => all.kernels[kernel]?.buffers.some(b => b.access !== 'read' && parameters.has(b.name)) ?? false;
  const cut = { ...all, programs: all.programs.filter(p => p.name === 'train_adam').map(p => ({ ...p, steps: p.steps.filter(s => s.kind === 'run' && isUpdate(s.kernel)) })) };
  const code = wasm.print(cut);
  const backend = await open(Buffer.from(code as Uint8Array).toString('base64'), planOf(cut, wasm), { threads, fusedMultiplyAdd: fused }); // bytes, for WebAssembly
  backend.reserve(1, 1);
  for (const { name, shape } of cut.buffers) if (!/\/[mv]$/.test(name) && !shape.includes('rows')) backend.write(name, Float32Array.from({ length: shape.reduce<number>((n, d) => n * (d === 'samples' ? 1 : Number(d)), 1) }, (_, i) => Math.sin(i)));
  const scalars = { ...optimizerScalars({ kind: 'adam', learningRate: 1e-6 }, 1000), rows: 1, samples: 1, live: 1, klWeight: 1 };
  const work = cut.programs.flatMap(p => p.steps).flatMap(s => { const k = s.kind === 'run' ? cut.kernels[s.kernel] : undefined; return k ? [countKernel(k, { rows: 1, samples: 1 })] : []; });
  const sum = (f: (w: (typeof work)[number]) => number): number => work.reduce((n, w) => n + f(w), 0);
  return {
    operations: sum(w => w.arithmetic), roots: sum(w => w.transcendental), bytes: sum(w => w.bytes),
    time(times) {
      const started = performance.now();
      for (let i = 0; i < times; i++) backend.run('train_adam', scalars);
      return (performance.now() - started) / times;
    },
    stop: () => { backend.dispose(); },
  };
}
