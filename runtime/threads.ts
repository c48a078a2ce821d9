/**
 * Threads of the WebAssembly backend. Imagine a few workers that have each opened the same module on the same memory and wait for a
 * word in it to change: then all run the same program, each its share.
 */

/** A worker that has opened the module. */
interface Thread { stop(): void; readonly ready: Promise<void> }
interface NodeWorker { once(event: 'message' | 'error', listener: (x: unknown) => void): void; unref(): void; terminate(): unknown }
type NodeModules = { readonly 'node:worker_threads': { readonly Worker: new (code: string, options: object) => NodeWorker }; readonly 'node:os': { availableParallelism(): number } };

/** The control block, as words: programs begun, the program, threads in it; threads at the barrier, barriers passed; sleepers. Two more are `wasm.ts`'s. */
interface Control { begin(program: number, active: number): void; barrier(active: number): void; next(seen: number): readonly [program: number, active: number] }
/**
 * How threads wait for each other. Each looks at a word for some 0.2 ms, since waking it up takes a good part of that, and goes to
 * sleep then, if it may: the main thread of a page may not. Whoever changes a word looks for sleepers afterwards, and a wait for a
 * word that has changed returns at once, so nobody is missed. A worker gets this function as text: it uses nothing from outside.
 */
export function control(words: Int32Array, maySleep: boolean): Control {
  const [GO, PROGRAM, ACTIVE, ARRIVED, PASSED, SLEEPERS] = [0, 1, 2, 3, 4, 5] as const;
  const change = (word: number): void => {
    Atomics.add(words, word, 1);
    if (Atomics.load(words, SLEEPERS) > 0) Atomics.notify(words, word);
  };
  const leave = (word: number, old: number): void => {
    for (let i = 0; Atomics.load(words, word) === old;) {
      if (++i < 100_000 || !maySleep) continue;
      Atomics.add(words, SLEEPERS, 1);
      while (Atomics.load(words, word) === old) Atomics.wait(words, word, old);
      Atomics.sub(words, SLEEPERS, 1);
    }
  };
  return {
    begin(program, active) { words[PROGRAM] = program; words[ACTIVE] = active; change(GO); },
    barrier(active) {
      const passed = Atomics.load(words, PASSED);
      if (Atomics.add(words, ARRIVED, 1) + 1 < active) { leave(PASSED, passed); return; }
      Atomics.store(words, ARRIVED, 0);
      change(PASSED);
    },
    next(seen) { leave(GO, seen); return [words[PROGRAM] ?? -1, words[ACTIVE] ?? 1]; },
  };
}

/** Node's modules without an import, which would make bundlers of pages look for them. */
const nodeModule = <K extends keyof NodeModules>(name: K): NodeModules[K] | undefined =>
  (globalThis as { readonly process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.(name) as NodeModules[K] | undefined; // named by its key

/** What may be asked for. */
export const mostThreads = 64;
/** How many are taken on so many cores where nobody asks: more share too little for what waiting for each other costs. */
export const usualThreads = (cores: number): number => Math.min(8, cores);

/** How many threads to make room for: what was asked for, or as many as there are cores. Throws where more than one can't be had. */
export function threadsFor(asked: number | undefined): number {
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 1 && asked <= mostThreads)) throw new Error(`threads is a whole number from 1 to ${mostThreads}, and this is ${String(asked)}`);
  if (asked === 1) return 1;
  const isolated = nodeModule('node:worker_threads') !== undefined || (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  if (!isolated) {
    if (asked === undefined) return 1;
    throw new Error(`${asked} threads need a page that is cross-origin isolated (served with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)`);
  }
  return asked ?? usualThreads(nodeModule('node:os')?.availableParallelism() ?? navigator.hardwareConcurrency);
}

/** 'env' 'memory', a memory that has a limit: the next byte says so, and whether it is shared. */
const memoryImport = [3, ...Array.from('env', c => c.charCodeAt(0)), 6, ...Array.from('memory', c => c.charCodeAt(0)), 2];
/** Makes the memory that a module imports a shared one: one bit, so that no module need be shipped twice. */
export function shareMemory(module: Uint8Array): void {
  const at = module.findIndex((_, i) => memoryImport.every((b, k) => module[i + k] === b)) + memoryImport.length;
  module[at] = (module[at] ?? 0) | 2;
}

/**
 * What a worker does: it opens the module, and takes part in program after program until there is one of no name. `__name` is what
 * esbuild puts around functions whose names it is told to keep.
 */
const life = (): string => `const __name=f=>f;const control=${control.toString()};const run=([module,memory,words,thread,scratch,names])=>{
const c=control(words,true);const one=()=>active.value>1&&c.barrier(active.value);
const e=new WebAssembly.Instance(module,{env:{memory,barrier:one}}).exports;const active=e.active;
e.thread.value=thread;e.scratch.value+=thread*scratch;port.postMessage(0);
for(let seen=0;;seen=seen+1|0){const[p,n]=c.next(seen);if(p<0)return;active.value=n;e[names[p]]()}};`;

/** What a worker needs to know. */
export interface Given { readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory; readonly words: Int32Array; /** Bytes of scratch memory of each thread. */ readonly scratch: number; /** Names of the programs. */ readonly programs: readonly string[] }

/** Starts threads 1 to `count` - 1. Their `ready` rejects where a worker can't be had. */
export function startThreads({ module, memory, words, scratch, programs }: Given, count: number): readonly Thread[] {
  const node = nodeModule('node:worker_threads');
  return Array.from({ length: count - 1 }, (_, i) => {
    const given = [module, memory, words, i + 1, scratch, programs];
    return node ? nodeThread(node.Worker, given) : pageThread(given);
  });
}
function nodeThread(Worker: NodeModules['node:worker_threads']['Worker'], given: readonly unknown[]): Thread {
  // nothing of the main thread's --import and the like, which may not work in a worker
  const worker = new Worker(`const{parentPort:port,workerData}=require('node:worker_threads');${life()}run(workerData)`, { eval: true, workerData: given, execArgv: [] });
  const ready = new Promise<void>((resolve, reject) => { worker.once('message', () => { worker.unref(); resolve(); }); worker.once('error', reject); });
  return { ready, stop: () => undefined }; // it ends by itself when it has nothing left to do
}
function pageThread(given: readonly unknown[]): Thread {
  const url = URL.createObjectURL(new Blob([`const port=self;${life()}onmessage=e=>run(e.data)`], { type: 'text/javascript' }));
  const worker = new Worker(url);
  const ready = new Promise<void>((resolve, reject) => { worker.onmessage = () => { resolve(); }; worker.onerror = e => { reject(new Error(e.message || 'a worker did not start')); }; });
  worker.postMessage(given);
  void ready.catch(() => undefined).then(() => { URL.revokeObjectURL(url); });
  return { ready, stop: () => { worker.terminate(); } };
}
/** Whether this thread may sleep: the main thread of a page may not. */
export function maySleep(): boolean {
  try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1); return true; } catch { return false; }
}
