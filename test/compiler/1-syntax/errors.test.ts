/**
 * Every syntax error as its author sees it: the source above, the text below. Imagine a wall of small mishaps.
 */
import test from 'ava';
import { CompileError } from '../../../compiler/diagnostics.ts';
import { syntaxCodes } from '../../../compiler/1-syntax/codes.ts';
import { parse } from '../../../compiler/1-syntax/parse.ts';
import { showDiagnostic } from '../../../compiler/show-diagnostic.ts';
import { cases } from './error-cases.ts';

function told(source: string): string {
  try {
    parse(source, 'a.bnn');
    return 'no error';
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics.map(d => showDiagnostic(d, new Map([['a.bnn', source]]), { color: false })).join('\n');
  }
}

for (const { name, source, expected } of cases) test(name, t => { t.is(told(source), expected); });

test('every code has a case', t => {
  const shown = cases.map(c => c.expected).join('\n');
  const large = ['S006', 'S007']; // tested below: their sources are long
  t.deepEqual(Object.keys(syntaxCodes).filter(code => !shown.includes(`error ${code}:`)), large);
});

const codesOf = (source: string): readonly string[] => [...told(source).matchAll(/error (S\d+):/g)].map(match => match[1] ?? '');

test('S006: brackets nest 256 levels, counting the body\'s own', t => {
  for (const [open, inner, close] of [['(', 'x', ')'], ['f(', 'x', ')'], ['x[', '0', ']'], ['zeros[', '3', ']'], ['scan a over b axis 0 with h = c { yield ', 'a', '}']] as const) {
    const nested = (levels: number): string => `model A { x = ${open.repeat(levels)}${inner}${close.repeat(levels)} }`;
    t.deepEqual(codesOf(nested(255)), [], open);
    t.deepEqual(codesOf(nested(256)), ['S006'], open);
    t.deepEqual(codesOf(nested(20_000)), ['S006'], open);
  }
});

test('S006: chains are as deep as they are long', t => {
  for (const [first, again] of [['a', ' + a'], ['a', ' ** a'], ['a', '.T'], ['a', ' |> f'], ['a', ' if b else c'], ['', '-'], ['', 'not ']] as const) {
    const chain = (n: number): string => `model A { x = ${first}${again.repeat(n)}${first === '' ? 'a' : ''} }`;
    t.deepEqual(codesOf(chain(250)), [], again);
    t.deepEqual(codesOf(chain(20_000)), ['S006'], again);
  }
});

test('S006: the message', t => {
  t.is(told(`model A { x = ${'('.repeat(300)}` ).split('\n').filter((_, i) => i !== 1 && i !== 2).join('\n'), [
    'a.bnn:1:270: error S006: this `(` nests deeper than 256 levels',
    '  help: give a part of it a name of its own',
  ].join('\n'));
});

test('S007: after a hundred errors it is enough', t => {
  const codes = codesOf(';'.repeat(1000));
  t.is(codes.length, 101);
  t.is(codes.at(-1), 'S007');
  t.true(told('model A {\n' + 'x = = 3\n'.repeat(1000)).includes('error S007: there are more errors after this one; they are not listed'));
});

test('a megabyte of garbage is answered, quickly and only with diagnostics', t => {
  const alphabet = 'abc (){}[],.:=~|>+-*/"\n0123456789§$%&\u0000\ud800';
  let state = 12345;
  const next = (): number => { state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff; return state >> 8; };
  const garbage = Array.from({ length: 1_000_000 }, () => alphabet[next() % alphabet.length]).join('');
  const bad = ['"', '/*', '/ ', '}', '§', '1e', '()', ';', 'state x '];
  for (const source of [garbage, `model A {${garbage}`, ...bad.map(text => text.repeat(Math.floor(200_000 / text.length)))]) {
    const begun = performance.now();
    t.not(told(source), 'no error');
    t.true(performance.now() - begun < 20_000);
  }
});
