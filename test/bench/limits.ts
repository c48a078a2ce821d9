/**
 * What the machine can do at most, from WebAssembly. Imagine one worker a core that does nothing but what is asked: chains of
 * multiply and add, or of divisions and roots, that wait for nobody but themselves, without a load; or a triad, a = b + s c, over arrays no
 * cache holds.
 */
import { Worker } from 'node:worker_threads';
import binaryen from 'binaryen';
import { fuse, hasFusedMultiplyAdd } from '../../runtime/fused.ts';

/** Chains at once. Too few wait for the latency of an addition, too many do not fit the registers: the best is taken. */
const chains = [8, 12, 16] as const;
/** Bytes of each of the triad's three arrays. */
const arrayBytes = 48 * 2 ** 20;
/** Multiply-adds of each chain in a turn, and turns of one call: about half a millisecond. */
const [unrolled, turns] = [4, 12_000] as const;
/** Chains of divisions and roots: more of them are no faster. */
const rootChains = 8;

export interface Limits {
  /** f32 operations a second on so many threads at once, a multiplication and an addition being two. */
  readonly flops: (threads: number) => Promise<number>;
  /** f32 divisions and square roots a second, as many of the one as of the other. */
  readonly roots: (threads: number) => Promise<number>;
  /** Bytes a second that a triad reads and writes on so many threads at once. */
  readonly bytes: (threads: number) => Promise<number>;
  readonly close: () => Promise<void>;
}
/** What a worker is asked; it answers with a number a second. */
export type Ask = { readonly call: `chains${number}` | 'roots' | 'triad'; readonly milliseconds: number; readonly each: number };
/** What a worker is made with. */
export interface Equipment { readonly module: WebAssembly.Module; readonly arrayBytes: number }

/** @param most Threads that will be asked for at most. @param fused Multiply-adds are one instruction where the engine has it. */
export async function openLimits(most: number, fused: boolean, milliseconds = 40): Promise<Limits> {
  const bytes = emitLimits();
  if (fused && hasFusedMultiplyAdd()) fuse(bytes);
  const module = new WebAssembly.Module(bytes);
  const workers = Array.from({ length: most }, () => new Worker(new URL('./limits-worker.js', import.meta.url), { workerData: { module, arrayBytes } satisfies Equipment }));
  const ask = async (threads: number, message: Ask): Promise<number> => {
    const rates = await Promise.all(workers.slice(0, threads).map(w => new Promise<number>((resolve, reject) => {
      w.once('message', resolve).once('error', reject);
      w.postMessage(message);
    })));
    workers.forEach(w => w.removeAllListeners('error'));
    return rates.reduce((s, r) => s + r, 0);
  };
  const chain = (n: number, threads: number, time: number): Promise<number> => ask(threads, { call: `chains${n}`, milliseconds: time, each: 2 * 4 * n * unrolled * turns });
  // the first half second is V8's: it compiles what runs often
  const rates: number[] = [];
  for (const n of chains) { await chain(n, most, 200); rates.push(await chain(n, 1, 40)); }
  const best = chains[rates.indexOf(Math.max(...rates))] ?? chains[0];
  return {
    flops: threads => chain(best, threads, milliseconds),
    roots: threads => ask(threads, { call: 'roots', milliseconds, each: 2 * 4 * rootChains * turns }),
    bytes: threads => ask(threads, { call: 'triad', milliseconds: 4 * milliseconds, each: 3 * arrayBytes }),
    close: async () => { await Promise.all(workers.map(w => w.terminate())); },
  };
}

/** `chains8`, …, `roots` and `triad`, each without arguments; the triad's arrays are the memory's three thirds. */
export function emitLimits(): Uint8Array<ArrayBuffer> {
  const m = new binaryen.Module();
  m.setFeatures(binaryen.Features.SIMD128);
  m.setMemory(1, 65_536, null, [], false);
  m.addMemoryImport('0', 'env', 'memory', false);
  const splat = (x: number): number => m.f32x4.splat(m.f32.const(x));
  for (const n of chains) {
    const [turn, scale, shift] = [n, n + 1, n + 2];
    const v = (i: number): number => m.local.get(i, binaryen.v128);
    // x <- 0.999 x + 0.001 stays near 1: neither overflow nor denormals
    const step = Array.from({ length: n * unrolled }, (_, i) => m.local.set(i % n, m.f32x4.add(m.f32x4.mul(v(i % n), v(scale)), v(shift))));
    const all = Array.from({ length: n }, (_, i) => v(i)).reduce((a, b) => m.f32x4.add(a, b));
    m.addFunction(`chains${n}`, binaryen.none, binaryen.f32, [...Array.from({ length: n }, () => binaryen.v128), binaryen.i32, binaryen.v128, binaryen.v128], m.block(null, [
      ...Array.from({ length: n }, (_, i) => m.local.set(i, splat(1 + i / 64))), m.local.set(scale, splat(0.999)), m.local.set(shift, splat(0.001)), m.local.set(turn, m.i32.const(turns)),
      m.loop('l', m.block(null, [...step, m.br_if('l', m.local.tee(turn, m.i32.sub(m.local.get(turn, binaryen.i32), m.i32.const(1)), binaryen.i32))])),
      m.f32x4.extract_lane(all, 0), // a result, so that nothing is dead
    ], binaryen.f32));
    m.addFunctionExport(`chains${n}`, `chains${n}`);
  }
  const v = (i: number): number => m.local.get(i, binaryen.v128);
  // x <- √(2 / x) stays near its fixed point
  const pairs = Array.from({ length: rootChains }, (_, i) => m.local.set(i, m.f32x4.sqrt(m.f32x4.div(v(rootChains + 1), v(i)))));
  m.addFunction('roots', binaryen.none, binaryen.f32, [...Array.from({ length: rootChains }, () => binaryen.v128), binaryen.i32, binaryen.v128], m.block(null, [
    ...Array.from({ length: rootChains }, (_, i) => m.local.set(i, splat(1 + i / 64))), m.local.set(rootChains + 1, splat(2)), m.local.set(rootChains, m.i32.const(turns)),
    m.loop('l', m.block(null, [...pairs, m.br_if('l', m.local.tee(rootChains, m.i32.sub(m.local.get(rootChains, binaryen.i32), m.i32.const(1)), binaryen.i32))])),
    m.f32x4.extract_lane(Array.from({ length: rootChains }, (_, i) => v(i)).reduce((a, b) => m.f32x4.add(a, b)), 0),
  ], binaryen.f32));
  m.addFunctionExport('roots', 'roots');
  const at = (): number => m.local.get(0, binaryen.i32);
  const load = (offset: number): number => m.v128.load(offset, 16, at());
  m.addFunction('triad', binaryen.none, binaryen.none, [binaryen.i32], m.loop('l', m.block(null, [
    ...Array.from({ length: 4 }, (_, i) => m.v128.store(16 * i, 16, at(), m.f32x4.add(load(arrayBytes + 16 * i), m.f32x4.mul(splat(0.5), load(2 * arrayBytes + 16 * i))))),
    m.br_if('l', m.i32.lt_u(m.local.tee(0, m.i32.add(at(), m.i32.const(64)), binaryen.i32), m.i32.const(arrayBytes))),
  ])));
  m.addFunctionExport('triad', 'triad');
  if (!m.validate()) throw new Error('the module of the limits is not valid');
  const bytes = Uint8Array.from(m.emitBinary());
  m.dispose();
  return bytes;
}
