/** The reference models through the compiler: modules for the contenders to import, and the counts of what a step does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { compile } from '../../compiler/compile.ts';
import { explain } from '../../compiler/explain.ts';
import type { Work as Counts } from '../../compiler/5-schedule/count.ts';
import type { Work } from './contender.ts';
import { settings, sourceOf } from './tasks.ts';
import type { Task } from './tasks.ts';

export interface CompiledTask {
  /** URL of the generated module. */
  readonly module: string;
  /** What a run does, as the kernels for WebAssembly count it. */
  readonly counts: Readonly<Record<Work, Counts>>;
}

/** Writes the modules below `test/bench/out`: inside of this package, so that they find its runtime by name. */
export async function compileTask(task: Task): Promise<CompiledTask> {
  const { files, models } = await compile(sourceOf(task), { file: `${task.name}.bnn`, targets: ['wasm', 'webgpu'] });
  const folder = new URL(`./out/${task.name}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  for (const f of files) writeFileSync(new URL(f.name, folder), f.text);
  const [compiled] = models;
  if (!compiled?.schedules.wasm) throw new Error(`${task.name} has no schedule`);
  const { model, schedules: { wasm: plan } } = compiled;
  const counts = (program: string, samples: number): Counts => {
    const found = explain(model, plan, wasm, { rows: task.batch, samples }).programs.find(p => p.name === program);
    if (!found) throw new Error(`${task.name} has no program ${program}`);
    return found.work;
  };
  return { module: new URL(`${task.name}.bnn.js`, folder).href, counts: { step: counts('train_adam', settings.samples), predict: counts('predict', settings.predictSamples) } };
}
