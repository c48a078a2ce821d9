/**
 * The words of the language. Imagine the text cut into numbers, names, signs and reserved words; comments and blanks are
 * laid aside. Spellings from other languages (`&&`, `True`, `;`) are cut out as what they stand for, so that one wrong sign
 * is one error and the rest of the file is still read.
 */
import type { TokenType } from 'chevrotain';
import { createToken, Lexer } from './chevrotain.ts';

/** Any word at all, reserved or not: what may stand before `:` in an argument and after `.`. */
export const AnyWord = createToken({ name: 'AnyWord', pattern: Lexer.NA, label: 'a name' });
/** A word that may name something. */
export const Name = createToken({ name: 'Name', pattern: Lexer.NA, categories: [AnyWord], label: 'a name' });
/** The signs that join two operands, `|>` excepted. */
export const Operator = createToken({ name: 'Operator', pattern: Lexer.NA, label: 'an operator' });

const sign = (name: string, text: string, ...categories: TokenType[]): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\``, categories });

export const Identifier = createToken({ name: 'Identifier', pattern: /[A-Za-z_][A-Za-z0-9_]*/, categories: [Name], label: 'a name' });

const word = (text: string, ...categories: TokenType[]): TokenType => createToken({
  name: `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}Word`, pattern: text, longer_alt: Identifier, label: `\`${text}\``,
  categories: [categories.includes(Name) ? Name : AnyWord, ...categories.filter(c => c !== Name)],
});

// Words that begin an item or a statement.
export const Model = word('model');
export const Layer = word('layer');
export const Input = word('input');
export const Target = word('target');
export const Weight = word('weight');
export const Param = word('param');
export const Prior = word('prior');
export const Posterior = word('posterior');
export const Kl = word('kl');
export const Frozen = word('frozen');
export const Fixed = word('fixed');
export const Default = word('default');
export const Output = word('output');
export const Loss = word('loss');
export const Observe = word('observe');
export const Return = word('return');
export const Yield = word('yield');
export const Estimator = word('estimator');
export const State = word('state');
export const Update = word('update');
export const Draw = word('draw');
export const Repeat = word('repeat');
export const Family = word('family');
export const Import = word('import');

// Words inside statements and expressions.
export const Scan = word('scan');
export const With = word('with');
export const As = word('as');
export const Again = word('again');
export const By = word('by');
export const If = word('if');
export const Else = word('else');
export const And = word('and', Operator);
export const Or = word('or', Operator);
export const Not = word('not');
export const True = word('true');
export const False = word('false');
export const None = word('none');
export const Zeros = word('zeros');
export const Ones = word('ones');
export const Class = word('class');
export const Transposed = word('T');

// Words with a place of their own that may still name things: `sum(x, axis: 1)`.
export const Over = word('over', Name);
export const Axis = word('axis', Name);
export const Reverse = word('reverse', Name);

export const Arrow = sign('Arrow', '->');
export const Pipe = sign('Pipe', '|>');
export const Rest = sign('Rest', '...');
export const Power = sign('Power', '**', Operator);
export const Same = sign('Same', '==', Operator);
export const Different = sign('Different', '!=', Operator);
export const AtMost = sign('AtMost', '<=', Operator);
export const AtLeast = sign('AtLeast', '>=', Operator);
export const Less = sign('Less', '<', Operator);
export const Greater = sign('Greater', '>', Operator);
export const Plus = sign('Plus', '+', Operator);
export const Minus = sign('Minus', '-', Operator);
export const Times = sign('Times', '*', Operator);
export const Divided = sign('Divided', '/', Operator);
export const Matmul = sign('Matmul', '@', Operator);
export const Equals = sign('Equals', '=');
export const Tilde = sign('Tilde', '~');
export const Colon = sign('Colon', ':');
export const Comma = sign('Comma', ',');
export const Dot = sign('Dot', '.');
export const LeftParen = sign('LeftParen', '(');
export const RightParen = sign('RightParen', ')');
export const LeftBracket = sign('LeftBracket', '[');
export const RightBracket = sign('RightBracket', ']');
export const LeftBrace = createToken({ name: 'LeftBrace', pattern: '{', label: '`{`' });
export const RightBrace = createToken({ name: 'RightBrace', pattern: '}', label: '`}`' });

/** A pair of brackets, and the token that stands for a group too deep to be read in one piece (`read.ts`). */
export interface Brackets { readonly open: TokenType; readonly close: TokenType; readonly folded: TokenType }
const folded = (name: string): TokenType => createToken({ name, pattern: Lexer.NA });
export const parens: Brackets = { open: LeftParen, close: RightParen, folded: folded('FoldedParens') };
export const brackets: Brackets = { open: LeftBracket, close: RightBracket, folded: folded('FoldedBrackets') };
export const braces: Brackets = { open: LeftBrace, close: RightBrace, folded: folded('FoldedBraces') };
/** By opening or closing token. */
export const bracketsOf: ReadonlyMap<TokenType, Brackets> = new Map([parens, brackets, braces].flatMap(b => [[b.open, b] as const, [b.close, b] as const]));

const digits = '[0-9]+(?:_[0-9]+)*';
export const NumberLiteral = createToken({
  name: 'NumberLiteral', label: 'a number',
  pattern: new RegExp(`${digits}(?:\\.${digits})?(?:[eE][+-]?${digits})?(?![A-Za-z0-9_]|\\.(?![A-Za-z_.]))`),
});
export const StringLiteral = createToken({ name: 'StringLiteral', pattern: /"[^"\n\r]*"/, label: 'a text' });

const Blank = createToken({ name: 'Blank', pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });
/** `// …`, laid aside for the formatter; three slashes, not four, are documentation. */
export const CommentText = createToken({ name: 'CommentText', pattern: /\/\/[^\n\r]*/, group: 'comments' });

/**
 * Spellings that are not ours: what they are read as (`like`; nothing: skipped) and what to tell. The suggestion may use
 * the text; `undefined` when there is nothing to put in its place.
 */
interface Mistake {
  readonly name: string; readonly pattern: RegExp | typeof blockComment; readonly startsWith?: readonly string[]; readonly code: string; readonly message: string;
  readonly like?: TokenType; readonly suggest?: (text: string) => string | undefined; readonly lineBreaks?: boolean;
}
const foreign = (name: string, pattern: RegExp, like: TokenType, write: string): Mistake =>
  ({ name, pattern, code: 'S005', like, message: `this is spelled \`${write}\` here`, suggest: () => `write \`${write}\`` });
const foreignWord = (name: string, words: string, like: TokenType, write: string): Mistake =>
  foreign(name, new RegExp(`(?:${words})(?![A-Za-z0-9_])`), like, write);

/** Tried before the right spellings, longest first. */
const mistakes: readonly Mistake[] = [
  { name: 'BlockComment', pattern: blockComment, startsWith: ['/'], code: 'S005', message: 'a comment is a line that begins with `//`', suggest: () => 'begin each line of it with `//`', lineBreaks: true },
  { name: 'HashComment', pattern: /#[^\n\r]*/, code: 'S005', message: 'a comment begins with `//`', suggest: text => `write \`//${text.slice(1, 60)}\`` },
  { name: 'QuotedText', pattern: /'[^'\n\r]*'/, code: 'S005', like: StringLiteral, message: 'a text stands in double quotes', suggest: text => `write \`"${text.slice(1, -1).replaceAll('"', '')}"\`` },
  { name: 'OpenText', pattern: /"[^"\n\r]*/, code: 'S002', like: StringLiteral, message: 'this text has no end on its line', suggest: () => 'close it with `"`' },
  { name: 'Semicolon', pattern: /;/, code: 'S004', message: 'line ends and `;` mean nothing here', suggest: () => 'remove the `;`' },
  foreign('TripleSame', /===/, Same, '=='),
  foreign('TripleDifferent', /!==/, Different, '!='),
  foreign('UnequalAngles', /<>/, Different, '!='),
  foreign('DoubleAnd', /&&/, And, 'and'),
  foreign('DoubleOr', /\|\|/, Or, 'or'),
  foreign('Bang', /!(?!=)/, Not, 'not'),
  foreign('Walrus', /:=/, Equals, '='),
  foreign('Caret', /\^/, Power, '**'),
  foreign('LongMinus', /[\u2212\u2013\u2014]/, Minus, '-'),
  foreign('Cross', /[\u00d7\u00b7\u22c5]/, Times, '*'),
  foreign('LessSign', /\u2264/, AtMost, '<='),
  foreign('GreaterSign', /\u2265/, AtLeast, '>='),
  foreign('DotsSign', /\u2026/, Rest, '...'),
  foreign('ArrowSign', /\u2192/, Arrow, '->'),
  foreignWord('CapitalTrue', 'True|TRUE', True, 'true'),
  foreignWord('CapitalFalse', 'False|FALSE', False, 'false'),
  foreignWord('OtherNone', 'None|NONE|null|nil|undefined', None, 'none'),
  { name: 'OddNumber', pattern: /[0-9](?:[eE][+-][0-9]|[A-Za-z0-9_])*(?:\.[A-Za-z0-9_]*)?|\.[0-9][A-Za-z0-9_]*/, code: 'S003', like: NumberLiteral, message: 'this is not a number', suggest: betterNumber },
];

/** From `/*` to its end, or to the end of the file: by search, since a pattern would look ahead again at every `/*`. */
function blockComment(text: string, offset: number): [string] | null {
  if (!text.startsWith('/*', offset)) return null;
  const end = text.indexOf('*/', offset + 2);
  return [text.slice(offset, end < 0 ? text.length : end + 2)];
}

function betterNumber(text: string): string | undefined {
  if (/^\.[0-9]+(?:[eE][0-9]+)?$/.test(text)) return `write \`0${text}\``;
  if (/^0x[0-9a-f]{1,12}$/i.test(text)) return `write \`${Number(text)}\``;
  if (/^[0-9]+\.$/.test(text)) return `write \`${text}0\``;
  const plain = text.replace(/_+/g, '_').replace(/_(?=\.|$)/g, '');
  if (/^[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?$/.test(plain)) return `write \`${plain}\``;
  const product = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]\w*)$/.exec(text);
  return product ? `write \`${product[1]} * ${product[2]}\`` : undefined;
}

const mistakeTokens = mistakes.map(m => createToken({
  name: m.name, pattern: m.pattern, line_breaks: m.lineBreaks ?? false, ...(m.startsWith ? { start_chars_hint: [...m.startsWith] } : {}),
  ...(m.like ? { categories: [m.like], longer_alt: Identifier } : { group: 'mistakes' }),
}));

/** What to tell about a token that the lexer read in somebody else's spelling. */
export const mistakeOf: ReadonlyMap<TokenType, Mistake> = new Map(mistakeTokens.map((token, i) => [token, mistakes[i]] as const)
  .flatMap(([token, mistake]) => mistake ? [[token, mistake] as const] : []));

export const statementWords = [
  Input, Target, Weight, Param, Prior, Posterior, Kl, Frozen, Fixed, Default, Output, Loss, Observe, Return, Yield,
  Estimator, State, Update, Draw, Repeat,
] as const;
export const itemWords = [Model, Layer, Family, Import] as const;
const innerWords = [Scan, With, As, Again, By, If, Else, And, Or, Not, True, False, None, Zeros, Ones, Class, Transposed, Over, Axis, Reverse] as const;
const signs = [
  Arrow, Pipe, Rest, Power, Same, Different, AtMost, AtLeast, Less, Greater, Plus, Minus, Times, Divided, Matmul, Equals, Tilde,
  Colon, Comma, Dot, LeftParen, RightParen, LeftBracket, RightBracket, LeftBrace, RightBrace,
] as const;

/** The reserved words and the words with a place of their own, as written. */
export const allWords: readonly string[] = [...itemWords, ...statementWords, ...innerWords].map(t => String(t.PATTERN));

/** In the order in which they are tried; where two begin alike the longer one is first. */
export const tokens: readonly TokenType[] = [
  AnyWord, Name, Operator, parens.folded, brackets.folded, braces.folded,
  Blank, CommentText, NumberLiteral, StringLiteral, ...mistakeTokens,
  ...itemWords, ...statementWords, ...innerWords, Identifier, ...signs,
];

/** Positions are tracked in full: with offsets only, a node of the tree has no end. */
const makeLexer = (isChecked: boolean): InstanceType<typeof Lexer> => new Lexer([...tokens], { positionTracking: 'full', ensureOptimizations: true, skipValidations: !isChecked });
export const lexer = makeLexer(false);
/** Throws where a word can never be read. */
export function verifyTokens(): void { makeLexer(true); }
