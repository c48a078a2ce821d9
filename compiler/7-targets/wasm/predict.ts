/**
 * How long a kernel will take, from the plan it is printed by and the cost that chose the plan. What a core does in a nanosecond is the
 * only number here that is measured in time: `bnnc explain --measure` shows how far it carries on another machine.
 */
import { countKernel } from '../../5-schedule/count.ts';
import type { Dynamic, Kernel } from '../../6-kernels/kernel.ts';
import { costOf, nominalOf, none } from './cost.ts';
import type { Costed } from './plan.ts';
import { amountOf, worthwhile } from './threads.ts';

/** Instructions of the planner that one core does in a nanosecond: the median of the kernels of the reference models (DECISIONS.md). */
export const instructionsPerNanosecond = 9;
/** Bytes a nanosecond that a core reads or writes, by how many there are: in its own caches it is never them that it waits for. */
const bandwidth = [{ from: 24 * 2 ** 20, bytes: 29 }, { from: 2 ** 20, bytes: 60 }] as const;
/** Nanoseconds of a call, and of a barrier before a kernel that is cut. */
const [call, barrier] = [15, 1500];

/** Nanoseconds of one run. */
export function nanoseconds(kernel: Kernel, plan: Costed, extents: Readonly<Record<Dynamic, number>>, threads: number): number {
  const instructions = costOf(plan.work, { ...none, isLarge: plan.isLarge, panel: plan.panel, extents }, plan.roles, plan.mayRepeat);
  const parts = threads > 1 && isCut(kernel, plan, extents) ? partsOf(plan, extents, threads) : 1;
  const { bytes } = countKernel(kernel, extents);
  const moved = bytes / (bandwidth.find(b => bytes >= b.from)?.bytes ?? Infinity);
  return call + (parts > 1 ? barrier : 0) + Math.max(instructions / instructionsPerNanosecond, moved) / parts;
}
/** As the code itself asks (`threads.ts`). */
function isCut(kernel: Kernel, plan: Costed, extents: Readonly<Record<Dynamic, number>>): boolean {
  const { each, rows, samples } = amountOf(kernel, plan.cost);
  return plan.shared !== undefined && each * (rows ? extents.rows : 1) * (samples ? extents.samples : 1) >= worthwhile;
}
/** How many times faster so many threads are: the largest share of whole tiles decides. */
function partsOf({ shared, around, roles }: Costed, extents: Readonly<Record<Dynamic, number>>, threads: number): number {
  if (!shared) return 1;
  const tiles = [...around, shared].reduce((n, loop) => {
    const role = roles.get(loop);
    return n * Math.ceil(nominalOf(loop.axis.extent, extents) / ((role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1)));
  }, 1);
  return tiles / Math.ceil(tiles / threads);
}
