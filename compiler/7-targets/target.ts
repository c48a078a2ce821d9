/** One row a target: what it can do, and how a schedule for it becomes code. */
import type { Capabilities, Schedule } from '../5-schedule/schedule.ts';

export type TargetName = 'wasm' | 'webgpu' | 'gpujs';

export interface Target {
  readonly name: TargetName;
  readonly capabilities: Capabilities;
  /** wasm: the module's bytes. webgpu, gpujs: one text a kernel, in the schedule's order. */
  readonly print: (schedule: Schedule) => Uint8Array | readonly string[];
  /** wasm: what the code needs for each thread, in bytes; and for each thread, row and sample. */
  readonly ownMemory?: (code: Uint8Array) => { readonly scratch: number; readonly panels: number };
}
