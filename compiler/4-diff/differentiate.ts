/**
 * Reverse-mode differentiation (Griewank and Walther 2008, chapter 3): one pass backwards over the array, each node handing
 * its cotangent to its arguments by a rule for its kind. The result is a graph like any other: it can be differentiated
 * again. A loop's adjoint is a loop that runs the other way, on carries that the forward loop saves.
 */
import { InternalError } from '../diagnostics.ts';
import { builder, sameShape } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, Loop, NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf, withArguments } from '../3-graph/walk.ts';
import { loopAdjoint, saving } from './loop-adjoint.ts';
import { trim } from './trim.ts';
import { vjp } from './vjp.ts';

/** Adds outputs `gradient:<variable>`: the derivative of the scalar output `of` for each variable named. */
export function differentiate(graph: Graph<Plain>, of: string, variables: readonly string[]): Graph<Plain> {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  for (const n of graph.nodes) to.push(b.copy(withArguments(n.kind === 'loop' ? saving(n) : n, id => to[id] ?? fail(`node ${id}`))));
  const outputs = new Map([...graph.outputs].map(([name, id]) => [name, to[id] ?? fail(name)]));

  const wanted = new Set(variables);
  const target = outputs.get(of) ?? fail(`no output ${of}`);
  const gradients = backpropagate(b, new Map([[target, b.fill(1, [])]]), n => n.kind === 'variable' && wanted.has(n.name));
  for (const name of variables) {
    const at = b.nodes.findIndex(n => n.kind === 'variable' && n.name === name) as NodeId; // the position is the id
    const shape = at < 0 ? undefined : b.shape(at);
    if (shape) outputs.set(`gradient:${name}`, gradients.get(at) ?? b.fill(0, shape));
  }
  return trim(b.graph(outputs));
}

/**
 * Cotangents of the nodes that `isLeaf` picks, given those of some nodes. New nodes go to the same builder; only nodes that
 * depend on a leaf get a cotangent.
 */
export function backpropagate(b: Builder<Plain>, seeds: ReadonlyMap<NodeId, NodeId>, isLeaf: (n: Plain) => boolean): ReadonlyMap<NodeId, NodeId> {
  const last = b.nodes.length;
  const active: boolean[] = [];
  for (let i = 0; i < last; i++) {
    const n = b.node(i as NodeId); // the position is the id
    active.push(isLeaf(n) || (n.kind !== 'stop' && argumentsOf(n).some(a => active[a])));
  }
  const cotangents = new Map<NodeId, NodeId>();
  const loopCotangents = new Map<NodeId, Map<number, NodeId>>();
  const give = (id: NodeId, c: NodeId): void => {
    if (!active[id]) return;
    if (!sameShape(b.shape(id), b.shape(c))) fail(`cotangent [${b.shape(c).join()}] of node ${id} (${b.node(id).kind}) [${b.shape(id).join()}]`);
    const seen = cotangents.get(id);
    cotangents.set(id, seen === undefined ? c : b.map('add', seen, c));
  };
  for (const [id, c] of seeds) give(id, c);
  for (let i = last - 1; i >= 0; i--) {
    const id = i as NodeId;
    const n = b.node(id);
    if (!active[id]) continue;
    b.at(n.origin);
    if (n.kind === 'loop') {
      const of = loopCotangents.get(id);
      if (of) loopAdjoint(b, id, n satisfies Loop, of).forEach(([argument, c]) => give(argument, c));
      continue;
    }
    const c = cotangents.get(id);
    if (c === undefined) continue;
    if (n.kind === 'result') {
      const of = loopCotangents.get(n.loop) ?? new Map<number, NodeId>();
      loopCotangents.set(n.loop, of.set(n.index, c));
    } else {
      vjp(b, id, n, c, a => active[a] === true).forEach(([argument, part]) => give(argument, part));
    }
  }
  return new Map([...cotangents].filter(([id]) => isLeaf(b.node(id))));
}

function fail(message: string): never { throw new InternalError('differentiate', message); }
