/**
 * Estimators: how the draws of a weight reach the examples of a batch. Imagine each product of an example with a weight
 * looked at once: with `flipout` the deviation from the mean gets signs of the example's own, with `local` the product
 * itself is drawn. What comes out is a graph in which those products use parts of a weight instead of its draw.
 */
import { InternalError } from '../diagnostics.ts';
import { axisBelow } from './axes.ts';
import { builder } from './build.ts';
import type { Graph, Node, NodeId, Part, Shape, Weight } from './graph.ts';
import { addsRows, rowsLabel, sideOf, signedViews } from './signs.ts';
import { withArguments } from './walk.ts';

type Einsum = Extract<Node, { kind: 'einsum' }>;

/** @param siteOf A site for a path that draws; the same path gives the same. */
export function estimate(graph: Graph, siteOf: (path: string) => number): Graph {
  if (!graph.nodes.some(n => n.kind === 'weight' && isEstimated(n))) return graph;
  const b = builder<Node>();
  const to: NodeId[] = [];
  const signed = signedViews(graph, siteOf);
  /** Nodes that are a weight to be drawn locally seen in another way, and the weight. */
  const localOf = new Map<NodeId, NodeId>();
  const uses = new Map<string, number>();
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  graph.nodes.forEach((n, i) => {
    const id = i as NodeId; // the position is the id
    b.at(n.origin);
    to.push(replaced(n) ?? b.copy(withArguments(n, renamed)));
    if (n.kind === 'weight' && isEstimated(n) && n.estimator !== 'flipout') localOf.set(id, id);
    else if (n.kind === 'view') { const w = localOf.get(n.arg); if (w !== undefined && n.view.kind !== 'skew' && n.view.kind !== 'unskew' && !addsRows(graph, n)) localOf.set(id, w); }
  });
  return b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)])));

  function replaced(n: Node): NodeId | undefined {
    if (n.kind === 'view' && n.view.kind === 'broadcast' && addsRows(graph, n)) {
      if (signed.has(n.arg)) return flipoutBroadcast(n, n.view.axes);
      const w = localOf.get(n.arg);
      return w === undefined ? undefined : localBroadcast(n, n.view.axes, weight(w));
    }
    if (n.kind !== 'einsum') return undefined;
    const flipped = n.args.findIndex(a => signed.has(a));
    if (flipped >= 0) return flipout(n, flipped);
    const at = n.args.findIndex(a => localOf.has(a));
    const arg = n.args[at];
    const w = arg === undefined ? undefined : localOf.get(arg);
    if (w === undefined || n.args.some((a, k) => k !== at && localOf.has(a)) || rowsLabel(graph, n, at) === undefined) return undefined;
    return local(n, at, weight(w));
  }

  /** y = x·μ + ((x ∘ S)·(σ ∘ ε)) ∘ R, with signs S over what the product sums and R over what it keeps, for each example (Wen et al. 2018, equation 4). */
  function flipout(n: Einsum, at: number): NodeId {
    const { groups } = signed.get(n.args[at] ?? fail('einsum')) ?? fail('no signs');
    const rows = rowsLabel(graph, n, at) ?? fail('no batch');
    const labels = n.labels[at] ?? [];
    const labelsOf = (axes: readonly number[]): readonly number[] => [rows, ...axes.map(a => labels[a] ?? fail('a label'))];
    const side = (which: 'summed' | 'kept'): typeof groups => groups.filter(g => sideOf(n, at, g) === which);
    // the signs go into an operand that has all their axes, so that they are read where it is; else they are operands
    const needed = side('summed').flatMap(g => labelsOf(g.axes));
    const host = n.args.findIndex((_, k) => k !== at && needed.every(l => n.labels[k]?.includes(l)));
    const operandsNow = [...operands(n, at, 'deviation')];
    const labelsNow = [...n.labels];
    for (const g of side('summed')) {
      const s = g.make(b);
      if (host >= 0) {
        operandsNow[host] = times(operandsNow[host] ?? fail('einsum'), s, labelsOf(g.axes).map(l => n.labels[host]?.indexOf(l) ?? 0));
      } else { operandsNow.push(s); labelsNow.push(labelsOf(g.axes)); }
    }
    const deviation = side('kept').reduce((y, g) => b.map('mul', y, b.broadcast(g.make(b), n.shape, labelsOf(g.axes).map(l => n.out.indexOf(l)))), b.einsum(operandsNow, labelsNow, n.out));
    return b.map('add', product(n, at, 'mean'), deviation);
  }

  /** x ∘ S, with the axes of S those of x: under the views that leave them alone, so that a convolution's input is signed before its windows repeat it. */
  function times(x: NodeId, signs: NodeId, axes: readonly number[]): NodeId {
    const n = b.node(x);
    // what a slice drops needs no signs
    const below = n.kind === 'view' && n.view.kind !== 'slice' ? axes.flatMap(a => axisBelow(n, b.shape(n.arg), a, 0) ?? []) : [];
    if (n.kind === 'view' && below.length === axes.length) return b.view(n.view, times(n.arg, signs, below), n.shape);
    return b.map('mul', x, b.broadcast(signs, b.shape(x), axes));
  }

  /** A weight that is repeated for each example (a bias): b = μ + (σ ∘ ε) ∘ R. */
  function flipoutBroadcast(n: Extract<Node, { kind: 'view' }>, axes: readonly number[]): NodeId {
    const { groups } = signed.get(n.arg) ?? fail('no signs');
    const at = (axis: number): number => axes[axis] ?? fail('broadcast');
    const part = (p: Part['part']): NodeId => b.broadcast(seen(n.arg, p), n.shape, axes);
    const deviation = groups.reduce((y, g) => b.map('mul', y, b.broadcast(g.make(b), n.shape, [n.shape.indexOf('rows'), ...g.axes.map(at)])), part('deviation'));
    return b.map('add', part('mean'), deviation);
  }

  /** y = x·μ + √(x²·σ²) ∘ z with z of the example's own (Kingma et al. 2015, equation 6). The small number keeps an example of zeros from 0/0 in the gradient. */
  function local(n: Einsum, at: number, w: Weight): NodeId {
    const labels = n.labels[at] ?? [];
    const summed = [...new Set(n.labels.flat())].filter(l => !n.out.includes(l));
    // a sum over what the weight does not have is inside the square: not of this form
    if (n.args.length !== 2 || summed.some(l => !labels.includes(l))) return b.copy(withArguments(n, renamed));
    const variance = b.einsum(operands(n, at, 'scale').map(x => b.map('square', x)), n.labels, n.out);
    return b.map('add', product(n, at, 'mean'), b.map('mul', b.map('sqrt', b.map('add', variance, b.fill(1e-12, n.shape))), z(w, n.shape)));
  }
  /** A weight that is repeated for each example (a bias) is drawn for each. */
  function localBroadcast(n: Extract<Node, { kind: 'view' }>, axes: readonly number[], w: Weight): NodeId {
    const part = (p: Part['part']): NodeId => b.broadcast(seen(n.arg, p), n.shape, axes);
    const rowAxis = n.shape.indexOf('rows');
    const own = n.shape.map((_, d) => d).filter(d => d === rowAxis || axes.includes(d) || w.estimator === 'approximate');
    const noise = b.broadcast(z(w, own.map(d => n.shape[d] ?? 1)), n.shape, own);
    return b.map('add', part('mean'), b.map('mul', part('scale'), noise));
  }
  function z(w: Weight, shape: Shape): NodeId {
    const ordinal = (uses.get(w.path) ?? 0) + 1;
    uses.set(w.path, ordinal);
    const path = `${w.path} local${ordinal}`;
    const noise = b.add({ kind: 'noise', family: 'normal', path, site: siteOf(path), shape, type: 'f32' });
    return b.map('mul', noise, b.broadcast(b.scalar('live'), shape, []));
  }

  /** The product with a part of the weight in its place. */
  function product(n: Einsum, at: number, part: Part['part']): NodeId { return b.einsum(operands(n, at, part), n.labels, n.out); }
  function operands(n: Einsum, at: number, part: Part['part']): readonly NodeId[] { return n.args.map((a, k) => (k === at ? seen(a, part) : renamed(a))); }
  /** A part of a weight, seen as the node sees its draw. */
  function seen(id: NodeId, part: Part['part']): NodeId {
    const n = graph.nodes[id] ?? fail(`node ${id}`);
    if (n.kind === 'weight') return b.add({ kind: 'part', weight: renamed(id), part, shape: n.shape, type: 'f32' });
    return n.kind === 'view' ? b.view(n.view, seen(n.arg, part), n.shape) : fail('not a view of a weight');
  }

  function weight(id: NodeId): Weight { const n = graph.nodes[id]; return n?.kind === 'weight' ? n : fail('not a weight'); }
}

const isEstimated = (w: Weight): boolean => w.estimator !== 'shared' && w.posterior.family === 'normal' && !w.frozen;

function fail(message: string): never { throw new InternalError('estimate', message); }
