/** What the runtime must know of a model and of its plan: names, shapes and order, without any arithmetic. */
import { createHash } from 'node:crypto';
import type { Model, Shape } from '../2-check/model.ts';
import { parametersOf } from '../4-diff/programs.ts';
import type { Schedule, Step } from '../5-schedule/schedule.ts';
import type { Target } from '../7-targets/target.ts';
import type { ModelManifest, OutputManifest, PlanManifest, PortManifest, StepManifest } from '../../runtime/manifest.ts';
import { version } from '../version.ts';

/** The runtime refuses another number: raise it when the manifest or a calling convention changes. */
export const abi = 3;
const shapeOf = (shape: Shape): readonly (number | null)[] => shape.map(d => (d === 'batch' ? null : d));
const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

export function manifestOf(model: Model): ModelManifest {
  const port = (p: Model['inputs'][number]): PortManifest => ({ name: p.name, shape: shapeOf(p.shape), type: p.type, ...(p.classes === undefined ? {} : { classes: p.classes }) });
  const all = parametersOf(model);
  const states = all.flatMap(p => (p.state ? [{ path: p.path, shape: p.shape }] : []));
  const parameters = all.filter(p => !p.state).map(p => ({ path: p.path, shape: p.shape, trained: p.trained, ...(p.weight === undefined ? {} : { weight: p.weight }), ...(p.part === undefined ? {} : { part: p.part }) }));
  const weights = model.variables.flatMap(v => (v.kind === 'weight' ? [{ path: v.path, shape: v.shape, kl: v.kl }] : []));
  const outputs: OutputManifest[] = [
    ...model.outputs.map((o): OutputManifest => ({ name: o.name, shape: shapeOf(model.values[o.value]?.shape ?? []), what: 'output' })),
    ...model.observations.flatMap((o): OutputManifest[] => {
      if (o.custom && o.custom.draw === undefined) return [];
      const target = model.targets.find(t => t.name === o.target);
      return [{ name: o.target, what: 'observation', shape: [...shapeOf(target?.shape ?? []), ...(o.distribution.family === 'categorical' ? [target?.classes ?? 1] : [])] }];
    }),
  ];
  return {
    abi, compiler: version, name: model.name,
    fingerprint: digest(model.variables.map(v => [v.path, v.shape, v.kind === 'weight' ? v.posterior.family : v.kind])),
    modelFingerprint: digest([model.inputs, model.targets, model.variables, model.values, model.scans, model.observations, model.losses].map(x => JSON.stringify(x, (k, v: unknown) => (k === 'span' || k === 'origin' || k === 'doc' ? undefined : v)))),
    inputs: model.inputs.map(port), targets: model.targets.map(port), outputs, parameters, ...(states.length > 0 ? { states } : {}), weights,
    trainable: model.losses.length > 0 || model.observations.length > 0,
  };
}

/**
 * Buffers, record and kernels in the schedule's order: the code refers to them by number; and what the target's runtime needs beside.
 * Where the code runs the steps itself, kernels and steps are left out.
 */
export function planOf(schedule: Schedule, target: Pick<Target, 'runsSteps' | 'tiles' | 'details'>): PlanManifest {
  const inCode = target.runsSteps === true;
  const step = (s: Step): StepManifest => (s.kind === 'run' ? s.kernel : { counter: s.counter, extent: s.extent, reverse: s.reverse, body: s.body.map(step) });
  const at = new Map(schedule.buffers.map((b, i) => [b.name, i] as const));
  return {
    ...(schedule.memory === 'small' ? { memory: schedule.memory } : {}),
    buffers: schedule.buffers.map(({ name, type, size, slot, role, noise, bucket }) => ({ name, ...(type === 'u32' ? { type } : {}), size, slot, role, ...(noise ? { noise } : {}), ...(bucket ? { bucket } : {}) })),
    programs: Object.fromEntries(schedule.programs.map(p => [p.name, { ...(inCode ? {} : { steps: p.steps.map(step) }), results: p.results, ...(p.swaps.length > 0 ? { swaps: p.swaps } : {}) }])),
    record: schedule.record.map(f => f.name), integers: schedule.record.filter(f => f.type === 'u32').length,
    kernels: inCode ? [] : schedule.kernels.map(k => {
      const tiles = target.tiles?.(k);
      return { name: k.name, grid: k.axes.map(a => a.extent), buffers: k.buffers.map(b => at.get(b.name) ?? -1), ...(tiles ? { tiles } : {}) };
    }),
    ...target.details?.(schedule),
  };
}
