/** What a generated module's types are made of. A model is described by one record of names; everything else follows from it. */
import type { Prediction } from './prediction.ts';
import type { FlatTensor, Tensor } from './tensors.ts';

/** The names and kinds of one model, as its `.d.ts` gives them. */
export interface ModelTypes { readonly inputs: object; readonly targets: object; readonly outputs: string; readonly parameters: string; readonly weights: string }

/** Nested arrays of a rank, the batch first; a flat typed array (the batch follows from its length); or flat data with a shape. */
export type Input<Rank extends 0 | 1 | 2 | 3 | 4 | 5> = Nested[Rank] | Float32Array | Float64Array | Int32Array | Uint8Array | Uint32Array | FlatTensor;
type List<T> = readonly T[];
interface Nested { 0: number; 1: List<number>; 2: List<List<number>>; 3: List<List<List<number>>>; 4: List<List<List<List<number>>>>; 5: List<List<List<List<List<number>>>>> }

export type BackendName = 'webgpu' | 'wasm' | 'gpujs';
export interface CreateOptions {
  /** `auto`: the first that works here of webgpu, wasm, gpujs. */
  readonly backend?: 'auto' | BackendName;
  /** A whole number, 0 <= seed < 2^53; picked, and readable as `model.seed`, when left out. */
  readonly seed?: number;
  /** webgpu: a device of the app's own. */
  readonly device?: unknown;
  /** wasm: how many threads compute, this one among them; left out, one a core (at most 8) from the first program that is worth it. Results are the same bits with any number. */
  readonly threads?: number;
  /**
   * wasm: sums of products are rounded once instead of twice where the engine can (relaxed SIMD: Node 22, Chrome 114 and later), which is
   * faster by a tenth to a fifth. `false`: nowhere, so that results are the same bits on every machine.
   */
  readonly fusedMultiplyAdd?: boolean;
  /** gpujs: the mode of gpu.js. */
  readonly mode?: string;
}
export type Optimizer =
  | { readonly kind: 'adam'; readonly learningRate?: number | ((step: number) => number); readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number }
  | { readonly kind: 'sgd'; readonly learningRate?: number | ((step: number) => number); readonly momentum?: number };
export interface Elbo {
  /** likelihood + klWeight · complexity. */
  readonly loss: number;
  /** Mean over the samples of the negative log-likelihood and the `loss` scalars: it falls as the fit gets better. */
  readonly likelihood: number;
  /** KL(q ‖ p) in nats, summed over all weights; mean over the samples. */
  readonly complexity: number;
}
export interface EpochResult extends Elbo { readonly epoch: number; readonly steps: number; readonly validation?: Elbo }
export interface StepOptions { readonly klWeight: number; readonly samples?: number; readonly optimizer?: Optimizer; readonly seed?: number }
export interface ElboOptions { readonly klWeight: number; readonly samples?: number; readonly seed?: number; /** One draw of the weights for the batch, whatever the model says. */ readonly estimator?: 'shared' }
export interface FitOptions<T extends ModelTypes> {
  /** That many more. */
  readonly epochs: number;
  readonly batchSize?: number; readonly samples?: number; readonly optimizer?: Optimizer; readonly shuffle?: boolean;
  /** `uniform`: 1/N. `blundell`: 2^(M-i)/(2^M-1) of the batch, by its size (Blundell et al. 2015, section 3.4). */
  readonly klWeight?: number | 'uniform' | 'blundell' | ((step: number, steps: number) => number);
  readonly validation?: T['inputs'] & T['targets'];
  readonly signal?: AbortSignal; readonly seed?: number;
  onEpoch?(e: EpochResult): void | Promise<void>;
}
export interface PredictOptions { readonly samples?: number; readonly seed?: number }

export interface Model<T extends ModelTypes> extends AsyncDisposable {
  readonly backend: BackendName; readonly seed: number;
  /** wasm: threads that compute now. */
  readonly threads: number;
  /** Bytes that the backend holds now; they never become fewer. */
  readonly bytes: number;
  fit(data: T['inputs'] & T['targets'], options: FitOptions<T>): Promise<readonly EpochResult[]>;
  step(data: T['inputs'] & T['targets'], options: StepOptions): Promise<Elbo>;
  sampleElbo(data: T['inputs'] & T['targets'], options: ElboOptions & { readonly outputs: true }): Promise<Elbo & { readonly outputs: Readonly<Record<T['outputs'], Prediction>> }>;
  sampleElbo(data: T['inputs'] & T['targets'], options: ElboOptions & { readonly outputs?: false }): Promise<Elbo>;
  gradients(data: T['inputs'] & T['targets'], options: ElboOptions): Promise<Readonly<Record<T['parameters'], Tensor>>>;
  predict(data: T['inputs'], options?: PredictOptions): Promise<Readonly<Record<T['outputs'], Prediction>>>;
  /** log p(target | weights) of each row for each draw, by target that the model observes: shape [samples, batch]. Its mean over draws of the exponential is the predictive density. */
  logDensity(data: T['inputs'] & T['targets'], options?: PredictOptions): Promise<Readonly<Record<string, Tensor>>>;
  /** Exactly the weights that sample `sample` of that seed uses. */
  drawWeights(options: { readonly seed: number; readonly sample?: number }): Promise<Readonly<Record<T['weights'], Tensor>>>;
  /** In nats; exact where it is closed, one draw of the others. */
  klDivergence(options?: { readonly seed?: number }): Promise<number>;
  /** Means only: ε is 0, no complexity, `rho` does not train; the means do. */
  freeze(): void; unfreeze(): void; readonly frozen: boolean;
  /** Posteriors from trained means (Krishnan et al. 2020): sigma = delta · |mu|, |mu| at least 1e-4. Sets a prior's `anchor` to the means, and unfreezes. */
  moped(delta?: number): Promise<void>;
  parameters(): Promise<Readonly<Record<T['parameters'], Tensor>>>;
  setParameters(values: Partial<Readonly<Record<T['parameters'], ArrayLike<number> | FlatTensor>>>): Promise<void>;
  /** Kept tensors that do not train: running statistics, anchors. */
  states(): Promise<Readonly<Record<string, Tensor>>>;
  /** safetensors: parameters, moments, counts and seed. */
  save(): Promise<Uint8Array>;
  dispose(): void;
}
export interface ModelClass<T extends ModelTypes> {
  /** How each weight's divergence is computed. */
  readonly kl: Readonly<Record<T['weights'], 'exact' | 'sampled' | 'none'>>;
  create(options?: CreateOptions): Promise<Model<T>>;
  load(bytes: Uint8Array, options?: Omit<CreateOptions, 'seed'>): Promise<Model<T>>;
}
