/**
 * Every estimator has the same expectation as one draw for the whole batch. Imagine the same seeds with both: the mean of the
 * differences is zero within its standard error, and would not be if one of them were off by a hundredth of the loss.
 */
import test from 'ava';
import { CompileError } from '../../compiler/diagnostics.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { checkText } from '../../compiler/compile.ts';
import { train } from '../../examples/boston/data.ts';
import { differenceOf, differs, estimateOf, gradientDifference, gradientSpread, images, lossesOf, nets, rhoOf, table } from '../../examples/estimators/compare.ts';
import { moduleOf } from '../support/modules.ts';

const draws = { calls: 40, samples: 2000 };

for (const [name, text, data, calls] of [
  ['flipout through a convolution, relu and max pooling, sigma 0.13', nets.pooled('flipout', -2), images(6), 40],
  ['flipout through a convolution, relu and max pooling, sigma 0.31', nets.pooled('flipout', -1), images(6), 80],
  ['flipout through two dense layers', nets.dense('flipout', -2), table(8), 40],
  ['local through two dense layers', nets.dense('local', -2), table(8), 40],
] as const) {
  test(`${name}: the loss of one draw for the batch; a bias of 1 % would show`, async t => {
    const model = await moduleOf(text).create({ seed: 3 });
    const losses = await lossesOf(model, data, { ...draws, calls });
    const difference = differenceOf(losses);
    const loss = estimateOf(losses.shared).mean;
    t.true(losses.own.some((x, i) => x !== losses.shared[i]), 'they are not the same draws');
    t.false(differs(difference), `${difference.mean} ± ${difference.error} of ${loss}`);
    for (const bias of [0.01, -0.01]) t.true(differs(differenceOf({ ...losses, own: losses.own.map(x => x + bias * loss) })), `${difference.mean} ± ${difference.error} of ${loss}`);
    t.log(`loss ${loss.toFixed(4)}, difference ${(100 * difference.mean / loss).toFixed(3)} ± ${(100 * difference.error / loss).toFixed(3)} %`);
    const { worst, typical } = await gradientDifference(model, data, { calls: 60, samples: 60 });
    t.true(worst < 5 && typical < 1.5, `gradients: the worst of all elements is ${worst} standard errors off, and typical is ${typical}`);
    t.log(`gradients: worst ${worst.toFixed(2)}, typical ${typical.toFixed(2)} standard errors`);
    model.dispose();
  });
}

for (const [estimator, most] of [['flipout', 0.25], ['local', 0.15]] as const) {
  test(`the gradient of the likelihood scatters less with ${estimator}: at most ${most} times as much, 13-512-1 on Boston, sigma 0.05, batch 64`, async t => {
    const model = await moduleOf(nets.boston(estimator, rhoOf(0.05))).create({ seed: 3 });
    const data = { x: train.x.slice(0, 64), y: train.y.slice(0, 64) };
    const [own, shared] = [await gradientSpread(model, data, 500), await gradientSpread(model, data, 500, 'shared')];
    t.true(own.mu < most * shared.mu, `mu: ${own.mu / shared.mu}`);
    t.true(own.rho < most * shared.rho, `rho: ${own.rho / shared.rho}`);
    model.dispose();
  });
}

/** Whether a body with an estimator has the expected loss of one draw for the batch. */
async function difference(estimator: string, body: string): Promise<{ readonly isBiased: boolean; readonly text: string }> {
  const model = await moduleOf(nets.around(estimator, -0.5, body)).create({ seed: 3 });
  const losses = await lossesOf(model, table(8, 4), draws);
  model.dispose();
  const d = differenceOf(losses);
  const loss = estimateOf(losses.shared).mean;
  return { isBiased: differs(d), text: `${(100 * d.mean / loss).toFixed(2)} ± ${(100 * d.error / loss).toFixed(2)} % of ${loss.toFixed(3)}` };
}

const exact = {
  'a sequence, whose positions share the draw': ['flipout', 'p = reshape(x, (batch, 2, 2)) |> linear(3) |> relu |> mean(axis: 1) |> linear(1)'],
  'a convolution in groups': ['flipout', 'p = reshape(x, (batch, 2, 2)) |> conv1d(2, kernel: 2, padding: 1, groups: 2) |> relu |> flatten |> linear(1)'],
  'a convolution of several channels': ['flipout', 'p = reshape(x, (batch, 2, 2)) |> conv1d(3, kernel: 2, padding: 1) |> tanh |> conv1d(2, kernel: 2) |> relu |> flatten |> linear(1)'],
  'windows that are made one axis with their channels': ['flipout', 'weight w: [3, 4] taps = reshape(x, (batch, 2, 2)) |> window(2, padding: 1, axis: 2) |> transpose((0, 2, 1, 3)) p = einsum("bpk,ok->bpo", reshape(taps, (batch, 3, 4)), w) |> relu |> flatten |> linear(1)'],
  'a weight that two axes of one example meet': ['local', 'weight w: [4, 4] p = reshape(einsum("bi,ij,bj->b", x, w, x), (batch, 1)) |> relu |> linear(1)'],
  'a bias that all units share': ['local', 'weight b: [1] p = relu((x |> linear(4, bias: false)) + b) |> linear(1)'],
} as const;
for (const [name, [estimator, body]] of Object.entries(exact)) {
  test(`${estimator} is exact for ${name}`, async t => {
    const { isBiased, text } = await difference(estimator, body);
    t.false(isBiased, text);
    t.log(text);
  });
}

/** What an example meets twice must be perturbed the same way both times: signs of each use's own make two weights of one. */
const twice = {
  'a layer used again, whose outputs are compared': 'd = (x |> linear(3) as enc) - (0.9 * x |> linear(3) as enc again) p = square(d) |> linear(1)',
  'a layer used again behind itself': 'p = x |> linear(4) as enc |> tanh |> linear(4) as enc again |> linear(1)',
  'a weight and its transpose': 'weight w: [3, 4] p = tanh(x @ w.T) @ w |> linear(1)',
  'a weight under windows, and without them': 'weight w: [2, 2] h = reshape(x, (batch, 2, 2)) z = einsum("bcpu,cu->bp", window(h, 2, padding: 1, axis: 2), w) p = (tanh(z) |> linear(1)) + reshape(einsum("bcu,cu->b", h, w), (batch, 1))',
  'a weight that is also used without the batch': 'weight w: [1, 4] p = (x @ w.T) * sum(w)',
} as const;
for (const [name, body] of Object.entries(twice)) {
  test(`flipout is exact for ${name}`, async t => {
    const { isBiased, text } = await difference('flipout', body);
    t.log(text);
    t.false(isBiased, text);
  });
}

test('flipout signs the channels of a convolution and what it gives, not its taps, and before the windows', t => {
  const model = checkText(nets.around('flipout', -1, 'p = reshape(x, (batch, 2, 2)) |> conv1d(3, kernel: 2) |> relu |> flatten |> linear(1, bias: false)'), { file: 'm.bnn' }).models[0];
  const graph = model && programsOf(model).programs.find(p => p.name === 'elbo')?.graph;
  if (!graph) return t.fail('no program');
  const signs = graph.nodes.flatMap(n => (n.kind === 'noise' && n.path.includes(' signs ') ? [`${n.path} [${n.shape.join(', ')}]`] : []));
  t.deepEqual(signs.sort(), ['conv1d1.b signs 0 [samples, rows, 3]', 'conv1d1.w signs 0 [samples, rows, 3]', 'conv1d1.w signs 1 [samples, rows, 2]', 'linear1.w signs 1 [samples, rows, 3]']);
  const windows = graph.nodes.flatMap(n => (n.kind === 'view' && n.view.kind === 'skew' ? [graph.nodes[n.arg]] : []));
  const signed = windows.filter(n => n?.kind === 'view' && n.view.kind === 'broadcast' && graph.nodes[n.arg]?.kind === 'map');
  t.is(signed.length, 1, 'of the two windows, for the mean and for the deviation');
});

for (const estimator of ['flipout', 'local']) {
  test(`where examples meet, in a mean over the batch, ${estimator} gives another loss: there each example sees other draws than its own`, async t => {
    const { isBiased, text } = await difference(estimator, 'h = x + 1 |> linear(3) p = (h - mean(h, axis: 0)) |> relu |> linear(1)');
    t.true(isBiased, text);
    t.log(text);
  });
}

test('local(approximate) on a convolution whose positions are averaged is biased, which is why local is refused there', async t => {
  const model = await moduleOf(nets.pooled('local(approximate)', -0.5, 'average_pool2d(6)')).create({ seed: 3 });
  const losses = await lossesOf(model, images(6), draws);
  const difference = differenceOf(losses);
  const loss = estimateOf(losses.shared).mean;
  t.true(differs(difference));
  t.true(difference.mean < 0, 'drawn apart, the positions average their noise away');
  t.log(`loss ${loss.toFixed(4)}, bias ${(100 * difference.mean / loss).toFixed(2)} ± ${(100 * difference.error / loss).toFixed(2)} %`);
  const refused = t.throws(() => checkText(nets.pooled('local', -0.5, 'average_pool2d(6)'), { file: 'm.bnn' }), { instanceOf: CompileError });
  t.regex(refused?.message ?? '', /B034.*it meets several positions of one example/);
  model.dispose();
});

test('a seed gives the same first parameters whatever the estimator', async t => {
  const first = async (estimator: string): Promise<unknown> => { const model = await moduleOf(nets.dense(estimator, -2)).create({ seed: 1 }); const p = await model.parameters(); model.dispose(); return p; };
  const shared = await first('shared');
  for (const estimator of ['flipout', 'local']) t.deepEqual(await first(estimator), shared, estimator);
});
