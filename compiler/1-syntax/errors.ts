/**
 * What went wrong while reading, told to the author. Imagine the complaints of the lexer, the bracket matcher and the
 * parser sorted by place, and those dropped that only follow from another.
 */
import type { IRecognitionException, IToken } from 'chevrotain';
import { maximumDepth, type Reading } from '../../grammar/read.ts';
import type { Expectation } from '../../grammar/parser-base.ts';
import { bracketsOf, itemWords, mistakeOf, Name, statementWords } from '../../grammar/tokens.ts';
import { InternalError, type Diagnostic } from '../diagnostics.ts';
import { rangeOf } from './build-context.ts';
import { explainExpectation, type Surprise } from './errors-expected.ts';
import { quoted } from './quote.ts';

/** More are not told: the first ones are worth mending first. */
const maximumTold = 100;

/** A complaint before it has a file. */
export type Complaint = Omit<Diagnostic, 'severity' | 'notes' | 'span'> & {
  readonly start: number; readonly end: number; readonly notes?: readonly { readonly message: string; readonly start: number; readonly end: number }[];
};

/** All errors that reading found, in the order of the text. */
export function explainErrors(reading: Reading, source: string, file: string): readonly Diagnostic[] {
  const words = firstOf([...characterErrors(reading, source), ...spellingErrors(reading)]);
  const { brackets, surprises } = splitOffBrackets(reading, surprisesOf(reading, source));
  const badLines = new Set(words.map(({ start }) => lineAt(source, start)));
  const parser = surprises.filter(({ start }) => !badLines.has(lineAt(source, start))).map(explainExpectation);
  // The rest of a line may be inside the text that does not end.
  const openLines = new Set(words.filter(({ code }) => code === 'S002').map(({ start }) => lineAt(source, start)));
  const seen = brackets.filter(({ start }) => !openLines.has(lineAt(source, start)));
  const all = [...words, ...seen, ...parser, ...depthErrors(reading)].sort((a, b) => a.start - b.start);
  const told = all.slice(0, maximumTold); // `firstOf` keeps one more of each sort, so that it shows here when there are more
  const last = told.at(-1);
  const more: readonly Complaint[] = last && (all.length > told.length || reading.tooManyErrors)
    ? [{ code: 'S007', message: 'there are more errors after this one; they are not listed', start: last.start, end: last.end }] : [];
  return [...told, ...more].map(({ start, end, notes = [], ...rest }) => ({
    severity: 'error', ...rest, span: { file, start, end }, notes: notes.map(n => ({ message: n.message, span: { file, start: n.start, end: n.end } })),
  }));
}

const firstOf = <T extends { readonly start: number }>(complaints: readonly T[]): readonly T[] => complaints.toSorted((a, b) => a.start - b.start).slice(0, maximumTold + 1);

const lineAt = (source: string, offset: number): number => source.lastIndexOf('\n', offset - 1);

// ── words ────────────────────────────────────────────────────────────────────────────────────────

const oddCharacters: Readonly<Record<string, string>> = {
  '?': 'write `a if condition else b`', '&': 'write `and`', '|': 'write `|>` for a pipe, `or` for a choice', '%': 'there is no remainder; `div(a, b)` is the floor division of whole numbers',
  '"': 'close the text with `"`', '\'': 'a text stands in double quotes', '\u201c': 'write `"`', '\u201d': 'write `"`', '`': 'a text stands in double quotes', '\\': 'line ends mean nothing: remove it',
  '!': 'write `not`',
};

function characterErrors({ lexerErrors }: Reading, source: string): readonly Complaint[] {
  return lexerErrors.map(({ offset, length }) => {
    const text = source.slice(offset, offset + length);
    const suggestion = oddCharacters[text.trim()[0] ?? ''];
    return {
      code: 'S001', message: `${quoted(text.trim())} means nothing in the language`, start: offset, end: offset + Math.max(1, text.trimEnd().length),
      ...(suggestion ? { suggestion } : {}),
    };
  });
}

function spellingErrors({ tokens, mistakes }: Reading): readonly Complaint[] {
  return [...tokens, ...mistakes].flatMap(token => {
    const mistake = mistakeOf.get(token.tokenType);
    if (!mistake) return [];
    const suggestion = mistake.suggest?.(token.image);
    return [{ code: mistake.code, message: mistake.message, ...rangeOf(token), ...(suggestion ? { suggestion } : {}) }];
  });
}

function depthErrors({ tooDeep }: Reading): readonly Complaint[] {
  return tooDeep ? [{
    code: 'S006', message: `this ${quoted(tooDeep.image)} nests deeper than ${maximumDepth} levels`, ...rangeOf(tooDeep), suggestion: 'give a part of it a name of its own',
  }] : [];
}

// ── brackets ─────────────────────────────────────────────────────────────────────────────────────

/** Brackets without partner, each with where the parser noticed; the surprises that are left. */
function splitOffBrackets({ tokens, brackets, tooDeep }: Reading, surprises: readonly Surprise[]): { readonly brackets: readonly Complaint[]; readonly surprises: readonly Surprise[] } {
  if (tooDeep) return { brackets: [], surprises: [] };
  const explained = new Set<Surprise>();
  const unclosed = brackets.unclosed.slice(0, maximumTold + 1).flatMap((position): readonly Complaint[] => {
    const open = tokens[position];
    const close = open && bracketsOf.get(open.tokenType)?.close;
    if (!open || !close) return [];
    const noticed = surprises.find(s => !explained.has(s) && s.expected.has(close.name) && (s.token === undefined || s.index > position));
    for (const s of surprises) if (s === noticed || (s.token === undefined && s.index > position)) explained.add(s);
    return [{
      code: 'S011', message: `nothing closes this ${quoted(open.image)}`, ...rangeOf(open), suggestion: `write \`${String(close.PATTERN)}\` ${noticed?.token ? `before ${quoted(noticed.token.image)}` : 'at its end'}`,
      ...(noticed?.token ? { notes: [{ message: 'missed here', start: noticed.start, end: noticed.end }] } : {}),
    }];
  });
  const unopened = brackets.unopened.slice(0, maximumTold + 1).flatMap((position): readonly Complaint[] => {
    const close = tokens[position];
    if (!close) return [];
    for (const s of surprises) if (s.index >= position && s.token?.tokenType === close.tokenType) explained.add(s);
    return [{ code: 'S012', message: `nothing opens this ${quoted(close.image)}`, ...rangeOf(close), suggestion: `remove it, or open it before` }];
  });
  return { brackets: [...unclosed, ...unopened], surprises: surprises.filter(s => !explained.has(s)) };
}

// ── the parser ───────────────────────────────────────────────────────────────────────────────────

/** The parser's errors, but of those that follow from one another only the first. */
function surprisesOf({ tokens, parserErrors, brackets }: Reading, source: string): readonly Surprise[] {
  const positions = new Map(tokens.map((token, index) => [token.startOffset, index] as const));
  const all = parserErrors.map(error => surpriseOf(error, tokens, positions, source)).sort((a, b) => a.index - b.index);
  const starts = all.length > 0 ? startsOf(tokens, source) : [];
  const kept: Surprise[] = [];
  let next = 0;
  for (const surprise of all) {
    const before = kept.at(-1);
    if (before) {
      while ((starts[next]?.index ?? Infinity) <= before.index) next++;
      const start = starts[next];
      const fresh = start !== undefined && (start.byName ? start.index < surprise.index : start.index <= surprise.index);
      const leftOver = surprise.name === 'NotAllInputParsedException' && brackets.unopened.length === 0;
      if (leftOver || !fresh) continue;
    }
    kept.push(surprise);
  }
  return kept;
}

function surpriseOf(error: IRecognitionException, tokens: readonly IToken[], positions: ReadonlyMap<number, number>, source: string): Surprise {
  const { rule, expected } = expectationOf(error);
  const index = positions.get(error.token.startOffset) ?? tokens.length;
  const token = tokens[index];
  const range = token ? rangeOf(token) : { start: source.trimEnd().length, end: source.trimEnd().length };
  return { name: error.name, rule, expected: new Set(expected), tokens, index, ...(token ? { token } : {}), ...range };
}

/** The parser's messages are data, as its provider of messages made them. */
function expectationOf(error: IRecognitionException): Expectation {
  const e: unknown = JSON.parse(error.message);
  if (typeof e !== 'object' || e === null || !('rule' in e) || !('expected' in e) || !Array.isArray(e.expected)) throw new InternalError('syntax', error.message);
  return { rule: String(e.rule), expected: e.expected.map(String) };
}

const starters = new Set([...statementWords, ...itemWords].map(t => t.name));

/** Where something begins that can be judged by itself, whatever went wrong before: a statement or item on a line of its own. */
function startsOf(tokens: readonly IToken[], source: string): readonly { readonly index: number; readonly byName: boolean }[] {
  return tokens.flatMap((token, index): readonly { readonly index: number; readonly byName: boolean }[] => {
    const previous = tokens[index - 1];
    if (!previous || !/[\n\r]/.test(source.slice(rangeOf(previous).end, token.startOffset))) return [];
    if (starters.has(token.tokenType.name)) return [{ index, byName: false }];
    const next = tokens[index + 1]?.tokenType.name;
    return token.tokenType.CATEGORIES?.includes(Name) && (next === 'Equals' || next === 'Comma') ? [{ index, byName: true }] : [];
  });
}
