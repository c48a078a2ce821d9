/**
 * Cuts large reductions to few results into two steps, so that lanes and threads have something to do: first a row of
 * partial results, then their fold. The cut is a function of the extents alone, so the sum is the same for any number of
 * threads (DECISIONS 2.6).
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { withArguments } from '../3-graph/walk.ts';
import { nominalSize } from './unit.ts';

/** Reductions of at least this many elements to at most this many results are cut. */
const large = 2048, few = 32;

export function splitReductions(graph: Graph<Plain>): Graph<Plain> {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  const renamed = (id: NodeId): NodeId => to[id] ?? fail(`node ${id}`);
  for (const n of graph.nodes) {
    b.at(n.origin);
    to.push(n.kind === 'reduce' && wants(graph, n) ? cut(b, n.op, renamed(n.arg), n.axes)
      : b.copy(withArguments(n.kind === 'loop' ? { ...n, body: splitReductions(n.body) } : n, renamed)));
  }
  return b.graph(new Map([...graph.outputs].map(([name, id]) => [name, renamed(id)])));
}

function wants(graph: Graph<Plain>, n: Extract<Plain, { kind: 'reduce' }>): boolean {
  const shape = graph.nodes[n.arg]?.shape ?? [];
  const literal = n.axes.reduce((p, a) => { const e = shape[a]; return typeof e === 'number' ? p * e : p; }, 1);
  return literal >= large && nominalSize(n.shape) <= few;
}

function cut(b: Builder<Plain>, op: 'add' | 'max' | 'min', x: NodeId, axes: readonly number[]): NodeId {
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
  const grid = b.reshape(part(0, rows * lanes), [...lead, rows, lanes]);
  const partial = b.reduce(op, grid, [...dynamic.map((_, i) => kept.length + i), lead.length]);
  const whole = b.reduce(op, partial, [kept.length]);
  const rest = elements - rows * lanes;
  if (rest === 0) return whole;
  const tail = b.reduce(op, part(rows * lanes, rest), [...dynamic.map((_, i) => kept.length + i), lead.length]);
  return b.map(op, whole, tail);
}

function fail(message: string): never { throw new InternalError('split', message); }
