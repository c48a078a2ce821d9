/** Positions sorted by class: what the gradient of a large table sums over. */
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import { bucket } from '../../runtime/bucket.ts';
import { capabilities } from '../support/targets.ts';

test('each class has its positions in their own order', t => {
  const { order, start } = bucket([2, 0, 2, 3, 0, 2], 5);
  t.deepEqual([...start], [0, 2, 2, 5, 6, 6]);
  t.deepEqual([...order], [1, 4, 0, 2, 5, 3]);
  t.deepEqual([...bucket([], 2).start], [0, 0, 0]);
});
const planned = (words: number, able: (typeof capabilities)[keyof typeof capabilities]): readonly string[] => {
  const [model] = checkText(`model M { input w: class(${words})[batch, 6] target y: [batch, 2] p = mean(w |> embedding(2), axis: 1) output p loss mse(p, y) }`, { file: 'm.bnn' }).models;
  return model ? schedule(programsOf(model).programs, able).buffers.flatMap(b => (b.bucket ? [b.name] : [])) : [];
};
test('large tables sum the positions of each class, small ones and targets without integers compare', t => {
  const [first, , last] = Object.values(capabilities);
  if (!first || !last) throw new Error('targets');
  t.deepEqual(planned(5000, first), ['input:w order of 5000', 'input:w start of 5000']);
  t.deepEqual(planned(20, first), []);
  t.deepEqual(planned(5000, last), []);
});
