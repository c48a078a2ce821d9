/**
 * The line between the training loop and a device. Imagine an arena of 32-bit words laid out by the plan, a record of a few
 * words that each run reads, and programs run by name. Everything above this line is the same on all backends.
 */
import type { PlanManifest } from './manifest.ts';
import type { Rows } from './tensors.ts';

/** The words of the step record that change from call to call, by name; fields left out keep their last value. */
export type Scalars = Readonly<Record<string, number>>;

export interface Backend {
  readonly name: 'wasm' | 'webgpu' | 'gpujs';
  readonly plan: PlanManifest;
  /** Make room for this many rows and samples; persistent buffers keep their content. Throws when memory does not suffice. */
  reserve(rows: number, samples: number): void;
  /** Copies data into a buffer from element `at` on. u32 buffers take whole numbers. */
  write(buffer: string, data: ArrayLike<number>, at?: number): void;
  /** The first `count` elements of a buffer after all runs so far. Reads that are asked for without a pause are one transfer. */
  read(buffer: string, count: number): Promise<Float32Array>;
  /** Like `read`, at once: only where a run is done when it returns. */
  peek?(buffer: string, count: number): Float32Array;
  /** Whether others, who had no turn for a while, are to have theirs: `read` lets them. */
  readonly due?: boolean;
  /** Keeps rows of a data set where programs run, by the buffers that batches of them go into: those tensors that it can. Nothing where they do not fit. One at a time. */
  hold?(tensors: ReadonlyMap<string, Rows>): Promise<Held | undefined>;
  /** Runs a program with these scalars (`rows`, `samples`, `seedLo`, …). May return before the device is done; `read` waits. */
  run(program: string, scalars: Scalars): void;
  /** For a device that runs ahead: whether as much waits for it as it should be given at once. */
  readonly full?: boolean;
  /** Threads that run programs now; one where nothing is said. */
  readonly threads?: number;
  /** Bytes that it holds now: the arena and all that goes with it. */
  readonly bytes: number;
  /** Frees everything. Twice is once. */
  dispose(): void;
}

/** A data set that a backend keeps. */
export interface Held {
  /** Buffers of the tensors that it keeps. */
  readonly names: ReadonlySet<string>;
  /** The order of the rows from now on: one number a row. */
  order(rows: Uint32Array<ArrayBuffer>): void;
  /** Copies `count` rows, from place `first` of the order on, into their buffers. */
  pick(first: number, count: number): void;
  /** Twice is once. */
  free(): void;
}

/** Opens a backend for a plan. Rejects with a sentence that says what is missing when it can't run here. */
export type OpenBackend = (code: string | readonly string[], plan: PlanManifest, options: BackendOptions) => Promise<Backend>;

export interface BackendOptions {
  /** webgpu: a device of the app's own. */
  readonly device?: unknown;
  /** wasm: threads from the start; left out, as many as there are cores, from the first program that is worth it. */
  readonly threads?: number;
  /** wasm: false keeps products and sums apart on engines that can fuse them. */
  readonly fusedMultiplyAdd?: boolean;
  /** gpujs: the mode of gpu.js, `cpu`, `webasm`, `webgl2`, …; left out, gpu.js chooses. */
  readonly mode?: string;
}
