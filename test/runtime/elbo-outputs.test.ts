/** `sampleElbo({ outputs: true })`: predictions of the very weights that the loss was computed with. */
import test from 'ava';
import { numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';

const Net = moduleOf(`model Net {
  input  x: [batch, 3]
  target y: [batch, 2]
  h = x |> linear(4) |> tanh
  p = h |> linear(2)
  output p
  output h
  observe y ~ normal(p, 0.5)
}`);
const x = Float32Array.from(numbers(7 * 3, 0.7)), y = Float32Array.from(numbers(7 * 2, 1.3));
const data = { x, y };

test('with a seed the outputs are those of predict with that seed', async t => {
  const m = await Net.create({ seed: 3 });
  const { outputs, ...elbo } = await m.sampleElbo(data, { klWeight: 0.2, samples: 6, seed: 17, outputs: true });
  const predicted = await m.predict({ x }, { samples: 6, seed: 17 });
  t.deepEqual(Object.keys(outputs).sort(), ['h', 'p', 'y']);
  for (const [name, of] of Object.entries(predicted)) t.deepEqual(outputs[name]?.draws, of.draws, name);
  t.deepEqual(outputs['p']?.draws.shape, [6, 7, 2]);
  t.deepEqual(elbo, await m.sampleElbo(data, { klWeight: 0.2, samples: 6, seed: 17 }));
});

test('the outputs belong to the loss', async t => {
  const m = await Net.create({ seed: 3 });
  const samples = 6;
  for (const seed of [{ seed: 17 }, {}]) {
    const { outputs, likelihood } = await m.sampleElbo(data, { klWeight: 0.2, samples, ...seed, outputs: true });
    const p = outputs['p']?.draws.data ?? new Float32Array();
    // -log N(y; p, 0.5²), summed over the outputs, averaged over rows and samples
    const expected = p.reduce((s, v, i) => s + 2 * ((y[i % y.length] ?? NaN) - v) ** 2 + Math.log(0.5) + 0.5 * Math.log(2 * Math.PI), 0) / (7 * samples);
    t.true(Math.abs(likelihood - expected) < 1e-5 * Math.abs(expected), `${likelihood}, not ${expected}`);
  }
});

test('without a seed they are those that predict would have drawn in its place, and the next call draws others', async t => {
  const [m, other] = [await Net.create({ seed: 5 }), await Net.create({ seed: 5 })];
  const { outputs } = await m.sampleElbo(data, { klWeight: 0.2, samples: 4, outputs: true });
  const predicted = await other.predict({ x }, { samples: 4 });
  t.deepEqual(outputs['p']?.draws, predicted['p']?.draws);
  const { outputs: next } = await m.sampleElbo(data, { klWeight: 0.2, samples: 4, outputs: true });
  t.notDeepEqual(next['p']?.draws, outputs['p']?.draws);
  t.deepEqual(next['p']?.draws, (await other.predict({ x }, { samples: 4 }))['p']?.draws);
});
