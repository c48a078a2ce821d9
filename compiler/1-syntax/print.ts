/**
 * The formatter, `bnnc fmt`: from `Program` to text. Imagine the items under each other with one empty line between, each
 * with its documentation above it; what they contain is printed by `print-body.ts` and `print-expr.ts`.
 */
import type { Item, Parameter, Program } from './ast.ts';
import { docLines, printBody, printMethods, printScanBody } from './print-body.ts';
import { commentQueue, type CommentQueue } from './print-comments.ts';
import { printArgs, printExpr, printTensorType, type ExprPrinter } from './print-expr.ts';

/**
 * The program as text, such that `parse` gives it back up to spans, and printing that gives the same text. Comments stay
 * in their order; one inside of a statement moves above it.
 */
export function printProgram(program: Program): string {
  const queue = commentQueue(program);
  const { items } = program;
  const lines: string[] = [];
  const comments = (before: number): void => {
    for (const comment of queue.takeBefore(before)) {
      if (lines.length > 0 && (queue.blankBefore(comment.span.start) || afterItem)) lines.push('');
      lines.push(comment.text);
      afterItem = false;
    }
  };
  let afterItem = false;
  items.forEach((item, i) => {
    comments(item.kind === 'instance' || item.kind === 'import' ? item.span.end : item.span.start);
    const doc = item.kind === 'import' ? undefined : item.doc;
    // imports stand together
    const apart = afterItem && !(item.kind === 'import' && items[i - 1]?.kind === 'import');
    if (lines.length > 0 && (apart || queue.blankBefore(doc?.span.start ?? item.span.start))) lines.push('');
    lines.push(...docLines(doc));
    const text = printItem(queue, item);
    const trailing = queue.takeTrailing(item.span.end, items[i + 1]?.span.start ?? Infinity);
    lines.push(trailing ? `${text}  ${trailing.text}` : text);
    afterItem = true;
  });
  comments(Infinity);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function printItem(queue: CommentQueue, item: Item): string {
  const p: ExprPrinter = { indent: 0, scanBody: (scan, indent) => printScanBody(queue, scan, indent), repeatBody: (r, indent) => printBody(queue, r.body, r.span.end, indent) };
  switch (item.kind) {
    case 'instance': return `model ${item.name.text} = ${item.model.text}${item.args.length === 0 ? '' : `(${printArgs(p, item.args)})`}`;
    case 'model': {
      const parameters = item.parameters.length === 0 ? '' : `(${printParameters(p, item.parameters)})`;
      return `model ${item.name.text}${parameters} ${printBody(queue, item.body, item.span.end, 0)}`;
    }
    case 'layer': {
      const result = item.result ? ` -> ${printTensorType(p, item.result)}` : '';
      return `layer ${item.name.text}(${printParameters(p, item.parameters)})${result} ${printBody(queue, item.body, item.span.end, 0)}`;
    }
    case 'import': return `import "${item.path}"`;
    case 'familyItem': {
      const parameters = item.parameters.map(({ name, default: value }) => `${name.text}${value ? ` = ${printExpr(p, value)}` : ''}`).join(', ');
      return `family ${item.name.text}(${parameters}) ${printMethods(queue, item)}`;
    }
    default: return item satisfies never;
  }
}

function printParameters(p: ExprPrinter, parameters: readonly Parameter[]): string {
  return parameters.map(({ name, type, default: value }) => {
    const typeText = type.kind === 'scalarType' ? type.name : printTensorType(p, type);
    return `${name.text}: ${typeText}${value ? ` = ${printExpr(p, value)}` : ''}`;
  }).join(', ');
}
