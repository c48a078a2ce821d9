/**
 * The example with twenty seeds: mean held-out RMSE with its spread, and the share of prices within three sigma of the mean.
 * With `--blitz` BLiTZ trains the same network on the same rows with as many seeds, and the difference is given in
 * standard errors. `PYTHON` names the Python that has torch and blitz.
 *
 *   npm run example:boston:seeds
 *   PYTHON=python3 PYTHONPATH=… npm run example:boston:seeds -- --blitz
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { share } from '../common/numbers.ts';
import { scale, test, train } from './data.ts';
import { Boston } from './out/boston.bnn.js';

const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
const epochs = 100;
const [errors, inside] = [[] as number[], [] as number[]];
const truth = test.y.flat();
for (const seed of seeds) {
  const model = await Boston.create({ backend: 'wasm', seed });
  await model.fit(train, { epochs, batchSize: 16, samples: 3, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 1 / train.x.length });
  const { p } = await model.predict({ x: test.x }, { samples: 100, seed });
  const [mean, sd] = [Array.from(p.mean.data), p.std.data];
  errors.push(scale.sd * Math.sqrt(truth.reduce((s, y, i) => s + (y - (mean[i] ?? NaN)) ** 2, 0) / truth.length));
  inside.push(share(truth, mean.map((m, i) => m - 3 * (sd[i] ?? 0)), mean.map((m, i) => m + 3 * (sd[i] ?? 0))));
  model.dispose();
}
const average = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const spread = (list: readonly number[]): number => Math.sqrt(list.reduce((s, e) => s + (e - average(list)) ** 2, 0) / (list.length - 1));
const show = (name: string, list: readonly number[]): string => `${name}: RMSE over ${list.length} seeds $${(1000 * average(list)).toFixed(0)}, standard deviation $${(1000 * spread(list)).toFixed(0)}`;
console.log(`${show('bnnc', errors)}; inside 3 sigma: ${(100 * average(inside)).toFixed(1)} %`);

if (process.argv.includes('--blitz')) {
  const run = spawnSync(process.env['PYTHON'] ?? 'python3', [fileURLToPath(new URL('peers/blitz_train.py', import.meta.url))], { input: JSON.stringify({ train, test, seeds, epochs }), encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
  const peer = run.stdout.trim().split('\n').map(line => scale.sd * Number(line));
  if (run.status !== 0 || peer.length !== seeds.length) throw new Error(`BLiTZ did not finish: ${run.error?.message ?? `exit ${String(run.status)}`}`);
  const error = Math.sqrt((spread(errors) ** 2 + spread(peer) ** 2) / seeds.length);
  console.log(`${show('BLiTZ', peer)}\ndifference $${(1000 * (average(errors) - average(peer))).toFixed(0)}, ${((average(errors) - average(peer)) / error).toFixed(1)} standard errors`);
}
