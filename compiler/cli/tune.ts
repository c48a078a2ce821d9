/** `bnnc tune`: measures forms of kernels on the GPU that is here, and remembers them in a file for `compile --tuning`. */
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import pc from 'picocolors';
import { deviceOf } from '../../runtime/webgpu-device.ts';
import { compile } from '../compile.ts';
import type { Tuning } from '../7-targets/wgsl/tuning.ts';
import { tune } from '../tune.ts';
import { each } from './each.ts';
import { adapterHere, nameOf } from './gpu.ts';
import { parseMemory, parseSet, whole } from './options.ts';
import type { CommonOptions } from './options.ts';
import { UserError, writeAll } from './output.ts';
import { readTuning } from './tuning-file.ts';
import { duration } from './units.ts';

/** A time that a busy machine hid is not told. */
const timeOf = (ns: number): string => (Number.isFinite(ns) ? duration(ns) : 'unknown');

export async function tuneCommand(files: readonly string[], o: CommonOptions & { readonly rows?: string; readonly samples?: string; readonly tries?: string; readonly out: string }): Promise<void> {
  const [set, memory] = [parseSet(o.set), parseMemory(o.memory)];
  const extents = { rows: whole('rows', o.rows, 32), samples: whole('samples', o.samples, 1), tries: whole('tries', o.tries, 8) };
  const adapter = await adapterHere().catch((e: unknown) => { throw new UserError(`there is nothing to measure on: ${e instanceof Error ? e.message : String(e)}`); });
  const device = nameOf(adapter);
  const known = existsSync(o.out) ? readTuning(o.out) : { device, forms: {} };
  if (known.device !== device) throw new UserError(`${o.out} was measured on ${known.device}, and this is ${device}: give another file with --out`);
  const gpu = await deviceOf(adapter).catch((e: unknown) => { throw new UserError(`${device} gives no device: ${e instanceof Error ? e.message : String(e)}`); });
  let forms = known.forms;
  await each(files, o.json, async (file, text) => {
    const { models } = await compile(text, { file, targets: ['webgpu'], set, memory });
    const reports: object[] = [];
    for (const { model, schedules: { webgpu: schedule } } of models) {
      if (!schedule) continue;
      const onRound = (round: number, of: number): void => { if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${pc.dim(`${model.name}: round ${round + 1} of ${of}`)}`); };
      const result = await tune(model, schedule, { ...extents, device: gpu, onRound }).catch((e: unknown) => { throw new UserError(`${model.name} is not tuned: ${e instanceof Error ? e.message : String(e)}`); });
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      const { measuredKeys, ...told } = result;
      forms = { ...Object.fromEntries(Object.entries(forms).filter(([key]) => !measuredKeys.includes(key))), ...result.forms };
      // after each model: what was measured stays, should the next one fail
      writeAll(dirname(o.out), [{ name: basename(o.out), text: `${JSON.stringify({ device, forms } satisfies Tuning, undefined, 2)}\n` }]);
      reports.push({ model: model.name, ...told });
      if (o.json) continue;
      const changed = Object.keys(result.forms).length;
      process.stdout.write(`${pc.green('tuned')} ${model.name} on ${device}: ${result.measured} forms of ${result.kernels} kernels, ${changed} quicker than those that counts choose\n`);
      for (const p of result.programs) process.stdout.write(`  ${p.name.padEnd(12)} ${timeOf(p.before).padStart(9)} -> ${timeOf(p.after)}\n`);
    }
    return { file, ok: true, device, out: o.out, models: reports };
  });
  gpu.destroy();
  if (!o.json && process.exitCode === undefined && existsSync(o.out)) process.stdout.write(`${o.out}: compile with --tuning ${o.out}\n`);
}
