/**
 * Words that a later version will read. Imagine a door with a sign: the word is known, and the sign says what to do
 * meanwhile.
 */
import type { IToken } from 'chevrotain';
import { laterWords } from '../../grammar/tokens.ts';
import { rangeOf } from './build-context.ts';
import type { Complaint } from './errors.ts';

/** By word: what it will be, and what to do until then. */
const doors: Readonly<Record<string, { readonly what: string; readonly meanwhile?: string }>> = {
  estimator: { what: 'choosing an estimator', meanwhile: 'remove it: one draw of the weights is shared by the batch' },
  state: { what: 'a tensor that is kept but not trained', meanwhile: 'use a `param` where it may train' },
  update: { what: 'the update of a state' },
  draw: { what: 'a random tensor that is no weight' },
  family: { what: 'a family of your own', meanwhile: 'use `normal`, `scale_mixture`, `categorical` or `bernoulli`' },
  import: { what: 'bringing layers in from another file', meanwhile: 'write the layers into this file' },
  repeat: { what: 'repeating statements', meanwhile: 'write the statements out, or put them into a layer and use it again' },
};

/** What may follow each word where it is meant as the word, not as a name. */
const follows = /^(?:Identifier|NumberLiteral|StringLiteral|.*Word)$/;
/** Words that follow a finished value: `state if c`, `x = state and …`. */
const joins = new Set(['IfWord', 'ElseWord', 'AndWord', 'OrWord', 'AsWord', 'WithWord', 'ByWord', 'OverWord', 'AxisWord', 'ReverseWord']);

export function laterWordErrors(tokens: readonly IToken[]): readonly Complaint[] {
  return tokens.flatMap((token, i): readonly Complaint[] => {
    if (!laterWords.includes(token.tokenType)) return [];
    const before = tokens[i - 1]?.tokenType.name;
    const after = tokens[i + 1]?.tokenType.name ?? '';
    const isLabel = after === 'Colon' && (before === 'LeftParen' || before === 'Comma' || before === 'WithWord');
    if (before === 'Dot' || isLabel) return [];
    const door = doors[token.image];
    const inValue = before === 'Equals' || before === 'Pipe' || before === 'Comma' || before === 'LeftParen' || before === 'LeftBracket';
    if (!inValue && door && follows.test(after) && !joins.has(after)) {
      return [{ code: 'S021', message: `\`${token.image}\`: ${door.what} is not there yet`, ...rangeOf(token), ...(door.meanwhile ? { suggestion: door.meanwhile } : {}) }];
    }
    return [{ code: 'S020', message: `\`${token.image}\` is kept for a later version and can't be a name`, ...rangeOf(token), suggestion: `choose another name, such as \`${token.image}_\`` }];
  });
}
