/**
 * Values that take the place of others. Imagine the gradient of a ReLU's output: it is made element by element where the output was
 * read for the last time, so both may be one buffer. Two buffers become one where the kernel in which one ends and the other begins
 * would be as right with one for both, or a turn of the loop, and nowhere else in any program both matter.
 */
import { verifyKernel } from '../6-kernels/verify.ts';
import type { Expr, Kernel, Stmt } from '../6-kernels/kernel.ts';
import { childrenOf, mapBuffers } from '../6-kernels/map.ts';
import { showSize } from '../6-kernels/index.ts';
import { endsInTurn } from './in-turns.ts';
import { lifetimes } from './memory.ts';
import type { PhasedPlan, Span } from './memory.ts';
import { kernelsOf } from './schedule.ts';
import type { Buffer, Step } from './schedule.ts';

/** Temporaries by the name of the buffer whose place they take. */
export function placesTaken(buffers: readonly Omit<Buffer, 'slot'>[], kernels: readonly Kernel[], programs: readonly PhasedPlan[]): ReadonlyMap<string, string> {
  const known = new Map(buffers.map(b => [b.name, b] as const));
  const taken = new Map<string, string>();
  const home = (name: string): string => { let at = name; for (let to = taken.get(at); to !== undefined; to = taken.get(at)) at = to; return at; };
  /** All spans of a buffer, by program, in the order of time. */
  const lives = new Map<string, Map<number, Span[]>>();
  const stepAt = new Map<string, Step>();
  const sums = new Set(buffers.flatMap(b => (b.role === 'sum' ? [b.name] : [])));
  programs.forEach((p, program) => {
    for (const [name, span] of lifetimes(p, kernels, sums, (at, step) => { stepAt.set(`${program} ${at}`, step); })) {
      const spans = lives.get(name) ?? new Map<number, Span[]>();
      lives.set(name, spans.set(program, [...spans.get(program) ?? [], span]));
    }
  });
  const isTemporary = (name: string): boolean => known.get(name)?.role === 'temporary';
  const fits = (from: string, to: string): boolean => {
    const [a, b] = [known.get(from), known.get(to)];
    return a !== undefined && b !== undefined && a.type === b.type && showSize(a.size) === showSize(b.size);
  };
  /** Where the life of one ends in the step in which that of the other begins, its kernel decides, or its loop; else they must not meet. */
  const mayShare = (from: string, to: string): boolean => [...lives.get(to) ?? []].every(([program, spans]) => (lives.get(from)?.get(program) ?? []).every(x => spans.every(y => {
    if (x[1] < y[0] || y[1] < x[0]) return true;
    const step = x[1] === y[0] && x[0] < y[0] ? stepAt.get(`${program} ${y[0]}`) : undefined;
    if (step === undefined) return false;
    const [before, after] = [members(from), members(to)];
    const inKernel = (kernel: Kernel | undefined): boolean => kernel !== undefined && mayBeOne(kernel, before, after);
    return step.kind === 'run' ? inKernel(kernels[step.kernel]) : endsInTurn(step, kernels, before, after, inKernel);
  })));
  const members = (name: string): readonly string[] => [name, ...[...taken.keys()].filter(x => home(x) === name)];
  // what one kernel reads and writes, and what a turn of a loop does
  const loops = [...stepAt.values()].flatMap(s => (s.kind === 'loop' ? [kernelsOf(s.body).flatMap(k => kernels[k]?.buffers ?? [])] : []));
  for (const uses of [...kernels.map(k => k.buffers), ...loops]) {
    for (const out of uses.filter(u => u.access === 'write' && isTemporary(u.name) && !taken.has(u.name))) {
      const from = uses.find(u => u.access === 'read' && isTemporary(u.name) && home(u.name) !== home(out.name) && fits(u.name, out.name) && mayShare(home(u.name), home(out.name)));
      if (!from) continue;
      const [to, moved] = [home(from.name), home(out.name)];
      for (const [program, spans] of lives.get(moved) ?? []) lives.set(to, (lives.get(to) ?? new Map<number, Span[]>()).set(program, [...lives.get(to)?.get(program) ?? [], ...spans]));
      taken.set(moved, to);
    }
  }
  return new Map([...taken.keys()].map(name => [name, home(name)]));
}

/**
 * Whether a value that a turn of a loop makes may be made where the one of the turn before is, which it follows: nobody in this turn wants the
 * old one any more, but for the kernel that makes the new one, element by element. @param run The kernels of a turn, in order.
 */
export function mayFollowInPlace(run: readonly Kernel[], next: string, old: string): boolean {
  const uses = (k: Kernel, name: string): Kernel['buffers'][number] | undefined => k.buffers.find(b => b.name === name);
  const makers = run.flatMap((k, i) => { const use = uses(k, next); return use && use.access !== 'read' ? [i] : []; });
  const [at = -1] = makers;
  const maker = run[at];
  if (maker === undefined || makers.length !== 1 || run.some((k, i) => (i < at ? uses(k, next) : i > at ? uses(k, old) : undefined) !== undefined)) return false;
  return uses(maker, old) === undefined ? uses(maker, next)?.access === 'write' : mayBeOne(maker, [old], [next]);
}

/** Whether a kernel does the same with one buffer for what it reads and what it writes: no position sees another's, and none is read after it was written. */
function mayBeOne(kernel: Kernel, reads: readonly string[], writes: readonly string[]): boolean {
  const [input, output] = [kernel.buffers.filter(u => reads.includes(u.name)), kernel.buffers.filter(u => writes.includes(u.name))];
  if (input.length !== 1 || output.length !== 1 || input[0] === undefined || output[0] === undefined || output[0].access !== 'write') return false;
  if (!readsBefore(kernel.body, input[0].name, output[0].name)) return false;
  try { verifyKernel(renamed(kernel, new Map([[output[0].name, input[0].name]]))); return true; } catch { return false; }
}
/** Whether all loads of one buffer come before the stores to the other. */
function readsBefore(body: readonly Stmt[], input: string, output: string): boolean {
  let [stores, late] = [0, 0];
  const expr = (e: Expr): void => { if (e.kind === 'load' && e.buffer === input && stores > 0) late++; childrenOf(e).forEach(expr); };
  const walk = (stmts: readonly Stmt[]): void => {
    for (const s of stmts) {
      if (s.kind === 'let' || s.kind === 'store') expr(s.value);
      if (s.kind === 'store' && s.buffer === output) stores++;
      if (s.kind === 'fold') s.carries.forEach(c => { expr(c.init); });
      if (s.kind === 'map' || s.kind === 'fold') walk(s.body);
      if (s.kind === 'fold') s.carries.forEach(c => { expr(c.next); });
    }
  };
  walk(body);
  return stores > 0 && late === 0;
}

/** A kernel with other names for its buffers; one that was read and written under two names is updated. */
export function renamed(kernel: Kernel, names: ReadonlyMap<string, string>): Kernel {
  if (!kernel.buffers.some(b => names.has(b.name))) return kernel;
  const to = (name: string): string => names.get(name) ?? name;
  const buffers = new Map<string, Kernel['buffers'][number]>();
  for (const b of kernel.buffers) {
    const seen = buffers.get(to(b.name));
    buffers.set(to(b.name), { ...b, name: to(b.name), access: seen && seen.access !== b.access ? 'update' : b.access });
  }
  return { ...kernel, body: mapBuffers(kernel.body, to, to), buffers: [...buffers.values()] };
}
