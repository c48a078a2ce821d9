/**
 * What runs, in order. Imagine the whole step of a model as a short list of kernels over named buffers in one arena, with
 * loops only where a `scan` needs them. A module has one plan: several programs (train, predict, …) over the same buffers
 * and one list of kernels, in which equal kernels of two programs are one.
 */
import type { Dynamic, Kernel, Size } from '../6-kernels/kernel.ts';

/** What a target can do; the schedule is made for it (DECISIONS 2.4). */
export interface Capabilities {
  /** Stores of one kernel: as many as wanted, or one, at the kernel's own position. */
  readonly results: 'many' | 'one';
  /** A kernel may read and write one buffer. If not, an updated buffer gets a `next` twin and the runtime swaps them. */
  readonly inPlace: boolean;
  /** 32-bit integers. If not, noise comes in buffers that the runtime fills. */
  readonly integers: boolean;
  /** Folded axes of one position may be walked lanes at a time, and inner maps are cheap (a CPU); else one position is one thread (a GPU). */
  readonly innerLoops: 'cheap' | 'dear';
  /** What one operation costs, in nanoseconds a value: for store-or-recompute. */
  readonly cost: { readonly arithmetic: number; readonly transcendental: number; readonly noise: number; readonly load: number; readonly store: number; /** Of one more kernel in a program. */ readonly launch: number };
  /** `loop` may appear. */
  readonly loops: boolean;
}

/** What a buffer is for. Persistent roles keep their content between programs; the others only within a run. */
export type Role =
  /** Trained: `linear1.w.mu`. Persistent. */
  | 'parameter'
  /** The optimizer's: `linear1.w.mu/m`. Persistent. */
  | 'moment'
  /** A sum over samples: keeps its content from one phase of a program to the next. */
  | 'sum'
  /** Data of this call, written by the runtime. */
  | 'input'
  /** Standard noise that the runtime fills because the target has no integers. */
  | 'noise'
  /** Read by the runtime after the run. */
  | 'result'
  | 'temporary';

export interface Buffer {
  readonly name: string;
  readonly type: 'f32' | 'u32';
  /** Logical extents, row-major. */
  readonly shape: readonly (number | Dynamic)[];
  readonly size: Size;
  readonly role: Role;
  /** Buffers of one slot share memory: they are never alive at once. Persistent buffers have slots of their own. */
  readonly slot: number;
  /** For `noise`: what to fill it with; element order is row-major without the leading samples axis. */
  readonly noise?: { readonly family: 'normal' | 'uniform'; readonly site: number };
  /** For an `input` that the runtime makes from the classes in another: their positions sorted by class, or where each class begins. */
  readonly bucket?: { readonly of: string; readonly extent: number; readonly part: 'order' | 'start' };
}

export type Step =
  | { readonly kind: 'run'; readonly kernel: number }
  /** E8: the body `extent` times with the record's field `counter` at 0, 1, … (or downwards). `draws`: as often as that field says. */
  | { readonly kind: 'loop'; readonly counter: string; readonly extent: number | 'draws'; readonly reverse: boolean; readonly body: readonly Step[] };

/** `fast` may hold all samples' draws of the weights; `small` stores no draw. */
export type MemoryPlan = 'fast' | 'small';

export interface ProgramPlan {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Result name (`loss`, `output:p`, `gradient:linear1.w.mu`, …) -> buffer. */
  readonly results: Readonly<Record<string, string>>;
  /** Without `inPlace`: after the run, buffer and twin change places. */
  readonly swaps: readonly (readonly [buffer: string, next: string])[];
}

export interface Schedule {
  /** `small`: no draw is stored, and its programs run for one sample at a time. */
  readonly memory?: MemoryPlan;
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly Buffer[];
  readonly programs: readonly ProgramPlan[];
  /** Fields of the step record, in order, one 32-bit word each: `recordFields`, loop counters, then the f32 scalars of the graphs. */
  readonly record: readonly { readonly name: string; readonly type: 'u32' | 'f32' }[];
}

/** The kernels of some steps, in order, those of a loop once. */
export const kernelsOf = (steps: readonly Step[]): readonly number[] => steps.flatMap(s => (s.kind === 'run' ? [s.kernel] : kernelsOf(s.body)));

/** How often each kernel runs in one run of the steps. */
export function turnsOf(steps: readonly Step[], times = 1, turns = new Map<number, number>()): ReadonlyMap<number, number> {
  for (const s of steps) {
    if (s.kind === 'run') turns.set(s.kernel, (turns.get(s.kernel) ?? 0) + times);
    else turnsOf(s.body, typeof s.extent === 'number' ? times * s.extent : times, turns);
  }
  return turns;
}
