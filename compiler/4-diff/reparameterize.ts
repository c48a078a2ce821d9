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
import { batchAll, repeat, samplesAxis } from '../3-graph/batch.ts';
import type { Batched } from '../3-graph/batch.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import { mean } from '../3-graph/compose.ts';
import type { Graph, NodeId, Plain, Weight } from '../3-graph/graph.ts';

export function reparameterize(graph: Graph, siteOf: ReadonlyMap<string, number>): Graph<Plain> {
  const b = builder<Plain>();
  const complexities: Batched[] = [];
  const drawn = new Map<string, Batched>();
  const done = batchAll(b, graph.nodes, samplesAxis, (n, argument) => (n.kind === 'weight' ? weight(n, argument) : undefined));
  const of = (id: NodeId): Batched => done[id] ?? fail(`no node ${id}`);

  const outputs = new Map<string, NodeId>();
  for (const [name, id] of graph.outputs) if (/^(output|observation|location):/.test(name)) outputs.set(name, withSamples(b, of(id)));
  for (const [path, w] of drawn) outputs.set(`weight:${path}`, withSamples(b, w));
  b.at([]);
  const likelihood = graph.outputs.get('likelihood');
  const complexity = complexities.map(c => overSamples(b, c)).reduce((x, y) => b.map('add', x, y), b.fill(0, []));
  outputs.set('complexity', complexity);
  if (likelihood !== undefined) {
    const data = overSamples(b, of(likelihood));
    outputs.set('likelihood', data);
    outputs.set('loss', b.map('add', data, b.map('mul', b.scalar('klWeight'), complexity)));
  }
  return b.graph(outputs);

  /** Draws a weight and adds its divergence to the complexity. */
  function weight(n: Weight, argument: (id: NodeId) => Batched): Batched {
    b.at(n.origin);
    const mu = b.add({ kind: 'variable', name: `${n.path}.mu`, role: 'parameter', shape: n.shape, type: 'f32' });
    if (n.posterior.family === 'point') return remember(n.path, { id: mu, batched: false });
    const rho = b.add({ kind: 'variable', name: `${n.path}.rho`, role: 'parameter', shape: n.shape, type: 'f32' });
    if (n.frozen) return remember(n.path, { id: mu, batched: false });
    const sigma = b.map('softplus', rho);
    const live = b.scalar('live');
    const noise = b.add({ kind: 'noise', family: 'normal', path: n.path, site: siteOf.get(n.path) ?? fail(`no site for ${n.path}`), shape: ['samples', ...n.shape], type: 'f32' });
    const each = (x: NodeId): NodeId => withSamples(b, { id: x, batched: false });
    const w = b.map('add', each(mu), b.map('mul', each(b.map('mul', sigma, live)), noise));

    const prior = families[n.prior.family];
    const parameters = Object.entries(n.prior.parameters).map(([k, id]) => [k, argument(id)] as const);
    const sampled = n.kl === 'sampled' || parameters.some(([, p]) => p.batched);
    const aligned = Object.fromEntries(parameters.map(([k, p]) => [k, sampled ? withSamples(b, p) : p.id]));
    const kl = n.kl === 'exact' && prior.klFromNormal
      ? prior.klFromNormal(b, sampled ? each(mu) : mu, sampled ? each(sigma) : sigma, aligned)
      // log q(w) with (w - mu)/sigma = ε put in: -½ log 2π - log σ - ½ ε²
      : b.map('sub', b.map('neg', b.map('add', b.map('add', each(b.map('log', sigma)), b.fill(0.5 * Math.log(2 * Math.PI), b.shape(noise))),
          b.map('mul', b.fill(0.5, b.shape(noise)), b.map('square', noise)))), prior.logDensity(b, w, aligned));
    const axes = b.shape(kl).map((_, d) => d).filter(d => !sampled || d > 0);
    const total = b.reduce('add', kl, axes);
    complexities.push({ id: b.map('mul', total, live), batched: sampled });
    return remember(n.path, { id: w, batched: true });
  }
  function remember(path: string, w: Batched): Batched { drawn.set(path, w); return w; }
}

/** The node with a samples axis, repeating it where it has none. */
const withSamples = (b: Builder<Plain>, x: Batched): NodeId => repeat(b, x, samplesAxis);
/** The mean over the samples of a scalar. */
const overSamples = (b: Builder<Plain>, x: Batched): NodeId => (x.batched ? mean(b, x.id, [0]) : x.id);

function fail(message: string): never { throw new InternalError('reparameterize', message); }
