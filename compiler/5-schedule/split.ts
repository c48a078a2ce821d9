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

/** Terms of each sum of a product, nominally, from which on a processor cuts it; how long its parts are at best, and at most: what a part reads of its second operand is to fit a panel. */
const [longestSum, wishedPart, longestPart] = [1400, 400, 640] as const;
/** Results from which on there are enough of them to reuse what is read, and numbers that all parts of them may take. */
const [manyProducts, mostInParts] = [4096, 2 ** 22] as const;

/** Smaller reductions over several literal axes become reductions over one, so that elements next to each other stay so. */
export function splitReductions(graph: Graph<Plain>, innerLoops: 'cheap' | 'dear', cutsProducts: boolean): Split {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  const partials = new Set<NodeId>();
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  const users = graph.nodes.map((): Plain[] => []);
  for (const n of graph.nodes) for (const x of argumentsOf(n)) users[x]?.push(n);
  /** Nobody reads it but with its axes in another order. */
  const isTurned = (id: NodeId): boolean => { const [user, ...others] = users[id] ?? []; return user?.kind === 'view' && user.view.kind === 'permute' && user.view.order[0] === 0 && others.length === 0; };
  for (const [i, n] of graph.nodes.entries()) {
    b.at(n.origin);
    const rows = innerLoops === 'dear' ? cutByRows(b, n, renamed) : cutsProducts ? cutProduct(b, n, renamed) : undefined;
    if (rows) {
      partials.add(rows.partial);
      to.push(rows.whole);
      continue;
    }
    if (n.kind !== 'reduce') {
      const turned = cutsProducts && n.kind === 'view' && n.view.kind === 'permute' && isTurned(n.arg) ? turnedProduct(b, graph.nodes[n.arg], n.view.order, renamed) : undefined;
      const made = turned ?? b.copy(withArguments(n, renamed));
      if (cutsProducts && isLargeGradient(b, made) && !isTurned(i as NodeId)) partials.add(made); // the position is the id
      to.push(made);
      continue;
    }
    const literal = literalExtent(graph.nodes[n.arg]?.shape ?? [], n.axes);
    if (literal >= large[innerLoops] && nominalSize(n.shape) <= few) {
      const { whole, partial } = cut(b, n.op, renamed(n.arg), n.axes, innerLoops);
      partials.add(partial);
      to.push(whole);
    } else to.push(b.reduce(n.op, ...flattened(b, renamed(n.arg), n.axes)));
  }
  return { graph: b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)]))), partials, parts: longSums(b.nodes) };
}

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
  const extents = new Map(args.flatMap((a, i) => b.shape(a).map((e, d) => [labels[i]?.[d] ?? 0, e] as const)));
  const summed = [...extents].filter(([label]) => !out.includes(label));
  const [row] = summed.find(([, e]) => e === 'rows') ?? [];
  if (row === undefined || nominalSize(summed.map(([, e]) => e).filter(e => e !== 'rows')) < longProduct || nominalSize(shape) > fewProducts) return undefined;
  const partial = b.einsum(args, labels, [row, ...out]);
  return { partial, whole: b.reduce('add', partial, [0]) };
}

/** Elements of a weight from which on its gradient is a product by itself for each sample. */
const largeWeight = 2 ** 15;
/**
 * The gradient of each sample's draw of a large weight. Imagine its tiles as they come out of the product, and what is to be done with them: the
 * noise of all samples, mean, spread and what the divergence adds, a dozen arrays as large as the weight, each met for a few lines at a time. Stored,
 * it is one more array, and all of them go past from end to end.
 */
function isLargeGradient(b: Builder<Plain>, made: NodeId): boolean {
  const n = b.node(made);
  if (n.kind !== 'einsum' || n.args.length !== 2) return false;
  const [samples, ...weight] = n.shape;
  return samples === 'samples' && weight.every(e => typeof e === 'number') && nominalSize(weight) >= largeWeight;
}
/** Such a product with its axes in another order as one that has them in that order: what is stored is read as it lies. */
function turnedProduct(b: Builder<Plain>, product: Plain | undefined, order: readonly number[], renamed: (id: NodeId) => NodeId): NodeId | undefined {
  if (product?.kind !== 'einsum') return undefined;
  const made = b.einsum(product.args.map(renamed), product.labels, order.map(d => product.out[d] ?? 0));
  return isLargeGradient(b, made) ? made : undefined;
}

/**
 * A product of long sums in parts, as many as there is a literal axis for. Imagine 3,200 rows of two matrices that are multiplied row by row: for each
 * tile of the result all rows of both go past, from a far cache; of 400 rows, what both have stays near until all tiles have seen it.
 */
function cutProduct(b: Builder<Plain>, n: Plain, renamed: (id: NodeId) => NodeId): { readonly whole: NodeId; readonly partial: NodeId } | undefined {
  if (n.kind !== 'einsum' || n.args.length !== 2) return undefined;
  const results = nominalSize(n.shape);
  if (results < manyProducts) return undefined;
  const { labels, out } = n;
  const args = n.args.map(renamed);
  const extents = new Map(args.flatMap((a, i) => b.shape(a).map((e, d) => [labels[i]?.[d] ?? 0, e] as const)));
  const summed = [...extents].filter(([label]) => !out.includes(label));
  const terms = nominalSize(summed.map(([, e]) => e));
  if (terms < longestSum) return undefined;
  const distance = (parts: number): number => Math.abs(Math.log(terms / parts / wishedPart));
  const choices = summed.flatMap(([label, e]) => (typeof e !== 'number' ? [] : Array.from({ length: e - 1 }, (_, i) => ({ label, extent: e, parts: i + 2 })).filter(c => e % c.parts === 0 && c.parts * results <= mostInParts && terms / c.parts <= longestPart)));
  const best = choices.reduce<(typeof choices)[number] | undefined>((x, c) => (x === undefined || distance(c.parts) < distance(x.parts) ? c : x), undefined);
  if (!best) return undefined;
  const { label, extent, parts } = best;
  const part = Math.max(...extents.keys()) + 1;
  const inParts = args.map((a, i) => {
    const at = labels[i]?.indexOf(label) ?? -1;
    if (at < 0) return { arg: a, labels: labels[i] ?? [] };
    const shape = b.shape(a);
    return { arg: b.reshape(a, [...shape.slice(0, at), parts, extent / parts, ...shape.slice(at + 1)]), labels: [...(labels[i] ?? []).slice(0, at), part, ...(labels[i] ?? []).slice(at)] };
  });
  const partial = b.einsum(inParts.map(p => p.arg), inParts.map(p => p.labels), [part, ...out]);
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
