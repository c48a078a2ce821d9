/**
 * A data set on the device. Imagine its rows as long lines in one buffer, a line with the numbers of all tensors of its row, and
 * behind them the order in which rows are picked. A batch is one dispatch that copies the words of its lines to where the model
 * reads them; words are words, so one text serves numbers and classes.
 */
import type { Held } from './backend.ts';
import type { Rows } from './tensors.ts';
import { usage } from './webgpu-device.ts';
import type { Health } from './webgpu-device.ts';
import type { Queue } from './webgpu-queue.ts';
import { fold } from './webgpu-work.ts';

const workgroupSize = 64;

/** Its record: words of the batch, words of a line, where the order of this batch begins; then for each tensor words of a row, and where it goes. */
const text = (tensors: number): string => `@group(0) @binding(0) var<uniform> record: array<vec4<u32>, ${tensors + 1}>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<storage, read> data: array<u32>;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * ${workgroupSize}u + lane;
  let batch = record[0];
  if (i >= batch.x) { return; }
  let row = i / batch.y;
  var at = i % batch.y;
  let word = data[data[batch.z + row] * batch.y + at];
  for (var t = 1; t <= ${tensors}; t++) {
    let to = record[t];
    if (at < to.x) { arena[to.y + row * to.x + at] = word; return; }
    at -= to.x;
  }
}`;

/** A tensor, what its words are, and where in the arena it goes now. */
export interface Tensor extends Rows { readonly type: 'f32' | 'u32'; place(): number }
export interface Site { readonly device: GPUDevice; readonly health: Health; readonly queue: Queue; /** The arena as it is now. */ arena(): GPUBuffer }

/** Copies rows of tensors, equally many of each, to the device; nothing where it has no room for them. */
export async function holdOn({ device, health, queue, arena }: Site, tensors: readonly Tensor[]): Promise<Held | undefined> {
  const rows = tensors[0]?.rows ?? 0;
  const width = tensors.reduce((n, t) => n + t.each, 0);
  const size = 4 * rows * (width + 1);
  const { limits } = device;
  if (size > Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)) return undefined;
  device.pushErrorScope('out-of-memory');
  const data = device.createBuffer({ size, usage: usage.storage | usage.copyDestination });
  if (await device.popErrorScope()) return undefined;
  upload(device.queue, data, tensors, rows, width);

  const recordBytes = 16 * (tensors.length + 1);
  const layout = device.createBindGroupLayout({ entries: [
    { binding: 0, visibility: 0x4, buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: recordBytes } },
    { binding: 1, visibility: 0x4, buffer: { type: 'storage' } },
    { binding: 2, visibility: 0x4, buffer: { type: 'read-only-storage' } },
  ] });
  const module = device.createShaderModule({ code: text(tensors.length) });
  const pipeline = await device.createComputePipelineAsync({ layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module, entryPoint: 'main' } });
  const align = device.limits.minUniformBufferOffsetAlignment / 4;
  let bound: { readonly arena: GPUBuffer; readonly group: GPUBindGroup } | undefined;
  const groupNow = (): GPUBindGroup => {
    const now = arena();
    if (bound?.arena !== now) {
      bound = { arena: now, group: device.createBindGroup({ layout, entries: [
        { binding: 0, resource: { buffer: queue.tape, size: recordBytes } }, { binding: 1, resource: { buffer: now } }, { binding: 2, resource: { buffer: data } },
      ] }) };
    }
    return bound.group;
  };
  return {
    order(order) { queue.write(data, rows * width, order); },
    pick(first, count) {
      const group = groupNow();
      const record = queue.place(recordBytes / 4, align);
      queue.words.set([count * width, width, rows * width + first, 0, ...tensors.flatMap(t => [t.each, t.place(), 0, 0])], record);
      const [x, y] = fold(Math.ceil(count * width / workgroupSize), limits.maxComputeWorkgroupsPerDimension);
      queue.dispatch({ pipeline, group, record, x, y, work: 20 * count * width });
    },
    free() {
      if (!health.disposed) queue.flush();
      data.destroy();
    },
  };
}

/** Rows as lines, some at a time: a second copy of the whole data set may be more than a page has room for. */
function upload(queue: GPUQueue, to: GPUBuffer, tensors: readonly Tensor[], rows: number, width: number): void {
  const some = Math.max(1, Math.floor(2 ** 20 / width));
  const words = new Uint32Array(Math.min(some, rows) * width);
  const floats = new Float32Array(words.buffer);
  for (let from = 0; from < rows; from += some) {
    const count = Math.min(some, rows - from);
    let column = 0;
    for (const { data, each, type } of tensors) {
      const line = type === 'u32' ? words : floats;
      for (let r = 0; r < count; r++) line.set(data.subarray((from + r) * each, (from + r + 1) * each), r * width + column);
      column += each;
    }
    queue.writeBuffer(to, 4 * from * width, words, 0, count * width);
  }
}
