/**
 * The programs of a model, scheduled together: they share buffers, kernels and memory, and each gives what its graph gives. A
 * classifier, a regressor with predicted noise, shared weights, a scan, a sampled divergence and a learned prior scale.
 */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { difference, given } from '../../support/graphs.ts';
import { models } from '../../support/models.ts';
import { capabilities } from '../../support/targets.ts';

for (const [name, text] of Object.entries(models)) {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error(name);
  const { programs } = programsOf(model);
  for (const [target, able] of Object.entries(capabilities)) {
    test(`${name}, on ${target}`, t => {
      const plan = schedule(programs, able);
      plan.kernels.forEach(verifyKernel);
      for (const p of programs) {
        const g = given(p.graph, { rows: 3, samples: 2 });
        const memory = allocate(plan, g);
        for (const [buffer, data] of Object.entries(g.arrays)) memory[buffer]?.set(data);
        runSchedule(plan, p.name, memory, { ...g.scalars, rows: 3, samples: 2, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, expected] of evaluate(p.graph, g)) {
          const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs.find(x => x.name === p.name)?.results[output] ?? '';
          const error = difference(expected, memory[buffer]?.subarray(0, expected.length) ?? []);
          t.true(error < 1e-9, `${p.name} ${output}: ${error}`);
        }
      }
    });
  }
}
