/**
 * One kernel from one cluster: the elements it stores, written out down to what is loaded. Imagine asking each stored node
 * for its element at the grid's position, and each argument in turn for the element that is read, until everything is a load,
 * a literal or noise.
 */
import { InternalError } from '../diagnostics.ts';
import { addIndex, axisIndex, constant, guardKey, indexKey, indexUses, neverHolds, offsetOf, valueIndex, zero } from '../6-kernels/index.ts';
import type { Axis, BufferUse, Condition, Expr, Index, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import type { NodeId, Plain } from '../3-graph/graph.ts';
import { recognize } from '../6-kernels/recognize.ts';
import type { Op, ScalarType } from '../ops/names.ts';
import { boundFolds } from './bound.ts';
import { gridOf, identity, sameExtents } from './fuse.ts';
import type { Cluster } from './fuse.ts';
import { gatherReads } from './gather.ts';
import { nest } from './nest.ts';
import type { Store } from './nest.ts';
import { concatOf } from './concat.ts';
import { axisExtent, readsOf, reshaped } from './reads.ts';
import { segmentsOf } from './segments.ts';
import { terms } from './terms.ts';
import type { Leaf, Term } from './terms.ts';
import { unbend } from './unbend.ts';
import { nominal, nominalSize } from './unit.ts';
import type { Place, Unit } from './unit.ts';

/** @param stored Where stored nodes of other clusters live. @param targets Where this cluster puts each of its nodes. @param bounded Whether folds may run over a part of their axis. @param several Whether a position may store several elements. */
export function emit(unit: Unit, cluster: Cluster, stored: (id: NodeId) => Place | undefined, targets: (id: NodeId) => readonly Place[], sizes: (buffer: string) => Size, bounded: boolean, several: boolean): Kernel {
  const { nodes } = unit.graph;
  const node = (id: NodeId): Plain => nodes[id] ?? fail(`no node ${id}`);
  const shapeOf = (id: NodeId): Plain['shape'] => node(id).shape;
  const t = terms();
  const memo = new Map<string, Term>();
  /** Of what is put together from parts, those. */
  const concats = new Map(cluster.stores.flatMap(id => (sameExtents(shapeOf(id), cluster.shape) ? [] : [[id, concatOf(nodes, id) ?? fail(`node ${id} has another shape`)] as const])));
  const own = new Set(cluster.stores.filter(id => !concats.has(id)));
  const here = identity(cluster.shape);
  /** Keys of positions: elementwise nodes hand theirs on as it is. */
  const placeKeys = new Map<readonly Index[], string>();
  const hereKeys = new Set([placeKey(here)]);
  /** Of all guarded reads; and whether anything is summed up. */
  const conditions: Condition[] = [];
  let folds = false;

  const grid = gridOf(cluster.shape);
  const innerCount = gridOf(cluster.shape.slice(cluster.shape.length - cluster.inner)).length;
  const outer = grid.slice(0, grid.length - innerCount);
  const inner = grid.slice(grid.length - innerCount);
  const storesAt = (at: readonly Index[]): readonly Store[] => cluster.stores.flatMap(id => (concats.get(id)?.parts ?? [{ node: id, start: [] }]).flatMap(({ node: part, start }) => {
    const value = element(part, at, 0, []);
    const to = offsetOf(at.map((i, d) => addIndex(i, constant(start[d] ?? 0))), shapeOf(id));
    return targets(id).map(place => ({ buffer: place.buffer, offset: addIndex(place.offset, to), value }));
  }));
  const whole = storesAt(here);
  const segments = several && !folds ? segmentsOf(outer, conditions) : undefined;
  const segmentAt = (place: Index): readonly Index[] => here.map(i => (segments && indexUses(i, segments.axis) ? place : i));
  segments?.places.forEach(p => hereKeys.add(placeKey(segmentAt(p))));
  const stores = segments?.places.flatMap(p => storesAt(segmentAt(p))) ?? whole;
  const axes = segments?.axes ?? outer;
  const body = nest(axes, inner, stores);
  const kernel: Kernel = {
    name: kernelName(cluster), axes, body, buffers: buffersOf(body, sizes),
    origins: [...new Map(cluster.stores.flatMap(id => node(id).origin.slice(0, 1)).map(s => [`${s.file}:${s.start}`, s] as const)).values()],
  };
  const straight = unbend(kernel);
  return recognize(bounded ? boundFolds(straight) : straight);

  function placeKey(index: readonly Index[]): string {
    const seen = placeKeys.get(index);
    if (seen !== undefined) return seen;
    const made = index.map(indexKey).join();
    placeKeys.set(index, made);
    return made;
  }

  /** The element of a node at an index, `depth` folds deep, read only where `guard` holds. */
  function element(id: NodeId, index: readonly Index[], depth: number, guard: readonly Condition[]): Term {
    const key = `${id}|${placeKey(index)}|${depth}|${guardKey(guard)}`;
    const seen = memo.get(key);
    if (seen) return seen;
    const made = makeElement(id, node(id), index, depth, guard);
    memo.set(key, made);
    return made;
  }

  function makeElement(id: NodeId, n: Plain, index: readonly Index[], depth: number, guard: readonly Condition[]): Term {
    const inRegister = own.has(id) && guard.length === 0 && hereKeys.has(placeKey(index));
    const place = unit.leaf(id) ?? (inRegister ? undefined : stored(id));
    if (place) return load(place, index, guard);
    const lit = (value: number, type: ScalarType = 'f32'): Term => t.leaf({ kind: 'lit', type, value });
    switch (n.kind) {
      case 'fill': return lit(n.value, n.type);
      case 'scalar': return n.name === 'rows' || n.name === 'samples' ? t.op('float', 'f32', t.leaf({ kind: 'scalar', type: 'u32', name: n.name })) : t.leaf({ kind: 'scalar', type: 'f32', name: n.name });
      case 'iota': return t.leaf({ kind: 'index', type: 'u32', index: index[n.axis] ?? zero });
      case 'noise': return t.leaf(noise(n, index));
      case 'map': return operation(n.op, n.type, n.args.map(a => element(a, index, depth, guard)));
      case 'stop': return element(n.arg, index, depth, guard);
      case 'view': {
        const [read] = readsOf(n, index, depth, shapeOf).reads;
        if (!read) return fail('a view of nothing');
        if (read.guard.length === 0) return element(read.node, read.index, depth, guard);
        conditions.push(...read.guard);
        const fill = n.view.kind === 'pad' || n.view.kind === 'skew' ? n.view.value : 0;
        if (read.guard.some(c => neverHolds(c, axisExtent))) return lit(fill, n.type);
        const value = element(read.node, read.index, depth, [...guard, ...read.guard]);
        if (value.kind === 'leaf' && value.expr.kind === 'load' && fill === 0 && guard.length === 0) return value; // the guarded load is 0 outside
        return t.op('select', n.type, t.leaf({ kind: 'inside', type: 'bool', guard: read.guard }), value, lit(fill, n.type));
      }
      case 'reduce': {
        const { folds: over, reads } = readsOf(n, index, depth, shapeOf);
        const [read] = reads;
        if (!read) return fail('a sum of nothing');
        const value = element(read.node, read.index, depth + over.length, guard);
        return fold(n.op, over, value);
      }
      case 'einsum': {
        const { folds: over, reads } = readsOf(n, index, depth, shapeOf);
        const product = reads.map(r => element(r.node, r.index, depth + over.length, guard)).reduce((x, y) => t.op('mul', 'f32', x, y));
        return fold('add', over, product);
      }
      case 'gather': {
        const chosen = element(n.index, index.slice(n.axis, n.axis + shapeOf(n.index).length), depth, guard);
        const name = `at${chosen.id}`;
        const { reads } = gatherReads(n, index, depth, shapeOf, { kind: 'ref', type: 'u32', name });
        const from = reads[1] ?? fail('a gather of nothing');
        const source = unit.leaf(from.node) ?? stored(from.node) ?? fail('a gather from what is not stored');
        return load(source, from.index, guard, [[name, chosen]]);
      }
      case 'scatter': {
        const sorted = guard.length === 0 ? unit.bucket(n.index, n.extent) : undefined;
        if (sorted) return segment(n, sorted, index, depth);
        const { folds: over, reads } = gatherReads(n, index, depth, shapeOf);
        const [at, from] = reads;
        if (!at || !from) return fail('a scatter of nothing');
        const place2 = element(at.node, at.index, depth + over.length, guard);
        const isHere = t.op('ueq', 'bool', place2, t.leaf({ kind: 'index', type: 'u32', index: index[n.axis] ?? zero }));
        const value = t.op('select', 'f32', isHere, element(from.node, from.index, depth + over.length, guard), lit(0));
        return fold('add', over, value);
      }
      case 'input': case 'variable': case 'argument': case 'result': case 'loop': return fail(`node ${id} (${n.kind}) has no place`);
    }
  }

  /** A sum (or another fold) over axes, outermost first. */
  function fold(op: 'add' | 'max' | 'min', axes: readonly Axis[], value: Term): Term {
    folds ||= axes.length > 0;
    return axes.reduceRight((x, axis) => t.fold(op, axis, x), value);
  }

  /** An operation, without what a segment knows to be zero. */
  function operation(op: Op, type: ScalarType, args: readonly Term[]): Term {
    const isZero = (x: Term): boolean => x.kind === 'leaf' && x.expr.kind === 'lit' && x.expr.value === 0;
    const [x, y] = args;
    if (op === 'add' && x && y && (isZero(x) || isZero(y))) return isZero(x) ? y : x;
    if (op === 'mul' && type === 'f32') { const none = args.find(isZero); if (none) return none; }
    return t.op(op, type, ...args);
  }

  /** The sum over the positions of one class, which lie side by side in `order` (E7). */
  function segment(n: Extract<Plain, { kind: 'scatter' }>, { order, start }: { readonly order: Place; readonly start: Place }, index: readonly Index[], depth: number): Term {
    const bound = (by: number): Term => load(start, [addIndex(index[n.axis] ?? zero, { constant: by, terms: [] })], []);
    const axis = { name: `k${depth}_segment`, extent: Math.max(1, Math.ceil(nominalSize(shapeOf(n.index)) / n.extent)) };
    const position = valueIndex({ kind: 'load', type: 'u32', buffer: order.buffer, offset: addIndex(order.offset, axisIndex(axis.name)) });
    const place = reshaped([position], [nominalSize(shapeOf(n.index))], shapeOf(n.index).map((e, d) => (d === 0 && typeof e !== 'number' ? nominal[e] : e)));
    const value = element(n.arg, [...index.slice(0, n.axis), ...place, ...index.slice(n.axis + 1)], depth + 1, []);
    folds = true;
    return t.fold('add', axis, value, [bound(0), bound(1)]);
  }

  function load(place: Place, index: readonly Index[], guard: readonly Condition[], inside: readonly (readonly [string, Term])[] = []): Term {
    const offset = addIndex(place.offset, offsetOf(index, place.shape));
    return t.leaf({ kind: 'load', type: place.type, buffer: place.buffer, offset, ...(guard.length > 0 ? { guard, fill: 0 } : {}) }, inside);
  }
}

/** The row of the batch is counted in the caller's whole input, so that chunks draw the same. */
function noise(n: Extract<Plain, { kind: 'noise' }>, index: readonly Index[]): Leaf {
  const [sample = zero, ...position] = index;
  const extents = n.shape.slice(1);
  const rowBase = valueIndex({ kind: 'scalar', type: 'u32', name: 'rowBase' });
  const element = offsetOf(position.map((i, d) => (extents[d] === 'rows' ? addIndex(i, rowBase) : i)), extents);
  return { kind: 'noise', type: 'f32', family: n.family, site: n.site, sample, element };
}

const kernelName = (cluster: Cluster): string => `k${cluster.id}`;

/** Buffers in order of first use, and what is done with each. */
export function buffersOf(body: readonly Stmt[], sizes: (buffer: string) => Size): readonly BufferUse[] {
  const uses = new Map<string, { type: 'f32' | 'u32'; read: boolean; write: boolean }>();
  const use = (buffer: string, type: ScalarType, how: 'read' | 'write'): void => {
    const u = uses.get(buffer) ?? { type: type === 'u32' ? 'u32' as const : 'f32' as const, read: false, write: false };
    u[how] = true;
    uses.set(buffer, u);
  };
  const index = (i: Index): void => i.terms.forEach(({ atom }) => { if (atom.kind === 'value') expr(atom.value); else if (atom.kind !== 'axis') index(atom.index); });
  const visited = new Set<Expr>();
  const expr = (e: Expr): void => {
    if (visited.has(e)) return;
    visited.add(e);
    switch (e.kind) {
      case 'load': use(e.buffer, e.type, 'read'); index(e.offset); e.guard?.forEach(c => index(c.index)); break;
      case 'op': e.args.forEach(expr); break;
      case 'index': index(e.index); break;
      case 'inside': e.guard.forEach(c => index(c.index)); break;
      case 'noise': index(e.sample); index(e.element); break;
      case 'lit': case 'ref': case 'scalar': break;
    }
  };
  const stmt = (s: Stmt): void => {
    switch (s.kind) {
      case 'let': expr(s.value); break;
      case 'store': expr(s.value); index(s.offset); use(s.buffer, s.value.type, 'write'); break;
      case 'map': s.body.forEach(stmt); break;
      case 'fold': s.bounds?.forEach(expr); s.carries.forEach(c => { expr(c.init); }); s.body.forEach(stmt); s.carries.forEach(c => expr(c.next)); break;
    }
  };
  body.forEach(stmt);
  return [...uses].map(([name, u]) => ({ name, type: u.type, size: sizes(name), access: u.read && u.write ? 'update' : u.write ? 'write' : 'read' }));
}

function fail(message: string): never { throw new InternalError('emit', message); }
