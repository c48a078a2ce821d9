/** Going over a graph: the arguments of a node, a node with other arguments, and what an output needs. */
import type { Graph, Node, NodeId, Plain } from './graph.ts';

/** The nodes that a node reads, in order. */
export function argumentsOf(n: Node): readonly NodeId[] {
  switch (n.kind) {
    case 'map': case 'einsum': return n.args;
    case 'reduce': case 'view': case 'stop': return [n.arg];
    case 'gather': case 'scatter': return [n.arg, n.index];
    case 'loop': return [...n.sequences, ...n.captured, ...n.init];
    case 'result': return [n.loop];
    case 'weight': return Object.values(n.prior.parameters);
    case 'part': return [n.weight];
    case 'input': case 'variable': case 'scalar': case 'noise': case 'fill': case 'iota': case 'argument': return [];
  }
}

/** The node reading `to(argument)` instead of each argument. */
export function withArguments<N extends Node>(n: N, to: (id: NodeId) => NodeId): N {
  const node: Node = n;
  const replaced = ((): Node => {
    switch (node.kind) {
      case 'map': case 'einsum': return { ...node, args: node.args.map(to) };
      case 'reduce': case 'view': case 'stop': return { ...node, arg: to(node.arg) };
      case 'gather': case 'scatter': return { ...node, arg: to(node.arg), index: to(node.index) };
      case 'loop': return { ...node, sequences: node.sequences.map(to), captured: node.captured.map(to), init: node.init.map(to) };
      case 'result': return { ...node, loop: to(node.loop) };
      case 'part': return { ...node, weight: to(node.weight) };
      case 'weight': return { ...node, prior: { ...node.prior, parameters: Object.fromEntries(Object.entries(node.prior.parameters).map(([k, v]) => [k, to(v)])) } };
      case 'input': case 'variable': case 'scalar': case 'noise': case 'fill': case 'iota': case 'argument': return node;
    }
  })();
  return replaced as N; // same kind as `n`
}

/** The graph with only these outputs and what they need. */
export function prune(graph: Graph<Plain>, keep: (output: string) => boolean): Graph<Plain> {
  const outputs = [...graph.outputs].filter(([name]) => keep(name));
  const needed = new Set<NodeId>();
  const visit = (ids: readonly NodeId[]): void => {
    const stack = [...ids];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (needed.has(id)) continue;
      needed.add(id);
      const n = graph.nodes[id];
      if (n) stack.push(...argumentsOf(n));
    }
  };
  visit(outputs.map(([, id]) => id));
  const renumbered = new Map<NodeId, NodeId>();
  const nodes: Plain[] = [];
  const to = (id: NodeId): NodeId => renumbered.get(id) ?? id;
  graph.nodes.forEach((node, i) => {
    const id = i as NodeId; // a NodeId is the position
    if (!needed.has(id)) return;
    // a body keeps what its own outputs need
    const n = node.kind === 'loop' ? { ...node, body: prune(node.body, () => true) } : node;
    renumbered.set(id, (nodes.push(withArguments(n, to)) - 1) as NodeId);
  });
  return { nodes, outputs: new Map(outputs.map(([name, id]) => [name, to(id)])) };
}
