/**
 * LeNet with uncertain weights on handwritten digits: how often it is right, whether it is as sure as it is right, and whether it
 * notices that letters and noise are no digits. For all three the answer to an image is the mean of 400 draws' probabilities.
 *
 *   npm run example:lenet             -- --epochs 60 --seed 1
 *
 * What is set here (epochs, draws, learning rate, how digits are jittered; frame, prior and spread in lenet.bnn) was chosen as `--validation --font FILE` shows it:
 * trained on 7,000 of the 8,000 digits, judged by the other 1,000 and by letters of the fonts Roboto, Roboto Mono and Lora, never by what is reported.
 */
import { parseArgs } from 'node:util';
import { progress } from '../common/show.ts';
import { digits, type Images, shuffled, uniformNoise } from './data.ts';
import { jittered } from './jitter.ts';
import { FONTS, letters } from './letters.ts';
import { LeNet } from './out/lenet.bnn.js';
import { calibrationPicture, entropyPicture } from './pictures.ts';
import { accuracy, auroc, calibration, calibrationError, entropies, mutualInformation, type Probabilities } from './scores.ts';

const { values } = parseArgs({ options: {
  epochs: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' }, backend: { type: 'string', default: 'wasm' },
  validation: { type: 'boolean', default: false }, font: { type: 'string', multiple: true },
} });
const [epochs, seed] = [Number(values.epochs), Number(values.seed)];
const [written, test] = digits(seed, ...(values.validation ? [7000, 1000] : [8000, 2000]));
if (!written || !test) throw new Error('the digits have two parts');

const model = await LeNet.create({ backend: values.backend as 'wasm', seed }); // an unknown name is an error that lists the known ones
const [batchSize, highest] = [64, 2e-3];
const steps = epochs * Math.ceil(written.digit.length / batchSize);
const bar = progress(epochs);
const started = performance.now();
for (let epoch = 0; epoch < epochs; epoch++) {
  await model.fit({ image: jittered(written.image, epoch), digit: written.digit }, {
    epochs: 1, batchSize, samples: 3,
    // with ever new copies a digit counts four times as much against the prior as it would alone: the posterior is a tempered one
    klWeight: 1 / (4 * written.digit.length),
    // constant for 60 % of the steps, then down in a straight line
    optimizer: { kind: 'adam', learningRate: step => highest * Math.max(0.02, Math.min(1, (1 - step / steps) / 0.4)) },
    onEpoch: ({ loss }) => { bar.onEpoch({ epoch, loss }); },
  });
}
bar.stop();
console.log(`${epochs} epochs of ${written.digit.length} digits, jittered anew for each, on ${model.backend} in ${((performance.now() - started) / 1000).toFixed(0)} s, seed ${model.seed}`);

/** The mean of many draws' probabilities for these images, and two scores of how unsure it is: with 50 draws chance still orders what is nearly certain. */
async function ask(image: Images): Promise<{ readonly probabilities: Probabilities; readonly entropy: number[]; readonly information: number[] }> {
  const { probabilities: { mean, draws } } = await model.predict({ image }, { samples: 400, seed });
  const probabilities = { data: mean.data, classes: 10 };
  return { probabilities, entropy: entropies(probabilities), information: mutualInformation(probabilities, draws) };
}

const known = await ask(test.image);
const bins = calibration(known.probabilities, test.digit);
const [right, error] = [`${(100 * accuracy(known.probabilities, test.digit)).toFixed(2)} %`, `${(100 * calibrationError(bins)).toFixed(2)} %`];
console.log(`right about ${right} of ${test.digit.length} digits it never saw; expected calibration error ${error}`);
const out = (name: string): string => new URL(`./out/${name}`, import.meta.url).pathname;
calibrationPicture(out('calibration.svg'), bins, `${test.digit.length} digits: ${right} right, expected calibration error ${error}`);

const strangers: readonly (readonly [name: string, images: Images])[] = [
  ['letters', letters(6, 77, values.font ?? FONTS)],
  ['uniform noise', uniformNoise(1000, 78)],
  ['shuffled digits', shuffled(test.image, 79)],
];
const kinds = [{ name: 'digits', images: test.image, entropy: known.entropy }];
for (const [name, images] of strangers) {
  const { entropy, information } = await ask(images);
  console.log(`told from digits, AUROC, ${entropy.length} of ${name}: ${auroc(known.entropy, entropy).toFixed(4)} by entropy, ${auroc(known.information, information).toFixed(4)} by mutual information`);
  kinds.push({ name, images, entropy });
}
entropyPicture(out('entropy.svg'), kinds);
console.log('pictures: examples/lenet/out/calibration.svg, examples/lenet/out/entropy.svg');
model.dispose();
