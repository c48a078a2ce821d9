/** The zoo in WebAssembly: every specimen gives what the graph gives node by node, for several numbers of rows and samples. */
import test from 'ava';
import { evaluate } from '../../../../compiler/3-graph/evaluate.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { open } from '../../../../runtime/wasm.ts';
import { difference, given } from '../../../support/graphs.ts';
import { planOf } from '../../../support/plan.ts';
import { loops, zoo } from '../../../support/zoo.ts';

for (const { name, graph } of [...zoo, ...loops]) {
  test(name, async t => {
    const cut = schedule([{ name: 'all', graph }], wasm.capabilities);
    const plan = planOf(cut);
    const backend = await open(Buffer.from(wasm.print(cut) as Uint8Array).toString('base64'), plan, {}); // this target prints bytes
    for (const [rows, samples] of [[3, 2], [5, 1], [8, 3], [17, 2]] as const) {
      const exact = given(graph, { rows, samples });
      const arrays = Object.fromEntries(Object.entries(exact.arrays).map(([buffer, data]) => [buffer, Float32Array.from(data)]));
      backend.reserve(rows, samples);
      for (const [buffer, data] of Object.entries(arrays)) if (plan.buffers.some(b => b.name === buffer)) backend.write(buffer, data);
      backend.run('all', { ...exact.scalars, rows, samples, rowBase: 2, sampleBase: 1, seedLo: exact.stream.seed, seedHi: 0, countLo: exact.stream.count, countHi: 0, purpose: exact.stream.purpose });
      for (const [output, expected] of evaluate(graph, { ...exact, arrays, rowBase: 2, sampleBase: 1 })) {
        const buffer = output.startsWith('update:') ? output.slice(7) : plan.programs['all']?.results[output] ?? '';
        const error = difference(expected, await backend.read(buffer, expected.length));
        // single precision: one of the sums is a thousandth of what it adds up
        t.true(error < 3e-5, `${output} is off by ${error} for ${rows} rows`);
      }
    }
    backend.dispose();
  });
}
