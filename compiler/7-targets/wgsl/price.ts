/**
 * What a lane pays, in instructions of a GPU. Imagine 64 lanes at one statement: arithmetic costs each of them one instruction, a
 * load costs by the lines of memory that all of them touch at once. By hand, not measured: only what is cheaper is asked of it.
 */
import { evaluateSize, strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Expr, Index, Stmt } from '../../6-kernels/kernel.ts';
import { eachChild } from '../../6-kernels/map.ts';
import { ops } from '../../ops/table.ts';

/** What run-time extents are taken for when a kernel is compiled. */
export const nominal = { rows: 64, samples: 4 } as const;
export const extentOf = (e: Axis['extent'], extents: Readonly<Record<'rows' | 'samples', number>> = nominal): number => (typeof e === 'number' ? e : extents[e]);
export const positionsOf = (axes: readonly Axis[], extents: Readonly<Record<'rows' | 'samples', number>> = nominal): number => axes.reduce((n, a) => n * extentOf(a.extent, extents), 1);

/** Which axes neighbouring lanes walk along, the fastest first, and how many lanes there are along each. */
export type Lanes = readonly { readonly axis: string; readonly count: number }[];

/** Lanes along axes that are taken as one, the last of them fastest, as far as `count` of them reach. */
export function lanesAlong(axes: readonly Axis[], count: number): Lanes {
  const out: { axis: string; count: number }[] = [];
  let left = count;
  for (const a of [...axes].reverse()) {
    if (left <= 1) break;
    const here = Math.min(left, extentOf(a.extent));
    out.push({ axis: a.name, count: here });
    left = Math.ceil(left / here);
  }
  return out;
}

export const costs = {
  arithmetic: 1, transcendental: 15, noise: 65, /** Of two barriers and a turn of the loop around them. */ chunk: 40, /** Of a vector from workgroup memory, or one to it. */ shared: 2,
  /** Where a position is, from a number that counts several axes. */ position: 6,
} as const;
/** A load or a store whose lanes all touch one line, and what is added when each of them touches a line of its own. */
const [near, far] = [4, 28] as const;
/** Words of a line, and lanes that go together. */
const [line, together] = [32, 32] as const;

/** Lines that lanes touch at once. */
function linesOf(offset: Index, lanes: Lanes): number {
  let lines = 1;
  let reach = 1;
  for (const { axis, count } of lanes) {
    const stride = strideAlong(offset, axis);
    // loaded places, digits: anywhere
    const step = stride === undefined ? line : Math.abs(evaluateSize(stride, nominal));
    if (step === 0 || count <= 1) continue;
    if (step * count <= line && step <= reach) { reach = Math.max(reach, step * count); continue; }
    lines *= Math.min(count, Math.max(1, (step * count) / line));
  }
  return lines;
}
const access = (offset: Index, lanes: Lanes): number => near + (far * Math.min(linesOf(offset, lanes), together)) / together;

/** Prices that were asked before, by what they are of: many shapes walk along their axes with as many lanes. */
const known = new WeakMap<object, Map<string, number>>();
/** The price of what `part` does, which is asked for once: see `priceOf`. */
export function priceOfPart(part: object, body: readonly Stmt[], values: readonly Expr[], lanes: Lanes): number {
  const prices = known.get(part) ?? new Map<string, number>();
  known.set(part, prices);
  const key = lanes.map(l => `${l.axis} ${l.count}`).join();
  const price = prices.get(key) ?? priceOf(body, values, lanes);
  prices.set(key, price);
  return price;
}

/** Instructions of statements, and of values after them, for one lane; what is used twice is computed once where it stands. */
export function priceOf(body: readonly Stmt[], values: readonly Expr[], lanes: Lanes): number {
  const seen = new Set<Expr>();
  const expr = (e: Expr): number => {
    if (seen.has(e)) return 0;
    seen.add(e);
    let price = 0;
    eachChild(e, c => { price += expr(c); });
    switch (e.kind) {
      case 'op': return price + costs[ops[e.op].cost];
      case 'load': return price + access(e.offset, lanes) + (e.guard?.length ?? 0) * 2;
      case 'noise': return price + costs.noise;
      case 'lit': case 'ref': case 'scalar': case 'index': case 'inside': return price;
    }
  };
  const sum = (list: readonly Expr[]): number => list.reduce((n, e) => n + expr(e), 0);
  return body.reduce((n, s) => n + stmtPrice(s), sum(values));
  function stmtPrice(s: Stmt): number {
    switch (s.kind) {
      case 'let': return expr(s.value);
      case 'store': return expr(s.value) + access(s.offset, lanes);
      case 'map': return extentOf(s.axis.extent) * (2 + priceOf(s.body, [], lanes));
      case 'fold': return sum(s.carries.map(c => c.init)) + extentOf(s.axis.extent) * (2 + priceOf(s.body, s.carries.map(c => c.next), lanes));
    }
  }
}
