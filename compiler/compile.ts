/**
 * The pipeline, one call a stage: read this first.
 *
 *   text -> Program -> Model -> Graph with weights -> Graph of programs -> Schedule of kernels -> code -> files
 */
import type { Program } from './1-syntax/ast.ts';
import { parse } from './1-syntax/parse.ts';
import { check } from './2-check/check.ts';
import type { Model } from './2-check/model.ts';
import { arranged, programsOf } from './4-diff/programs.ts';
import { schedule } from './5-schedule/plan.ts';
import type { MemoryPlan, Schedule } from './5-schedule/schedule.ts';
import { targetOf } from './7-targets/targets.ts';
import type { Target, TargetName } from './7-targets/target.ts';
import type { Tuning } from './7-targets/wgsl/tuning.ts';
import { emit } from './8-module/emit.ts';
import type { Compiled as Emitted, File } from './8-module/emit.ts';
import { planOf } from './8-module/manifest.ts';
import { CompileError } from './diagnostics.ts';
import type { Diagnostic, Sources } from './diagnostics.ts';
import type { OwnMemory } from './explain-memory.ts';
import { importsOf, projectHost } from './imports.ts';
import type { Host } from './imports.ts';
import { library, libraryFor } from './library.ts';

export interface CompileOptions {
  /** The file's name, for messages; the generated files are called after its last part. */
  readonly file: string;
  readonly targets: readonly TargetName[];
  /** Arguments of models: `Mlp.hidden` -> 256. */
  readonly set?: Readonly<Record<string, number | boolean>>;
  /** `fast` (the default) may hold all samples' draws of the weights; `small` stores no draw, and takes one sample after the other. */
  readonly memory?: MemoryPlan;
  /** Forms of kernels that were measured on a GPU (`bnnc tune`): code for WebGPU takes them. */
  readonly tuning?: Tuning;
  /** How imported files are read; without one, inside the project of the file. */
  readonly host?: Host;
  /** What makes a target of the same text at the same time, a list of one for each model. A target that it has nothing for, now or in the end, is made here. */
  readonly elsewhere?: (target: TargetName) => Promise<readonly Printed[] | undefined> | undefined;
}
/** What a target makes of a model: plain data. */
export type Printed = Emitted['targets'][number];
export interface CompiledModel { readonly model: Model; readonly schedules: Readonly<Partial<Record<TargetName, Schedule>>>; /** What the code for WebAssembly needs beside its arena: asked of the code itself. */ readonly own: () => OwnMemory | undefined }
export interface Compilation { readonly files: readonly File[]; readonly warnings: readonly Diagnostic[]; readonly models: readonly CompiledModel[]; /** Texts of imported files. */ readonly sources: Sources }

/** Parses and checks a text. Throws CompileError with all that is wrong. */
export function checkText(source: string, { file, set, host }: Pick<CompileOptions, 'file' | 'set' | 'host'>): { readonly program: Program; readonly models: readonly Model[]; readonly warnings: readonly Diagnostic[]; readonly sources: Sources } {
  const program = parse(source, file);
  const { programs, sources } = program.items.some(i => i.kind === 'import') ? importsOf(program, host ?? projectHost(file)) : { programs: [], sources: new Map<string, string>() };
  const checked = (available: typeof programs): ReturnType<typeof check> => check(program, { library: available, imported: programs, ...(set ? { set } : {}) });
  try {
    return { program, sources, ...checked(libraryFor([source, ...sources.values()])) };
  } catch (e) {
    if (!(e instanceof CompileError)) throw e;
  }
  // what is wrong is said with the whole library in sight, so that a misspelt layer finds the right one
  try {
    return { program, sources, ...checked(library()) };
  } catch (e) {
    throw e instanceof CompileError ? new CompileError(e.diagnostics, sources) : e;
  }
}

/** Compiles a text to files. Throws CompileError with all that is wrong in it. */
export async function compile(source: string, options: CompileOptions): Promise<Compilation> {
  const asked = new Map(options.targets.map(name => [name, options.elsewhere?.(name)?.catch(() => undefined)] as const));
  const { models, warnings, sources } = checkText(source, options);
  const make = printing(models, options.memory, options.tuning);
  const made = new Map<TargetName, Made>();
  // those of this thread first, while others work on theirs
  for (const [name, other] of asked) if (!other) made.set(name, await make(name));
  for (const [name, other] of asked) {
    const printed = await other;
    if (!made.has(name)) made.set(name, printed?.length === models.length ? { printed } : await make(name));
  }
  return {
    files: emit(options.file.split(/[\\/]/).at(-1) ?? options.file, models.map((model, i) => ({ model, targets: options.targets.flatMap(name => made.get(name)?.printed[i] ?? []) }))),
    warnings, sources,
    models: models.map((model, i) => ({
      model, schedules: Object.fromEntries([...made].flatMap(([name, { cuts }]) => { const cut = cuts?.[i]; return cut ? [[name, cut]] : []; })),
      own: () => [...made.values()].flatMap(({ target, printed }) => { const code = printed[i]?.code; return target?.ownMemory && code instanceof Uint8Array ? [target.ownMemory(code)] : []; })[0],
    })),
  };
}
/** A target's part of each model; with what it was made of where it was made in this thread. */
interface Made { readonly printed: readonly Printed[]; readonly target?: Target; readonly cuts?: readonly Schedule[] }

/** What one target makes of a text, a list of one for each model. Throws CompileError with all that is wrong in it. */
export async function printFor(source: string, options: Pick<CompileOptions, 'file' | 'set' | 'host' | 'memory'>, target: TargetName): Promise<readonly Printed[]> {
  return (await printing(checkText(source, options).models, options.memory)(target)).printed;
}

/** Makes targets of models whose programs are the same for all of them. */
function printing(models: readonly Model[], memory: MemoryPlan | undefined, tuning?: Tuning): (name: TargetName) => Promise<Made> {
  const programs = models.map(model => programsOf(model, undefined, memory).programs);
  return async name => {
    const target = await targetOf(name, tuning);
    const cuts = programs.map(p => schedule(arranged(p, target.capabilities), target.capabilities, memory));
    return { target, cuts, printed: cuts.map(cut => ({ name, plan: planOf(cut, target), code: target.print(cut) })) };
  };
}
