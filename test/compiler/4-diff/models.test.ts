/** The gradients of whole models, every layer and estimator among them, against central finite differences of their own loss with the noise held fast. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { given } from '../../support/graphs.ts';
import { models } from '../../support/models.ts';

for (const [name, text] of Object.entries(models)) {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error(name);
  const { programs } = programsOf(model);
  for (const suffix of ['', '_shared']) {
    const gradients = programs.find(p => p.name === `gradients${suffix}`)?.graph;
    const elbo = programs.find(p => p.name === `elbo${suffix}`)?.graph;
    if (!gradients || !elbo) continue;
    test(`${name}${suffix}`, t => {
      const start = given(gradients, { rows: 3, samples: 2 });
      const exact = evaluate(gradients, start);
      for (const [output, gradient] of exact) {
        if (!output.startsWith('gradient:')) continue;
        const path = output.slice('gradient:'.length);
        const at = Float64Array.from(start.arrays[path] ?? []);
        const scale = Math.max(1e-3, ...gradient.map(Math.abs));
        const step = Math.max(1, Math.floor(gradient.length / 5));
        for (let i = 0; i < at.length; i += step) {
          const h = 1e-5;
          const loss = (x: number): number => evaluate(elbo, { ...start, arrays: { ...start.arrays, [path]: at.with(i, x) } }).get('loss')?.[0] ?? NaN;
          const numeric = (loss((at[i] ?? 0) + h) - loss((at[i] ?? 0) - h)) / (2 * h);
          t.true(Math.abs(numeric - (gradient[i] ?? NaN)) < 1e-5 * scale, `${path}[${i}]: ${gradient[i]} and by differences ${numeric}`);
        }
      }
    });
  }
}
