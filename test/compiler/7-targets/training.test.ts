/**
 * Ten steps of Adam on a small Bayesian net, on every target: parameters, moments and loss stay with those of the graph
 * computed in double precision. Noise, contractions, gradients, the KL divergence and the update, all at once.
 */
import test from 'ava';
import type { Builder } from '../../../compiler/3-graph/build.ts';
import { mean } from '../../../compiler/3-graph/compose.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import type { NodeId, Plain } from '../../../compiler/3-graph/graph.ts';
import { differentiate } from '../../../compiler/4-diff/differentiate.ts';
import { optimize } from '../../../compiler/4-diff/optimize.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { gpujs } from '../../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../../compiler/7-targets/target.ts';
import { webgpu } from '../../../compiler/7-targets/wgsl/index.ts';
import type { Backend } from '../../../runtime/backend.ts';
import { open as openGpujs } from '../../../runtime/gpujs.ts';
import type { PlanManifest } from '../../../runtime/manifest.ts';
import { open as openWebgpu } from '../../../runtime/webgpu.ts';
import { difference, given, graphOf, variable } from '../../support/graphs.ts';
import { planOf } from '../../support/plan.ts';
import { softwareDevice, webgpuTest } from '../../support/webgpu.ts';

type B = Builder<Plain>;

/** A weight drawn once a sample, w = mu + softplus(rho) · eps, and KL(q || N(0, 1)) of it. */
function weight(b: B, path: string, shape: readonly number[], site: number): { readonly w: NodeId; readonly kl: NodeId } {
  const [mu, rho] = [variable(b, `${path}.mu`, shape), variable(b, `${path}.rho`, shape)];
  const sd = b.map('softplus', rho);
  const eps = b.add({ kind: 'noise', family: 'normal', path, site, shape: ['samples', ...shape], type: 'f32' });
  const each = (n: NodeId): NodeId => b.broadcast(n, ['samples', ...shape], shape.map((_, d) => d + 1));
  const squares = b.map('add', b.map('square', mu), b.map('square', sd));
  const terms = b.map('sub', b.map('mul', b.fill(0.5, shape), b.map('sub', squares, b.fill(1, shape))), b.map('log', sd));
  return { w: b.map('add', each(mu), b.map('mul', each(sd), eps)), kl: b.reduce('add', terms, shape.map((_, d) => d)) };
}

const objective = graphOf(b => {
  const [x, y] = [b.add({ kind: 'input', name: 'input:x', shape: ['rows', 4], type: 'f32' }), b.add({ kind: 'input', name: 'target:y', shape: ['rows', 1], type: 'f32' })];
  const [first, offset, second] = [weight(b, 'linear1.w', [9, 4], 11), weight(b, 'linear1.b', [9], 12), weight(b, 'linear2.w', [1, 9], 13)];
  const hidden = b.map('tanh', b.map('add', b.einsum([x, first.w], [[0, 1], [2, 3, 1]], [2, 0, 3]), b.broadcast(offset.w, ['samples', 'rows', 9], [0, 2])));
  const p = b.einsum([hidden, second.w], [[0, 1, 2], [0, 3, 2]], [0, 1, 3]);
  const likelihood = mean(b, b.map('square', b.map('sub', p, b.broadcast(y, ['samples', 'rows', 1], [1, 2]))), [0, 1, 2]);
  const complexity = b.map('add', b.map('add', first.kl, offset.kl), second.kl);
  return { loss: b.map('add', likelihood, b.map('mul', b.scalar('klWeight'), complexity)), likelihood, complexity };
});
const variables = ['linear1.w', 'linear1.b', 'linear2.w'].flatMap(w => [`${w}.mu`, `${w}.rho`]);
const step = optimize(differentiate(objective, 'loss', variables), 'adam', variables);

const [rows, samples] = [6, 3];
const start = given(step, { rows, samples });
const state = Object.fromEntries(Object.entries(start.arrays).map(([name, data]) => [name, /\/[mv]$/.test(name) ? new Float32Array(data.length) : Float32Array.from(data)]));
/** Scalars of step `count`: the noise's counter, and Adam's corrections. */
const scalarsAt = (count: number): Readonly<Record<string, number>> => ({
  ...start.scalars, klWeight: 0.02, learningRate: 0.01, beta1: 0.9, rate1: 0.1, beta2: 0.999, rate2: 0.001, correction1: 1 / (1 - 0.9 ** (count + 1)), correction2: 1 / (1 - 0.999 ** (count + 1)),
});

/** Everything after ten steps, in double precision. */
function train(): { readonly state: Readonly<Record<string, ArrayLike<number>>>; readonly losses: readonly number[] } {
  const losses: number[] = [];
  let now: Readonly<Record<string, ArrayLike<number>>> = state;
  for (let count = 0; count < 10; count++) {
    const outputs = evaluate(step, { ...start, arrays: now, scalars: scalarsAt(count), stream: { seed: 42, purpose: 2, count } });
    losses.push(outputs.get('loss')?.[0] ?? NaN);
    now = { ...now, ...Object.fromEntries([...outputs].filter(([o]) => o.startsWith('update:')).map(([o, data]) => [o.slice(7), data])) };
  }
  return { state: now, losses };
}

const ways: readonly { readonly name: string; readonly target: Target; readonly run: typeof test | typeof webgpuTest; readonly open: (texts: readonly string[], plan: PlanManifest) => Promise<Backend> }[] = [
  { name: 'WGSL', target: webgpu, run: webgpuTest, open: async (texts, plan) => openWebgpu(texts, plan, { device: await softwareDevice() }) },
  ...['cpu', 'webasm'].map(mode => ({ name: `gpu.js, ${mode}`, target: gpujs, run: test, open: (texts: readonly string[], plan: PlanManifest) => openGpujs(texts, plan, { mode }) })),
];
for (const { name, target, run, open } of ways) {
  run(`ten steps of Adam: ${name}`, async t => {
    const expected = train();
    const plan = schedule([{ name: 'train', graph: step }], target.capabilities);
    const model = await open(target.print(plan) as readonly string[], planOf(plan, target)); // both targets print texts
    model.reserve(rows, samples);
    for (const [buffer, data] of Object.entries(state)) model.write(buffer, data);
    const loss = plan.programs[0]?.results['loss'] ?? '';
    const losses: number[] = [];
    for (let count = 0; count < 10; count++) {
      model.run('train', { ...scalarsAt(count), rows, samples, rowBase: 0, sampleBase: 0, seedLo: 42, seedHi: 0, purpose: 2, countLo: count, countHi: 0 });
      losses.push((await model.read(loss, 1))[0] ?? NaN);
    }
    t.true(difference(expected.losses, losses) < 1e-4, `losses ${losses.join(' ')}, not ${expected.losses.join(' ')}`);
    for (const v of variables.flatMap(path => [path, `${path}/m`, `${path}/v`])) {
      const error = difference(expected.state[v] ?? [], await model.read(v, expected.state[v]?.length ?? 0));
      t.true(error < 1e-4, `${v} is off by ${error}`);
    }
    model.dispose();
  });
}

test('a kernel that updates its own state names what it reads of it: no text is long', t => {
  const plan = schedule([{ name: 'train', graph: step }], webgpu.capabilities);
  for (const text of webgpu.print(plan)) t.true(String(text).length < 20_000);
});
