/**
 * Which shapes of workgroups are quickest on a GPU at hand. Imagine the model compiled once for each place of the short lists, all
 * kernels with their first form, then all with their second, and every kernel timed by itself each time.
 */
import type { Model } from './2-check/model.ts';
import type { Schedule } from './5-schedule/schedule.ts';
import { webgpuWith } from './7-targets/wgsl/index.ts';
import { remembered, shortlist, tuned, tuningKey } from './7-targets/wgsl/tuning.ts';
import type { Tuning } from './7-targets/wgsl/tuning.ts';
import { measure } from './measure.ts';
import type { MeasureOptions } from './measure.ts';

export interface TuneOptions extends Omit<MeasureOptions, 'threads' | 'device'> { readonly device: GPUDevice; /** Forms of each kernel at most. */ readonly tries: number; /** Called before each round, of so many. */ readonly onRound?: (round: number, of: number) => void }
/** What was found, and nanoseconds of each program with the forms that counts choose and with those found. */
export interface TuneResult { readonly forms: Tuning['forms']; readonly kernels: number; readonly measured: number; readonly programs: readonly { readonly name: string; readonly before: number; readonly after: number }[] }

/** Part of the time that a form must save, or chance decides. */
const worthwhile = 0.05;
/** Measurements of all programs, before and after in turns. */
const turns = 4;

/** Rejects where the device refuses what is measured. */
export async function tune(model: Model, schedule: Schedule, options: TuneOptions): Promise<TuneResult> {
  const lists = schedule.kernels.map(k => shortlist(k, options.tries));
  const at = new Map(schedule.kernels.map((k, i) => [k, i] as const));
  const rounds = Math.max(0, ...lists.map(l => l.length));
  const times = lists.map((): number[] => []);
  const given = { ...options, threads: 1 };
  for (let round = 0; round < rounds; round++) {
    options.onRound?.(round, rounds + turns);
    // a kernel whose list has ended takes its first form
    const place = (kernel: number): number => (round < (lists[kernel]?.length ?? 0) ? round : 0);
    const target = webgpuWith(k => { const i = at.get(k) ?? -1; return lists[i]?.[place(i)]; });
    const { kernels } = await measure(model, schedule, target, { ...given, of: 'kernels' });
    kernels.forEach((ns, i) => { const list = times[i]; if (list) list[place(i)] = Math.min(list[place(i)] ?? Infinity, ns); });
  }
  const forms: Record<string, Tuning['forms'][string]> = {};
  schedule.kernels.forEach((kernel, i) => {
    const [first = 0, ...others] = times[i] ?? [];
    const best = others.reduce((b, ns, j) => (ns < (times[i]?.[b] ?? Infinity) ? j + 1 : b), 0);
    if (best > 0 && (times[i]?.[best] ?? Infinity) < first * (1 - worthwhile)) forms[tuningKey(kernel)] = remembered(lists[i]?.[best]);
  });
  // in turns, and the least of each: another program on the machine is no merit of a form
  const least: readonly [Map<string, number>, Map<string, number>] = [new Map(), new Map()];
  for (let turn = 0; turn < turns; turn++) {
    options.onRound?.(rounds + turn, rounds + turns);
    const side = least[turn % 2 === 0 ? 0 : 1];
    const { programs } = await measure(model, schedule, turn % 2 === 0 ? webgpuWith(k => lists[at.get(k) ?? -1]?.[0]) : tuned({ device: '', forms }), { ...given, of: 'programs' });
    programs.forEach((ns, name) => { side.set(name, Math.min(side.get(name) ?? Infinity, ns)); });
  }
  return {
    forms, kernels: lists.filter(l => l.length > 0).length, measured: lists.reduce((n, l) => n + l.length, 0),
    programs: schedule.programs.map(({ name }) => ({ name, before: least[0].get(name) ?? NaN, after: least[1].get(name) ?? NaN })),
  };
}
