/**
 * The reference models. Imagine a card for each that is handed to every contender: what to build, on how many rows, against
 * which prior. Inputs and targets follow from formulas, so that all of them see the same numbers.
 */
import { readFileSync } from 'node:fs';

/** Whom we are compared with. */
export const peerNames = ['blitz', 'jax-js', 'tfjs'] as const;
export type PeerName = (typeof peerNames)[number];

export interface Task {
  readonly name: string;
  /** How a peer builds it. `dense`: sizes of the layers, with ReLUs between; `lenet`: LeNet-5; `lstm`: features, units, outputs, over `steps`. */
  readonly kind: 'dense' | 'lenet' | 'lstm';
  readonly sizes: readonly number[];
  readonly steps?: number;
  readonly loss: 'mse' | 'categorical';
  readonly batch: number;
  /** Rows of the data set: the divergence weighs one over them. */
  readonly rows: number;
  /** Standard deviation of the prior, a normal around 0, and the mean that rho starts from. */
  readonly prior: number; readonly rho: number;
  /** Extents of an example, and the names of what the model is given. */
  readonly shape: readonly number[]; readonly input: string; readonly target: string;
  readonly file: URL;
}

const own = (name: string): URL => new URL(`./models/${name}.bnn`, import.meta.url);
const example = (name: string): URL => new URL(`../../examples/${name}/${name}.bnn`, import.meta.url);
const digits = { loss: 'categorical', rows: 60_000, input: 'x', target: 'digit' } as const;
/** BLiTZ's settings: a normal prior of 0.1 (its mixture has pi = 1), rho about -7 in dense layers and -6 in recurrent ones. */
const blitz = { prior: 0.1, rho: -7 } as const;

/** In the order of the report. Batches are those of BLiTZ's examples where it has the model. */
export const tasks: readonly Task[] = [
  { name: 'boston', kind: 'dense', sizes: [13, 512, 1], loss: 'mse', batch: 16, rows: 379, ...blitz, shape: [13], input: 'x', target: 'y', file: example('boston') },
  { name: 'mnist400', kind: 'dense', sizes: [784, 400, 400, 10], batch: 128, ...digits, ...blitz, shape: [784], file: own('mnist400') },
  { name: 'mnist1200', kind: 'dense', sizes: [784, 1200, 1200, 10], batch: 128, ...digits, ...blitz, shape: [784], file: own('mnist1200') },
  { name: 'lenet', kind: 'lenet', sizes: [6, 16, 120, 84, 10], batch: 64, ...digits, prior: 1, rho: -4, shape: [1, 28, 28], input: 'image', file: own('lenet') },
  { name: 'lstm', kind: 'lstm', sizes: [4, 128, 1], steps: 100, loss: 'mse', batch: 32, rows: 2000, ...blitz, rho: -6, shape: [100, 4], input: 'x', target: 'y', file: own('lstm') },
];

/** The settings that all contenders share; those of BLiTZ's README. */
export const settings = { samples: 3, predictSamples: 25, learningRate: 0.001 } as const;

export const sourceOf = (task: Task): string => readFileSync(task.file, 'utf8');

/** One batch: sin(12.9898 i), and for targets sin(78.233 i) or classes that go round. */
export function batchOf(task: Task): { readonly inputs: Record<string, Float32Array>; readonly targets: Record<string, Float32Array | Int32Array> } {
  const each = task.shape.reduce((n, d) => n * d, 1);
  return {
    inputs: { [task.input]: Float32Array.from({ length: task.batch * each }, (_, i) => Math.sin(i * 12.9898)) },
    targets: { [task.target]: task.loss === 'mse' ? Float32Array.from({ length: task.batch }, (_, i) => Math.sin(i * 78.233)) : Int32Array.from({ length: task.batch }, (_, i) => i % 10) },
  };
}
