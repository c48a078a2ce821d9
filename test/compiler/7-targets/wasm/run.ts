/** Runs a module of the WebAssembly target by hand: memory laid out as the module expects it, one buffer after the other. */
import { evaluateSize } from '../../../../compiler/6-kernels/index.ts';
import type { Schedule } from '../../../../compiler/5-schedule/schedule.ts';
import { printWasm } from '../../../../compiler/7-targets/wasm/index.ts';

/** The little of WebAssembly's interface that is used here: the configuration has no types of the web. */
interface Api {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer; readonly grow: (pages: number) => number };
  readonly instantiate: (bytes: Uint8Array, imports: object) => Promise<{ readonly instance: { readonly exports: Readonly<Record<string, unknown>> } }>;
}
const api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly; // every engine that runs the tests has it

/** A compiled schedule in memory for this many rows and samples. */
export interface Machine {
  /** A buffer's content: a window into the memory. */
  readonly data: (buffer: string) => Float32Array | Uint32Array;
  readonly run: (program: string, record: Readonly<Record<string, number>>) => void;
  readonly bytes: Uint8Array;
}

/** @param slots Whether buffers of one slot share memory, as in the runtime. @param large Which kernels are treated as large. */
export async function load(schedule: Schedule, extents: { readonly rows: number; readonly samples: number }, slots = false, large?: Parameters<typeof printWasm>[1]): Promise<Machine> {
  const bytes = printWasm(schedule, large);
  const table = 4 * (schedule.record.length + schedule.buffers.length);
  const memory = new api.Memory({ initial: 1, maximum: 65536 });
  const { instance } = await api.instantiate(bytes, { env: { memory, barrier: () => undefined } });
  const scratchBytes = instance.exports['scratchBytes']; // a global
  // a control block that one thread does not need, then its scratch memory
  let next = Math.ceil(table / 64) * 64 + 64 + Number((scratchBytes as { readonly value: number }).value);
  const bySlot = new Map<number, number>();
  const size = (b: Schedule['buffers'][number]): number => evaluateSize(b.size, extents);
  const places = schedule.buffers.map(b => {
    const seen = slots ? bySlot.get(b.slot) : undefined;
    if (seen !== undefined) return seen;
    const words = slots ? Math.max(...schedule.buffers.filter(x => x.slot === b.slot).map(size)) : size(b);
    const at = next;
    bySlot.set(b.slot, at);
    // a guard word of NaN after each buffer shows whatever reads too far
    next = Math.ceil((at + 4 * words + (slots ? 0 : 16)) / 16) * 16;
    return at;
  });
  const each = Number((instance.exports['panelBytes'] as { readonly value: number } | undefined)?.value ?? 0) * extents.rows * extents.samples; // a global
  memory.grow(Math.ceil((next + each) / 65536));
  new Float32Array(memory.buffer, Math.ceil(table / 64) * 64).fill(NaN);
  const words = new Uint32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  words.set([next, each], Math.ceil(table / 64) * 16 + 6);
  places.forEach((at, i) => { words[schedule.record.length + i] = at; });
  const find = (name: string): number => schedule.buffers.findIndex(b => b.name === name);
  return {
    bytes,
    data: name => {
      const b = schedule.buffers[find(name)];
      if (!b) throw new Error(`no buffer ${name}`);
      return b.type === 'f32' ? new Float32Array(memory.buffer, places[find(name)], size(b)) : new Uint32Array(memory.buffer, places[find(name)], size(b));
    },
    run: (program, record) => {
      schedule.record.forEach((f, i) => { if (f.type === 'u32') words[i] = record[f.name] ?? 0; else floats[i] = record[f.name] ?? 0; });
      const entry = instance.exports[program];
      if (typeof entry !== 'function') throw new Error(`no program ${program}`);
      (entry as () => void)(); // an export without parameters
    },
  };
}
