/**
 * How long kernels take on this machine. Imagine a module in which every kernel is a program of its own beside the model's programs:
 * each is run again and again on made-up numbers, and the least time counts, since everything else on the machine only adds to it.
 */
import type { Model } from './2-check/model.ts';
import type { ProgramPlan, Schedule } from './5-schedule/schedule.ts';
import type { Target, TargetName } from './7-targets/target.ts';
import { planOf } from './8-module/manifest.ts';
import type { Backend, OpenBackend } from '../runtime/backend.ts';
import { writeBuckets } from '../runtime/bucket.ts';
import { optimizerScalars } from '../runtime/state.ts';

/** Nanoseconds of one run: of programs by name, of kernels by number. */
export interface Measurement { readonly programs: ReadonlyMap<string, number>; readonly kernels: readonly number[] }
export interface MeasureOptions { readonly rows: number; readonly samples: number; /** Of WebAssembly. */ readonly threads: number; /** For each program and kernel, in milliseconds. */ readonly budget?: number; /** Of WebGPU, where there is no navigator.gpu. */ readonly device?: GPUDevice; /** What is measured; both when left out. */ readonly of?: 'kernels' | 'programs' }

const opens: Readonly<Record<TargetName, () => Promise<OpenBackend>>> = {
  wasm: async () => (await import('../runtime/wasm.ts')).open,
  webgpu: async () => (await import('../runtime/webgpu.ts')).open,
  gpujs: async () => (await import('../runtime/gpujs.ts')).open,
};

/** Rejects where the backend does not work here. */
export async function measure(model: Model, schedule: Schedule, target: Target, { rows, samples, threads, budget = 30, device, of }: MeasureOptions): Promise<Measurement> {
  // several in a row where one is short: what it takes to start a program is not the kernel's
  const row = schedule.kernels.map(k => Math.max(1, Math.min(64, Math.round(2e5 / (target.predict?.(k, { rows, samples }, threads, schedule.memory ?? 'fast') ?? 2e5)))));
  const alone = schedule.kernels.map((_, kernel): ProgramPlan => ({ name: `kernel ${kernel}`, steps: Array.from({ length: row[kernel] ?? 1 }, () => ({ kind: 'run', kernel })), results: {}, swaps: [] }));
  const apart: Schedule = { ...schedule, programs: [...schedule.programs, ...alone] };
  const code = target.print(apart);
  const open = await opens[target.name]();
  const backend = await open(code instanceof Uint8Array ? Buffer.from(code).toString('base64') : code, planOf(apart, target), { threads, ...(device ? { device } : {}) });
  try {
    const live = schedule.memory === 'small' ? 1 : samples;
    backend.reserve(rows, live);
    const scalars = {
      ...Object.fromEntries(schedule.record.map(f => [f.name, 0])), ...optimizerScalars({ kind: 'adam', learningRate: 1e-6 }, 1000), momentum: 0.9,
      rows, samples: live, draws: samples, share: 1 / samples, seedLo: 1, countLo: 1, live: 1, klWeight: 0.01,
    };
    fill(backend, model, schedule, rows);
    backend.run('init', scalars);
    const result = async (): Promise<void> => { const name = schedule.buffers[0]?.name; if (name !== undefined) await backend.read(name, 1); };
    const time = (program: string): Promise<number> => least(() => { backend.run(program, scalars); }, result, backend.peek === undefined, budget);
    // the first round is the engine's: it compiles what runs often
    const [whole, single] = [of === 'kernels' ? [] : schedule.programs, of === 'programs' ? [] : alone];
    for (const p of [...whole, ...single]) await least(() => { backend.run(p.name, scalars); }, result, backend.peek === undefined, budget / 3);
    const programs = new Map<string, number>();
    for (const p of whole) programs.set(p.name, await time(p.name));
    const kernels: number[] = [];
    for (const [k, p] of single.entries()) kernels.push(await time(p.name) / (row[k] ?? 1));
    return { programs, kernels };
  } finally {
    backend.dispose();
  }
}

/** Numbers between -1 and 1 for inputs, classes in turns. */
function fill(backend: Backend, model: Model, schedule: Schedule, rows: number): void {
  const classes = new Map<string, number | undefined>([...model.inputs, ...model.targets].flatMap(p => [[`input:${p.name}`, p.classes], [`target:${p.name}`, p.classes]] as const));
  for (const b of schedule.buffers.filter(x => x.role === 'input' && !x.bucket)) {
    const count = b.shape.reduce<number>((n, d) => n * (d === 'rows' ? rows : Number(d)), 1);
    const many = classes.get(b.name);
    const data = many === undefined ? Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 12.9898 * i)) : Uint32Array.from({ length: count }, (_, i) => (7 * i) % many);
    backend.write(b.name, data);
    writeBuckets(backend.plan, b.name, data, (to, sorted) => { backend.write(to, sorted); });
  }
}

/** The least nanoseconds of one run, as the mean of several where one is too short for the clock. @param waits Runs come back before they are done. */
async function least(run: () => void, result: () => Promise<void>, waits: boolean, budget: number): Promise<number> {
  const timed = async (times: number): Promise<number> => {
    const began = performance.now();
    for (let i = 0; i < times; i++) run();
    if (waits) await result();
    return performance.now() - began;
  };
  const until = performance.now() + budget;
  let times = 1;
  let best = await timed(times);
  while (best < resolution && performance.now() < until) best = await timed(times *= 4);
  // what it takes to ask and be answered is in the time of three rounds as in that of one
  let thrice = waits ? await timed(3 * times) : 0;
  for (let round = 0; round < 2 || performance.now() < until; round++) {
    best = Math.min(best, await timed(times));
    if (waits) thrice = Math.min(thrice, await timed(3 * times));
  }
  return 1e6 * (waits ? Math.max(0, thrice - best) / 2 : best) / times;
}
/** Milliseconds that a clock tells apart well. */
const resolution = 0.1;
