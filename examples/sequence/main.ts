/**
 * An LSTM and a GRU with uncertain weights learn the adding problem: which two of thirty numbers are marked, and what their sum is. A
 * network that only knows the mean of the sums has their variance as its error.
 *
 *   npm run example:sequence          -- --epochs 24 --seed 1
 */
import { parseArgs } from 'node:util';
import { picture, Plot, progress } from '../common/show.ts';
import { meanSquareError, sequences, variance } from './data.ts';
import { AddingGru, AddingLstm } from './out/sequence.bnn.js';

const { values } = parseArgs({ options: { epochs: { type: 'string', default: '24' }, seed: { type: 'string', default: '1' } } });
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];
const [train, test] = [sequences(4000, 30, 11), sequences(1000, 30, 23)];
const truth = test.sum.flat();
const floor = variance(truth);

interface Point { readonly epoch: number; readonly error: number; readonly network: string }
async function learn(network: string, kind: typeof AddingLstm | typeof AddingGru): Promise<readonly Point[]> {
  const model = await kind.create({ backend: 'wasm', seed });
  const bar = progress(epochs);
  const points: Point[] = [];
  const started = performance.now();
  await model.fit(train, {
    epochs, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.005 },
    async onEpoch(e) {
      bar.onEpoch(e);
      if ((e.epoch + 1) % Math.ceil(epochs / 12) === 0) points.push({ epoch: e.epoch + 1, network, error: meanSquareError((await model.predict({ steps: test.steps }, { samples: 10, seed })).total.mean.data, truth) });
    },
  });
  bar.stop();
  console.log(`${network}: ${epochs} epochs on ${model.backend} in ${((performance.now() - started) / 1000).toFixed(1)} s, seed ${model.seed}`);
  for (const p of points) console.log(`  after ${String(p.epoch).padStart(3)} epochs the mean square error of ${truth.length} new sums is ${p.error.toFixed(4)}`);
  console.log(`  that is ${((100 * (points.at(-1)?.error ?? NaN)) / floor).toFixed(1)} % of their variance, ${floor.toFixed(3)}`);
  model.dispose();
  return points;
}

const curves = [...await learn('LSTM', AddingLstm), ...await learn('GRU', AddingGru)];
const color = (p: Point): string => (p.network === 'LSTM' ? '#1f3f94' : '#e15759');
picture(new URL('./out/sequence.svg', import.meta.url).pathname, {
  x: { label: 'epochs' }, y: { label: 'mean square error of new sums', type: 'log' }, marginRight: 50, grid: true,
  marks: [
    Plot.ruleY([floor], { stroke: '#999', strokeDasharray: '4 3' }), Plot.line(curves, { x: 'epoch', y: 'error', z: 'network', stroke: color, strokeWidth: 2, marker: true }),
    Plot.text(curves.filter(c => c.epoch === epochs), { x: 'epoch', y: 'error', text: 'network', fill: color, textAnchor: 'start', dx: 8 }), Plot.text([{ epoch: epochs, floor }], { x: 'epoch', y: 'floor', text: () => 'variance of the sums', textAnchor: 'end', dy: -8 }),
  ],
});
console.log('picture: examples/sequence/out/sequence.svg');
