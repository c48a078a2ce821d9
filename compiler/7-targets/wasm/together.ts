/**
 * How many samples of a prediction to compute at a time. Imagine an LSTM: each of its hundred turns reads all weights of all samples once
 * more. Those of a few samples stay in a core's second cache for all turns; those of twenty-five come from far away each time.
 */
import type { Schedule, Step } from '../../5-schedule/schedule.ts';

/** Bytes that stay near a core, more or less; and samples at a time where nothing is read again. */
const [near, most] = [2 ** 20, 32] as const;

/** Undefined: as many as there is memory for. */
export function samplesTogether({ programs, kernels, buffers }: Schedule): number | undefined {
  const steps = programs.find(p => p.name === 'predict')?.steps ?? [];
  const inside = (s: Step): readonly number[] => (s.kind === 'run' ? [s.kernel] : s.body.flatMap(inside));
  const read = new Set(steps.filter(s => s.kind === 'loop').flatMap(inside).flatMap(k => kernels[k]?.buffers.flatMap(b => (b.access === 'read' ? [b.name] : [])) ?? []));
  // what has a value for each sample, the same for all rows and turns
  const bytes = buffers.reduce((n, { name, size }) => n + (read.has(name) && typeof size !== 'number' && size.by.join() === 'samples' ? 4 * size.times : 0), 0);
  const together = Math.max(1, Math.round(near / bytes));
  return together < most ? together : undefined;
}
