/**
 * What becomes one kernel, what is stored, what is computed again. Imagine walking the graph backwards with slips of paper:
 * each kernel-to-be asks for elements of its arguments ("request"); when a node is reached, all who want it have asked, and
 * it is either computed in place for each of them or stored by a kernel that others load from. Kernels that ask for the same
 * expensive elements are joined, if neither waits for the other.
 */
import { InternalError } from '../diagnostics.ts';
import { axisIndex, indexKey, indexUses, guardKey, zero } from '../6-kernels/index.ts';
import type { Axis, Condition, Index } from '../6-kernels/kernel.ts';
import type { Loop, NodeId, Plain, Shape, View } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';
import { costs } from './cost.ts';
import { ofWeightsAlone } from './drawn.ts';
import { gatherReads } from './gather.ts';
import { isInjective } from './injective.ts';
import { gridAxis, readsOf } from './reads.ts';
import { concatOf } from './concat.ts';
import type { Capabilities, MemoryPlan } from './schedule.ts';
import { isFree, nominal, nominalSize } from './unit.ts';
import type { Unit } from './unit.ts';

/** A kernel-to-be: the nodes it stores, all of one shape or made of parts of that shape, and how many trailing axes are inner loops. */
export interface Cluster { readonly kind: 'cluster'; readonly id: number; readonly shape: Shape; readonly stores: readonly NodeId[]; readonly inner: number; readonly needs: readonly Item[] }
/** A loop of the graph: what it reads is stored before it. */
export interface LoopItem { readonly kind: 'loop'; readonly id: number; readonly node: NodeId; readonly needs: readonly Item[] }
export type Item = Cluster | LoopItem;

export interface Fusion {
  /** In an order in which everything is made before it is read. */
  readonly items: readonly Item[];
  /** Stored nodes and the cluster that stores each. */
  readonly home: ReadonlyMap<NodeId, Cluster>;
  /** Stored nodes that others than their own cluster read. */
  readonly loaded: ReadonlySet<NodeId>;
}

interface Request { readonly item: Draft; readonly index: readonly Index[]; readonly folds: readonly Axis[]; readonly guard: readonly Condition[]; /** Equal for equal places and guards. */ readonly key: string; /** An element may be asked for many times. */ readonly repeats: boolean; /** The place is a value: only memory can answer. */ readonly byValue: boolean }
/** A cluster while it grows; `into` once it has been joined to another. */
interface Draft { readonly id: number; readonly loop?: NodeId; readonly shape: Shape; readonly grid: readonly Axis[]; stores: NodeId[]; inner: number; contracts: boolean; needs: Set<Draft>; into?: Draft }

/** Operations inside of each other up to which an expression goes: whoever reads one does so by recursion. */
const deepest = 256;

export function fuse(unit: Unit, capabilities: Capabilities, memory: MemoryPlan): Fusion {
  const { nodes } = unit.graph;
  const shapeOf = (id: NodeId): Shape => nodes[id]?.shape ?? fail(`no node ${id}`);
  const { heavy, light, heavyBelow } = costs(nodes, capabilities, unit.isKept);
  const isRecomputed = memory === 'small' ? ofWeightsAlone(nodes) : [];
  const requests = new Map<NodeId, Request[]>();
  const home = new Map<NodeId, Draft>();
  const drafts: Draft[] = [];
  const loops = new Map<NodeId, Draft>();
  const askersOf = new Map<NodeId, ReadonlySet<Draft>>();
  /** How many operations stand around a value in the expressions that ask for it, at most. */
  const around: number[] = [];

  for (let i = nodes.length - 1; i >= 0; i--) visit(i as NodeId); // the position is the id
  return ordered();

  function visit(id: NodeId): void {
    const n = nodes[id] ?? fail(`no node ${id}`);
    const asked = requests.get(id) ?? [];
    const isRoot = unit.roots.has(id);
    if (n.kind === 'loop') { visitLoop(id, n); return; }
    if (n.kind === 'result') for (const r of asked) find(r.item).needs.add(loopDraft(n.loop));
    const isPlaced = unit.leaf(id) !== undefined;
    if (isPlaced && (unit.roots.get(id)?.length ?? 0) === 0) return;
    if (asked.length === 0 && !isRoot) return;
    const byValue = asked.some(r => r.byValue);
    if (isFree(n) && !isRoot && !byValue && asked.every(r => find(r.item).loop === undefined)) return;
    if (isPlaced || isRoot || byValue || wantsStore(id, n, asked)) store(id, n, asked);
    else for (const r of distinct(asked)) propagate(n, r, around[id] ?? 0);
  }

  function visitLoop(id: NodeId, n: Loop): void {
    const draft = loops.get(id);
    if (!draft) return;
    for (const a of argumentsOf(n)) ask(a, { item: draft, index: [], folds: [], guard: [], key: keyOf([], []), repeats: true, byValue: false });
  }
  function loopDraft(id: NodeId): Draft {
    const seen = loops.get(id);
    if (seen) return seen;
    const made: Draft = { id: drafts.length, loop: id, shape: [], grid: [], stores: [], inner: 0, contracts: false, needs: new Set() };
    drafts.push(made);
    loops.set(id, made);
    return made;
  }

  function ask(id: NodeId, r: Request): void {
    const n = nodes[id] ?? fail(`no node ${id}`);
    if (n.kind === 'result') find(r.item).needs.add(loopDraft(n.loop));
    const asked = requests.get(id);
    if (asked) asked.push(r); else requests.set(id, [r]);
  }

  /** What an inlined node asks for in turn. */
  function propagate(n: Plain, r: Request, outer: number): void {
    const { folds, reads } = n.kind === 'gather' || n.kind === 'scatter' ? gatherReads(n, r.index, r.folds.length, shapeOf) : readsOf(n, r.index, r.folds.length, shapeOf);
    if (n.kind === 'einsum') find(r.item).contracts = true;
    for (const read of reads) {
      around[read.node] = Math.max(around[read.node] ?? 0, outer + 1);
      const guard = read.guard.length > 0 ? [...r.guard, ...read.guard] : r.guard;
      ask(read.node, {
        item: r.item, index: read.index, folds: folds.length > 0 ? [...r.folds, ...folds] : r.folds, guard,
        key: read.index === r.index && guard === r.guard ? r.key : keyOf(read.index, guard),
        repeats: r.repeats || (n.kind === 'einsum' && n.args.filter(a => a === read.node).length > 1),
        byValue: n.kind === 'gather' && read.node === n.arg,
      });
    }
  }

  function store(id: NodeId, n: Plain, asked: readonly Request[]): void {
    const askers = new Set(asked.map(r => find(r.item)));
    const host = capabilities.results === 'one' || unit.isPart(id) ? undefined : [...askers].find(c => c.loop === undefined && c.stores.length < mostStores && sameExtents(c.shape, n.shape)
      // a value that other programs keep is made by the same kernel here as there
      && (!unit.isKept(id) || c.stores.every(unit.isKept)) && (n.shape.length > 0 || c.stores.every(s => unit.timesResult(s) === unit.timesResult(id)))
      && asked.every(r => find(r.item) !== c || (isIdentity(r, n.shape) && !r.repeats))
      && !reaches([c], new Set([...askers].filter(other => other !== c))));
    const concat = host || capabilities.results === 'one' || unit.isPart(id) || unit.leaf(id) !== undefined ? undefined : concatOf(nodes, id);
    const shape = concat?.shape ?? n.shape;
    const draft: Draft = host ?? { id: drafts.length, shape, grid: gridOf(shape), stores: [], inner: 0, contracts: false, needs: new Set() };
    if (!host) drafts.push(draft);
    draft.stores.push(id);
    home.set(id, draft);
    askersOf.set(id, askers);
    for (const c of askers) if (c !== draft) c.needs.add(draft);
    if (unit.leaf(id) !== undefined) return;
    const index = identity(shape);
    const here: Request = { item: draft, index, folds: [], guard: [], key: keyOf(index, []), repeats: false, byValue: false };
    if (concat) for (const { node } of concat.parts) { around[node] = Math.max(around[node] ?? 0, 1); ask(node, here); }
    else propagate(n, here, 0);
  }

  /** Store-or-recompute. `asked` may be joined into one by merging clusters. */
  function wantsStore(id: NodeId, n: Plain, asked: readonly Request[]): boolean {
    if (n.type === 'bool') return false;
    if ((around[id] ?? 0) >= deepest) return true;
    if (asked.some(r => find(r.item).loop !== undefined)) return true;
    const once = (): boolean => { const d = distinct(asked); return d.length === 1 && d[0] !== undefined && !d[0].repeats && isExact(n, d[0]); };
    if (isRecomputed[id]) { joinAskers(asked); return false; }
    if (memory === 'small' && n.kind === 'view' && n.view.kind === 'pad') return false; // a border may be larger than what it is around
    if (!unit.isKept(id) && once()) return false;
    joinAskers(asked);
    if (unit.isKept(id)) return true;
    if (once()) return false;
    if (heavy[id] || heavyBelow[id]) return true;
    if (n.kind === 'view' && repeats(n.view)) return false; // its argument is no larger
    const elements = nominalSize(n.shape);
    const evaluations = distinct(asked).reduce((sum, r) => sum + evaluationsOf(r), 0);
    const { load, store: put } = capabilities.cost;
    const cost = light[id] ?? 0;
    return cost * evaluations > cost * elements + put * elements + load * evaluations + capabilities.cost.launch;
  }

  /** Every axis around the request is used by its index: each element is computed once. A fold over inner axes may be made before them. */
  function isExact(n: Plain, r: Request): boolean {
    // the loads of a contraction stay free of guards; inside of another fold its tiles have axes of their own: one that is cut (by a flatten) has no stride
    if (n.kind === 'einsum' && (r.guard.length > 0 || r.folds.length > 0 && r.index.some(i => i.terms.some(t => t.atom.kind === 'div' || t.atom.kind === 'mod')))) return false;
    const cluster = find(r.item);
    const { grid } = cluster;
    const uses = (a: Axis): boolean => r.index.some(i => indexUses(i, a.name));
    const deepest = r.folds.findLastIndex(uses);
    if (r.folds.slice(0, deepest + 1).some(a => !uses(a))) return false;
    const unused = grid.filter(a => !uses(a));
    // windows that overlap ask for one element from several positions
    if (!isInjective(r.index, [...grid, ...r.folds].filter(uses))) return false;
    if (unused.length === 0) return !(n.kind === 'einsum' && cluster.inner > 0);
    // missing trailing axes: they become inner loops, and this is made once before them
    if (n.kind === 'einsum' || cluster.contracts || deepest >= 0) return false;
    if (!unused.every((a, i) => a === grid[grid.length - unused.length + i])) return false;
    const turns = unused.reduce((p, a) => p * (typeof a.extent === 'number' ? a.extent : Infinity), 1);
    if (capabilities.results === 'one' || turns > (capabilities.innerLoops === 'cheap' ? 4096 : 64)) return false;
    const axes = cluster.shape.length - cluster.shape.findIndex((_, d) => axisName(cluster.shape, d) === unused[0]?.name);
    cluster.inner = Math.max(cluster.inner, axes);
    return true;
  }

  /**
   * How often an element is computed for a request. What does not change in an inner loop is computed before it; on a
   * target that shares nothing between positions of the grid, all of those count. Tiles share what does not vary along one
   * of their sides.
   */
  function evaluationsOf(r: Request): number {
    const uses = (a: Axis): boolean => r.index.some(i => indexUses(i, a.name));
    const folds = r.folds.slice(0, r.folds.findLastIndex(uses) + 1);
    const { grid } = find(r.item);
    const around = folds.length > 0 || capabilities.innerLoops === 'dear' ? grid : grid.slice(0, grid.findLastIndex(uses) + 1);
    const axes = [...around, ...folds];
    const turns = axes.reduce((p, a) => p * (typeof a.extent === 'number' ? a.extent : nominal[a.extent]), 1);
    const shared = capabilities.innerLoops === 'cheap' && folds.length > 0 && grid.some(a => !uses(a));
    return shared ? turns / 4 : turns;
  }

  function joinAskers(asked: readonly Request[]): void {
    if (capabilities.results === 'one') return;
    const first = asked[0];
    if (!first || asked.some(r => r.key !== first.key)) return;
    const all = [...new Set(asked.map(r => find(r.item)))];
    const [target, ...rest] = all;
    if (!target || rest.length === 0) return;
    if (all.some(c => c.loop !== undefined || !sameExtents(c.shape, target.shape)) || all.reduce((n, c) => n + c.stores.length, 0) > mostStores) return;
    if (reaches(all, new Set(all))) return;
    for (const c of rest) {
      target.stores.push(...c.stores);
      target.inner = Math.max(target.inner, c.inner);
      target.contracts ||= c.contracts;
      c.needs.forEach(need => target.needs.add(need));
      c.into = target;
    }
  }

  /** Whether one of these waits for one of those, itself or through others. */
  function reaches(from: readonly Draft[], to: ReadonlySet<Draft>): boolean {
    if (to.size === 0) return false;
    const seen = new Set<Draft>();
    const stack = [...from];
    for (let c = stack.pop(); c; c = stack.pop()) {
      for (const need of c.needs) {
        const d = find(need);
        if (d === c) continue;
        if (to.has(d)) return true;
        if (!seen.has(d)) { seen.add(d); stack.push(d); }
      }
    }
    return false;
  }

  function ordered(): Fusion {
    const live = drafts.filter(d => d.into === undefined);
    const done = new Map<Draft, Item>();
    const make = (root: Draft): void => {
      // depth first with a stack of its own, since a deep model is a long chain
      const stack: { readonly draft: Draft; readonly rest: Draft[] }[] = [{ draft: root, rest: [...root.needs].map(find) }];
      for (let top = stack.at(-1); top; top = stack.at(-1)) {
        const next = top.rest.pop();
        if (next === undefined) {
          stack.pop();
          const d = top.draft;
          const needs = [...new Set([...d.needs].map(find))].filter(x => x !== d).map(x => done.get(x) ?? fail('a cycle of kernels'));
          done.set(d, d.loop !== undefined ? { kind: 'loop', id: d.id, node: d.loop, needs } : { kind: 'cluster', id: d.id, shape: d.shape, stores: [...d.stores].sort((a, b) => a - b), inner: d.inner, needs });
        } else if (!done.has(next) && next !== top.draft) stack.push({ draft: next, rest: [...next.needs].map(find) });
      }
    };
    // earliest stored node first, so that kernels come in the order of the text
    for (const d of [...live].sort((a, b) => firstNode(a) - firstNode(b))) if (!done.has(d)) make(d);
    const homes = [...home].map(([id, d]) => [id, done.get(find(d))] as const);
    return {
      items: [...done.values()],
      home: new Map(homes.flatMap(([id, c]) => (c?.kind === 'cluster' ? [[id, c] as const] : []))),
      loaded: new Set([...home].filter(([id, d]) => [...(askersOf.get(id) ?? [])].some(a => find(a) !== find(d))).map(([id]) => id)),
    };
  }
}

/** Results of a kernel at most: a hundred equal layers ask for the same scale of their gradients, and would be updated by one kernel of a thousand buffers. */
export const mostStores = 32;

/** Views with every element of their argument, some of them often. */
const repeats = (v: View): boolean => v.kind === 'reshape' || v.kind === 'permute' || v.kind === 'broadcast' || v.kind === 'skew';
const firstNode = (d: Draft): number => d.loop ?? Math.min(...d.stores);
const find = (d: Draft): Draft => { let at = d; while (at.into) at = at.into; return at; };
const keyOf = (index: readonly Index[], guard: readonly Condition[]): string => `${index.map(indexKey).join(',')}|${guardKey(guard)}`;
function distinct(asked: readonly Request[]): readonly Request[] {
  if (asked.length < 2) return asked;
  return [...new Map(asked.map(r => [`${find(r.item).id}|${r.key}`, r] as const)).values()];
}
const isIdentity = (r: Request, shape: Shape): boolean =>
  r.guard.length === 0 && shape.every((e, d) => indexKey(r.index[d] ?? zero) === indexKey(e === 1 ? zero : axisIndex(axisName(shape, d))));
export const sameExtents = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((e, d) => e === b[d]);
const axisName = (shape: Shape, d: number): string => gridAxis(d, shape[d] ?? 1).name;

/** The grid of a shape: extents of 1 need no axis. */
export const gridOf = (shape: Shape): readonly Axis[] => shape.flatMap((e, d) => (e === 1 ? [] : [gridAxis(d, e)]));
/** The position of a grid's own element. */
export const identity = (shape: Shape): readonly Index[] => shape.map((e, d) => (e === 1 ? zero : axisIndex(axisName(shape, d))));

function fail(message: string): never { throw new InternalError('fuse', message); }
