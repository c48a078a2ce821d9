/**
 * Products as a processor's caches want them: long sums in parts, and gradients of all but small weights by themselves, so that what a kernel reads
 * again stays near, and what it reads once goes past from end to end.
 */
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { argumentsOf, withArguments } from '../3-graph/walk.ts';
import { nominalSize } from './unit.ts';

/** Terms of each sum of a product, nominally, from which on a processor cuts it; how long its parts are at best, and at most: what a part reads of its second operand is to fit a panel. */
const [longestSum, wishedPart, longestPart] = [1400, 400, 640] as const;
/** Results from which on there are enough of them to reuse what is read, and numbers that all parts of them may take. */
const [manyProducts, mostInParts] = [4096, 2 ** 22] as const;

/** Labels that a product sums over, and their extents. */
export function summedBy(b: Builder<Plain>, { labels, out }: Plain & { readonly kind: 'einsum' }, args: readonly NodeId[]): readonly (readonly [label: number, extent: Shape[number]])[] {
  return [...new Map(args.flatMap((a, i) => b.shape(a).map((e, d) => [labels[i]?.[d] ?? 0, e] as const)))].filter(([label]) => !out.includes(label));
}

/** Elements of a weight from which on its gradient is a product by itself for each sample. */
const worthApart = 2 ** 9;
/**
 * The gradient of each sample's draw of all but a small weight. Imagine its tiles as they come out of the product, and what is to be done with them: the
 * noise of all samples, mean, spread and what the divergence adds, a dozen arrays as large as the weight, each met for a few lines at a time. Stored,
 * it is one more array, and all of them go past from end to end.
 */
function isGradientApart(b: Builder<Plain>, made: NodeId): boolean {
  const n = b.node(made);
  if (n.kind !== 'einsum' || n.args.length !== 2) return false;
  const [samples, ...weight] = n.shape;
  return samples === 'samples' && weight.every(e => typeof e === 'number') && nominalSize(weight) >= worthApart;
}
/**
 * What gives a node that is such a product, or nothing but one with its axes in another order, as a product of its own: what is stored is read as it lies.
 * The product before it is turned is nobody's, then.
 */
export function productsApart(b: Builder<Plain>, graph: Graph<Plain>, renamed: (id: NodeId) => NodeId): (n: Plain, id: NodeId) => NodeId | undefined {
  const users = graph.nodes.map((): Plain[] => []);
  for (const n of graph.nodes) for (const x of argumentsOf(n)) users[x]?.push(n);
  const isTurned = (id: NodeId): boolean => { const [user, ...others] = users[id] ?? []; return user?.kind === 'view' && user.view.kind === 'permute' && user.view.order[0] === 0 && others.length === 0; };
  const apart = (made: NodeId): NodeId | undefined => (isGradientApart(b, made) ? made : undefined);
  return (n, id) => {
    if (n.kind === 'einsum') return isTurned(id) ? undefined : apart(b.copy(withArguments(n, renamed)));
    if (n.kind !== 'view' || n.view.kind !== 'permute' || !isTurned(n.arg)) return undefined;
    const product = graph.nodes[n.arg];
    return product?.kind === 'einsum' ? apart(b.einsum(product.args.map(renamed), product.labels, n.view.order.map(d => product.out[d] ?? 0))) : undefined;
  };
}

/**
 * A product of long sums in parts, as many as there is a literal axis for. Imagine 3,200 rows of two matrices that are multiplied row by row: for each
 * tile of the result all rows of both go past, from a far cache; of 400 rows, what both have stays near until all tiles have seen it.
 */
export function cutProduct(b: Builder<Plain>, n: Plain, renamed: (id: NodeId) => NodeId): { readonly whole: NodeId; readonly partial: NodeId } | undefined {
  if (n.kind !== 'einsum' || n.args.length !== 2) return undefined;
  const results = nominalSize(n.shape);
  if (results < manyProducts) return undefined;
  const { labels, out } = n;
  const args = n.args.map(renamed);
  const summed = summedBy(b, n, args);
  const terms = nominalSize(summed.map(([, e]) => e));
  if (terms < longestSum) return undefined;
  const distance = (parts: number): number => Math.abs(Math.log(terms / parts / wishedPart));
  const choices = summed.flatMap(([label, e]) => (typeof e !== 'number' ? [] : Array.from({ length: e - 1 }, (_, i) => ({ label, extent: e, parts: i + 2 })).filter(c => e % c.parts === 0 && c.parts * results <= mostInParts && terms / c.parts <= longestPart)));
  const best = choices.reduce<(typeof choices)[number] | undefined>((x, c) => (x === undefined || distance(c.parts) < distance(x.parts) ? c : x), undefined);
  if (!best) return undefined;
  const { label, extent, parts } = best;
  const part = Math.max(...labels.flat()) + 1;
  const inParts = args.map((a, i) => {
    const at = labels[i]?.indexOf(label) ?? -1;
    if (at < 0) return { arg: a, labels: labels[i] ?? [] };
    const shape = b.shape(a);
    return { arg: b.reshape(a, [...shape.slice(0, at), parts, extent / parts, ...shape.slice(at + 1)]), labels: [...(labels[i] ?? []).slice(0, at), part, ...(labels[i] ?? []).slice(at)] };
  });
  const partial = b.einsum(inParts.map(p => p.arg), inParts.map(p => p.labels), [part, ...out]);
  return { partial, whole: b.reduce('add', partial, [0]) };
}
