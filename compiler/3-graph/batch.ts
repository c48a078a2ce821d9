/**
 * Gives nodes one more leading axis: the same computation for every sample, or for every turn of a loop, at once. Imagine
 * each node asked "does any of your arguments have the axis?": if so it gets it too, and arguments without it are repeated;
 * if not it stays as it is.
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from './build.ts';
import type { Builder } from './build.ts';
import type { Dim, Loop, Node, NodeId, Plain, View } from './graph.ts';
import { withArguments } from './walk.ts';

/** A node of the new graph, and whether it has the axis. */
export interface Batched { readonly id: NodeId; readonly batched: boolean }
/** The axis: its extent, and a label that no einsum around it uses. */
export interface BatchAxis { readonly extent: Dim; readonly label: number }

export const samplesAxis: BatchAxis = { extent: 'samples', label: 1_000_000 };
/** Turns of a loop. Sums over the turns of nested loops nest, so one label is enough. */
export const turnsAxis = (extent: number): BatchAxis => ({ extent, label: 2_000_000 });

/** The node with the axis, repeating it where it has none. */
export function repeat(b: Builder<Plain>, x: Batched, axis: BatchAxis): NodeId {
  if (x.batched) return x.id;
  const shape = b.shape(x.id);
  return b.broadcast(x.id, [axis.extent, ...shape], shape.map((_, d) => d + 1));
}

/** Nodes that the caller makes itself. */
type Special = (n: Node, batched: (id: NodeId) => Batched) => Batched | undefined;

/** All nodes of a list, in order, with the axis where they need it. */
export function batchAll(b: Builder<Plain>, nodes: readonly Node[], axis: BatchAxis, special: Special): readonly Batched[] {
  const done: Batched[] = [];
  const batched = (id: NodeId): Batched => done[id] ?? fail(`node ${id} is used before it is made`);
  const flags: LoopFlags = new Map();
  for (const n of nodes) {
    const made = special(n, batched);
    b.at(n.origin);
    done.push(made ?? batchNode(b, n, axis, batched, flags));
  }
  return done;
}

/** Which results of a loop of the new graph have the axis. */
type LoopFlags = Map<NodeId, readonly boolean[]>;

/** One node with the axis, given its arguments. */
export function batchNode(b: Builder<Plain>, n: Node, axis: BatchAxis, batched: (id: NodeId) => Batched, flags: LoopFlags): Batched {
  const copy = (): Batched => ({ id: b.copy(withArguments(n as Plain, id => batched(id).id)), batched: false }); // weights are the caller's
  switch (n.kind) {
    case 'weight': case 'part': return fail('a weight where only plain nodes are');
    case 'input': case 'variable': case 'scalar': case 'fill': case 'iota': case 'argument': return copy();
    case 'noise': return axis.extent === 'samples' ? { id: b.add({ ...n, shape: ['samples', ...n.shape] }), batched: true } : fail('noise in a loop');
    case 'map': {
      const args = n.args.map(batched);
      if (!args.some(a => a.batched)) return { id: b.map(n.op, ...args.map(a => a.id)), batched: false };
      return { id: b.map(n.op, ...args.map(a => repeat(b, a, axis))), batched: true };
    }
    case 'reduce': {
      const x = batched(n.arg);
      return x.batched ? { id: b.reduce(n.op, x.id, n.axes.map(a => a + 1), n.first), batched: true } : copy();
    }
    case 'einsum': {
      const args = n.args.map(batched);
      if (!args.some(a => a.batched)) return copy();
      return { id: b.einsum(args.map(a => a.id), n.labels.map((l, i) => (args[i]?.batched ? [axis.label, ...l] : l)), [axis.label, ...n.out]), batched: true };
    }
    case 'view': {
      const x = batched(n.arg);
      return x.batched ? { id: b.view(shiftView(n.view), x.id, [axis.extent, ...n.shape]), batched: true } : copy();
    }
    case 'gather': case 'scatter': {
      const x = batched(n.arg);
      if (batched(n.index).batched) fail('an index that varies along the axis');
      return x.batched ? { id: b.add({ ...n, arg: x.id, index: batched(n.index).id, axis: n.axis + 1, shape: [axis.extent, ...n.shape] }), batched: true } : copy();
    }
    case 'stop': {
      const x = batched(n.arg);
      return { id: b.add({ ...n, arg: x.id, shape: b.shape(x.id) }), batched: x.batched };
    }
    case 'loop': return batchLoop(b, n, axis, batched, flags);
    case 'result': {
      const loop = batched(n.loop).id;
      const of = flags.get(loop) ?? fail('a result of no loop');
      if (of[n.index] !== true) return { id: b.add({ ...n, loop }), batched: false };
      const node = b.node(loop);
      const yields = node.kind === 'loop' ? node.yields : fail('a result of no loop');
      if (n.index < of.length - yields) return { id: b.add({ ...n, loop, shape: [axis.extent, ...n.shape] }), batched: true };
      const [time = 0, ...rest] = n.shape;
      const stacked = b.add({ ...n, loop, shape: [time, axis.extent, ...rest] });
      return { id: b.permute(stacked, [1, 0, ...rest.map((_, d) => d + 2)]), batched: true };
    }
  }
}

const shiftView = (v: View): View => {
  switch (v.kind) {
    case 'reshape': return v;
    case 'permute': return { ...v, order: [0, ...v.order.map(o => o + 1)] };
    case 'broadcast': return { ...v, axes: [0, ...v.axes.map(a => a + 1)] };
    case 'slice': case 'spread': return { ...v, starts: [0, ...v.starts], steps: [1, ...v.steps] };
    case 'pad': return { ...v, before: [0, ...v.before] };
    case 'skew': case 'unskew': return { ...v, axis: v.axis + 1, tap: v.tap + 1 };
  }
};

/** A loop whose captured values or sequences have the axis carries it: which carries do is found by repeating until nothing changes. */
function batchLoop(b: Builder<Plain>, n: Loop, axis: BatchAxis, batched: (id: NodeId) => Batched, flags: LoopFlags): Batched {
  const sequences = n.sequences.map(batched);
  const captured = n.captured.map(batched);
  const init = n.init.map(batched);
  const elements = [...sequences, ...captured].map(x => x.batched);
  let carries = init.map(x => x.batched);
  for (;;) {
    const inner = builder<Plain>();
    const done = batchAll(inner, n.body.nodes, axis, node => {
      if (node.kind !== 'argument') return undefined;
      const has = (node.what === 'carry' ? carries : elements)[node.index] ?? false;
      inner.at(node.origin);
      return { id: inner.add({ ...node, shape: has ? [axis.extent, ...node.shape] : node.shape }), batched: has };
    });
    const out = (name: string): Batched => done[n.body.outputs.get(name) ?? fail(name)] ?? fail(name);
    const next = n.init.map((_, i) => out(`next:${i}`));
    const grown = carries.map((c, i) => c || (next[i]?.batched ?? false));
    if (grown.some((c, i) => c !== carries[i])) { carries = grown; continue; }
    const yields = Array.from({ length: n.yields }, (_, i) => out(`yield:${i}`));
    const outputs = new Map<string, NodeId>([
      ...next.map((x, i) => [`next:${i}`, carries[i] ? repeat(inner, x, axis) : x.id] as const),
      ...yields.map((x, i) => [`yield:${i}`, x.id] as const),
    ]);
    const timeFirst = (x: Batched): NodeId => (x.batched ? b.permute(x.id, [1, 0, ...b.shape(x.id).slice(2).map((_, d) => d + 2)]) : x.id);
    const id = b.add({
      ...n, sequences: sequences.map(timeFirst), captured: captured.map(x => x.id),
      init: init.map((x, i) => (carries[i] ? repeat(b, x, axis) : x.id)), body: inner.graph(outputs),
    });
    flags.set(id, [...carries, ...yields.map(x => x.batched)]);
    return { id, batched: false };
  }
}

function fail(message: string): never { throw new InternalError('batch', message); }
