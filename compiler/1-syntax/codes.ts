/**
 * What can be wrong with a text before anything in it is looked up: code and one line for the reference. The sentence
 * the author reads is made where the error is found.
 */
export const syntaxCodes = {
  S001: 'A character that means nothing in the language.',
  S002: 'A text in quotes that does not end on its line.',
  S003: 'Digits that are not a number: `.5`, `1__0`, `0x1f`, `2x`.',
  S004: 'A `;`. Line ends mean nothing; statements need no sign between them.',
  S005: 'A spelling from another language: `True`, `&&`, `^`, `#`.',
  S006: 'Nested deeper than 256 levels.',
  S007: 'More syntax errors than are worth reading on.',
  S010: 'Something else was expected here.',
  S011: 'A bracket that nothing closes.',
  S012: 'A closing bracket that nothing opens.',
  S013: 'A word at the start of a statement or item that is nearly a word of the language.',
  S014: '`=` where `:` belongs, or `:` where `=` belongs.',
  S015: 'A statement that starts with `(`, `[` or `-`, or with a bare expression.',
  S020: 'A word of the language used as a name.',
  S022: 'A sign right after a piped use: `x |> f + y` has two readings.',
  S023: 'Chained comparisons: `a < b < c`.',
  S024: '`not` right of a sign that binds tighter.',
  S025: 'Right of `|>` stands something that is no use of a function or layer.',
  S026: '`kl` with another word than `sampled` or `exact`.',
  S027: 'A type that is not `int`, `ints`, `float`, `bool` or a shape.',
  S028: 'Settings or `as` on a bare name that is not piped into.',
  S029: 'The axis of a scan is not a whole number.',
  S031: '`return` in a model, a scan or a repeat.',
  S032: 'A layer without `return`.',
  S033: 'Statements after `return`.',
  S034: 'Statements after `yield`.',
  S035: 'A scan without `yield`.',
  S036: '`yield` outside a scan.',
  S037: 'An expression that the language doesn\'t have: `x ? a : b`, a list, an empty `()`.',
} as const satisfies Readonly<Record<`S0${number}`, string>>;

export type SyntaxCode = keyof typeof syntaxCodes;
