/**
 * A step of the Boston example beside BLiTZ's, in one run, taking turns: milliseconds a step and their ratio with its spread.
 * Needs a python3 with torch, and BLiTZ's source on PYTHONPATH; without them only ours is timed.
 *
 *   PYTHONPATH=…/blitz-bayesian-deep-learning npm run bench:boston
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Boston } from './out/boston.bnn.js';

const [rounds, ours, theirs] = [15, 400, 30];
const x = Float32Array.from({ length: 379 * 13 }, (_, i) => Math.sin(i * 12.9898));
const y = Float32Array.from({ length: 379 }, (_, i) => Math.sin(i * 78.233));
const model = await Boston.create({ backend: 'wasm', seed: 1 });
/** Steps of `fit` with everything around them: shuffling, gathering rows, reading losses. */
async function step(n: number): Promise<number> {
  const epochs = Math.ceil(n / 24);
  const started = performance.now();
  await model.fit({ x, y }, { epochs, batchSize: 16, samples: 3, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 'uniform' });
  return (performance.now() - started) / (24 * epochs);
}

const python = process.env['PYTHON'] ?? 'python3';
async function peer(threads: number): Promise<{ readonly time: (n: number) => Promise<number>; readonly stop: () => void } | undefined> {
  const child = spawn(python, [new URL('./peers/blitz_step.py', import.meta.url).pathname, String(threads)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) return undefined;
  return { time: async n => { child.stdin.write(`${n}\n`); return Number((await lines.next()).value); }, stop: () => { child.stdin.end(); } };
}
const quantile = (list: readonly number[], q: number): number => [...list].sort((a, b) => a - b)[Math.round(q * (list.length - 1))] ?? NaN;
const spread = (list: readonly number[], digits: number): string => `${quantile(list, 0.5).toFixed(digits)} (${quantile(list, 0).toFixed(digits)} to ${quantile(list, 1).toFixed(digits)})`;

await step(2000);
const mine: number[] = [];
for (const threads of [1, 2]) {
  const blitz = await peer(threads);
  if (!blitz) { console.log(`${python} has no torch or no blitz: only ours is timed`); break; }
  const [a, b] = [[] as number[], [] as number[]];
  for (let i = 0; i < rounds; i++) { a.push(await step(ours)); b.push(await blitz.time(theirs)); }
  blitz.stop();
  mine.push(...a);
  console.log(`BLiTZ, ${threads} thread${threads > 1 ? 's' : ''}: ${spread(b, 2)} ms a step; ours, one thread: ${spread(a, 3)} ms; ratio ${spread(b.map((t, i) => t / (a[i] ?? NaN)), 1)}`);
}
if (mine.length === 0) { for (let i = 0; i < rounds; i++) mine.push(await step(ours)); console.log(`ours, one thread: ${spread(mine, 3)} ms a step`); }
model.dispose();
