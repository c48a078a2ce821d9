/**
 * Comments and empty lines, which the grammar does not see. Imagine the blanks between two words of the text: what lies
 * in them is found again here, `///` lines as the documentation of what follows, the rest for the formatter.
 */
import type { IToken } from 'chevrotain';
import type { Comment, Doc } from './ast.ts';
import { rangeOf } from './build-context.ts';

export interface Trivia {
  /** The `///` lines right before the word at this offset, if any; the caller owns them from then on. */
  readonly takeDoc: (offset: number) => Doc | undefined;
  /** All comments that nobody took as documentation, in the order of the text. */
  readonly comments: () => readonly Comment[];
  /** Where a word or a comment begins after an empty line. */
  readonly blankBefore: readonly number[];
}

export function collectTrivia(file: string, source: string, tokens: readonly IToken[], comments: readonly IToken[]): Trivia {
  const all = [...tokens, ...comments].sort((a, b) => a.startOffset - b.startOffset);
  const notes = new Set(comments);
  const docs = new Map<number, readonly IToken[]>();
  const blankBefore: number[] = [];
  const ownLine = new Set<IToken>();
  let before = 0;
  let lines: IToken[] = [];
  for (const token of all) {
    const { start, end } = rangeOf(token);
    const breaks = source.slice(before, start).match(/\r\n|\n|\r/g)?.length ?? 0;
    if (breaks > 1) blankBefore.push(start);
    if (notes.has(token)) {
      if (breaks > 0 || before === 0) ownLine.add(token);
      if (ownLine.has(token) && isDoc(token.image)) lines.push(token);
    } else {
      if (lines.length > 0) docs.set(start, lines);
      lines = [];
    }
    before = end;
  }
  const taken = new Set<IToken>();
  return {
    blankBefore,
    takeDoc(offset) {
      const found = docs.get(offset);
      const [first] = found ?? [];
      const last = found?.at(-1);
      if (!found || !first || !last || taken.has(first)) return undefined;
      for (const line of found) taken.add(line);
      return { text: found.map(line => docLine(line.image)).join('\n'), span: { file, start: first.startOffset, end: rangeOf(last).end } };
    },
    comments: () => comments.filter(token => !taken.has(token)).map(token => ({
      text: isDoc(token.image) ? `//${token.image.slice(3).trimEnd()}` : token.image.trimEnd(),
      span: { file, start: token.startOffset, end: rangeOf(token).end }, ownLine: ownLine.has(token),
    })),
  };
}

/** Three slashes, not four: `////////` is a line drawn across the page. */
const isDoc = (text: string): boolean => text.startsWith('///') && !text.startsWith('////');
const docLine = (text: string): string => text.slice(3).replace(/^ /, '').trimEnd();
