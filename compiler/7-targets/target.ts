/** One row a target: what it can do, and how a schedule for it becomes code. */
import type { Dynamic, Kernel, Size } from '../6-kernels/kernel.ts';
import type { Capabilities, MemoryPlan, Schedule } from '../5-schedule/schedule.ts';
import type { PlanManifest } from '../../runtime/manifest.ts';

export type TargetName = 'wasm' | 'webgpu' | 'gpujs';

/** What a kernel moves as a target runs it: counted, for given extents. */
export interface Traffic {
  /** How its workgroups share the work, in words. */
  readonly form: string;
  readonly workgroups: number;
  /** Loads from memory that all invocations see, and what they would be with an invocation a position. */
  readonly globalLoads: number;
  readonly plainLoads: number;
  /** Loads from workgroup memory; a vector counts once. */
  readonly sharedLoads: number;
}

export interface Target {
  readonly name: TargetName;
  readonly capabilities: Capabilities;
  /** Whether its code runs the steps of a program itself; if not, the runtime does. */
  readonly runsSteps?: boolean;
  /** wasm: the module's bytes. webgpu, gpujs: one text a kernel, in the schedule's order; webgpu: one more that makes batches, where there are inputs with rows. */
  readonly print: (schedule: Schedule) => Uint8Array | readonly string[];
  /** What of the plan only this target's runtime asks for. */
  readonly details?: (schedule: Schedule) => Pick<PlanManifest, 'costs' | 'lines' | 'samples'>;
  /** How a kernel's positions are cut into workgroups: for each side of a tile how many positions there are, and how many a workgroup has. Undefined: each position by itself. */
  readonly tiles?: (kernel: Kernel) => readonly (readonly [Size, number])[] | undefined;
  /** For `explain`: nanoseconds of one run on so many threads, where the target knows better than its costs a value. */
  readonly predict?: (kernel: Kernel, extents: Readonly<Record<Dynamic, number>>, threads: number, memory: MemoryPlan) => number;
  /** For `explain`, where a target has more to say than the schedule. */
  readonly traffic?: (kernel: Kernel, extents: Readonly<Record<Dynamic, number>>) => Traffic;
  /** wasm: what the code needs for each thread, in bytes; and for each thread, row and sample. */
  readonly ownMemory?: (code: Uint8Array) => { readonly scratch: number; readonly panels: number };
}
