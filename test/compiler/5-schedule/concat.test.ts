/** Values that are put together from equal parts: which they are, and that a kernel over one part makes all of them. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { builder } from '../../../compiler/3-graph/build.ts';
import type { Builder } from '../../../compiler/3-graph/build.ts';
import type { NodeId, Plain } from '../../../compiler/3-graph/graph.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { concatOf } from '../../../compiler/5-schedule/concat.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { targets } from '../../../compiler/7-targets/targets.ts';
import { moduleOf } from '../../support/modules.ts';

/** Where the parts of a sum of padded values begin along the last axis; undefined where it has none. */
function starts(whole: number, lengths: readonly number[], at: readonly number[], padding = 0): readonly number[] | undefined {
  const b: Builder<Plain> = builder<Plain>();
  const padded = lengths.map((length, i): NodeId => {
    const x = b.add({ kind: 'input', name: `x${i}`, shape: ['rows', length], type: 'f32' });
    return i % 2 === 0 ? b.view({ kind: 'pad', before: [0, at[i] ?? 0], value: padding }, x, ['rows', whole]) : b.view({ kind: 'spread', starts: [0, at[i] ?? 0], steps: [1, 1] }, x, ['rows', whole]);
  });
  const sum = padded.reduce((x, y) => b.map('add', x, y));
  return concatOf(b.nodes, sum)?.parts.map(p => p.start[1] ?? -1);
}

test('equal parts side by side, in any order', t => {
  t.deepEqual(starts(64, [16, 16, 16, 16], [0, 16, 32, 48]), [0, 16, 32, 48]);
  t.deepEqual(starts(64, [16, 16, 16, 16], [32, 0, 48, 16]), [0, 16, 32, 48]);
  t.deepEqual(starts(64, [32, 32], [32, 0]), [0, 32]);
});
test('no parts where some are missing, longer, elsewhere, short or many, or where they are padded with more than zeros', t => {
  t.is(starts(64, [16, 16, 16], [0, 16, 32]), undefined, 'a quarter is zero');
  t.is(starts(64, [32, 32], [0, 16]), undefined, 'they overlap');
  t.is(starts(64, [48, 16], [0, 48]), undefined, 'of two lengths');
  t.is(starts(64, [16, 16, 16, 16], [0, 16, 16, 48]), undefined, 'one twice');
  t.is(starts(32, [8, 8, 8, 8], [0, 8, 16, 24]), undefined, 'shorter than lanes are long');
  t.is(starts(16 * 9, Array.from({ length: 9 }, () => 16), Array.from({ length: 9 }, (_, i) => 16 * i)), undefined, 'nine');
  t.is(starts(64, [32, 32], [0, 32], 1), undefined, 'ones around it');
  t.is(starts(64, [64], [0]), undefined, 'no sum');
});

for (const name of ['wasm', 'webgpu'] as const) test(`${name}: one kernel makes the gradients of the gates of a long short-term memory`, async t => {
  const model = checkText('model M { input x: [batch, 20, 4] target y: [batch, 1] p = (x |> lstm(16))[:, -1] |> linear(1) output p loss mse(p, y) }', { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const { capabilities } = await targets[name]();
  const { kernels, programs } = schedule(programsOf(model).programs, capabilities);
  const loop = programs.find(p => p.name === 'gradients')?.steps.filter(s => s.kind === 'loop').at(-1);
  const own = loop?.body.flatMap(s => (s.kind === 'run' ? kernels[s.kernel] ?? [] : [])) ?? [];
  const gates = own.filter(k => k.body.filter(s => s.kind === 'store' && s.buffer.startsWith('yield')).length === 4);
  t.is(gates.length, 1);
  t.deepEqual(gates[0]?.axes.map(a => a.extent), ['samples', 'rows', 16]);
  t.is(own.filter(k => JSON.stringify(k.body).includes('"tanh"')).length, 1, 'and nothing else makes what it wants');
});
test('parts that a model puts together are where they belong', async t => {
  const model = await moduleOf('model M { input x: [batch, 32] output p = concat(x, exp(x) * 2, x + exp(x), axis: 1) }').create({ backend: 'wasm', seed: 1 });
  const x = Float32Array.from({ length: 3 * 32 }, (_, i) => Math.sin(i));
  const { p } = await model.predict({ x }, { samples: 1, seed: 1 });
  const e = (i: number): number => Math.exp(x[i] ?? NaN);
  const expected = Array.from({ length: 3 * 96 }, (_, i) => { const [row, column] = [Math.floor(i / 96), i % 96]; const at = 32 * row + (column % 32); return [x[at] ?? NaN, 2 * e(at), (x[at] ?? NaN) + e(at)][Math.floor(column / 32)] ?? NaN; });
  t.is(p?.draws.data.length, expected.length);
  p?.draws.data.forEach((y, i) => { t.true(Math.abs(y - (expected[i] ?? NaN)) < 1e-5, `${i}: ${y} and ${expected[i] ?? NaN}`); });
  model.dispose();
});
