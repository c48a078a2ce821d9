/**
 * One surprise of the parser, put into words. Imagine the rules below asked in order, from the mistakes that people make
 * to the plain "expected this, found that"; the first that knows an answer gives it.
 */
import type { IToken } from 'chevrotain';
import { Name, statementWords, tokens as allTokens } from '../../grammar/tokens.ts';
import { nearest } from '../suggest.ts';
import { rangeOf } from './build-context.ts';
import type { Complaint } from './errors.ts';
import { quoted } from './quote.ts';

/** A place where the parser could not go on. */
export interface Surprise {
  readonly name: string;
  readonly rule: string;
  /** Names of the tokens that could have stood there. */
  readonly expected: ReadonlySet<string>;
  readonly tokens: readonly IToken[];
  /** Where in the row; its length at the end of the file. */
  readonly index: number;
  readonly token?: IToken;
  readonly start: number;
  readonly end: number;
}

type Answer = Pick<Complaint, 'code' | 'message' | 'suggestion' | 'notes'> & { readonly at?: IToken };
type Rule = (s: Surprise, found: IToken, before: IToken | undefined, after: IToken | undefined) => Answer | undefined;

const kind = (token: IToken | undefined): string => token?.tokenType.name ?? '';
const isName = (token: IToken | undefined): boolean => token?.tokenType.CATEGORIES?.includes(Name) ?? false;
const isReserved = (token: IToken | undefined): boolean => kind(token).endsWith('Word') && !isName(token);
const statementNames = new Set(statementWords.map(t => t.name));
const statementTexts = statementWords.map(t => String(t.PATTERN));
const inBody = (s: Surprise): boolean => s.rule === 'statement' || (s.rule === 'body' && s.expected.has('RightBrace'));

/** `let x = 3`, `const`, `def`: words that other languages put first. */
const needless = new Set(['let', 'const', 'var', 'val', 'set', 'def', 'auto']);
const otherItems: Readonly<Record<string, string>> = { def: 'layer', fn: 'layer', func: 'layer', function: 'layer', class: 'model', module: 'model', network: 'model', net: 'model', struct: 'model' };

/** What each declaration would say where the author wrote another sign. */
const instead: readonly { readonly of: string; readonly found: string; readonly suggestion: string }[] = [
  { of: 'weight', found: 'Equals', suggestion: 'a weight has a prior: write `~ normal(0, 1)`; a plain trained tensor is a `param`' },
  { of: 'param', found: 'Tilde', suggestion: 'a param has an initial value: write `= normal(0, 1)`; a tensor with a prior is a `weight`' },
  { of: 'output', found: 'Comma', suggestion: 'write `output` before each of them' },
  { of: 'observe', found: 'Equals', suggestion: 'write `observe y ~ normal(mean, sd)`' },
  { of: 'prior', found: 'Colon', suggestion: 'write `prior normal(0, 1)` without `:`' },
  { of: 'prior', found: 'Equals', suggestion: 'write `prior normal(0, 1)` without `=`' },
  { of: 'posterior', found: 'Colon', suggestion: 'write `posterior point` without `:`' },
  { of: 'posterior', found: 'Equals', suggestion: 'write `posterior point` without `=`' },
  { of: 'kl', found: 'Colon', suggestion: 'write `kl sampled` without `:`' },
  { of: 'state', found: 'Tilde', suggestion: 'a state has an initial value: write `= 0`' },
  { of: 'state', found: 'Equals', suggestion: 'write `state name: [10] = 0`' },
  { of: 'update', found: 'Colon', suggestion: 'write `update name = value`' },
  { of: 'draw', found: 'Equals', suggestion: 'write `draw name: [batch, 10] ~ bernoulli(0.9)`' },
  { of: 'estimator', found: 'Colon', suggestion: 'write `estimator flipout` without `:`' },
  { of: 'estimator', found: 'Equals', suggestion: 'write `estimator flipout` without `=`' },
  { of: 'loss', found: 'Equals', suggestion: 'write `loss value` without `=`' },
  { of: 'input', found: 'Equals', suggestion: 'write `input name: [batch, 13]`' },
  { of: 'target', found: 'Equals', suggestion: 'write `target name: [batch, 1]`' },
];

const rules: readonly Rule[] = [
  // `loss = …`, `input = 3`: a word of the language as a name.
  (s, found, before) => kind(found) === 'Equals' && statementNames.has(kind(before)) && before ? {
    code: 'S020', message: `${quoted(before.image)} is a word of the language and can't be a name`, at: before, suggestion: insteadOf(s, found) ?? 'choose another name',
  } : undefined,
  (s, found) => {
    const suggestion = s.rule === 'operand' ? undefined : insteadOf(s, found);
    return suggestion ? { ...plain(s), suggestion } : undefined;
  },
  // `hidden = 1024` among arguments, `input x = […]`.
  (s, found, before) => kind(found) === 'Equals' && (s.expected.has('Colon') || (s.rule === 'args' && isName(before))) && before ? {
    code: 'S014', message: `here stands \`:\`, not \`=\``, suggestion: `write \`${before.image}: …\``,
  } : undefined,
  (s, found, before) => kind(found) === 'Colon' && s.expected.has('Equals') && before ? { code: 'S014', message: 'here stands `=`, not `:`', suggestion: `write \`${before.image} = …\`` } : undefined,
  // The start of a statement.
  (s, found, _, after) => inBody(s) && isName(found) ? statementFrom(found, after) : undefined,
  (s, found) => inBody(s) && /^(?:LeftParen|LeftBracket|Minus)$/.test(kind(found)) ? {
    code: 'S015', message: `no statement starts with ${quoted(found.image)}`, suggestion: 'give the value a name: `y = …`',
  } : undefined,
  (s, found) => inBody(s) && /^(?:NumberLiteral|StringLiteral|ScanWord|ZerosWord|OnesWord|TrueWord|FalseWord|NotWord|NoneWord)$/.test(kind(found)) ? {
    code: 'S015', message: 'a value alone is no statement', suggestion: 'give the value a name: `y = …`',
  } : undefined,
  // The start of an item.
  (s, found) => s.rule === 'program' ? itemFrom(found) : undefined,
  // Values that the language doesn't have.
  (s, found) => s.rule === 'operand' && kind(found) === 'LeftBracket' ? { code: 'S037', message: 'there are no lists', suggestion: 'a tuple of numbers is `(1, 2)`; tensors are joined with `concat(a, b)`' } : undefined,
  (s, found, before) => s.rule === 'operand' && kind(found) === 'RightParen' && kind(before) === 'LeftParen' ? { code: 'S037', message: 'an empty `()` is no value' } : undefined,
  (s, found) => s.rule === 'operand' && kind(found) === 'IfWord' ? { code: 'S037', message: '`if` stands behind the value that it chooses', suggestion: 'write `a if condition else b`' } : undefined,
  (s, found) => s.rule === 'expr' && s.expected.has('ElseWord') ? {
    code: 'S010', message: `a conditional value needs \`else\`, found ${quoted(found.image)}`, suggestion: 'write `a if condition else b`',
  } : undefined,
  // A reserved word where a name belongs.
  (s, found) => isReserved(found) && s.rule !== 'family' && (s.rule === 'operand' || s.expected.has('Name')) ? {
    code: 'S020', message: `${quoted(found.image)} is a word of the language and can't be a name`, suggestion: `choose another name, such as \`${found.image}_\``,
  } : undefined,
  // A setting.
  (s, found, before) => {
    const [first] = s.expected;
    if (s.rule !== 'setting' && s.rule !== 'entry' && !(s.rule === 'settings' && first === 'RightBrace')) return undefined;
    const word = [found, before].find(token => isName(token) && nearest(token?.image ?? '', settingWords));
    const meant = word ? nearest(word.image, settingWords) : undefined;
    return {
      code: 'S010', message: `expected a setting, found ${quoted(found.image)}`,
      suggestion: meant ? `did you mean \`${meant}\`` : 'there are `prior …`, `posterior …`, `kl …`, `estimator …`, `frozen` and `fixed`, each with `weight:` before it for one weight',
    };
  },
];

const settingWords = ['prior', 'posterior', 'kl', 'estimator', 'frozen', 'fixed'];

const lists: Readonly<Record<string, string>> = { args: 'operand', paren: 'operand', sizes: 'operand', index: 'indexItem', dims: 'dim', parameters: 'parameter' };

/** After a comma the parser expects the end of the list, since a comma may stand last; the author meant to go on. */
function afterComma(s: Surprise): Surprise {
  const item = lists[s.rule];
  if (!item || kind(s.tokens[s.index - 1]) !== 'Comma') return s;
  return { ...s, rule: item, expected: new Set(item === 'parameter' ? ['Name'] : ['Name', 'NumberLiteral']) };
}

/** What to tell about a surprise. */
export function explainExpectation(surprise: Surprise): Complaint {
  const s = afterComma(surprise);
  const { token: found, tokens, index } = s;
  const before = tokens[index - 1];
  const answer = (found && firstAnswer(s, found, before, tokens[index + 1])) ?? plain(s);
  const { at, ...rest } = answer;
  return { ...rest, ...(at ? rangeOf(at) : { start: s.start, end: s.end }) };
}

function firstAnswer(s: Surprise, found: IToken, before: IToken | undefined, after: IToken | undefined): Answer | undefined {
  for (const rule of rules) {
    const answer = rule(s, found, before, after);
    if (answer) return answer;
  }
  return undefined;
}

/** A name where a statement should begin. */
function statementFrom(found: IToken, after: IToken | undefined): Answer {
  if (needless.has(found.image) && isName(after)) {
    return { code: 'S013', message: `${quoted(found.image)} is not a word of the language`, suggestion: `write \`${after?.image ?? 'x'} = …\`` };
  }
  const meant = nearest(found.image, [...statementTexts, 'model', 'layer']);
  if (meant && (isName(after) || kind(after) === 'Colon' || meant === 'frozen' || meant === 'fixed' || meant === 'loss')) {
    return { code: 'S013', message: `${quoted(found.image)} is not a word of the language`, suggestion: `did you mean \`${meant}\`` };
  }
  if (kind(after) === 'Colon') {
    return { code: 'S014', message: `a statement can't begin with \`${found.image}:\``, suggestion: `write \`${found.image} = …\`, or say what it is: \`input ${found.image}: …\`` };
  }
  if (isName(after)) return { code: 'S010', message: `unexpected ${quoted(found.image)}: it begins no statement`, suggestion: `statements begin with ${wordList(statementTexts.slice(0, 4))} … or \`name = value\`` };
  return { code: 'S015', message: 'a value alone is no statement', suggestion: 'give the value a name: `y = …`' };
}

/** What stands where `model` or `layer` should. */
function itemFrom(found: IToken): Answer {
  const meant = otherItems[found.image] ?? nearest(found.image, ['model', 'layer', 'family', 'import']);
  if (meant) return { code: 'S013', message: `${quoted(found.image)} is not a word of the language`, suggestion: `did you mean \`${meant}\`` };
  return { code: 'S010', message: `expected \`model\` or \`layer\`, found ${quoted(found.image)}`, suggestion: 'statements stand inside `model Name { … }` or `layer name(…) { … }`' };
}

/** What the statement that the surprise lies in would say instead of the sign found. */
function insteadOf(s: Surprise, found: IToken): string | undefined {
  let at = s.index - 1;
  while (at >= 0 && !statementNames.has(kind(s.tokens[at]))) at--;
  const of = s.tokens[at]?.image;
  return instead.find(row => row.of === of && row.found === kind(found))?.suggestion;
}

const labels: ReadonlyMap<string, string> = new Map(allTokens.map(t => [t.name, t.LABEL ?? t.name] as const));

/** Said as a whole where the single words would be too many. */
const phrases: Readonly<Record<string, string>> = {
  operand: 'a value', statement: 'a statement', setting: 'a setting', entry: 'a setting', type: 'a type', dim: 'a dimension', indexItem: 'an index', program: '`model` or `layer`', family: 'a family',
};

/** "expected this or that after x, found y". */
function plain(s: Surprise): Answer {
  const expected = [...new Set([...s.expected].filter(name => !name.startsWith('Folded')).map(name => name === 'EOF' ? 'the end of the file' : labels.get(name) ?? name))];
  const before = s.tokens[s.index - 1];
  const what = phrases[s.rule] && (expected.length > 1 || s.rule === 'family') ? phrases[s.rule] : wordList(expected);
  const after = before && s.rule !== 'program' ? ` after ${quoted(before.image)}` : '';
  const found = s.token ? quoted(s.token.image) : 'the end of the file';
  if (inBody(s) && s.token) return { code: 'S010', message: `unexpected ${found}${after}` };
  return { code: 'S010', message: what ? `expected ${what}${after}, found ${found}` : `unexpected ${found}${after}` };
}

function wordList(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

