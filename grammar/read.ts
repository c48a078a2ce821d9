/**
 * From text to concrete tree. Imagine the brackets of the text matched first; a group of brackets that opens at every
 * 32nd level is folded into one token and read by itself afterwards, so that the parser's stack stays shallow however
 * deep (up to 256 levels) the text nests.
 */
import type { CstNode, ILexingError, IRecognitionException, IToken } from 'chevrotain';
import { InternalError } from '../compiler/diagnostics.ts';
import type { ProgramCstNode } from './cst.ts';
import { TooManyErrors, type GroupRule } from './parser-base.ts';
import { theParser } from './parser.ts';
import { bracketsOf, lexer, type Brackets } from './tokens.ts';

/** Deeper nesting is an error: every later stage may recurse over a tree of this depth. */
export const maximumDepth = 256;
const foldEvery = 32;
/** Open brackets without an end can't be folded; this many are reported instead of read. */
const maximumOpen = 24;

/** A text, read. `tree` is absent where the brackets alone say that it can't be read. */
export interface Reading {
  readonly tokens: readonly IToken[];
  readonly comments: readonly IToken[];
  /** Signs of other languages that were skipped (those that were read as ours are among `tokens`). */
  readonly mistakes: readonly IToken[];
  readonly tree?: ProgramCstNode;
  /** The trees of folded groups. */
  readonly unfolded: ReadonlyMap<IToken, CstNode>;
  readonly lexerErrors: readonly ILexingError[];
  readonly parserErrors: readonly IRecognitionException[];
  readonly tooManyErrors: boolean;
  readonly brackets: BracketMatch;
  /** The first bracket that nests too deep. */
  readonly tooDeep?: IToken;
}

/** Which bracket belongs to which, by position in the token row. */
export interface BracketMatch {
  /** Opening to closing position. */
  readonly closedAt: ReadonlyMap<number, number>;
  /** Positions of opening brackets that nothing closes. */
  readonly unclosed: readonly number[];
  /** Positions of closing brackets that nothing opens. */
  readonly unopened: readonly number[];
  /** Position of the first bracket deeper than `maximumDepth`. */
  readonly tooDeep?: number;
}

/** Reads a whole file; errors of the author's are data, none is thrown. */
export function read(source: string): Reading {
  const { tokens, groups, errors } = lexer.tokenize(source);
  const brackets = matchBrackets(tokens);
  const tooDeep = brackets.tooDeep === undefined ? undefined : tokens[brackets.tooDeep];
  const found = {
    tokens, comments: groups['comments'] ?? [], mistakes: groups['mistakes'] ?? [], lexerErrors: errors, brackets,
    ...(tooDeep ? { tooDeep } : {}),
  };
  if (tooDeep || brackets.unclosed.length > maximumOpen) return { ...found, unfolded: new Map(), parserErrors: [], tooManyErrors: false };
  return { ...found, ...parseFolded(tokens, brackets) };
}

function parseFolded(tokens: readonly IToken[], { closedAt }: BracketMatch): Pick<Reading, 'tree' | 'unfolded' | 'parserErrors' | 'tooManyErrors'> {
  const parser = theParser();
  const { row, groups } = fold(tokens, closedAt);
  const unfolded = new Map<IToken, CstNode>();
  const parserErrors: IRecognitionException[] = [];
  const run = (rule: 'program' | GroupRule, input: readonly IToken[]): CstNode => {
    const node = parser.read(rule, input);
    parserErrors.push(...parser.errors);
    waiting.push(...parser.folded);
    return node;
  };
  const waiting: { readonly rule: GroupRule; readonly token: IToken }[] = [];
  try {
    // The rule `program` gives a node of this type, or none after an error it could not recover from.
    const tree = run('program', row) as ProgramCstNode | undefined;
    for (let next = waiting.pop(); next; next = waiting.pop()) unfolded.set(next.token, run(next.rule, groups.get(next.token) ?? []));
    return { ...(tree ? { tree } : {}), unfolded, parserErrors, tooManyErrors: false };
  } catch (error) {
    if (!(error instanceof TooManyErrors)) throw error;
    return { unfolded, parserErrors: [...parserErrors, ...parser.errors], tooManyErrors: true };
  }
}

/** The row with each group at depths 32, 64, … replaced by one token, and the rows of those groups, folded likewise. */
function fold(tokens: readonly IToken[], closedAt: BracketMatch['closedAt']): { row: readonly IToken[]; groups: ReadonlyMap<IToken, readonly IToken[]> } {
  const groups = new Map<IToken, readonly IToken[]>();
  const rows: IToken[][] = [[]];
  const ends: number[] = [];
  for (const [position, token] of tokens.entries()) {
    const end = closedAt.get(position);
    if (end !== undefined) {
      ends.push(end);
      if (ends.length % foldEvery === 0) rows.push([]);
    }
    rows.at(-1)?.push(token);
    if (ends.at(-1) !== position) continue;
    if (ends.length % foldEvery === 0) {
      const row = rows.pop() ?? [];
      const group = folded(row);
      groups.set(group, row);
      rows.at(-1)?.push(group);
    }
    ends.pop();
  }
  return { row: rows[0] ?? [], groups };
}

function folded(row: readonly IToken[]): IToken {
  const [open] = row;
  const close = row.at(-1);
  const type = open && bracketsOf.get(open.tokenType)?.folded;
  if (!type || !close) throw new InternalError('syntax', 'a folded group without brackets');
  return { ...open, tokenType: type, tokenTypeIdx: type.tokenTypeIdx ?? 0, endOffset: close.endOffset ?? close.startOffset };
}

function matchBrackets(tokens: readonly IToken[]): BracketMatch {
  const closedAt = new Map<number, number>();
  const unclosed: number[] = [];
  const unopened: number[] = [];
  const stack: { readonly position: number; readonly kind: Brackets }[] = [];
  for (const [position, { tokenType }] of tokens.entries()) {
    const kind = bracketsOf.get(tokenType);
    if (!kind) continue;
    if (tokenType === kind.open) {
      stack.push({ position, kind });
      if (stack.length > maximumDepth) return { closedAt, unclosed, unopened, tooDeep: position };
      continue;
    }
    // A closing bracket closes the nearest open one of its kind, but `)` and `]` don't reach out of a block.
    let at = stack.length - 1;
    while (at >= 0 && stack[at]?.kind !== kind && (kind.close.name === 'RightBrace' || stack[at]?.kind.close.name !== 'RightBrace')) at--;
    const opened = stack[at];
    if (opened?.kind !== kind) { unopened.push(position); continue; }
    unclosed.push(...stack.slice(at + 1).map(open => open.position));
    stack.length = at;
    closedAt.set(opened.position, position);
  }
  return { closedAt, unclosed: [...unclosed, ...stack.map(open => open.position)].sort((a, b) => a - b), unopened };
}
