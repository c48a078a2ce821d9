/** The commands, one function each. Texts of errors and of results only; the work is done elsewhere. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import pc from 'picocolors';
import { printProgram } from '../1-syntax/print.ts';
import { parse } from '../1-syntax/parse.ts';
import { checkText, compile } from '../compile.ts';
import type { CompileOptions } from '../compile.ts';
import { usualThreads } from '../../runtime/threads.ts';
import { explain } from '../explain.ts';
import type { Explanation } from '../explain.ts';
import { targetOf, targets as printers } from '../7-targets/targets.ts';
import type { TargetName } from '../7-targets/target.ts';
import type { Beside } from './beside.ts';
import { each } from './each.ts';
import { parseMemory, parseSet, parseTargets, whole, wholeThreads } from './options.ts';
import type { CommonOptions } from './options.ts';
import { asJson, showAll, spared, UserError, writeAll } from './output.ts';
import { tuningOf } from './tuning-file.ts';
import { duration, scale } from './units.ts';

const print = (text: string): void => { process.stdout.write(`${text}\n`); };

/** @param beside Makes WebAssembly at the same time. */
export const compileCommand = (files: readonly string[], o: CommonOptions & { readonly out?: string; readonly target?: string; readonly tuning?: string }, beside?: Beside): Promise<void> => {
  const targets = parseTargets(o.target);
  const [set, memory, tuning] = [parseSet(o.set), parseMemory(o.memory), tuningOf(o.tuning)];
  return each(files, o.json, async (file, text) => {
    // loading them is not compiling
    await Promise.all(targets.filter(name => !beside || name !== 'wasm').map(name => printers[name]()));
    const [started, before] = [performance.now(), performance.eventLoopUtilization()];
    let besideTook = 0;
    const elsewhere = beside && ((name: TargetName): ReturnType<NonNullable<CompileOptions['elsewhere']>> => (name !== 'wasm' ? undefined : beside.make(text, { file, set, memory }).then(({ printed, took = 0 }) => { besideTook = took; return printed; })));
    const { files: made, warnings, models } = await compile(text, { file, targets, set, memory, ...tuning, ...(elsewhere ? { elsewhere } : {}) });
    const written = writeAll(o.out ?? dirname(file), made);
    // of two threads the longer one, each without what it waits for: the other one may still load what it needs
    const took = beside ? Math.max(performance.eventLoopUtilization(before).active, besideTook) : performance.now() - started;
    if (!o.json) {
      showAll(warnings, file, text);
      print(`${pc.green('compiled')} ${models.map(m => m.model.name).join(', ')} for ${targets.join(', ')} in ${Math.round(took)} ms`);
      written.forEach((w, i) => print(`  ${w}  ${((made[i]?.text.length ?? 0) / 1024).toFixed(1)} kB`));
    }
    return { file, ok: true, models: models.map(m => m.model.name), targets, files: written, diagnostics: asJson(warnings, text) };
  });
};

export const checkCommand = (files: readonly string[], o: CommonOptions): Promise<void> => {
  const set = parseSet(o.set);
  return each(files, o.json, async (file, text) => {
    const { models, warnings } = checkText(text, { file, set });
    if (!o.json) { showAll(warnings, file, text); print(`${pc.green('ok')} ${file}: ${models.map(m => m.name).join(', ') || 'layers only'}`); }
    return { file, ok: true, models: models.map(m => m.name), diagnostics: asJson(warnings, text) };
  });
};

export const fmtCommand = (files: readonly string[], o: { readonly check?: boolean; readonly json?: boolean }): Promise<void> => each(files, o.json, async (file, text) => {
  const formatted = printProgram(parse(text, file));
  const changed = formatted !== text;
  if (changed && o.check) process.exitCode = 1;
  else if (changed) writeFileSync(file, formatted);
  if (!o.json) print(changed ? `${o.check ? pc.red('not formatted') : pc.green('formatted')} ${file}` : `${pc.dim('unchanged')} ${file}`);
  return { file, ok: !(changed && o.check), changed };
});

export const explainCommand = async (files: readonly string[], o: CommonOptions & { readonly target?: string; readonly rows?: string; readonly samples?: string; readonly threads?: string; readonly kernels?: boolean; readonly measure?: boolean; readonly svg?: string; readonly tuning?: string }): Promise<void> => {
  const target = parseTargets(o.target ?? 'wasm')[0] ?? 'wasm';
  const [memory, tuning] = [parseMemory(o.memory), tuningOf(o.tuning)];
  const extents = { rows: whole('rows', o.rows, 32), samples: whole('samples', o.samples, 1) };
  // as many as the runtime takes on this machine
  const cores = availableParallelism();
  if (target !== 'wasm' && o.threads !== undefined) throw new UserError(`--threads is of WebAssembly, and the target is ${target}`);
  const threads = target !== 'wasm' ? 1 : o.threads === undefined ? usualThreads(cores) : wholeThreads(o.threads);
  if (o.measure && threads > cores) throw new UserError(`--measure runs programs here, on ${cores} cores, and ${threads} threads would wait for each other: ask for fewer`);
  const [load = 0] = loadavg(); // of the last minute
  if (o.measure && load + threads > cores + 0.5) process.stderr.write(`${pc.yellow('hint')}: other programs seem to run here (a load of ${load.toFixed(1)} on ${cores} cores): what is measured may be too long\n`);
  spared({ svg: o.svg }, [...files, o.tuning]);
  if (o.svg !== undefined && files.length > 1) throw new UserError('--svg is the picture of one file: name one, or leave the picture out');
  if (o.svg !== undefined) await (await import('./picture.ts')).pictureCanBeMade(o.svg);
  const unmeasured = (e: unknown): never => { throw new UserError(`nothing is measured: ${e instanceof Error ? e.message : String(e)}`); };
  const device = o.measure && target === 'webgpu' ? await (await import('./gpu.ts')).deviceHere().catch(unmeasured) : undefined;
  await each(files, o.json, async (file, text) => {
    const printer = await targetOf(target, tuning.tuning);
    const { models } = await compile(text, { file, targets: [target], set: parseSet(o.set), memory, ...tuning });
    const explanations: Explanation[] = [];
    for (const m of models) {
      const s = m.schedules[target];
      if (!s) continue;
      const own = m.own();
      const made = { threads, ...(own ? { own } : {}) };
      const measured = o.measure ? await (await import('../measure.ts')).measure(m.model, s, printer, { ...extents, threads, ...(device ? { device } : {}) }).catch(unmeasured) : undefined;
      explanations.push(explain(m.model, s, printer, extents, measured ? { ...made, measured } : made));
    }
    const [first] = explanations;
    if (o.svg !== undefined && first) await (await import('./picture.ts')).pictureOfKernels(o.svg, first, printer.capabilities.cost);
    if (!o.json) for (const e of explanations) {
      print(pc.bold(`${e.model} for ${target}, ${e.rows} rows, ${e.samples} samples`));
      print(`  ${e.parameters.reduce((n, p) => n + p.shape.reduce((x, y) => x * y, 1), 0).toLocaleString('en')} parameters`);
      for (const w of e.weights) print(`    ${w.path.padEnd(24)} [${w.shape.join(', ')}]  prior ${w.prior}, posterior ${w.posterior}, KL ${w.kl}`);
      print(`  memory ${(e.memory.total / 2 ** 20).toFixed(2)} MiB${target === 'wasm' ? ` on ${threads} thread${threads === 1 ? '' : 's'}` : ''}: ${Object.entries(e.memory.parts).map(([kind, n]) => `${kind} ${(n / 1024).toFixed(1)} kB`).join(', ')}`);
      print(`    activations of one sample ${(e.memory.activations / 1024).toFixed(1)} kB; copies to go back to, outside of it, ${(e.memory.copies / 1024).toFixed(1)} kB${e.memory.staging > 0 ? `; while a tensor is read, up to ${(e.memory.staging / 1024).toFixed(1)} kB more` : ''}`);
      for (const p of e.programs) {
        print(`  ${pc.bold(p.name.padEnd(12))} ${String(p.kernels.length).padStart(4)} kernels  ${scale(p.work.arithmetic + p.work.transcendental)} operations (${scale(p.work.transcendental)} exp, log, /), ${scale(p.work.noise)} noise, ${scale(p.work.bytes)} bytes${p.loads ? `, ${scale(p.loads.now)} loads for ${scale(p.loads.plain)}` : ''}, ${timesOf(p)}`);
        if (o.kernels) for (const k of p.kernels) print([...k.text.split('\n'), `  ${timesOf(k)}`, ...(k.traffic ? [`  ${k.traffic.workgroups} workgroups, ${k.traffic.form}: ${scale(k.traffic.globalLoads)} loads for ${scale(k.traffic.plainLoads)}`] : [])].map(l => `      ${l}`).join('\n'));
      }
    }
    return { file, ok: true, models: explanations };
  });
  device?.destroy();
};
/** What was predicted, and what it took where that was measured, with a word where they are more than twice apart. */
function timesOf({ predicted, measured }: { readonly predicted: number; readonly measured?: number }): string {
  const said = `${duration(predicted)} predicted`;
  if (measured === undefined) return said;
  const off = Math.max(predicted / measured, measured / predicted);
  return `${said}, ${duration(measured)} measured${off > 2 ? pc.yellow(` (off by ${off.toFixed(1)})`) : ''}`;
}
