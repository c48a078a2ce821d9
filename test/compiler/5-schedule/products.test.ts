/** Products of long sums: on a processor they are computed in parts that fit a cache, where there are enough of them and an axis to cut. What they come to, the models of `support/models.ts` say. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { arranged, programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import type { MemoryPlan } from '../../../compiler/5-schedule/schedule.ts';
import { targets } from '../../../compiler/7-targets/targets.ts';
import type { TargetName } from '../../../compiler/7-targets/target.ts';

/** The longest literal fold of a prediction of `p`. */
async function longest(p: string, options: { readonly target?: TargetName; readonly memory?: MemoryPlan; readonly inputs?: string } = {}): Promise<number> {
  const [model] = checkText(`model M { ${options.inputs ?? 'input a: [batch, 3200] input b: [512, 3200]'} input row: [batch] output p = ${p} }`, { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  const { capabilities } = await targets[options.target ?? 'wasm']();
  const s = schedule(arranged(programsOf(model, undefined, options.memory).programs, capabilities), capabilities, options.memory);
  let most = 0;
  const walk = (body: (typeof s.kernels)[number]['body']): void => { for (const x of body) if (x.kind === 'fold' || x.kind === 'map') { if (x.kind === 'fold' && typeof x.axis.extent === 'number') most = Math.max(most, x.axis.extent); walk(x.body); } };
  s.kernels.forEach(k => { walk(k.body); });
  return most;
}

test('3,200 terms are eight parts of 400 on a processor', async t => {
  t.is(await longest('a @ b.T'), 400);
  t.is(await longest('a.T @ b', { inputs: 'input a: [3200, 64] input b: [3200, 64]' }), 400);
});
test('one sum stays where cutting it brings nothing or takes memory', async t => {
  t.is(await longest('a @ b.T', { target: 'webgpu' }), 3200, 'a GPU has tiles of its own');
  t.is(await longest('a @ b.T', { memory: 'small' }), 3200, 'a small plan has no room for parts');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 1200] input b: [512, 1200]' }), 1200, 'not long');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 3203] input b: [512, 3203]' }), 3203, 'a prime');
  t.is(await longest('a @ b.T', { inputs: 'input a: [batch, 3200] input b: [10, 3200]' }), 3200, 'few results');
});
