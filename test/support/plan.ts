/**
 * From hand-written kernels to something that a backend can run. Imagine the smallest schedule around them: every buffer in
 * a slot of its own, one program `all` that runs them in order.
 */
import type { Buffer, Role, Schedule, Step } from '../../compiler/5-schedule/schedule.ts';
import { planOf as manifestOf } from '../../compiler/8-module/manifest.ts';
import type { Target } from '../../compiler/7-targets/target.ts';
import { recordFields } from '../../compiler/6-kernels/kernel.ts';
import type { BufferUse, Kernel } from '../../compiler/6-kernels/kernel.ts';
import type { Backend } from '../../runtime/backend.ts';
import type { PlanManifest } from '../../runtime/manifest.ts';

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

/** What a schedule says to the runtime; for WebGPU with its target, whose workgroups may own tiles. */
export const planOf = (schedule: Schedule, target: Pick<Target, 'tiles' | 'details'> = {}): PlanManifest => manifestOf(schedule, target);

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
