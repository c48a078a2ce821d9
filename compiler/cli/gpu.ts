/** The GPU that commands find: `navigator.gpu` where there is one, else that of the npm package `webgpu`. */
import { deviceOf } from '../../runtime/webgpu-device.ts';

/** Rejects with what is missing. */
export async function adapterHere(): Promise<GPUAdapter> {
  const given = (globalThis.navigator as { readonly gpu?: GPU } | undefined)?.gpu; // Node 20 has no navigator
  let gpu = given;
  if (!gpu) {
    const name = 'webgpu'; // an optional package: not known to the type checker
    const found = await import(name).catch(() => { throw new Error('no navigator.gpu, and the npm package webgpu is not installed: npm install webgpu'); }) as { create(options: readonly string[]): GPU };
    // kept for the life of the process: Dawn dies when it is collected
    gpu = (globalThis as { bnncDawn?: GPU }).bnncDawn ??= found.create([]);
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no adapter: this machine has no GPU driver (Vulkan, Metal or Direct3D) that WebGPU can use');
  return adapter;
}
/** A device of it. */
export const deviceHere = async (): Promise<GPUDevice> => deviceOf(await adapterHere());
/** What an adapter says of itself: vendor, architecture, name. */
export const nameOf = ({ info }: GPUAdapter): string => `${info.vendor} ${info.architecture} ${info.device || info.description}`.trim();
