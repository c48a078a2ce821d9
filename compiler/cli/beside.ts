/**
 * WebAssembly on a core of its own. Imagine a second compiler that is told the same text: while this thread makes the other targets, it
 * loads binaryen, the largest thing there is to load, and makes that one.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CompileOptions, Printed } from '../compile.ts';

/** What is asked, and what comes back: nothing printed where it did not go well, which is for this thread to find out and say. */
export interface Ask { readonly id: number; readonly source: string; readonly options: Pick<CompileOptions, 'file' | 'set' | 'memory'> }
export interface Answer { readonly id: number; readonly printed?: readonly Printed[]; /** Milliseconds that it took, from when all was loaded. */ readonly took?: number }

export interface Beside {
  readonly make: (source: string, options: Ask['options']) => Promise<Omit<Answer, 'id'>>;
  readonly close: () => void;
}

/** Undefined where WebAssembly is not one of several targets, where there is one core, and where the compiler runs from its sources, which a worker can't load. */
export function wasmBeside(targets: string | undefined): Beside | undefined {
  if (!(targets?.includes('wasm') ?? true) || targets?.includes(',') === false || availableParallelism() < 2 || !import.meta.url.endsWith('.js')) return undefined;
  const worker = new Worker(new URL('./beside-worker.js', import.meta.url), { execArgv: [] });
  const waiting = new Map<number, (answer: Omit<Answer, 'id'>) => void>();
  let open = true;
  const end = (): void => { open = false; waiting.forEach(f => { f({}); }); waiting.clear(); };
  worker.once('error', end);
  worker.once('exit', end);
  worker.on('message', ({ id, ...answer }: Answer) => { waiting.get(id)?.(answer); waiting.delete(id); });
  let asked = 0;
  return {
    make: (source, options) => new Promise(done => {
      if (!open) { done({}); return; }
      const ask: Ask = { id: ++asked, source, options };
      waiting.set(ask.id, done);
      worker.postMessage(ask);
    }),
    close: () => { void worker.terminate(); },
  };
}
