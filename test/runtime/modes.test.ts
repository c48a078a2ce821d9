/** Training and prediction: kept states, random masks, estimators, and what `moped` sets. */
import test from 'ava';
import { difference, numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';

const x = Float32Array.from(numbers(12 * 3, 0.7)), y = Float32Array.from(numbers(12 * 2, 1.3));
const normed = 'model M { input x: [batch, 3] target y: [batch, 2] p = x |> linear(4) |> batch_norm |> linear(2) output p loss mse(p, y) }';

test('batch norm: step and fit keep running statistics, nothing else does', async t => {
  const m = await moduleOf(normed).create({ seed: 1 });
  const states = async (): Promise<readonly number[]> => Object.values(await m.states()).flatMap(s => [...s.data]);
  t.deepEqual(Object.keys(await m.states()), ['batch_norm1.running_mean', 'batch_norm1.running_variance']);
  t.deepEqual(await states(), [0, 0, 0, 0, 1, 1, 1, 1]);
  await m.sampleElbo({ x, y }, { klWeight: 0.1, samples: 2 });
  await m.gradients({ x, y }, { klWeight: 0.1, samples: 2 });
  await m.predict({ x }, { samples: 2 });
  t.deepEqual(await states(), [0, 0, 0, 0, 1, 1, 1, 1]);
  await m.step({ x, y }, { klWeight: 0.1, samples: 2 });
  t.true((await states()).every((v, i) => v !== (i < 4 ? 0 : 1)));
  t.false(Object.keys(await m.parameters()).some(k => k.includes('running')));
  m.dispose();
});
test('the running mean is a tenth of the mean over the batch and the draws after one step', async t => {
  const m = await moduleOf('model M { input x: [batch, 3] target y: [batch, 3] p = x |> batch_norm |> linear(3) output p loss mse(p, y) }').create({ seed: 1 });
  await m.step({ x, y: x }, { klWeight: 0, samples: 3 });
  const column = (c: number): readonly number[] => Array.from({ length: 12 }, (_, r) => x[3 * r + c] ?? NaN);
  const mean = [0, 1, 2].map(c => column(c).reduce((a, b) => a + b) / 12);
  const variance = [0, 1, 2].map(c => column(c).reduce((s, v) => s + (v - (mean[c] ?? 0)) ** 2, 0) / 11);
  const kept = await m.states();
  t.true(difference(kept['batch_norm1.running_mean']?.data ?? [], mean.map(v => 0.1 * v)) < 1e-5);
  t.true(difference(kept['batch_norm1.running_variance']?.data ?? [], variance.map(v => 0.9 + 0.1 * v)) < 1e-5);
  m.dispose();
});
test('prediction uses the kept statistics: one row alone gives what it gives among others', async t => {
  const m = await moduleOf(normed).create({ seed: 1 });
  await m.fit({ x, y }, { epochs: 5, batchSize: 5 });
  const all = (await m.predict({ x }, { samples: 2, seed: 4 }))['p']?.draws.data ?? [];
  const one = (await m.predict({ x: x.subarray(0, 3) }, { samples: 2, seed: 4 }))['p']?.draws.data ?? [];
  t.true(difference([one[0] ?? NaN, one[1] ?? NaN], [all[0] ?? NaN, all[1] ?? NaN]) < 1e-6);
  m.dispose();
});
test('a checkpoint has the states, and training goes on as if it had not stopped', async t => {
  const M = moduleOf(normed);
  const whole = await M.create({ seed: 3 });
  await whole.fit({ x, y }, { epochs: 6, batchSize: 5 });
  const first = await M.create({ seed: 3 });
  await first.fit({ x, y }, { epochs: 3, batchSize: 5 });
  const second = await M.load(await first.save());
  await second.fit({ x, y }, { epochs: 3, batchSize: 5 });
  t.deepEqual(await second.states(), await whole.states());
  t.deepEqual(await second.parameters(), await whole.parameters());
  [whole, first, second].forEach(m => { m.dispose(); });
});
test('dropout: random in training, nothing in prediction, random in both with `always`', async t => {
  const text = (always: boolean): string => `model M { input x: [batch, 3] target y: [batch, 3] p = x |> dropout(0.5, always: ${always}) output p loss mse(p, y) }`;
  const [plain, always] = [await moduleOf(text(false)).create({ seed: 1 }), await moduleOf(text(true)).create({ seed: 1 })];
  t.true(difference((await plain.predict({ x }, { samples: 1, seed: 2 }))['p']?.draws.data ?? [], x) < 1e-6);
  const masked = (await always.predict({ x }, { samples: 1, seed: 2 }))['p']?.draws.data ?? new Float32Array();
  const ratios = [...masked].map((v, i) => Math.round(v / (x[i] ?? 1)));
  t.deepEqual([...new Set(ratios)].sort(), [0, 2]);
  // a mask of the training: E|x m - x|² = mean x² for a rate of a half
  const { likelihood } = await plain.sampleElbo({ x, y: x }, { klWeight: 0, samples: 2000, seed: 3 });
  const square = x.reduce((s, v) => s + v * v, 0) / x.length;
  t.true(Math.abs(likelihood / square - 1) < 0.05, `${likelihood} for ${square}`);
  [plain, always].forEach(m => { m.dispose(); });
});
test('the validation of a fit is as the model predicts', async t => {
  const m = await moduleOf('model M { input x: [batch, 3] target y: [batch, 3] p = x |> dropout(0.5) output p loss mse(p, y) }').create({ seed: 1 });
  const [e] = await m.fit({ x, y: x }, { epochs: 1, validation: { x, y: x } });
  t.true((e?.likelihood ?? 0) > 0.01);
  t.true(Math.abs(e?.validation?.likelihood ?? NaN) < 1e-9);
  m.dispose();
});
test('predictions draw whole weights whatever the estimator, and drawWeights tells them', async t => {
  const m = await moduleOf('model M { posterior normal(mu: normal(0, 1), rho: -1) input x: [batch, 3] target y: [batch, 2] p = x |> linear(2, bias: false) { estimator flipout } output p loss mse(p, y) }').create({ seed: 1 });
  const w = (await m.drawWeights({ seed: 7, sample: 1 }))['linear1.w']?.data ?? new Float32Array();
  const draws = (await m.predict({ x }, { samples: 2, seed: 7 }))['p']?.draws.data ?? new Float32Array();
  const mine = Array.from({ length: 24 }, (_, i) => [0, 1, 2].reduce((s, k) => s + (x[3 * Math.floor(i / 2) + k] ?? 0) * (w[3 * (i % 2) + k] ?? 0), 0));
  t.true(difference(mine, draws.subarray(24)) < 1e-5);
  const flipped = await m.sampleElbo({ x, y }, { klWeight: 0, seed: 7 });
  const shared = await m.sampleElbo({ x, y }, { klWeight: 0, seed: 7, estimator: 'shared' });
  t.not(flipped.loss, shared.loss);
  const one = (await m.drawWeights({ seed: 7 }))['linear1.w']?.data ?? new Float32Array();
  const loss = Array.from({ length: 24 }, (_, i) => ([0, 1, 2].reduce((s, k) => s + (x[3 * Math.floor(i / 2) + k] ?? 0) * (one[3 * (i % 2) + k] ?? 0), 0) - (y[i] ?? 0)) ** 2).reduce((a, b) => a + b) / 24;
  t.true(Math.abs(loss - shared.loss) < 1e-4 * loss);
  m.dispose();
});
test('moped: sigma is a share of |mu|, the anchor becomes mu, and the model is unfrozen', async t => {
  const m = await moduleOf('model M { prior normal(mean: anchor, sd: 0.5) input x: [batch, 3] target y: [batch, 2] p = x |> linear(2) output p loss mse(p, y) }').create({ seed: 1 });
  m.freeze();
  await m.fit({ x, y }, { epochs: 3 });
  await m.moped(0.1);
  t.false(m.frozen);
  const p = await m.parameters();
  const states = await m.states();
  const mu = p['linear1.w.mu']?.data ?? new Float32Array(), rho = p['linear1.w.rho']?.data ?? new Float32Array();
  t.true(difference([...rho].map(r => Math.log1p(Math.exp(r))), [...mu].map(v => 0.1 * Math.max(Math.abs(v), 1e-4))) < 1e-5);
  t.deepEqual(states['linear1.w.anchor']?.data, mu);
  const error = await t.throwsAsync(m.moped(-1));
  t.regex(error.message, /'delta' is a number above 0, and this is -1/);
  m.dispose();
});
test('log densities: what a normal says of each row', async t => {
  const m = await moduleOf('model M { input x: [batch, 3] target y: [batch, 2] p = x |> linear(2) output p observe y ~ normal(p, 0.7) }').create({ seed: 1 });
  const density = (await m.logDensity({ x, y }, { samples: 3, seed: 5 }))['y'];
  t.deepEqual(density?.shape, [3, 12]);
  const draws = (await m.predict({ x }, { samples: 3, seed: 5 }))['p']?.draws.data ?? new Float32Array();
  const mine = Array.from({ length: 36 }, (_, i) => [0, 1].reduce((s, c) => { const r = i % 12; const z = ((y[2 * r + c] ?? 0) - (draws[2 * i + c] ?? 0)) / 0.7; return s - 0.5 * z * z - Math.log(0.7) - 0.5 * Math.log(2 * Math.PI); }, 0));
  t.true(difference(mine, density?.data ?? []) < 1e-5);
  m.dispose();
});
test('a loss of training alone leaves its target without a use in prediction, and is no error', async t => {
  const m = await moduleOf('model M { input x: [batch, 3] target y: [batch, 2] p = x |> linear(2) output p loss (mse(p, y) if training else 0) }').create({ seed: 1 });
  const plain = await moduleOf('model M { input x: [batch, 3] target y: [batch, 2] p = x |> linear(2) output p loss mse(p, y) }').create({ seed: 1 });
  t.is((await m.step({ x, y }, { klWeight: 0.1 })).loss, (await plain.step({ x, y }, { klWeight: 0.1 })).loss);
  t.deepEqual((await m.predict({ x }, { samples: 2, seed: 3 }))['p']?.draws.data, (await plain.predict({ x }, { samples: 2, seed: 3 }))['p']?.draws.data);
  m.dispose();
  plain.dispose();
});
