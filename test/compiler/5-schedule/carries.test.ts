/** What a loop carries from turn to turn is made where it stays, if nobody wants the value before it any more. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { mayFollowInPlace } from '../../../compiler/5-schedule/in-place.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { kernelsOf } from '../../../compiler/5-schedule/schedule.ts';
import { addIndex, axisIndex, constant, size } from '../../../compiler/6-kernels/index.ts';
import type { Expr, Index, Kernel } from '../../../compiler/6-kernels/kernel.ts';
import { targets } from '../../../compiler/7-targets/targets.ts';
import { moduleOf } from '../../support/modules.ts';

const here = axisIndex('j');
/** Stores the sum of what is at some places, for each of nine columns. */
function kernel(target: string, ...sources: readonly (readonly [buffer: string, at?: Index])[]): Kernel {
  const use = (name: string, access: 'read' | 'write') => ({ name, type: 'f32' as const, size: size(9), access });
  const value = sources.map(([buffer, at = here]): Expr => ({ kind: 'load', type: 'f32', buffer, offset: at })).reduce((a, b) => ({ kind: 'op', type: 'f32', op: 'add', args: [a, b] }));
  return { name: target, origins: [], axes: [{ name: 'j', extent: 8 }], buffers: [use(target, 'write'), ...[...new Set(sources.map(([b]) => b))].map(b => use(b, 'read'))], body: [{ kind: 'store', buffer: target, offset: here, value }] };
}
const follows = (...run: readonly Kernel[]): boolean => mayFollowInPlace(run, 'new', 'old');

test('made from the old one, element by element, or by a kernel after all that read it', t => {
  t.true(follows(kernel('new', ['old'], ['x'])));
  t.true(follows(kernel('x', ['old', addIndex(here, constant(1))]), kernel('new', ['x'])));
  t.true(follows(kernel('new', ['old']), kernel('x', ['new'])));
});
test('not where a neighbour, or a kernel after it, wants the old one', t => {
  t.false(follows(kernel('new', ['old', addIndex(here, constant(1))])));
  t.false(follows(kernel('new', ['x']), kernel('y', ['old'])));
  t.false(follows(kernel('new', ['x']), kernel('new', ['y'])), 'made in two kernels');
  t.false(follows(kernel('x', ['new']), kernel('new', ['old'])), 'read before it is made');
  t.false(follows(kernel('x', ['y'])), 'nobody makes it');
});

const recurrent = 'model M { input x: [batch, 12, 3] target y: [batch, 1] p = (x |> lstm(16))[:, -1] |> linear(1) output p loss mse(p, y) }';
for (const name of ['wasm', 'webgpu'] as const) test(`${name}: a turn of a long short-term memory is two kernels; three where gradients want what was, and two of theirs`, async t => {
  const [model] = checkText(recurrent, { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  const { programs, kernels } = schedule(programsOf(model).programs, (await targets[name]()).capabilities);
  const turns = (program: string): readonly number[] => (programs.find(p => p.name === program)?.steps ?? []).flatMap(s => (s.kind === 'loop' ? [s.body.length] : []));
  t.deepEqual([turns('predict'), turns('gradients')], [[2], [3, 2]]);
  t.is(new Set(programs.flatMap(p => kernelsOf(p.steps))).size, kernels.length, 'and none is left that nobody runs');
});
test('carries that want each other are what they were, in both plans', async t => {
  const text = 'model M { input x: [batch, 5] s = scan xt over x axis 1 with a = zeros[batch], b = zeros[batch] { c = a + 2 * b + xt b = a - b a = c yield a * b } output p = s.a + 10 * s.b }';
  const x = Float32Array.from({ length: 10 }, (_, i) => i - 3);
  const expected = [0, 1].map(row => { let [a, b] = [0, 0]; for (let k = 0; k < 5; k++) [a, b] = [a + 2 * b + (x[5 * row + k] ?? NaN), a - b]; return a + 10 * b; });
  for (const memory of ['fast', 'small'] as const) {
    const model = await moduleOf(text, undefined, undefined, memory).create({ backend: 'wasm', seed: 1 });
    const { p } = await model.predict({ x }, { samples: 1 });
    t.deepEqual([...p?.draws.data ?? []], expected, memory);
    model.dispose();
  }
});
