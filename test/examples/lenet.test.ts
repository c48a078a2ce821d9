/** The LeNet example in small: it learns digits, its letters look like MNIST's digits, and its scores are what they are called. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { digits, imageAt, join, PIXELS, shuffled, uniformNoise } from '../../examples/lenet/data.ts';
import { ALPHABET, FONTS, letterImage, letters } from '../../examples/lenet/letters.ts';
import { accuracy, auroc, calibration, calibrationError, entropies, mutualInformation } from '../../examples/lenet/scores.ts';
import { moduleOf } from '../support/modules.ts';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

test('an epoch over 600 digits is enough to be right about most of 200 others', async t => {
  const [train, held] = digits(1, 600, 200);
  if (!train || !held) return t.fail('the digits have two parts');
  const LeNet = moduleOf(readFileSync(new URL('../../examples/lenet/lenet.bnn', import.meta.url), 'utf8'));
  const model = await LeNet.create({ seed: 1 });
  await model.fit({ ...train }, { epochs: 1, batchSize: 2, samples: 2, optimizer: { kind: 'adam', learningRate: 2e-3 }, klWeight: 1 / 32_000 }); // the example's weight of the divergence
  const { probabilities } = await model.predict({ image: held.image }, { samples: 5, seed: 1 });
  const right = accuracy({ data: probabilities?.mean.data ?? [], classes: 10 }, held.digit);
  t.true(right > 0.6, `right about ${right}`);
  model.dispose();
});

test('the digits are 10,000, and no two parts share one', t => {
  const parts = digits(3, 8000, 2000);
  t.deepEqual(parts.map(p => [p.digit.length, p.image.length / PIXELS]), [[8000, 8000], [2000, 2000]]);
  t.deepEqual(digits(3, 10, 5)[1]?.digit, digits(3, 15)[0]?.digit.slice(10));
});

test('letters lie as digits do: 20 pixels long, their mass in the middle, white on black', t => {
  for (const letter of ['A', 'j', 'W']) {
    for (const font of FONTS) {
      const image = letterImage(letter, font, { turn: 7, slant: -5, stroke: 0.02 });
      const mass = sum(image);
      const [column, row] = [(i: number) => i % 28, (i: number) => Math.floor(i / 28)];
      const lit = [...image.keys()].filter(i => (image[i] ?? 0) > 0.1);
      const extent = Math.max(...[column, row].map(of => Math.max(...lit.map(of)) - Math.min(...lit.map(of)) + 1));
      t.true(extent >= 19 && extent <= 22, `${letter} is ${extent} long`);
      for (const of of [column, row]) t.true(Math.abs(sum(image.map((v, i) => v * of(i))) / mass - 13.5) < 0.1);
      t.true(mass > 30 && mass < 300, `the mass of ${letter} is ${mass}`);
      t.true(Math.min(...image) >= 0 && Math.max(...image) <= 1);
    }
  }
});

test('letters are the same from the same seed, in the order of the alphabet', t => {
  const [first, again, other] = [letters(1, 5, FONTS.slice(0, 1)), letters(1, 5, FONTS.slice(0, 1)), letters(1, 6, FONTS.slice(0, 1))];
  t.is(first.length, ALPHABET.length * PIXELS);
  t.deepEqual(first, again);
  t.notDeepEqual(first, other);
  t.is(ALPHABET.filter(letter => 'oOlIiSsZzBqgb'.includes(letter)).length, 0);
  t.is(new Set(ALPHABET).size, 52 - 13);
});

test('shuffled pixels are the same pixels', t => {
  const image = join([letters(1, 5, FONTS.slice(0, 1)).subarray(0, PIXELS), uniformNoise(1, 2)]);
  const mixed = shuffled(image, 4);
  for (const i of [0, 1]) {
    t.notDeepEqual(imageAt(mixed, i), imageAt(image, i));
    t.deepEqual(imageAt(mixed, i).toSorted(), imageAt(image, i).toSorted());
  }
});

test('AUROC: 1 for a perfect score, 0 for its opposite, one half for one that knows nothing', t => {
  t.is(auroc([0, 1, 2], [3, 4]), 1);
  t.is(auroc([3, 4], [0, 1, 2]), 0);
  t.is(auroc([1, 1, 1], [1, 1]), 0.5);
  t.is(auroc([0, 2], [1, 3]), 0.75);
});

test('entropy is ln 2 between two equals; information is what draws disagree about', t => {
  t.deepEqual(entropies({ data: [0.5, 0.5, 1, 0], classes: 2 }), [Math.LN2, 0]);
  const mean = { data: [0.5, 0.5, 0.5, 0.5], classes: 2 };
  // two draws of two rows: about the first they disagree and are sure, about the second both are unsure
  t.deepEqual(mutualInformation(mean, { data: Float32Array.of(1, 0, 0.5, 0.5, 0, 1, 0.5, 0.5), shape: [2, 2, 2] }), [Math.LN2, 0]);
});

test('calibration: bins of confidence, and how far they are from their accuracy', t => {
  const bins = calibration({ data: [0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25, 0.75], classes: 2 }, [0, 1, 1, 0], 2);
  t.deepEqual(bins, [{ from: 0.5, to: 1, count: 4, confidence: 0.75, accuracy: 0.5 }]);
  t.is(calibrationError(bins), 0.25);
});
