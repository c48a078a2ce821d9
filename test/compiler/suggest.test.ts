import test from 'ava';
import fc from 'fast-check';
import { editDistance, nearest } from '../../compiler/suggest.ts';

const words = ['weight', 'linear', 'conv2d', 'relu', 'x'];

for (const [word, expected] of [
  ['wieght', 'weight'], ['Linear', 'linear'], ['linaer', 'linear'], ['conv2', 'conv2d'], ['rleu', 'relu'], ['ReLU', 'relu'],
  ['banana', undefined], ['y', undefined], ['', undefined],
] as const) {
  test(`nearest to "${word}" is ${expected ?? 'nothing'}`, t => { t.is(nearest(word, words), expected); });
}

test('the word itself is never suggested', t => { t.is(nearest('relu', ['relu']), undefined); });

test('the distance is symmetric, zero only for equals and at most the longer length', t => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(fc.property(word, word, (a, b) => {
    const d = editDistance(a, b);
    return d === editDistance(b, a) && (d === 0) === (a === b) && d <= Math.max(a.length, b.length);
  }));
  t.pass();
});
