/** The model that an app holds. Each call checks what it is given before it touches anything, then waits for its turn. */
import type { Backend, Scalars } from './backend.ts';
import { fail } from './errors.ts';
import { evaluateOn, fit } from './fit.ts';
import type { ModelManifest, OutputManifest, TargetModule } from './manifest.ts';
import { Prediction } from './prediction.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { alive, areFinite, changeable, checkSeed, chunks, copyOf, defaultOptimizer, drawsOf, elboOf, exclusive, finiteNumber, known, load, peekElbo, persistent, prove, reading, recover, reserve, resetMoments, result, resultsOf, runStep, scalarsOf, takeSnapshot, useOptimizer, wholeNumber } from './state.ts';
import type { Draws, State } from './state.ts';
import { product, toBatch } from './tensors.ts';
import type { FlatTensor, Rows, Tensor, TensorLike } from './tensors.ts';
import type { BackendName, CreateOptions, ElboOptions, Model, ModelClass, ModelTypes, Optimizer, PredictOptions, StepOptions } from './types.ts';

/** The number of the line between a module and this runtime. */
export const abi = 3;
const order: readonly BackendName[] = ['webgpu', 'wasm', 'gpujs'];
type Targets = Readonly<Partial<Record<BackendName, () => Promise<TargetModule>>>>;
type Data = Readonly<Record<string, TensorLike>>;
/** What JavaScript may leave out, although it must say how the divergence weighs: the message is that of a wrong weight. */
const nothing = { klWeight: NaN };
/** Steps between the copies that `step` can go back to. */
const copyEvery = 256;

/** What a generated module calls: its manifest, and how to get its plan and code for each target. */
export function defineModel<T extends ModelTypes>(manifest: ModelManifest, targets: Targets): ModelClass<T> {
  if (manifest.abi !== abi) fail('Version', `this module is for runtime ${manifest.abi}, and this is ${abi}: compile it again`);
  const create = async (options: CreateOptions = {}): Promise<Model<T>> => {
    const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 53) : checkSeed(options.seed);
    const backend = await openBackend(manifest, targets, options);
    const s: State = { manifest, backend, seed, steps: 0, epochs: 0, calls: 0, frozen: false, fitting: false, disposed: false, optimizer: defaultOptimizer, capacity: { rows: 1, samples: 1 }, queue: Promise.resolve(), good: { copy: new Map(), steps: 0 }, pending: undefined, sound: 0 };
    backend.reserve(1, 1);
    backend.run('init', scalarsOf(s, drawsOf(s, undefined, 'init', 0), 1, 1));
    await takeSnapshot(s);
    prove(s);
    return instance<T>(s);
  };
  return {
    kl: Object.fromEntries(manifest.weights.map(w => [w.path, w.kl])) as ModelClass<T>['kl'], // the manifest and the types are made from one model
    create,
    async load(bytes, options = {}) {
      const { tensors, metadata } = readSafetensors(bytes);
      checkCheckpoint(manifest, tensors, metadata);
      const number = (key: string): number => { const n = Number(metadata[key]); return Number.isSafeInteger(n) && n >= 0 ? n : fail('Checkpoint', `this checkpoint has no '${key}'`); };
      const seed = number('seed');
      const [steps, epochs, calls] = [number('steps'), number('epochs'), number('calls')];
      const model = await create({ ...options, seed });
      const s = states.get(model) ?? fail('Backend', 'no state');
      for (const b of persistent(s)) { const t = tensors.get(b.name); if (t) s.backend.write(b.name, t.data); }
      Object.assign(s, { steps, epochs, calls, frozen: metadata['frozen'] === 'true', optimizer: JSON.parse(metadata['optimizer'] ?? 'null') as Optimizer | null ?? defaultOptimizer }); // written by `save`
      await takeSnapshot(s);
      prove(s);
      return model;
    },
  };
}

async function openBackend(manifest: ModelManifest, targets: Targets, options: CreateOptions): Promise<Backend> {
  const has = order.filter(n => targets[n]);
  const wanted = options.backend ?? 'auto';
  if (wanted !== 'auto' && !has.includes(wanted)) return fail('Backend', `${manifest.name} has no backend '${String(wanted)}': it was compiled for ${has.join(', ')}`);
  const reasons: string[] = [];
  for (const name of wanted === 'auto' ? has : [wanted]) {
    const get = targets[name];
    if (!get) continue;
    try {
      const target = await get();
      return await target.open(target.code, target.plan, options);
    } catch (error) { reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`); }
  }
  return fail('Backend', `no backend of ${manifest.name} works here. ${reasons.join('. ')}`);
}

function checkCheckpoint(manifest: ModelManifest, tensors: ReadonlyMap<string, Tensor>, metadata: Readonly<Record<string, string>>): void {
  if (metadata['model'] === undefined) fail('Checkpoint', 'this file is no checkpoint of bnnc');
  if (metadata['fingerprint'] !== manifest.fingerprint) fail('Checkpoint', `this checkpoint is of another model: '${metadata['model'] ?? '?'}' with other parameters than this '${manifest.name}'`);
  for (const p of [...manifest.parameters, ...(manifest.states ?? [])]) {
    const t = tensors.get(p.path) ?? fail('Checkpoint', `'${p.path}' is missing from this checkpoint`);
    if (t.shape.join() !== p.shape.join()) fail('Checkpoint', `'${p.path}' is [${p.shape.join(', ')}], and [${t.shape.join(', ')}] in this checkpoint`);
  }
  for (const [name, t] of tensors) if (!areFinite(t.data)) fail('Checkpoint', `'${name}' is not finite in this checkpoint`);
}

const states = new WeakMap<object, State>();

function instance<T extends ModelTypes>(s: State): Model<T> {
  const { manifest } = s;
  const trained = [...manifest.inputs, ...manifest.targets];
  const needsLoss = (what: string): void => { alive(s); if (!manifest.trainable) fail('Option', `${manifest.name} has no loss and no observe: there is nothing for ${what}`); };
  /** Data and options of what needs a loss. */
  const batchOf = (data: Data, options: ElboOptions) => {
    known(options);
    return { ...toBatch(trained, data), klWeight: finiteNumber('klWeight', options.klWeight), samples: wholeNumber('samples', options.samples ?? 1) };
  };
  /** Inputs of a prediction; targets may be there and are not read. */
  const inputs = (data: Data): ReturnType<typeof toBatch> => toBatch(manifest.inputs, data, trained);
  const byPath = (entries: readonly (readonly [string, Tensor])[]): Record<string, Tensor> => { const out = Object.create(null) as Record<string, Tensor>; for (const [k, v] of entries) out[k] = v; return out; }; // no prototype: keys are paths
  /** Results of a program with the shapes of what they belong to. */
  const tensorsOf = async (program: string, start: string, scalars: Scalars, of: readonly { readonly path: string; readonly shape: readonly number[] }[]): Promise<Record<string, Tensor>> => {
    const shapes = new Map(of.map(x => [x.path, x.shape]));
    const data = await resultsOf(s, program, start, scalars, path => product(shapes.get(path) ?? []));
    return byPath(of.map(({ path, shape }) => [path, { shape, data: data.get(path) ?? fail('Backend', `no result ${start}${path} of ${program}`) }]));
  };
  const parametersNow = async (): Promise<Record<string, Tensor>> => byPath(await Promise.all(manifest.parameters.map(async p => [p.path, { shape: p.shape, data: await s.backend.read(p.path, product(p.shape)) }] as const)));

  const model: Model<T> = {
    backend: s.backend.name,
    seed: s.seed,
    get bytes() { return s.backend.bytes; },
    get threads() { return s.backend.threads ?? 1; },
    get frozen() { return s.frozen; },
    fit: (data, options) => fit<T>(s, data as unknown as Data, options), // records by the types
    async step(data, options: StepOptions = nothing) {
      needsLoss('step'); changeable(s, 'step');
      const { tensors, rows, klWeight, samples } = batchOf(data as unknown as Data, options);
      const draws = drawsOf(s, options.seed, 'train', s.steps);
      return exclusive(s, async () => {
        const o = useOptimizer(s, options.optimizer);
        reserve(s, rows, samples);
        load(s, tensors, 0, rows);
        runStep(s, o, options.seed === undefined ? { ...draws, count: s.steps } : draws, rows, samples, klWeight);
        const e = peekElbo(s, `train_${o.kind}`) ?? await elboOf(s, `train_${o.kind}`);
        if (!Number.isFinite(e.loss)) { s.steps--; throw await recover(s, -1); }
        prove(s);
        if (s.steps % copyEvery === 0) await takeSnapshot(s);
        return e;
      });
    },
    sampleElbo: (async (data: Data, given?: ElboOptions & { readonly outputs?: boolean }) => {
      const options: ElboOptions & { readonly outputs?: boolean } = given ?? nothing;
      needsLoss('sampleElbo');
      const { tensors, rows, klWeight, samples } = batchOf(data, options);
      const seed = options.seed ?? undefined;
      const count = s.calls;
      return reading(s, async () => {
        const e = await evaluateOn(s, tensors, rows, samples, klWeight, variant(s, 'elbo', options), seed);
        if (!options.outputs) return e;
        const draws = drawsOf(s, seed, 'call', count);
        return { ...e, outputs: await predictions(s, only(tensors, manifest), rows, samples, draws) };
      });
    }) as Model<T>['sampleElbo'], // one implementation of two signatures
    async gradients(data, given) {
      const options: ElboOptions = given ?? nothing; // JavaScript may leave it out
      needsLoss('gradients');
      const { tensors, rows, klWeight, samples } = batchOf(data as unknown as Data, options);
      const draws = drawsOf(s, options.seed, 'call', options.seed === undefined ? s.calls++ : 0);
      return reading(s, async () => {
        reserve(s, rows, samples);
        load(s, tensors, 0, rows);
        const program = variant(s, 'gradients', options);
        return await tensorsOf(program, 'gradient:', scalarsOf(s, draws, rows, samples, { klWeight }), manifest.parameters) as Readonly<Record<T['parameters'], Tensor>>; // its paths are the model's
      });
    },
    async predict(data, options: PredictOptions = {}) {
      alive(s);
      if (manifest.outputs.length === 0) return fail('Option', `${manifest.name} has no output and no observe: there is nothing to predict`);
      known(options);
      const { tensors, rows } = inputs(data as unknown as Data);
      const samples = s.frozen ? 1 : wholeNumber('samples', options.samples ?? 100);
      const draws = drawsOf(s, options.seed, 'call', options.seed === undefined ? s.calls++ : 0);
      return reading(s, () => predictions(s, tensors, rows, samples, draws)) as Promise<Readonly<Record<T['outputs'], Prediction>>>; // its names are the model's
    },
    async logDensity(data, options: PredictOptions = {}) {
      alive(s);
      const { density } = s.backend.plan.programs;
      if (!density) return fail('Option', `${manifest.name} observes nothing: there is no density`);
      const { tensors, rows } = toBatch(trained, data as unknown as Data);
      const samples = s.frozen ? 1 : wholeNumber('samples', options.samples ?? 100);
      const draws = drawsOf(s, options.seed, 'call', options.seed === undefined ? s.calls++ : 0);
      const outputs = Object.keys(density.results).map((key): OutputManifest => ({ name: key.slice(key.indexOf(':') + 1), shape: [null], what: 'output' }));
      return reading(s, async () => byPath(await drawn(s, 'density', outputs.map(o => [`logDensity:${o.name}`, o] as const), tensors, rows, samples, draws)
        .then(full => outputs.map(o => [o.name, { data: full.get(`logDensity:${o.name}`) ?? new Float32Array(), shape: [samples, rows] }] as const))));
    },
    async drawWeights(given) {
      const { seed, sample = 0 }: { readonly seed?: number; readonly sample?: number } = given ?? {}; // JavaScript may leave it out
      const draws = drawsOf(s, checkSeed(seed ?? NaN), 'call', 0);
      wholeNumber('sample', sample, 0);
      return reading(s, async () => {
        return await tensorsOf('draw', 'weight:', scalarsOf(s, draws, 1, 1, { sampleBase: sample }), manifest.weights) as Readonly<Record<T['weights'], Tensor>>; // its paths are the model's
      });
    },
    async klDivergence({ seed } = {}) {
      const draws = drawsOf(s, seed, 'call', seed === undefined ? s.calls++ : 0);
      return reading(s, async () => {
        s.backend.run('divergence', scalarsOf(s, draws, 1, 1));
        return (await result(s, 'divergence', 'complexity', 1))[0] ?? NaN;
      });
    },
    freeze() { changeable(s, 'freeze'); s.frozen = true; },
    unfreeze() { changeable(s, 'unfreeze'); s.frozen = false; },
    async parameters() { alive(s); return reading(s, parametersNow) as Promise<Readonly<Record<T['parameters'], Tensor>>>; }, // its paths are the model's
    async setParameters(values) {
      changeable(s, 'setParameters');
      const checked = Object.entries(values as Readonly<Record<string, ArrayLike<number> | FlatTensor>>).map(([path, v]) => {
        const p = manifest.parameters.find(x => x.path === path) ?? fail('Name', `there is no parameter '${path}': the model has ${manifest.parameters.slice(0, 4).map(x => x.path).join(', ')}${manifest.parameters.length > 4 ? ', …' : ''}`);
        const flat = 'data' in v ? v : undefined;
        const data = Float32Array.from(flat ? flat.data : v as ArrayLike<number>); // not flat, so array-like
        if (data.length !== product(p.shape) || (flat && flat.shape.join() !== p.shape.join())) fail('Shape', `'${path}' is [${p.shape.join(', ')}], ${product(p.shape)} values, and this is ${flat ? `[${flat.shape.join(', ')}], ` : ''}${data.length}`);
        const odd = data.findIndex(x => !Number.isFinite(x));
        if (odd >= 0) fail('Value', `'${path}' has ${data[odd] ?? NaN} at ${odd}`);
        return [path, data] as const;
      });
      return exclusive(s, async () => {
        for (const [path, data] of checked) s.backend.write(path, data);
        resetMoments(s, new Set(checked.map(([path]) => path)));
        await takeSnapshot(s);
        prove(s);
      });
    },
    async states() { alive(s); return reading(s, async () => byPath(await Promise.all((manifest.states ?? []).map(async p => [p.path, { shape: p.shape, data: await s.backend.read(p.path, product(p.shape)) }] as const)))); },
    async moped(delta = 0.1) {
      changeable(s, 'moped');
      if (!(Number.isFinite(delta) && delta > 0)) fail('Option', `'delta' is a number above 0, and this is ${delta}`);
      return exclusive(s, async () => {
        const changed = new Set<string>();
        for (const { path, shape, weight } of manifest.parameters.filter(p => p.part === 'rho')) {
          const mu = await s.backend.read(`${weight ?? ''}.mu`, product(shape));
          s.backend.write(path, mu.map(m => Math.log(Math.expm1(delta * Math.max(Math.abs(m), 1e-4)))));
          changed.add(path);
          const anchor = `${weight ?? ''}.anchor`;
          if (manifest.states?.some(x => x.path === anchor)) s.backend.write(anchor, mu);
        }
        resetMoments(s, changed);
        s.frozen = false;
        await takeSnapshot(s);
        prove(s);
      });
    },
    async save() {
      alive(s);
      return reading(s, async () => {
        const shapes = new Map([...manifest.parameters, ...(manifest.states ?? [])].map(p => [p.path, p.shape] as const));
        const tensors = new Map([...(await copyOf(s)).copy].map(([name, data]) => [name, { shape: shapes.get(name) ?? shapes.get(name.slice(0, name.lastIndexOf('/'))) ?? [data.length], data }] as const));
        const optimizer = { ...s.optimizer, ...(typeof s.optimizer.learningRate === 'function' ? { learningRate: s.optimizer.learningRate(s.steps) } : {}) };
        return writeSafetensors(tensors, {
          model: manifest.name, fingerprint: manifest.fingerprint, modelFingerprint: manifest.modelFingerprint, compiler: manifest.compiler, seed: String(s.seed),
          steps: String(s.steps), epochs: String(s.epochs), calls: String(s.calls), frozen: String(s.frozen), optimizer: JSON.stringify(optimizer),
        });
      });
    },
    dispose() { if (!s.disposed) { s.disposed = true; s.backend.dispose(); } },
    async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() { model.dispose(); },
  };
  Object.defineProperty(model, Symbol.for('nodejs.util.inspect.custom'), { value: () => `${manifest.name} on ${s.backend.name}: ${manifest.parameters.reduce((n, p) => n + product(p.shape), 0)} parameters, ${s.steps} steps, seed ${s.seed}${s.frozen ? ', frozen' : ''}` });
  states.set(model, s);
  return model;
}

/** The program of a name, or the one with one draw for the batch, where a weight has another estimator. */
const variant = (s: State, program: string, options: { readonly estimator?: string }): string => {
  if (options.estimator === undefined) return program;
  if (options.estimator !== 'shared') return fail('Option', `'estimator' is 'shared' or left out, and this is '${options.estimator}'`);
  return `${program}_shared` in s.backend.plan.programs ? `${program}_shared` : program;
};

const only = (tensors: ReadonlyMap<string, Rows>, manifest: ModelManifest): ReadonlyMap<string, Rows> => new Map([...tensors].filter(([n]) => manifest.inputs.some(p => p.name === n)));

/** All draws of all rows, in chunks that change nothing: noise is counted in the whole input. */
async function predictions(s: State, tensors: ReadonlyMap<string, Rows>, rows: number, samples: number, draws: Draws): Promise<Record<string, Prediction>> {
  const { outputs } = s.manifest;
  const known = s.backend.plan.programs['predict']?.results ?? {};
  const names = outputs.flatMap(o => (o.what === 'output' ? ['output'] : ['observation', 'location']).filter(kind => `${kind}:${o.name}` in known).map(kind => [`${kind}:${o.name}`, o] as const));
  const full = await drawn(s, 'predict', names, tensors, rows, samples, draws);
  const out = Object.create(null) as Record<string, Prediction>; // no prototype: keys are names of outputs
  for (const o of outputs) {
    const tensor = (key: string): Tensor => ({ data: full.get(key) ?? new Float32Array(), shape: [samples, ...o.shape.map(d => d ?? rows)] });
    out[o.name] = o.what === 'output' ? new Prediction(tensor(`output:${o.name}`)) : new Prediction(tensor(`observation:${o.name}`), full.has(`location:${o.name}`) ? tensor(`location:${o.name}`) : 'unknown');
  }
  return out;
}

/** Results of a program for all draws of all rows, by name. */
async function drawn(s: State, program: string, names: readonly (readonly [string, OutputManifest])[], tensors: ReadonlyMap<string, Rows>, rows: number, samples: number, draws: Draws): Promise<ReadonlyMap<string, Float32Array>> {
  const start = Math.min(samples, s.backend.plan.samples ?? 32);
  const { rows: rowChunk, samples: sampleChunk } = chunks(s, rows, start);
  reserve(s, rowChunk, sampleChunk);
  const elements = (shape: OutputManifest['shape'], batch: number): number => product(shape.map(d => d ?? batch));
  const full = new Map<string, Float32Array>();
  for (let row = 0; row < rows; row += rowChunk) {
    const count = Math.min(rowChunk, rows - row);
    load(s, tensors, row, row + count);
    for (let sample = 0; sample < samples; sample += sampleChunk) {
      const many = Math.min(sampleChunk, samples - sample);
      s.backend.run(program, scalarsOf(s, draws, count, many, { rowBase: row, sampleBase: sample }));
      const parts = await Promise.all(names.map(([key, o]) => result(s, program, key, many * elements(o.shape, count))));
      for (const [i, [key, o]] of names.entries()) {
        const got = parts[i] ?? new Float32Array();
        if (many === samples && count === rows) { full.set(key, got); continue; }
        const whole = elements(o.shape, rows);
        const to = full.get(key) ?? new Float32Array(samples * whole);
        full.set(key, to);
        // the batch may be any axis, or none: what is before it is copied block by block
        const batch = o.shape.indexOf(null);
        const inner = o.shape.slice(Math.max(batch, 0));
        const [block, apart] = [elements(inner, count), elements(inner, rows)];
        const first = sample * whole + (batch < 0 ? 0 : row * apart / rows);
        for (let k = 0; k * block < got.length; k++) to.set(got.subarray(k * block, (k + 1) * block), first + k * apart);
      }
    }
  }
  return full;
}
