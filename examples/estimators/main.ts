/**
 * What an estimator changes and what it does not: the expectation of the loss stays, and its gradient scatters less.
 *
 *   npm run example:estimators        -- --draws 100000 --seeds 500
 */
import { parseArgs } from 'node:util';
import { moduleOf } from '../../test/support/modules.ts';
import { differenceOf, differs, estimateOf, gradientSpread, images, lossesOf, nets, table } from './compare.ts';

const { values } = parseArgs({ options: { draws: { type: 'string', default: '100000' }, seeds: { type: 'string', default: '500' } } });
const [draws, seeds] = [Number(values.draws), Number(values.seeds)];
const percent = (x: number): string => `${x < 0 ? '' : ' '}${(100 * x).toFixed(3)} %`;

console.log(`The expectation of the loss, ${draws} draws of one batch: how far it is from that of shared, and two standard errors`);
const calls = 50;
for (const [name, text, data] of [
  ['flipout, convolution and max pooling, sigma 0.13', nets.pooled('flipout', -2), images(16)],
  ['flipout, dense, sigma 0.13', nets.dense('flipout', -2), table(16)],
  ['local, dense, sigma 0.13', nets.dense('local', -2), table(16)],
  ['local(approximate), convolution and mean, sigma 0.47', nets.pooled('local(approximate)', -0.5, 'average_pool2d(6)'), images(16)],
] as const) {
  const model = await moduleOf(text).create({ seed: 3 });
  const losses = await lossesOf(model, data, { calls, samples: Math.ceil(draws / calls) });
  const loss = estimateOf(losses.shared);
  const difference = differenceOf(losses);
  console.log(`  ${name.padEnd(54)} loss ${loss.mean.toFixed(4)} ± ${percent(2 * loss.error / loss.mean)}   difference ${percent(difference.mean / loss.mean)} ± ${percent(2 * difference.error / loss.mean)}${differs(difference) ? '   biased' : ''}`);
  model.dispose();
}

// sigma = softplus(rho) = 0.05
const rho = Math.log(Math.expm1(0.05));
console.log(`\nThe variance of the likelihood's gradient, summed over all parameters: 13-512-1, sigma 0.05, batch 64, ${seeds} seeds`);
const spreads = new Map<string, { readonly mu: number; readonly rho: number }>();
for (const estimator of ['shared', 'flipout', 'local']) {
  const model = await moduleOf(nets.dense(estimator, rho, 512)).create({ seed: 3 });
  const spread = await gradientSpread(model, table(64), seeds);
  spreads.set(estimator, spread);
  const of = spreads.get('shared') ?? spread;
  console.log(`  ${estimator.padEnd(8)} mu ${spread.mu.toFixed(4).padStart(10)}, ${(spread.mu / of.mu).toFixed(3)} of shared   rho ${spread.rho.toFixed(6).padStart(10)}, ${(spread.rho / of.rho).toFixed(3)} of shared`);
  model.dispose();
}
