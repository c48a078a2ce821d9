/**
 * Graph<Node> -> Graph<Plain>: every weight becomes arithmetic on noise, w = mu + softplus(rho) · ε (Blundell et al. 2015,
 * section 3.2; Kingma and Welling 2014), and the objective its Monte Carlo estimate. From here on every node that depends on
 * a draw has a leading `samples` axis; a node that does not, has none.
 *
 * Outputs: `output:`, `observation:`, `location:` and `weight:` always with the samples axis; the scalars `likelihood` and
 * `complexity` (their means over the samples) and `loss` = likelihood + klWeight · complexity.
 */
import { InternalError } from '../diagnostics.ts';
import { families } from '../families/families.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import { mean } from '../3-graph/compose.ts';
import type { Graph, Loop, Node, NodeId, Plain, View, Weight } from '../3-graph/graph.ts';
import { withArguments } from '../3-graph/walk.ts';

/** A node of the new graph, and whether it has the samples axis. */
interface Lifted { readonly id: NodeId; readonly sampled: boolean }

export function reparameterize(graph: Graph<Node>, siteOf: ReadonlyMap<string, number>): Graph<Plain> {
  const b = builder<Plain>();
  const complexities: Lifted[] = [];
  const drawn = new Map<string, Lifted>();
  const done = liftAll(b, graph.nodes, (n, lifted) => (n.kind === 'weight' ? weight(n, lifted) : undefined));
  const lifted = (id: NodeId): Lifted => done[id] ?? fail(`no node ${id}`);

  const outputs = new Map<string, NodeId>();
  for (const [name, id] of graph.outputs) if (/^(output|observation|location):/.test(name)) outputs.set(name, withSamples(b, lifted(id)));
  for (const [path, w] of drawn) outputs.set(`weight:${path}`, withSamples(b, w));
  b.at([]);
  const likelihood = graph.outputs.get('likelihood');
  const complexity = complexities.map(c => overSamples(b, c)).reduce((x, y) => b.map('add', x, y), b.fill(0, []));
  outputs.set('complexity', complexity);
  if (likelihood !== undefined) {
    const data = overSamples(b, lifted(likelihood));
    outputs.set('likelihood', data);
    outputs.set('loss', b.map('add', data, b.map('mul', b.scalar('klWeight'), complexity)));
  }
  return b.graph(outputs);

  /** Draws a weight and adds its divergence to the complexity. */
  function weight(n: Weight, liftedArgument: (id: NodeId) => Lifted): Lifted {
    b.at(n.origin);
    const mu = b.add({ kind: 'variable', name: `${n.path}.mu`, role: 'parameter', shape: n.shape, type: 'f32' });
    if (n.posterior.family === 'point') return remember(n.path, { id: mu, sampled: false });
    const rho = b.add({ kind: 'variable', name: `${n.path}.rho`, role: 'parameter', shape: n.shape, type: 'f32' });
    if (n.frozen) return remember(n.path, { id: mu, sampled: false });
    const sigma = b.map('softplus', rho);
    const live = b.scalar('live');
    const noise = b.add({ kind: 'noise', family: 'normal', path: n.path, site: siteOf.get(n.path) ?? fail(`no site for ${n.path}`), shape: ['samples', ...n.shape], type: 'f32' });
    const each = (x: NodeId): NodeId => withSamples(b, { id: x, sampled: false });
    const w = b.map('add', each(mu), b.map('mul', each(b.map('mul', sigma, live)), noise));

    const prior = families[n.prior.family];
    const parameters = Object.entries(n.prior.parameters).map(([k, id]) => [k, liftedArgument(id)] as const);
    const sampled = n.kl === 'sampled' || parameters.some(([, p]) => p.sampled);
    const aligned = Object.fromEntries(parameters.map(([k, p]) => [k, sampled ? withSamples(b, p) : p.id]));
    const kl = n.kl === 'exact' && prior.klFromNormal
      ? prior.klFromNormal(b, sampled ? each(mu) : mu, sampled ? each(sigma) : sigma, aligned)
      // log q(w) with (w - mu)/sigma = ε put in: -½ log 2π - log σ - ½ ε²
      : b.map('sub', b.map('neg', b.map('add', b.map('add', each(b.map('log', sigma)), b.fill(0.5 * Math.log(2 * Math.PI), b.shape(noise))),
          b.map('mul', b.fill(0.5, b.shape(noise)), b.map('square', noise)))), prior.logDensity(b, w, aligned));
    const axes = b.shape(kl).map((_, d) => d).filter(d => !sampled || d > 0);
    const total = b.reduce('add', kl, axes);
    complexities.push({ id: b.map('mul', total, live), sampled });
    return remember(n.path, { id: w, sampled: true });
  }
  function remember(path: string, w: Lifted): Lifted { drawn.set(path, w); return w; }
}

/** The node with a samples axis, repeating it where it has none. */
function withSamples(b: Builder<Plain>, x: Lifted): NodeId {
  if (x.sampled) return x.id;
  const shape = b.shape(x.id);
  return b.broadcast(x.id, ['samples', ...shape], shape.map((_, d) => d + 1));
}
/** The mean over the samples of a scalar. */
const overSamples = (b: Builder<Plain>, x: Lifted): NodeId => (x.sampled ? mean(b, x.id, [0]) : x.id);

type Special = (n: Node, lifted: (id: NodeId) => Lifted) => Lifted | undefined;

/** Gives every node that depends on a sampled one the samples axis. */
function liftAll(b: Builder<Plain>, nodes: readonly Node[], special: Special): readonly Lifted[] {
  const done: Lifted[] = [];
  const lifted = (id: NodeId): Lifted => done[id] ?? fail(`node ${id} is used before it is made`);
  for (const n of nodes) {
    const made = special(n, lifted);
    b.at(n.origin);
    done.push(made ?? liftNode(b, n, lifted));
  }
  return done;
}

function liftNode(b: Builder<Plain>, n: Node, lifted: (id: NodeId) => Lifted): Lifted {
  const copy = (sampled: boolean): Lifted => ({ id: b.copy(withArguments(n as Plain, id => lifted(id).id)), sampled }); // weights are handled by `special`
  switch (n.kind) {
    case 'weight': return fail('a weight inside a loop');
    case 'input': case 'variable': case 'scalar': case 'fill': case 'iota': case 'argument': return copy(false);
    case 'noise': return { id: b.add({ ...n, shape: ['samples', ...n.shape] }), sampled: true };
    case 'map': {
      const args = n.args.map(lifted);
      if (!args.some(a => a.sampled)) return { id: b.map(n.op, ...args.map(a => a.id)), sampled: false };
      return { id: b.map(n.op, ...args.map(a => withSamples(b, a))), sampled: true };
    }
    case 'reduce': {
      const x = lifted(n.arg);
      return x.sampled ? { id: b.reduce(n.op, x.id, n.axes.map(a => a + 1)), sampled: true } : copy(false);
    }
    case 'einsum': {
      const args = n.args.map(lifted);
      if (!args.some(a => a.sampled)) return copy(false);
      const s = samplesLabel;
      return { id: b.einsum(args.map(a => a.id), n.labels.map((l, i) => (args[i]?.sampled ? [s, ...l] : l)), [s, ...n.out]), sampled: true };
    }
    case 'view': {
      const x = lifted(n.arg);
      return x.sampled ? { id: b.view(shiftView(n.view), x.id, ['samples', ...n.shape]), sampled: true } : copy(false);
    }
    case 'gather': case 'scatter': {
      const x = lifted(n.arg);
      if (lifted(n.index).sampled) fail('an index that depends on a draw');
      return x.sampled ? { id: b.add({ ...n, arg: x.id, index: lifted(n.index).id, axis: n.axis + 1, shape: ['samples', ...n.shape] }), sampled: true } : copy(false);
    }
    case 'stop': {
      const x = lifted(n.arg);
      return { id: b.add({ ...n, arg: x.id, shape: b.shape(x.id) }), sampled: x.sampled };
    }
    case 'loop': return liftLoop(b, n, lifted);
    case 'result': {
      // `sampledResults` of the loop say which of its results have the axis
      const loop = lifted(n.loop);
      const flags = sampledResults.get(b.node(loop.id)) ?? fail('a result of no loop');
      const sampled = flags[n.index] ?? false;
      const isYield = n.index >= (flags.length - (b.node(loop.id) as Loop).yields); // a `result` reads a loop
      if (!sampled) return { id: b.add({ ...n, loop: loop.id }), sampled };
      if (!isYield) return { id: b.add({ ...n, loop: loop.id, shape: ['samples', ...n.shape] }), sampled };
      const [time = 0, ...rest] = n.shape;
      const stacked = b.add({ ...n, loop: loop.id, shape: [time, 'samples', ...rest] });
      return { id: b.permute(stacked, [1, 0, ...rest.map((_, d) => d + 2)]), sampled };
    }
  }
}

/** A label that no einsum of the language uses. */
const samplesLabel = 1_000_000;
/** Which results of a lifted loop have the samples axis. */
const sampledResults = new WeakMap<Plain, readonly boolean[]>();

const shiftView = (v: View): View => {
  switch (v.kind) {
    case 'reshape': return v;
    case 'permute': return { ...v, order: [0, ...v.order.map(o => o + 1)] };
    case 'broadcast': return { ...v, axes: [0, ...v.axes.map(a => a + 1)] };
    case 'slice': case 'spread': return { ...v, starts: [0, ...v.starts], steps: [1, ...v.steps] };
    case 'pad': return { ...v, before: [0, ...v.before] };
  }
};

/** A loop whose captured values or sequences are drawn carries draws: the carries that do are found by repeating until nothing changes. */
function liftLoop(b: Builder<Plain>, n: Loop, lifted: (id: NodeId) => Lifted): Lifted {
  const sequences = n.sequences.map(lifted);
  const captured = n.captured.map(lifted);
  const init = n.init.map(lifted);
  const elementSampled = [...sequences, ...captured].map(x => x.sampled);
  let carrySampled = init.map(x => x.sampled);
  for (;;) {
    const inner = builder<Plain>();
    const done = liftAll(inner, n.body.nodes, node => {
      if (node.kind !== 'argument') return undefined;
      const sampled = (node.what === 'carry' ? carrySampled : elementSampled)[node.index] ?? false;
      inner.at(node.origin);
      return { id: inner.add({ ...node, shape: sampled ? ['samples', ...node.shape] : node.shape }), sampled };
    });
    const out = (name: string): Lifted => done[n.body.outputs.get(name) ?? fail(name)] ?? fail(name);
    const next = n.init.map((_, i) => out(`next:${i}`));
    const grown = carrySampled.map((s, i) => s || (next[i]?.sampled ?? false));
    if (grown.some((s, i) => s !== carrySampled[i])) { carrySampled = grown; continue; }
    const yields = Array.from({ length: n.yields }, (_, i) => out(`yield:${i}`));
    const outputs = new Map<string, NodeId>([
      ...next.map((x, i) => [`next:${i}`, carrySampled[i] ? withSamples(inner, x) : x.id] as const),
      ...yields.map((x, i) => [`yield:${i}`, x.id] as const),
    ]);
    const timeFirst = (x: Lifted): NodeId => (x.sampled ? b.permute(x.id, [1, 0, ...b.shape(x.id).slice(2).map((_, d) => d + 2)]) : x.id);
    const id = b.add({
      ...n, sequences: sequences.map(timeFirst), captured: captured.map(x => x.id),
      init: init.map((x, i) => (carrySampled[i] ? withSamples(b, x) : x.id)), body: inner.graph(outputs),
    });
    sampledResults.set(b.node(id), [...carrySampled, ...yields.map(x => x.sampled)]);
    return { id, sampled: false };
  }
}

function fail(message: string): never { throw new InternalError('reparameterize', message); }
