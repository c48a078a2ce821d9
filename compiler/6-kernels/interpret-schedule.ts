/** Runs a program of a schedule with the interpreter: what each target's runtime does, in double precision. */
import { InternalError } from '../diagnostics.ts';
import type { Schedule, Step } from '../5-schedule/schedule.ts';
import { evaluateSize } from './index.ts';
import { interpret } from './interpret.ts';
import type { Memory, StepRecord } from './interpret.ts';
import { bucket } from '../../runtime/bucket.ts';
import { fillNoise, purposes } from '../../runtime/noise.ts';

export interface Extents { readonly rows: number; readonly samples: number }

/**
 * Arrays for all buffers of a schedule. With `slots`, buffers of one slot are one array, as on a device, so that a wrong
 * memory plan gives wrong numbers; temporary content is NaN at first.
 */
export function allocate(schedule: Schedule, extents: Extents, slots = true): Memory {
  const bySlot = new Map<number, Float64Array>();
  for (const b of schedule.buffers) {
    const length = evaluateSize(b.size, extents);
    const seen = bySlot.get(b.slot);
    if (!seen || seen.length < length) bySlot.set(b.slot, new Float64Array(length).fill(b.role === 'temporary' || b.role === 'result' ? NaN : 0));
  }
  return Object.fromEntries(schedule.buffers.map(b => {
    const length = evaluateSize(b.size, extents);
    return [b.name, slots ? (bySlot.get(b.slot) ?? new Float64Array()).subarray(0, length) : new Float64Array(length)];
  }));
}

/** Runs a program in place. Buffers that the target swaps afterwards are copied. */
export function runSchedule(schedule: Schedule, program: string, memory: Memory, record: StepRecord): void {
  const plan = schedule.programs.find(p => p.name === program);
  if (!plan) throw new InternalError('interpret', `no program ${program}`);
  const stream = { seed: (record['seedLo'] ?? 0) + (record['seedHi'] ?? 0) * 2 ** 32, purpose: record['purpose'] ?? purposes.train, count: (record['countLo'] ?? 0) + (record['countHi'] ?? 0) * 2 ** 32 };
  const fill = (now: StepRecord): void => {
    for (const b of schedule.buffers) {
      const data = memory[b.name];
      const classes = b.bucket && memory[b.bucket.of];
      if (b.bucket && classes) data?.set(bucket(classes, b.bucket.extent)[b.bucket.part]);
      if (!b.noise || !data) continue;
      const samples = b.shape[0] === 'samples' ? now['samples'] ?? 1 : 1;
      const each = data.length / samples;
      // rows of a chunk are counted in the caller's whole input
      const from = b.shape[1] === 'rows' ? (now['rowBase'] ?? 0) * (each / (now['rows'] ?? 1)) : 0;
      for (let s = 0; s < samples; s++) fillNoise(data.subarray(s * each, (s + 1) * each), b.noise.family, stream, b.noise.site, s + (now['sampleBase'] ?? 0), from);
    }
  };
  fill(record);
  const run = (steps: readonly Step[], now: StepRecord): void => {
    for (const s of steps) {
      if (s.kind === 'run') { const k = schedule.kernels[s.kernel]; if (k) interpret(k, memory, now); continue; }
      const extent = s.extent === 'draws' ? record['draws'] ?? 1 : s.extent;
      for (let i = 0; i < extent; i++) {
        const turn = { ...now, [s.counter]: s.reverse ? extent - 1 - i : i };
        if (s.extent === 'draws') fill(turn);
        run(s.body, turn);
      }
    }
  };
  run(plan.steps, record);
  for (const [to, from] of plan.swaps) { const source = memory[from]; if (source) memory[to]?.set(source); }
}
