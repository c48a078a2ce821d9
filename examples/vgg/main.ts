/**
 * VGG with uncertain weights on CIFAR-10: ten kinds of things on images of 32 x 32. It is compiled here, by the compiler as a library, so
 * that its depth can be chosen; then it trains on some of the images, and says how often it is right on others and how sure it is.
 *
 *   npm run example:vgg               -- --data cifar-10-batches-bin --depth 11 --images 1000 --epochs 5 --seed 1
 *
 * The folder is the binary version of CIFAR-10 from https://www.cs.toronto.edu/~kriz/cifar.html. Without one the images are made up.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compile } from 'bnnc';
import type { Input, ModelClass } from 'bnnc/runtime';
import { permutation } from '../common/numbers.ts';
import { progress } from '../common/show.ts';
import { files, makeRows, readFolder, readRows, rowsOf } from './data.ts';

const { values } = parseArgs({ options: {
  data: { type: 'string' }, depth: { type: 'string', default: '11' }, normalized: { type: 'boolean', default: false }, images: { type: 'string' }, epochs: { type: 'string' },
  seed: { type: 'string', default: '1' },
} });
const made = values.data === undefined;
const [images, epochs, seed] = [Number(values.images ?? (made ? 64 : 1000)), Number(values.epochs ?? (made ? 3 : 5)), Number(values.seed)];
if (made) console.log('No --data: a few steps on made-up images, each kind of a colour of its own.');
const train = values.data === undefined ? readRows(makeRows(images, 11), 'made up') : readFolder(values.data, files.train, images);
const test = values.data === undefined ? readRows(makeRows(64, 23), 'made up') : readFolder(values.data, files.test, 200);

/** What the model takes and gives; a module that was compiled before has this in its `.d.ts`. */
interface VggTypes {
  readonly inputs: { readonly image: Input<4> }; readonly targets: { readonly kind: Input<1> };
  readonly outputs: 'probabilities' | 'kind'; readonly parameters: string; readonly weights: string;
}
const out = new URL('./out/', import.meta.url);
let started = performance.now();
const source = readFileSync(new URL('./vgg.bnn', import.meta.url), 'utf8');
const compiled = await compile(source, { file: 'vgg.bnn', targets: ['wasm'], set: { 'Vgg.depth': Number(values.depth), 'Vgg.normalized': values.normalized } });
console.log(`VGG-${values.depth} compiled in ${((performance.now() - started) / 1000).toFixed(1)} s`);
mkdirSync(out, { recursive: true });
for (const file of compiled.files) writeFileSync(new URL(file.name, out), file.text);
const { Vgg } = await import(new URL('vgg.bnn.js', out).href) as { readonly Vgg: ModelClass<VggTypes> }; // the module that was just written

const model = await Vgg.create({ backend: 'wasm', seed });
const batchSize = 16;
const batches = Math.ceil(images / batchSize);
const bar = progress(epochs * batches, 'step');
// as for the whole set of 50,000 images, and a hundredth of that: the divergence of ten million weights outweighs what few images say (a cold posterior, Wenzel et al. 2020)
const klWeight = 0.01 / 50_000;
started = performance.now();
for (let epoch = 0; epoch < epochs; epoch++) {
  const order = permutation(images, seed + epoch);
  for (let b = 0; b < batches; b++) {
    const { loss } = await model.step(rowsOf(train, order.slice(b * batchSize, (b + 1) * batchSize)), { klWeight, optimizer: { kind: 'adam', learningRate: 1e-4 } });
    bar.onEpoch({ epoch: epoch * batches + b, loss });
  }
}
bar.stop();
const took = performance.now() - started;
console.log(`${epochs} epochs of ${images} images on ${model.backend} in ${(took / 1000).toFixed(1)} s, ${(took / (epochs * batches)).toFixed(0)} ms a step, seed ${model.seed}`);

const { probabilities } = await model.predict({ image: test.image }, { samples: 4, seed });
const p = probabilities.mean.data;
const answers = Array.from(test.kind, (kind, i) => {
  const row = p.subarray(10 * i, 10 * i + 10);
  const sure = Math.max(...row);
  return { sure, right: row.indexOf(sure) === kind };
}).sort((a, b) => b.sure - a.sure);
const percent = (some: typeof answers): string => `${((100 * some.filter(a => a.right).length) / some.length).toFixed(0)} %`;
console.log(`right on ${percent(answers)} of ${answers.length} new images, on ${percent(answers.slice(0, Math.ceil(answers.length / 2)))} of the half that it is surest of`);
model.dispose();
