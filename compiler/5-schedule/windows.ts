/**
 * Windows without guards. A window that hangs over its argument looks at an argument with a border instead, and the sum over
 * the taps of a product (the gradient of a convolution's input) goes into the product: imagine the cotangent, with zeros
 * around it, under the same taps the other way round. What is left is one contraction of affine loads; the border is a tensor
 * of its own, and store-or-recompute decides whether it is in memory. Adjoints of strided windows are taken a phase at a time:
 * positions i ≡ r (mod stride) are seen by taps u ≡ r alone.
 */
import { InternalError } from '../diagnostics.ts';
import { axisBelow } from '../3-graph/axes.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Dim, Graph, NodeId, Plain, Shape, View, Windowing } from '../3-graph/graph.ts';
import { argumentsOf, prune, withArguments } from '../3-graph/walk.ts';

type Product = Pick<Extract<Plain, { kind: 'einsum' }>, 'args' | 'labels' | 'out'>;

/**
 * The same values, with windows only over what has a border where they need one.
 *
 * @param bounded Whether folds may run over a part of their axis, which differs from place to place.
 */
export function unguardWindows(graph: Graph<Plain>, bounded: boolean): Graph<Plain> {
  if (!hasWindows(graph)) return graph;
  const b = builder<Plain>();
  const to: NodeId[] = [];
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  const readers = new Map<NodeId, number>();
  for (const id of [...graph.nodes.flatMap(n => [...new Set(argumentsOf(n))]), ...graph.outputs.values()]) readers.set(id, (readers.get(id) ?? 0) + 1);
  const isShared = (id: NodeId): boolean => (readers.get(id) ?? 0) > 1;
  /** What is computed for others too: it is not computed again inside of a sum. */
  const shared = new Set<NodeId>();
  graph.nodes.forEach((n, i) => {
    b.at(n.origin);
    const made = rewritten(n);
    if (isShared(i as NodeId)) shared.add(made); // the position is the id
    to.push(made);
  });
  return prune(b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)]))), () => true);

  function rewritten(n: Plain): NodeId {
    if (n.kind === 'loop') return b.copy({ ...withArguments(n, renamed), body: unguardWindows(n.body, bounded) });
    if (n.kind === 'view' && n.view.kind === 'skew') return window(b, renamed(n.arg), n.view, n.view.value, n.shape);
    if (n.kind === 'view' && n.view.kind === 'unskew' && n.view.stride === 1) return window(b, renamed(n.arg), reversed(n.view), 0, n.shape);
    const sum = n.kind === 'reduce' && n.op === 'add' && n.axes.length === 1 && !isShared(n.arg) ? graph.nodes[n.arg] : undefined;
    if (n.kind === 'reduce' && sum?.kind === 'view' && sum.view.kind === 'unskew' && sum.view.tap === n.axes[0] && (sum.view.stride === 1 || sum.view.dilation === 1)) {
      return overlapAdd(renamed(sum.arg), sum.view, sum.shape[sum.view.axis] ?? 1) ?? b.copy(withArguments(n, renamed));
    }
    return b.copy(withArguments(n, renamed));
  }

  /** The product that a node is and nobody else needs, with factors that don't vary along `place` among its operands (flipout's signs). */
  function productOf(x: NodeId, place: number): Product | undefined {
    const n = b.node(x);
    if (shared.has(x)) return undefined;
    if (n.kind === 'einsum') return n;
    if (n.kind !== 'map' || n.op !== 'mul') return undefined;
    for (const [a, factor] of [n.args, n.args.toReversed()]) {
      const f = factor === undefined ? undefined : b.node(factor);
      const product = a !== undefined && f?.kind === 'view' && f.view.kind === 'broadcast' && !f.view.axes.includes(place) ? productOf(a, place) : undefined;
      if (!product || f?.kind !== 'view' || f.view.kind !== 'broadcast') continue;
      const operands = product.args.map((id, k) => ({ id, labels: product.labels[k] ?? [] }));
      const scaling = { id: f.arg, labels: f.view.axes.map(d => product.out[d] ?? fail('a label')) };
      // what moves comes last: the product of all others is made once for the positions of a tile
      const moves = (o: Operand): boolean => o.labels.includes(product.out[place] ?? fail('a label'));
      const all = [scaling, ...operands.filter(o => !moves(o)), ...operands.filter(moves)];
      return { args: all.map(o => o.id), labels: all.map(o => o.labels), out: product.out };
    }
    return undefined;
  }

  /** Σ over taps of the adjoint of a window: `extent` positions along its axis, no taps. */
  function overlapAdd(x: NodeId, w: Windowing, extent: Dim): NodeId | undefined {
    const n = b.node(x);
    // a view that leaves both axes alone can as well be taken of the sum
    const axis = n.kind === 'view' && !shared.has(x) ? axisBelow(n, b.shape(n.arg), w.axis, 0) : undefined;
    const tap = n.kind === 'view' && axis !== undefined ? axisBelow(n, b.shape(n.arg), w.tap, 0) : undefined;
    if (n.kind === 'view' && axis !== undefined && tap !== undefined) {
      const sum = overlapAdd(n.arg, { ...w, axis, tap }, extent);
      return sum === undefined ? undefined : b.view(withoutAxis(n.view, w.tap, tap), sum, without(resized(n.shape, w.axis, extent), w.tap));
    }
    if (n.kind === 'map' && (n.op === 'add' || n.op === 'sub' || n.op === 'neg') && !shared.has(x)) {
      const sums = n.args.map(a => overlapAdd(a, w, extent));
      return sums.every(a => a !== undefined) ? b.map(n.op, ...sums) : undefined;
    }
    const [scale, scaled] = n.kind === 'map' && n.op === 'mul' && !shared.has(x) ? n.args : [];
    const literal = scale === undefined ? undefined : b.node(scale);
    if (literal?.kind === 'fill' && scaled !== undefined) {
      const sum = overlapAdd(scaled, w, extent);
      return sum === undefined ? undefined : b.map('mul', b.fill(literal.value, b.shape(sum)), sum);
    }
    const [places, taps] = [n.shape[w.axis], n.shape[w.tap]];
    if (typeof extent !== 'number' || typeof places !== 'number' || typeof taps !== 'number') return undefined;
    // position i has i + padding = stride · j + r, seen by the taps stride · t + r from the places j - t
    const first = Math.floor(w.padding / w.stride);
    const positions = Math.ceil((extent + w.padding) / w.stride) - first;
    const turns = Math.ceil(taps / w.stride);
    // where windows hardly overlap, each product is made once and stored: inside the sum, most places would be border
    const product = (positions <= 2 * places ? productOf(x, w.axis) : undefined) ?? whole(x, n.shape);
    const [place, turn] = [product.out[w.axis] ?? fail('a label'), product.out[w.tap] ?? fail('a label')];
    const phase = Math.max(...product.labels.flat()) + 1;
    const operands = product.args.map((a, k) => {
      let operand = { id: a, labels: product.labels[k] ?? [] };
      if (w.stride > 1 && operand.labels.includes(turn)) operand = inPhases(operand);
      return operand.labels.includes(place) ? seen(operand) : operand;
    });
    const out = product.out.flatMap(l => (l === turn ? [] : l === place && w.stride > 1 ? [place, phase] : [l]));
    const [only, ...others] = operands;
    const sum = only && others.length === 0 ? summed(only, out) : b.einsum(operands.map(o => o.id), operands.map(o => o.labels), out);
    if (w.stride === 1) return sum;
    const at = w.axis - (w.tap < w.axis ? 1 : 0);
    const lined = b.reshape(sum, [...b.shape(sum).slice(0, at), positions * w.stride, ...b.shape(sum).slice(at + 2)]);
    return cropped(b, lined, at, w.padding - first * w.stride, extent);

    /** Taps as turns of `stride` phases each. */
    function inPhases({ id, labels }: Operand): Operand {
      const d = labels.indexOf(turn);
      const padded = bordered(b, id, d, 0, turns * w.stride - (Number(taps)), 0);
      return { id: b.reshape(padded, b.shape(padded).flatMap((e, i) => (i === d ? [turns, w.stride] : [e]))), labels: labels.flatMap(l => (l === turn ? [turn, phase] : [l])) };
    }
    /** The operand as the tap of each turn sees it from a position. */
    function seen({ id, labels }: Operand): Operand {
      const has = labels.includes(turn);
      const all = has ? labels : [turn, ...labels];
      const repeated = has ? id : b.broadcast(id, [turns, ...b.shape(id)], labels.map((_, d) => d + 1));
      const view = { axis: all.indexOf(place), tap: all.indexOf(turn), stride: 1, dilation: -w.dilation, padding: -first };
      const shape = resized(b.shape(repeated), view.axis, positions);
      const inside = range(turns).reduce((n, t) => n + range(positions).filter(j => { const at = j + first - t * w.dilation; return at >= 0 && at < Number(places); }).length, 0);
      // where much would be border, the loop over the turns is shorter instead (`bound.ts`); along the last axis neighbours need it to be equally long
      const isShort = bounded && w.dilation === 1 && inside < 0.75 * turns * positions && labels.at(-1) !== place;
      return { id: isShort ? b.view({ kind: 'skew', ...view, value: 0 }, repeated, shape) : window(b, repeated, view, 0, shape), labels: all };
    }
    /** Its sum over the turns, with the axes in order. */
    function summed({ id, labels }: Operand, order: readonly number[]): NodeId {
      const left = labels.filter(l => l !== turn);
      return b.permute(b.reduce('add', id, [labels.indexOf(turn)]), order.map(l => left.indexOf(l)));
    }
  }
}

interface Operand { readonly id: NodeId; readonly labels: readonly number[] }
/** A tensor as a product of itself alone. */
function whole(x: NodeId, shape: Shape): Product {
  const labels = shape.map((_, d) => d);
  return { args: [x], labels: [labels], out: labels };
}

const hasWindows = (graph: Graph<Plain>): boolean => graph.nodes.some(n => (n.kind === 'loop' ? hasWindows(n.body) : n.kind === 'view' && (n.view.kind === 'skew' || n.view.kind === 'unskew')));

/** The window of stride 1 that looks from position i at place i + padding - u·dilation. */
const reversed = (w: Windowing): Windowing => ({ ...w, dilation: -w.dilation, padding: -w.padding });

/** A window over an argument with a border of `value` as wide as the window hangs over. */
function window(b: Builder<Plain>, x: NodeId, w: Windowing, value: number, shape: Shape): NodeId {
  const { axis, tap, stride, dilation, padding } = w;
  const [extent, positions, taps] = [b.shape(x)[axis], shape[axis], shape[tap]];
  const made = (arg: NodeId, before: number): NodeId => b.view({ kind: 'skew', axis, tap, stride, dilation, padding: padding + before, value }, arg, shape);
  if (typeof extent !== 'number' || typeof positions !== 'number' || typeof taps !== 'number') return made(x, 0);
  const reach = (taps - 1) * dilation;
  const before = Math.max(0, padding - Math.min(0, reach));
  const after = Math.max(0, (positions - 1) * stride + Math.max(0, reach) - padding - (extent - 1));
  return made(bordered(b, x, axis, before, after, value), -before);
}

/** The tensor with a border along one axis. It is drawn around what views repeat, so that it is stored once. */
function bordered(b: Builder<Plain>, x: NodeId, axis: number, before: number, after: number, value: number): NodeId {
  if (before === 0 && after === 0) return x;
  const n = b.node(x);
  const wide = resized(n.shape, axis, Number(n.shape[axis]) + before + after);
  if (n.kind === 'view' && n.view.kind === 'pad' && n.view.value === value) return b.view({ ...n.view, before: n.view.before.map((p, d) => (d === axis ? p + before : p)) }, n.arg, wide);
  const below = n.kind === 'view' && (n.view.kind === 'broadcast' || n.view.kind === 'permute' || n.view.kind === 'skew') ? axisBelow(n, b.shape(n.arg), axis, value) : undefined;
  if (n.kind === 'view' && below !== undefined) return b.view(n.view, bordered(b, n.arg, below, before, after, value), wide);
  return b.view({ kind: 'pad', before: wide.map((_, d) => (d === axis ? before : 0)), value }, x, wide);
}

function cropped(b: Builder<Plain>, x: NodeId, axis: number, start: number, extent: number): NodeId {
  const shape = b.shape(x);
  return shape[axis] === extent ? x : b.view({ kind: 'slice', starts: shape.map((_, d) => (d === axis ? start : 0)), steps: shape.map(() => 1) }, x, resized(shape, axis, extent));
}

// ── views without one axis of theirs ──────────────────────────────────────────────────────────

/** The view of an argument that has no axis `below`, without its axis `axis`, which was that one. */
function withoutAxis(v: View, axis: number, below: number): View {
  const less = (a: number): number => (a > axis ? a - 1 : a);
  switch (v.kind) {
    case 'reshape': return v;
    case 'permute': return { ...v, order: without(v.order, axis).map(o => (o > below ? o - 1 : o)) };
    case 'broadcast': return { ...v, axes: without(v.axes, below).map(less) };
    case 'slice': case 'spread': return { ...v, starts: without(v.starts, axis), steps: without(v.steps, axis) };
    case 'pad': return { ...v, before: without(v.before, axis) };
    case 'skew': case 'unskew': return { ...v, axis: less(v.axis), tap: less(v.tap) };
  }
}
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const without = <T>(list: readonly T[], at: number): readonly T[] => list.filter((_, d) => d !== at);
const resized = (shape: Shape, axis: number, extent: Dim): Shape => shape.map((e, d) => (d === axis ? extent : e));

function fail(message: string): never { throw new InternalError('windows', message); }
