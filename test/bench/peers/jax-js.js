/**
 * The objective in jax-js on its WebAssembly backend: the whole step (draws, gradients, Adam) is one jitted function, predictions
 * another. Dense models only. Arrays are counted there: a call uses its arguments up, and `.ref` keeps one for later.
 */
import { load, locate, missing, packageVersion, serve, task } from './peer.js';

if (task.kind !== 'dense') missing('only the dense models are written for it');
locate('@jax-js/jax');
const { blockUntilReady, defaultDevice, init, jit, nn, numpy: np, random, tree, valueAndGrad } = load('@jax-js/jax');
await init('wasm');
defaultDevice('wasm');

const { sizes, samples, predictSamples, prior, rows, learningRate } = task;
const array = (data, shape) => np.array(Float32Array.from(data)).reshape(shape);
let seed = 0;
const normal = (shape, mean) => random.normal(random.key(seed++), shape).mul(0.1).add(mean);
const classes = task.loss === 'categorical';
const x = array(task.x, [task.batch, sizes[0]]);
const y = classes ? nn.oneHot(np.array(Int32Array.from(task.y)), sizes.at(-1)) : array(task.y, [task.batch, 1]);
const start = () => sizes.slice(1).flatMap((out, i) => [[sizes[i], out], [out]].map(shape => ({ mu: normal(shape, 0), rho: normal(shape, task.rho) })));

/** Outputs of one draw. Uses up `sigma`; `p` is kept. */
function forward(p, sigma, key, x) {
  const keys = random.split(key, p.length);
  const drawn = p.map((w, i) => w.mu.ref.add(sigma[i].mul(random.normal(keys.ref.slice(i), w.mu.shape))));
  keys.dispose();
  let h = x;
  for (let i = 0; i < drawn.length; i += 2) {
    h = np.matmul(h, drawn[i]).add(drawn[i + 1]);
    if (i + 2 < drawn.length) h = nn.relu(h);
  }
  return h;
}
/** Mean of the likelihood over the samples, and the divergence over the rows. */
function objective(p, key, x, y) {
  const sigma = p.map(w => nn.softplus(w.rho.ref));
  const keys = random.split(key, samples);
  let total = np.array(0);
  for (let s = 0; s < samples; s++) {
    const out = forward(p, sigma.map(a => a.ref), keys.ref.slice(s), x.ref);
    const likelihood = classes ? nn.logSoftmax(out).mul(y.ref).sum().mul(-1 / task.batch) : np.square(out.sub(y.ref)).mean();
    total = total.add(likelihood.mul(1 / samples));
  }
  for (const [i, w] of p.entries()) {
    const size = w.mu.shape.reduce((n, d) => n * d, 1);
    total = total.add(np.square(sigma[i].ref).add(np.square(w.mu)).mul(0.5 / prior ** 2).sub(np.log(sigma[i].mul(1 / prior))).sum().sub(size / 2).mul(1 / rows));
    w.rho.dispose();
  }
  keys.dispose(); x.dispose(); y.dispose();
  return total;
}
const adam = jit((p, m, v, rate, root, key, x, y) => {
  const [loss, g] = valueAndGrad(objective)(tree.ref(p), key, x, y);
  const each = (f, ...trees) => trees[0].map((_, i) => Object.fromEntries(['mu', 'rho'].map(k => [k, f(...trees.map(t => t[i][k]))])));
  const m2 = each((a, b) => a.mul(0.9).add(b.mul(0.1)), m, tree.ref(g));
  const v2 = each((a, b) => a.mul(0.999).add(np.square(b).mul(0.001)), v, g);
  const p2 = each((a, b, c) => a.sub(b.mul(rate.ref).div(np.sqrt(c).mul(root.ref).add(1e-8))), p, tree.ref(m2), tree.ref(v2));
  rate.dispose(); root.dispose();
  return [loss, p2, m2, v2];
});
const predictive = jit((p, key, x) => {
  const sigma = p.map(w => nn.softplus(w.rho.ref));
  const keys = random.split(key, predictSamples);
  const draws = np.stack(Array.from({ length: predictSamples }, (_, s) => {
    const out = forward(p, sigma.map(a => a.ref), keys.ref.slice(s), x.ref);
    return classes ? nn.softmax(out) : out;
  }));
  keys.dispose(); x.dispose(); sigma.forEach(a => a.dispose());
  tree.dispose(p);
  return [np.mean(draws.ref, 0), np.std(draws, 0)];
});

let p = start();
let [m, v] = [p, p].map(like => like.map(w => ({ mu: np.zerosLike(w.mu.ref), rho: np.zerosLike(w.rho.ref) })));
let turn = 0;
async function step() {
  turn++;
  const [c1, c2] = [1 - 0.9 ** turn, 1 - 0.999 ** turn];
  let loss;
  [loss, p, m, v] = adam(p, m, v, np.array(learningRate / c1), np.array(Math.sqrt(1 / c2)), random.key(seed++), x.ref, y.ref);
  await blockUntilReady([p, m, v]);
  return (await loss.data())[0];
}
async function predict() {
  const [mean, std] = predictive(tree.ref(p), random.key(seed++), x.ref);
  await Promise.all([mean.data(), std.data()]);
}
await serve({ version: packageVersion('@jax-js/jax'), loss: await step() }, { step, predict });
