/**
 * Expressions, from the concrete tree to the plain one. Imagine each rule of the grammar answered by one function of the
 * same name. The functions call each other once a bracket, which is at most 256 deep.
 */
import type { IToken } from 'chevrotain';
import type * as cst from '../../grammar/cst.ts';
import type { Argument, Call, Expr, IndexItem, Scan } from './ast.ts';
import { nameFrom, opened, rangeOf, rangeOfNode, spanFrom, the, type BuildContext, type Range } from './build-context.ts';
import { asValue, joinOperands, type Joined, type Operand } from './build-operators.ts';
import { buildScanBody } from './build-statement.ts';
import { buildSettings } from './build-setting.ts';

/** `a if b else c`, where the last part may again have an `if`. */
export function buildExpr(c: BuildContext, node: cst.ExprCstNode): Expr {
  const chains = node.children.chain;
  const { end } = rangeOfNode(node);
  const last = chains.at(-1);
  let expr = buildChain(c, the(last && [last]));
  for (let i = chains.length - 3; i >= 0; i -= 2) {
    const then = the(chains.slice(i, i + 1));
    const condition = the(chains.slice(i + 1, i + 2));
    expr = {
      kind: 'conditional', condition: buildChain(c, condition), then: buildChain(c, then), otherwise: expr,
      span: spanFrom(c, { start: rangeOfNode(then).start, end }),
    };
  }
  return expr;
}

export function buildChain(c: BuildContext, node: cst.ChainCstNode): Expr {
  const { operand, Operator = [], Pipe = [] } = node.children;
  const [first, ...rest] = operand;
  const signs = [...Operator, ...Pipe].sort((a, b) => a.startOffset - b.startOffset);
  const start = buildOperand(c, the(first && [first]));
  if (rest.length === 0 && start.prefixes.length === 0) return asValue(c, start).expr;
  const joined: Joined[] = [];
  for (const [i, next] of rest.entries()) joined.push({ sign: the(signs.slice(i, i + 1)), operand: buildOperand(c, next) });
  return joinOperands(c, start, joined).expr;
}

function buildOperand(c: BuildContext, node: cst.OperandCstNode): Operand {
  const { Minus = [], NotWord = [], use: [use] = [], postfix = [] } = node.children;
  const prefixes = [...Minus, ...NotWord].sort((a, b) => a.startOffset - b.startOffset);
  const atom = buildAtom(c, node);
  const { start } = atom;
  let value: Expr = atom.expr;
  let end = atom.end;
  for (const part of postfix) {
    end = rangeOfNode(part).end;
    value = buildPostfix(c, part, value, { start, end });
  }
  const called = use && postfix.length === 0 ? buildUse(c, use, atom.expr) : undefined;
  return { expr: value, start, end, prefixes, ...(called ? { use: called } : {}), ...(use && postfix.length > 0 ? { useBefore: atom } : {}) };
}

/** The call that a use is right of `|>`: a bare name is one there. */
function buildUse(c: BuildContext, node: cst.UseCstNode, expr: Expr): Call {
  if (expr.kind === 'call') return expr;
  return { kind: 'call', callee: nameFrom(c, the(node.children.Name)), args: [], bare: true, span: spanFrom(c, rangeOfNode(node)) };
}

function buildAtom(c: BuildContext, node: cst.OperandCstNode): Range & { readonly expr: Expr } {
  const { NumberLiteral: [number] = [], TrueWord: [yes] = [], FalseWord: [no] = [], NoneWord: [none] = [], StringLiteral: [text] = [] } = node.children;
  const { fill: [fill] = [], scan: [scan] = [], paren: [paren] = [], use: [use] = [] } = node.children;
  const literal = (token: IToken, make: (range: Range) => Expr): Range & { readonly expr: Expr } => {
    const range = rangeOf(token);
    return { ...range, expr: make(range) };
  };
  if (number) return literal(number, r => ({ kind: 'number', value: Number(number.image.replaceAll('_', '')), text: number.image, span: spanFrom(c, r) }));
  if (yes) return literal(yes, r => ({ kind: 'bool', value: true, span: spanFrom(c, r) }));
  if (no) return literal(no, r => ({ kind: 'bool', value: false, span: spanFrom(c, r) }));
  if (none) return literal(none, r => ({ kind: 'none', span: spanFrom(c, r) }));
  if (text) return literal(text, r => ({ kind: 'string', value: text.image.slice(1, -1), span: spanFrom(c, r) }));
  if (fill) return { ...rangeOfNode(fill), expr: buildFill(c, fill) };
  if (scan) return { ...rangeOfNode(scan), expr: buildScan(c, scan) };
  if (paren) return { ...rangeOfNode(paren), expr: buildParen(c, paren) };
  const named = the(use && [use]);
  return { ...rangeOfNode(named), expr: buildNamed(c, named) };
}

/** `f(x) { … } as name`, or a bare name: a value, unless it stands right of `|>` or carries what only a use has. */
function buildNamed(c: BuildContext, node: cst.UseCstNode): Expr {
  const { Name, args: [args] = [], settings: [settings] = [], Label: [label] = [], AgainWord } = node.children;
  const callee = nameFrom(c, the(Name));
  const span = spanFrom(c, rangeOfNode(node));
  if (!args && !settings && !label) return { kind: 'name', name: callee, span };
  return {
    kind: 'call', callee, args: args ? buildArgs(c, args) : [], bare: !args, span,
    ...(settings ? { settings: buildSettings(c, settings) } : {}),
    ...(label ? { as: { name: nameFrom(c, label), again: AgainWord !== undefined } } : {}),
  };
}

export function buildArgs(c: BuildContext, node: cst.ArgsCstNode): readonly Argument[] {
  const args: Argument[] = [];
  for (const argument of opened(c, node).children.argument ?? []) {
    const { AnyWord: [label] = [], expr } = argument.children;
    args.push({ ...(label ? { label: nameFrom(c, label) } : {}), value: buildExpr(c, the(expr)), span: spanFrom(c, rangeOfNode(argument)) });
  }
  return args;
}

/** `(a)` is a; `(a, b)` and `(a,)` are tuples. */
function buildParen(c: BuildContext, node: cst.ParenCstNode): Expr {
  const { expr = [], Comma = [] } = opened(c, node).children;
  if (Comma.length === 0) return buildExpr(c, the(expr));
  return { kind: 'tuple', items: buildAll(c, expr), span: spanFrom(c, rangeOfNode(node)) };
}

function buildFill(c: BuildContext, node: cst.FillCstNode): Expr {
  const dims = buildAll(c, opened(c, the(node.children.sizes)).children.expr ?? []);
  return { kind: 'fill', what: node.children.ZerosWord ? 'zeros' : 'ones', dims, span: spanFrom(c, rangeOfNode(node)) };
}

function buildAll(c: BuildContext, nodes: readonly cst.ExprCstNode[]): readonly Expr[] {
  const all: Expr[] = [];
  for (const node of nodes) all.push(buildExpr(c, node));
  return all;
}

function buildPostfix(c: BuildContext, node: cst.PostfixCstNode, value: Expr, range: Range): Expr {
  const { AnyWord: [field] = [], index: [index] = [] } = node.children;
  const span = spanFrom(c, range);
  if (field) return { kind: 'field', value, name: nameFrom(c, field), span };
  const items: IndexItem[] = [];
  for (const item of opened(c, the(index && [index])).children.indexItem ?? []) items.push(buildIndexItem(c, item));
  return { kind: 'index', value, items, span };
}

function buildIndexItem(c: BuildContext, node: cst.IndexItemCstNode): IndexItem {
  const { from: [from] = [], sliceEnd: [rest] = [] } = node.children;
  const span = spanFrom(c, rangeOfNode(node));
  if (!rest) return from ? { kind: 'at', value: buildExpr(c, from), span } : { kind: 'rest', span };
  const { to: [to] = [], step: [step] = [] } = rest.children;
  return {
    kind: 'slice', span,
    ...(from ? { from: buildExpr(c, from) } : {}), ...(to ? { to: buildExpr(c, to) } : {}), ...(step ? { step: buildExpr(c, step) } : {}),
  };
}

function buildScan(c: BuildContext, node: cst.ScanCstNode): Scan {
  const { Name, expr, axisNumber, ReverseWord, carry, body } = node.children;
  const over = buildAll(c, expr);
  const carries: Scan['carry'][number][] = [];
  for (const { children } of carry) carries.push({ name: nameFrom(c, the(children.Name)), init: buildExpr(c, the(children.expr)) });
  const inside = buildScanBody(c, the(body), node);
  return {
    kind: 'scan', names: Name.map(name => nameFrom(c, name)), over, axis: buildAxis(c, the(axisNumber)), reverse: ReverseWord !== undefined,
    carry: carries, ...inside, span: spanFrom(c, rangeOfNode(node)),
  };
}

function buildAxis(c: BuildContext, node: cst.AxisNumberCstNode): number {
  const number = the(node.children.NumberLiteral);
  const axis = Number(number.image.replaceAll('_', ''));
  if (!/^[0-9_]+$/.test(number.image) || axis > 255) {
    c.report({ code: 'S029', message: 'the axis of a scan is a small whole number', span: spanFrom(c, rangeOfNode(node)) });
  }
  return node.children.Minus ? -axis : axis;
}

