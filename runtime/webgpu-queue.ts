/**
 * What a device is asked to do, in order. Imagine a tape of words (records of runs, numbers on their way into buffers) and a list
 * of commands that point into it. A flush writes the tape at once and submits the list; whatever is read comes back together.
 */
import { usage } from './webgpu-device.ts';
import type { Health } from './webgpu-device.ts';
import { adjusted, firstBudget } from './webgpu-work.ts';

/** Words of the tape: what a flush can hold. Longer data do not go over it. */
export const tapeWords = 2 ** 18;
/** Commands of one flush, and bytes that it reads, at most (one read may be longer). */
const [mostCommands, mostBytes] = [8192, 2 ** 26];
/** Buffers for reading that wait for the next flush, and how long they may be. */
const [keptBuffers, keptBytes] = [3, 2 ** 20];

export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  /** Binding 0 is the tape, with a dynamic offset. */
  readonly group: GPUBindGroup;
  /** Where its record begins on the tape, in words. */
  readonly record: number;
  readonly x: number; readonly y: number;
  /** Instructions, estimated. */
  readonly work: number;
}
/** To a buffer, or to where it is read. Bytes. */
interface Copy { readonly from: GPUBuffer; readonly at: number; readonly to: GPUBuffer | undefined; readonly toAt: number; readonly size: number }
interface Read { readonly at: number; readonly size: number; readonly resolve: (bits: ArrayBuffer) => void; readonly reject: (reason: unknown) => void }

export interface Queue {
  /** The buffer that a flush fills, and what it will be filled with: the same words as whole numbers and as f32. */
  readonly tape: GPUBuffer; readonly words: Uint32Array<ArrayBuffer>; readonly floats: Float32Array<ArrayBuffer>;
  /** How often the tape was sent: what was on it before is gone. */
  readonly sent: number;
  /** Instructions that one submit may have. */
  readonly budget: number;
  /** Whether so much waits that with a little more it would be two submits. */
  readonly full: boolean;
  /** Where on the tape there is room for so many words, from a multiple of `align` on. May flush. */
  place(count: number, align: number): number;
  dispatch(what: Dispatch): void;
  /** Copies the first bytes of a buffer. */
  copy(from: GPUBuffer, to: GPUBuffer, size: number): void;
  /** Copies numbers into a buffer, from word `at` on: u32 as they are, others as f32. */
  write(to: GPUBuffer, at: number, data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void;
  /** Words of a buffer after all that was asked so far. Reads asked for without a pause are one transfer. */
  read(from: GPUBuffer, at: number, count: number): Promise<ArrayBuffer>;
  flush(): void;
  dispose(): void;
}

/** @param guard Runs what encodes and submits. */
export function queueOf(device: GPUDevice, health: Health, guard: (act: () => void) => void): Queue {
  const tape = device.createBuffer({ size: 4 * tapeWords, usage: usage.uniform | usage.storage | usage.copySource | usage.copyDestination });
  const words = new Uint32Array(tapeWords);
  const floats = new Float32Array(words.buffer);
  const idle: GPUBuffer[] = [];
  let commands: (Dispatch | Copy)[] = [];
  let reads: Read[] = [];
  let [used, reading, waiting, sent, budget, doneAt] = [0, 0, 0, 0, firstBudget, 0];
  let scheduled = false;

  /** A buffer to read from, of at least so many bytes. */
  const stagingFor = (size: number): GPUBuffer => {
    const i = idle.findIndex(b => b.size >= size);
    const [found] = i < 0 ? [] : idle.splice(i, 1);
    return found ?? device.createBuffer({ size: Math.max(4096, size), usage: usage.mapRead | usage.copyDestination });
  };

  /** Submits commands, in parts of at most `budget` instructions. */
  const encode = (list: readonly (Dispatch | Copy)[], staging: GPUBuffer | undefined): void => {
    let [encoder, pass, here] = [device.createCommandEncoder(), undefined as GPUComputePassEncoder | undefined, 0];
    let last: Partial<Dispatch> = {};
    const endPass = (): void => { pass?.end(); pass = undefined; last = {}; };
    for (const c of list) {
      if (!('pipeline' in c)) {
        const to = c.to ?? staging;
        endPass();
        if (to) encoder.copyBufferToBuffer(c.from, c.at, to, c.toAt, c.size);
        continue;
      }
      if (here > 0 && here + c.work > budget) {
        endPass();
        device.queue.submit([encoder.finish()]);
        [encoder, here] = [device.createCommandEncoder(), 0];
      }
      pass ??= encoder.beginComputePass();
      if (last.pipeline !== c.pipeline) pass.setPipeline(c.pipeline);
      if (last.group !== c.group || last.record !== c.record) pass.setBindGroup(0, c.group, [4 * c.record]);
      pass.dispatchWorkgroups(c.x, c.y);
      [last, here] = [c, here + c.work];
    }
    endPass();
    device.queue.submit([encoder.finish()]);
  };

  /** Gives what was read to those who asked, when the device has come so far; and learns how long it took. */
  const land = async (staging: GPUBuffer, asked: readonly Read[], work: number): Promise<void> => {
    const begun = performance.now();
    try {
      await staging.mapAsync(1);
      await health.told();
    } catch (error) {
      const reason = await health.reason(error);
      asked.forEach(r => { r.reject(reason); });
      staging.destroy();
      return;
    }
    const now = performance.now();
    budget = adjusted(budget, work, now - Math.max(begun, doneAt));
    doneAt = now;
    const bits = staging.getMappedRange();
    for (const r of asked) r.resolve(bits.slice(r.at, r.at + r.size));
    staging.unmap();
    if (staging.size <= keptBytes && idle.length < keptBuffers) idle.push(staging); else staging.destroy();
  };

  const flush = (): void => {
    if (commands.length === 0) return;
    const [list, asked, size, length, work] = [commands, reads, reading, used, waiting];
    [commands, reads, reading, used, waiting] = [[], [], 0, 0, 0];
    sent++;
    try {
      health.check();
      const staging = size > 0 ? stagingFor(size) : undefined;
      guard(() => {
        if (length > 0) device.queue.writeBuffer(tape, 0, words, 0, length);
        encode(list, staging);
      });
      if (staging) void land(staging, asked, work);
    } catch (error) {
      health.fail(error);
      asked.forEach(r => { r.reject(error); });
    }
  };

  const queue: Queue = {
    tape, words, floats, flush,
    get sent() { return sent; },
    get budget() { return budget; },
    get full() { return waiting > budget / 2 || used > tapeWords / 2 || commands.length > mostCommands / 2; },
    place(count, align) {
      if (Math.ceil(used / align) * align + count > tapeWords || commands.length >= mostCommands) flush();
      const at = Math.ceil(used / align) * align;
      used = at + count;
      return at;
    },
    dispatch(what) { commands.push(what); waiting += what.work; },
    copy(from, to, size) { commands.push({ from, at: 0, to, toAt: 0, size }); },
    write(to, at, data) {
      // what is short waits its turn on the tape; with nothing before it, it need not wait
      if (data.length > tapeWords / 4) flush();
      if (commands.length === 0) { device.queue.writeBuffer(to, 4 * at, data); return; }
      const place = queue.place(data.length, 4);
      (data instanceof Uint32Array ? words : floats).set(data, place);
      commands.push({ from: tape, at: 4 * place, to, toAt: 4 * at, size: 4 * data.length });
    },
    read(from, at, count) {
      const size = 4 * count;
      if (reading + size > mostBytes) flush();
      const bits = new Promise<ArrayBuffer>((resolve, reject) => { reads.push({ at: reading, size, resolve, reject }); });
      bits.catch(() => undefined); // who asked may have gone
      commands.push({ from, at: 4 * at, to: undefined, toAt: reading, size });
      reading += size;
      if (!scheduled) {
        scheduled = true;
        queueMicrotask(() => { scheduled = false; flush(); });
      }
      return bits;
    },
    dispose() {
      [commands, used, reading] = [[], 0, 0];
      const asked = reads.splice(0);
      void health.reason(undefined).then(reason => { asked.forEach(r => { r.reject(reason); }); });
      tape.destroy();
      idle.splice(0).forEach(b => { b.destroy(); });
    },
  };
  return queue;
}
