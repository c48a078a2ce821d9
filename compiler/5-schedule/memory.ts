/**
 * Which buffers share memory. Imagine each buffer as a bar from the step that first writes it to the one that last reads it,
 * for each program; two buffers may share a slot if their bars never overlap in any program. Largest first, as in Pisarchyk
 * and Lee 2020 ("Efficient memory management for deep neural net inference", greedy by size).
 */
import { parts } from '../6-kernels/index.ts';
import type { Kernel, Size } from '../6-kernels/kernel.ts';
import type { Buffer, ProgramPlan, Step } from './schedule.ts';
import { nominal } from './unit.ts';

type Span = readonly [from: number, to: number];

/** Gives every buffer its slot. Persistent buffers, inputs and noise have slots of their own. */
export function planMemory(buffers: readonly Omit<Buffer, 'slot'>[], kernels: readonly Kernel[], programs: readonly ProgramPlan[]): readonly Buffer[] {
  const lives = new Map<string, { readonly program: number; readonly span: Span }[]>();
  programs.forEach((p, program) => { for (const [name, span] of lifetimes(p, kernels)) { const list = lives.get(name); if (list) list.push({ program, span }); else lives.set(name, [{ program, span }]); } });
  const isShared = (b: Omit<Buffer, 'slot'>): boolean => b.role === 'temporary' || b.role === 'result';
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

/** First and last step at which each buffer of a program matters. What a loop touches matters during all of it; results to the end. */
function lifetimes(program: ProgramPlan, kernels: readonly Kernel[]): ReadonlyMap<string, Span> {
  const spans = new Map<string, Span>();
  const touch = (name: string, at: number): void => { const s = spans.get(name); spans.set(name, s ? [s[0], at] : [at, at]); };
  const all = (s: Step): readonly number[] => (s.kind === 'run' ? [s.kernel] : s.body.flatMap(all));
  program.steps.forEach((s, at) => all(s).forEach(k => kernels[k]?.buffers.forEach(b => touch(b.name, at))));
  Object.values(program.results).forEach(name => touch(name, program.steps.length));
  return spans;
}
