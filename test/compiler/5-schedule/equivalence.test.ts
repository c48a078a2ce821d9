/**
 * Scheduling keeps values: every specimen of the zoo, cut into kernels for each kind of target and run by the interpreter in
 * memory that is shared as planned, gives what the graph gives when it is computed node by node.
 */
import test from 'ava';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { difference, given } from '../../support/graphs.ts';
import { capabilities } from '../../support/targets.ts';
import { loops, zoo } from '../../support/zoo.ts';

for (const [target, able] of Object.entries(capabilities)) {
  for (const { name, graph } of [...zoo, ...loops]) {
    test(`${name}, on ${target}`, t => {
      for (const [rows, samples] of [[3, 2], [5, 1]] as const) {
        const plan = schedule([{ name: 'run', graph }], able);
        plan.kernels.forEach(verifyKernel);
        const g = { ...given(graph, { rows, samples }), rowBase: 2, sampleBase: 1 };
        const memory = allocate(plan, g);
        for (const [buffer, data] of Object.entries(g.arrays)) memory[buffer]?.set(data);
        const [seed, count] = [g.stream.seed, g.stream.count];
        runSchedule(plan, 'run', memory, { ...g.scalars, rows, samples, rowBase: 2, sampleBase: 1, seedLo: seed, seedHi: 0, countLo: count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, expected] of evaluate(graph, g)) {
          const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs[0]?.results[output] ?? '';
          t.true(difference(expected, memory[buffer]?.subarray(0, expected.length) ?? []) < 1e-12, output);
        }
      }
    });
  }
}
