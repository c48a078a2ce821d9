import test from 'ava';
import { readFileSync } from 'node:fs';
import { verifyGrammar } from '../../grammar/parser.ts';
import { allWords, verifyTokens } from '../../grammar/tokens.ts';
import { level } from '../../compiler/1-syntax/precedence.ts';
import { parse } from '../../compiler/1-syntax/parse.ts';
import { printProgram } from '../../compiler/1-syntax/print.ts';

const read = (file: string): string => readFileSync(new URL(`../../grammar/${file}`, import.meta.url), 'utf8');
const reference = read('reference.md');
const examples = [...reference.matchAll(/^```bnn\n([^]*?)^```$/gm)].map(match => match[1] ?? '');

// what Chevrotain would look for each time it is started
test('the grammar is unambiguous, and every word can be read', t => {
  t.notThrows(verifyTokens);
  t.notThrows(verifyGrammar);
});

test('the reference has examples', t => { t.true(examples.length >= 7); });

for (const example of examples) {
  test(`the reference's example is in the language, and set out as the formatter does: ${example.split('\n').find(line => /^(?:model|layer)/.test(line)) ?? ''}`, t => {
    t.is(printProgram(parse(example, 'reference.md')), example);
  });
}

test('the reference names every word of the language', t => {
  t.deepEqual(allWords.filter(word => !reference.slice(reference.indexOf('## Reserved words')).includes(`\`${word}\``)), []);
});

test('the reference has a row for each rung of precedence', t => {
  const rows = reference.slice(reference.indexOf('### Precedence')).match(/^\| \d+ \|/gm) ?? [];
  t.is(rows.length, Object.keys(level).length - 1); // an atom has no sign
});

test('the editor grammar knows every word, and its patterns are regular expressions', t => {
  const grammar = read('bnn.tmLanguage.json');
  const patterns = [...grammar.matchAll(/"match": ("(?:[^"\\]|\\.)*")/g)].map(match => new RegExp(String(JSON.parse(match[1] ?? '""')), 'm'));
  t.true(patterns.length > 10);
  t.deepEqual(allWords.filter(word => !new RegExp(`[(|:]${word}[)|]`).test(grammar)), []);
});

test('the markers of the generated parts stand in pairs', t => {
  const markers = [...reference.matchAll(/<!-- (generated:\w+|end) -->/g)].map(match => match[1]);
  t.deepEqual(markers, ['generated:functions', 'end', 'generated:layers', 'end', 'generated:families', 'end', 'generated:diagnostics', 'end']);
});
