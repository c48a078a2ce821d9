/**
 * What an estimator changes and what it does not: the expectation of the loss stays, and its gradient scatters less.
 *
 *   npm run example:estimators        -- --draws 100000 --seeds 500
 */
import { parseArgs } from 'node:util';
import { moduleOf } from '../../test/support/modules.ts';
import { train } from '../boston/data.ts';
import { normals } from '../common/numbers.ts';
import { differenceOf, differs, estimateOf, gradientSpread, images, lossesOf, nets, rhoOf, table } from './compare.ts';

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

console.log(`\nThe variance of the likelihood's gradient, summed over all parameters: the 13-512-1 of the Boston example, sigma 0.05, batch 64, ${seeds} seeds`);
const next = normals(1);
const independent = { x: Array.from({ length: 64 }, () => Array.from({ length: 13 }, next)), y: Array.from({ length: 64 }, () => [next()]) };
// how much the examples of a batch resemble each other decides how much they suffer from one draw: normals do as little as examples can
const batches = [0, 1, 2].map(b => [`batch ${b + 1} of Boston`, { x: train.x.slice(64 * b, 64 * (b + 1)), y: train.y.slice(64 * b, 64 * (b + 1)) }] as const);
for (const [name, data] of [...batches, ['64 rows of normals, targets too', independent] as const]) {
  console.log(`  ${name}`);
  for (const estimator of ['flipout', 'local']) {
    const model = await moduleOf(nets.boston(estimator, rhoOf(0.05))).create({ seed: 3 });
    // of the same model, since the gradient of another one scatters in another way
    const [own, shared] = [await gradientSpread(model, data, seeds), await gradientSpread(model, data, seeds, 'shared')];
    console.log(`    ${estimator.padEnd(8)} mu ${own.mu.toFixed(3).padStart(9)} of ${shared.mu.toFixed(3).padStart(9)}, ${(own.mu / shared.mu).toFixed(3)} times that of shared   rho ${own.rho.toFixed(5).padStart(9)} of ${shared.rho.toFixed(5).padStart(9)}, ${(own.rho / shared.rho).toFixed(3)} times`);
    model.dispose();
  }
}
