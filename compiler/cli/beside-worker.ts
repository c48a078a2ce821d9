/** The other side of `beside.ts`. */
import { parentPort } from 'node:worker_threads';
import { targets } from '../7-targets/targets.ts';
import { printFor } from '../compile.ts';
import type { Answer, Ask } from './beside.ts';

await targets.wasm();
const answer = (a: Answer): void => { parentPort?.postMessage(a); };
parentPort?.on('message', ({ id, source, options }: Ask) => {
  const started = performance.now();
  printFor(source, options, 'wasm').then(printed => { answer({ id, printed, took: performance.now() - started }); }, () => { answer({ id }); });
});
