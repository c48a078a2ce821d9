/**
 * A curve with a gap in its data and noise that grows along it. The model predicts mean and spread; its predictive band is
 * narrow where there are data, as wide as the noise, and wide in the gap.
 *
 *   npm run example:curve             -- --epochs 1000 --seed 1
 */
import { parseArgs } from 'node:util';
import { mersenne, normals, share } from '../common/numbers.ts';
import { picture, Plot, progress } from '../common/show.ts';
import { Curve } from './out/curve.bnn.js';

const { values } = parseArgs({ options: { epochs: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' }, backend: { type: 'string', default: 'wasm' } } });
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];

// y = sin 3x + noise of standard deviation 0.05 + 0.15 (x + 1.5)/3, on [-1.5, -0.3] and [0.5, 1.5]
const sdAt = (x: number): number => 0.05 + 0.05 * (x + 1.5);
function sample(n: number, from: number): { readonly x: number[][]; readonly y: number[][] } {
  const [uniform, normal] = [mersenne(from), normals(from + 1)];
  const x = Array.from({ length: n }, () => { const u = (uniform() / 2 ** 32) * 2.2; return u < 1.2 ? u - 1.5 : u - 0.7; });
  return { x: x.map(v => [v]), y: x.map(v => [Math.sin(3 * v) + sdAt(v) * normal()]) };
}
const [train, test] = [sample(1500, 11), sample(1000, 23)];

const model = await Curve.create({ backend: values.backend as 'wasm', seed }); // an unknown name is an error that lists the known ones
const bar = progress(epochs);
await model.fit(train, { epochs, batchSize: 100, samples: 2, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 'uniform', onEpoch: bar.onEpoch });
bar.stop();

const { y } = await model.predict({ x: test.x }, { samples: 400, seed });
const truth = test.y.flat();
for (const level of [0.5, 0.8, 0.95]) {
  const { lower, upper } = y.interval(level);
  console.log(`${100 * level} % of new observations should fall inside the ${100 * level} % interval: ${(100 * share(truth, lower.data, upper.data)).toFixed(1)} % of ${truth.length} do`);
}

const grid = Array.from({ length: 161 }, (_, i) => -1.8 + (3.6 * i) / 160);
const band = await model.predict({ x: grid.map(x => [x]) }, { samples: 400, seed });
const mean = band.y.mean.data;
const { lower, upper } = band.y.interval(0.95);
const curve = grid.map((x, i) => ({ x, mean: mean[i] ?? NaN, low: lower.data[i] ?? NaN, high: upper.data[i] ?? NaN, truth: Math.sin(3 * x) }));
const widthAt = (x: number): number => { const i = grid.findIndex(g => g >= x); return (upper.data[i] ?? NaN) - (lower.data[i] ?? NaN); };
console.log(`width of the 95 % band: ${widthAt(-0.9).toFixed(2)} among data, ${widthAt(0.1).toFixed(2)} in the gap`);
picture(new URL('./out/curve.svg', import.meta.url).pathname, {
  x: { label: 'x' }, y: { label: 'y', domain: [-2.2, 2.2] }, grid: true,
  marks: [
    Plot.areaY(curve, { x: 'x', y1: 'low', y2: 'high', fill: '#4269d0', fillOpacity: 0.2, clip: true }), Plot.line(curve, { x: 'x', y: 'truth', stroke: '#999', strokeDasharray: '4 3' }),
    Plot.line(curve, { x: 'x', y: 'mean', stroke: '#1f3f94', strokeWidth: 2 }), Plot.dot(train.x.map((x, i) => ({ x: x[0] ?? NaN, y: train.y[i]?.[0] ?? NaN })), { x: 'x', y: 'y', r: 1.6, fill: '#e15759' }),
  ],
});
console.log('picture: examples/curve/out/curve.svg');
model.dispose();
