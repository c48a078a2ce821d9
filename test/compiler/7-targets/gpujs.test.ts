/** gpu.js against plain arithmetic, in the two of its modes that run in Node. */
import test from 'ava';
import { gpujs, printGpujs } from '../../../compiler/7-targets/gpujs.ts';
import { open } from '../../../runtime/gpujs.ts';
import { closeTo } from '../../support/close.ts';
import { planOf, runAll, scheduleOf } from '../../support/plan.ts';
import { cases } from './cases.ts';
import { opCases } from './op-cases.ts';

// gpu.js falls back from webasm to cpu with no more than a warning.
const warnings: unknown[] = [];
console.warn = (...args: unknown[]) => { warnings.push(args); };
test.after('nothing fell back to another mode', t => { t.deepEqual(warnings, []); });

for (const mode of ['cpu', 'webasm']) {
  for (const { name, kernels, fields, steps, inputs, scalars, expected } of cases.filter(c => c.one)) {
    test(`${mode}: ${name}`, async t => {
      const schedule = scheduleOf(kernels, fields, steps);
      const backend = await open(gpujs.print(schedule) as readonly string[], planOf(schedule), { mode }); // this target's are texts
      const counts = Object.fromEntries(Object.entries(expected).map(([buffer, values]) => [buffer, values.length]));
      closeTo(t, await runAll(backend, inputs, counts, scalars), expected, 1e-6, 10);
      backend.dispose();
    });
  }
}

for (const mode of ['cpu', 'webasm']) {
  for (const { op, kernel, inputs, expected } of opCases.filter(c => !c.integers)) {
    test(`${mode}: op ${op} is within 1e-5 of its meaning`, async t => {
      const schedule = scheduleOf([kernel]);
      const backend = await open(gpujs.print(schedule) as readonly string[], planOf(schedule), { mode }); // this target's are texts
      const counts = Object.fromEntries(Object.entries(expected).map(([buffer, values]) => [buffer, values.length]));
      closeTo(t, await runAll(backend, inputs, counts), expected, 1e-5, 1e-30);
      backend.dispose();
    });
  }
}

test('a kernel reads as its arithmetic', t => {
  const [dense] = cases;
  if (!dense?.kernels[0]) return t.fail();
  t.is(printGpujs(dense.kernels[0], scheduleOf(dense.kernels)), `function kernel(x_b0, w_b1, bias_b2) {
  const j = this.thread.x % 5;
  const rest1 = Math.floor(this.thread.x / 5);
  const i = rest1;
  let sum_ = bias_b2[j];
  for (let k = 0; k < 3; k++) {
    sum_ = (sum_ + (x_b0[3 * i + k] * w_b1[j + 5 * k]));
  }
  return Math.max(sum_, 0.0);
}
`);
});
