/**
 * What a generated module says of itself to the runtime: names, shapes and the plan, as plain JSON. Imagine the schedule
 * without its arithmetic: enough to lay out memory, move data, and run programs by name.
 */

import type { OpenBackend } from './backend.ts';

/** A run-time extent by name. */
export type Dynamic = 'rows' | 'samples';
/** `times · Π by`. */
export type Size = number | { readonly times: number; readonly by: readonly Dynamic[] };

/** An input or a target: shape without the batch's number (`null`). */
export interface PortManifest { readonly name: string; readonly shape: readonly (number | null)[]; readonly type: 'float' | 'class'; readonly classes?: number }

/** A trained tensor, by path. `weight` and `part` for the two parts of a distribution. */
export interface ParameterManifest {
  readonly path: string; readonly shape: readonly number[];
  readonly weight?: string; readonly part?: 'mu' | 'rho';
  readonly trained: boolean;
}

/** One value that `predict` returns: an output, or new observations of a target. `shape` as in PortManifest. */
export interface OutputManifest { readonly name: string; readonly shape: readonly (number | null)[]; readonly what: 'output' | 'observation' }

/** The part of a module that does not depend on the target. */
export interface ModelManifest {
  /** The runtime's ABI number; a runtime refuses another. */
  readonly abi: number;
  readonly compiler: string;
  readonly name: string;
  /** Hash of paths, shapes, posterior kinds; and one of the whole checked model (DECISIONS 1.24). */
  readonly fingerprint: string; readonly modelFingerprint: string;
  readonly inputs: readonly PortManifest[];
  readonly targets: readonly PortManifest[];
  readonly outputs: readonly OutputManifest[];
  readonly parameters: readonly ParameterManifest[];
  /** Kept tensors that do not train, where there are any. */
  readonly states?: readonly { readonly path: string; readonly shape: readonly number[] }[];
  /** Drawn weights: path, shape, and how its KL is computed. */
  readonly weights: readonly { readonly path: string; readonly shape: readonly number[]; readonly kl: 'exact' | 'sampled' | 'none' }[];
  /** Whether the model has an objective (a loss or an observation). */
  readonly trainable: boolean;
}

export interface BufferManifest {
  readonly name: string; /** f32 where nothing is said. */ readonly type?: 'u32'; readonly size: Size; readonly slot: number;
  readonly role: 'parameter' | 'moment' | 'sum' | 'input' | 'noise' | 'result' | 'temporary';
  readonly noise?: { readonly family: 'normal' | 'uniform'; readonly site: number };
  /** Made from the classes in another buffer: positions sorted by class, or where each class begins. */
  readonly bucket?: { readonly of: string; readonly extent: number; readonly part: 'order' | 'start' };
}

export type StepManifest = number | { readonly counter: string; /** `draws`: as many as that field says. */ readonly extent: number | 'draws'; readonly reverse: boolean; readonly body: readonly StepManifest[] };

export interface ProgramManifest {
  readonly steps?: readonly StepManifest[];
  readonly results: Readonly<Record<string, string>>;
  readonly swaps?: readonly (readonly [string, string])[];
}

export interface KernelManifest {
  readonly name: string;
  readonly grid: readonly (number | Dynamic)[];
  /** Indices into the plan's buffers. */
  readonly buffers: readonly number[];
  /** webgpu, where workgroups own tiles of the grid: for each side how many positions there are, and how many of them a workgroup has. */
  readonly tiles?: readonly (readonly [Size, number])[];
}

/** The plan for one target. */
export interface PlanManifest {
  /** Samples follow one another: runs are for one, and `draws` says how many. */
  readonly memory?: 'small';
  readonly buffers: readonly BufferManifest[];
  readonly programs: Readonly<Record<string, ProgramManifest>>;
  /** Names of the step record's fields in order, one 32-bit word each: so many whole numbers, then f32. */
  readonly record: readonly string[];
  readonly integers: number;
  /** The kernels; `code` is the target's own. */
  readonly kernels: readonly KernelManifest[];
  /** For each kernel, instructions of one position: `[a, b, c, d]` is a + b·rows + c·samples + d·rows·samples, zeros at the end left out. For devices that must not be kept busy for long. */
  readonly costs?: readonly (readonly number[])[];
  /** How many samples of a prediction are best computed at a time; 32 when left out. */
  readonly samples?: number;
  /** webgpu: what one line of a data set is made of, as its last text copies it: buffers, and words of one row. */
  readonly lines?: readonly { readonly buffer: number; readonly each: number }[];
}

/** What `boston.bnn.wasm.js` (or `.webgpu.js`, `.gpujs.js`) exports. */
export interface TargetModule {
  readonly open: OpenBackend;
  readonly target: 'wasm' | 'webgpu' | 'gpujs';
  readonly plan: PlanManifest;
  /** wasm: the module's bytes as base64. webgpu: WGSL, one text a kernel, and one that makes batches. gpujs: JavaScript, one function a kernel. */
  readonly code: string | readonly string[];
}
