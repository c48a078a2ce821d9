/** Models and tables: `train`, `evaluate` and `predict`. What a table was standardised with is kept in the checkpoint. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import pc from 'picocolors';
import { permutation } from '../../runtime/fit.ts';
import { readSafetensors, writeSafetensors } from '../../runtime/safetensors.ts';
import { Prediction } from '../../runtime/prediction.ts';
import type { Model } from '../../runtime/types.ts';
import { insideOf, nllOf, rmseOf, showMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { openModel } from './open-model.ts';
import type { AnyModel, Opened } from './open-model.ts';
import { columnsOf, chooseInputs, dataOf, familyOf, fits, inputsOf, namesOf, rowsOf } from './columns.ts';
import type { Columns, Rows } from './columns.ts';
import { parseMemory, parseSet, whole, wholeThreads } from './options.ts';
import { spared, UserError } from './output.ts';
import { pictureCanBeMade, pictureOfClasses, pictureOfNumbers } from './picture.ts';
import { columnOf, readTable } from './table.ts';

export interface LearnOptions {
  readonly data: string; readonly model?: string; readonly target?: string; readonly inputs?: string; readonly save?: string; readonly checkpoint?: string; readonly out?: string;
  readonly epochs?: string; readonly batchSize?: string; readonly samples?: string; readonly learningRate?: string; readonly klWeight?: string; readonly holdout?: string; readonly seed?: string;
  readonly backend?: string; readonly threads?: string; readonly set?: readonly string[]; readonly memory?: string; readonly plot?: string; readonly json?: boolean;
}
const print = (text: string): void => { process.stdout.write(`${text}\n`); };
const real = (name: string, text: string | undefined, otherwise: number, from: number, below: number): number => { const n = text === undefined ? otherwise : Number(text); if (!(n >= from && n < below)) throw new UserError(`--${name} is a number from ${from} to ${below}, and this is '${text ?? ''}'`); return n; };
const backends = ['auto', 'wasm', 'webgpu', 'gpujs'];
/** How the model is to be opened: what all three commands are told. */
function wayOf(o: LearnOptions): Parameters<typeof openModel>[1] {
  const backend = o.backend ?? 'wasm';
  if (!backends.includes(backend)) throw new UserError(`there is no backend '${backend}': ${backends.join(', ')}`);
  if (o.threads !== undefined && backend !== 'wasm' && backend !== 'auto') throw new UserError(`--threads is of WebAssembly, and the backend is ${backend}`);
  return { ...(o.model === undefined ? {} : { model: o.model }), backend, ...(o.threads === undefined ? {} : { threads: wholeThreads(o.threads) }), set: parseSet(o.set), memory: parseMemory(o.memory) };
}

export async function trainCommand(file: string, o: LearnOptions): Promise<void> {
  if (o.target === undefined) throw new UserError('--target names the column to learn');
  if (o.save === undefined) throw new UserError('--save names the file for the trained model');
  if (!existsSync(dirname(resolve(o.save)))) throw new UserError(`there is no folder ${dirname(resolve(o.save))} to save in`);
  if (isFolder(o.save)) throw new UserError(`${o.save} is a directory: --save names a file`);
  spared({ save: o.save, plot: o.plot }, [file, o.data]);
  if (o.plot !== undefined) await pictureCanBeMade(o.plot);
  const [epochs, batchSize, samples, seed] = [whole('epochs', o.epochs, 100), whole('batch-size', o.batchSize, 32), whole('samples', o.samples, 1), whole('seed', o.seed, 0, 0)];
  const [learningRate, holdout] = [real('learning-rate', o.learningRate, 0.01, 1e-12, 1e6), real('holdout', o.holdout, 0.2, 0, 1)];
  const klWeight = o.klWeight === undefined || o.klWeight === 'uniform' ? 'uniform' : o.klWeight === 'blundell' ? 'blundell' : real('kl-weight', o.klWeight, 0, 0, 1e12);
  const way = wayOf(o);
  const table = readTable(o.data);
  const targets = namesOf('target', o.target);
  targets.forEach(c => columnOf(table, c));
  const { inputs, words } = chooseInputs(table, targets, o.inputs);
  if (words.length > 0 && !o.json) process.stderr.write(`${pc.dim('left out, not numbers:')} ${words.join(', ')}\n`);
  const opened = await openModel(file, way);
  const order = [...permutation(table.rows.length, seed, 0)];
  const held = order.slice(0, Math.floor(table.rows.length * holdout));
  const kept = order.slice(held.length);
  if (kept.length < 2) throw new UserError(`${o.data} has ${table.rows.length} rows, of which ${kept.length} are left to train on`);
  if (o.plot !== undefined && held.length === 0) throw new UserError('--plot shows the rows held out, and none are: a larger --holdout');
  fits(opened, table, inputs, targets);
  const columns = columnsOf(opened, table, inputs, targets, kept);
  const [train, test] = [rowsOf(opened, table, columns, kept), rowsOf(opened, table, columns, held)];
  const model = await opened.classes.create({ ...opened.options, seed });
  const bar = await progress(epochs, o.json === true);
  const stop = new AbortController();
  const interrupt = (): void => { stop.abort(new UserError('stopped: nothing was saved', 130)); };
  process.once('SIGINT', interrupt);
  const started = performance.now();
  let history: readonly { readonly loss: number; readonly likelihood: number }[] = [];
  try {
    history = await model.fit(dataOf(opened, train), { epochs, batchSize, samples, optimizer: { kind: 'adam', learningRate }, klWeight, signal: stop.signal, onEpoch: bar.onEpoch });
  } catch (e) {
    throw e instanceof UserError ? e : new UserError(e instanceof Error ? e.message : String(e));
  } finally { bar.stop(); process.off('SIGINT', interrupt); }
  const seconds = (performance.now() - started) / 1000;
  const saved = readSafetensors(await model.save());
  replace(o.save, Buffer.from(writeSafetensors(saved.tensors, { ...saved.metadata, table: JSON.stringify(columns) })));
  const metrics = test.count > 0 ? await measure(opened, model, test, columns, 100, seed, o.plot) : undefined;
  model.dispose();
  opened.close();
  if (o.json) { print(JSON.stringify({ model: opened.checked.name, inputs, targets, trained: train.count, heldOut: test.count, epochs, seconds, save: o.save, metrics }, undefined, 2)); return; }
  const last = history.at(-1);
  const guess = guessing(opened, train);
  if (guess !== undefined && metrics?.nll !== undefined && metrics.nll > 0.98 * guess) process.stderr.write(`${pc.yellow('hint')}: no better than guessing by how often each answer occurs: a smaller --kl-weight (${(0.1 / train.count).toPrecision(1)}), a wider prior in the model (its default is normal(0, 0.1)) or more epochs let it fit closer\n`);
  else if (last && last.loss - last.likelihood > Math.abs(last.likelihood)) process.stderr.write(`${pc.yellow('hint')}: the divergence weighs more than the data: a wider prior in the model (its default is normal(0, 0.1)), more rows or a smaller --kl-weight let it fit closer\n`);
  print(`${pc.green('trained')} ${opened.checked.name} on ${train.count} rows, ${epochs} epochs in ${seconds.toFixed(1)} s: ${o.save}`);
  if (metrics) { print(`on ${test.count} rows held out:`); showMetrics(metrics).forEach(l => { print(`  ${l}`); }); }
  if (o.plot) print(`picture: ${o.plot}`);
}

export async function evaluateCommand(file: string, o: LearnOptions): Promise<void> {
  spared({ plot: o.plot }, [file, o.data, o.checkpoint]);
  if (o.plot !== undefined) await pictureCanBeMade(o.plot);
  const table = readTable(o.data);
  const { opened, model, columns } = await load(file, o);
  const rows = rowsOf(opened, table, columns, table.rows.map((_, i) => i));
  const metrics = await measure(opened, model, rows, columns, whole('samples', o.samples, 100, 2), whole('seed', o.seed, 0, 0), o.plot);
  model.dispose();
  opened.close();
  if (o.json) { print(JSON.stringify({ model: opened.checked.name, ...metrics }, undefined, 2)); return; }
  print(`${opened.checked.name} on ${rows.count} rows:`);
  showMetrics(metrics).forEach(l => { print(`  ${l}`); });
  if (o.plot) print(`picture: ${o.plot}`);
}

export async function predictCommand(file: string, o: LearnOptions): Promise<void> {
  spared({ out: o.out }, [file, o.data, o.checkpoint]);
  const table = readTable(o.data);
  const { opened, model, columns } = await load(file, o);
  const x = inputsOf(table, columns, table.rows.map((_, i) => i));
  const { expected, width, ...p } = await predictions(opened, model, x, table.rows.length, columns, whole('samples', o.samples, 100, 2), whole('seed', o.seed, 0, 0));
  model.dispose();
  opened.close();
  const at = (t: ArrayLike<number>, r: number, c: number): number => t[r * width + c] ?? NaN;
  const { classes } = columns;
  const head = classes ? ['class', ...classes.map(c => `p_${c}`)] : columns.targets.flatMap(t => [t, `${t}_std`, `${t}_lower95`, `${t}_upper95`]);
  const ofClasses = (names: readonly string[], r: number): readonly (string | number)[] => { const shares = names.map((_, c) => at(expected, r, c)); return [names[largest(shares)] ?? '', ...shares]; };
  const numbers = (): readonly Float64Array[] => { const { lower, upper } = p.quantiles(0.95); return [expected, p.std(), lower, upper]; };
  const written = classes ? [] : numbers();
  const lines = table.rows.map((_, r) => (classes ? ofClasses(classes, r) : columns.targets.flatMap((__, c) => written.map(of => at(of, r, c)))));
  const text = stringify([head, ...lines.map(l => l.map(v => (typeof v === 'number' ? String(Number(v.toPrecision(7))) : v)))]);
  if (o.out !== undefined) replace(o.out, Buffer.from(text));
  if (o.json) { print(JSON.stringify(lines.map(l => Object.fromEntries(head.map((h, i) => [h, l[i]]))), undefined, 2)); return; }
  if (o.out === undefined) process.stdout.write(text); else { print(`${table.rows.length} predictions: ${o.out}`); }
}

// ── models and their files ───────────────────────────────────────────────────────────────────

async function load(file: string, o: LearnOptions): Promise<{ readonly opened: Opened; readonly model: Model<AnyModel>; readonly columns: Columns }> {
  if (o.checkpoint === undefined) throw new UserError('--checkpoint names the file that train saved');
  if (!existsSync(o.checkpoint)) throw new UserError(`there is no file ${o.checkpoint}`);
  if (isFolder(o.checkpoint)) throw new UserError(`${o.checkpoint} is a directory: --checkpoint names a file`);
  const opened = await openModel(file, wayOf(o));
  const bytes = readFileSync(o.checkpoint);
  try {
    const { metadata } = readSafetensors(bytes);
    const model = await opened.classes.load(bytes, opened.options);
    if (metadata['table'] === undefined) throw new UserError(`${o.checkpoint} says nothing of a table: it was saved by an app, not by bnnc train`);
    return { opened, model, columns: JSON.parse(metadata['table']) as Columns }; // written by train
  } catch (e) { throw e instanceof UserError ? e : new UserError(`${o.checkpoint}: ${e instanceof Error ? e.message : String(e)}`); }
}

// ── predictions and how good they are ─────────────────────────────────────────────────────────

/** Spreads and quantiles are computed when they are asked for. */
interface Predicted { readonly expected: Float64Array; readonly width: number; std(): Float64Array; quantiles(share: number): { readonly lower: Float64Array; readonly upper: Float64Array } }

/** In the target's units. Of classes: probabilities. */
async function predictions(opened: Opened, model: Model<AnyModel>, x: Float32Array, rows: number, columns: Columns, samples: number, seed: number): Promise<Predicted> {
  const { target, checked } = opened;
  const all = await model.predict({ [opened.input.name]: x }, { samples, seed });
  const width = columns.classes ? target.classes ?? 1 : columns.targets.length;
  const observed = checked.observations.length > 0 && all[target.name] !== undefined;
  const name = observed ? target.name : checked.outputs.find(out => (all[out.name]?.draws.data.length ?? 0) === samples * rows * width)?.name;
  const found = name === undefined ? undefined : all[name];
  // without an observe the output may be what cross_entropy takes
  const p = found && columns.classes && !observed ? new Prediction({ shape: found.draws.shape, data: probabilities(found.draws.data, width) }) : found;
  if (!p) throw new UserError(`${checked.name} predicts nothing of the shape of '${target.name}': it needs an output of that shape, or an observe`);
  const units = (data: ArrayLike<number>, spread = false): Float64Array => Float64Array.from(data, (v: number, i) => { const s = columns.targetScales[i % width] ?? { mean: 0, sd: 1 }; return spread ? v * s.sd : v * s.sd + s.mean; });
  const quantiles = (share: number): { readonly lower: Float64Array; readonly upper: Float64Array } => { const q = p.interval(share); return { lower: units(q.lower.data), upper: units(q.upper.data) }; };
  return { expected: units(p.expected.data), width, std: () => units(p.std.data, true), quantiles };
}

async function measure(opened: Opened, model: Model<AnyModel>, rows: Rows, columns: Columns, samples: number, seed: number, plot: string | undefined): Promise<Metrics> {
  const { target, checked } = opened;
  const p = await predictions(opened, model, rows.x, rows.count, columns, samples, seed);
  const density = checked.observations.length > 0 ? (await model.logDensity(dataOf(opened, rows), { samples, seed }))[target.name] : undefined;
  const nll = density ? { nll: nllOf(density.data, samples, rows.count, -columns.targetScales.reduce((s, c) => s + Math.log(c.sd), 0)) } : {};
  if (columns.classes) {
    const known = columns.classes.length; // the model may have room for more
    const predicted = Array.from({ length: rows.count }, (_, r) => largest(Array.from(p.expected.subarray(r * p.width, r * p.width + known))));
    const truth = Array.from(rows.y);
    if (plot) await pictureOfClasses(plot, truth, predicted, columns.classes);
    return { rows: rows.count, accuracy: truth.filter((t, i) => t === predicted[i]).length / rows.count, ...nll };
  }
  if (familyOf(opened) === 'bernoulli') {
    const [truth, predicted] = [Array.from(rows.y), Array.from(p.expected, v => (v > 0.5 ? 1 : 0))];
    if (plot) await pictureOfClasses(plot, truth, predicted, ['0', '1']);
    return { rows: rows.count, accuracy: truth.filter((t, i) => t === predicted[i]).length / truth.length, ...nll };
  }
  const truth = Float64Array.from(rows.y, (v: number, i) => { const s = columns.targetScales[i % p.width] ?? { mean: 0, sd: 1 }; return v * s.sd + s.mean; });
  const coverage = Object.fromEntries([50, 80, 95].map(share => { const q = p.quantiles(share / 100); return [String(share), insideOf(truth, q.lower, q.upper)]; }));
  if (plot) {
    const { lower, upper } = p.quantiles(0.95);
    await pictureOfNumbers(plot, Array.from(truth, (t, i) => ({ truth: t, mean: p.expected[i] ?? NaN, low: lower[i] ?? NaN, high: upper[i] ?? NaN })), columns.targets.join(', '));
  }
  return { rows: rows.count, rmse: rmseOf(truth, p.expected), ...nll, coverage, intervals: checked.observations.length > 0 ? 'predictive' : 'uncertainty of the mean only' };
}
/** The negative log-likelihood of a row, in nats, of who only knows how often each class occurs: its entropy. Undefined of numbers. */
function guessing(opened: Opened, { y, count }: Rows): number | undefined {
  const family = familyOf(opened);
  if (family !== 'categorical' && family !== 'bernoulli') return undefined;
  const width = y.length / count;
  const columns = Array.from({ length: width }, (_, c) => Array.from({ length: count }, (__, r) => y[r * width + c] ?? 0));
  return columns.reduce((sum, column) => sum - [...new Set(column)].reduce((s, value) => { const share = column.filter(v => v === value).length / count; return s + share * Math.log(share); }, 0), 0);
}
/** Of each draw and row of `width` numbers: themselves if they are probabilities, else their softmax. */
function probabilities(draws: Float32Array, width: number): Float32Array {
  const rows = Array.from({ length: draws.length / width }, (_, r) => draws.subarray(r * width, (r + 1) * width));
  if (rows.every(row => row.every(v => v >= 0) && Math.abs(row.reduce((s, v) => s + v, 0) - 1) < 1e-3)) return draws;
  return Float32Array.from(rows.flatMap(row => {
    const most = Math.max(...row);
    const parts = Array.from(row, v => Math.exp(v - most));
    const sum = parts.reduce((s, v) => s + v, 0);
    return parts.map(v => v / sum);
  }));
}
const largest = (values: readonly number[]): number => values.reduce((best, v, i) => (v > (values[best] ?? -Infinity) ? i : best), 0);

const isFolder = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
/** All of a file or nothing. */
function replace(path: string, bytes: Buffer): void {
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`there is no folder ${dirname(resolve(path))} to write in`);
  const part = `${path}.${process.pid}.part`;
  try { writeFileSync(part, bytes); renameSync(part, path); } catch (e) { rmSync(part, { force: true }); throw new UserError(`${path} can't be written: ${e instanceof Error ? e.message : String(e)}`); }
}

/** A bar with the loss and the time left; a line each tenth where there is no terminal, nothing beside JSON. */
async function progress(epochs: number, silent: boolean): Promise<{ readonly onEpoch: (e: { readonly epoch: number; readonly loss: number }) => void; readonly stop: () => void }> {
  if (silent) return { onEpoch: () => undefined, stop: () => undefined };
  if (!process.stderr.isTTY) return { onEpoch: e => { if ((e.epoch + 1) % Math.ceil(epochs / 10) === 0) process.stderr.write(`epoch ${e.epoch + 1} of ${epochs}, loss ${e.loss.toFixed(4)}\n`); }, stop: () => undefined };
  const { SingleBar } = await import('cli-progress');
  const bar = new SingleBar({ format: 'training [{bar}] epoch {value}/{total}  loss {loss}  {eta_formatted} left', hideCursor: true });
  bar.start(epochs, 0, { loss: '…' });
  return { onEpoch: e => { bar.update(e.epoch + 1, { loss: e.loss.toFixed(4) }); }, stop: () => { bar.stop(); } };
}
