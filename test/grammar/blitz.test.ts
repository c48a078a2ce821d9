/** Every model of the page on BLiTZ compiles, takes a step and predicts: what a reader copies from it works. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { parse } from '../../compiler/1-syntax/parse.ts';
import { printProgram } from '../../compiler/1-syntax/print.ts';
import { numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';

const page = readFileSync(new URL('../../grammar/blitz.md', import.meta.url), 'utf8');
for (const [, text = ''] of page.matchAll(/```bnn\n([^]*?)```/g)) {
  const { models } = checkText(text, { file: 'blitz.md' });
  for (const m of models) {
    test(m.name, async t => {
      t.is(printProgram(parse(text, 'blitz.md')), text, 'set out as the formatter does');
      const model = await moduleOf(text).create({ seed: 3 });
      const rows = 4;
      const data = Object.fromEntries([...m.inputs, ...m.targets].map(p => {
        const count = p.shape.reduce<number>((n, d) => n * (d === 'batch' ? rows : d), 1);
        return [p.name, p.type === 'class' ? Uint32Array.from({ length: count }, (_, i) => (i * 7) % (p.classes ?? 2)) : Float32Array.from(numbers(count))];
      }));
      const first = await model.step(data, { klWeight: 0.01, samples: 2 });
      t.true(Number.isFinite(first.loss) && first.complexity > 0);
      const [prediction] = Object.values(await model.predict(data, { samples: 3, seed: 1 }));
      t.true(prediction !== undefined && [...prediction.draws.data].every(Number.isFinite));
      model.dispose();
    });
  }
}
