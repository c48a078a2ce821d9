/**
 * The adjoint of a loop. Imagine the forward loop run again backwards: at each turn the body is computed once more from the
 * carries and the products that were saved, and differentiated; the carries' cotangents go to the turn before. Gradients of values from
 * outside (weights) are sums over all turns: where a turn's part is a product or a sum, its operands are stacked and the
 * whole is one large product after the loop; else it is accumulated in a carry.
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Loop, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { argumentsOf, withArguments } from '../3-graph/walk.ts';
import { backpropagate } from './differentiate.ts';
import type { Parts } from './vjp.ts';

/**
 * The loop with its carries before each turn among its yields, then its products: what the adjoint starts from. Those that no
 * gradient needs are taken out again when it is known (`trim.ts`).
 */
export function saving(loop: Loop): Loop {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  for (const n of loop.body.nodes) to.push(b.copy(withArguments(n.kind === 'loop' ? saving(n) : n, id => to[id] ?? fail(`node ${id}`))));
  const outputs = new Map([...loop.body.outputs].map(([name, id]) => [name, to[id] ?? fail(name)]));
  const carries = loop.init.map((_, i) => b.add({ kind: 'argument', what: 'carry', index: i, shape: b.shape(outputs.get(`next:${i}`) ?? fail(`next:${i}`)), type: 'f32' }));
  const saved = [...carries, ...productsOf(loop.body).map(id => to[id] ?? fail('product'))];
  saved.forEach((id, i) => outputs.set(`yield:${loop.yields + i}`, id));
  return { ...loop, body: b.graph(outputs), yields: loop.yields + saved.length };
}

/**
 * What is dearer to compute again than to keep: each product of a body, or, where only a sum of the same shape reads it, that
 * sum (the gates of an LSTM before their sigmoids).
 */
function productsOf({ nodes }: Loop['body']): readonly NodeId[] {
  const users = nodes.map((): NodeId[] => []);
  nodes.forEach((n, i) => { for (const a of argumentsOf(n)) users[a]?.push(i as NodeId); }); // the position is the id
  const end = (id: NodeId): NodeId => {
    const [user, ...others] = users[id] ?? [];
    const n = user === undefined ? undefined : nodes[user];
    return user !== undefined && others.length === 0 && n?.kind === 'map' && (n.op === 'add' || n.op === 'sub') ? end(user) : id;
  };
  return [...new Set(nodes.flatMap((n, i) => (n.kind === 'einsum' ? [end(i as NodeId)] : [])))]; // the same
}

/** Cotangents of a loop's sequences, captured values and initial carries, given those of its results by index. */
export function loopAdjoint(b: Builder<Plain>, id: NodeId, loop: Loop, of: ReadonlyMap<number, NodeId>): Parts {
  const carries = loop.init.length;
  const products = productsOf(loop.body);
  const ownYields = loop.yields - carries - products.length;

  // outside: the saved carries and products, and the cotangents of the yields that have one
  const savedShapes = [...loop.init.map(x => b.shape(x)), ...products.map(p => loop.body.nodes[p]?.shape ?? fail('product'))];
  const saved = savedShapes.map((shape, i) => b.add({ kind: 'result', loop: id, index: carries + ownYields + i, shape: [loop.extent, ...shape], type: 'f32' }));
  const yieldsWith = Array.from({ length: loop.yields }, (_, k) => k).filter(k => of.has(carries + k));
  const sequences = [...loop.sequences, ...saved, ...yieldsWith.map(k => of.get(carries + k) ?? fail('yield'))];

  // inside: sequences first, then what is captured
  const inner = builder<Plain>();
  const shapeOfElement = (x: NodeId): Shape => b.shape(x).slice(1);
  const sequenceArgument = (i: number): NodeId => { const x = sequences[i] ?? fail('sequence'); return inner.add({ kind: 'argument', what: 'element', index: i, shape: shapeOfElement(x), type: b.node(x).type }); };
  const capturedArgument = (i: number): NodeId => { const x = loop.captured[i] ?? fail('captured'); return inner.add({ kind: 'argument', what: 'element', index: sequences.length + i, shape: b.shape(x), type: b.node(x).type }); };
  const forward = new Map<string, NodeId>();
  const to: NodeId[] = [];
  for (const n of loop.body.nodes) {
    if (n.kind !== 'argument') { to.push(inner.copy(withArguments(n, x => to[x] ?? fail(`node ${x}`)))); continue; }
    const made = n.what === 'carry' ? sequenceArgument(loop.sequences.length + n.index)
      : n.index < loop.sequences.length ? sequenceArgument(n.index) : capturedArgument(n.index - loop.sequences.length);
    forward.set(`${n.what}${n.index}`, made);
    to.push(made);
  }
  /** Products by what was saved of them: they are differentiated as products, and read as what was saved. */
  const kept = new Map(products.map((p, i) => [to[p] ?? fail('product'), sequenceArgument(loop.sequences.length + carries + i)] as const));
  const bodyOutput = (name: string): NodeId => to[loop.body.outputs.get(name) ?? fail(name)] ?? fail(name);
  const seeds = new Map<NodeId, NodeId>();
  const seed = (x: NodeId, c: NodeId): void => { const s = seeds.get(x); seeds.set(x, s === undefined ? c : inner.map('add', s, c)); };
  const carried = loop.init.map((x, i) => inner.add({ kind: 'argument', what: 'carry', index: i, shape: b.shape(x), type: 'f32' }));
  carried.forEach((c, i) => seed(bodyOutput(`next:${i}`), c));
  yieldsWith.forEach((k, at) => seed(bodyOutput(`yield:${k}`), sequenceArgument(loop.sequences.length + saved.length + at)));

  const isForwardArgument = new Set(forward.values());
  const leaf = (n: Plain): boolean => n.kind === 'argument' && n.what === 'element' && n.type === 'f32' && isForwardArgument.has(inner.nodes.indexOf(n) as NodeId); // position is id
  const gradients = backpropagate(inner, seeds, leaf);
  const gradientOf = (name: string): NodeId | undefined => { const x = forward.get(name); return x === undefined ? undefined : gradients.get(x); };

  const outputs = new Map<string, NodeId>();
  const init: NodeId[] = loop.init.map((x, i) => of.get(i) ?? b.fill(0, b.shape(x)));
  loop.init.forEach((x, i) => outputs.set(`next:${i}`, gradientOf(`carry${i}`) ?? inner.fill(0, b.shape(x))));

  // each value that leaves the adjoint loop, stacked, once
  const yields: NodeId[] = [];
  const read = (x: NodeId): NodeId => kept.get(x) ?? x;
  const stack = (x: NodeId): number => { const at = yields.indexOf(x); return at >= 0 ? at : yields.push(x) - 1; };
  const later: (() => readonly [NodeId, NodeId])[] = [];
  // the loop is added last, when all that leaves it is known
  const made: { loop?: NodeId } = {};
  const result = (index: number, shape: Shape): NodeId => b.add({ kind: 'result', loop: made.loop ?? fail('order'), index, shape, type: 'f32' });
  const stackedNode = (inside: NodeId): NodeId => {
    const n = inner.node(read(inside));
    if (n.kind === 'argument' && n.what === 'element' && n.index < sequences.length) return sequences[n.index] ?? fail('sequence');
    return result(init.length + yields.indexOf(inside), [loop.extent, ...inner.shape(inside)]);
  };
  const isInvariant = (inside: NodeId): boolean => { const n = inner.node(inside); return n.kind === 'fill' || (n.kind === 'argument' && n.what === 'element' && n.index >= sequences.length); };
  const outside = (inside: NodeId): NodeId => {
    const n = inner.node(inside);
    return n.kind === 'fill' ? b.fill(n.value, n.shape) : n.kind === 'argument' ? loop.captured[n.index - sequences.length] ?? fail('captured') : fail('not invariant');
  };
  const needStack = (x: NodeId): void => { const n = inner.node(read(x)); if (!isInvariant(x) && !(n.kind === 'argument' && n.what === 'element')) stack(x); };

  loop.sequences.forEach((x, i) => {
    const g = gradientOf(`element${i}`);
    if (g === undefined) return;
    needStack(g);
    later.push(() => [x, isInvariant(g) ? b.broadcast(outside(g), b.shape(x), b.shape(x).map((_, d) => d).slice(1)) : stackedNode(g)]);
  });
  const captured = loop.captured.flatMap((x, i) => { const g = gradientOf(`element${loop.sequences.length + i}`); return g === undefined ? [] : [{ x, g, parts: summands(inner, g) }]; });
  const sumsOf = captured.filter(c => c.parts.every(p => isLinearSum(inner, p)));
  for (const { parts } of sumsOf) parts.forEach(p => { operands(inner, p).forEach(needStack); });
  for (const c of captured) {
    const { x, g } = c;
    // what is stacked anyway is summed up from there
    const parts = yields.includes(g) ? [g] : c.parts;
    if (sumsOf.includes(c) || parts.every(p => yields.includes(p))) {
      later.push(() => [x, parts.map(p => overTurns(b, inner, p, o => (isInvariant(o) ? { id: outside(o), stacked: false } : { id: stackedNode(o), stacked: true }))).reduce((s, p) => b.map('add', s, p))]);
    } else {
      const at = init.push(b.fill(0, b.shape(x))) - 1;
      const before = inner.add({ kind: 'argument', what: 'carry', index: at, shape: b.shape(x), type: 'f32' });
      outputs.set(`next:${at}`, inner.map('add', before, g));
      later.push(() => [x, result(at, b.shape(x))]);
    }
  }
  yields.forEach((x, k) => outputs.set(`yield:${k}`, x));
  made.loop = b.add({ kind: 'loop', extent: loop.extent, reverse: !loop.reverse, sequences, captured: loop.captured, init, body: reading(inner, outputs, kept), yields: yields.length, shape: [], type: 'f32' });
  return [...loop.init.map((x, i) => [x, result(i, b.shape(x))] as const), ...later.map(f => f())];
}

/** The graph in which whoever read a node of `kept` reads its value there. */
function reading(inner: Builder<Plain>, outputs: ReadonlyMap<string, NodeId>, kept: ReadonlyMap<NodeId, NodeId>): Loop['body'] {
  const b = builder<Plain>();
  const to = new Map<NodeId, NodeId>();
  const renamed = (id: NodeId): NodeId => to.get(id) ?? fail(`node ${id}`);
  // arguments first: a value is read before the place where its argument was made
  const order = inner.nodes.map((_, i) => i as NodeId).sort((x, y) => Number(inner.node(y).kind === 'argument') - Number(inner.node(x).kind === 'argument') || x - y); // positions are ids
  for (const id of order) to.set(id, kept.has(id) ? renamed(kept.get(id) ?? id) : b.copy(withArguments(inner.node(id), renamed)));
  return b.graph(new Map([...outputs].map(([name, id]) => [name, renamed(id)])));
}

/** The terms of a sum of nodes. */
function summands(b: Builder<Plain>, id: NodeId): readonly NodeId[] {
  const n = b.node(id);
  return n.kind === 'map' && n.op === 'add' ? n.args.flatMap(a => summands(b, a)) : [id];
}
const isLinearSum = (b: Builder<Plain>, id: NodeId): boolean => { const n = b.node(id); return n.kind === 'einsum' || (n.kind === 'reduce' && n.op === 'add'); };
const operands = (b: Builder<Plain>, id: NodeId): readonly NodeId[] => { const n = b.node(id); return n.kind === 'einsum' ? n.args : n.kind === 'reduce' ? [n.arg] : []; };

/** Σ over the turns of a product or a sum, from its stacked operands, or of what is stacked itself. */
function overTurns(b: Builder<Plain>, inner: Builder<Plain>, id: NodeId, of: (operand: NodeId) => { readonly id: NodeId; readonly stacked: boolean }): NodeId {
  const n = inner.node(id);
  if (n.kind !== 'reduce' && n.kind !== 'einsum') return b.reduce('add', of(id).id, [0]);
  if (n.kind === 'reduce') return b.reduce('add', of(n.arg).id, [0, ...n.axes.map(a => a + 1)]);
  const args = n.args.map(of);
  return b.einsum(args.map(a => a.id), n.labels.map((l, i) => (args[i]?.stacked ? [turnLabel, ...l] : l)), n.out);
}
/** A label for the turns that no other einsum uses; nested loops nest their sums, so one is enough a level. */
const turnLabel = 2_000_000;

function fail(message: string): never { throw new InternalError('differentiate', message); }
