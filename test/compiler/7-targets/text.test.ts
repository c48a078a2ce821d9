/** The parts of the printer that are easiest to get wrong: names, numbers, and sums with negative terms. */
import fc from 'fast-check';
import test from 'ava';
import { axisIndex, constant, addIndex, scaleIndex } from '../../../compiler/6-kernels/index.ts';
import { decimal, makeNames, makePrinter } from '../../../compiler/7-targets/text.ts';
import { dialect } from '../../../compiler/7-targets/wgsl/dialect.ts';

test('names: one letter stays, all others can be no word of the dialect, and no two are equal', t => {
  const names = makeNames();
  const asked = ['i', 'I', 'loop', 'loop_', 'linear1.w.mu/m', 'linear1.w.mu.m', '1st', '_', 'let', "w'", 'w'];
  const given = asked.map(names);
  t.deepEqual(given, ['i', 'I', 'loop_', 'loop_2_', 'linear1_w_mu_m_', 'linear1_w_mu_m_2_', 'n1st_', 'n_', 'let_', 'w_', 'w']);
  t.is(new Set(given).size, given.length);
  t.deepEqual(asked.map(names), given, 'the same name gets the same identifier');
});

test('numbers: the shortest that reads back, with a point or an exponent', t => {
  t.deepEqual([0, -0, 1, 0.1, 1e21, -2.5, Math.PI, 2 ** -149, 2 ** 24 + 2].map(decimal), ['0.0', '-0.0', '1.0', '0.1', '1e+21', '-2.5', '3.1415927', '1e-45', '16777218.0']);
  t.is(decimal(3.5e38), 'Infinity.0', 'a dialect must spell what is not finite itself');
});

test('numbers: every f32 reads back as itself', t => {
  fc.assert(fc.property(fc.float({ noDefaultInfinity: true, noNaN: true }), x => {
    t.true(Object.is(Math.fround(Number(decimal(x))), x));
    t.regex(decimal(x), /[.e]/);
    t.true(Math.abs(Number(decimal(x))) <= 3.4028234663852886e38);
  }));
});

test('indices: positive terms first, literals and extents multiplied, nothing that begins with a sign', t => {
  const { index } = makePrinter(dialect, { load: String, store: String, scalar: String, noise: String }, makeNames());
  t.is(index(addIndex(scaleIndex(axisIndex('i'), -2), constant(7))), '7 - 2 * i');
  t.is(index(scaleIndex(axisIndex('i'), -1)), '0 - i');
  t.is(index(addIndex(scaleIndex(axisIndex('i'), { times: 3, by: ['rows', 'samples'] }), constant(-1))), '3 * rows * samples * i - 1');
  t.is(index(constant(-4)), '0 - 4');
  t.is(index(scaleIndex(constant(5), { times: 1, by: ['rows'] })), '5 * rows');
});
