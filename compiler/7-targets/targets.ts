/** All targets, by name, in the order in which an app tries them. */
import type { Target, TargetName } from './target.ts';
import type { Tuning } from './wgsl/tuning.ts';

/** Loaded when asked for: WebAssembly's emitter alone takes a tenth of a second. */
export const targets: Readonly<Record<TargetName, () => Promise<Target>>> = {
  webgpu: async () => (await import('./wgsl/index.ts')).webgpu,
  wasm: async () => (await import('./wasm/index.ts')).wasm,
  gpujs: async () => (await import('./gpujs.ts')).gpujs,
};
export const targetNames = Object.keys(targets) as readonly TargetName[]; // keys of a Record<TargetName, …>
/** A target; WebGPU's with the forms that were measured, where there are some. */
export const targetOf = async (name: TargetName, tuning?: Tuning): Promise<Target> => (name === 'webgpu' && tuning ? (await import('./wgsl/tuning.ts')).tuned(tuning) : targets[name]());
