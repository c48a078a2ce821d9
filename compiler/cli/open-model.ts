/** A `.bnn` file as a model that runs here: compiled into a folder that is gone afterwards, and imported. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Model as CheckedModel, Port } from '../2-check/model.ts';
import { compile } from '../compile.ts';
import { nearest } from '../suggest.ts';
import type { CreateOptions, ModelClass } from '../../runtime/types.ts';
import type { MemoryPlan } from '../5-schedule/schedule.ts';
import type { TargetName } from '../7-targets/target.ts';
import { CompileError, readText, showAll, UserError } from './output.ts';

/** Names are the file's own, so the types know none. */
export interface AnyModel { readonly inputs: Record<string, Float32Array | Uint32Array>; readonly targets: Record<string, Float32Array | Uint32Array>; readonly outputs: string; readonly parameters: string; readonly weights: string }
export interface Opened { readonly checked: CheckedModel; readonly input: Port; readonly target: Port; readonly classes: ModelClass<AnyModel>; /** What `create` and `load` are told: the backend, and a GPU of this machine where there is one to give. */ readonly options: CreateOptions; /** Gives the GPU back. */ readonly close: () => void }

/** Compiles a model with one input and one target, which is what a table can feed. `name`: which, where the file has several. */
export async function openModel(file: string, options: { readonly model?: string; readonly backend: string; readonly threads?: number; readonly set: Readonly<Record<string, number | boolean>>; readonly memory: MemoryPlan }): Promise<Opened> {
  const targets: readonly TargetName[] = options.backend === 'auto' ? ['webgpu', 'wasm'] : [options.backend as TargetName]; // checked by the caller
  const text = readText(file);
  const { files, models } = await compile(text, { file, targets, set: options.set, memory: options.memory }).catch((e: unknown) => {
    if (!(e instanceof CompileError)) throw e;
    showAll(e.diagnostics, file, text, e.sources);
    throw new UserError(`${file} does not compile`);
  });
  const names = models.map(m => m.model.name);
  const chosen = options.model === undefined ? models[0] : models.find(m => m.model.name === options.model);
  if (!chosen) {
    const near = options.model === undefined ? undefined : nearest(options.model, names);
    throw new UserError(options.model === undefined ? `${file} has no model` : `${file} has no model '${options.model}'${near === undefined ? '' : ` (did you mean '${near}'?)`}: it has ${names.join(', ')}`);
  }
  if (options.model === undefined && names.length > 1) throw new UserError(`${file} has several models, ${names.join(', ')}: choose one with --model`);
  const { model } = chosen;
  const [input, target] = [model.inputs[0], model.targets[0]];
  if (!input || !target || model.inputs.length > 1 || model.targets.length > 1) throw new UserError(`${model.name} has ${model.inputs.length} inputs and ${model.targets.length} targets: a table feeds one of each`);
  if (input.type === 'class' || input.shape.length !== 2 || input.shape[0] !== 'batch') throw new UserError(`the input '${input.name}' is ${input.type === 'class' ? 'made of classes' : `[${input.shape.join(', ')}]`}: a table feeds [batch, columns]`);
  if (target.shape[0] !== 'batch' || target.shape.length > (target.type === 'class' ? 1 : 2)) throw new UserError(`the target '${target.name}' is [${target.shape.join(', ')}]: a table feeds ${target.type === 'class' ? '[batch]' : '[batch] or [batch, columns]'}`);
  // Node has no navigator.gpu, which the runtime would look for
  const device = options.backend === 'webgpu' ? await (await import('./gpu.ts')).deviceHere().catch((e: unknown) => { throw new UserError(`webgpu does not work here: ${e instanceof Error ? e.message : String(e)}`); }) : undefined;
  const made: CreateOptions = { backend: options.backend as 'auto', ...(options.threads === undefined ? {} : { threads: options.threads }), ...(device ? { device } : {}) }; // checked by the caller
  const folder = mkdtempSync(join(tmpdir(), 'bnnc-'));
  try {
    // the package's own runtime, wherever the command is called from
    const here = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const runtime = (name: string): string => new URL(`../../runtime/${name}${here}`, import.meta.url).href;
    for (const f of files.filter(x => x.name.endsWith('.js'))) writeFileSync(join(folder, f.name), f.text.replaceAll(/(['"])bnnc\/runtime(?:\/(\w+))?\1/g, (_, __, name: string | undefined) => JSON.stringify(runtime(name ?? 'index'))));
    const module = await import(pathToFileURL(join(folder, files.find(f => f.name.endsWith('.bnn.js'))?.name ?? '')).href) as Record<string, ModelClass<AnyModel>>; // what the compiler made
    const classes = module[model.name];
    if (!classes) throw new UserError(`${file} gave no ${model.name}`);
    // targets are imported on demand: once, before the folder goes
    const first = await classes.create({ ...made, seed: 0 });
    first.dispose();
    return { checked: model, input, target, classes, options: made, close: () => { device?.destroy(); } };
  } finally { rmSync(folder, { recursive: true, force: true }); }
}
