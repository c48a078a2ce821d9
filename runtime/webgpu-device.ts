/**
 * A GPU to compute on. Imagine the conversation before the first kernel: is there WebGPU at all, does an adapter answer, how
 * much memory does it give to one binding. Every refusal is a sentence that says what to do.
 */

/** A device with the largest storage binding its adapter gives. Rejects with a sentence where there is none. */
export async function requestDevice(): Promise<GPUDevice> {
  // `navigator` is missing in Node 20, and `gpu` from it in most runtimes.
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!gpu) {
    throw new Error('webgpu: there is no navigator.gpu here. In a browser WebGPU needs a secure page (https or localhost); in Node install the npm package "webgpu" and pass a device of it: { device }');
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('webgpu: navigator.gpu is here, but no adapter answered: there is no GPU that WebGPU can use, or its driver is blocked');
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
}

/** The device that an app passes as an option. Throws when it is something else. */
export function givenDevice(device: unknown): GPUDevice {
  // Structural: a device of another realm, or of Dawn in Node, is no instance of this realm's GPUDevice.
  const candidate = device as Partial<GPUDevice> | null;
  if (typeof candidate?.createComputePipelineAsync !== 'function' || !candidate.queue) throw new Error('webgpu: the option "device" is not a GPUDevice');
  return candidate as GPUDevice;
}

/** Bits of `GPUBufferUsage` and `GPUMapMode`, which are no globals where a device comes from a package. */
export const usage = { mapRead: 0x1, copySource: 0x4, copyDestination: 0x8, uniform: 0x40, storage: 0x80 } as const;
