/**
 * A flat row of operands and signs becomes a tree. Imagine two piles, one of operands and one of signs that still wait for
 * their right side (Dijkstra's shunting yard): a sign comes off when a looser one arrives. Nothing recurses, so a long
 * row costs no stack.
 */
import type { IToken } from 'chevrotain';
import { InternalError } from '../diagnostics.ts';
import type { Call, Expr } from './ast.ts';
import { rangeOf, spanFrom, type BuildContext, type Range } from './build-context.ts';
import { isBinaryOp, level, levelOf, levelOfUnary } from './precedence.ts';

/** An operand with the brackets around it, and the signs right before it. */
export interface Operand extends Range {
  readonly expr: Expr;
  readonly prefixes: readonly IToken[];
  /** It is one use and nothing around it, as must stand right of `|>`. */
  readonly use?: Call;
  /** The use with which it begins, when `[…]` or `.name` follow. */
  readonly useBefore?: Range;
}
/** `sign` joins the operand to what stands left of it. */
export interface Joined { readonly sign: IToken; readonly operand: Operand }

interface Value extends Range { readonly expr: Expr }
interface Waiting { readonly sign: IToken; readonly text: string; readonly level: number; readonly unary: boolean }

/** Joins a row by the ladder of `precedence.ts`; complains about readings that could surprise. */
export function joinOperands(c: BuildContext, first: Operand, rest: readonly Joined[]): Value {
  const values: Value[] = [];
  const waiting: Waiting[] = [];

  const reduce = (): void => {
    const sign = waiting.pop();
    const right = values.pop();
    if (!sign || !right) throw new InternalError('syntax', 'a sign without an operand');
    if (sign.unary) {
      const start = sign.sign.startOffset;
      values.push({ expr: { kind: 'unary', op: sign.text === 'not' ? 'not' : '-', value: right.expr, span: spanFrom(c, { start, end: right.end }) }, start, end: right.end });
      return;
    }
    const left = values.pop();
    if (!left) throw new InternalError('syntax', 'a sign without an operand');
    const range = { start: left.start, end: right.end };
    values.push({ expr: joined(c, sign.text, left.expr, right.expr, range), ...range });
  };
  const take = (operand: Operand): void => {
    for (const sign of operand.prefixes) {
      const unary = signOf(sign) === '-' ? '-' : 'not';
      const before = waiting.at(-1);
      if (unary === 'not' && before && before.level > level.not) misplacedNot(c, sign, before);
      waiting.push({ sign, text: unary, level: levelOfUnary[unary], unary: true });
    }
    values.push(asValue(c, operand));
  };

  take(first);
  for (const { sign, operand } of rest) {
    const text = signOf(sign);
    const own = text === '|>' ? level.pipe : isBinaryOp(text) ? levelOf[text] : level.atom;
    const last = waiting.at(-1);
    if (last?.text === '|>' && own > level.pipe) afterUse(c, values, sign.image, { start: sign.startOffset, end: operand.end }, ` ${c.source.slice(sign.startOffset, operand.end)}`);
    while (waiting.length > 0) {
      const top = waiting[waiting.length - 1];
      if (!top || top.level < own || (top.level === own && text === '**')) break;
      if (top.level === own && own === level.comparison) chainedComparison(c, sign, top);
      reduce();
    }
    waiting.push({ sign, text, level: own, unary: false });
    if (text === '|>') values.push(pipedInto(c, values, operand));
    else take(operand);
  }
  while (waiting.length > 0) reduce();
  const [value] = values;
  if (!value) throw new InternalError('syntax', 'a row without operands');
  return value;
}

/** A bare name is a value where it is not piped into, and has neither settings nor a name of its use. */
export function asValue(c: BuildContext, operand: Operand): Operand {
  const { expr } = operand;
  if (expr.kind === 'call' && expr.bare) {
    c.report({
      code: 'S028', message: `\`${expr.callee.text}\` alone is a value; only a use has ${expr.settings ? 'settings' : 'a name'}`, span: expr.span,
      suggestion: `write \`${expr.callee.text}(…)\``,
    });
  }
  return operand;
}

/** The sign that a token stands for, whatever it was spelled as. */
function signOf({ tokenType }: IToken): string {
  const meant = typeof tokenType.PATTERN === 'string' ? tokenType.PATTERN : tokenType.CATEGORIES?.[0]?.PATTERN;
  if (typeof meant !== 'string') throw new InternalError('syntax', `unknown sign ${tokenType.name}`);
  return meant;
}

function joined(c: BuildContext, sign: string, left: Expr, right: Expr, range: Range): Expr {
  const span = spanFrom(c, range);
  if (isBinaryOp(sign)) return { kind: 'binary', op: sign, left, right, span };
  if (right.kind === 'call') return { kind: 'pipe', value: left, use: right, span };
  return right; // complained about in `pipedInto`
}

/** The right side of `|>`: a use, with nothing before or behind it. */
function pipedInto(c: BuildContext, values: readonly Value[], operand: Operand): Value {
  if (operand.use && operand.prefixes.length === 0) return { ...operand, expr: operand.use };
  const behind = operand.useBefore;
  if (behind && operand.prefixes.length === 0) {
    const rest = c.source.slice(behind.end, operand.end);
    afterUse(c, [...values, { ...operand, end: behind.end }], rest.trimStart().startsWith('.') ? '.' : '[', { start: behind.end, end: operand.end }, rest);
    return operand;
  }
  c.report({
    code: 'S025', message: 'right of `|>` stands the name of a function or layer', span: spanFrom(c, operand),
    suggestion: 'write `x |> name` or `x |> name(arguments)`; give another value a name of its own first',
  });
  return operand;
}

/** `x |> f + y`, `x |> f[0]`: two readings, so brackets are asked for. */
function afterUse(c: BuildContext, values: readonly Value[], sign: string, range: Range, rest: string): void {
  const use = values.at(-1);
  const start = values.at(-2)?.start ?? use?.start ?? range.start;
  const piped = short(c.source.slice(start, use?.end ?? range.start));
  c.report({
    code: 'S022', message: `\`${sign}\` right after a piped use has two readings`, span: spanFrom(c, range),
    suggestion: `write \`(${piped})${short(rest)}\``,
  });
}

function chainedComparison(c: BuildContext, sign: IToken, before: Waiting): void {
  c.report({
    code: 'S023', message: 'comparisons can\'t be chained', span: spanFrom(c, rangeOf(sign)),
    notes: [{ message: 'the comparison before it', span: spanFrom(c, rangeOf(before.sign)) }],
    suggestion: 'write `a < b and b < c`',
  });
}

function misplacedNot(c: BuildContext, sign: IToken, before: Waiting): void {
  c.report({
    code: 'S024', message: `\`not\` binds looser than \`${before.text}\` before it`, span: spanFrom(c, rangeOf(sign)),
    suggestion: 'put brackets around it: `(not …)`',
  });
}

const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
};
