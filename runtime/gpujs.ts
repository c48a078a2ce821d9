/**
 * Runs a plan on gpu.js. Imagine every buffer as an array of floats on the side of JavaScript; a kernel is a function of some of
 * them and of a few numbers, made for one size of its result, and what it returns replaces the content of one buffer.
 */
import { countOf } from './arena.ts';
import type { Backend, OpenBackend } from './backend.ts';
import type { BufferManifest, PlanManifest } from './manifest.ts';
import { fillNoise } from './noise.ts';
import { film } from './turns.ts';
import type { Film, Turn } from './turns.ts';

/** What is used of gpu.js. */
interface Gpu {
  createKernel(source: string, settings: object): Made;
  destroy(): Promise<void>;
}

type Made = (...args: readonly (Float32Array | number)[]) => unknown;

/** Kernels are compiled for one number of rows and samples; those of so many are kept, the longest unused go first. */
const keptSizes = 8;

/** Above this an index is no longer exact: gpu.js counts in f32. */
const largestIndex = 2 ** 24;

/** Rejects when gpu.js is not installed or does not know the mode. */
export const open: OpenBackend = async (code, plan, options) => {
  if (typeof code === 'string') throw new Error('gpujs: this module has no JavaScript kernels');
  let library: typeof import('gpu.js');
  try {
    library = await import('gpu.js');
  } catch (error) {
    throw new Error('gpujs: the package "gpu.js" is not installed here: npm install gpu.js', { cause: error });
  }
  // A CommonJS package: the named exports are there, or inside of `default`, as the bundler likes.
  const { GPU } = 'GPU' in library ? library : (library as { default: typeof import('gpu.js') }).default;
  try {
    // The library's own types know only numbers as results of a kernel given as text.
    const make = (): Gpu => new GPU(options.mode === undefined ? {} : { mode: options.mode as never });
    await make().destroy();
    return start(make, plan, code.map(readKernel(plan)));
  } catch (error) {
    throw new Error(`gpujs: gpu.js can't start in mode ${options.mode ?? 'auto'}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};

/** A kernel's text and what its parameters stand for: buffers `…_b3`, fields of the record `…_r9`. */
interface Source {
  readonly name: string; readonly text: string;
  readonly parameters: readonly { readonly kind: 'b' | 'r'; readonly index: number }[];
  /** The buffer it writes: the one it names in the plan and does not read. */
  readonly result: number;
  readonly grid: PlanManifest['kernels'][number]['grid'];
  /** Where in that buffer its first value goes: the sum of these products of numbers and fields of the record. */
  readonly from: readonly (readonly (number | string)[])[];
}
const readKernel = (plan: PlanManifest) => (text: string, i: number): Source => {
  const kernel = plan.kernels[i];
  const [, from = '[]', body, list] = /^(?:\/\/ from (.*)\n)?(function kernel\(([^)]*)\)[^]*)$/.exec(text) ?? [];
  if (!kernel || body === undefined || list === undefined) throw new Error(`kernel ${i} of the module is not one of this runtime`);
  const parameters = [...list.matchAll(/_([br])(\d+)(?:,|$)/g)].map(([, kind, index]) => ({ kind: kind === 'b' ? 'b' as const : 'r' as const, index: Number(index) }));
  const result = kernel.buffers.find(b => !parameters.some(p => p.kind === 'b' && p.index === b));
  if (result === undefined) throw new Error(`kernel ${kernel.name} writes no buffer`);
  // Written by the compiler's printer of this target: sums of products.
  return { name: kernel.name, text: body, parameters, result, grid: kernel.grid, from: JSON.parse(from) as Source['from'] };
};

function start(makeGpu: () => Gpu, plan: PlanManifest, sources: readonly Source[]): Backend {
  const indices = new Map(plan.buffers.map((b, i) => [b.name, i]));
  const values = new Map<string, number>();
  /** Content of the buffers; two that a program swaps change places here. */
  const arrays: Float32Array[] = plan.buffers.map(() => new Float32Array(0));
  /** One instance of gpu.js for each size, since only a whole instance can be given back. Least recently used first. */
  const sizes = new Map<string, { readonly gpu: Gpu; readonly kernels: Map<number, Made> }>();
  const films = new Map<string, Film>();
  let disposed = false;

  const check = (): void => { if (disposed) throw new Error('gpujs: the model is disposed'); };
  const indexOf = (buffer: string): number => {
    const i = indices.get(buffer);
    if (i === undefined) throw new Error(`gpujs: this model has no buffer '${buffer}'`);
    return i;
  };
  const value = (name: string): number => values.get(name) ?? 0;
  const count = (b: BufferManifest): number => countOf(b.size, value('rows'), value('samples'));
  const array = (i: number): Float32Array => arrays[i] ?? new Float32Array(0);
  const live = (i: number): Float32Array => { const b = plan.buffers[i]; return array(i).subarray(0, b ? count(b) : 0); };

  const kernelFor = (k: number, source: Source, positions: number): Made => {
    const { gpu, kernels } = sized();
    const known = kernels.get(k) ?? gpu.createKernel(source.text, {
      output: [positions], constants: { rows: value('rows'), samples: value('samples') }, precision: 'single', loopMaxIterations: largestIndex,
      // Told, not guessed: a learning rate of 1 would make an integer of that parameter for good.
      argumentTypes: source.parameters.map(p => (p.kind === 'b' ? 'Array' : 'Float')),
    });
    kernels.set(k, known);
    return known;
  };
  const sized = () => {
    const key = `${value('rows')} ${value('samples')}`;
    const found = sizes.get(key) ?? { gpu: makeGpu(), kernels: new Map<number, Made>() };
    sizes.delete(key);
    sizes.set(key, found);
    for (const [old, { gpu }] of sizes) {
      if (sizes.size <= keptSizes) break;
      sizes.delete(old);
      end(gpu);
    }
    return found;
  };
  const end = (gpu: Gpu): void => { gpu.destroy().catch(() => undefined); };

  const dispatch = (k: number, turn: Turn): void => {
    const source = sources[k];
    if (!source) return;
    const positions = source.grid.reduce<number>((n, e) => n * (typeof e === 'number' ? e : value(e)), 1);
    if (positions === 0) return;
    const field = (name: string): number => turn[name] ?? value(name);
    const args = source.parameters.map(({ kind, index }) => (kind === 'b' ? live(index) : field(plan.record[index] ?? '')));
    const result = kernelFor(k, source, positions)(...args);
    if (!(result instanceof Float32Array)) throw new Error("gpujs: this mode of gpu.js does not answer at once: take mode 'cpu' or 'webasm', or the backend webgpu");
    const from = source.from.reduce((total, factors) => total + factors.reduce<number>((n, f) => n * (typeof f === 'number' ? f : field(f)), 1), 0);
    array(source.result).set(result, from);
  };

  /** Fills the noise that a program reads or gives, from the seed, purpose, count and first sample in the record. */
  const fill = (dispatches: Film['dispatches'], results: readonly string[], base: number): void => {
    const read = new Set(dispatches.flatMap(d => sources[d.kernel]?.parameters.filter(p => p.kind === 'b').map(p => p.index) ?? []));
    for (const buffer of results) read.add(indexOf(buffer));
    const word = (name: string): number => value(`${name}Hi`) * 2 ** 32 + value(`${name}Lo`);
    const stream = { seed: word('seed'), purpose: value('purpose'), count: word('count') };
    for (const i of read) {
      const b = plan.buffers[i];
      if (!b?.noise) continue;
      const { by, times } = typeof b.size === 'number' ? { by: [], times: b.size } : b.size;
      // Elements of one sample; its rows are counted in the caller's whole input.
      const length = times * (by.includes('rows') ? value('rows') : 1);
      const first = by.includes('rows') ? times * value('rowBase') : 0;
      for (let s = 0; s < (by.includes('samples') ? value('samples') : 1); s++) {
        fillNoise(array(i).subarray(s * length, (s + 1) * length), b.noise.family, stream, b.noise.site, base + s, first);
      }
    }
  };

  return {
    name: 'gpujs',
    plan,
    reserve(rows, samples) {
      check();
      const sizes = plan.buffers.map(b => countOf(b.size, rows, samples));
      const largest = sizes.indexOf(Math.max(0, ...sizes));
      if ((sizes[largest] ?? 0) > largestIndex) {
        throw new RangeError(`gpujs: ${rows} rows and ${samples} samples need ${sizes[largest] ?? 0} values in '${plan.buffers[largest]?.name ?? ''}', and gpu.js can count to ${largestIndex}: ask for fewer rows or samples at once`);
      }
      sizes.forEach((size, i) => {
        if (array(i).length >= size) return;
        const larger = new Float32Array(size);
        larger.set(array(i));
        arrays[i] = larger;
      });
    },
    write(buffer, data, at = 0) {
      check();
      array(indexOf(buffer)).set(data, at);
    },
    read(buffer, n) {
      try {
        check();
        return Promise.resolve(array(indexOf(buffer)).slice(0, n));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    run(program, scalars) {
      check();
      const manifest = plan.programs[program];
      if (!manifest) throw new Error(`gpujs: this model has no program '${program}'`);
      for (const [name, v] of Object.entries(scalars)) values.set(name, v);
      const draws = values.get('draws') ?? 1;
      const key = `${program} ${draws}`;
      const { dispatches, turns } = films.get(key) ?? film(manifest.steps ?? [], draws);
      films.set(key, { dispatches, turns });
      const draw = (sample: number): number => { fill(dispatches, Object.values(manifest.results), sample); return sample; };
      let drawn = draw(value('sampleBase'));
      for (const { kernel, turn } of dispatches) {
        // another sample has other noise
        const sample = turns[turn]?.['sampleBase'] ?? value('sampleBase');
        if (sample !== drawn) drawn = draw(sample);
        dispatch(kernel, turns[turn] ?? {});
      }
      for (const [a, b] of manifest.swaps ?? []) [arrays[indexOf(a)], arrays[indexOf(b)]] = [array(indexOf(b)), array(indexOf(a))];
    },
    get bytes() { return arrays.reduce((n, a) => n + a.byteLength, 0); },
    dispose() {
      if (disposed) return;
      disposed = true;
      arrays.fill(new Float32Array(0));
      for (const { gpu } of sizes.values()) end(gpu);
      sizes.clear();
    },
  };
}
