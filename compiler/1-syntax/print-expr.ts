/**
 * Expressions as text. Imagine the tree read from left to right, with brackets only where the ladder of `precedence.ts`
 * would hang an operand elsewhere. A scan opens a body of statements, which the caller knows how to print.
 */
import type { Argument, Call, DimItem, Expr, FamilyUse, IndexItem, Repeat, Scan, Setting, SettingStatement, TensorType } from './ast.ts';
import { level, levelOf, levelOfExpr, levelOfUnary } from './precedence.ts';

/** What printing an expression needs from around it. */
export interface ExprPrinter {
  /** Columns of the line that the expression stands on. */
  readonly indent: number;
  /** `{ … }` of a scan, from the brace to the brace. */
  readonly scanBody: (scan: Scan, indent: number) => string;
  /** `{ … }` of a repeat. */
  readonly repeatBody: (repeat: Repeat, indent: number) => string;
}

/** The text of an expression, in brackets if it is looser than `least`. */
export function printExpr(p: ExprPrinter, expr: Expr, least: number = level.conditional): string {
  const text = bare(p, expr);
  return levelOfExpr(expr) < least ? `(${text})` : text;
}

function bare(p: ExprPrinter, expr: Expr): string {
  switch (expr.kind) {
    case 'conditional': {
      const then = printExpr(p, expr.then, level.or);
      const condition = printExpr(p, expr.condition, level.or);
      return `${then} if ${condition} else ${printExpr(p, expr.otherwise)}`;
    }
    case 'pipe': return `${printExpr(p, expr.value, level.pipe)} |> ${printCall(p, expr.use)}`;
    case 'binary': {
      const own = levelOf[expr.op];
      const [left, right] = expr.op === '**' ? [own + 1, level.negative] : own === level.comparison ? [own + 1, own + 1] : [own, own + 1];
      return `${printExpr(p, expr.left, left)} ${expr.op} ${printExpr(p, expr.right, right)}`;
    }
    case 'unary': return `${expr.op === 'not' ? 'not ' : '-'}${printExpr(p, expr.value, levelOfUnary[expr.op])}`;
    case 'call': return printCall(p, expr);
    case 'index': return `${printExpr(p, expr.value, level.postfix)}[${all(expr.items, item => printIndexItem(p, item))}]`;
    case 'field': return `${printExpr(p, expr.value, level.postfix)}.${expr.name.text}`;
    case 'number': return expr.text;
    case 'bool': return String(expr.value);
    case 'none': return 'none';
    case 'string': return `"${expr.value}"`;
    case 'name': return expr.name.text;
    case 'tuple': return `(${all(expr.items, item => printExpr(p, item))}${expr.items.length === 1 ? ',' : ''})`;
    case 'fill': return `${expr.what}[${all(expr.dims, dim => printExpr(p, dim))}]`;
    case 'scan': return printScan(p, expr);
    default: return expr satisfies never;
  }
}

const all = <T>(items: readonly T[], print: (item: T) => string): string => items.map(print).join(', ');

/** `linear(512, bias: false) { posterior point } as head` */
export function printCall(p: ExprPrinter, call: Call): string {
  const args = call.bare ? '' : `(${printArgs(p, call.args)})`;
  const settings = call.settings ? ` ${printSettings(p, call.settings)}` : '';
  const as = call.as ? ` as ${call.as.name.text}${call.as.again ? ' again' : ''}` : '';
  return `${call.callee.text}${args}${settings}${as}`;
}

export function printArgs(p: ExprPrinter, args: readonly Argument[]): string {
  return all(args, ({ label, value }) => `${label ? `${label.text}: ` : ''}${printExpr(p, value)}`);
}

function printSettings(p: ExprPrinter, settings: readonly SettingStatement[]): string {
  if (settings.length === 0) return '{}';
  return `{ ${all(settings, ({ weight, setting }) => `${weight ? `${weight.text}: ` : ''}${setting.kind}${printSettingValue(p, setting)}`)} }`;
}

/** What follows the word of a setting, with a blank before it. */
export function printSettingValue(p: ExprPrinter, setting: Setting): string {
  switch (setting.kind) {
    case 'prior': case 'posterior': case 'estimator': return ` ${printFamily(p, setting.family)}`;
    case 'kl': return ` ${setting.how}`;
    case 'frozen': case 'fixed': return '';
    default: return setting satisfies never;
  }
}

/** `normal(0, 1)`; a family without arguments is a bare word. */
export function printFamily(p: ExprPrinter, { name, args }: FamilyUse): string {
  return args.length === 0 ? name.text : `${name.text}(${printArgs(p, args)})`;
}

export function printTensorType(p: ExprPrinter, { classes, dims }: TensorType): string {
  return `${classes ? `class(${printExpr(p, classes)})` : ''}${printDims(p, dims)}`;
}

export function printDims(p: ExprPrinter, dims: readonly DimItem[]): string {
  return `[${all(dims, dim => dim.kind === 'rest' ? '...' : printExpr(p, dim))}]`;
}

function printIndexItem(p: ExprPrinter, item: IndexItem): string {
  switch (item.kind) {
    case 'at': return printExpr(p, item.value);
    case 'rest': return '...';
    case 'slice': {
      const end = (expr: Expr | undefined): string => expr ? printExpr(p, expr) : '';
      return `${end(item.from)}:${end(item.to)}${item.step ? `:${printExpr(p, item.step)}` : ''}`;
    }
    default: return item satisfies never;
  }
}

function printScan(p: ExprPrinter, scan: Scan): string {
  const names = all(scan.names, name => name.text);
  const over = all(scan.over, expr => printExpr(p, expr));
  // A settings block would be taken for the body, so brackets go around what has one.
  const carry = all(scan.carry, ({ name, init }) => `${name.text} = ${hasSettings(init) ? `(${printExpr(p, init)})` : printExpr(p, init)}`);
  return `scan ${names} over ${over} axis ${scan.axis}${scan.reverse ? ' reverse' : ''} with ${carry} ${p.scanBody(scan, p.indent)}`;
}

/** Whether a settings block stands anywhere in a tree of records and arrays. */
function hasSettings(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ('settings' in node && node.settings !== undefined) return true;
  return Object.values(node).some(hasSettings);
}
