/**
 * Which buffers share memory. Imagine each buffer as a bar from the step that first writes it to the one that last reads it,
 * for each program; two buffers may share a slot if their bars never overlap in any program. Largest first, as in Pisarchyk
 * and Lee 2020 ("Efficient memory management for deep neural net inference", greedy by size).
 */
import { parts } from '../6-kernels/index.ts';
import type { Kernel, Size } from '../6-kernels/kernel.ts';
import type { Buffer, ProgramPlan, Step } from './schedule.ts';
import { nominal } from './unit.ts';

export type Span = readonly [from: number, to: number];

/** A program by its phases: only what is persistent, and sums, pass from one to the next. */
export type PhasedPlan = Omit<ProgramPlan, 'steps'> & { readonly phases: readonly (readonly Step[])[] };

/** Gives every buffer its slot. Persistent buffers, inputs and noise have slots of their own. */
export function planMemory(buffers: readonly Omit<Buffer, 'slot'>[], kernels: readonly Kernel[], programs: readonly PhasedPlan[]): readonly Buffer[] {
  const lives = new Map<string, { readonly program: number; readonly span: Span }[]>();
  const sums = new Set(buffers.flatMap(b => (b.role === 'sum' ? [b.name] : [])));
  programs.forEach((p, program) => { for (const [name, span] of lifetimes(p, kernels, sums)) { const list = lives.get(name); if (list) list.push({ program, span }); else lives.set(name, [{ program, span }]); } });
  const isShared = (b: Omit<Buffer, 'slot'>): boolean => b.role === 'temporary' || b.role === 'result' || b.role === 'sum';
  const slotOf = new Map<string, number>();
  /** When each slot that is shared is taken, by program. */
  const taken: { readonly slot: number; readonly spans: Map<number, Span[]> }[] = [];
  let slots = 0;
  const order = [...buffers].sort((a, b) => Number(isShared(a)) - Number(isShared(b)) || bytes(b.size) - bytes(a.size));
  for (const buffer of order) {
    if (!isShared(buffer)) { slotOf.set(buffer.name, slots++); continue; }
    const own = lives.get(buffer.name) ?? [];
    const isFree = (spans: ReadonlyMap<number, readonly Span[]>): boolean => own.every(({ program, span }) => !spans.get(program)?.some(s => overlaps(s, span)));
    let found = taken.find(t => isFree(t.spans));
    if (!found) taken.push(found = { slot: slots++, spans: new Map() });
    for (const { program, span } of own) { const list = found.spans.get(program); if (list) list.push(span); else found.spans.set(program, [span]); }
    slotOf.set(buffer.name, found.slot);
  }
  return buffers.map(b => ({ ...b, slot: slotOf.get(b.name) ?? 0 }));
}

const bytes = (s: Size): number => parts(s).by.reduce((n, d) => n * nominal[d], parts(s).times);
const overlaps = (a: Span, b: Span): boolean => a[0] <= b[1] && b[0] <= a[1];

/**
 * First and last step at which each buffer of a program matters, in each phase that it appears in; of a sum, in all of them. What a
 * loop over turns touches matters during all of it; what a loop over samples touches is made anew for each. Results matter to the end.
 * `visit` hears of all steps, loops over samples taken apart.
 */
export function lifetimes(program: PhasedPlan, kernels: readonly Kernel[], sums: ReadonlySet<string>, visit?: (at: number, step: Step) => void): readonly (readonly [string, Span])[] {
  const ended: (readonly [string, Span])[] = [];
  const lasting = new Map<string, Span>();
  const all = (s: Step): readonly number[] => (s.kind === 'run' ? [s.kernel] : s.body.flatMap(all));
  let at = 0;
  program.phases.forEach((steps, phase) => {
    const spans = new Map<string, Span>();
    const touch = (name: string): void => { const to = sums.has(name) ? lasting : spans; to.set(name, [to.get(name)?.[0] ?? at, at]); };
    for (const s of steps.flatMap(x => (x.kind === 'loop' && x.extent === 'draws' ? x.body : [x]))) {
      visit?.(at, s);
      all(s).forEach(k => kernels[k]?.buffers.forEach(b => { touch(b.name); }));
      at++;
    }
    if (phase === program.phases.length - 1) Object.values(program.results).forEach(touch);
    ended.push(...spans);
  });
  return [...ended, ...lasting];
}
