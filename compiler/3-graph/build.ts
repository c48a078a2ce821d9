/**
 * Makes graphs. Imagine an array that only grows: each helper checks shapes, folds what is constant, finds an equal node if
 * there is one (so common subexpressions are one node), and returns the position. Passes use it to write their result.
 */
import type { Span } from '../1-syntax/ast.ts';
import { InternalError } from '../diagnostics.ts';
import type { Op, ScalarType } from '../ops/names.ts';
import { ops } from '../ops/table.ts';
import type { Dim, Graph, Node, NodeId, Plain, Shape, View } from './graph.ts';

/** A node without the origin, which the builder adds. */
type Draft<N> = N extends unknown ? Omit<N, 'origin'> : never;

export interface Builder<N extends Node> {
  readonly nodes: readonly N[];
  /** The text that nodes made from now on come from. */
  at(origin: readonly Span[]): void;
  node(id: NodeId): N;
  shape(id: NodeId): Shape;
  /** Adds a node, or finds the equal one. */
  add(node: Draft<N>): NodeId;
  /** Copies a node of another graph as it is, with its own origin; arguments must be renumbered already. */
  copy(node: N): NodeId;
  fill(value: number, shape: Shape, type?: ScalarType): NodeId;
  scalar(name: string): NodeId;
  /** Elementwise on equal shapes; rank-0 arguments are repeated. */
  map(op: Op, ...args: readonly NodeId[]): NodeId;
  iota(shape: Shape, axis: number): NodeId;
  reduce(op: 'add' | 'max' | 'min', arg: NodeId, axes: readonly number[], first?: true): NodeId;
  einsum(args: readonly NodeId[], labels: readonly (readonly number[])[], out: readonly number[]): NodeId;
  view(view: View, arg: NodeId, shape: Shape): NodeId;
  /** Axis d of `arg` becomes axis `axes[d]` of a tensor of `shape`. */
  broadcast(arg: NodeId, shape: Shape, axes: readonly number[]): NodeId;
  /** NumPy's rule: axes align at the right, extents of 1 repeat. */
  expand(arg: NodeId, shape: Shape): NodeId;
  reshape(arg: NodeId, shape: Shape): NodeId;
  permute(arg: NodeId, order: readonly number[]): NodeId;
  graph(outputs: ReadonlyMap<string, NodeId>): Graph<N>;
}

/** A builder of graphs of `N`; `Plain` nodes are among all `N`. */
export function builder<N extends Node>(): Builder<N> {
  const nodes: N[] = [];
  const known = new Map<string, NodeId>();
  let origin: readonly Span[] = [];

  const node = (id: NodeId): N => nodes[id] ?? fail(`no node ${id}`);
  const shape = (id: NodeId): Shape => node(id).shape;
  const push = (key: string, made: N): NodeId => {
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    const id = (nodes.push(made) - 1) as NodeId; // the brand is made here and nowhere else
    known.set(key, id);
    return id;
  };
  // a Draft is its node less the origin
  const add = (draft: Draft<N>): NodeId => push(keyOf(draft as unknown as Node), { ...draft, origin } as unknown as N);
  const plain = (draft: Draft<Plain>): NodeId => add(draft as unknown as Draft<N>); // Plain is part of every N

  const b: Builder<N> = {
    nodes, node, shape, add,
    at: o => { origin = o; },
    copy: n => push(keyOf(n), n),
    fill: (value, s, type = 'f32') => plain({ kind: 'fill', value, shape: s, type }),
    scalar: name => plain({ kind: 'scalar', name, shape: [], type: 'f32' }),
    iota: (s, axis) => plain({ kind: 'iota', axis, shape: s, type: 'u32' }),
    map(op, ...args) {
      const full = args.map(shape).find(s => s.length > 0) ?? [];
      const even = args.map(a => (shape(a).length === 0 && full.length > 0 ? b.broadcast(a, full, []) : a));
      const odd = even.find(a => !sameShape(shape(a), full));
      if (odd !== undefined) fail(`${op} of ${args.map(a => showShape(shape(a))).join(', ')}`);
      const known = constants(even);
      const record = ops[op];
      const type = record.result === 'same' ? node(even[1] ?? fail(op)).type : record.result;
      if (known && type === 'f32') return b.fill(record.eval(...known), full);
      return simplify(op, even) ?? plain({ kind: 'map', op, args: even, shape: full, type });
    },
    reduce(op, arg, axes, first) {
      const s = shape(arg);
      const sorted = [...new Set(axes)].sort((x, y) => x - y);
      if (sorted.length === 0) return arg;
      return plain({ kind: 'reduce', op, axes: sorted, arg, ...(first ? { first } : {}), shape: s.filter((_, d) => !sorted.includes(d)), type: node(arg).type });
    },
    einsum(args, labels, out) {
      const extent = new Map<number, Dim>();
      labels.forEach((ls, i) => {
        const s = shape(args[i] ?? fail('einsum'));
        if (s.length !== ls.length) fail(`einsum: ${ls.length} labels on ${showShape(s)}`);
        ls.forEach((l, d) => {
          const e = s[d] ?? fail('einsum');
          if (extent.has(l) && extent.get(l) !== e) fail(`einsum: label ${l} is ${extent.get(l)} and ${e}`);
          extent.set(l, e);
        });
      });
      return plain({ kind: 'einsum', args, labels, out, shape: out.map(l => extent.get(l) ?? fail(`einsum: label ${l} is free`)), type: 'f32' });
    },
    view: (view, arg, s) => plain({ kind: 'view', view, arg, shape: s, type: node(arg).type }),
    broadcast(arg, s, axes) {
      const from = shape(arg);
      if (from.length !== axes.length || axes.some((a, d) => s[a] !== from[d])) fail(`broadcast ${showShape(from)} to ${showShape(s)} by ${axes.join()}`);
      if (s.length === from.length) return axes.every((a, d) => a === d) ? arg : b.permute(arg, s.map((_, d) => axes.indexOf(d)));
      const n = node(arg);
      if (n.kind === 'fill') return b.fill(n.value, s, n.type);
      return b.view({ kind: 'broadcast', axes }, arg, s);
    },
    expand(arg, s) {
      const from = shape(arg);
      const offset = s.length - from.length;
      const kept = from.map((e, d) => ({ e, d })).filter(({ e, d }) => e === s[d + offset]);
      const dropped = from.length !== kept.length ? b.reshape(arg, kept.map(k => k.e)) : arg;
      return b.broadcast(dropped, s, kept.map(k => k.d + offset));
    },
    reshape(arg, s) {
      if (sameShape(shape(arg), s)) return arg;
      const n = node(arg);
      if (n.kind === 'fill') return b.fill(n.value, s, n.type);
      return n.kind === 'view' && n.view.kind === 'reshape' ? b.reshape(n.arg, s) : b.view({ kind: 'reshape' }, arg, s);
    },
    permute(arg, order) {
      if (order.every((o, d) => o === d)) return arg;
      const n = node(arg);
      const s = shape(arg);
      if (n.kind === 'view' && n.view.kind === 'permute') { const inner = n.view.order; return b.permute(n.arg, order.map(o => inner[o] ?? 0)); }
      return b.view({ kind: 'permute', order }, arg, order.map(o => s[o] ?? fail('permute')));
    },
    graph: outputs => ({ nodes: [...nodes], outputs }),
  };
  return b;

  function constants(args: readonly NodeId[]): readonly number[] | undefined {
    const values = args.map(a => { const n = node(a); return n.kind === 'fill' && n.type === 'f32' ? n.value : undefined; });
    return values.length > 0 && values.every(v => v !== undefined) ? values : undefined;
  }
  /** Literal factors go first and become one: a·(b·x) is (ab)·x, x·(a·y) is a·(x·y). */
  function gatherConstants(x: NodeId, y: NodeId): NodeId | undefined {
    const value = (id: NodeId): number | undefined => { const n = node(id); return n.kind === 'fill' ? n.value : undefined; };
    const split = (id: NodeId): readonly [number, NodeId] | undefined => {
      const n = node(id);
      if (n.kind !== 'map' || n.op !== 'mul' || n.args[0] === undefined || n.args[1] === undefined) return undefined;
      const c = value(n.args[0]);
      return c === undefined ? undefined : [c, n.args[1]];
    };
    const [cx, cy] = [value(x), value(y)];
    const [sx, sy] = [split(x), split(y)];
    const s = shape(x);
    if (cx === undefined && cy !== undefined) return b.map('mul', y, x);
    if (cx !== undefined) return sy ? b.map('mul', b.fill(cx * sy[0], s), sy[1]) : undefined;
    if (sx && sy) return b.map('mul', b.fill(sx[0] * sy[0], s), b.map('mul', sx[1], sy[1]));
    if (sx) return b.map('mul', b.fill(sx[0], s), b.map('mul', sx[1], y));
    return sy ? b.map('mul', b.fill(sy[0], s), b.map('mul', x, sy[1])) : undefined;
  }
  /** Identities that are exact in floating point for finite values; they keep gradients free of `· 1` and `+ 0`. */
  function simplify(op: Op, args: readonly NodeId[]): NodeId | undefined {
    const [x, y] = args;
    if (x === undefined) return undefined;
    const is = (a: NodeId | undefined, value: number): boolean => { if (a === undefined) return false; const n = node(a); return n.kind === 'fill' && n.value === value; };
    switch (op) {
      case 'add': return is(x, 0) ? y : is(y, 0) ? x : undefined;
      case 'sub': return is(y, 0) ? x : is(x, 0) && y !== undefined ? b.map('neg', y) : undefined;
      case 'mul': return is(x, 1) ? y : is(y, 1) ? x : is(x, 0) ? x : is(y, 0) ? y
        : is(x, -1) && y !== undefined ? b.map('neg', y) : is(y, -1) ? b.map('neg', x) : y === undefined ? undefined : gatherConstants(x, y);
      case 'div': return is(y, 1) ? x : is(x, 0) ? x : undefined;
      case 'neg': { const n = node(x); return n.kind === 'map' && n.op === 'neg' ? n.args[0] : undefined; }
      case 'select': { const [, a, c] = args; return a !== undefined && a === c ? a : undefined; }
      default: return undefined;
    }
  }
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((e, d) => e === b[d]);
export const showShape = (s: Shape): string => `[${s.join(', ')}]`;

function keyOf(n: Node): string {
  switch (n.kind) {
    case 'loop': return `loop ${n.extent} ${n.reverse} ${n.sequences.join()} ${n.captured.join()} ${n.init.join()} ${n.body.nodes.map(keyOf).join(';')} ${[...n.body.outputs].join(';')} ${n.shape.join()}`;
    default: { const { origin: _, ...rest } = n; return JSON.stringify(rest); }
  }
}

function fail(message: string): never { throw new InternalError('graph', message); }
