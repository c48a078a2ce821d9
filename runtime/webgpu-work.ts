/**
 * How long a device will be busy, by guess and by watching it. Imagine a budget of instructions that a device does in the time of
 * one submit: what takes more is cut, because a desktop resets a GPU that does not answer for two seconds, and stutters long before.
 */
import type { Dynamic } from './manifest.ts';

/** Milliseconds that one submit should keep a device busy. */
const target = 50;
/** Instructions of one submit while nothing is known of the device: 10⁹ a second, as a slow processor does that plays a GPU. */
export const firstBudget = 1e6 * target;
const leastBudget = 1e6;

/** Workgroups that a GPU runs side by side, at least: fewer take as long. */
export const leastGroups = 16;

/** Instructions of one position of a kernel's grid: `[a, b, c, d]` is a + b·rows + c·samples + d·rows·samples; left out, as if it folded some hundred. */
export const workOf = (cost: readonly number[] | undefined, extents: Readonly<Record<Dynamic, number>>): number =>
  (cost ?? [1000]).reduce((n, c, i) => n + c * (i & 1 ? extents.rows : 1) * (i & 2 ? extents.samples : 1), 0);

/**
 * The budget after a device did so many instructions in so many milliseconds. A fast answer proves that the device is at least as
 * fast; a slow one may be the page's own doing, so it costs three quarters at most, and two or three of them the rest.
 */
export function adjusted(budget: number, work: number, milliseconds: number): number {
  const possible = (work * target) / Math.max(milliseconds, 0.01);
  if (possible > budget || milliseconds <= target) return Math.max(budget, possible);
  return Math.max(budget / 4, possible, leastBudget);
}

/**
 * Workgroups of a dispatch, as parts `[first, count]` of at most `budget` instructions. More than `limit` workgroups lie in two
 * dimensions: all parts but the last are whole rows then, since workgroups beyond a part's end would be those of the next one.
 */
export function parts(groups: number, workOfGroup: number, budget: number, limit: number): readonly (readonly [first: number, count: number])[] {
  const fit = Math.max(1, Math.floor(budget / Math.max(1, workOfGroup)));
  const most = fit > limit ? fit - (fit % limit) : fit;
  const list: [number, number][] = [];
  for (let first = 0; first < groups; first += most) list.push([first, Math.min(most, groups - first)]);
  return list;
}

/** `n` workgroups in two dimensions of at most `limit` each; there may be more of them, which have no positions. */
export function fold(n: number, limit: number): readonly [number, number] {
  const rows = Math.ceil(n / limit);
  return rows <= 1 ? [n, 1] : [Math.ceil(n / rows), rows];
}
