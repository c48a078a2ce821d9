/**
 * Takes out of a loop what does not wait for its carries: a product of each element with a weight becomes one large product
 * of the whole sequence before the loop, and what depends on outer values alone is computed once. The adjoint then is one
 * large product too (DECISIONS 4.7).
 */
import { InternalError } from '../diagnostics.ts';
import { batchNode, turnsAxis } from '../3-graph/batch.ts';
import type { Batched } from '../3-graph/batch.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, Loop, NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf, withArguments } from '../3-graph/walk.ts';

/** Terms from which on a product leaves its loop: a shorter one, stored for all turns and read again, is more than the work of making it. */
const worthStoring = 9;

/** @param shortest Products of a sequence's elements that add up fewer terms stay inside. */
export function hoistLoops(graph: Graph<Plain>, shortest = worthStoring): Graph<Plain> {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  for (const n of graph.nodes) {
    b.at(n.origin);
    const moved = withArguments(n, renamed);
    to.push(moved.kind === 'loop' ? hoist(b, { ...moved, body: hoistLoops(moved.body, shortest) }, shortest) : b.copy(moved));
  }
  return b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)])));
}

/** How many products each element of a result adds up. */
function termsOf(nodes: readonly Plain[], { args, labels, out }: Extract<Plain, { kind: 'einsum' }>): number {
  const extents = new Map(args.flatMap((arg, i) => (labels[i] ?? []).map((label, axis) => [label, nodes[arg]?.shape[axis]] as const)));
  return [...extents].reduce((n, [label, extent]) => (out.includes(label) ? n : n * (typeof extent === 'number' ? extent : Infinity)), 1);
}

/** What a node of the body waits for. */
type Waits = 'nothing' | 'element' | 'carry';

function hoist(b: Builder<Plain>, loop: Loop, shortest: number): NodeId {
  const { nodes } = loop.body;
  const waits: Waits[] = [];
  for (const n of nodes) {
    if (n.kind === 'argument') { waits.push(n.what === 'carry' ? 'carry' : n.index < loop.sequences.length ? 'element' : 'nothing'); continue; }
    const below = argumentsOf(n).map(a => waits[a] ?? 'carry');
    // a loop inside stays inside: its results are not one node
    waits.push(n.kind === 'loop' || n.kind === 'result' || below.includes('carry') ? 'carry' : below.includes('element') ? 'element' : 'nothing');
  }
  const isUsedInside = (id: NodeId): boolean => nodes.some((n, i) => argumentsOf(n).includes(id) && waits[i] !== waits[id]) || [...loop.body.outputs.values()].includes(id);
  const chosen = nodes.flatMap((n, i) => {
    const id = i as NodeId; // the position is the id
    if (waits[i] === 'element') return n.kind === 'einsum' && termsOf(nodes, n) >= shortest ? [id] : [];
    return waits[i] === 'nothing' && n.kind !== 'argument' && n.kind !== 'fill' && n.kind !== 'scalar' && n.kind !== 'iota' && isUsedInside(id) ? [id] : [];
  });
  if (chosen.length === 0) return b.copy(loop);

  // outside: the chosen nodes and what they need, with the turns as a leading axis where they vary
  const axis = turnsAxis(loop.extent);
  const outside = new Map<NodeId, Batched>();
  const move = (id: NodeId): Batched => {
    const seen = outside.get(id);
    if (seen) return seen;
    const n = nodes[id] ?? fail(`node ${id}`);
    argumentsOf(n).forEach(move);
    b.at(n.origin);
    const made = n.kind === 'argument'
      ? { id: [...loop.sequences, ...loop.captured][n.index] ?? fail('argument'), batched: n.index < loop.sequences.length }
      : batchNode(b, n, axis, move, new Map());
    outside.set(id, made);
    return made;
  };
  const sequences = [...loop.sequences];
  const extraCaptured: NodeId[] = [];
  const place = new Map<NodeId, { readonly what: 'sequence' | 'captured'; readonly at: number }>();
  for (const id of chosen) {
    const made = move(id);
    place.set(id, made.batched ? { what: 'sequence', at: sequences.push(made.id) - 1 } : { what: 'captured', at: extraCaptured.push(made.id) - 1 });
  }

  // inside: sequences, the old captured values, the new ones
  const inner = builder<Plain>();
  const element = (index: number, n: Plain): NodeId => inner.add({ kind: 'argument', what: 'element', index, shape: n.shape, type: n.type });
  const to: NodeId[] = [];
  nodes.forEach((n, i) => {
    inner.at(n.origin);
    const p = place.get(i as NodeId); // the position is the id
    if (p) to.push(element(p.what === 'sequence' ? p.at : sequences.length + loop.captured.length + p.at, n));
    else if (n.kind === 'argument' && n.what === 'element' && n.index >= loop.sequences.length) to.push(element(n.index - loop.sequences.length + sequences.length, n));
    else to.push(inner.copy(withArguments(n, id => to[id] ?? fail(`node ${id}`))));
  });
  const outputs = new Map([...loop.body.outputs].map(([name, id]) => [name, to[id] ?? fail(name)]));
  return b.add({ ...loop, sequences, captured: [...loop.captured, ...extraCaptured], body: inner.graph(outputs) });
}

function fail(message: string): never { throw new InternalError('hoist', message); }
