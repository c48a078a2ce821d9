/** A GPU that is worth timing: one in hardware. */
import { deviceOf } from '../../runtime/webgpu-device.ts';

/** Adapters that compute on the processor. */
const software = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** A device, or undefined where no adapter of hardware answers. */
export async function hardwareDevice(): Promise<GPUDevice | undefined> {
  const adapter = await (await gpu())?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter || adapter.info.isFallbackAdapter || software.test(`${adapter.info.vendor} ${adapter.info.architecture} ${adapter.info.device} ${adapter.info.description}`)) return undefined;
  return deviceOf(adapter);
}

async function gpu(): Promise<GPU | undefined> {
  try {
    // kept for the life of the process: Dawn dies when it is collected
    return (globalThis as { bnncDawn?: GPU }).bnncDawn ??= (await import('webgpu')).create([]);
  } catch { return undefined; }
}
