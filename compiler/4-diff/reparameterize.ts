/**
 * Graph<Node> -> Graph<Plain>: every weight becomes arithmetic on noise, w = mu + softplus(rho) · ε (Blundell et al. 2015,
 * section 3.2; Kingma and Welling 2014), and the objective its Monte Carlo estimate. From here on every node that depends on
 * a draw has a leading `samples` axis; a node that does not, has none.
 *
 * Outputs: `output:`, `observation:`, `location:`, `logDensity:` and `weight:` always with the samples axis; the scalars `likelihood` and
 * `complexity`, and `state:` (their means over the samples) and `loss` = likelihood + klWeight · complexity.
 */
import { InternalError } from '../diagnostics.ts';
import { families, logGamma } from '../families/families.ts';
import { batchAll, repeat, samplesAxis } from '../3-graph/batch.ts';
import type { Batched } from '../3-graph/batch.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import { mean } from '../3-graph/compose.ts';
import type { Graph, NodeId, Part, Plain, Weight } from '../3-graph/graph.ts';

export function reparameterize(graph: Graph, siteOf: (path: string) => number): Graph<Plain> {
  const b = builder<Plain>();
  const complexities: Batched[] = [];
  const drawn = new Map<string, Batched>();
  /** Divergences that need nodes made after their weight. */
  const later: (() => void)[] = [];
  const done = batchAll(b, graph.nodes, samplesAxis, (n, argument) => (n.kind === 'weight' ? weight(n, argument) : n.kind === 'part' ? part(n) : undefined));
  later.forEach(f => { f(); });
  const of = (id: NodeId): Batched => done[id] ?? fail(`no node ${id}`);

  const outputs = new Map<string, NodeId>();
  for (const [name, id] of graph.outputs) if (/^(output|observation|location|logDensity):/.test(name)) outputs.set(name, withSamples(b, of(id)));
  for (const [name, id] of graph.outputs) if (name.startsWith('state:')) outputs.set(name, of(id).batched ? mean(b, of(id).id, [0]) : of(id).id);
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
    const noise = b.add({ kind: 'noise', family: 'normal', path: n.path, site: siteOf(n.path), shape: ['samples', ...n.shape], type: 'f32' });
    const each = (x: NodeId): NodeId => withSamples(b, { id: x, batched: false });
    const direction = n.posterior.family === 'radial' ? radial(n, noise) : noise;
    const w = b.map('add', each(mu), b.map('mul', each(b.map('mul', sigma, live)), direction));
    if (n.kl === 'none') return remember(n.path, { id: w, batched: true });
    if (n.prior.family === 'custom' || n.posterior.family === 'radial') {
      const logPrior = (): NodeId => {
        if (n.prior.family !== 'custom') return families[n.prior.family].logDensity(b, w, Object.fromEntries(Object.entries(n.prior.parameters).map(([k, id]) => [k, withSamples(b, argument(id))])));
        const id = graph.outputs.get(`density:${n.path}`);
        return withSamples(b, done[id ?? fail(`no density of ${n.path}`)] ?? fail(`no density of ${n.path}`));
      };
      later.push(() => {
        b.at(n.origin);
        const axes = n.shape.map((_, d) => d + 1);
        const logQ = n.posterior.family === 'radial' ? each(b.map('neg', radialEntropy(n, sigma))) : b.reduce('add', b.map('neg', negativeLogQ(each, sigma, noise)), axes);
        complexities.push({ id: b.map('mul', b.map('sub', logQ, b.reduce('add', logPrior(), axes)), live), batched: true });
      });
      return remember(n.path, { id: w, batched: true });
    }

    const prior = families[n.prior.family];
    const parameters = Object.entries(n.prior.parameters).map(([k, id]) => [k, argument(id)] as const);
    const sampled = n.kl === 'sampled' || parameters.some(([, p]) => p.batched);
    const aligned = Object.fromEntries(parameters.map(([k, p]) => [k, sampled ? withSamples(b, p) : p.id]));
    const kl = n.kl === 'exact' && prior.klFromNormal
      ? prior.klFromNormal(b, sampled ? each(mu) : mu, sampled ? each(sigma) : sigma, aligned)
      // log q(w) with (w - mu)/sigma = ε put in: -½ log 2π - log σ - ½ ε²
      : b.map('sub', b.map('neg', negativeLogQ(each, sigma, noise)), prior.logDensity(b, w, aligned));
    const axes = b.shape(kl).map((_, d) => d).filter(d => !sampled || d > 0);
    const total = b.reduce('add', kl, axes);
    complexities.push({ id: b.map('mul', total, live), batched: sampled });
    return remember(n.path, { id: w, batched: true });
  }
  /** -log q(w), with (w - mu)/sigma = ε put in: log σ + ½ log 2π + ½ ε². */
  function negativeLogQ(each: (x: NodeId) => NodeId, sigma: NodeId, noise: NodeId): NodeId {
    return b.map('add', b.map('add', each(b.map('log', sigma)), b.fill(0.5 * Math.log(2 * Math.PI), b.shape(noise))), b.map('mul', b.fill(0.5, b.shape(noise)), b.map('square', noise)));
  }

  /** ε/‖ε‖ · |r|: a direction of the whole tensor, and one length a draw (Farquhar et al. 2020, equation 3). */
  function radial(n: Weight, noise: NodeId): NodeId {
    const shape = b.shape(noise);
    const all = n.shape.map((_, d) => d + 1);
    const norm = b.map('sqrt', b.reduce('add', b.map('square', noise), all));
    const r = b.add({ kind: 'noise', family: 'normal', path: `${n.path} radius`, site: siteOf(`${n.path} radius`), shape: ['samples'], type: 'f32' });
    return b.map('mul', noise, b.broadcast(b.map('mul', b.map('abs', r), b.map('reciprocal', norm)), shape, [0]));
  }
  /** Σ log σ - ½ log(2/π) + ½ + log A_D - (D - 1)(γ + ln 2)/2, A_D = 2 π^(D/2)/Γ(D/2): a half-normal length, a uniform direction, E[log r] of the length. */
  function radialEntropy(n: Weight, sigma: NodeId): NodeId {
    const size = n.shape.reduce<number>((p, e) => (typeof e === 'number' ? p * e : p), 1);
    const euler = 0.5772156649015329;
    const sphere = Math.log(2) + (size / 2) * Math.log(Math.PI) - logGamma(size / 2);
    const constant = -0.5 * Math.log(2 / Math.PI) + 0.5 + sphere - ((size - 1) * (euler + Math.LN2)) / 2;
    return b.map('add', b.reduce('add', b.map('log', sigma), n.shape.map((_, d) => d)), b.fill(constant, []));
  }

  /** What an estimator makes products with: μ; σ, which is 0 while the model is frozen; or σ·ε of the very draw. */
  function part(n: Part): Batched {
    b.at(n.origin);
    const w = graph.nodes[n.weight];
    if (w?.kind !== 'weight') return fail('a part of no weight');
    const variable = (name: string): NodeId => b.add({ kind: 'variable', name: `${w.path}.${name}`, role: 'parameter', shape: w.shape, type: 'f32' });
    if (n.part === 'mean') return { id: variable('mu'), batched: false };
    const scale = b.map('mul', b.map('softplus', variable('rho')), b.scalar('live'));
    if (n.part === 'scale') return { id: scale, batched: false };
    const noise = b.add({ kind: 'noise', family: 'normal', path: w.path, site: siteOf(w.path), shape: ['samples', ...w.shape], type: 'f32' });
    return { id: b.map('mul', withSamples(b, { id: scale, batched: false }), noise), batched: true };
  }
  function remember(path: string, w: Batched): Batched { drawn.set(path, w); return w; }
}

/** The node with a samples axis, repeating it where it has none. */
const withSamples = (b: Builder<Plain>, x: Batched): NodeId => repeat(b, x, samplesAxis);
/** The mean over the samples of a scalar. */
const overSamples = (b: Builder<Plain>, x: Batched): NodeId => (x.batched ? mean(b, x.id, [0]) : x.id);

function fail(message: string): never { throw new InternalError('reparameterize', message); }
