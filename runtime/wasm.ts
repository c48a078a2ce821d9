/**
 * The WebAssembly backend. Imagine one linear memory: the step record, a table of addresses, a little scratch, then the arena.
 * Every program is one call; all control flow is inside of the module.
 */
import { layout } from './arena.ts';
import type { Backend, OpenBackend } from './backend.ts';

const page = 65_536;

/** The module's bytes, which may be deflated: a WebAssembly module begins with 0. */
async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<BufferSource> {
  if (bytes[0] === 0) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))).arrayBuffer();
}

/** `code` is the module as base64. Rejects where there is no SIMD. */
export const open: OpenBackend = async (code, plan) => {
  const text = typeof code === 'string' ? code : code.join('');
  const bytes = await inflated(Uint8Array.from(atob(text), c => c.charCodeAt(0)));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: page });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const exports = instance.exports;
  const scratch = exports['scratchBytes'] instanceof WebAssembly.Global ? Number(exports['scratchBytes'].value) : 0;
  const arena = Math.ceil((4 * (plan.record.length + plan.buffers.length)) / 64) * 64 + Math.ceil(scratch / 64) * 64;
  const index = new Map(plan.buffers.map((b, i) => [b.name, i] as const));
  const field = new Map(plan.record.map((f, i) => [f.name, i] as const));
  const isFloat = plan.record.map(f => f.type === 'f32');
  let offsets: readonly number[] = [];
  let words = 0;
  let f32 = new Float32Array(memory.buffer);
  let u32 = new Uint32Array(memory.buffer);

  const at = (buffer: string): number => {
    const i = index.get(buffer);
    if (i === undefined) throw new Error(`no buffer ${buffer}`);
    return arena / 4 + (offsets[i] ?? 0);
  };
  const backend: Backend = {
    name: 'wasm',
    plan,
    reserve(rows, samples) {
      const next = layout(plan, rows, samples);
      const missing = Math.ceil((arena + 4 * next.words - memory.buffer.byteLength) / page);
      if (missing > 0) {
        try { memory.grow(missing); } catch { throw new Error(`${rows} rows and ${samples} samples need ${Math.ceil((arena + 4 * next.words) / 2 ** 20)} MiB, more than WebAssembly gives here`); }
        f32 = new Float32Array(memory.buffer);
        u32 = new Uint32Array(memory.buffer);
      }
      ({ offsets, words } = next);
      offsets.forEach((offset, i) => { u32[plan.record.length + i] = arena + 4 * offset; });
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
        if (isFloat[i]) f32[i] = scalars[name] ?? 0; else u32[i] = scalars[name] ?? 0;
      }
      const f = exports[program];
      if (typeof f !== 'function') throw new Error(`no program ${program}`);
      (f as () => void)(); // programs take and give nothing
    },
    get bytes() { return arena + 4 * words; },
    dispose() { offsets = []; },
  };
  backend.reserve(1, 1);
  return backend;
};
