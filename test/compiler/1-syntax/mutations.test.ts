import test from 'ava';
import fc from 'fast-check';
import { lexer } from '../../../grammar/tokens.ts';
import { CompileError } from '../../../compiler/diagnostics.ts';
import { syntaxCodes } from '../../../compiler/1-syntax/codes.ts';
import { parse } from '../../../compiler/1-syntax/parse.ts';
import { printProgram } from '../../../compiler/1-syntax/print.ts';
import { showDiagnostic } from '../../../compiler/show-diagnostic.ts';
import { anyProgram } from './programs.ts';

const strange = ['', '(', ')', '[', ']', '{', '}', 'weight', 'yield', 'x', '=', ':', ',', '|>', '-', 'not', '"', '3.', '/*', 'state', 'model', 'scan', '§', 'T', 'if', 'else'];

/** A program's text with one word taken out, doubled, or replaced by another. */
const mutated = fc.tuple(anyProgram, fc.nat(), fc.constantFrom(...strange), fc.boolean()).map(([program, at, word, twice]) => {
  const text = printProgram(program);
  const { tokens } = lexer.tokenize(text);
  const token = tokens[at % Math.max(1, tokens.length)];
  if (!token) return word;
  return `${text.slice(0, token.startOffset)}${twice ? `${token.image} ${token.image}` : word} ${text.slice(token.startOffset + token.image.length)}`;
});

test('a text with one wrong word parses, or gives errors with known codes and places inside of it', t => {
  fc.assert(fc.property(mutated, source => {
    try {
      parse(source, 'a.bnn');
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      t.true(error.diagnostics.length > 0);
      for (const d of error.diagnostics) {
        t.true(Object.hasOwn(syntaxCodes, d.code));
        for (const { start, end } of [d.span, ...d.notes.flatMap(note => note.span ? [note.span] : [])]) t.true(0 <= start && start <= end && end <= source.length, source);
        t.false(showDiagnostic(d, new Map([['a.bnn', source]]), { color: false }).includes('undefined'));
      }
    }
  }), { numRuns: 500 });
});

test('any text at all is answered with a tree or with diagnostics', t => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.array(fc.constantFrom(...strange, ' ', '\n'), { maxLength: 40 }).map(words => words.join(' '))), source => {
    try {
      parse(`model A { ${source}`, 'a.bnn');
    } catch (error) {
      t.true(error instanceof CompileError, String(error));
    }
  }), { numRuns: 1000 });
  t.pass();
});
