/**
 * Model -> Graph<Node>. Every value of the checked model becomes nodes, every weight one node that still is a distribution.
 * Outputs: `output:<name>`; `likelihood`, the scalar that the objective adds; for each observation of a target,
 * `observation:<target>` (a new draw of it), `location:<target>` (its mean) and `logDensity:<target>` (log p of each row's target); `state:<path>`, what a state becomes; and
 * `density:<path>`, log p of a weight whose prior the author wrote.
 */
import type { Distribution, FamilyArgument, Model, ScanRegion, Shape as ModelShape, Value, ValueId } from '../2-check/model.ts';
import { InternalError } from '../diagnostics.ts';
import { families } from '../families/families.ts';
import type { Family } from '../families/families.ts';
import { builder } from './build.ts';
import type { Builder } from './build.ts';
import { mean } from './compose.ts';
import { lowerings } from './functions.ts';
import type { Graph, Node, NodeId, Plain, Shape } from './graph.ts';
import { sites } from './sites.ts';

export function lower(model: Model): Graph {
  const b = builder<Node>();
  const siteOf = sites(noisePaths(model));
  const done = new Map<ValueId, NodeId>();
  const value = (id: ValueId): NodeId => done.get(id) ?? fail(`value ${id} is used before it is made`);

  const scope: Scope = { b, value, results: new Map(), model, siteOf: path => siteOf.get(path) ?? fail(`no site for ${path}`) };
  const inScan = new Set(model.scans.flatMap(s => s.body));
  model.values.forEach((v, i) => {
    const id = i as ValueId; // a ValueId is the position
    if (v.kind === 'scanResult' && !inScan.has(id)) ensureScan(scope, v.scan);
    if (inScan.has(id)) return;
    b.at(v.origin);
    done.set(id, lowerValue(scope, v, variable));
  });

  const outputs = new Map<string, NodeId>();
  for (const o of model.outputs) outputs.set(`output:${o.name}`, value(o.value));
  const terms = model.losses.map(value);
  for (const o of model.observations) {
    b.at([o.distribution.span]);
    const port = model.targets.find(t => t.name === o.target) ?? fail(`no target ${o.target}`);
    if (o.custom || o.distribution.family === 'custom') {
      const own = value(o.custom?.density ?? fail('no density'));
      terms.push(b.map('neg', overRows(b, own)));
      outputs.set(`logDensity:${o.target}`, ofRow(b, own));
      if (o.custom?.draw !== undefined) outputs.set(`observation:${o.target}`, value(o.custom.draw));
      if (o.custom?.mean !== undefined) outputs.set(`location:${o.target}`, value(o.custom.mean));
      continue;
    }
    const family = families[o.distribution.family];
    const target = b.add({ kind: 'input', name: `target:${port.name}`, shape: shapeOf(port.shape), type: port.type === 'class' ? 'u32' : 'f32' });
    const shape = drawShape(o.distribution, b.shape(target), value);
    const parameters = fit(o.distribution, shape);
    const density = family.logDensity(b, target, parameters);
    terms.push(b.map('neg', overRows(b, density)));
    outputs.set(`logDensity:${o.target}`, ofRow(b, density));
    outputs.set(`location:${o.target}`, family.mean?.(b, parameters) ?? fail('a likelihood without a mean'));
    outputs.set(`observation:${o.target}`, draw(family, o.target, shape, parameters));
  }
  if (terms.length > 0) outputs.set('likelihood', terms.reduce((x, y) => b.map('add', x, y)));
  // weights that nothing uses are still in the complexity
  model.variables.forEach(v => outputs.set(`variable:${v.path}`, variable(v.path)));
  for (const u of model.updates) outputs.set(`state:${u.path}`, value(u.value));
  for (const v of model.variables) if (v.kind === 'weight' && v.density !== undefined) outputs.set(`density:${v.path}`, value(v.density));
  return b.graph(outputs);

  /** The node of a weight or a param; a weight's prior is expanded to its shape. */
  function variable(path: string): NodeId {
    const v = model.variables.find(x => x.path === path) ?? fail(`no variable ${path}`);
    b.at(v.origin);
    if (v.kind !== 'weight') return b.add({ kind: 'variable', name: path, role: 'parameter', shape: v.shape, type: 'f32' });
    const { path: name, posterior, frozen, fixed, kl, estimator, shape } = v;
    return b.add({ kind: 'weight', path: name, posterior, frozen, fixed, kl, estimator, shape, type: 'f32', prior: { family: v.prior.family, parameters: fit(v.prior, shape) } });
  }
  function fit(d: Distribution, shape: Shape): Record<string, NodeId> {
    const one = (p: FamilyArgument): NodeId => (typeof p === 'number' ? b.fill(p, shape) : b.expand(value(p.value), shape));
    return Object.fromEntries(d.family === 'custom' ? [] : families[d.family].parameters.map(name => [name, one(parameter(d, name))]));
  }
  function draw(family: Family, target: string, shape: Shape, parameters: Record<string, NodeId>): NodeId {
    const kind = family.noise ?? fail('a likelihood without a draw');
    const path = `observe ${target}`;
    const noise = b.add({ kind: 'noise', family: kind, path, site: siteOf.get(path) ?? fail(path), shape, type: 'f32' });
    return family.draw?.(b, noise, parameters) ?? fail('a likelihood without a draw');
  }
  function drawShape(d: Distribution, target: Shape, of: (id: ValueId) => NodeId): Shape {
    if (d.family !== 'categorical') return target;
    const logits = parameter(d, 'logits');
    const shape = typeof logits === 'number' ? fail('literal logits') : b.shape(of(logits.value));
    return [...target, shape.at(-1) ?? fail('logits without classes')];
  }
}

/** Paths that draw, in the order that settles equal hashes: weights first, then observations. */
export const noisePaths = (model: Model): readonly string[] =>
  [...model.variables.map(v => v.path), ...model.variables.flatMap(v => (v.kind === 'weight' ? [`${v.path}.mu`, `${v.path}.rho`] : [])), ...model.observations.map(o => `observe ${o.target}`),
    ...model.variables.flatMap(v => (v.kind === 'weight' && v.posterior.family === 'radial' ? [`${v.path} radius`] : [])), ...model.values.flatMap(v => (v.kind === 'noise' && v.path.startsWith('draw ') ? [v.path] : []))];

const parameter = (d: Distribution, name: string): FamilyArgument => d.parameters[name] ?? fail(`${d.family} without ${name}`);

/** Summed over all axes but the batch; then averaged over the batch (a target without a batch is one observation). */
const ofRow = (b: Builder<Node>, density: NodeId): NodeId => b.reduce('add', density, b.shape(density).map((_, d) => d).filter(d => b.shape(density)[d] !== 'rows'));
function overRows(b: Builder<Node>, density: NodeId): NodeId {
  const summed = ofRow(b, density);
  return mean(b, summed, b.shape(summed).map((_, d) => d));
}

export const shapeOf = (shape: ModelShape): Shape => shape.map(d => (d === 'batch' ? 'rows' : d));

// ── values ────────────────────────────────────────────────────────────────────────────────────

interface Scope {
  readonly b: Builder<Node>;
  readonly value: (id: ValueId) => NodeId;
  /** Scan -> its carries after the last turn, then its yields with time in place. */
  readonly results: Map<number, readonly NodeId[]>;
  readonly model: Model;
  readonly siteOf: (path: string) => number;
}

function lowerValue(scope: Scope, v: Value, variable: (path: string) => NodeId): NodeId {
  const { b, value } = scope;
  const shape = shapeOf(v.shape);
  switch (v.kind) {
    case 'input': case 'target': return b.add({ kind: 'input', name: `${v.kind}:${v.name}`, shape, type: v.type === 'class' ? 'u32' : 'f32' });
    case 'variable': return variable(v.path);
    case 'noise': return b.add({ kind: 'noise', family: v.family, path: v.path, site: scope.siteOf(v.path), shape, type: 'f32' });
    case 'constant': return b.fill(v.value, shape);
    case 'apply': return lowerings[v.fn](b, v.args.map(value), v.attributes, shape);
    case 'scanResult': return scope.results.get(v.scan)?.[v.what === 'carry' ? v.index : -1 + (scope.results.get(v.scan)?.length ?? 0)] ?? fail('scan');
    case 'scanArgument': return fail('a scan argument outside of its scan');
  }
}

/** Lowers a scan once: its body to a graph of its own, outer values that it uses to captured arguments. */
function ensureScan(scope: Scope, index: number): void {
  if (scope.results.has(index)) return;
  const { b, value, model } = scope;
  const region: ScanRegion = model.scans[index] ?? fail(`no scan ${index}`);
  b.at(region.origin);
  const sequences = region.over.map(id => {
    const rank = b.shape(value(id)).length;
    return b.permute(value(id), [region.axis, ...Array.from({ length: rank }, (_, d) => d).filter(d => d !== region.axis)]);
  });
  const init = region.init.map(value);

  const inner = builder<Node>();
  const captured: NodeId[] = [];
  const done = new Map<ValueId, NodeId>();
  const argument = (what: 'element' | 'carry', at: number, shape: Shape, type: Plain['type']): NodeId => inner.add({ kind: 'argument', what, index: at, shape, type });
  region.elements.forEach((id, i) => { const s = sequences[i] ?? fail('scan'); done.set(id, argument('element', i, b.shape(s).slice(1), b.node(s).type)); });
  region.carries.forEach((id, i) => done.set(id, argument('carry', i, b.shape(init[i] ?? fail('scan')), 'f32')));
  const capture = (outer: NodeId): NodeId => {
    const n = b.node(outer);
    if (n.kind === 'fill') return inner.fill(n.value, n.shape, n.type);
    if (!captured.includes(outer)) captured.push(outer);
    return argument('element', sequences.length + captured.indexOf(outer), n.shape, n.type);
  };
  const within: Scope = { b: inner, value: id => done.get(id) ?? capture(value(id)), results: new Map(), model, siteOf: scope.siteOf };
  for (const id of region.body) {
    const v = model.values[id] ?? fail(`no value ${id}`);
    if (done.has(id) || v.kind === 'scanArgument') continue;
    if (v.kind === 'scanResult') ensureScan(within, v.scan);
    inner.at(v.origin);
    done.set(id, lowerValue(within, v, path => capture(outerVariable(scope, path))));
  }
  const next = region.next.map(within.value);
  const yields = within.value(region.yields);
  const outputs = new Map<string, NodeId>([...next.map((id, i) => [`next:${i}`, id] as const), ['yield:0', yields] as const]);
  // the body has no weight nodes: weights are captured from outside
  const graph = inner.graph(outputs) as Graph<Plain>;
  const loop = b.add({ kind: 'loop', extent: region.extent, reverse: region.reverse, sequences, captured, init, body: graph, yields: 1, shape: [], type: 'f32' });
  const result = (at: number, shape: Shape): NodeId => b.add({ kind: 'result', loop, index: at, shape, type: 'f32' });
  const stacked = result(next.length, [region.extent, ...inner.shape(yields)]);
  const rank = b.shape(stacked).length;
  const order = Array.from({ length: rank }, (_, d) => (d < region.axis ? d + 1 : d === region.axis ? 0 : d));
  scope.results.set(index, [...init.map((id, i) => result(i, b.shape(id))), b.permute(stacked, order)]);
}

/** A weight used inside a scan is drawn outside of it. */
function outerVariable(scope: Scope, path: string): NodeId {
  const at = scope.model.values.findIndex(v => v.kind === 'variable' && v.path === path);
  return at < 0 ? fail(`no value for ${path}`) : scope.value(at as ValueId); // a ValueId is the position
}

function fail(message: string): never { throw new InternalError('lower', message); }
