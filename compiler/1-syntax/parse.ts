/**
 * Stage 1: from text to `Program`. Imagine four steps: the words and brackets are read, what is wrong with them is
 * translated for the author, the concrete tree is copied into the plain one, and its depth is measured.
 */
import { maximumDepth, read, type Reading } from '../../grammar/read.ts';
import { CompileError, type Diagnostic } from '../diagnostics.ts';
import type { Item, Program } from './ast.ts';
import { buildItems } from './build-program.ts';
import { collectTrivia } from './comments.ts';
import { deeperThan } from './depth.ts';
import { explainErrors } from './errors.ts';

/**
 * The program in `source`. `file` is only a name for spans. Throws `CompileError` with all errors of the text, in its
 * order; nothing else, whatever the text.
 */
export function parse(source: string, file: string): Program {
  const reading = read(source);
  const found: Diagnostic[] = [...explainErrors(reading, source, file)];
  const trivia = collectTrivia(file, source, reading.tokens, reading.comments);
  const items = readable(reading) ? buildItems({
    file, source, unfolded: reading.unfolded, takeDoc: trivia.takeDoc,
    report: d => { found.push({ severity: 'error', notes: [], ...d }); },
  }, reading.tree) : [];
  found.push(...tooDeep(items));
  if (found.length > 0) throw new CompileError(found.toSorted((a, b) => a.span.start - b.span.start));
  return { kind: 'program', file, items, comments: trivia.comments(), blankBefore: trivia.blankBefore, span: { file, start: 0, end: source.length } };
}

/** Only a tree without gaps is copied. */
function readable(reading: Reading): reading is Reading & { readonly tree: NonNullable<Reading['tree']> } {
  return reading.tree !== undefined && reading.parserErrors.length === 0 && !reading.tooManyErrors;
}

function tooDeep(items: readonly Item[]): readonly Diagnostic[] {
  const span = deeperThan(items, maximumDepth);
  return span ? [{
    severity: 'error', code: 'S006', message: `this is nested deeper than ${maximumDepth} levels, counting each sign of a chain`, span, notes: [],
    suggestion: 'give a part of it a name of its own',
  }] : [];
}
