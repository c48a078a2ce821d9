/**
 * BLiTZ's example on the real data: 506 neighbourhoods of Boston, thirteen measurements each, a quarter held out. Trains the
 * compiled model, says how far off the held-out prices are and how many fall inside its intervals, and draws them.
 *
 *   npm run example:boston            -- --epochs 100 --seed 1 --backend wasm
 */
import { parseArgs } from 'node:util';
import { share } from '../common/numbers.ts';
import { picture, Plot, progress } from '../common/show.ts';
import { scale, test, train } from './data.ts';
import { Boston } from './out/boston.bnn.js';

const { values } = parseArgs({ options: { epochs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' }, backend: { type: 'string', default: 'wasm' } } });
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];

const model = await Boston.create({ backend: values.backend as 'wasm', seed }); // an unknown name is an error that lists the known ones
const bar = progress(epochs);
const started = performance.now();
await model.fit(train, {
  epochs, batchSize: 16, samples: 3, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 1 / train.x.length, onEpoch: bar.onEpoch,
});
bar.stop();
const seconds = (performance.now() - started) / 1000;

const { p } = await model.predict({ x: test.x }, { samples: 100, seed });
const dollars = (standardised: ArrayLike<number>): number[] => Array.from(standardised, (z: number) => z * scale.sd + scale.mean);
const truth = dollars(test.y.flat());
const mean = dollars(p.mean.data);
const sd = Array.from(p.std.data, (s: number) => s * scale.sd);
const rmse = Math.sqrt(truth.reduce((s, y, i) => s + (y - (mean[i] ?? NaN)) ** 2, 0) / truth.length);
const inside = (sigmas: number): string => `${(100 * share(truth, mean.map((m, i) => m - sigmas * (sd[i] ?? 0)), mean.map((m, i) => m + sigmas * (sd[i] ?? 0)))).toFixed(1)} %`;

console.log(`${epochs} epochs on ${model.backend} in ${seconds.toFixed(1)} s, seed ${model.seed}`);
console.log(`RMSE on ${truth.length} held-out neighbourhoods: $${(1000 * rmse).toFixed(0)}`);
console.log(`inside 2 sigma of the mean: ${inside(2)}, inside 3 sigma: ${inside(3)} (the interval tells how unsure the mean is, not how prices scatter)`);

const points = truth.map((y, i) => ({ y, mean: mean[i] ?? NaN, low: (mean[i] ?? NaN) - 2 * (sd[i] ?? 0), high: (mean[i] ?? NaN) + 2 * (sd[i] ?? 0) }));
picture(new URL('./out/boston.svg', import.meta.url).pathname, {
  x: { label: 'price, $1000' }, y: { label: 'predicted, mean and 2 sigma, $1000' }, grid: true,
  marks: [Plot.line([[0, 0], [55, 55]], { stroke: '#999', strokeDasharray: '4 3' }), Plot.ruleX(points, { x: 'y', y1: 'low', y2: 'high', stroke: '#4269d0', strokeOpacity: 0.5, strokeWidth: 2 }), Plot.dot(points, { x: 'y', y: 'mean', r: 3, fill: '#1f3f94' })],
});
console.log('picture: examples/boston/out/boston.svg');
model.dispose();
