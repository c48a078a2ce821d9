/**
 * `npm run bench:quality`: whether speed was bought with quality. Each reference model is trained with twenty seeds by ours and by BLiTZ, on the
 * same rows in the same batches for the same number of steps, and the losses of all rows at the end are compared as two lists of numbers. BLiTZ
 * keeps the noise of each sample here, which it does not by itself (`blitz_peer.py`, grammar/blitz.md).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { train as boston } from '../../examples/boston/data.ts';
import { normals } from '../../examples/common/numbers.ts';
import { digits } from '../../examples/lenet/data.ts';
import { compileTask } from './compiled.ts';
import { start } from './contender.ts';
import type { Contender } from './contender.ts';
import { mannWhitney } from './mann-whitney.ts';
import { spreadOf } from './report.ts';
import { lanes, ourLane } from './run.ts';
import { settings, tasks } from './tasks.ts';
import type { Task } from './tasks.ts';

const { values } = parseArgs({ options: { only: { type: 'string', default: tasks.map(t => t.name).join() }, seeds: { type: 'string', default: '20' }, threads: { type: 'string', default: '1' } } });
const print = (text: string): void => { process.stdout.write(`${text}\n`); };

/** Rows to learn from, whole batches, and how many steps: a few times all rows, or as many as BLiTZ takes a few minutes for. */
interface Lesson { readonly x: Float32Array; readonly y: Float32Array | Int32Array; readonly steps: number }
const images = (count: number): Pick<Lesson, 'x' | 'y'> => { const [d] = digits(1, count); return { x: d?.image ?? new Float32Array(), y: d?.digit ?? new Int32Array() }; };
/** Sequences of standard normals; the target is the mean of the first feature over the second half. */
function sequences(count: number, [length = 1, features = 1]: readonly number[]): Pick<Lesson, 'x' | 'y'> {
  const next = normals(1);
  const x = Float32Array.from({ length: count * length * features }, next);
  const half = length / 2;
  return { x, y: Float32Array.from({ length: count }, (_, i) => Array.from({ length: half }, (__, t) => x[(i * length + half + t) * features] ?? 0).reduce((a, b) => a + b, 0) / Math.sqrt(half)) };
}
const lessons: Readonly<Record<string, (task: Task) => Lesson>> = {
  boston: task => { const rows = Math.floor(boston.x.length / task.batch) * task.batch; return { x: Float32Array.from(boston.x.slice(0, rows).flat()), y: Float32Array.from(boston.y.slice(0, rows).flat()), steps: 460 }; },
  mnist400: () => ({ ...images(1024), steps: 80 }),
  mnist1200: () => ({ ...images(512), steps: 24 }),
  lenet: () => ({ ...images(1024), steps: 160 }),
  lstm: task => ({ ...sequences(256, task.shape), steps: 40 }),
};
/** Draws of the last loss, for each row. */
const samples = 10;

print(`Losses after training, ${values.seeds} seeds each, ${settings.samples} samples a step, Adam ${settings.learningRate}: median (lowest to highest)`);
print('model       steps  ours                              BLiTZ                             medians differ   p (Mann-Whitney)');
for (const name of values.only.split(',')) {
  const task = tasks.find(t => t.name === name);
  const lesson = task && lessons[name]?.(task);
  if (!task || !lesson) throw new Error(`there is no model '${name}': ${tasks.map(t => t.name).join(', ')}`);
  const { module } = await compileTask(task);
  const folder = new URL(`./out/${name}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  const [x, y] = (['x', 'y'] as const).map(part => { const file = fileURLToPath(new URL(`${part}.bin`, folder)); writeFileSync(file, lesson[part]); return file; });
  const losses = async (open: Promise<Contender | string>): Promise<number[]> => {
    const contender = await open;
    if (typeof contender === 'string') throw new Error(contender);
    const out: number[] = [];
    for (let seed = 1; seed <= Number(values.seeds); seed++) out.push(await contender.train({ seed, x: x ?? '', y: y ?? '', steps: lesson.steps, samples }));
    contender.stop();
    return out;
  };
  const ours = await losses(start(ourLane(module, { backend: 'wasm', threads: Number(values.threads) }), task));
  const blitz = await losses(start(lanes.blitz, task));
  const [a, b] = [spreadOf(ours), spreadOf(blitz)];
  const show = (s: typeof a): string => `${s.median.toPrecision(6)} (${s.low.toPrecision(6)} to ${s.high.toPrecision(6)})`.padEnd(34);
  print(`${name.padEnd(10)}${String(lesson.steps).padStart(7)}  ${show(a)}${show(b)}${(100 * (a.median / b.median - 1)).toFixed(2).padStart(12)} %${mannWhitney(ours, blitz).toPrecision(2).padStart(19)}`);
}
