/**
 * Signs of flipout (Wen et al. 2018, section 3): for each example a pattern of ±1 over a weight, the product of one row of signs
 * for each axis of the weight that carries one. One pattern a weight, so that an example that meets it twice meets the same draw.
 * Imagine the rows of signs carried along as the weight is looked at in other ways: transposed, cut, its axes split.
 *
 * An axis that meets the taps of a window carries no sign, nor does one of a single element. A pattern with fewer signs is as
 * unbiased; and the taps of a window are elements of one axis seen often: a convolution whose signs are those of its channels signs
 * its input before the windows are taken, so that no tap is multiplied and stored for itself.
 */
import { InternalError } from '../diagnostics.ts';
import { axisBelow, isOfWindow } from './axes.ts';
import type { Builder } from './build.ts';
import type { Graph, Node, NodeId, Shape, Weight } from './graph.ts';
import { argumentsOf } from './walk.ts';

/** Signs over some axes of a view, in ascending order: a tensor [rows, their extents]. */
interface Group { readonly axes: readonly number[]; readonly make: (b: Builder<Node>) => NodeId }
/** A weight seen in some way, with its signs. Axes without signs repeat it. */
export interface Seen { readonly weight: NodeId; readonly groups: readonly Group[] }

/** The views of weights with the estimator flipout whose every use is a product that the signs fit; all others keep one draw for the batch. */
export function signedViews(graph: Graph, siteOf: (path: string) => number): ReadonlyMap<NodeId, Seen> {
  const seen = new Map<NodeId, Seen>();
  const refused = new Set<NodeId>();
  const counts = neededBy(graph, name => !name.startsWith('density:') && !name.startsWith('variable:'));
  const taps = tapAxes(graph);
  graph.nodes.forEach((n, i) => {
    const id = i as NodeId; // the position is the id
    if (n.kind === 'weight' && n.estimator === 'flipout' && n.posterior.family === 'normal' && !n.frozen) {
      const groups = rowsOfSigns(n, taps.get(id), siteOf);
      if (groups.length > 0) seen.set(id, { weight: id, groups });
    }
    if (!counts.has(id)) return;
    const weights = argumentsOf(n).flatMap((a, k) => { const s = seen.get(a); return s ? [{ s, k }] : []; });
    const [first] = weights;
    if (!first) return;
    const view = n.kind === 'view' && !n.shape.includes('rows') ? through(n, first.s, graph.nodes[n.arg]?.shape ?? []) : undefined;
    if (view) { seen.set(id, view); return; }
    const fits = n.kind === 'einsum' && weights.length === 1 && rowsLabel(graph, n, first.k) !== undefined && first.s.groups.every(g => sideOf(n, first.k, g) !== undefined);
    // repeated for each example, a bias can have the example's signs
    if (!fits && !(n.kind === 'view' && addsRows(graph, n))) weights.forEach(({ s }) => refused.add(s.weight));
  });
  return new Map([...seen].filter(([, s]) => !refused.has(s.weight)));
}

/** Whether a view repeats what it sees for each example. */
export const addsRows = (graph: Graph, n: Extract<Node, { kind: 'view' }>): boolean => n.view.kind === 'broadcast' && n.shape.includes('rows') && graph.nodes[n.arg]?.shape.includes('rows') === false;

type Einsum = Extract<Node, { kind: 'einsum' }>;
/** Whether a product sums over the axes of a group, or keeps them; undefined where it does both. */
export function sideOf(n: Einsum, at: number, group: Group): 'summed' | 'kept' | undefined {
  const labels = n.labels[at] ?? [];
  const kept = group.axes.filter(a => n.out.includes(labels[a] ?? -1)).length;
  return kept === 0 ? 'summed' : kept === group.axes.length ? 'kept' : undefined;
}
/** The label of the batch, where a product keeps it and the weight at `at` lacks it. */
export function rowsLabel(graph: Graph, n: Einsum, at: number): number | undefined {
  for (const [k, ls] of n.labels.entries()) {
    const d = k === at ? -1 : (graph.nodes[n.args[k] ?? 0]?.shape ?? []).indexOf('rows');
    const l = ls[d];
    if (l !== undefined && n.out.includes(l)) return l;
  }
  return undefined;
}

/** Axes of weights that are summed with the taps of a window in some product. */
function tapAxes({ nodes }: Graph): ReadonlyMap<NodeId, ReadonlySet<number>> {
  const taps = new Map<NodeId, Set<number>>();
  for (const n of nodes) {
    if (n.kind !== 'einsum') continue;
    n.args.forEach((arg, k) => n.labels[k]?.forEach((label, d) => {
      if (n.out.includes(label) || !n.args.some((other, j) => j !== k && n.labels[j]?.some((l, axis) => l === label && isOfWindow(nodes, other, axis)))) return;
      let [at, axis]: [NodeId, number | undefined] = [arg, d];
      for (let v = nodes[at]; v?.kind === 'view' && axis !== undefined; v = nodes[at]) { axis = axisBelow(v, nodes[v.arg]?.shape ?? [], axis); at = v.arg; }
      if (axis !== undefined && nodes[at]?.kind === 'weight') taps.set(at, (taps.get(at) ?? new Set()).add(axis));
    }));
  }
  return taps;
}

/** One row of signs for each axis of the weight that carries them, and each example. */
function rowsOfSigns(w: Weight, taps: ReadonlySet<number> | undefined, siteOf: (path: string) => number): readonly Group[] {
  const axes = w.shape.map((_, d) => d).filter(d => taps?.has(d) !== true);
  const several = axes.filter(d => w.shape[d] !== 1);
  // a weight of one element has a sign too
  return (several.length > 0 ? several : axes.slice(0, 1)).map(d => ({
    axes: [d],
    make: b => {
      const shape: Shape = ['rows', w.shape[d] ?? 1];
      const path = `${w.path} signs ${d}`;
      const u = b.add({ kind: 'noise', family: 'uniform', path, site: siteOf(path), shape, type: 'f32' });
      return b.map('select', b.map('lt', u, b.fill(0.5, shape)), b.fill(-1, shape), b.fill(1, shape));
    },
  }));
}

/** The signs as a view of the weight has them; undefined where they no longer are a product. */
function through(n: Extract<Node, { kind: 'view' }>, s: Seen, from: Shape): Seen | undefined {
  const v = n.view;
  const moved = (to: (axis: number) => number): Seen => ({ weight: s.weight, groups: s.groups.map(g => renamed(g, to)) });
  switch (v.kind) {
    case 'permute': return moved(a => v.order.indexOf(a));
    case 'broadcast': return moved(a => v.axes[a] ?? fail('broadcast'));
    case 'slice': return {
      weight: s.weight,
      groups: s.groups.map(g => ({
        axes: g.axes,
        make: b => b.view({ kind: 'slice', starts: [0, ...g.axes.map(a => v.starts[a] ?? 0)], steps: [1, ...g.axes.map(a => v.steps[a] ?? 1)] }, g.make(b), ['rows', ...g.axes.map(a => n.shape[a] ?? 1)]),
      })),
    };
    case 'reshape': return reshaped(n.shape, s, from);
    case 'pad': case 'spread': case 'skew': case 'unskew': return undefined;
  }
}
/** A group whose axes have other numbers; its tensor's axes go on in ascending order. */
function renamed(g: Group, to: (axis: number) => number): Group {
  const axes = g.axes.map(to);
  const sorted = [...axes].sort((a, b) => a - b);
  return { axes: sorted, make: b => b.permute(g.make(b), [0, ...sorted.map(a => axes.indexOf(a) + 1)]) };
}
/** Runs of axes with equal products are reshaped apart; within one, the signs become one tensor. */
function reshaped(to: Shape, s: Seen, from: Shape): Seen | undefined {
  const groups: Group[] = [];
  let [t, f] = [0, 0];
  while (t < to.length || f < from.length) {
    const [t0, f0] = [t, f];
    let [pt, pf] = [1, 1];
    do { if (pt <= pf && t < to.length) pt *= Number(to[t++]); else if (f < from.length) pf *= Number(from[f++]); else pt *= Number(to[t++]); } while (pt !== pf && (t < to.length || f < from.length));
    while (t < to.length && to[t] === 1) t++;
    while (f < from.length && from[f] === 1) f++;
    const old = Array.from({ length: f - f0 }, (_, i) => f0 + i);
    const inside = s.groups.filter(g => g.axes.some(a => old.includes(a)));
    if (inside.some(g => !g.axes.every(a => old.includes(a)))) return undefined;
    const fresh = Array.from({ length: t - t0 }, (_, i) => t0 + i);
    if (inside.length > 0 && fresh.length > 0) {
      groups.push({ axes: fresh, make: b => b.reshape(together(b, inside, old, from), ['rows', ...fresh.map(a => to[a] ?? 1)]) });
    }
  }
  return { weight: s.weight, groups };
}
/** The product of groups over all of `axes`: [rows, their extents]. */
function together(b: Builder<Node>, groups: readonly Group[], axes: readonly number[], shape: Shape): NodeId {
  const whole: Shape = ['rows', ...axes.map(a => shape[a] ?? 1)];
  return groups.map(g => b.broadcast(g.make(b), whole, [0, ...g.axes.map(a => axes.indexOf(a) + 1)])).reduce((x, y) => b.map('mul', x, y));
}

/** Nodes that some of the outputs need. */
function neededBy(graph: Graph, which: (output: string) => boolean): ReadonlySet<NodeId> {
  const needed = new Set<NodeId>();
  const stack = [...graph.outputs].filter(([name]) => which(name)).map(([, id]) => id);
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (needed.has(id)) continue;
    needed.add(id);
    const n = graph.nodes[id];
    if (n) stack.push(...argumentsOf(n));
  }
  return needed;
}

function fail(message: string): never { throw new InternalError('estimate', message); }
