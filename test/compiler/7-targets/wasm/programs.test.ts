/** Every program of the models in WebAssembly, in memory shared as planned, against its graph in double precision. */
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { evaluate } from '../../../../compiler/3-graph/evaluate.ts';
import { programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { printWasm, wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { writeBuckets } from '../../../../runtime/bucket.ts';
import { open } from '../../../../runtime/wasm.ts';
import { difference, given } from '../../../support/graphs.ts';
import { models } from '../../../support/models.ts';
import { planOf } from '../../../support/plan.ts';

for (const [name, text] of Object.entries(models)) {
  test(name, async t => {
    const model = checkText(text, { file: 'm.bnn' }).models[0];
    if (!model) throw new Error(name);
    const { programs } = programsOf(model);
    const cut = schedule(programs, wasm.capabilities);
    const plan = planOf(cut);
    const backend = await open(Buffer.from(printWasm(cut)).toString('base64'), plan, {});
    for (const [rows, samples] of [[3, 2], [9, 1]] as const) {
      backend.reserve(rows, samples);
      for (const p of programs) {
        const exact = given(p.graph, { rows, samples });
        const arrays = Object.fromEntries(Object.entries(exact.arrays).map(([buffer, data]) => [buffer, Float32Array.from(data)]));
        for (const [buffer, data] of Object.entries(arrays)) {
          if (plan.buffers.some(b => b.name === buffer)) backend.write(buffer, data);
          writeBuckets(plan, buffer, data, (to, sorted) => { backend.write(to, sorted); });
        }
        backend.run(p.name, { ...exact.scalars, rows, samples, rowBase: 0, sampleBase: 0, seedLo: exact.stream.seed, seedHi: 0, countLo: exact.stream.count, countHi: 0, purpose: exact.stream.purpose });
        for (const [output, expected] of evaluate(p.graph, { ...exact, arrays })) {
          const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs[p.name]?.results[output] ?? '';
          const error = difference(expected, await backend.read(buffer, expected.length));
          t.true(error < 1e-4, `${p.name} ${output}: ${error} for ${rows} rows`);
        }
      }
    }
    backend.dispose();
  });
}
