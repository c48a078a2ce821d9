/**
 * The distributions, one record each: what the checker must know of its parameters, and its densities as graph nodes.
 * Parameters and values have equal shapes when they come here, except that a class axis is extra and last.
 */
import type { FamilyName } from '../2-check/model.ts';
import type { Builder } from '../3-graph/build.ts';
import { negativeLogSoftmaxAt, softmax } from '../3-graph/compose.ts';
import type { Node, NodeId } from '../3-graph/graph.ts';

type Parameters = Readonly<Record<string, NodeId>>;

export interface Family {
  /** Names of the parameters in order, as the language calls them. */
  readonly parameters: readonly string[];
  /** Where it may stand. */
  readonly uses: readonly ('prior' | 'likelihood')[];
  /** log p(x | parameters), elementwise (over the class axis for `categorical`). */
  readonly logDensity: <N extends Node>(b: Builder<N>, x: NodeId, p: Parameters) => NodeId;
  /** KL(N(mu, sigma²) ‖ this) in nats, elementwise, where it has a closed form. */
  readonly klFromNormal?: <N extends Node>(b: Builder<N>, mu: NodeId, sigma: NodeId, p: Parameters) => NodeId;
  /** New observations from the kind of noise that `noise` names; a class is a one-hot vector. `likelihood` families have both. */
  readonly noise?: 'normal' | 'uniform';
  readonly draw?: <N extends Node>(b: Builder<N>, noise: NodeId, p: Parameters) => NodeId;
  /** The mean of an observation, in the shape of `draw`. */
  readonly mean?: <N extends Node>(b: Builder<N>, p: Parameters) => NodeId;
}

const halfLog2Pi = 0.5 * Math.log(2 * Math.PI);
const need = (p: Parameters, name: string): NodeId => { const v = p[name]; if (v === undefined) throw new Error(`family parameter ${name}`); return v; };

/** log N(x; mean, sd²) = -½ log 2π - log sd - ½ ((x - mean)/sd)². */
function normalLogDensity<N extends Node>(b: Builder<N>, x: NodeId, mean: NodeId, sd: NodeId): NodeId {
  const z = b.map('mul', b.map('sub', x, mean), b.map('reciprocal', sd));
  const half = b.map('mul', b.fill(0.5, b.shape(z)), b.map('square', z));
  return b.map('neg', b.map('add', b.map('add', half, b.map('log', sd)), b.fill(halfLog2Pi, b.shape(z))));
}

export const families: Readonly<Record<FamilyName, Family>> = {
  normal: {
    parameters: ['mean', 'sd'],
    uses: ['prior', 'likelihood'],
    logDensity: (b, x, p) => normalLogDensity(b, x, need(p, 'mean'), need(p, 'sd')),
    /** log(τ/σ) + (σ² + (μ - m)²) / (2τ²) - ½ (the KL divergence of two normals, e.g. Kingma and Welling 2014, appendix B). */
    klFromNormal(b, mu, sigma, p) {
      const shape = b.shape(mu);
      const inverse = b.map('reciprocal', need(p, 'sd'));
      const s = b.map('mul', sigma, inverse);
      const m = b.map('mul', b.map('sub', mu, need(p, 'mean')), inverse);
      const squares = b.map('add', b.map('square', s), b.map('square', m));
      return b.map('sub', b.map('mul', b.fill(0.5, shape), b.map('sub', squares, b.fill(1, shape))), b.map('log', s));
    },
    noise: 'normal',
    draw: (b, noise, p) => b.map('add', need(p, 'mean'), b.map('mul', need(p, 'sd'), noise)),
    mean: (_, p) => need(p, 'mean'),
  },
  /** pi N(0, sigma1²) + (1 - pi) N(0, sigma2²) (Blundell et al. 2015, equation 7), through log-sum-exp so that no floor is needed. */
  scale_mixture: {
    parameters: ['pi', 'sigma1', 'sigma2'],
    uses: ['prior'],
    logDensity(b, x, p) {
      const shape = b.shape(x);
      const zero = b.fill(0, shape);
      const pi = need(p, 'pi');
      const first = b.map('add', b.map('log', pi), normalLogDensity(b, x, zero, need(p, 'sigma1')));
      const second = b.map('add', b.map('log', b.map('sub', b.fill(1, shape), pi)), normalLogDensity(b, x, zero, need(p, 'sigma2')));
      return b.map('add', first, b.map('softplus', b.map('sub', second, first)));
    },
  },
  categorical: {
    parameters: ['logits'],
    uses: ['likelihood'],
    logDensity: (b, x, p) => b.map('neg', negativeLogSoftmaxAt(b, need(p, 'logits'), x)),
    /** The class whose logit plus Gumbel noise, -log(-log u), is largest (Gumbel 1954), as a one-hot vector. */
    noise: 'uniform',
    draw(b, noise, p) {
      const shape = b.shape(noise);
      const last = shape.length - 1;
      const gumbel = b.map('neg', b.map('log', b.map('neg', b.map('log', noise))));
      const score = b.map('add', need(p, 'logits'), gumbel);
      const best = b.broadcast(b.reduce('max', score, [last]), shape, shape.map((_, d) => d).slice(0, last));
      return b.map('select', b.map('le', best, score), b.fill(1, shape), b.fill(0, shape));
    },
    mean: (b, p) => softmax(b, need(p, 'logits'), b.shape(need(p, 'logits')).length - 1),
  },
  /** log p(1) = -softplus(-z), log p(0) = -softplus(z): y·z - softplus(z). */
  bernoulli: {
    parameters: ['logits'],
    uses: ['likelihood'],
    logDensity: (b, x, p) => b.map('sub', b.map('mul', x, need(p, 'logits')), b.map('softplus', need(p, 'logits'))),
    noise: 'uniform',
    draw: (b, noise, p) => b.map('select', b.map('lt', noise, b.map('sigmoid', need(p, 'logits'))), b.fill(1, b.shape(noise)), b.fill(0, b.shape(noise))),
    mean: (b, p) => b.map('sigmoid', need(p, 'logits')),
  },
};
