/**
 * A GPU to compute on. Imagine the conversation before the first kernel: is there WebGPU at all, does an adapter answer, how
 * much memory does it give to one binding. Every refusal is a sentence that says what to do.
 */

/** A device with the largest storage binding its adapter gives, and with subgroups where it has them. */
export function deviceOf(adapter: GPUAdapter): Promise<GPUDevice> {
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  return adapter.requestDevice({ requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [], requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
}

/** A device of this machine. Rejects with a sentence where there is none. */
export async function requestDevice(): Promise<GPUDevice> {
  // `navigator` is missing in Node 20, and `gpu` from it in most runtimes.
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!gpu) {
    throw new Error('no navigator.gpu here: a page needs https or localhost, Node a { device } of the npm package "webgpu"');
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('no adapter answered: no GPU, or a blocked driver');
  return deviceOf(adapter);
}

/** The device that an app passes as an option. Throws when it is something else. */
export function givenDevice(device: unknown): GPUDevice {
  // Structural: a device of another realm, or of Dawn in Node, is no instance of this realm's GPUDevice.
  const candidate = device as Partial<GPUDevice> | null;
  if (!candidate?.createComputePipelineAsync) throw new Error('the option "device" is not a GPUDevice');
  return candidate as GPUDevice;
}

/** Bits of `GPUBufferUsage` and `GPUMapMode`, which are no globals where a device comes from a package. */
export const usage = { mapRead: 0x1, copySource: 0x4, copyDestination: 0x8, uniform: 0x40, storage: 0x80 } as const;

/** What is known of a device: whether it still answers, and what it refused. */
export interface Health {
  /** Throws what went wrong, if it did. */
  check(): void;
  fail(error: unknown): void;
  /** Acts under an error scope; what it catches is known after `told`. */
  watch<T>(filter: GPUErrorFilter, explain: (message: string) => string, act: () => T): T;
  /** When the device has answered all scopes so far. Rejects with what went wrong. */
  told(): Promise<void>;
  /** Why a promise of the device was broken: a lost device tells a moment later. */
  reason(error: unknown): Promise<unknown>;
  readonly disposed: boolean;
  dispose(): void;
}

export function healthOf(device: GPUDevice): Health {
  let failure: string | undefined;
  let pending: Promise<unknown> = Promise.resolve();
  let disposed = false;
  const note = (error: unknown): void => { failure ??= error instanceof Error ? error.message : String(error); };
  device.lost.then(info => { if (!disposed) note(`webgpu: the device was lost (${info.reason}): ${info.message}`); }, () => undefined);
  const check = (): void => {
    if (disposed) throw new Error('webgpu: the model is disposed');
    if (failure !== undefined) throw new Error(failure);
  };
  return {
    check,
    fail: note,
    watch(filter, explain, act) {
      device.pushErrorScope(filter);
      try {
        return act();
      } finally {
        const scope = device.popErrorScope();
        pending = pending.then(() => scope).then(error => { if (error) note(explain(error.message)); }, note);
      }
    },
    async told() { await pending; check(); },
    async reason(error) {
      if (!disposed && failure === undefined) await Promise.race([device.lost, new Promise(resolve => { setTimeout(resolve, 100); })]);
      try { check(); return error; } catch (known) { return known; }
    },
    get disposed() { return disposed; },
    dispose() { disposed = true; },
  };
}
