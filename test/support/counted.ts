/** A device that keeps count. Imagine a toll gate: what passes to the device is what it was before, and a number goes up. */

export interface Counts { submits: number; writes: number; maps: number; dispatches: number; buffers: number; pipelines: number; groups: number }

/** Counts from now on what is asked of a device: its own methods are replaced. */
export function counted(device: GPUDevice): Counts {
  const counts: Counts = { submits: 0, writes: 0, maps: 0, dispatches: 0, buffers: 0, pipelines: 0, groups: 0 };
  /** Replaces a method of one object by itself and `seen`, which is told of each result. */
  const gate = <T extends object, K extends keyof T>(object: T, name: K, seen: (result: unknown) => void): void => {
    const own = object[name] as (...args: unknown[]) => unknown; // methods alone are named here
    Object.defineProperty(object, name, { configurable: true, value: (...args: unknown[]) => { const result = own.apply(object, args); seen(result); return result; } });
  };
  const { queue } = device;
  Object.defineProperty(device, 'queue', { value: queue });
  gate(queue, 'submit', () => { counts.submits++; });
  gate(queue, 'writeBuffer', () => { counts.writes++; });
  gate(device, 'createBuffer', buffer => { counts.buffers++; gate(buffer as GPUBuffer, 'mapAsync', () => { counts.maps++; }); });
  gate(device, 'createBindGroup', () => { counts.groups++; });
  gate(device, 'createComputePipelineAsync', () => { counts.pipelines++; });
  gate(device, 'createCommandEncoder', encoder => { gate(encoder as GPUCommandEncoder, 'beginComputePass', pass => { gate(pass as GPUComputePassEncoder, 'dispatchWorkgroups', () => { counts.dispatches++; }); }); });
  return counts;
}
