/** What the compiler made of a model, as data: parameters, the kernels of each program, memory, and the work of each run. */
import type { Model } from './2-check/model.ts';
import { parametersOf } from './4-diff/programs.ts';
import { countKernel } from './5-schedule/count.ts';
import type { Work } from './5-schedule/count.ts';
import type { Capabilities, Schedule, Step } from './5-schedule/schedule.ts';
import { atOnce, explainMemory } from './explain-memory.ts';
import type { MemoryExplanation, OwnMemory } from './explain-memory.ts';
import type { Kernel } from './6-kernels/kernel.ts';
import { showKernel } from './6-kernels/show.ts';
import type { Measurement } from './measure.ts';
import type { Target, Traffic } from './7-targets/target.ts';

export interface KernelExplanation { readonly name: string; readonly grid: readonly (string | number)[]; readonly stores: readonly string[]; readonly work: Work; readonly text: string; /** How often a run of the program runs it. */ readonly times: number; /** Nanoseconds, of all times together: by the target's cost model; and the least it took here, if it was measured. */ readonly predicted: number; readonly measured?: number; /** Where the target says it. */ readonly traffic?: Traffic }
export interface Explanation {
  readonly model: string;
  readonly target: string;
  /** The extents that all counts are for. */
  readonly rows: number; readonly samples: number;
  readonly parameters: readonly { readonly path: string; readonly shape: readonly number[]; readonly trained: boolean }[];
  readonly weights: readonly { readonly path: string; readonly shape: readonly number[]; readonly kl: string; readonly prior: string; readonly posterior: string }[];
  readonly programs: readonly { readonly name: string; readonly kernels: readonly KernelExplanation[]; readonly work: Work; /** Nanoseconds of a run, as of a kernel. */ readonly predicted: number; readonly measured?: number; /** Loads from global memory, as the target runs the kernels and with an invocation a position. */ readonly loads?: { readonly now: number; readonly plain: number } }[];
  /** What the backend holds for these extents. */
  readonly memory: MemoryExplanation;
}

/** @param made Of WebAssembly: how many threads, and what its code needs for each (`ownMemory` of its target); without it scratch memory is not counted. And what was measured, for these extents. */
export function explain(model: Model, schedule: Schedule, target: Pick<Target, 'name' | 'capabilities' | 'predict' | 'traffic'>, extents: { readonly rows: number; readonly samples: number }, made: { readonly threads?: number; readonly own?: OwnMemory; readonly measured?: Measurement } = {}): Explanation {
  const live = atOnce(schedule, extents);
  const { threads = 1, measured } = made;
  const of = (nanoseconds: number | undefined, times: number): { readonly measured?: number } => (nanoseconds === undefined ? {} : { measured: times * nanoseconds });
  const predictions = new Map<number, number>();
  /** Nanoseconds of one run of a kernel. */
  const predicted = (kernel: number, k: Kernel, work: Work): number => {
    const known = predictions.get(kernel) ?? target.predict?.(k, live, threads, schedule.memory ?? 'fast') ?? byValues(work, target.capabilities.cost);
    predictions.set(kernel, known);
    return known;
  };
  const flat = (steps: readonly Step[], times = 1): readonly { readonly kernel: number; readonly times: number }[] =>
    steps.flatMap(s => (s.kind === 'run' ? [{ kernel: s.kernel, times }] : flat(s.body, times * (s.extent === 'draws' ? extents.samples : s.extent))));
  const programs = schedule.programs.map(p => {
    // what a run gives for each draw is run for each, where one is taken at a time
    const runs = live.samples < extents.samples && Object.keys(p.results).some(r => /^(output|observation|location|logDensity):/.test(r)) ? extents.samples : 1;
    const kernels = flat(p.steps, runs).flatMap(({ kernel, times }) => {
      const k = schedule.kernels[kernel];
      const moved = k && target.traffic?.(k, live);
      const traffic = moved && { ...moved, workgroups: moved.workgroups * times, globalLoads: moved.globalLoads * times, plainLoads: moved.plainLoads * times, sharedLoads: moved.sharedLoads * times };
      if (!k) return [];
      const work = countKernel(k, live);
      const loads = traffic ? { ...work, loads: traffic.globalLoads / times } : work;
      return [{
        name: k.name, grid: k.axes.map(a => a.extent), stores: k.buffers.filter(b => b.access !== 'read').map(b => b.name), work: scale(work, times), text: showKernel(k), times,
        predicted: times * predicted(kernel, k, loads), ...of(measured?.kernels[kernel], times), ...(traffic ? { traffic } : {}),
      }];
    });
    const sum = (of: (t: Traffic) => number): number => kernels.reduce((n, k) => n + (k.traffic ? of(k.traffic) : 0), 0);
    return { name: p.name, kernels, work: kernels.map(k => k.work).reduce(add, none), predicted: kernels.reduce((n, k) => n + k.predicted, 0), ...of(measured?.programs.get(p.name), runs), ...(target.traffic ? { loads: { now: sum(t => t.globalLoads), plain: sum(t => t.plainLoads) } } : {}) };
  });
  return {
    model: model.name, target: target.name, ...extents,
    parameters: parametersOf(model).filter(p => !p.state).map(p => ({ path: p.path, shape: p.shape, trained: p.trained })),
    weights: model.variables.flatMap(v => (v.kind === 'weight' ? [{ path: v.path, shape: v.shape, kl: v.kl, prior: v.prior.name ?? v.prior.family, posterior: v.posterior.family }] : [])),
    programs,
    memory: explainMemory(schedule, target.name, extents, threads, made.own),
  };
}

/** By what one operation costs. */
const byValues = (w: Work, cost: Capabilities['cost']): number =>
  cost.launch + cost.arithmetic * w.arithmetic + cost.transcendental * w.transcendental + cost.noise * w.noise + cost.load * w.loads + cost.store * w.stores;

const none: Work = { arithmetic: 0, contracted: 0, transcendental: 0, noise: 0, loads: 0, stores: 0, bytes: 0 };
const add = (a: Work, b: Work): Work => combine(a, b, (x, y) => x + y);
const scale = (a: Work, by: number): Work => combine(a, a, x => x * by);
const combine = (a: Work, b: Work, f: (x: number, y: number) => number): Work => ({
  arithmetic: f(a.arithmetic, b.arithmetic), contracted: f(a.contracted, b.contracted), transcendental: f(a.transcendental, b.transcendental), noise: f(a.noise, b.noise),
  loads: f(a.loads, b.loads), stores: f(a.stores, b.stores), bytes: f(a.bytes, b.bytes),
});
