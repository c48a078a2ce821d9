/**
 * BLiTZ's stock example: an LSTM with uncertain weights sees 21 closing prices and predicts the next, with intervals. The first three
 * quarters of the days are for training; in the last quarter it is counted how many prices fall inside the intervals.
 *
 *   npm run example:stocks            -- --data IBM_2006-01-01_to_2018-01-01.csv --epochs 100 --seed 1
 *
 * The file is in the set 'DJIA 30 Stock Time Series' on Kaggle (https://www.kaggle.com/datasets/szrlee/stock-time-series-20050101-to-20171231);
 * any CSV file with the columns Date and Close will do. Without one the prices are made up.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { share } from '../common/numbers.ts';
import { picture, Plot, progress } from '../common/show.ts';
import { cutWindows, makePrices, readPrices } from './data.ts';
import { Stocks } from './out/stocks.bnn.js';

const { values } = parseArgs({ options: { data: { type: 'string' }, epochs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } } });
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];
const days = values.data === undefined ? makePrices(3020, 7) : readPrices(readFileSync(values.data, 'utf8'));
if (values.data === undefined) console.log('No --data: the prices are made up, a random walk with calm and wild times.');
const { train, test, scale } = cutWindows(days, 21, 0.75);

const model = await Stocks.create({ backend: 'wasm', seed });
const bar = progress(epochs);
const started = performance.now();
await model.fit(train, { epochs, batchSize: 16, samples: 3, optimizer: { kind: 'adam', learningRate: 0.001 }, klWeight: 'uniform', onEpoch: bar.onEpoch });
bar.stop();
console.log(`${epochs} epochs on ${model.backend} in ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${model.seed}`);

const { close, expected } = await model.predict({ window: test.window }, { samples: 400, seed });
/** What is predicted for each day of the test, in dollars: it says how the logarithm differs from the day before. */
const dollars = (changes: ArrayLike<number>): number[] => test.next.map((day, i) => (days[day - 1]?.close ?? NaN) * Math.exp(scale * (changes[i] ?? NaN)));
const truth = test.next.map(day => days[day]?.close ?? NaN);
const rmse = (predicted: readonly number[]): string => Math.sqrt(truth.reduce((s, y, i) => s + (y - (predicted[i] ?? NaN)) ** 2, 0) / truth.length).toFixed(3);
const mean = dollars(expected.mean.data);
console.log(`RMSE on the last ${truth.length} days: $${rmse(mean)} (of the day before as the prediction: $${rmse(dollars(test.close.map(() => 0)))})`);
for (const level of [0.5, 0.8, 0.95]) {
  const { lower, upper } = close.interval(level);
  console.log(`${100 * level} % of the prices should fall inside the ${100 * level} % interval: ${(100 * share(truth, dollars(lower.data), dollars(upper.data))).toFixed(1)} % do`);
}

const { lower, upper } = close.interval(0.95);
const [low, high] = [dollars(lower.data), dollars(upper.data)];
const width = low.map((l, i) => ((high[i] ?? NaN) - l) / (mean[i] ?? NaN)).sort((a, b) => a - b);
console.log(`the 95 % interval is ${(100 * (width[Math.floor(0.05 * width.length)] ?? NaN)).toFixed(1)} to ${(100 * (width[Math.floor(0.95 * width.length)] ?? NaN)).toFixed(1)} % of the price wide in nine of ten days`);
const shown = test.next.map((day, i) => ({ date: new Date(days[day]?.date ?? ''), close: truth[i] ?? NaN, mean: mean[i] ?? NaN, low: low[i] ?? NaN, high: high[i] ?? NaN })).slice(-250);
picture(new URL('./out/stocks.svg', import.meta.url).pathname, {
  x: { label: 'the last 250 days' }, y: { label: 'price (red), prediction and 95 % interval (blue), $' }, grid: true,
  marks: [
    Plot.areaY(shown, { x: 'date', y1: 'low', y2: 'high', fill: '#4269d0', fillOpacity: 0.25 }), Plot.line(shown, { x: 'date', y: 'mean', stroke: '#1f3f94', strokeWidth: 1.5 }),
    Plot.dot(shown, { x: 'date', y: 'close', r: 1.6, fill: '#e15759' }),
  ],
});
console.log('picture: examples/stocks/out/stocks.svg');
model.dispose();
