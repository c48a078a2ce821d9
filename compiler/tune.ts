/**
 * Which shapes of workgroups are quickest on a GPU at hand. Imagine the model compiled once for each place of the short lists, all
 * kernels with their first form, then all with their second, and every kernel timed by itself each time.
 */
import type { Model } from './2-check/model.ts';
import type { Schedule } from './5-schedule/schedule.ts';
import { webgpuWith } from './7-targets/wgsl/index.ts';
import { remembered, shortlist, tuningKey } from './7-targets/wgsl/tuning.ts';
import type { Tuning } from './7-targets/wgsl/tuning.ts';
import { measure } from './measure.ts';
import type { Measurement, MeasureOptions } from './measure.ts';

export interface TuneOptions extends Omit<MeasureOptions, 'threads' | 'device'> { readonly device: GPUDevice; /** Forms of each kernel at most. */ readonly tries: number; /** Called before each round, of so many. */ readonly onRound?: (round: number, of: number) => void }
/** What was found, and nanoseconds of each program with the forms that counts choose and with those found. */
export interface TuneResult { readonly forms: Tuning['forms']; /** Of all kernels that were measured: what was known of them before is out of date. */ readonly measuredKeys: readonly string[]; readonly kernels: number; readonly measured: number; readonly programs: readonly { readonly name: string; readonly before: number; readonly after: number }[] }

/** Part of the time that a form must save, or chance decides. */
const worthwhile = 0.05;
/** Measurements of first and quickest forms, one after the other, in turns. */
const turns = 4;

/** Rejects where the device refuses what is measured. */
export async function tune(model: Model, schedule: Schedule, options: TuneOptions): Promise<TuneResult> {
  const lists = schedule.kernels.map(k => shortlist(k, options.tries));
  const at = new Map(schedule.kernels.map((k, i) => [k, i] as const));
  const given = { ...options, threads: 1 };
  const rounds = Math.max(0, ...lists.map(l => l.length));
  let round = 0;
  /** Times with a form of each list: of kernels by number, of programs by name. */
  const timed = async (of: 'kernels' | 'programs', place: (kernel: number) => number): Promise<Measurement> => {
    options.onRound?.(round++, rounds + 2 * turns);
    return measure(model, schedule, webgpuWith(k => { const i = at.get(k) ?? -1; return lists[i]?.[place(i)]; }), { ...given, of });
  };
  // on a busy machine a time can come out as none, which is no merit either
  const none = (ns: number | undefined): number => (ns !== undefined && ns > 0 ? ns : Infinity);

  // equal kernels have one form, so what counts is the time of all of them
  const keys = schedule.kernels.map(tuningKey);
  const groups = [...new Set(keys)].flatMap(key => {
    const kernels = keys.flatMap((k, i) => (k === key ? [i] : []));
    const list = lists[kernels[0] ?? -1] ?? [];
    return list.length > 0 ? [{ key, kernels, list }] : [];
  });
  const groupOf = new Map(groups.flatMap((g, i) => g.kernels.map(kernel => [kernel, i] as const)));
  /** Places by group as places by kernel. */
  const placeIn = (places: readonly number[]) => (kernel: number): number => places[groupOf.get(kernel) ?? -1] ?? 0;
  const timesOf = async (places: readonly number[]): Promise<readonly number[]> => {
    const { kernels } = await timed('kernels', placeIn(places));
    return groups.map(g => g.kernels.reduce((n, kernel) => n + none(kernels[kernel]), 0));
  };
  const first = groups.map(() => 0);

  const times = groups.map(g => g.list.map(() => Infinity));
  for (let r = 0; r < rounds; r++) {
    // a kernel whose list has ended takes its first form
    const places = groups.map(g => (r < g.list.length ? r : 0));
    // a form that the device refuses is none
    const found = r === 0 ? await timesOf(places) : await timesOf(places).catch((): readonly number[] => []);
    times.forEach((list, i) => { const place = places[i] ?? 0; list[place] = Math.min(list[place] ?? Infinity, found[i] ?? Infinity); });
  }
  const quickest = times.map(list => list.indexOf(Math.min(...list)));
  // what won once may have been lucky: first and quickest again, in turns, and the least of each
  const again = [first, quickest].map(places => ({ places, least: groups.map(() => Infinity) }));
  for (let turn = 0; turn < turns; turn += again.length) {
    for (const side of again) { const found = await timesOf(side.places); side.least = side.least.map((ns, i) => Math.min(ns, found[i] ?? Infinity)); }
  }
  const chosen = quickest.map((place, i) => {
    const [before = Infinity, after = Infinity] = again.map(side => side.least[i] ?? Infinity);
    return before < Infinity && after < before * (1 - worthwhile) ? place : 0;
  });
  const forms = Object.fromEntries(groups.flatMap((g, i) => { const place = chosen[i] ?? 0; return place > 0 ? [[g.key, remembered(g.list[place])] as const] : []; }));
  const least: readonly [Map<string, number>, Map<string, number>] = [new Map(), new Map()];
  for (let turn = 0; turn < turns; turn++) {
    const side = least[turn % 2 === 0 ? 0 : 1];
    const { programs } = await timed('programs', placeIn(turn % 2 === 0 ? first : chosen));
    programs.forEach((ns, name) => { side.set(name, Math.min(side.get(name) ?? Infinity, none(ns))); });
  }
  return {
    forms, measuredKeys: groups.map(g => g.key), kernels: lists.filter(l => l.length > 0).length, measured: lists.reduce((n, l) => n + l.length, 0),
    programs: schedule.programs.map(({ name }) => ({ name, before: least[0].get(name) ?? NaN, after: least[1].get(name) ?? NaN })),
  };
}
