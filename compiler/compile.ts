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
import { targets } from './7-targets/targets.ts';
import type { TargetName } from './7-targets/target.ts';
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
  /** How imported files are read; without one, inside the project of the file. */
  readonly host?: Host;
}
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
  const { models, warnings, sources } = checkText(source, options);
  const printers = await Promise.all(options.targets.map(name => targets[name]()));
  const compiled: { readonly emitted: Emitted; readonly model: CompiledModel }[] = models.map(model => {
    const { programs } = programsOf(model, undefined, options.memory);
    const scheduled = printers.map(target => {
      const cut = schedule(arranged(programs, target.capabilities), target.capabilities, options.memory);
      return { target, cut, code: target.print(cut) };
    });
    return {
      emitted: { model, targets: scheduled.map(({ target, cut, code }) => ({ name: target.name, plan: planOf(cut, target), code })) },
      model: { model, schedules: Object.fromEntries(scheduled.map(({ target, cut }) => [target.name, cut])), own: () => scheduled.flatMap(({ target, code }) => (target.ownMemory && code instanceof Uint8Array ? [target.ownMemory(code)] : []))[0] },
    };
  });
  const base = options.file.split(/[\\/]/).at(-1) ?? options.file;
  return { files: emit(base, compiled.map(c => c.emitted)), warnings, models: compiled.map(c => c.model), sources };
}
