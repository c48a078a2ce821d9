/** Right models with one word changed compile, or answer with errors that lie in the file; nothing else ever happens. */
import test from 'ava';
import { CompileError, InternalError } from '../../../compiler/diagnostics.ts';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { models } from '../../support/models.ts';

/** Whole numbers below n from a seed (a linear congruential generator: Numerical Recipes, section 7.1). */
function dice(seed: number): (n: number) => number {
  let s = seed;
  return n => { s = (Math.imul(s, 1664525) + 1013904223) >>> 0; return Math.floor((s / 2 ** 32) * n); };
}
const words = ['batch', 'x', '3', '0', '-1', '(', ')', '[', ']', '{', '}', ',', ':', '|>', '@', '=', 'linear', 'relu', 'if', 'none', 'true', 'weight', 'loss', 'output', '~', 'normal', 'as', 'again', '1e9', 'T', '.', 'scan', 'softmax'];

for (const [name, text] of Object.entries(models)) {
  test(name, t => {
    const tokens = text.match(/\w+|\|>|\S|\s+/g) ?? [];
    const roll = dice(name.length * 7919);
    let compiled = 0;
    for (let k = 0; k < 120; k++) {
      const at = roll(tokens.length);
      const changed = [...tokens];
      const how = roll(3);
      changed.splice(at, how === 1 ? 0 : 1, ...(how === 0 ? [] : how === 1 ? [tokens[at] ?? '', ' '] : [` ${words[roll(words.length)] ?? ''} `]));
      const mutant = changed.join('');
      try {
        for (const m of checkText(mutant, { file: 'm.bnn' }).models) if (m.variables.every(v => v.shape.every(e => e < 1000))) programsOf(m);
        compiled++;
      } catch (e) {
        if (!(e instanceof CompileError)) { t.fail(`${e instanceof InternalError ? e.message : String(e)}\n${mutant}`); continue; }
        const odd = e.diagnostics.find(d => d.span.file === 'm.bnn' && (d.span.start < 0 || d.span.end > mutant.length || d.span.start > d.span.end));
        t.is(odd, undefined, mutant);
      }
    }
    t.true(compiled > 0);
  });
}
