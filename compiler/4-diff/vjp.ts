/**
 * The rule of each kind of node: from the cotangent of the result to those of the arguments (vector-Jacobian products).
 * Elementwise ops take their partial derivatives from the table of ops.
 */
import { InternalError } from '../diagnostics.ts';
import type { Builder } from '../3-graph/build.ts';
import { restore } from '../3-graph/compose.ts';
import type { NodeId, Plain, Shape, Windowing } from '../3-graph/graph.ts';
import type { Algebra } from '../ops/table.ts';
import { ops } from '../ops/table.ts';

export type Parts = readonly (readonly [argument: NodeId, cotangent: NodeId])[];
type Kinds = Exclude<Plain['kind'], 'loop' | 'result'>;
type Rule<K extends Kinds> = (b: Builder<Plain>, id: NodeId, n: Extract<Plain, { kind: K }>, c: NodeId, active: (argument: NodeId) => boolean) => Parts;

const rules: { readonly [K in Kinds]: Rule<K> } = {
  input: () => [], variable: () => [], scalar: () => [], noise: () => [], fill: () => [], iota: () => [], stop: () => [], argument: () => [],

  map(b, id, n, c, active) {
    const diff = ops[n.op].diff;
    if (!diff) return [];
    const shape = b.shape(id);
    const algebra: Algebra<NodeId> = { lit: v => b.fill(v, shape), word: v => b.fill(v, shape, 'u32'), op: (op, ...args) => b.map(op, ...args) };
    return n.args.flatMap((a, i) => {
      if (!active(a) || b.node(a).type !== 'f32') return [];
      const d = diff(algebra, id, ...n.args)[i];
      return d === undefined ? [] : [[a, scaled(b, c, d)] as const];
    });
  },

  /** A sum repeats its cotangent; a maximum hands it to the elements that attain it, in equal shares (as PyTorch's amax). */
  reduce(b, id, n, c) {
    const shape = b.shape(n.arg);
    const spread = restore(b, c, shape, n.axes);
    if (n.op === 'add') return [[n.arg, spread]];
    const isExtreme = b.map('eq', n.arg, restore(b, id, shape, n.axes));
    if (n.first) return [[n.arg, b.map('select', isFirst(b, isExtreme, shape, n.axes), restore(b, c, shape, n.axes), b.fill(0, shape))]];
    const attained = b.map('select', isExtreme, b.fill(1, shape), b.fill(0, shape));
    const share = b.map('mul', c, b.map('reciprocal', b.reduce('add', attained, n.axes)));
    return [[n.arg, b.map('mul', attained, restore(b, share, shape, n.axes))]];
  },

  /** Σ P·Q is linear in each operand: the cotangent takes the operand's place. Labels that only it has are repeated. */
  einsum(b, _, n, c, active) {
    return n.args.flatMap((a, i) => {
      if (!active(a)) return [];
      const labels = n.labels[i] ?? [];
      const others = n.args.flatMap((x, k) => (k === i ? [] : [{ x, labels: n.labels[k] ?? [] }]));
      const reachable = labels.filter(l => n.out.includes(l) || others.some(o => o.labels.includes(l)));
      const part = b.einsum([c, ...others.map(o => o.x)], [n.out, ...others.map(o => o.labels)], reachable);
      return [[a, b.broadcast(part, b.shape(a), reachable.map(l => labels.indexOf(l)))] as const];
    });
  },

  view(b, _, n, c) {
    const from = b.shape(n.arg);
    const v = n.view;
    switch (v.kind) {
      case 'reshape': return [[n.arg, b.reshape(c, from)]];
      case 'permute': return [[n.arg, b.permute(c, v.order.map((_, d) => v.order.indexOf(d)))]];
      case 'broadcast': {
        const added = b.shape(c).map((_, d) => d).filter(d => !v.axes.includes(d));
        const kept = [...v.axes].sort((x, y) => x - y);
        return [[n.arg, b.permute(b.reduce('add', c, added), v.axes.map(a => kept.indexOf(a)))]];
      }
      case 'slice': return [[n.arg, b.view({ kind: 'spread', starts: v.starts, steps: v.steps }, c, from)]];
      case 'spread': return [[n.arg, b.view({ kind: 'slice', starts: v.starts, steps: v.steps }, c, from)]];
      case 'skew': return [[n.arg, b.view({ ...windowing(v), kind: 'unskew' }, c, from)]];
      case 'unskew': return [[n.arg, b.view({ ...windowing(v), kind: 'skew', value: 0 }, c, from)]];
      case 'pad': return [[n.arg, b.view({ kind: 'slice', starts: v.before, steps: v.before.map(() => 1) }, c, from)]];
    }
  },

  gather(b, _, n, c) {
    const shape = b.shape(n.arg);
    const extent = shape[n.axis];
    if (typeof extent !== 'number') return fail('a gather along a run-time extent');
    return [[n.arg, b.add({ kind: 'scatter', axis: n.axis, extent, arg: c, index: n.index, shape, type: 'f32' })]];
  },
  scatter: (b, _, n, c) => [[n.arg, b.add({ kind: 'gather', axis: n.axis, arg: c, index: n.index, shape: b.shape(n.arg), type: 'f32' })]],
};

/** Cotangents of the arguments of one node, given that of its result. */
export function vjp(b: Builder<Plain>, id: NodeId, n: Exclude<Plain, { kind: 'loop' | 'result' }>, c: NodeId, active: (argument: NodeId) => boolean): Parts {
  const rule = rules[n.kind] as Rule<typeof n.kind>; // one row a kind: the row of n.kind takes n
  return rule(b, id, n, c, active);
}

const windowing = ({ axis, tap, stride, dilation, padding }: Windowing): Windowing => ({ axis, tap, stride, dilation, padding });

/** Of the places along `axes` where a condition holds, the first in row-major order. Places are counted as floats, exact to 2^24. */
function isFirst(b: Builder<Plain>, holds: NodeId, shape: Shape, axes: readonly number[]): NodeId {
  const along = axes.map(a => shape[a] ?? 1);
  const place = b.broadcast(along.map((_, i) => {
    const stride = along.slice(i + 1).reduce<number>((n, e) => n * (typeof e === 'number' ? e : fail('a first along the batch')), 1);
    return b.map('mul', b.fill(stride, along), b.map('float', b.iota(along, i)));
  }).reduce((x, y) => b.map('add', x, y)), shape, axes);
  const earliest = b.reduce('min', b.map('select', holds, place, b.fill(2 ** 25, shape)), axes);
  return b.map('and', holds, b.map('eq', place, restore(b, earliest, shape, axes)));
}

/** c · d, where d may be a selection of constants: c selected keeps the kernel free of a multiplication. */
function scaled(b: Builder<Plain>, c: NodeId, d: NodeId): NodeId {
  const n = b.node(d);
  if (n.kind !== 'map' || n.op !== 'select') return b.map('mul', c, d);
  const [condition, yes, no] = n.args;
  const constant = (x: NodeId | undefined): boolean => x !== undefined && b.node(x).kind === 'fill';
  if (condition === undefined || yes === undefined || no === undefined || !constant(yes) || !constant(no)) return b.map('mul', c, d);
  return b.map('select', condition, b.map('mul', c, yes), b.map('mul', c, no));
}

function fail(message: string): never { throw new InternalError('differentiate', message); }
