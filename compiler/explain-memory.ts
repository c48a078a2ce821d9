/**
 * What a plan needs of memory while it runs, before it runs: by kind, and together. Imagine the backend's own bookkeeping (arena, record,
 * scratch of the threads) done on paper; a test holds it against what backends have after training.
 */
import { evaluateSize } from './6-kernels/index.ts';
import type { Dynamic } from './6-kernels/kernel.ts';
import type { Role, Schedule, Step } from './5-schedule/schedule.ts';
import { kernelsOf } from './5-schedule/schedule.ts';
import { layout } from '../runtime/arena.ts';
import { tapeWords } from '../runtime/webgpu-queue.ts';

type Extents = Readonly<Record<Dynamic, number>>;
/** What a module's code says of itself: bytes for each thread, and for each thread, row and sample (WebAssembly's). */
export interface OwnMemory { readonly scratch: number; readonly panels: number }

export interface MemoryExplanation {
  /** Bytes of all buffers of a role; those that are never alive at once share memory, so these are more than the arena. */
  readonly byRole: Readonly<Partial<Record<Role, number>>>;
  /** Bytes of the arena after sharing. */
  readonly arena: number;
  /** Bytes by kind: `parameters`, `moments`, `inputs`, `workspace` (all that shares memory), and what the backend adds. Their sum is `total`. */
  readonly parts: Readonly<Record<string, number>>;
  /** Bytes that the backend holds at its peak. */
  readonly total: number;
  /** Bytes of what the backward pass reads of the forward one, for one sample: forward values, and the inputs. */
  readonly activations: number;
  /** Bytes that are there for a moment only, while a buffer is read (WebGPU). */
  readonly staging: number;
  /** Bytes on the side of JavaScript: the two copies of parameters and moments that a fit goes back to. Not part of `total`. */
  readonly copies: number;
}

/** Of one sample at a time in a small plan, whatever `samples` is. */
export const atOnce = (schedule: Schedule, e: Extents): Extents => (schedule.memory === 'small' ? { ...e, samples: 1 } : e);

/** @param own Of WebAssembly; without it scratch memory is not counted. */
export function explainMemory(schedule: Schedule, target: string, extents: Extents, threads: number, own: OwnMemory = { scratch: 0, panels: 0 }): MemoryExplanation {
  const live = atOnce(schedule, extents);
  const bytesOf = (b: Schedule['buffers'][number]): number => 4 * evaluateSize(b.size, live);
  const byRole: Partial<Record<Role, number>> = {};
  for (const b of schedule.buffers) byRole[b.role] = (byRole[b.role] ?? 0) + bytesOf(b);
  const arena = 4 * layout(schedule, live.rows, live.samples).words;
  const named = { parameters: byRole.parameter ?? 0, moments: byRole.moment ?? 0, inputs: (byRole.input ?? 0) + (byRole.noise ?? 0) };
  const shared = (all: number): number => all - named.parameters - named.moments - named.inputs;
  const added = backends[target]?.(schedule, extents, threads, own, arena) ?? {};
  const held = target === 'gpujs' ? Object.values(byRole).reduce((s, x) => s + x, 0) : arena;
  const parts = { ...named, workspace: shared(held), ...added };
  const largest = Math.max(0, ...schedule.buffers.filter(b => b.role === 'parameter' || b.role === 'moment' || b.role === 'result').map(bytesOf));
  return {
    byRole, arena, parts, total: Object.values(parts).reduce((s, x) => s + x, 0), activations: activationsOf(schedule, live.rows),
    staging: target === 'webgpu' ? largest : 0, copies: 2 * (named.parameters + named.moments),
  };
}

/** What each backend has beside its buffers. */
const backends: Readonly<Record<string, (schedule: Schedule, extents: Extents, threads: number, own: OwnMemory, arena: number) => Readonly<Record<string, number>>>> = {
  /** `runtime/wasm.ts`: record and addresses, control block, scratch of each thread, then the arena, then panels; whole pages. */
  wasm(schedule, extents, threads, own, arena) {
    const { rows, samples } = atOnce(schedule, extents);
    const record = Math.ceil((4 * (schedule.record.length + schedule.buffers.length)) / 64) * 64 + 64;
    const panels = threads * Math.ceil(own.panels * rows * samples / 64) * 64;
    const end = record + threads * own.scratch + arena + panels;
    return { record, scratch: threads * own.scratch, panels, pages: Math.ceil(end / 65_536) * 65_536 - end };
  },
  /** `runtime/webgpu-queue.ts`: records of runs, and numbers on their way into buffers. A data set that `fit` holds on the device is the caller's. */
  webgpu: () => ({ tape: 4 * tapeWords }),
};

/**
 * Bytes that the forward pass leaves for the backward one, one sample's: of the gradients' program, values with rows that the kernels
 * store which make the loss, or a loop in which they are, and that others read; and the inputs.
 */
function activationsOf(schedule: Schedule, rows: number): number {
  const program = schedule.programs.find(p => p.name === 'train_adam') ?? schedule.programs.find(p => p.name === 'predict');
  if (!program) return 0;
  const kernels = kernelsOf(program.steps).flatMap(k => schedule.kernels[k] ?? []);
  const forward = new Set<(typeof kernels)[number]>();
  const seen = new Set<string>();
  /** What wrote a buffer before a place in the program: a gradient may take the place of a value afterwards. */
  const follow = (name: string, before: number): void => {
    if (seen.has(`${name} ${before}`)) return;
    seen.add(`${name} ${before}`);
    kernels.slice(0, before).forEach((k, at) => {
      if (!k.buffers.some(b => b.name === name && b.access !== 'read') || forward.has(k)) return;
      forward.add(k);
      k.buffers.filter(b => b.access !== 'write').forEach(b => { follow(b.name, at); });
    });
  };
  ['loss', 'likelihood', 'complexity'].forEach(r => { const name = program.results[r]; if (name !== undefined) follow(name, kernels.length); });
  // what a turn keeps beside (its state, say) is the forward pass's too
  const loops = (steps: readonly Step[]): readonly (readonly number[])[] => steps.flatMap(x => (x.kind === 'loop' ? [...(x.extent === 'draws' ? [] : [kernelsOf(x.body)]), ...loops(x.body)] : []));
  for (const turn of loops(program.steps)) {
    const inside = turn.flatMap(k => schedule.kernels[k] ?? []);
    if (inside.some(k => forward.has(k))) inside.forEach(k => forward.add(k));
  }
  const made = new Set([...forward].flatMap(k => k.buffers.filter(b => b.access !== 'read').map(b => b.name)));
  const read = new Set(kernels.filter(k => !forward.has(k)).flatMap(k => k.buffers.filter(b => b.access !== 'write').map(b => b.name)));
  return schedule.buffers.filter(b => b.role === 'input' || b.shape.includes('rows') && made.has(b.name) && read.has(b.name))
    .reduce((n, b) => n + 4 * evaluateSize(b.size, { rows, samples: 1 }), 0);
}
