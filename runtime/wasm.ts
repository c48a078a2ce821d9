/**
 * The WebAssembly backend. Imagine one linear memory: the step record, a table of addresses, a little scratch, then the arena.
 * Every program is one call; all control flow is inside of the module.
 */
import { layout } from './arena.ts';
import type { Backend, OpenBackend } from './backend.ts';
import { fail } from './errors.ts';
import { fuse, hasFusedMultiplyAdd } from './fused.ts';
import { control, maySleep, shareMemory, startThreads, threadsFor } from './threads.ts';

const page = 65_536;
/**
 * Milliseconds on one thread from which on a program runs on all of them; and from which on threads are started where nobody asked
 * for them, after one run and after several: on a busy machine waiting for each other costs more than a small program takes.
 */
const worthwhile = { program: 0.05, asking: 20, always: 2 } as const;
/** Runs that are timed. */
const trials = 4;
/**
 * Where another process has a core, threads wait for one that does not run, and some programs have too little between barriers. When so many runs of a
 * program in a row took so many times what one thread needed at best, it runs on one thread for so many milliseconds.
 */
const late = { runs: 3, times: 1.2, alone: 100 } as const;

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
  const panels = ((exports['panelBytes'] as WebAssembly.Global | undefined)?.value ?? 0) as number;
  const arena = header + 64 + threads * scratch;
  const index = new Map(plan.buffers.map((b, i) => [b.name, i] as const));
  const field = new Map(plan.record.map((name, i) => [name, i] as const));
  const [rowsAt, samplesAt] = [field.get('rows') ?? 0, field.get('samples') ?? 0];
  let offsets: readonly number[] = [];
  /** The rows and samples that buffers have their places for. */
  let room = '';
  let f32 = new Float32Array(memory.buffer);
  let u32 = new Uint32Array(memory.buffer);

  const at = (buffer: string): number => {
    const i = index.get(buffer);
    if (i === undefined) throw new Error(`no buffer ${buffer}`);
    return arena / 4 + (offsets[i] ?? 0);
  };
  const programs = Object.keys(plan.programs);
  let started: ReturnType<typeof startThreads> | undefined;
  let ready = 1;
  const start = async (): Promise<void> => {
    started = startThreads({ module, memory, words: block, scratch, programs }, threads);
    await Promise.all(started.map(t => t.ready));
    ready = threads;
  };
  if (threads > 1 && options.threads !== undefined) await start();
  /** Milliseconds that a program took at best for its rows and samples, on one thread, in its first runs: code is slow when it is new. */
  const times = new Map<number, { runs: number; best: number; /** Runs in a row for which threads were no help. */ late: number; /** Runs left on one thread. */ alone: number }>();
  const backend: Backend = {
    name: 'wasm',
    plan,
    reserve(rows, samples) {
      // step after step asks for the same
      const asked = `${rows} ${samples}`;
      if (asked === room) return;
      const next = layout(plan, rows, samples);
      // panels come after the arena: so many bytes for each row and sample of a thread
      const each = Math.ceil(panels * rows * samples / 64) * 64;
      const end = arena + 4 * next.words;
      const missing = Math.ceil((end + threads * each - memory.buffer.byteLength) / page);
      if (missing > 0) {
        try { memory.grow(missing); } catch { fail('Backend', `${rows} rows and ${samples} samples need ${Math.ceil((end + threads * each) / 2 ** 20)} MiB, more than WebAssembly gives here: ask for fewer at once${plan.memory === 'small' ? '' : ', or compile with --memory small'}`); }
        f32 = new Float32Array(memory.buffer);
        u32 = new Uint32Array(memory.buffer);
      }
      ({ offsets } = next);
      offsets.forEach((offset, i) => { u32[plan.record.length + i] = arena + 4 * offset; });
      u32.set([end, each], header / 4 + 6);
      room = asked;
    },
    write(buffer, data, from = 0) {
      const to = plan.buffers[index.get(buffer) ?? -1]?.type === 'u32' ? u32 : f32;
      to.set(data, at(buffer) + from);
    },
    peek: (buffer, count) => f32.subarray(at(buffer), at(buffer) + count),
    read: (buffer, count) => Promise.resolve(f32.slice(at(buffer), at(buffer) + count)),
    run(program, scalars) {
      for (const name in scalars) {
        const i = field.get(name);
        if (i === undefined) continue;
        if (i >= plan.integers) f32[i] = scalars[name] ?? 0; else u32[i] = scalars[name] ?? 0;
      }
      const f = exports[program];
      if (typeof f !== 'function') throw new Error(`no program ${program}`);
      if (threads === 1) { (f as () => void)(); return; } // programs take and give nothing
      // a number, since it is made for each run; beyond 256 programs and 65,536 samples two may have one, which shares their times
      const key = programs.indexOf(program) + 2 ** 8 * ((u32[samplesAt] ?? 0) + 2 ** 16 * (u32[rowsAt] ?? 0));
      const time = times.get(key) ?? { runs: 0, best: Infinity, late: 0, alone: 0 };
      if (ready > 1 && time.runs > 0 && time.best > worthwhile.program && time.alone === 0) {
        const started = performance.now();
        all.begin(programs.indexOf(program), active.value = ready);
        (f as () => void)();
        active.value = 1;
        time.late = performance.now() - started > late.times * time.best ? time.late + 1 : 0;
        if (time.late === late.runs) [time.late, time.alone] = [0, Math.ceil(late.alone / time.best)];
        return;
      }
      if (time.alone > 0) time.alone--;
      if (time.runs >= trials) { (f as () => void)(); return; }
      const began = performance.now();
      (f as () => void)();
      time.best = Math.min(time.best, performance.now() - began);
      time.runs++;
      times.set(key, time);
      if (!started && time.best > (time.runs < trials ? worthwhile.asking : worthwhile.always)) start().catch(() => undefined);
    },
    get threads() { return ready; },
    get bytes() { return memory.buffer.byteLength; },
    dispose() {
      offsets = [];
      if (started?.length) { all.begin(-1, 1); started.forEach(t => { t.stop(); }); }
      started = [];
    },
  };
  backend.reserve(1, 1);
  return backend;
};
