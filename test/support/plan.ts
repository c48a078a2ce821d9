/**
 * From hand-written kernels to something that a backend can run. Imagine the smallest schedule around them: every buffer in
 * a slot of its own, one program `all` that runs them in order.
 */
import type { Buffer, Role, Schedule, Step } from '../../compiler/5-schedule/schedule.ts';
import { recordFields } from '../../compiler/6-kernels/kernel.ts';
import type { Axis, BufferUse, Kernel } from '../../compiler/6-kernels/kernel.ts';
import type { Backend } from '../../runtime/backend.ts';
import type { PlanManifest, StepManifest } from '../../runtime/manifest.ts';

/** A schedule of these kernels; buffers that one of them writes are results, the others inputs. `fields` are f32 scalars of the record. */
export function scheduleOf(kernels: readonly Kernel[], fields: readonly string[] = [], steps?: readonly Step[]): Schedule {
  const uses = new Map<string, BufferUse>();
  const written = new Set<string>();
  for (const use of kernels.flatMap(k => k.buffers)) {
    uses.set(use.name, use);
    if (use.access !== 'read') written.add(use.name);
  }
  const role = (name: string): Role => (written.has(name) ? 'result' : 'input');
  const buffers: Buffer[] = [...uses.values()].map(({ name, type, size }, slot) => ({ name, type, size, slot, role: role(name), shape: [] }));
  const counters = new Set<string>();
  const note = (s: Step): void => { if (s.kind === 'loop') { counters.add(s.counter); s.body.forEach(note); } };
  steps?.forEach(note);
  return {
    kernels, buffers,
    record: [...[...recordFields, ...counters].map(name => ({ name, type: 'u32' as const })), ...fields.map(name => ({ name, type: 'f32' as const }))],
    programs: [{ name: 'all', steps: steps ?? kernels.map((_, kernel) => ({ kind: 'run', kernel })), results: {}, swaps: [] }],
  };
}

/** What a schedule says to the runtime. */
export function planOf(schedule: Schedule): PlanManifest {
  const step = (s: Step): StepManifest => (s.kind === 'run' ? s.kernel : { counter: s.counter, extent: s.extent, reverse: s.reverse, body: s.body.map(step) });
  return {
    buffers: schedule.buffers.map(({ name, type, size, slot, role, noise, bucket }) => ({ name, ...(type === 'u32' ? { type } : {}), size, slot, role, ...(noise ? { noise } : {}), ...(bucket ? { bucket } : {}) })),
    programs: Object.fromEntries(schedule.programs.map(p => [p.name, { steps: p.steps.map(step), results: p.results, swaps: p.swaps }])),
    record: schedule.record.map(f => f.name), integers: schedule.record.filter(f => f.type === 'u32').length,
    kernels: schedule.kernels.map(k => ({ name: k.name, grid: k.axes.map((a: Axis) => a.extent), buffers: k.buffers.map(b => schedule.buffers.findIndex(x => x.name === b.name)) })),
  };
}

/** Content of buffers, by name. */
export type Memory = Readonly<Record<string, readonly number[]>>;

/** Writes `inputs`, runs program `all`, and reads `outputs`: so many elements of each. */
export async function runAll(backend: Backend, inputs: Memory, outputs: Readonly<Record<string, number>>, scalars: Readonly<Record<string, number>> = {}): Promise<Memory> {
  backend.reserve(scalars['rows'] ?? 0, scalars['samples'] ?? 0);
  for (const [name, data] of Object.entries(inputs)) backend.write(name, data);
  backend.run('all', scalars);
  const read = await Promise.all(Object.entries(outputs).map(async ([name, count]) => [name, [...await backend.read(name, count)]] as const));
  return Object.fromEntries(read);
}
