/**
 * A data set on the device. Imagine its rows as long lines in one buffer, a line with the words of all tensors of its row, behind
 * the order in which rows are picked. A batch is one dispatch, of a kernel that comes with the module.
 */
import type { Held } from './backend.ts';
import type { PlanManifest } from './manifest.ts';
import type { Rows } from './tensors.ts';
import { usage } from './webgpu-device.ts';

/** Where lines are picked: what a buffer of them is used with. */
export interface Picker {
  /** Copies words into that buffer, after all that was asked before. */
  write(data: GPUBuffer, words: Uint32Array<ArrayBuffer>): void;
  /** Makes a batch of `count` lines of so many words, from place `first` of the order on. */
  pick(data: GPUBuffer, first: number, count: number, width: number): void;
  /** Frees the buffer after all that was asked before. */
  free(data: GPUBuffer): void;
}

/** Copies rows to the device, those that the plan can pick from; nothing where it has no room for them. */
export async function holdOn(device: GPUDevice, plan: PlanManifest, tensors: ReadonlyMap<string, Rows>, { write, pick, free }: Picker): Promise<Held | undefined> {
  const columns = (plan.lines ?? []).flatMap(({ buffer, each }) => {
    const { name = '', type } = plan.buffers[buffer] ?? {};
    const { data, rows } = tensors.get(name) ?? {};
    return data && rows ? [{ name, type, each, data, rows }] : [];
  });
  const rows = columns[0]?.rows ?? 0;
  const width = columns.reduce((n, c) => n + c.each, 0);
  const size = 4 * rows * (width + 1);
  if (rows === 0 || columns.length !== plan.lines?.length || size > Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)) return undefined;
  device.pushErrorScope('out-of-memory');
  const lines = device.createBuffer({ size, usage: usage.storage | usage.copyDestination });
  if (await device.popErrorScope()) return undefined;

  // some lines at a time: a second copy of the whole data set may be more than a page has room for
  const some = Math.min(rows, Math.ceil(2 ** 20 / width));
  const words = new Uint32Array(some * width);
  const floats = new Float32Array(words.buffer);
  for (let from = 0; from < rows; from += some) {
    const count = Math.min(some, rows - from);
    let column = 0;
    for (const { data, each, type } of columns) {
      const line = type === 'u32' ? words : floats;
      for (let r = 0; r < count; r++) line.set(data.subarray((from + r) * each, (from + r + 1) * each), r * width + column);
      column += each;
    }
    device.queue.writeBuffer(lines, 4 * (rows + from * width), words, 0, count * width);
  }
  return {
    names: new Set(columns.map(c => c.name)),
    order: order => { write(lines, order); },
    pick: (first, count) => { pick(lines, first, count, width); },
    free: () => { free(lines); },
  };
}
