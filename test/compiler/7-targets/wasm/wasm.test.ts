/** The WebAssembly target against plain arithmetic and against the interpreter: every operation, every form of a kernel, every graph of the zoo. */
import test from 'ava';
import { evaluate } from '../../../../compiler/3-graph/evaluate.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { closeTo } from '../../../support/close.ts';
import { difference, given } from '../../../support/graphs.ts';
import { scheduleOf } from '../../../support/plan.ts';
import { loops, zoo } from '../../../support/zoo.ts';
import { cases } from '../cases.ts';
import { opCases } from '../op-cases.ts';
import { load } from './run.ts';

for (const { name, kernels, fields, steps, inputs, scalars = {}, expected } of cases) {
  test(name, async t => {
    const plan = scheduleOf(kernels, fields, steps);
    const machine = await load(plan, { rows: scalars['rows'] ?? 1, samples: scalars['samples'] ?? 1 });
    for (const [buffer, data] of Object.entries(inputs)) machine.data(buffer).set(data);
    machine.run('all', scalars);
    closeTo(t, Object.fromEntries(Object.entries(expected).map(([b, v]) => [b, [...machine.data(b).slice(0, v.length)]])), expected, 1e-6, 10);
  });
}

for (const { op, kernel, inputs, expected } of opCases) {
  test(`op ${op} is within 4e-7 of its meaning, four at a time and one at a time`, async t => {
    for (const lanes of [true, false]) {
      // with a fold of one turn around it, the position is no lane
      const plan = scheduleOf([lanes ? kernel : { ...kernel, axes: [], body: [{ kind: 'map', axis: { name: 'i', extent: 0 }, body: [] }, ...kernel.axes.map(axis => ({ kind: 'fold' as const, axis, carries: [], body: kernel.body }))] }]);
      const machine = await load(plan, { rows: 1, samples: 1 });
      for (const [buffer, data] of Object.entries(inputs)) machine.data(buffer).set(data);
      machine.run('all', {});
      closeTo(t, Object.fromEntries(Object.keys(expected).map(b => [b, [...machine.data(b)]])), expected, tolerances[op] ?? 4e-7, 1e-30);
    }
  });
}
/** Where an expansion loses more: small differences of near numbers, and powers of large ones. */
const tolerances: Readonly<Record<string, number>> = { pow: 1e-5 };

for (const { name, graph } of [...zoo, ...loops]) {
  test(`${name}, as the graph says`, async t => {
    for (const [rows, samples] of [[3, 2], [5, 1], [8, 3], [17, 2]] as const) {
      const plan = schedule([{ name: 'run', graph }], wasm.capabilities);
      const g = { ...given(graph, { rows, samples }), rowBase: 2, sampleBase: 1 };
      const machine = await load(plan, g, true);
      for (const b of plan.buffers) { const data = g.arrays[b.name]; if (data) machine.data(b.name).set(data); }
      const { seed, count, purpose } = g.stream;
      machine.run('run', { ...g.scalars, rows, samples, rowBase: 2, sampleBase: 1, seedLo: seed, seedHi: 0, countLo: count, countHi: 0, purpose });
      for (const [output, expected] of evaluate(graph, g)) {
        const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs[0]?.results[output] ?? '';
        // sums in single precision may cancel
        const d = difference(expected, machine.data(buffer).subarray(0, expected.length));
        t.true(d < 1e-5, `${output} of ${rows} rows and ${samples} samples: ${d}`);
      }
    }
  });
}
