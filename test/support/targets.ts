/** Capabilities as the targets have them, for tests of the schedule that run without any target. */
import type { Capabilities } from '../../compiler/5-schedule/schedule.ts';

const cpu: Capabilities = {
  results: 'many', inPlace: true, integers: true, innerLoops: 'cheap', loops: true,
  cost: { arithmetic: 0.15, transcendental: 1.5, noise: 2.5, load: 0.3, store: 0.3, launch: 30 },
};
export const capabilities: Readonly<Record<string, Capabilities>> = {
  'a processor': cpu,
  'a graphics processor': { ...cpu, innerLoops: 'dear', cost: { ...cpu.cost, noise: 0.5, launch: 1000 } },
  'one result a kernel, no integers': { ...cpu, results: 'one', inPlace: false, integers: false, loops: true },
};
