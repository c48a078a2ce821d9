/**
 * Whoever is timed is a process of its own. Imagine a runner in a lane: it is told its task in one line, says that it is ready, and
 * then runs as often as it is asked, one line there and one line back. Ours and the peers' run by the same rules.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { batchOf, settings } from './tasks.ts';
import type { Task } from './tasks.ts';

export type Work = 'step' | 'predict';
export const works: readonly Work[] = ['step', 'predict'];

/** A training, and the loss after it: files of inputs and targets (f32, classes i32) as they lie in memory, whole batches; samples of the last loss. */
export interface TrainingRequest { readonly seed: number; readonly x: string; readonly y: string; readonly steps: number; readonly samples: number }

/** How to start one. */
export interface Lane {
  readonly name: string;
  readonly command: readonly [file: string, ...args: string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** Thread counts to try; the one that does best is kept, for each work by itself. */
  readonly threads: readonly number[];
  /** What the process is told beside the task. */
  readonly options?: object;
}
/** Its first line: what it is, and the loss of its first step; or why it can't run. */
type Hello = { readonly version: string; readonly loss: number } | { readonly missing: string };

export interface Contender {
  readonly name: string; readonly version: string; readonly loss: number;
  readonly threads: readonly number[];
  /** Milliseconds of one call, the mean of so many. */
  readonly time: (work: Work, times: number, threads: number) => Promise<number>;
  /** The loss of all rows after a training. */
  readonly train: (given: TrainingRequest) => Promise<number>;
  readonly stop: () => void;
}

/** Starts one on a task. A sentence where it can't run. */
export async function start(lane: Lane, task: Task): Promise<Contender | string> {
  const [file, ...args] = lane.command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...lane.environment } });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => { errors = (errors + text.toString()).slice(-2000); });
  child.on('error', e => { errors += e.message; });
  child.stdin.on('error', () => undefined); // it ended: said below
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(message: object): Promise<T> => {
    child.stdin.write(`${JSON.stringify(message)}\n`);
    const timer = setTimeout(() => { errors += '\nno answer for five minutes'; child.kill(); }, 300_000);
    const answer: IteratorResult<string> = await lines.next();
    clearTimeout(timer);
    if (answer.done) throw new Error(`${lane.name} on ${task.name} ended: ${errors.trim().split('\n').at(-1) ?? 'without a word'}`);
    return JSON.parse(answer.value) as T; // by its own rules
  };
  const { inputs, targets } = batchOf(task);
  const list = (data: Record<string, Float32Array | Int32Array>): number[] => Object.values(data).flatMap(a => [...a]);
  const { file: _file, ...card } = task;
  let hello: Hello;
  try { hello = await ask<Hello>({ ...card, ...settings, ...lane.options, x: list(inputs), y: list(targets) }); } catch (e) { child.kill(); return e instanceof Error ? e.message : String(e); }
  if ('missing' in hello) { child.kill(); return hello.missing; }
  return {
    name: lane.name, ...hello, threads: lane.threads,
    time: async (work, times, threads) => (await ask<{ readonly milliseconds: number }>({ work, times, threads })).milliseconds,
    train: async given => (await ask<{ readonly loss: number }>({ work: 'train', threads: lane.threads.at(-1) ?? 1, given })).loss,
    stop: () => { child.stdin.end(); child.kill(); },
  };
}
