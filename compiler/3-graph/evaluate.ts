/**
 * Computes a graph the slow, obvious way: every node as a whole array in double precision, in order. It knows nothing of
 * kernels, so it is what schedules are compared with, and what gradients are checked on by finite differences.
 */
import { InternalError } from '../diagnostics.ts';
import { ops } from '../ops/table.ts';
import { boxMuller, noiseWords } from '../../runtime/noise.ts';
import type { Stream } from '../../runtime/noise.ts';
import type { Dim, Graph, Loop, NodeId, Plain, Shape } from './graph.ts';

/** What a graph is given: arrays by name (inputs `input:x`, variables by path), the numbers of the call, and the noise. */
export interface Given {
  readonly arrays: Readonly<Record<string, ArrayLike<number>>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly rows: number; readonly samples: number;
  readonly rowBase?: number; readonly sampleBase?: number;
  readonly stream: Stream;
}

export type Tensor = Float64Array;

/** The values of all outputs, row-major. */
export function evaluate(graph: Graph<Plain>, given: Given): ReadonlyMap<string, Tensor> {
  const values = evaluateNodes(graph, given, () => { throw new InternalError('evaluate', 'an argument outside of a loop'); });
  return new Map([...graph.outputs].map(([name, id]) => [name, values[id] ?? new Float64Array()]));
}

export const extents = (shape: Shape, given: Given): readonly number[] => shape.map((d: Dim) => (typeof d === 'number' ? d : given[d]));
const total = (e: readonly number[]): number => e.reduce((p, x) => p * x, 1);
/** Row-major strides. */
const strides = (e: readonly number[]): readonly number[] => e.map((_, d) => total(e.slice(d + 1)));

type LoopValues = { readonly results: readonly Tensor[] };

function evaluateNodes(graph: Graph<Plain>, given: Given, argument: (n: Extract<Plain, { kind: 'argument' }>) => Tensor): readonly Tensor[] {
  const values: Tensor[] = [];
  const loops = new Map<NodeId, LoopValues>();
  const value = (id: NodeId): Tensor => values[id] ?? new Float64Array();
  const sizesOf = (id: NodeId): readonly number[] => extents(graph.nodes[id]?.shape ?? [], given);
  graph.nodes.forEach((n, i) => {
    if (n.kind === 'loop') { loops.set(i as NodeId, { results: runLoop(n, given, value, id => sizesOf(id)) }); values.push(new Float64Array()); return; } // the position is the id
    if (n.kind === 'result') { values.push(loops.get(n.loop)?.results[n.index] ?? new Float64Array()); return; }
    values.push(n.kind === 'argument' ? argument(n) : evaluateNode(n, given, value, sizesOf));
  });
  return values;
}

function evaluateNode(n: Exclude<Plain, { kind: 'loop' | 'result' | 'argument' }>, given: Given, value: (id: NodeId) => Tensor, sizesOf: (id: NodeId) => readonly number[]): Tensor {
  const size = extents(n.shape, given);
  const out = new Float64Array(total(size));
  switch (n.kind) {
    case 'input': case 'variable': return out.map((_, i) => given.arrays[n.name]?.[i] ?? NaN);
    case 'scalar': return out.fill(n.name === 'rows' ? given.rows : n.name === 'samples' ? given.samples : given.scalars[n.name] ?? NaN);
    case 'fill': return out.fill(n.value);
    case 'iota': return each(size, out, p => p[n.axis] ?? 0);
    case 'noise': return noise(n, size, out, given);
    case 'map': { const args = n.args.map(value); return out.map((_, i) => ops[n.op].eval(...args.map(a => a[i] ?? NaN))); }
    case 'stop': return value(n.arg);
    case 'reduce': {
      const from = sizesOf(n.arg);
      const arg = value(n.arg);
      const kept = from.map((_, d) => d).filter(d => !n.axes.includes(d));
      const st = strides(size);
      const join = { add: (a: number, b: number) => a + b, max: Math.max, min: Math.min }[n.op];
      out.fill({ add: 0, max: -Infinity, min: Infinity }[n.op]);
      each(from, new Float64Array(arg.length), (p, i) => { const at = kept.reduce((s, d, k) => s + (p[d] ?? 0) * (st[k] ?? 0), 0); out[at] = join(out[at] ?? 0, arg[i] ?? NaN); return 0; });
      return out;
    }
    case 'einsum': {
      const extent = new Map<number, number>();
      n.args.forEach((a, k) => n.labels[k]?.forEach((l, d) => extent.set(l, sizesOf(a)[d] ?? 1)));
      const labels = [...n.out, ...[...extent.keys()].filter(l => !n.out.includes(l))];
      const whole = labels.map(l => extent.get(l) ?? 1);
      const st = n.args.map((a, k) => labels.map(l => { const d = n.labels[k]?.indexOf(l) ?? -1; return d < 0 ? 0 : strides(sizesOf(a))[d] ?? 0; }));
      const args = n.args.map(value);
      const inner = total(whole.slice(n.out.length));
      each(whole, new Float64Array(total(whole)), (p, i) => {
        const at = Math.floor(i / inner);
        out[at] = (out[at] ?? 0) + args.reduce((x, a, k) => x * (a[(st[k] ?? []).reduce((s, step, d) => s + step * (p[d] ?? 0), 0)] ?? NaN), 1);
        return 0;
      });
      return out;
    }
    case 'view': {
      const from = sizesOf(n.arg);
      const arg = value(n.arg);
      const st = strides(from);
      const v = n.view;
      const at = (q: readonly number[]): number | undefined => (q.every((x, d) => Number.isInteger(x) && x >= 0 && x < (from[d] ?? 1)) ? q.reduce((s, x, d) => s + x * (st[d] ?? 0), 0) : undefined);
      const read = (q: readonly number[], fill: number): number => { const i = at(q); return i === undefined ? fill : arg[i] ?? NaN; };
      switch (v.kind) {
        case 'reshape': return arg.slice();
        case 'permute': return each(size, out, p => read(from.map((_, d) => p[v.order.indexOf(d)] ?? 0), NaN));
        case 'broadcast': return each(size, out, p => read(v.axes.map(a => p[a] ?? 0), NaN));
        case 'slice': return each(size, out, p => read(p.map((x, d) => (v.starts[d] ?? 0) + x * (v.steps[d] ?? 1)), NaN));
        case 'pad': return each(size, out, p => read(p.map((x, d) => x - (v.before[d] ?? 0)), v.value));
        case 'skew': return each(size, out, p => read(p.map((x, d) => (d === v.axis ? x * v.stride + (p[v.tap] ?? 0) * v.dilation - v.padding : x)), v.value));
        case 'unskew': return each(size, out, p => read(p.map((x, d) => (d === v.axis ? (x + v.padding - (p[v.tap] ?? 0) * v.dilation) / v.stride : x)), 0));
        case 'spread': return each(size, out, p => read(p.map((x, d) => (x - (v.starts[d] ?? 0)) / (v.steps[d] ?? 1)), 0));
      }
    }
    case 'gather': {
      const [from, at] = [sizesOf(n.arg), sizesOf(n.index)];
      const [arg, index] = [value(n.arg), value(n.index)];
      const [sf, si] = [strides(from), strides(at)];
      return each(size, out, p => {
        const chosen = index[at.reduce((s, _, d) => s + (p[n.axis + d] ?? 0) * (si[d] ?? 0), 0)] ?? NaN;
        const q = [...p.slice(0, n.axis), chosen, ...p.slice(n.axis + at.length)];
        return arg[q.reduce((s, x, d) => s + x * (sf[d] ?? 0), 0)] ?? NaN;
      });
    }
    case 'scatter': {
      const [from, at] = [sizesOf(n.arg), sizesOf(n.index)];
      const [arg, index] = [value(n.arg), value(n.index)];
      const [so, si] = [strides(size), strides(at)];
      each(from, new Float64Array(arg.length), (p, i) => {
        const chosen = index[at.reduce((s, _, d) => s + (p[n.axis + d] ?? 0) * (si[d] ?? 0), 0)] ?? NaN;
        const q = [...p.slice(0, n.axis), chosen, ...p.slice(n.axis + at.length)];
        const to = q.reduce((s, x, d) => s + x * (so[d] ?? 0), 0);
        out[to] = (out[to] ?? 0) + (arg[i] ?? NaN);
        return 0;
      });
      return out;
    }
  }
}

/** Fills `out` by position. */
function each(size: readonly number[], out: Tensor, f: (position: readonly number[], i: number) => number): Tensor {
  const p = size.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = f(p, i);
    for (let d = size.length - 1; d >= 0; d--) {
      p[d] = (p[d] ?? 0) + 1;
      if ((p[d] ?? 0) < (size[d] ?? 1)) break;
      p[d] = 0;
    }
  }
  return out;
}

function noise(n: Extract<Plain, { kind: 'noise' }>, size: readonly number[], out: Tensor, given: Given): Tensor {
  const position = size.slice(1);
  const rows = n.shape.slice(1).indexOf('rows');
  const st = strides(position);
  return each(size, out, p => {
    const element = p.slice(1).reduce((s, x, d) => s + (x + (d === rows ? given.rowBase ?? 0 : 0)) * (st[d] ?? 0), 0);
    const w = noiseWords(given.stream, n.site, (p[0] ?? 0) + (given.sampleBase ?? 0), Math.floor(element / 4));
    const lane = element % 4;
    if (n.family === 'uniform') return ((w[lane] ?? 0) >>> 8) * 2 ** -24 + 2 ** -25;
    return boxMuller(w[lane & 2] ?? 0, w[(lane & 2) + 1] ?? 0)[lane & 1] ?? NaN;
  });
}

function runLoop(n: Loop, given: Given, value: (id: NodeId) => Tensor, sizesOf: (id: NodeId) => readonly number[]): readonly Tensor[] {
  let carries = n.init.map(value);
  const yields: Tensor[][] = Array.from({ length: n.yields }, () => []);
  for (let turn = 0; turn < n.extent; turn++) {
    const t = n.reverse ? n.extent - 1 - turn : turn;
    const now = carries;
    const body = evaluateNodes(n.body, given, a => {
      if (a.what === 'carry') return now[a.index] ?? new Float64Array();
      const id = [...n.sequences, ...n.captured][a.index];
      if (id === undefined) return new Float64Array();
      if (a.index >= n.sequences.length) return value(id);
      const step = total(sizesOf(id).slice(1));
      return value(id).slice(t * step, (t + 1) * step);
    });
    const output = (name: string): Tensor => { const id = n.body.outputs.get(name); return id === undefined ? new Float64Array() : body[id] ?? new Float64Array(); };
    carries = n.init.map((_, i) => output(`next:${i}`));
    yields.forEach((y, k) => { y[t] = output(`yield:${k}`); });
  }
  return [...carries, ...yields.map(parts => { const out = new Float64Array(parts.reduce((s, p) => s + p.length, 0)); let at = 0; for (const p of parts) { out.set(p, at); at += p.length; } return out; })];
}
