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
  /** Parameters that must be numbers, known when compiling. */
  readonly literal?: readonly string[];
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

/** The number that a literal parameter is. */
function literal<N extends Node>(b: Builder<N>, id: NodeId): number { const n = b.node(id); if (n.kind !== 'fill') throw new Error('a literal parameter is no number'); return n.value; }
/** log Γ(x) for x > 0, to about 1e-13: Stirling's series above 10, the recurrence below (Abramowitz and Stegun 1964, 6.1.41). */
export function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  const inverse = 1 / (x * x);
  return (x - 0.5) * Math.log(x) - x + halfLog2Pi + (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
}

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
  /** -log 2b - |x - loc|/b. */
  laplace: {
    parameters: ['loc', 'scale'],
    uses: ['prior', 'likelihood'],
    logDensity(b, x, p) {
      const scale = need(p, 'scale');
      const z = b.map('mul', b.map('abs', b.map('sub', x, need(p, 'loc'))), b.map('reciprocal', scale));
      return b.map('neg', b.map('add', z, b.map('log', b.map('mul', b.fill(2, b.shape(z)), scale))));
    },
    /** log 2b + E|w - loc|/b - ½ log(2πe σ²), E|w - loc| = σ √(2/π) e^(-m²/2σ²) + m erf(m/σ√2), m = μ - loc: the mean of a folded normal (Leone et al. 1961). */
    klFromNormal(b, mu, sigma, p) {
      const shape = b.shape(mu);
      const c = (value: number): NodeId => b.fill(value, shape);
      const scale = need(p, 'scale');
      const m = b.map('sub', mu, need(p, 'loc'));
      const z = b.map('mul', b.map('mul', m, b.map('reciprocal', sigma)), c(Math.SQRT1_2));
      const distance = b.map('add', b.map('mul', b.map('mul', c(Math.sqrt(2 / Math.PI)), sigma), b.map('exp', b.map('neg', b.map('square', z)))), b.map('mul', m, b.map('erf', z)));
      const cross = b.map('add', b.map('log', b.map('mul', c(2), scale)), b.map('mul', distance, b.map('reciprocal', scale)));
      return b.map('sub', cross, b.map('add', b.map('log', sigma), c(0.5 * Math.log(2 * Math.PI * Math.E))));
    },
    noise: 'uniform',
    /** loc - b sign(u - ½) log(1 - 2|u - ½|): the inverse of the distribution function. */
    draw(b, noise, p) {
      const shape = b.shape(noise);
      const half = b.map('sub', noise, b.fill(0.5, shape));
      const size = b.map('log1p', b.map('mul', b.fill(-2, shape), b.map('abs', half)));
      return b.map('sub', need(p, 'loc'), b.map('mul', need(p, 'scale'), b.map('mul', b.map('sign', half), size)));
    },
    mean: (_, p) => need(p, 'loc'),
  },
  /** Student's t with df degrees of freedom, moved by loc and stretched by scale. */
  student_t: {
    parameters: ['df', 'loc', 'scale'], literal: ['df'],
    uses: ['prior'],
    logDensity(b, x, p) {
      const shape = b.shape(x);
      const df = literal(b, need(p, 'df'));
      const scale = need(p, 'scale');
      const z = b.map('mul', b.map('sub', x, need(p, 'loc')), b.map('reciprocal', scale));
      const tail = b.map('mul', b.fill((df + 1) / 2, shape), b.map('log1p', b.map('mul', b.fill(1 / df, shape), b.map('square', z))));
      const constant = logGamma((df + 1) / 2) - logGamma(df / 2) - 0.5 * Math.log(df * Math.PI);
      return b.map('sub', b.fill(constant, shape), b.map('add', b.map('log', scale), tail));
    },
  },
  /** -log π scale - log(1 + z²). */
  cauchy: {
    parameters: ['loc', 'scale'],
    uses: ['prior', 'likelihood'],
    logDensity(b, x, p) {
      const scale = need(p, 'scale');
      const z = b.map('mul', b.map('sub', x, need(p, 'loc')), b.map('reciprocal', scale));
      return b.map('neg', b.map('add', b.map('log1p', b.map('square', z)), b.map('log', b.map('mul', b.fill(Math.PI, b.shape(z)), scale))));
    },
    noise: 'uniform',
    /** loc + scale tan(π(u - ½)), as a quotient. The mean does not exist: the median stands for it. */
    draw(b, noise, p) {
      const shape = b.shape(noise);
      const angle = b.map('mul', b.fill(Math.PI, shape), b.map('sub', noise, b.fill(0.5, shape)));
      return b.map('add', need(p, 'loc'), b.map('mul', need(p, 'scale'), b.map('div', b.map('sin', angle), b.map('cos', angle))));
    },
    mean: (_, p) => need(p, 'loc'),
  },
  /** -log(high - low) inside; outside the density is 0, and its logarithm the smallest number: the loss is then not finite. */
  uniform: {
    parameters: ['low', 'high'],
    uses: ['prior'],
    logDensity(b, x, p) {
      const shape = b.shape(x);
      const [low, high] = [need(p, 'low'), need(p, 'high')];
      const isInside = b.map('and', b.map('le', low, x), b.map('le', x, high));
      return b.map('select', isInside, b.map('neg', b.map('log', b.map('sub', high, low))), b.fill(-3.4028234663852886e38, shape));
    },
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
