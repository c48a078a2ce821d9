/** Numbers that are not a layer's: the weights of batches, posteriors from trained means, and divergences. */
import test from 'ava';
import { evaluate } from '../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { checkText } from '../../compiler/compile.ts';
import { blundell } from '../../runtime/fit.ts';
import { given } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';
import { at, close, flat, read, records, trained } from './numbers.ts';

const softplus = (x: number): number => Math.log1p(Math.exp(x));

test('c10: the weights of M batches halve, sum to one, and do not overflow', t => {
  const c = read('c10_minibatch_weight');
  for (const [m, weights] of Object.entries(records(c, 'weights')[0] ?? {})) t.true(close(flat(weights), flat(weights).map((_, i) => blundell(i + 1, Number(m))), 1e-15), m);
  const [hundred, many] = [records(c, 'M100')[0], records(c, 'M2000')[0]];
  t.true(close([...at(hundred, 'first'), ...at(hundred, 'second')], [blundell(1, 100), blundell(2, 100)], 1e-15));
  t.true(close(at(hundred, 'last'), [blundell(100, 100)], 1e-14));
  t.deepEqual([blundell(1, 2000), blundell(2000, 2000)], [...at(many, 'first'), ...at(many, 'last')]);
});

test('c11: moped sets the spread to delta times the mean, which counts as 1e-4 at least', async t => {
  const c = read('c11_moped');
  const means = at(c, 'mu');
  const model = await moduleOf('model M { input x: [batch, 11] weight w: [11] y = x * w output y }').create({ seed: 1 });
  await model.setParameters({ 'w.mu': means });
  for (const result of records(c, 'results')) {
    const [delta = NaN] = at(result, 'delta');
    await model.moped(delta);
    const parameters = await model.parameters();
    const rho = [...parameters['w.rho']?.data ?? []];
    const isAbove = (i: number): boolean => Math.abs(means[i] ?? 0) > 1e-4;
    const wanted = at(result, 'sigma_wanted').map((s, i) => (isAbove(i) ? s : delta * 1e-4));
    wanted.forEach((s, i) => { t.true(close([s], [softplus(rho[i] ?? NaN)], 2e-6), `delta ${delta}, mean ${means[i] ?? NaN}`); });
    const theirs = at(result, 'bayesian_torch_rho').filter((_, i) => isAbove(i));
    t.true(close(theirs, rho.filter((_, i) => isAbove(i)), 1e-6), `delta ${delta}`);
    t.deepEqual(parameters['w.mu']?.data, Float32Array.from(means));
  }
  model.dispose();
});
test('c11: after moped the divergence from a normal around the anchor is that of the spreads', async t => {
  const model = await moduleOf('model M { prior normal(mean: anchor, sd: 1) input x: [batch, 1] weight w: [1] y = x * w output y }').create({ seed: 1 });
  const want = at(read('c11_moped'), 'kl_after_moped');
  for (const [i, mean] of [0.5, 0.1, 1].entries()) {
    await model.setParameters({ 'w.mu': [mean] });
    await model.moped(0.1);
    t.true(close([want[i] ?? NaN], [await model.klDivergence()], 1e-5), `mean ${mean}`);
  }
  model.dispose();
});

/** Weights of one mean and spread, enough of them that their sum is an average; `settings` is their prior. */
const repeated = (count: number, settings: string): string => `model M { ${settings} weight w: [${count}] input x: [batch, 1] loss sum(x * sum(w)) }`;

for (const [k, c] of records(read('c21_other_kls'), 'results').entries()) {
  const [mu = NaN, sigma = NaN] = [...at(c, 'mu'), ...at(c, 'sigma')];
  const rho = Math.log(Math.expm1(sigma));
  const name = `N(${mu}, ${sigma}²)`;

  test(`c21: ${name} from a Laplace and a normal prior, exactly`, t => {
    for (const [prior, key] of [['laplace(0, 0.5)', 'laplace_b0.5_closed'], ['normal(0, 1)', 'normal01_closed']] as const)
      t.true(close(at(c, key), trained(repeated(1, `prior ${prior}`), { arrays: { 'w.mu': [mu], 'w.rho': [rho], 'input:x': [0] }, rows: 1 }).get('complexity')), prior);
  });

  for (const [prior, key] of [['student_t(3, 0, 1)', 'student_t_nu3_scale1_numeric'], ['scale_mixture(0.5, 1, 0.1)', 'scale_mixture_.5_1_.1_numeric'], ['laplace(0, 0.5) kl sampled', 'laplace_b0.5_closed']] as const) {
    test(`c21: ${name} from ${prior}, as the mean of many draws`, t => {
      const [count, runs] = [2500, 20];
      const model = checkText(repeated(count, `prior ${prior}`), { file: 'm.bnn' }).models[0];
      const graph = model && programsOf(model).programs.find(p => p.name === 'divergence')?.graph;
      if (!graph) return t.fail();
      const arrays = { 'w.mu': new Float64Array(count).fill(mu), 'w.rho': new Float64Array(count).fill(rho) };
      const means = Array.from({ length: runs }, (_, seed) => (evaluate(graph, given(graph, { arrays, rows: 1, samples: 1, stream: { seed, purpose: 2, count: k } })).get('complexity')?.[0] ?? NaN) / count);
      const mean = means.reduce((a, b) => a + b) / runs;
      const error = Math.sqrt(means.reduce((s, x) => s + (x - mean) ** 2, 0) / (runs * (runs - 1)));
      const want = at(c, key)[0] ?? NaN;
      t.true(error < 0.01, `a standard error of ${error}`);
      t.true(Math.abs(mean - want) < 4 * error + 1e-9, `${mean} ± ${error} and ${want}`);
    });
  }
}
