/**
 * Values of a loop that take the place of others, a turn at a time. Imagine two stacks of slices, one for each turn: if a turn is done
 * with its slice of the one before it makes its slice of the other, and touches no slice but its own, one stack is enough.
 */
import { evaluateSize, parts } from '../6-kernels/index.ts';
import type { Axis, Dynamic, Expr, Index, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { childrenOf } from '../6-kernels/map.ts';
import { kernelsOf } from './schedule.ts';
import type { Step } from './schedule.ts';

export type LoopStep = Extract<Step, { readonly kind: 'loop' }>;

/**
 * Whether in every turn of a loop all that is done to some buffers comes before anything is done to others, at places of that turn alone;
 * in the kernel where the ones end and the others begin, `mayBeOne` decides.
 */
export function endsInTurn(loop: LoopStep, kernels: readonly Kernel[], from: readonly string[], to: readonly string[], mayBeOne: (kernel: Kernel) => boolean): boolean {
  // loops inside of it have turns of their own
  if (loop.body.some(s => s.kind === 'loop')) return false;
  const run = kernelsOf(loop.body).flatMap(k => kernels[k] ?? []);
  const touches = (names: readonly string[]) => (k: Kernel): boolean => k.buffers.some(b => names.includes(b.name));
  const [end, begin] = [run.findLastIndex(touches(from)), run.findIndex(touches(to))];
  if (end > begin || end < 0 || begin < 0) return false;
  if (![...from, ...to].every(name => run.every(k => staysInTurn(k, name, loop)))) return false;
  const both = run[begin];
  return end < begin || (both !== undefined && mayBeOne(both));
}

/** Whether all that a kernel loads and stores of a buffer is in the slice of the turn. */
function staysInTurn(kernel: Kernel, buffer: string, loop: LoopStep): boolean {
  const use = kernel.buffers.find(b => b.name === buffer);
  if (!use) return true;
  if (typeof loop.extent !== 'number' || parts(use.size).times % loop.extent !== 0) return false;
  const slice: Size = { times: parts(use.size).times / loop.extent, by: parts(use.size).by };
  let stays = true;
  const at = (offset: Index, axes: readonly Axis[]): void => { stays &&= isInSlice(offset, slice, loop.counter, axes); };
  const expr = (e: Expr, axes: readonly Axis[]): void => {
    if (e.kind === 'load' && e.buffer === buffer) at(e.offset, axes);
    childrenOf(e).forEach(c => { expr(c, axes); });
  };
  const walk = (body: readonly Stmt[], axes: readonly Axis[]): void => {
    for (const s of body) {
      if (s.kind === 'let' || s.kind === 'store') expr(s.value, axes);
      if (s.kind === 'store' && s.buffer === buffer) at(s.offset, axes);
      if (s.kind !== 'map' && s.kind !== 'fold') continue;
      const inside = [...axes, s.axis];
      if (s.kind === 'fold') { s.carries.forEach(c => { expr(c.init, axes); expr(c.next, inside); }); s.bounds?.forEach(b => { expr(b, axes); }); }
      walk(s.body, inside);
    }
  };
  walk(kernel.body, kernel.axes);
  return stays;
}

/** Offsets are multilinear in the live extents: what holds at these corners holds between them. */
const corners: readonly Readonly<Record<Dynamic, number>>[] = [1, 2 ** 20].flatMap(rows => [1, 2 ** 20].map(samples => ({ rows, samples })));

/** Whether an offset is the turn times the size of a slice and something inside of a slice. */
function isInSlice({ constant, terms }: Index, slice: Size, counter: string, axes: readonly Axis[]): boolean {
  const [turns, rest] = [terms.filter(t => isCounter(t.atom, counter)), terms.filter(t => !isCounter(t.atom, counter))];
  const [turn] = turns;
  if (turns.length !== 1 || turn === undefined) return false;
  return corners.every(extents => {
    if (evaluateSize(turn.coefficient, extents) !== evaluateSize(slice, extents)) return false;
    let most = constant;
    for (const { coefficient, atom } of rest) {
      const axis = atom.kind === 'axis' ? axes.find(a => a.name === atom.name) : undefined;
      const times = evaluateSize(coefficient, extents);
      if (!axis || times < 0) return false;
      most += times * ((typeof axis.extent === 'number' ? axis.extent : extents[axis.extent]) - 1);
    }
    return constant >= 0 && most < evaluateSize(slice, extents);
  });
}
const isCounter = (atom: Index['terms'][number]['atom'], counter: string): boolean => atom.kind === 'value' && atom.value.kind === 'scalar' && atom.value.name === counter;
