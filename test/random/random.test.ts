/**
 * Models that nobody wrote, compiled and run, beside a second program for each: outputs, likelihood, complexity and
 * gradients agree. `BNNC_RANDOM=200` tries that many; `BNNC_RANDOM_FIRST=1000` begins with that seed.
 */
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { evaluate } from '../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { manifestOf, planOf } from '../../compiler/8-module/manifest.ts';
import { defineModel } from '../../runtime/model.ts';
import { purposes } from '../../runtime/noise.ts';
import { open } from '../../runtime/wasm.ts';
import type { AnyModel } from '../support/modules.ts';
import { compute } from './model.ts';
import { dataFor, generate } from './generate.ts';

const count = Number(process.env['BNNC_RANDOM'] ?? 40), first = Number(process.env['BNNC_RANDOM_FIRST'] ?? 1);
const [rows, samples, klWeight, seed] = [5, 3, 0.3, 12];
const largest = (a: ArrayLike<number>): number => Array.from(a).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** What disagrees: values further apart than `tolerance` times the largest of the tensor. `least` is the size below which a tensor is rounding. */
function disagreement(what: string, got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, least = 0): readonly string[] {
  if (got.length !== expected.length) return [`${what} has ${got.length} values, not ${expected.length}`];
  const allowed = tolerance * Math.max(largest(expected), least);
  const i = Array.from(expected).findIndex((e, k) => !(Math.abs(e - (got[k] ?? NaN)) <= allowed));
  return i < 0 ? [] : [`${what}[${i}] is ${got[i]}, not ${expected[i]} (within ${allowed.toExponential(1)})`];
}

for (let k = first; k < first + count; k++) {
  test(`random model ${k}`, async t => {
    const described = generate(k);
    const data = dataFor(described, rows, k);
    const inputs = Object.fromEntries(described.inputs.map(p => [p.name, data[p.name] ?? []]));
    const wrong: string[] = [];
    try {
      const checked = checkText(described.text, { file: 'random.bnn', set: described.set }).models[0];
      if (!checked) throw new Error('no model');
      const { programs } = programsOf(checked);
      const cut = schedule(programs, wasm.capabilities);
      const code = wasm.print(cut);
      const model = await defineModel<AnyModel>(manifestOf(checked), { wasm: async () => ({ target: 'wasm', open, plan: planOf(cut, wasm), code: code instanceof Uint8Array ? Buffer.from(code).toString('base64') : code }) }).create({ seed: k });
      const parameters = Object.fromEntries(Object.entries(await model.parameters()).map(([p, x]) => [p, x.data]));
      const draws: Record<string, Float32Array>[] = [];
      for (let sample = 0; sample < samples; sample++) draws.push(Object.fromEntries(Object.entries(await model.drawWeights({ seed, sample })).map(([p, x]) => [p, x.data])));
      const expected = compute(described, { rows, data, parameters, draws, klWeight });

      const paths = (list: Iterable<string>): string => [...list].sort().join(' ');
      if (paths(Object.keys(parameters)) !== paths(Object.keys(expected.gradients))) wrong.push(`parameters are ${paths(Object.keys(parameters))}, not ${paths(Object.keys(expected.gradients))}`);
      const e = await model.sampleElbo(data, { klWeight, samples, seed });
      wrong.push(...disagreement('likelihood', [e.likelihood], [expected.likelihood], 1e-4, 0.01), ...disagreement('complexity', [e.complexity], [expected.complexity], 1e-4, expected.terms / 10));
      wrong.push(...disagreement('loss', [e.loss], [expected.loss], 1e-4, klWeight * expected.terms / 10));
      const predicted = await model.predict(inputs, { samples, seed });
      for (const [name, values] of Object.entries(expected.outputs)) wrong.push(...disagreement(name, predicted[name]?.draws.data ?? [], values, 1e-4, 1e-3));
      // a gradient that cancels to nothing (a bias before a softmax) is the rounding of the others
      const steepest = Object.values(expected.gradients).reduce((m, g) => Math.max(m, largest(g)), 0);
      const gradients = await model.gradients(data, { klWeight, samples, seed });
      // noise is recovered from weights in single precision, (w - mu) / softplus(rho) with a small divisor; d loss / d rho is proportional to it
      for (const [path, values] of Object.entries(expected.gradients)) wrong.push(...disagreement(`gradient of ${path}`, gradients[path]?.data ?? [], values, path.endsWith('.rho') ? 1e-3 : 1e-4, 1e-3 * steepest));

      // frozen: every weight is its mean, and there is no complexity
      model.freeze();
      const means = Object.fromEntries(described.weights.map(w => [w.path, parameters[`${w.path}.mu`] ?? []]));
      const still = compute(described, { rows, data, parameters, draws: [means], klWeight: 0 });
      const frozen = await model.sampleElbo(data, { klWeight, samples, seed });
      wrong.push(...disagreement('frozen complexity', [frozen.complexity], [0], 0), ...disagreement('frozen loss', [frozen.loss], [still.loss], 1e-4, 0.01));
      const steepestStill = Object.values(still.gradients).reduce((m, g) => Math.max(m, largest(g)), 0);
      for (const [path, x] of Object.entries(await model.gradients(data, { klWeight, samples, seed }))) wrong.push(...disagreement(`frozen gradient of ${path}`, x.data, still.gradients[path] ?? [], 1e-4, 1e-3 * steepestStill));
      model.dispose();

      if (k % 10 === 0) {
        // the objective's graph itself, in double precision: noise as the runtime's reference makes it
        const graph = programs.find(p => p.name === 'gradients')?.graph;
        if (!graph) throw new Error('no gradients');
        const arrays = { ...parameters, ...Object.fromEntries([...described.inputs.map(p => [`input:${p.name}`, data[p.name] ?? []] as const), ...described.targets.map(p => [`target:${p.name}`, data[p.name] ?? []] as const)]) };
        const found = evaluate(graph, { arrays, scalars: { klWeight, live: 1 }, rows, samples, stream: { seed, purpose: purposes.explicit, count: 0 } });
        wrong.push(...disagreement('likelihood of the graph', found.get('likelihood') ?? [], [expected.likelihood], 1e-4, 0.01), ...disagreement('complexity of the graph', found.get('complexity') ?? [], [expected.complexity], 1e-4, expected.terms / 10));
        for (const [path, values] of Object.entries(expected.gradients)) wrong.push(...disagreement(`gradient of ${path} of the graph`, found.get(`gradient:${path}`) ?? [], values, path.endsWith('.rho') ? 1e-3 : 1e-4, 1e-3 * steepest));
      }
    } catch (error) { wrong.push(error instanceof Error ? error.stack ?? error.message : String(error)); }
    if (wrong.length > 0) t.log(described.text, described.set);
    t.deepEqual(wrong, []);
  });
}
