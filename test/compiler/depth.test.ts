/** Long chains of operations, each of which uses the one before it twice: neither the stack nor a text that writes them out may overflow. */
import test from 'ava';
import { targetNames } from '../../compiler/7-targets/targets.ts';
import { compile } from '../../compiler/compile.ts';
import { moduleOf } from '../support/modules.ts';

const chain = (n: number): string => `model M {
  input x: [batch, 2]
  target y: [batch, 2]
  h0 = x
${Array.from({ length: n }, (_, i) => `  h${i + 1} = tanh(h${i}) * 0.125 + h${i}`).join('\n')}
  param w: [2] = 1.0
  p = h${n} * w + (h${n} |> linear(2)) * 0
  output p
  loss mse(p, y)
}`;
for (const name of targetNames) test(`seven hundred operations compile for ${name}`, async t => {
  const { files } = await compile(chain(700), { file: 'm.bnn', targets: [name] });
  t.true(files.every(f => f.text.length < 2e6), files.map(f => f.text.length).join());
});
test('seven hundred operations give what they say', async t => {
  const m = await moduleOf(chain(700)).create({ seed: 1 });
  const given = [0.001, -0.002, 0.1, 0];
  const { data } = (await m.predict({ x: Float32Array.from(given) }, { samples: 1 }))['p']?.mean ?? { data: [] };
  given.forEach((x, i) => { let h = x; for (let k = 0; k < 700; k++) h += Math.tanh(h) / 8; t.true(Math.abs((data[i] ?? NaN) - h) < 1e-4 * Math.max(1, Math.abs(h)), `${String(data[i])} for ${h}`); });
});
