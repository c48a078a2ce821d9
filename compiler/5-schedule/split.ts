/**
 * Cuts large reductions to few results into two steps, so that lanes and threads have something to do: first a row of
 * partial results, then their fold. The cut is a function of the extents alone, so the sum is the same for any number of
 * threads (DECISIONS 2.6).
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { argumentsOf, withArguments } from '../3-graph/walk.ts';
import { cutProduct, productsApart, summedBy } from './products.ts';
import { nominalSize } from './unit.ts';

/**
 * Reductions of at least this many elements to at most `few` results are cut. A core folds many elements with its lanes as
 * fast as it reads them; a GPU's thread does not.
 */
const large = { cheap: 4096, dear: 2048 } as const;
const few = 32;
/** Products and sums of at most so many results are cut by rows when each row adds so many: one more kernel must be worth it. */
const [fewProducts, longProduct, fewSums, longSum] = [8192, 64, 512, 256] as const;

/** The graph with its large reductions cut. `partials`: the rows of partial results, which must be stored; `parts`: those of sums of very many, which kernels of their own must store. */
export interface Split { readonly graph: Graph<Plain>; readonly partials: ReadonlySet<NodeId>; readonly parts: ReadonlySet<NodeId> }

/** Smaller reductions over several literal axes become reductions over one, so that elements next to each other stay so. */
export function splitReductions(graph: Graph<Plain>, innerLoops: 'cheap' | 'dear', cutsProducts: boolean): Split {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  const partials = new Set<NodeId>();
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  const users = graph.nodes.map(() => 0);
  for (const id of [...graph.nodes.flatMap(argumentsOf), ...graph.outputs.values()]) users[id] = (users[id] ?? 0) + 1;
  const apart = cutsProducts ? productsApart(b, graph, renamed) : undefined;
  for (const [i, n] of graph.nodes.entries()) {
    b.at(n.origin);
    const rows = innerLoops === 'dear' ? cutByRows(b, n, renamed) : cutsProducts ? cutProduct(b, n, renamed) : undefined;
    if (rows) {
      partials.add(rows.partial);
      to.push(rows.whole);
      continue;
    }
    if (n.kind !== 'reduce') {
      const product = apart?.(n, i as NodeId); // the position is the id
      if (product !== undefined) partials.add(product);
      to.push(product ?? b.copy(withArguments(n, renamed)));
      continue;
    }
    const { arg, axes } = ofReductions(graph.nodes, n, users);
    const literal = literalExtent(graph.nodes[arg]?.shape ?? [], axes);
    if (literal >= large[innerLoops] && nominalSize(n.shape) <= few) {
      const { whole, partial } = cut(b, n.op, renamed(arg), axes, innerLoops);
      partials.add(partial);
      to.push(whole);
    } else to.push(b.reduce(n.op, ...flattened(b, renamed(arg), axes)));
  }
  return { graph: b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)]))), partials, parts: longSums(b.nodes) };
}

/** A reduction of reductions that nobody else wants as one, whose axes are folded as they lie: the last one, whose turns are nearest to each other, innermost. */
function ofReductions(nodes: readonly Plain[], n: Reduction, users: readonly number[]): { readonly arg: NodeId; readonly axes: readonly number[] } {
  const inner = nodes[n.arg];
  if (inner?.kind !== 'reduce' || inner.op !== n.op || inner.first || n.first || users[n.arg] !== 1) return n;
  const { arg, axes } = ofReductions(nodes, inner, users);
  const kept = (nodes[arg]?.shape ?? []).map((_, d) => d).filter(d => !axes.includes(d));
  return { arg, axes: [...axes, ...n.axes.map(a => kept[a] ?? fail('an axis'))].sort((x, y) => x - y) };
}
type Reduction = Plain & { readonly kind: 'reduce' };

/** Sums in one scalar up to which one kernel makes all of them. */
const manySums = 64;
/**
 * Partial results of what adds up many sums: the divergence of a hundred layers is one scalar, and would be one kernel of two hundred
 * loops that no compiler of registers gets through.
 */
function longSums(nodes: readonly Plain[]): ReadonlySet<NodeId> {
  const out = new Set<NodeId>();
  const sums: number[] = [];
  nodes.forEach((n, i) => {
    const below = n.kind === 'map' && n.shape.length === 0 ? n.args.reduce((s, a) => s + (sums[a] ?? 0), 0) : n.kind === 'reduce' && n.shape.length === 0 ? 1 : 0;
    const isPartial = n.kind === 'map' && n.op === 'add' && below >= manySums;
    if (isPartial) out.add(i as NodeId); // the position is the id
    sums.push(isPartial ? 0 : below);
  });
  return out;
}
const literalExtent = (shape: Shape, axes: readonly number[]): number => axes.reduce((p, a) => { const e = shape[a]; return typeof e === 'number' ? p * e : p; }, 1);

/** Neighbouring literal axes of a reduction as one axis. */
function flattened(b: Builder<Plain>, x: NodeId, axes: readonly number[]): readonly [NodeId, readonly number[]] {
  const shape = b.shape(x);
  const at = axes.findIndex((a, i) => axes[i + 1] === a + 1 && typeof shape[a] === 'number' && typeof shape[a + 1] === 'number');
  const axis = axes[at];
  if (axis === undefined) return [x, axes];
  const merged = b.reshape(x, [...shape.slice(0, axis), Number(shape[axis]) * Number(shape[axis + 1]), ...shape.slice(axis + 2)]);
  return flattened(b, merged, axes.filter((_, i) => i !== at + 1).map(a => (a > axis ? a - 1 : a)));
}

/**
 * A sum with few results over the batch and over much besides, as the gradients of a small convolution are, first gives a result for
 * each row: otherwise a GPU would have a handful of workgroups busy, and each of them a hundred thousand turns.
 */
function cutByRows(b: Builder<Plain>, n: Plain, renamed: (id: NodeId) => NodeId): { readonly whole: NodeId; readonly partial: NodeId } | undefined {
  if (n.kind === 'reduce') {
    const shape = b.shape(renamed(n.arg));
    const row = n.axes.find(a => shape[a] === 'rows');
    if (row === undefined || literalExtent(shape, n.axes) < longSum || nominalSize(n.shape) > fewSums) return undefined;
    const others = n.axes.filter(a => a !== row);
    const partial = b.reduce(n.op, ...flattened(b, renamed(n.arg), others));
    return { partial, whole: b.reduce(n.op, partial, [row - others.filter(a => a < row).length]) };
  }
  if (n.kind !== 'einsum') return undefined;
  const { labels, out, shape } = n;
  const args = n.args.map(renamed);
  const summed = summedBy(b, n, args);
  const [row] = summed.find(([, e]) => e === 'rows') ?? [];
  if (row === undefined || nominalSize(summed.map(([, e]) => e).filter(e => e !== 'rows')) < longProduct || nominalSize(shape) > fewProducts) return undefined;
  const partial = b.einsum(args, labels, [row, ...out]);
  return { partial, whole: b.reduce('add', partial, [0]) };
}

/**
 * A processor adds up neighbours, each part a stretch of its own: parts that take turns would have each turn on another page of memory,
 * all of them in one set of the cache. The threads of a GPU take turns, so that what they load at once are neighbours.
 */
function cut(b: Builder<Plain>, op: 'add' | 'max' | 'min', x: NodeId, axes: readonly number[], innerLoops: 'cheap' | 'dear'): { readonly whole: NodeId; readonly partial: NodeId } {
  const shape = b.shape(x);
  const dynamic = axes.filter(a => typeof shape[a] !== 'number');
  const literal = axes.filter(a => typeof shape[a] === 'number');
  const kept = shape.map((_, d) => d).filter(d => !axes.includes(d));
  // kept axes, run-time axes, then the literal ones as one
  const elements = literal.reduce((p, a) => p * Number(shape[a]), 1);
  const lead: Shape = [...kept, ...dynamic].map(a => shape[a] ?? 1);
  const flat = b.reshape(b.permute(x, [...kept, ...dynamic, ...literal]), [...lead, elements]);
  const lanes = 2 ** Math.min(10, Math.ceil(Math.log2(elements) / 2));
  const rows = Math.floor(elements / lanes);
  const part = (start: number, length: number): NodeId =>
    (length === elements ? flat : b.view({ kind: 'slice', starts: [...lead.map(() => 0), start], steps: [...lead.map(() => 1), 1] }, flat, [...lead, length]));
  const grid = b.reshape(part(0, rows * lanes), innerLoops === 'cheap' ? [...lead, lanes, rows] : [...lead, rows, lanes]);
  const partial = b.reduce(op, grid, [...dynamic.map((_, i) => kept.length + i), lead.length + (innerLoops === 'cheap' ? 1 : 0)]);
  const whole = b.reduce(op, partial, [kept.length]);
  const rest = elements - rows * lanes;
  if (rest === 0) return { whole, partial };
  const tail = b.reduce(op, part(rows * lanes, rest), [...dynamic.map((_, i) => kept.length + i), lead.length]);
  return { whole: b.map(op, whole, tail), partial };
}

function fail(message: string): never { throw new InternalError('split', message); }
