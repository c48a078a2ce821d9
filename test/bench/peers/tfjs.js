/**
 * The objective in TensorFlow.js on its WebAssembly backend, as its documentation writes it: variables, `optimizer.minimize`, `tf.tidy`.
 * Dense models only: the backend has no gradient of a convolution's filter, and no loop to differentiate.
 */
import { dirname, sep } from 'node:path';
import { load, locate, missing, packageVersion, serve, task } from './peer.js';

if (task.kind !== 'dense') missing(task.kind === 'lenet' ? "its wasm backend has no gradient of a convolution's filter" : 'it has no scan');
locate('@tensorflow/tfjs');
const wasm = locate('@tensorflow/tfjs-backend-wasm');
const tf = load('@tensorflow/tfjs');
load('@tensorflow/tfjs-backend-wasm').setWasmPaths(`${dirname(wasm)}${sep}`);
await tf.setBackend('wasm');

const layers = task.sizes.slice(1).map((out, i) => [[task.sizes[i], out], [out]].map(shape => ({ mu: tf.variable(tf.randomNormal(shape, 0, 0.1)), rho: tf.variable(tf.randomNormal(shape, task.rho, 0.1)) })));
const weights = layers.flat();
const x = tf.tensor2d(task.x, [task.batch, task.sizes[0]]);
const classes = task.loss === 'categorical';
const y = classes ? tf.oneHot(tf.tensor1d(task.y, 'int32'), task.sizes.at(-1)) : tf.tensor2d(task.y, [task.batch, 1]);

const sigma = w => tf.softplus(w.rho);
const draw = (w, s) => tf.add(w.mu, tf.mul(s, tf.randomNormal(w.mu.shape)));
const forward = sigmas => layers.reduce((h, [w, b], i) => {
  const z = tf.add(tf.matMul(h, draw(w, sigmas[2 * i])), draw(b, sigmas[2 * i + 1]));
  return i + 1 < layers.length ? tf.relu(z) : z;
}, x);
/** KL(N(mu, sigma) | N(0, prior)), summed. */
const divergence = (w, s) => tf.sum(tf.sub(tf.div(tf.add(tf.square(s), tf.square(w.mu)), 2 * task.prior ** 2), tf.log(tf.div(s, task.prior)))).sub(w.mu.size / 2);
const likelihood = out => (classes ? tf.losses.softmaxCrossEntropy(y, out) : tf.losses.meanSquaredError(y, out));
function objective() {
  const sigmas = weights.map(sigma); // once for all samples
  const parts = Array.from({ length: task.samples }, () => likelihood(forward(sigmas)));
  return tf.add(tf.div(tf.addN(parts), task.samples), tf.mul(tf.addN(weights.map((w, i) => divergence(w, sigmas[i]))), 1 / task.rows));
}
const optimizer = tf.train.adam(task.learningRate);
async function step() {
  const loss = tf.tidy(() => optimizer.minimize(objective, true));
  const [value] = await loss.data();
  loss.dispose();
  return value;
}
async function predict() {
  const [mean, std] = tf.tidy(() => {
    const sigmas = weights.map(sigma);
    const draws = tf.stack(Array.from({ length: task.predictSamples }, () => (classes ? tf.softmax(forward(sigmas)) : forward(sigmas))));
    const { mean, variance } = tf.moments(draws, 0);
    return [mean, tf.sqrt(variance)];
  });
  await Promise.all([mean.data(), std.data()]);
  tf.dispose([mean, std]);
}
await serve({ version: packageVersion('@tensorflow/tfjs'), loss: await step() }, { step, predict });
