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
  /** @param order Of several threads, those that run it, one after the other: there is no barrier. */
  readonly run: (program: string, record: Readonly<Record<string, number>>, order?: readonly number[]) => void;
  /** Words of the control block. */
  readonly control: () => Uint32Array;
  readonly bytes: Uint8Array;
}

/** @param slots Whether buffers of one slot share memory, as in the runtime. @param large Which kernels are treated as large. @param threads How many share the work. */
export async function load(schedule: Schedule, extents: { readonly rows: number; readonly samples: number }, slots = false, large?: Parameters<typeof printWasm>[1], threads = 1): Promise<Machine> {
  const bytes = printWasm(schedule, large);
  const table = 4 * (schedule.record.length + schedule.buffers.length);
  const memory = new api.Memory({ initial: 1, maximum: 65536 });
  const instances = await Promise.all(Array.from({ length: threads }, async () => (await api.instantiate(bytes, { env: { memory, barrier: () => undefined } })).instance));
  const globalOf = (thread: number, name: string): { value: number } | undefined => instances[thread]?.exports[name] as { value: number } | undefined; // globals
  const scratchBytes = globalOf(0, 'scratchBytes')?.value ?? 0;
  instances.forEach((_, thread) => {
    for (const [name, value] of [['thread', thread], ['active', threads], ['scratch', (globalOf(thread, 'scratch')?.value ?? 0) + thread * scratchBytes]] as const) { const g = globalOf(thread, name); if (g) g.value = value; }
  });
  const controlAt = Math.ceil(table / 64) * 64;
  // the control block, then scratch memory of each thread
  let next = controlAt + 64 + threads * scratchBytes;
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
  const each = Math.max(0, ...schedule.programs.map(p => globalOf(0, `panelBytes ${p.name}`)?.value ?? 0)) * extents.rows * extents.samples;
  memory.grow(Math.ceil((next + threads * each) / 65536));
  new Float32Array(memory.buffer, controlAt + 64).fill(NaN);
  const words = new Uint32Array(memory.buffer);
  const floats = new Float32Array(memory.buffer);
  words.set([next, each], controlAt / 4 + 6);
  places.forEach((at, i) => { words[schedule.record.length + i] = at; });
  const find = (name: string): number => schedule.buffers.findIndex(b => b.name === name);
  return {
    bytes,
    data: name => {
      const b = schedule.buffers[find(name)];
      if (!b) throw new Error(`no buffer ${name}`);
      return b.type === 'f32' ? new Float32Array(memory.buffer, places[find(name)], size(b)) : new Uint32Array(memory.buffer, places[find(name)], size(b));
    },
    control: () => new Uint32Array(memory.buffer, controlAt, 16),
    run: (program, record, order = [0]) => {
      schedule.record.forEach((f, i) => { if (f.type === 'u32') words[i] = record[f.name] ?? 0; else floats[i] = record[f.name] ?? 0; });
      for (const thread of order) {
        const entry = instances[thread]?.exports[program];
        if (typeof entry !== 'function') throw new Error(`no program ${program}`);
        (entry as () => void)(); // an export without parameters
      }
    },
  };
}
