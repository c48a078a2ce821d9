/** One row a target: what it can do, and how a schedule for it becomes code. */
import type { Capabilities, Schedule } from '../5-schedule/schedule.ts';

export type TargetName = 'wasm' | 'webgpu' | 'gpujs';

export interface Target {
  readonly name: TargetName;
  readonly capabilities: Capabilities;
  /** wasm: the module's bytes. webgpu, gpujs: one text a kernel, in the schedule's order; webgpu: one more that makes batches, where there are inputs with rows. */
  readonly print: (schedule: Schedule) => Uint8Array | readonly string[];
}
