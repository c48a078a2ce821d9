/** The models of examples/sequence on shorter sequences: both learn to add the two marked numbers. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { meanSquareError, sequences, variance } from '../../examples/sequence/data.ts';
import { moduleOf } from '../support/modules.ts';

const source = readFileSync(new URL('../../examples/sequence/sequence.bnn', import.meta.url), 'utf8').replaceAll('length: int = 30', 'length: int = 10');
/** The text of one of the two models. */
function text(name: string): string {
  const from = source.indexOf(`model ${name}`);
  return source.slice(from, source.indexOf('\n}\n', from) + 3);
}

test('one number of each half is marked, and the sum is theirs', t => {
  const { steps, sum } = sequences(50, 10, 1);
  for (const [i, row] of steps.entries()) {
    const marked = row.flatMap(([, m], at) => (m === 1 ? [at] : []));
    t.is(marked.length, 2);
    t.true((marked[0] ?? NaN) < 5 && (marked[1] ?? NaN) >= 5);
    t.is(sum[i]?.[0], (row[marked[0] ?? 0]?.[0] ?? NaN) + (row[marked[1] ?? 0]?.[0] ?? NaN));
  }
});
for (const name of ['AddingLstm', 'AddingGru']) test(`${name} learns to add`, async t => {
  const [train, held] = [sequences(2000, 10, 11), sequences(300, 10, 23)];
  const model = await moduleOf(text(name)).create({ backend: 'wasm', seed: 1 });
  const history = await model.fit({ ...train }, { epochs: 12, batchSize: 32, optimizer: { kind: 'adam', learningRate: 0.01 } });
  const { total } = await model.predict({ steps: held.steps }, { samples: 10, seed: 1 });
  const truth = held.sum.flat();
  const error = meanSquareError(total?.mean.data ?? [], truth);
  t.log(`mean square error ${error.toFixed(4)}, variance ${variance(truth).toFixed(3)}`);
  t.true((history.at(-1)?.likelihood ?? NaN) < (history[0]?.likelihood ?? NaN) / 2);
  t.true(error < 0.1 * variance(truth));
  model.dispose();
});
