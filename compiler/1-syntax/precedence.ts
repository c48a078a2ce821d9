/**
 * Which sign binds tighter. Imagine a ladder: an operand hangs on the higher of its two neighbours. The parser climbs it
 * to make trees, the formatter to see where brackets are needed, and the reference shows it as a table.
 */
import type { BinaryOp, Expr } from './ast.ts';

/** The rungs, loosest first. */
export const level = {
  conditional: 1, or: 2, and: 3, not: 4, comparison: 5, pipe: 6, sum: 7, product: 8, negative: 9, power: 10, postfix: 11, atom: 12,
} as const;

export const levelOf: Readonly<Record<BinaryOp, number>> = {
  or: level.or, and: level.and,
  '==': level.comparison, '!=': level.comparison, '<': level.comparison, '<=': level.comparison, '>': level.comparison, '>=': level.comparison,
  '+': level.sum, '-': level.sum, '*': level.product, '/': level.product, '@': level.product, '**': level.power,
};

export const levelOfUnary = { '-': level.negative, not: level.not } as const;

/** How tightly an expression holds together. */
export function levelOfExpr(expr: Expr): number {
  switch (expr.kind) {
    case 'conditional': return level.conditional;
    case 'pipe': return level.pipe;
    case 'binary': return levelOf[expr.op];
    case 'unary': return levelOfUnary[expr.op];
    case 'index': case 'field': return level.postfix;
    default: return level.atom;
  }
}

export const isBinaryOp = (text: string): text is BinaryOp => Object.hasOwn(levelOf, text);
