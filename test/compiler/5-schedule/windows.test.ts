/**
 * Convolutions become contractions of affine loads: no load inside of a product's sum has a guard, forwards or in either
 * gradient, whatever the border, the stride, the dilation, the groups and the dimensions. And the values stay the same.
 */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { verifyGraph } from '../../../compiler/3-graph/verify.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { unguardWindows } from '../../../compiler/5-schedule/windows.ts';
import { eachChild } from '../../../compiler/6-kernels/map.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import type { Expr, Kernel, Stmt } from '../../../compiler/6-kernels/kernel.ts';
import { showKernel } from '../../../compiler/6-kernels/show.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { difference, given } from '../../support/graphs.ts';
import { capabilities } from '../../support/targets.ts';

/** Two layers, so that the second has a gradient with respect to its input. */
const model = (input: string, first: string, second: string): string =>
  `model M { input x: [batch, ${input}] target y: [batch, 2] p = x |> ${first} |> tanh |> ${second} |> flatten |> linear(2) output p loss mse(p, y) }`;
const models = {
  'one dimension, with a border': model('2, 9', 'conv1d(3, kernel: 3, padding: 1)', 'conv1d(2, kernel: 4, padding: 2)'),
  'one dimension, dilated, in groups': model('2, 11', 'conv1d(4, kernel: 2)', 'conv1d(4, kernel: 3, padding: 3, dilation: 2, groups: 2)'),
  'two dimensions, no border': model('1, 9, 8', 'conv2d(3, kernel: 3)', 'conv2d(2, kernel: (3, 2))'),
  'two dimensions, dilated, in groups, with a border': model('2, 7, 8', 'conv2d(4, kernel: 3, padding: 1)', 'conv2d(6, kernel: (2, 3), padding: (1, 2), dilation: (2, 1), groups: 2)'),
  'a channel alone': model('3, 6, 6', 'conv2d(4, kernel: 3, padding: 1)', 'conv2d(4, kernel: 3, padding: 1, groups: 4)'),
  'steps of two, a phase at a time': model('2, 9, 8', 'conv2d(3, kernel: 3, padding: 1)', 'conv2d(4, kernel: 3, stride: 2, padding: 1)'),
  'steps of two and three, in groups': model('2, 9, 10', 'conv2d(4, kernel: 2)', 'conv2d(4, kernel: (5, 4), stride: (2, 3), padding: (2, 0), groups: 2)'),
  'three dimensions, dilated, in groups': model('2, 4, 5, 6', 'conv3d(2, kernel: 2, padding: 1)', 'conv3d(4, kernel: (2, 2, 3), padding: (1, 0, 1), dilation: (1, 2, 1), groups: 2)'),
  'as many taps as places': model('1, 6, 6', 'conv2d(3, kernel: 2)', 'conv2d(4, kernel: 5)'),
  'with flipout': model('2, 6, 6', 'conv2d(3, kernel: 3, padding: 1)', 'conv2d(2, kernel: 3, padding: 1) { estimator flipout }'),
  'with local noise': model('2, 6, 6', 'conv2d(3, kernel: 3, padding: 1)', 'conv2d(2, kernel: 3, padding: 1) { estimator local(approximate) }'),
  'pools that overlap': model('2, 9, 8', 'conv2d(3, kernel: 3, padding: 1)', 'max_pool2d(3, stride: 2, padding: 1) |> average_pool2d(2, stride: 1, padding: 1)'),
};

/** Guarded loads inside of sums of products. */
function guardedLoads(kernel: Kernel): readonly Expr[] {
  const out: Expr[] = [];
  const expr = (e: Expr): void => { if (e.kind === 'load' && (e.guard?.length ?? 0) > 0) out.push(e); eachChild(e, expr); };
  const walk = (body: readonly Stmt[], isInside: boolean): void => {
    for (const s of body) {
      if (s.kind === 'let' && isInside) expr(s.value);
      if (s.kind === 'map') walk(s.body, isInside);
      if (s.kind !== 'fold') continue;
      const inside = isInside || s.contraction !== undefined;
      walk(s.body, inside);
      if (inside) s.carries.forEach(c => { expr(c.next); });
    }
  };
  walk(kernel.body, false);
  return out;
}

for (const [name, text] of Object.entries(models)) {
  const checked = checkText(text, { file: 'm.bnn' }).models[0];
  if (!checked) throw new Error(name);
  const { programs } = programsOf(checked);
  test(`${name}: the graph keeps its values`, t => {
    for (const { graph } of programs) {
      const g = given(graph, { rows: 3, samples: 2 });
      const before = evaluate(graph, g);
      for (const bounded of [false, true]) {
        const unguarded = unguardWindows(graph, bounded);
        verifyGraph(unguarded, 'windows');
        const after = evaluate(unguarded, g);
        for (const [output, expected] of before) t.true(difference(expected, after.get(output) ?? []) < 1e-12, output);
      }
    }
  });
  for (const [target, able] of Object.entries(capabilities)) {
    test(`${name}, on ${target}`, t => {
      const plan = schedule(programs, able);
      plan.kernels.forEach(verifyKernel);
      // a launch costs a GPU more than these small borders
      if (able.innerLoops === 'cheap') for (const k of plan.kernels) t.deepEqual(guardedLoads(k), [], showKernel(k));
      for (const p of programs.filter(x => x.name === 'gradients' || x.name === 'predict')) {
        const g = given(p.graph, { rows: 3, samples: 2 });
        const memory = allocate(plan, g);
        for (const [buffer, data] of Object.entries(g.arrays)) memory[buffer]?.set(data);
        runSchedule(plan, p.name, memory, { ...g.scalars, rows: 3, samples: 2, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, expected] of evaluate(p.graph, g)) {
          const buffer = plan.programs.find(x => x.name === p.name)?.results[output] ?? '';
          t.true(difference(expected, memory[buffer]?.subarray(0, expected.length) ?? []) < 1e-9, `${p.name} ${output}`);
        }
      }
    });
  }
}
