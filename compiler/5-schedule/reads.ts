/**
 * How a node reads its arguments: which element of each, given which of its own. Views only change the index, reductions and
 * products add folded axes, padding adds a guard. Both halves of the schedule use this one table: the half that decides what
 * is stored, and the half that writes the kernels.
 */
import { InternalError } from '../diagnostics.ts';
import { addIndex, alwaysHolds, axisIndex, constant, divideIndex, offsetOf, scaleIndex, sizeOf, zero } from '../6-kernels/index.ts';
import type { Axis, Condition, Index } from '../6-kernels/kernel.ts';
import type { Dim, NodeId, Plain, Shape } from '../3-graph/graph.ts';

export interface Read { readonly node: NodeId; readonly index: readonly Index[]; /** Conditions beside those already in force. */ readonly guard: readonly Condition[] }
/** `folds`: the axes this node folds over, outermost first; the reads mention them. */
export interface Reads { readonly folds: readonly Axis[]; readonly reads: readonly Read[] }

/**
 * Fold axes are named by their depth and extent, so that two folds of equal extent at the same depth walk "the same" axis:
 * equal bodies are then equal expressions, and the folds can be one loop.
 */
const foldAxis = (depth: number, extent: Dim): Axis => ({ name: `k${depth}_${extent}`, extent });

type ShapeOf = (id: NodeId) => Shape;

/** @param depth How many folds are around this read already. */
export function readsOf(n: Plain, index: readonly Index[], depth: number, shapeOf: ShapeOf): Reads {
  const at = (d: number): Index => index[d] ?? zero;
  const same = (ids: readonly NodeId[]): Reads => ({ folds: [], reads: ids.map(node => ({ node, index, guard: [] })) });
  switch (n.kind) {
    case 'input': case 'variable': case 'scalar': case 'noise': case 'fill': case 'iota': case 'loop': case 'result': case 'argument': return { folds: [], reads: [] };
    case 'map': return same(n.args);
    case 'stop': return same([n.arg]);
    case 'reduce': {
      const { axes, indices } = fold(n.axes.map(a => shapeOf(n.arg)[a] ?? 1), depth);
      let [kept, folded] = [0, 0];
      return { folds: axes, reads: [{ node: n.arg, guard: [], index: shapeOf(n.arg).map((_, d) => (n.axes.includes(d) ? indices[folded++] : at(kept++)) ?? zero) }] };
    }
    case 'einsum': {
      const extent = new Map<number, Dim>();
      n.args.forEach((a, i) => n.labels[i]?.forEach((l, d) => extent.set(l, shapeOf(a)[d] ?? 1)));
      const summed = [...extent.keys()].filter(l => !n.out.includes(l));
      const { axes, indices } = fold(summed.map(l => extent.get(l) ?? 1), depth);
      const of = new Map<number, Index>([...n.out.map((l, d) => [l, at(d)] as const), ...summed.map((l, i) => [l, indices[i] ?? zero] as const)]);
      return { folds: axes, reads: n.args.map((node, i) => ({ node, guard: [], index: (n.labels[i] ?? []).map(l => of.get(l) ?? zero) })) };
    }
    case 'gather': case 'scatter': throw new InternalError('schedule', `${n.kind} reads by value`);
    case 'view': {
      const from = shapeOf(n.arg);
      const view = n.view;
      const one = (i: readonly Index[], guard: readonly Condition[] = []): Reads => ({ folds: [], reads: [{ node: n.arg, index: i, guard: guard.filter(c => !alwaysHolds(c, axisExtent)) }] });
      switch (view.kind) {
        case 'permute': return one(from.map((_, d) => at(view.order.indexOf(d))));
        case 'broadcast': return one(view.axes.map(a => at(a)));
        case 'reshape': return one(reshaped(index, n.shape, from));
        case 'slice': return one(from.map((_, d) => addIndex(constant(view.starts[d] ?? 0), scaleIndex(at(d), view.steps[d] ?? 1))));
        case 'pad': {
          const source = from.map((_, d) => addIndex(at(d), constant(-(view.before[d] ?? 0))));
          return one(source, from.flatMap((e, d) => ((view.before[d] ?? 0) === 0 && e === n.shape[d] ? [] : [{ index: source[d] ?? zero, from: 0, below: sizeOf([e]) }])));
        }
        case 'skew': {
          const source = addIndex(addIndex(scaleIndex(at(view.axis), view.stride), scaleIndex(at(view.tap), view.dilation)), constant(-view.padding));
          const extent = from[view.axis] ?? 1;
          return one(from.map((_, d) => (d === view.axis ? source : at(d))), [{ index: source, from: 0, below: sizeOf([extent]) }]);
        }
        case 'unskew': {
          const distance = addIndex(addIndex(at(view.axis), constant(view.padding)), scaleIndex(at(view.tap), -view.dilation));
          const part = onGrid(distance, view.stride, from[view.axis] ?? 1);
          return one(from.map((_, d) => (d === view.axis ? part.index : at(d))), part.guard);
        }
        case 'spread': {
          const parts = from.map((e, d) => spread(at(d), view.starts[d] ?? 0, view.steps[d] ?? 1, e, n.shape[d] ?? 1));
          return one(parts.map(p => p.index), parts.flatMap(p => p.guard));
        }
      }
    }
  }
}

/** Axes for the extents that are not 1, and the index along each extent. */
export function fold(extents: readonly Dim[], depth: number): { readonly axes: readonly Axis[]; readonly indices: readonly Index[] } {
  const axes: Axis[] = [];
  const indices = extents.map(e => {
    if (e === 1) return zero;
    const axis = foldAxis(depth + axes.length, e);
    axes.push(axis);
    return axisIndex(axis.name);
  });
  return { axes, indices };
}

/** Position i of the result is position (i - start)/step of the argument, where that is a whole number inside it. */
function spread(i: Index, start: number, step: number, extent: Dim, whole: Dim): { readonly index: Index; readonly guard: readonly Condition[] } {
  if (start === 0 && step === 1 && extent === whole) return { index: i, guard: [] };
  const distance = step > 0 ? addIndex(i, constant(-start)) : addIndex(constant(start), scaleIndex(i, -1));
  return onGrid(distance, Math.abs(step), extent);
}
/** Place distance/stride, where that is a whole number below the extent. */
function onGrid(distance: Index, stride: number, extent: Dim): { readonly index: Index; readonly guard: readonly Condition[] } {
  const inside = (index: Index): Condition => ({ index, from: 0, below: sizeOf([extent]) });
  if (stride === 1) return { index: distance, guard: [inside(distance)] };
  const index: Index = { constant: 0, terms: [{ coefficient: 1, atom: { kind: 'div', index: distance, by: stride } }] };
  const rest: Index = { constant: 0, terms: [{ coefficient: 1, atom: { kind: 'mod', index: distance, by: stride } }] };
  return { index, guard: [{ index: distance, from: 0, below: sizeOf([Number.MAX_SAFE_INTEGER]) }, { index: rest, from: 0, below: 1 }, inside(index)] };
}

/** The position in `from` that has the same row-major place as `index` in `to`; runs of axes with equal products are done apart, so that the batch stays itself. */
export function reshaped(index: readonly Index[], to: Shape, from: Shape): readonly Index[] {
  const out: Index[] = [];
  let [t, f] = [0, 0];
  while (f < from.length || t < to.length) {
    const [tStart, fStart] = [t, f];
    let [pt, pf] = [1, 1];
    const dynamic = typeof to[t] === 'string' && to[t] === from[f];
    if (dynamic) { t++; f++; } else {
      do {
        if (pt <= pf && t < to.length && typeof to[t] === 'number') pt *= Number(to[t++]);
        else if (f < from.length && typeof from[f] === 'number') pf *= Number(from[f++]);
        else if (t < to.length && typeof to[t] === 'number') pt *= Number(to[t++]);
        else throw new InternalError('schedule', `reshape of [${from.join()}] to [${to.join()}]`);
      } while (pt !== pf);
      // extents of 1 that are left over on either side belong to this run
      while (t < to.length && to[t] === 1) t++;
      while (f < from.length && from[f] === 1) f++;
    }
    if (dynamic) { out.push(index[tStart] ?? zero); continue; }
    let rest = offsetOf(index.slice(tStart, t), to.slice(tStart, t));
    const run: Index[] = [];
    for (let d = f - 1; d > fStart; d--) {
      const split = divideIndex(rest, Number(from[d]), axisExtent);
      run.unshift(split.remainder);
      rest = split.quotient;
    }
    if (f > fStart) out.push(rest, ...run);
  }
  return out;
}
/** Extents of axes are in their names where they are literal (`k0_13`, `i2_512`). */
export const axisExtent = (name: string): Axis['extent'] | undefined => { const e = name.slice(name.lastIndexOf('_') + 1); return /^\d+$/.test(e) ? Number(e) : undefined; };
export const gridAxis = (d: number, extent: Dim): Axis => ({ name: `i${d}_${extent}`, extent });
