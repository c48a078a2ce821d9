/** Samples of a prediction at a time: as many as stay near while a loop reads their weights again and again, and the draws are the same. */
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { samplesTogether } from '../../../../compiler/7-targets/wasm/together.ts';
import { moduleOf } from '../../../support/modules.ts';

const lstm = (units: number): string => `model M { input x: [batch, 6, 3] s = x |> lstm(${units}) output p = s.h |> linear(1) }`;
const together = (text: string): number | undefined => {
  const [model] = checkText(text, { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  return samplesTogether(schedule(programsOf(model).programs, wasm.capabilities));
};

test('what a turn reads of each sample is divided into about a megabyte', t => {
  t.is(together(lstm(128)), 4); // 128 x 512 weights of four bytes
  t.is(together(lstm(600)), 1);
  t.is(together(lstm(8)), undefined);
  t.is(together('model M { input x: [batch, 3] output p = x |> linear(4000) |> linear(1) }'), undefined);
});
test('ten draws of two at a time are those of one after the other, and of all rows', async t => {
  const model = await moduleOf(lstm(180)).create({ backend: 'wasm', seed: 1 });
  const x = Float32Array.from({ length: 5 * 18 }, (_, i) => Math.sin(i));
  const ten = (await model.predict({ x }, { samples: 10, seed: 3 }))['p']?.draws.data ?? new Float32Array();
  const one = (await model.predict({ x }, { samples: 1, seed: 3 }))['p']?.draws.data ?? new Float32Array();
  const fewer = (await model.predict({ x: x.slice(0, 2 * 18) }, { samples: 10, seed: 3 }))['p']?.draws.data ?? new Float32Array();
  t.is(together(lstm(180)), 2);
  t.is(ten.length, 50);
  t.deepEqual([...one], [...ten.slice(0, 5)]);
  for (let s = 0; s < 10; s++) t.deepEqual([...fewer.slice(2 * s, 2 * s + 2)], [...ten.slice(5 * s, 5 * s + 2)]);
  t.true(new Set(ten).size > 40);
  model.dispose();
});
