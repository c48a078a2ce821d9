/**
 * Programs as functions. Imagine a list of calls, one a kernel, that every thread walks through: with a barrier before each kernel
 * that touches what another thread may have touched since the last one.
 */
import type binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Schedule, Step } from '../../5-schedule/schedule.ts';
import type { Memory } from './scope.ts';
import type { Module, Node } from './spellings.ts';
import { mine } from './threads.ts';

/** How a kernel is run, whether threads share it, and bytes of panels that each needs for every row and sample. */
export interface Call { readonly isShared: boolean; readonly panels: number; readonly node: () => Node }
/** What the global is called that says how many bytes of panels a program needs. */
export const panelsName = (program: string): string => `panelBytes ${program}`;

interface Access { readonly reads: Set<number>; readonly writes: Set<number> }
const access = (): Access => ({ reads: new Set(), writes: new Set() });
const meets = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].some(x => b.has(x));
const collides = (next: Access, before: Access): boolean => meets(next.reads, before.writes) || meets(next.writes, before.writes) || meets(next.writes, before.reads);
const add = (to: Access, x: Access): void => { x.reads.forEach(r => to.reads.add(r)); x.writes.forEach(w => to.writes.add(w)); };

/** Adds a function for each program, which each thread runs. @param calls Of each kernel. @param first What a thread does before its steps. */
export function addPrograms(m: Module, b: typeof binaryen, schedule: Schedule, calls: readonly Call[], memory: Memory, first: () => readonly Node[]): void {
  const slots = new Map(schedule.buffers.map(x => [x.name, x.slot]));
  const touched = schedule.kernels.map((k): Access => {
    const of = (not: 'read' | 'write'): Set<number> => new Set(k.buffers.filter(u => u.access !== not).map(u => slots.get(u.name) ?? -1));
    return { reads: of('write'), writes: of('read') };
  });
  const all = (steps: readonly Step[]): readonly number[] => steps.flatMap(s => (s.kind === 'run' ? [s.kernel] : all(s.body)));
  const isParallel = (k: number): boolean => calls[k]?.isShared ?? false;

  schedule.programs.forEach(program => {
    let locals = 0;
    // since the last barrier: what the first thread did alone, and what all did
    let [alone, together] = [access(), access()];
    const barrier = (): Node => { [alone, together] = [access(), access()]; return m.call('barrier', [], b.none); };
    const onFirst = (x: Node): Node => m.if(m.i32.eqz(mine(m, b, 'thread')), x);
    const write = (steps: readonly Step[], inParallel: boolean): readonly Node[] => steps.flatMap(step => {
      if (step.kind === 'loop') return loop(step, inParallel);
      const call = (calls[step.kernel] ?? fail(`kernel ${step.kernel} is not printed`)).node();
      const own = touched[step.kernel] ?? access();
      if (!inParallel) return [call];
      const shares = isParallel(step.kernel);
      const before = collides(own, together) || (shares && collides(own, alone)) ? [barrier()] : [];
      add(shares ? together : alone, own);
      return [...before, call];
    });
    /** The counter's field of the record is set before each turn, by every thread alike. */
    const loop = (step: Step & { readonly kind: 'loop' }, inParallel: boolean): readonly Node[] => {
      const { extent } = step;
      if (extent !== 'draws' && extent <= 0) return [];
      const shares = inParallel && all(step.body).some(isParallel);
      const before = inParallel ? [barrier()] : [];
      const turn = locals++;
      const i = (): Node => m.local.get(turn, b.i32);
      const count = (): Node => (extent === 'draws' ? m.i32.load(memory.field(extent).at, 4, m.i32.const(0)) : m.i32.const(extent));
      const body = m.block(null, [
        m.local.set(turn, m.i32.const(0)),
        m.loop(`loop ${turn}`, m.block(null, [
          m.i32.store(memory.field(step.counter).at, 4, m.i32.const(0), step.reverse ? m.i32.sub(m.i32.sub(count(), m.i32.const(1)), i()) : i()),
          // another sample has other noise
          ...(extent === 'draws' ? first() : []),
          ...write(step.body, shares), ...(shares ? [barrier()] : []),
          m.local.set(turn, m.i32.add(i(), m.i32.const(1))),
          m.br_if(`loop ${turn}`, m.i32.lt_u(i(), count())),
        ])),
      ]);
      if (shares || !inParallel) return [...before, body];
      all(step.body).forEach(k => { add(alone, touched[k] ?? access()); });
      return [...before, onFirst(body)];
    };
    const steps = write(program.steps, true);
    // all are done before the first thread goes on, and none is still here when the next program begins
    m.addFunction(`program ${program.name}`, b.none, b.none, Array.from({ length: locals }, () => b.i32), m.block(null, [...first(), ...steps, m.call('barrier', [], b.none)]));
    m.addFunctionExport(`program ${program.name}`, program.name);
    const panels = Math.max(0, ...all(program.steps).map(k => calls[k]?.panels ?? 0));
    if (panels === 0) return;
    const name = panelsName(program.name);
    m.addGlobal(name, b.i32, false, m.i32.const(panels));
    m.addGlobalExport(name, name);
  });
}

function fail(message: string): never { throw new InternalError('wasm', message); }
