/** Draws in panels: small plans in WebAssembly, every kernel treated as a large one, against the graphs of all samples at once in double precision. */
import test from 'ava';
import { checkText } from '../../../../compiler/compile.ts';
import { evaluate } from '../../../../compiler/3-graph/evaluate.ts';
import { arranged, programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { printWasm, wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { planOf } from '../../../../compiler/8-module/manifest.ts';
import { writeBuckets } from '../../../../runtime/bucket.ts';
import { open } from '../../../../runtime/wasm.ts';
import { difference, given } from '../../../support/graphs.ts';
import { models } from '../../../support/models.ts';

// columns that fill tiles and that do not, tapes whose length is a multiple of four and that are not, rows for several tiles
const texts: Readonly<Record<string, string>> = {
  'tapes of 24, 32 and 17': 'model M { input x: [batch, 24] target y: [batch, 5] p = x |> linear(32) |> relu |> linear(17) |> tanh |> linear(5) output p loss mse(p, y) }',
  'convolutions': 'model M { input x: [batch, 2, 9, 9] target y: [batch, 3] p = x |> conv2d(8, kernel: 3) |> relu |> conv2d(6, kernel: 4) |> relu |> flatten |> linear(3) output p loss mse(p, y) }',
  'a mixture, radial weights': 'model M { prior scale_mixture(0.5, 1.0, 0.1) posterior radial input x: [batch, 20] target y: [batch, 9] p = x |> linear(16) |> relu |> linear(9) output p loss mse(p, y) }',
  ...models,
};
const [rows, samples] = [9, 2];
const ofOneDraw = new Set(['init', 'predict', 'draw', 'density', 'divergence']);

for (const [name, text] of Object.entries(texts)) {
  test.serial(name, async t => {
    const model = checkText(text, { file: 'm.bnn' }).models[0];
    if (!model) throw new Error(name);
    const cut = schedule(programsOf(model, undefined, 'small').programs, wasm.capabilities, 'small');
    const plan = planOf(cut, wasm);
    const backend = await open(Buffer.from(printWasm(cut, { memory: 0, blocks: 0, panel: 40_000 })).toString('base64'), plan, { threads: 1 });
    backend.reserve(rows, 1);
    const names = new Set(plan.buffers.map(b => b.name));
    for (const p of programsOf(model).programs.filter(x => !ofOneDraw.has(x.name))) {
      const g = given(p.graph, { rows, samples });
      const expected = evaluate(p.graph, g);
      for (const [part, { results }] of Object.entries(plan.programs).filter(([x]) => x === p.name || x.startsWith(`${p.name}/`))) {
        for (const [buffer, data] of Object.entries(g.arrays)) {
          if (names.has(buffer)) backend.write(buffer, data);
          writeBuckets(plan, buffer, data, (to, sorted) => { backend.write(to, sorted); });
        }
        backend.run(part, { ...g.scalars, share: 1 / samples, draws: samples, rows, samples: 1, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
        for (const [output, values] of expected) {
          const buffer = output.startsWith('update:') ? output.slice(7) : results[output];
          if (buffer === undefined) continue;
          const error = difference(values, await backend.read(buffer, values.length));
          t.true(error < 1e-4, `${part} ${output}: ${error}`);
        }
      }
    }
    backend.dispose();
  });
}

test('a product with a weight whose parts are used again and again is printed in time', t => {
  const model = checkText('model M { input x: [batch, 600] weight w: [600, 600] v = w repeat 40 as q { v = v * (v + 0.1) } p = x @ v output p }', { file: 'test.bnn' }).models[0];
  t.true(model !== undefined && printWasm(schedule(arranged(programsOf(model, undefined, 'small').programs, wasm.capabilities), wasm.capabilities, 'small')).length > 0);
});
