/** Which reads ask for an element more than once: the solver's answer is that of trying all positions. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { countKernel } from '../../../compiler/5-schedule/count.ts';
import { isInjective } from '../../../compiler/5-schedule/injective.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { axisExtent } from '../../../compiler/5-schedule/reads.ts';
import { addIndex, axisIndex, constant, divideIndex, scaleIndex } from '../../../compiler/6-kernels/index.ts';
import type { Atom, Axis, Index } from '../../../compiler/6-kernels/kernel.ts';
import { capabilities } from '../../support/targets.ts';

const axis = (name: string): Axis => ({ name, extent: Number(axisExtent(name)) });
const [a, b, c, u] = ['a_6', 'b_4', 'c_24', 'u_3'].map(axisIndex) as [Index, Index, Index, Index]; // four names
const div = (i: Index, by: number): Index => divideIndex(i, by, axisExtent).quotient;
const mod = (i: Index, by: number): Index => divideIndex(i, by, axisExtent).remainder;
const plus = (...all: readonly Index[]): Index => all.reduce(addIndex);

const cases: Readonly<Record<string, readonly [axes: readonly string[], index: readonly Index[]]>> = {
  'an axis itself': [['a_6'], [a]],
  'a window alone': [['a_6', 'u_3'], [plus(a, u)]],
  'a window and its tap': [['a_6', 'u_3'], [plus(a, u), u]],
  'windows that do not overlap': [['a_6', 'u_3'], [plus(scaleIndex(a, 3), u)]],
  'a mixed radix': [['a_6', 'b_4'], [plus(scaleIndex(a, 4), b)]],
  'two axes of one stride': [['a_6', 'b_4'], [plus(a, b, constant(2))]],
  'the digits of a flattened axis': [['c_24'], [div(c, 12), mod(div(c, 4), 3), mod(c, 4)]],
  'one digit short': [['c_24'], [div(c, 12), mod(c, 4)]],
  'digits whose last is cut short': [['c_24'], [div(c, 5), mod(c, 5)]],
  'cuts that do not nest': [['c_24'], [div(c, 5), mod(c, 4)]],
  'a window over a digit, the other digit known': [['c_24', 'u_3'], [div(c, 4), plus(mod(c, 4), u)]],
  'a window over a digit, and its tap': [['c_24', 'u_3'], [div(c, 4), plus(mod(c, 4), u), u]],
  'a pool over a digit': [['c_24', 'u_3'], [div(c, 4), plus(scaleIndex(mod(c, 4), 3), u)]],
  'a channel that is not asked for': [['c_24', 'u_3'], [plus(scaleIndex(mod(div(c, 4), 3), 3), u), mod(c, 4)]],
  'both parts of a sum': [['a_6', 'b_4'], [div(plus(scaleIndex(a, 4), b), 3), mod(plus(scaleIndex(a, 4), b), 3)]],
  'one part of a sum': [['a_6', 'b_4'], [mod(plus(scaleIndex(a, 4), b), 3)]],
  'both parts of a sum that overlaps': [['a_6', 'u_3'], [div(plus(a, u), 4), mod(plus(a, u), 4)]],
};

/** The number that an index is at a position. */
const at = (i: Index, position: Readonly<Record<string, number>>): number => i.terms.reduce((n, t) => n + Number(t.coefficient) * atom(t.atom, position), i.constant);
function atom(x: Atom, position: Readonly<Record<string, number>>): number {
  if (x.kind === 'axis') return position[x.name] ?? NaN;
  if (x.kind === 'value') return NaN;
  return x.kind === 'div' ? Math.floor(at(x.index, position) / x.by) : at(x.index, position) % x.by;
}
const positions = (axes: readonly Axis[]): readonly Readonly<Record<string, number>>[] =>
  axes.reduce<readonly Readonly<Record<string, number>>[]>((all, x) => all.flatMap(p => Array.from({ length: Number(x.extent) }, (_, i) => ({ ...p, [x.name]: i }))), [{}]);

for (const [name, [axes, index]] of Object.entries(cases)) {
  test(name, t => {
    const all = positions(axes.map(axis));
    const different = new Set(all.map(p => index.map(i => at(i, p)).join())).size === all.length;
    // cuts that don't nest are not solved for: stored at worst
    t.is(isInjective(index, axes.map(axis)), name === 'cuts that do not nest' ? false : different);
  });
}

test('a prediction computes each convolution once, whatever lies between it and what is asked for', t => {
  const model = checkText('model M { input x: [batch, 1, 12, 12] output p = x |> conv2d(3, kernel: 3) |> relu |> max_pool2d(2) |> conv2d(4, kernel: 2) |> relu |> max_pool2d(2) |> flatten |> linear(2) }', { file: 'm.bnn' }).models[0];
  if (!model) return t.fail('no model');
  const products = 2 * (3 * 100 * 9 + 4 * 16 * 3 * 4 + 16 * 2); // multiplications and additions of an example
  for (const [target, able] of Object.entries(capabilities)) {
    const plan = schedule(programsOf(model).programs.filter(p => p.name === 'predict'), able);
    const done = plan.kernels.reduce((n, k) => n + countKernel(k, { rows: 100, samples: 1 }).arithmetic, 0) / 100;
    t.true(done < 1.5 * products, `${target}: ${done} of ${products}`);
  }
});
