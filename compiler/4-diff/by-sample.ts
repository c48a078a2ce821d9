/**
 * Programs whose samples follow one another: what `memory: 'small'` trains with. Imagine the objective as a sum of parts, those
 * that no draw touches and one for each sample. Sums start at the former, each sample in turn adds its share to them, and what
 * comes after the last one reads the sums: so the activations of one sample are in memory at a time, and no draw at all.
 *
 * Sums of all gradients would be a third of what Adam keeps. So parameters take turns: all samples run once for each group of
 * them, whose moments are then moved on; the parameters move after the last group, from their moments alone, so that every group
 * sees the parameters that the step began with. Groups share the memory of their sums.
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { argumentsOf, prune, withArguments } from '../3-graph/walk.ts';
import type { Phase, Program } from '../5-schedule/plan.ts';
import { differentiate } from './differentiate.ts';
import { mayChange, nextMoments, onlyIf, optimizers } from './optimize.ts';
import type { OptimizerKind } from './optimize.ts';

/** What is summed over samples, by name: the part without a draw, and what one sample adds. Outputs `likelihood`, `complexity`, `state:…`, `gradient:…`. */
export interface Halves { readonly once: Graph<Plain>; readonly each: Graph<Plain> }

const scalars = ['likelihood', 'complexity'] as const;

/** The two halves of an objective with the gradients of these variables, or nothing where no draw is in it. */
export function halvesOf(objective: Graph<Plain>, variables: readonly string[]): Halves | undefined {
  const isDrawn = drawnNodes(objective);
  if (!scalars.some(name => isDrawn[objective.outputs.get(name) ?? -1])) return undefined;
  const half = (drawn: boolean): Graph<Plain> => {
    const b = builder<Plain>();
    const to = copyInto(b, objective);
    const outputs = new Map<string, NodeId>();
    if (drawn) for (const [name, id] of objective.outputs) if (name.startsWith('state:')) outputs.set(name, to(id));
    b.at([]);
    const [likelihood, complexity] = scalars.map(name => summands(objective, objective.outputs.get(name)).filter(id => isDrawn[id] === drawn).map(to).reduce((x, y) => b.map('add', x, y), b.fill(0, []))) as [NodeId, NodeId]; // of two
    outputs.set('likelihood', likelihood).set('complexity', complexity).set('loss', b.map('add', likelihood, b.map('mul', b.scalar('klWeight'), complexity)));
    const graph = b.graph(outputs);
    return prune(variables.length > 0 ? differentiate(graph, 'loss', variables) : graph, o => o !== 'loss');
  };
  return { once: half(false), each: half(true) };
}

/** One optimizer step. */
export function trainBySample(name: string, halves: Halves, kind: OptimizerKind, trained: readonly { readonly path: string; readonly shape: readonly number[] }[]): Program {
  const states = outputNames(halves.each, 'state:');
  const phases = groupsOf(trained).flatMap((group, i): readonly Phase[] => {
    const gradients = group.map(p => `gradient:${p.path}`);
    return [...summing(halves, i === 0 ? [...scalars, ...states, ...gradients] : gradients), { each: false, graph: movedMoments(kind, group) }];
  });
  return { name, before: phases, graph: movedParameters(kind, trained, states, halves) };
}
/** The three numbers, without a step. */
export function evaluateBySample(name: string, halves: Halves): Program {
  const b = builder<Plain>();
  return { name, before: summing(halves, scalars), graph: b.graph(numbersOf(b)) };
}
/** The gradients, a group at a time: `name` gives the first, `name/1` the next, … */
export function gradientsBySample(name: string, halves: Halves, parameters: readonly { readonly path: string; readonly shape: readonly number[] }[]): readonly Program[] {
  return groupsOf(parameters).map((group, i) => {
    const b = builder<Plain>();
    const gradients = group.map(p => [`gradient:${p.path}`, sum(b, `gradient:${p.path}`, p.shape)] as const);
    return { name: i === 0 ? name : `${name}/${i}`, before: summing(halves, [...i === 0 ? scalars : [], ...gradients.map(([g]) => g)]), graph: b.graph(new Map([...i === 0 ? numbersOf(b) : [], ...gradients])) };
  });
}

/** Sums of these names, started and run through all samples. */
function summing({ once, each }: Halves, names: readonly string[]): readonly Phase[] {
  const shapeOf = (name: string): Shape => { const at = each.outputs.get(name) ?? once.outputs.get(name); return (at === undefined ? undefined : (each.outputs.has(name) ? each : once).nodes[at]?.shape) ?? fail(name); };
  const written = (half: Graph<Plain>, value: (b: Builder<Plain>, name: string, x: NodeId | undefined) => NodeId | undefined): Graph<Plain> => {
    const b = builder<Plain>();
    const to = copyInto(b, half);
    b.at([]);
    const entries = names.flatMap(name => {
      const id = half.outputs.get(name);
      const made = value(b, name, id === undefined ? undefined : to(id));
      return made === undefined ? [] : [[`update:${sumName(name)}`, made] as const];
    });
    return prune(b.graph(new Map(entries)), () => true);
  };
  const isZero = (b: Builder<Plain>, x: NodeId): boolean => { const n = b.node(x); return n.kind === 'fill' && n.value === 0; };
  return [
    { each: false, graph: written(once, (b, name, x) => x ?? b.fill(0, shapeOf(name))) },
    { each: true, graph: written(each, (b, name, x) => (x === undefined || isZero(b, x) ? undefined : b.map('add', sum(b, name, b.shape(x)), b.map('mul', b.scalar('share'), x)))) },
  ];
}

/** Moments of a group, from the sums of its gradients. */
function movedMoments(kind: OptimizerKind, group: readonly { readonly path: string; readonly shape: readonly number[] }[]): Graph<Plain> {
  const b = builder<Plain>();
  const finite = b.map('finite', numbersOf(b).get('loss') ?? fail('loss'));
  return b.graph(new Map(group.flatMap(({ path, shape }) => {
    const next = nextMoments(b, kind, path, sum(b, `gradient:${path}`, shape));
    return optimizers[kind].moments.map((m, i) => [`update:${path}/${m}`, onlyIf(b, mayChange(b, finite, path), next[i] ?? fail(m), `${path}/${m}`, 'moment')] as const);
  })));
}
/** Parameters from their moments, and the states from their sums. */
function movedParameters(kind: OptimizerKind, trained: readonly { readonly path: string; readonly shape: readonly number[] }[], states: readonly string[], { each }: Halves): Graph<Plain> {
  const b = builder<Plain>();
  const numbers = numbersOf(b);
  const finite = b.map('finite', numbers.get('loss') ?? fail('loss'));
  const variable = (name: string, shape: Shape, role: 'parameter' | 'moment'): NodeId => b.add({ kind: 'variable', name, role, shape, type: 'f32' });
  const outputs = new Map(numbers);
  for (const { path, shape } of trained) {
    const step = optimizers[kind].step(b, optimizers[kind].moments.map(m => variable(`${path}/${m}`, shape, 'moment')));
    outputs.set(`update:${path}`, onlyIf(b, mayChange(b, finite, path), b.map('sub', variable(path, shape, 'parameter'), step), path, 'parameter'));
  }
  for (const state of states) {
    const path = state.slice('state:'.length);
    outputs.set(`update:${path}`, onlyIf(b, finite, sum(b, state, each.nodes[each.outputs.get(state) ?? -1]?.shape ?? fail(state)), path, 'parameter'));
  }
  return b.graph(outputs);
}

/** `loss`, `likelihood` and `complexity` from their sums. */
function numbersOf(b: Builder<Plain>): ReadonlyMap<string, NodeId> {
  const [likelihood, complexity] = scalars.map(name => sum(b, name, [])) as [NodeId, NodeId]; // of two
  return new Map([['loss', b.map('add', likelihood, b.map('mul', b.scalar('klWeight'), complexity))], ['likelihood', likelihood], ['complexity', complexity]]);
}
const sumName = (name: string): string => `sum/${name}`;
const sum = (b: Builder<Plain>, name: string, shape: Shape): NodeId => b.add({ kind: 'variable', name: sumName(name), role: 'sum', shape, type: 'f32' });

/**
 * Parameters by turns: means and what has no spread, then spreads, so that sums of equal sizes take each other's place. A group has
 * at most half of all, a sixth of what parameters and two moments take, or is one tensor.
 */
export function groupsOf<P extends { readonly shape: readonly number[]; readonly path: string }>(parameters: readonly P[]): readonly (readonly P[])[] {
  const sizeOf = (p: P): number => p.shape.reduce((n, d) => n * d, 1);
  const room = parameters.reduce((n, p) => n + sizeOf(p), 0) / 2;
  const groups: { readonly members: P[]; size: number }[] = [];
  for (const p of [...parameters.filter(x => !isSpread(x.path)), ...parameters.filter(x => isSpread(x.path))]) {
    const last = groups.at(-1);
    if (last && last.size + sizeOf(p) <= room) { last.members.push(p); last.size += sizeOf(p); } else groups.push({ members: [p], size: sizeOf(p) });
  }
  return groups.map(g => g.members);
}
const isSpread = (path: string): boolean => path.endsWith('.rho');

const outputNames = (graph: Graph<Plain>, start: string): readonly string[] => [...graph.outputs.keys()].filter(o => o.startsWith(start));
/** Which nodes depend on a draw. */
function drawnNodes({ nodes }: Graph<Plain>): readonly boolean[] {
  const drawn: boolean[] = [];
  for (const n of nodes) drawn.push(n.shape.includes('samples') || (n.kind === 'loop' && n.body.nodes.some(x => x.shape.includes('samples'))) || argumentsOf(n).some(a => drawn[a]));
  return drawn;
}
/** The terms of a sum. */
function summands(graph: Graph<Plain>, id: NodeId | undefined): readonly NodeId[] {
  const n = id === undefined ? undefined : graph.nodes[id];
  if (id === undefined || n === undefined) return [];
  return n.kind === 'map' && n.op === 'add' ? n.args.flatMap(a => summands(graph, a)) : [id];
}
/** Copies a graph's nodes, and says where each is. */
function copyInto(b: Builder<Plain>, graph: Graph<Plain>): (id: NodeId) => NodeId {
  const to: NodeId[] = [];
  for (const n of graph.nodes) to.push(b.copy(withArguments(n, id => to[id] ?? fail(`node ${id}`))));
  return id => to[id] ?? fail(`node ${id}`);
}

function fail(message: string): never { throw new InternalError('by sample', message); }
