/**
 * The example with twenty seeds: mean held-out RMSE with its spread, and the share of prices within three sigma of the mean.
 *
 *   npm run example:boston:seeds
 */
import { share } from '../common/numbers.ts';
import { scale, test, train } from './data.ts';
import { Boston } from './out/boston.bnn.js';

const [errors, inside] = [[] as number[], [] as number[]];
const truth = test.y.flat();
for (let seed = 1; seed <= 20; seed++) {
  const model = await Boston.create({ backend: 'wasm', seed });
  await model.fit(train, { epochs: 100, batchSize: 16, samples: 3, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 1 / train.x.length });
  const { p } = await model.predict({ x: test.x }, { samples: 100, seed });
  const [mean, sd] = [Array.from(p.mean.data), p.std.data];
  errors.push(scale.sd * Math.sqrt(truth.reduce((s, y, i) => s + (y - (mean[i] ?? NaN)) ** 2, 0) / truth.length));
  inside.push(share(truth, mean.map((m, i) => m - 3 * (sd[i] ?? 0)), mean.map((m, i) => m + 3 * (sd[i] ?? 0))));
  model.dispose();
}
const average = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const spread = Math.sqrt(errors.reduce((s, e) => s + (e - average(errors)) ** 2, 0) / (errors.length - 1));
console.log(`RMSE over 20 seeds: $${(1000 * average(errors)).toFixed(0)}, standard deviation $${(1000 * spread).toFixed(0)}; inside 3 sigma: ${(100 * average(inside)).toFixed(1)} %`);
