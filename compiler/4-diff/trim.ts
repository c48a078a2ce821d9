/**
 * Takes out of loops what nobody reads: yields without a reader, and then sequences and captured values that the body no
 * longer asks for. The forward loop saves whatever its adjoint might need; which of that it does need is known only now.
 */
import { builder } from '../3-graph/build.ts';
import { InternalError } from '../diagnostics.ts';
import type { Graph, Loop, NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf, prune, withArguments } from '../3-graph/walk.ts';

export function trim(graph: Graph<Plain>): Graph<Plain> {
  // readers come after what they read, so one pass backwards sees all of them: an adjoint first, then the loop that saved for it
  const trimmed = new Map<NodeId, { readonly loop: Loop; readonly yields: readonly number[] }>();
  const live = new Set<NodeId>(graph.outputs.values());
  const read = new Map<NodeId, Set<number>>();
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const id = i as NodeId; // the position is the id
    const n = graph.nodes[id];
    if (!n || !live.has(id)) continue;
    if (n.kind === 'result') read.set(n.loop, (read.get(n.loop) ?? new Set()).add(n.index));
    if (n.kind === 'loop') trimmed.set(id, trimLoop(n, read.get(id) ?? new Set()));
    for (const a of argumentsOf(trimmed.get(id)?.loop ?? n)) live.add(a);
  }
  const b = builder<Plain>();
  const to = new Map<NodeId, NodeId>();
  const renamed = (id: NodeId): NodeId => to.get(id) ?? fail(`node ${id}`);
  graph.nodes.forEach((n, i) => {
    const id = i as NodeId; // the position is the id
    if (!live.has(id)) return;
    const of = n.kind === 'result' ? trimmed.get(n.loop) : undefined;
    const made = trimmed.get(id)?.loop ?? (n.kind === 'result' && of && n.index >= of.loop.init.length ? { ...n, index: of.loop.init.length + of.yields.indexOf(n.index - of.loop.init.length) } : n);
    to.set(id, b.copy(withArguments(made, renamed)));
  });
  return b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)])));
}

/** The loop with the yields that are read, and their old numbers. */
function trimLoop(loop: Loop, results: ReadonlySet<number>): { readonly loop: Loop; readonly yields: readonly number[] } {
  const yields = Array.from({ length: loop.yields }, (_, k) => k).filter(k => results.has(loop.init.length + k));
  const kept = new Map([...loop.body.outputs].flatMap(([name, id]): (readonly [string, NodeId])[] => {
    if (!name.startsWith('yield:')) return [[name, id]];
    const at = yields.indexOf(Number(name.slice('yield:'.length)));
    return at < 0 ? [] : [[`yield:${at}`, id]];
  }));
  const body = trim(prune({ nodes: loop.body.nodes, outputs: kept }, () => true));
  const asked = new Set(body.nodes.flatMap(n => (n.kind === 'argument' && n.what === 'element' ? [n.index] : [])));
  const all = [...loop.sequences, ...loop.captured];
  const order = all.flatMap((_, i) => (asked.has(i) ? [i] : []));
  const nodes = body.nodes.map((n): Plain => (n.kind === 'argument' && n.what === 'element' ? { ...n, index: order.indexOf(n.index) } : n));
  const chosen = (from: number, end: number): readonly NodeId[] => order.flatMap(i => { const x = all[i]; return i >= from && i < end && x !== undefined ? [x] : []; });
  return { loop: { ...loop, sequences: chosen(0, loop.sequences.length), captured: chosen(loop.sequences.length, all.length), body: { nodes, outputs: body.outputs }, yields: yields.length }, yields };
}

function fail(message: string): never { throw new InternalError('trim', message); }
