/** Each derived op, expanded and computed in single precision step by step, against its meaning. */
import test from 'ava';
import type { Algebra } from '../../../compiler/ops/algebra.ts';
import type { Expand } from '../../../compiler/ops/expansions.ts';
import { derived, ops } from '../../../compiler/ops/table.ts';
import type { DerivedOp, Op } from '../../../compiler/ops/names.ts';
import { ownExpansions } from '../../../compiler/7-targets/wasm/expansions.ts';

type By = Readonly<Record<DerivedOp, Expand>>;
/** Every op as single precision has it, derived ones by their expansions. */
function singleBy(by: By): Algebra<number> {
  const single: Algebra<number> = {
    lit: Math.fround,
    word: v => v >>> 0,
    op(op: Op, ...args) {
      if (op in derived) return by[op as DerivedOp](single, ...args); // `in` says which
      const { result, eval: meaning } = ops[op];
      return result === 'f32' || result === 'same' ? keep(op, meaning(...args)) : meaning(...args);
    },
  };
  return single;
}
const shared = Object.fromEntries(Object.entries(derived).map(([op, { expand }]) => [op, expand])) as By; // the keys of `derived`
/** By the expansions of all targets, and by those that WebAssembly has of its own. */
const sets: Readonly<Record<string, By>> = { 'all targets': shared, WebAssembly: { ...shared, ...ownExpansions } };
/** u32 values pass through select unrounded. */
const keep = (op: Op, x: number): number => (op === 'select' && Number.isInteger(x) && Math.abs(x) > 2 ** 24 ? x : Math.fround(x));

/** The size of the last bit of a number in single precision. */
const ulp = (x: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23);
const span = (from: number, to: number, n = 4001): number[] => Array.from({ length: n }, (_, i) => Math.fround(from + ((to - from) * i) / (n - 1)));
/** Small and large magnitudes of both signs. */
const magnitudes = (low: number, high: number): number[] => Array.from({ length: 2001 }, (_, i) => low * (high / low) ** (i / 2000)).flatMap(x => [Math.fround(x), Math.fround(-x)]);
const positive = magnitudes(1e-37, 1e37).filter(x => x > 0);

// arguments, and the error allowed in units of the last place of the result
const cases: Readonly<Record<DerivedOp, { readonly at: readonly (readonly number[])[]; readonly ulps: number; readonly absolute?: number }>> = {
  neg: { at: [magnitudes(1e-30, 1e30)], ulps: 0 }, abs: { at: [magnitudes(1e-30, 1e30)], ulps: 0 }, sign: { at: [[...magnitudes(1e-30, 1e30), 0]], ulps: 0 },
  square: { at: [magnitudes(1e-15, 1e15)], ulps: 0.51 }, reciprocal: { at: [magnitudes(1e-30, 1e30)], ulps: 0.51 }, relu: { at: [[...span(-3, 3), 0]], ulps: 0 },
  exp: { at: [[...span(-86.9, 88.7), ...magnitudes(1e-9, 1)]], ulps: 3 },
  log: { at: [[...positive, ...span(0.5, 2)]], ulps: 3, absolute: 2e-9 },
  log1p: { at: [[...magnitudes(1e-12, 0.9), ...span(0, 1e4)]], ulps: 4 },
  expm1: { at: [[...magnitudes(1e-12, 1), ...span(-80, 80)]], ulps: 4 },
  sin: { at: [span(-100, 100)], ulps: 4, absolute: 4e-6 }, cos: { at: [span(-100, 100)], ulps: 4, absolute: 4e-6 },
  tanh: { at: [[...magnitudes(1e-12, 1), ...span(-12, 12)]], ulps: 6 },
  sigmoid: { at: [span(-86.9, 87)], ulps: 4 },
  softplus: { at: [[...span(-86.9, 60), ...magnitudes(1e-6, 1)]], ulps: 4 },
  erf: { at: [[...magnitudes(1e-12, 1), ...span(-5, 5)]], ulps: 4 },
  pow: { at: [span(0.1, 9, 200), span(-3, 3, 200)], ulps: 40 },
  pow2: { at: [Array.from({ length: 254 }, (_, i) => i - 126)], ulps: 0 },
};
for (const [name, { at, ulps, absolute = 0 }] of Object.entries(cases)) for (const [whose, by] of Object.entries(sets)) {
  const op = name as DerivedOp; // a key of the table of cases
  if (by !== shared && by[op] === shared[op]) continue;
  test(`${name} in single precision: ${whose}`, t => {
    const single = singleBy(by);
    let worst = 0;
    let where: readonly number[] = [];
    (at[0] ?? []).forEach((x, i) => {
      const args = at.map(a => a[i] ?? x).map(Math.fround);
      const [got, expected] = [by[op](single, ...args), derived[op].eval(...args)];
      const error = Math.max(0, Math.abs(got - expected) - absolute) / ulp(expected);
      if (!(error <= worst)) { worst = error; where = args; }
    });
    t.true(worst <= ulps, `${worst} ulp at ${where.join(', ')}`);
  });
}
for (const [whose, by] of Object.entries(sets)) test(`limits, ${whose}: what overflows is infinite, what is undefined is NaN`, t => {
  const at = (op: DerivedOp, x: number): number => by[op](singleBy(by), x);
  t.is(at('exp', 200), Infinity);
  t.is(at('exp', -200), 0);
  t.true(Number.isNaN(at('log', -1)));
  t.is(at('softplus', -200), 0);
  t.is(at('softplus', 1e6), 1e6);
  for (const x of [1e6, 1e30, Infinity]) { t.is(at('tanh', x), 1); t.is(at('tanh', -x), -1); t.is(at('sigmoid', x), 1); t.true(at('sigmoid', -x) < 1e-38); }
  for (const op of ['exp', 'tanh', 'sigmoid', 'softplus', 'log'] as const) t.true(Number.isNaN(at(op, NaN)), op);
});
test('a tangent is never beyond 1', t => {
  const single = singleBy(shared);
  for (const x of span(6, 12, 100_001)) t.true(shared.tanh(single, x) <= 1 && shared.tanh(single, -x) >= -1);
});
