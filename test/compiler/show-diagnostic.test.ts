import test from 'ava';
import type { Diagnostic } from '../../compiler/diagnostics.ts';
import { positionOf, showDiagnostic } from '../../compiler/show-diagnostic.ts';

/** The place of `what` in `source`. */
const at = (source: string, what: string, file = 'a.bnn') => ({ file, start: source.indexOf(what), end: source.indexOf(what) + what.length });

function shown(source: string, what: string, extra: Partial<Diagnostic> = {}): string {
  const d: Diagnostic = { severity: 'error', code: 'B001', message: 'no good', span: at(source, what), notes: [], ...extra };
  return showDiagnostic(d, new Map([['a.bnn', source]]), { color: false });
}

test('the headline has the place, the frame has carets under the span', t => {
  t.is(shown('model A {\n  x = relux(y)\n}\n', 'relux'), [
    'a.bnn:2:7: error B001: no good',
    '  2 |   x = relux(y)',
    '    |       ^^^^^',
  ].join('\n'));
});

test('notes have places of their own, help comes last', t => {
  const source = 'first\nsecond\n';
  t.is(shown(source, 'second', { severity: 'warning', notes: [{ message: 'see here', span: at(source, 'first') }, { message: 'and think' }], suggestion: 'third' }), [
    'a.bnn:2:1: warning B001: no good',
    '  2 | second',
    '    | ^^^^^^',
    '  note: a.bnn:1:1: see here',
    '  1 | first',
    '    | ^^^^^',
    '  note: and think',
    '  help: third',
  ].join('\n'));
});

test('tabs and wide characters keep the carets in place', t => {
  t.is(shown('\tx = "漢字" bad', 'bad').split('\n').slice(1).join('\n'), [
    '  1 |     x = "漢字" bad',
    '    |                ^^^',
  ].join('\n'));
});

test('a span over lines shows its first line and counts the rest', t => {
  t.is(shown('a {\n b\n}', 'a {\n b\n}').split('\n').slice(1).join('\n'), ['  1 | a {', '    | ^^^ … and 2 more lines'].join('\n'));
});

test('an empty span at the end of the text has one caret', t => {
  t.is(shown('a {', '').split('\n')[2], '    | ^');
  t.is(showDiagnostic({ severity: 'error', code: 'B001', message: 'm', span: { file: 'a.bnn', start: 3, end: 3 }, notes: [] }, new Map([['a.bnn', 'a {']]), { color: false }),
    'a.bnn:1:4: error B001: m\n  1 | a {\n    |    ^');
});

test('a file that was not given is named, never quoted', t => {
  const span = at('secret', 'secret', '/etc/hostname');
  t.is(shown('x', 'x', { span }), '/etc/hostname: error B001: no good');
});

test('control characters of the text do not reach the terminal', t => {
  const text = shown('\u001b[31mred\u0007 \u202ex', 'x', { message: 'a\u001bb' });
  t.false(/[\u0000-\u0009\u000b-\u001f\u202e]/.test(text));
  t.true(text.includes('\\u{1b}[31mred\\u{7} \\u{202e}x'));
});

test('a very long line is cut around the place', t => {
  const lines = shown(`${'a'.repeat(5000)}bad${'c'.repeat(5000)}`, 'bad').split('\n');
  t.true(lines.every(line => line.length < 250));
  t.is(lines[1]?.indexOf('bad'), lines[2]?.indexOf('^^^'));
});

test('colors are added only when asked for', t => {
  const d: Diagnostic = { severity: 'error', code: 'B001', message: 'm', span: { file: 'a.bnn', start: 0, end: 1 }, notes: [] };
  t.true(showDiagnostic(d, new Map([['a.bnn', 'x']]), { color: true }).includes('\u001b['));
});

test('positions count lines by any line end and columns in characters', t => {
  const source = 'a\r\nb😀c\rd\ne';
  t.deepEqual(positionOf(source, 0), { line: 1, column: 1 });
  t.deepEqual(positionOf(source, source.indexOf('b')), { line: 2, column: 1 });
  t.deepEqual(positionOf(source, source.indexOf('c')), { line: 2, column: 3 });
  t.deepEqual(positionOf(source, source.indexOf('d')), { line: 3, column: 1 });
  t.deepEqual(positionOf(source, 99), { line: 4, column: 2 });
});
