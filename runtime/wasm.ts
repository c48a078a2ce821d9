/**
 * The WebAssembly backend. Imagine one linear memory: the step record, a table of addresses, a little scratch, then the arena.
 * Every program is one call; all control flow is inside of the module.
 */
import { layout } from './arena.ts';
import type { Backend, OpenBackend } from './backend.ts';
import { fail } from './errors.ts';
import { fuse, hasFusedMultiplyAdd } from './fused.ts';
import { isForAll, isTimed, newPace, ranOnAll, ranOnOne, wantsThreads } from './pace.ts';
import type { Pace } from './pace.ts';
import { pause, slice } from './pause.ts';
import { control, maySleep, shareMemory, startThreads, threadsFor } from './threads.ts';

const page = 65_536;
/** The module's bytes, which may be deflated: a WebAssembly module begins with 0. */
async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] === 0) return bytes;
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).arrayBuffer());
}

/** The memory, with room for so many bytes at first, and for how many threads it is. A device that has no room for a shared one gets another, where nobody asked for threads. */
function memoryFor(asked: number | undefined, bytes: number): readonly [WebAssembly.Memory, number] {
  const threads = threadsFor(asked);
  const make = (shared: boolean): WebAssembly.Memory => new WebAssembly.Memory({ initial: Math.ceil(bytes / page), maximum: page, shared });
  try { return [make(threads > 1), threads]; } catch (error) {
    if (asked !== undefined || threads === 1) throw error;
    return [make(false), 1];
  }
}

/** `code` is the module as base64. Rejects where there is no SIMD. */
export const open: OpenBackend = async (code, plan, options) => {
  const text = typeof code === 'string' ? code : code.join('');
  const bytes = await inflated(Uint8Array.from(atob(text), c => c.charCodeAt(0)));
  // the header, the control block of the threads, and scratch memory for each of them
  const header = Math.ceil((4 * (plan.record.length + plan.buffers.length)) / 64) * 64;
  const [memory, threads] = memoryFor(options.threads, header + 64);
  if (threads > 1) shareMemory(bytes);
  if (options.fusedMultiplyAdd !== false && hasFusedMultiplyAdd()) fuse(bytes);
  const module = await WebAssembly.compile(bytes);
  const block = new Int32Array(memory.buffer, header, 16);
  const all = control(block, threads > 1 && maySleep());
  const barrier = (): void => { if (active.value > 1) all.barrier(active.value as number); }; // an i32
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, barrier } });
  const active = exports['active'] as WebAssembly.Global; // every module of this runtime has `active` and `scratchBytes`
  const scratch = (exports['scratchBytes'] as WebAssembly.Global).value as number;
  const arena = header + 64 + threads * scratch;
  const index = new Map(plan.buffers.map((b, i) => [b.name, i] as const));
  const field = new Map(plan.record.map((name, i) => [name, i] as const));
  const [rowsAt, samplesAt] = [field.get('rows') ?? 0, field.get('samples') ?? 0];
  let offsets: readonly number[] = [];
  /** The rows and samples that buffers have their places for, and where those end. */
  let room = '';
  let end = arena;
  let f32 = new Float32Array(memory.buffer);
  let u32 = new Uint32Array(memory.buffer);

  const at = (buffer: string): number => {
    const i = index.get(buffer);
    if (i === undefined) throw new Error(`no buffer ${buffer}`);
    return arena / 4 + (offsets[i] ?? 0);
  };
  const programs = Object.keys(plan.programs);
  let started: ReturnType<typeof startThreads> | undefined;
  let [ready, disposed] = [1, false];
  const start = async (): Promise<void> => {
    started = startThreads({ module, memory, words: block, scratch, programs }, threads);
    await Promise.all(started.map(t => t.ready));
    if (!disposed) ready = threads;
  };
  if (threads > 1 && options.threads !== undefined) await start();
  /** When others last had a turn, as far as is known here. */
  let paused = performance.now();
  const isDue = (): boolean => performance.now() - paused > slice;
  const gone = (): never => fail('Disposed', 'this model was disposed during the call: create or load another');
  /** Of a program, its rows and its samples. */
  const paces = new Map<number, Pace>();
  /** Makes the memory so large, for these rows and samples. @param later Bytes that may be wanted besides: where those do not fit, nothing is taken. */
  const grow = (bytes: number, rows: number, samples: number, later = 0): void => {
    const missing = Math.ceil((bytes - memory.buffer.byteLength) / page);
    try {
      if (bytes + later > page * page) throw new RangeError();
      if (missing <= 0) return;
      memory.grow(missing);
    } catch { fail('Backend', `${rows} rows and ${samples} samples need ${Math.ceil((bytes + later) / 2 ** 20)} MiB, more than WebAssembly gives here: ask for fewer at once${plan.memory === 'small' ? '' : ', or compile with --memory small'}`); }
    f32 = new Float32Array(memory.buffer);
    u32 = new Uint32Array(memory.buffer);
  };
  /** Bytes of panels of each program, for each row and sample of a thread. They come after the arena. */
  const panels = new Map(programs.map(name => [name, ((exports[`panelBytes ${name}`] as WebAssembly.Global | undefined)?.value ?? 0) as number]));
  const panelsOf = (each: number, rows: number, samples: number): number => Math.ceil(each * rows * samples / 64) * 64;
  const makePanels = (program: string, rows: number, samples: number): void => {
    const each = panelsOf(panels.get(program) ?? 0, rows, samples);
    if (each === 0) return;
    grow(end + threads * each, rows, samples);
    u32.set([end, each], header / 4 + 6);
  };
  const backend: Backend = {
    name: 'wasm',
    plan,
    reserve(rows, samples) {
      // step after step asks for the same
      const asked = `${rows} ${samples}`;
      if (asked === room) return;
      const next = layout(plan, rows, samples);
      const last = arena + 4 * next.words;
      grow(last, rows, samples, threads * panelsOf(Math.max(0, ...panels.values()), rows, samples));
      [offsets, end] = [next.offsets, last];
      offsets.forEach((offset, i) => { u32[plan.record.length + i] = arena + 4 * offset; });
      room = asked;
    },
    write(buffer, data, from = 0) {
      const to = plan.buffers[index.get(buffer) ?? -1]?.type === 'u32' ? u32 : f32;
      to.set(data, at(buffer) + from);
    },
    get due() { return isDue(); },
    peek: (buffer, count) => f32.subarray(at(buffer), at(buffer) + count),
    async read(buffer, count) {
      const copy = f32.slice(at(buffer), at(buffer) + count);
      // whoever awaits one call after the other, or a call in many parts, leaves no turn to timers and to threads that start
      if (isDue()) { paused = performance.now(); await pause(); }
      return disposed ? gone() : copy;
    },
    run(program, scalars) {
      if (disposed) gone();
      for (const name in scalars) {
        const i = field.get(name);
        if (i === undefined) continue;
        if (i >= plan.integers) f32[i] = scalars[name] ?? 0; else u32[i] = scalars[name] ?? 0;
      }
      const f = exports[program];
      if (typeof f !== 'function') throw new Error(`no program ${program}`);
      const [rows, samples] = [u32[rowsAt] ?? 0, u32[samplesAt] ?? 0];
      makePanels(program, rows, samples);
      const call = f as () => void; // programs take and give nothing
      if (threads === 1) { call(); return; }
      // a number, since it is made for each run; beyond 256 programs and 65,536 samples two may have one, which shares their pace
      const key = programs.indexOf(program) + 2 ** 8 * (samples + 2 ** 16 * rows);
      let pace = paces.get(key);
      if (!pace) paces.set(key, pace = newPace());
      if (ready > 1 && isForAll(pace)) {
        const began = performance.now();
        all.begin(programs.indexOf(program), active.value = ready);
        call();
        active.value = 1;
        ranOnAll(pace, performance.now() - began);
        return;
      }
      if (!isTimed(pace)) { call(); ranOnOne(pace); return; }
      const began = performance.now();
      call();
      ranOnOne(pace, performance.now() - began);
      if (!started && wantsThreads(pace)) start().catch(() => undefined);
    },
    get threads() { return ready; },
    get bytes() { return memory.buffer.byteLength; },
    dispose() {
      [disposed, ready, offsets] = [true, 1, []];
      if (started?.length) { all.begin(-1, 1); started.forEach(t => { t.stop(); }); }
      started = [];
    },
  };
  backend.reserve(1, 1);
  return backend;
};
