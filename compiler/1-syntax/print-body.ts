/**
 * A row of statements between braces. Imagine each on a line of its own, the comments before it above it, the comment
 * behind it behind it, and the words of neighbours that declare alike set in columns.
 */
import type { Comment, Doc, Expr, FamilyItem, Method, Scan, Span, Statement } from './ast.ts';
import type { CommentQueue } from './print-comments.ts';
import { printDims, printExpr, printFamily, printSettingValue, printTensorType, type ExprPrinter } from './print-expr.ts';
import { level } from './precedence.ts';

const step = 2;
/** Lines longer than this are broken at their pipes. */
const widest = 100;

/** A statement's text in three columns; neighbours of one `group` share the widths of the first two. */
interface Columns { readonly group: string; readonly word: string; readonly head: string; readonly rest: string }
type Entry = Statement | { readonly kind: 'yield'; readonly value: Expr; readonly span: Span } | Method & { readonly kind: 'method' };
interface Line { readonly leading: readonly string[]; readonly columns: Columns; readonly trailing?: Comment }

/** `{ … }` with one statement a line. `end` is the offset of the closing brace, `indent` the columns before it. */
export function printBody(queue: CommentQueue, body: readonly Entry[], end: number, indent: number): string {
  const inner = indent + step;
  const p: ExprPrinter = { indent: inner, scanBody: (scan, at) => printScanBody(queue, scan, at), repeatBody: (r, at) => printBody(queue, r.body, r.span.end, at) };
  let opening = '';
  const lines: Line[] = [];
  /** Where the last statement or comment that was printed ended. */
  let behind = -1;
  const comments = (before: number): string[] => {
    const taken = queue.takeBefore(before);
    behind = taken.at(-1)?.span.end ?? behind;
    const [first] = taken;
    const atBrace = lines.length === 0 && first && !first.ownLine && opening === '' ? first : undefined;
    if (atBrace) opening = `  ${atBrace.text}`;
    return taken.filter(c => c !== atBrace).flatMap((c, i) => [...(queue.blankBefore(c.span.start) && (lines.length > 0 || i > 0) ? [''] : []), c.text]);
  };
  body.forEach((entry, i) => {
    const leading = comments(hoistLimit(entry));
    const doc = 'doc' in entry ? entry.doc : undefined;
    // The place of a `yield` is that of its value, so its empty line lies anywhere before.
    const start = doc?.span.start ?? entry.span.start;
    const blank = (entry.kind === 'yield' ? queue.blankWithin(behind, start) : queue.blankBefore(start)) && (lines.length > 0 || leading.length > 0);
    const columns = printEntry(p, entry);
    const trailing = queue.takeTrailing(entry.span.end, body[i + 1]?.span.start ?? end);
    behind = trailing?.span.end ?? entry.span.end;
    lines.push({ leading: [...leading, ...(blank ? [''] : []), ...docLines(doc)], columns, ...(trailing ? { trailing } : {}) });
  });
  const closing = comments(end);
  const text = [...aligned(lines).flatMap(({ leading, text: line }) => [...leading, line]), ...closing];
  if (text.length === 0 && opening === '') return '{}';
  const margin = ' '.repeat(inner);
  return [`{${opening}`, ...text.map(line => line === '' ? '' : `${margin}${line}`), `${' '.repeat(indent)}}`].join('\n');
}

/** `/// …` lines. */
export const docLines = (doc: Doc | undefined): readonly string[] => doc ? doc.text.split('\n').map(line => line === '' ? '///' : `/// ${line}`) : [];

/** `{ … }` of a scan, its `yield` last. */
export function printScanBody(queue: CommentQueue, scan: Scan, indent: number): string {
  return printBody(queue, [...scan.body, { kind: 'yield', value: scan.yields, span: scan.yields.span }], scan.span.end, indent);
}

/** `{ … }` of a family. */
export function printMethods(queue: CommentQueue, item: FamilyItem): string {
  return printBody(queue, item.methods.map(m => ({ kind: 'method' as const, ...m })), item.span.end, 0);
}

/** Comments before this offset go above the statement; those in the body of a scan stay there. */
function hoistLimit(entry: Entry): number {
  if (entry.kind === 'repeat') return entry.as?.span.end ?? entry.count.span.end;
  const scan = firstScan(entry);
  return scan ? scan.carry.at(-1)?.init.span.end ?? scan.span.start : entry.span.end;
}

function firstScan(node: unknown): Scan | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  if ('kind' in node && node.kind === 'scan') return node as Scan; // the only node of this kind
  let first: Scan | undefined;
  for (const child of Object.values(node)) {
    const found = firstScan(child);
    if (found && (!first || found.span.start < first.span.start)) first = found;
  }
  return first;
}

/** Sets neighbours of one group in columns. A comment, a doc or an empty line between them ends a run. */
function aligned(lines: readonly Line[]): readonly { readonly leading: readonly string[]; readonly text: string }[] {
  const runs: Line[][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run && run[0]?.columns.group === line.columns.group && line.leading.length === 0) run.push(line);
    else runs.push([line]);
  }
  return runs.flatMap(run => {
    const width = (of: 'word' | 'head'): number => Math.max(...run.map(({ columns }) => columns[of].length));
    const [word, head] = [width('word'), width('head')];
    return run.map(({ leading, columns, trailing }) => {
      const parts = [columns.word.padEnd(word), ...(head > 0 ? [columns.head.padEnd(head)] : []), columns.rest];
      const text = (columns.group === '' ? columns.rest : parts.join(' ')).trimEnd();
      return { leading, text: trailing ? `${text}  ${trailing.text}` : text };
    });
  });
}

function printEntry(p: ExprPrinter, entry: Entry): Columns {
  switch (entry.kind) {
    case 'input': case 'target': return { group: 'port', word: entry.kind, head: `${entry.name.text}:`, rest: printTensorType(p, entry.type) };
    case 'weight': {
      const prior = entry.prior ? ` ~ ${printFamily(p, entry.prior)}` : '';
      const posterior = entry.posterior ? ` by ${printFamily(p, entry.posterior)}` : '';
      return { group: 'weight', word: 'weight', head: `${entry.name.text}:`, rest: `${printDims(p, entry.dims)}${prior}${posterior}${printCondition(p, entry.condition)}` };
    }
    case 'param': {
      const dims = printDims(p, entry.dims);
      const init = entry.init ? ` = ${printExpr(p, entry.init, level.or)}` : '';
      return { group: 'weight', word: 'param', head: `${entry.name.text}:`, rest: `${dims}${init}${printCondition(p, entry.condition)}` };
    }
    case 'state': {
      const init = entry.init ? ` = ${printExpr(p, entry.init, level.or)}` : '';
      return { group: 'weight', word: 'state', head: `${entry.name.text}:`, rest: `${printDims(p, entry.dims)}${init}${printCondition(p, entry.condition)}` };
    }
    case 'update': return { group: '', word: '', head: '', rest: printValue(p, `update ${entry.name.text} = `, entry.value, 0) };
    case 'draw': return { group: 'draw', word: 'draw', head: `${entry.always ? 'always ' : ''}${entry.name.text}:`, rest: `${printDims(p, entry.dims)} ~ ${printFamily(p, entry.family)}` };
    case 'repeat': {
      const { count } = entry;
      const times = count.kind === 'number' || count.kind === 'name' ? printExpr(p, count) : `(${printExpr(p, count)})`;
      return { group: '', word: '', head: '', rest: `repeat ${times}${entry.as ? ` as ${entry.as.text}` : ''} ${p.repeatBody(entry, p.indent)}` };
    }
    case 'setting': return { group: 'setting', word: `${entry.isDefault ? 'default ' : ''}${entry.setting.kind}`, head: '', rest: printSettingValue(p, entry.setting).trimStart() };
    case 'output': {
      const rest = entry.name ? printValue(p, `${entry.name.text} = `, entry.value, 'output '.length) : printExpr(p, entry.value);
      return { group: 'result', word: 'output', head: '', rest };
    }
    case 'loss': return { group: 'result', word: 'loss', head: '', rest: printValue(p, '', entry.value, 'loss '.length) };
    case 'observe': return { group: 'result', word: 'observe', head: '', rest: `${entry.target.text} ~ ${printFamily(p, entry.family)}` };
    case 'let': return { group: '', word: '', head: '', rest: printValue(p, `${entry.names.map(name => name.text).join(', ')} = `, entry.value, 0) };
    case 'method': return { group: '', word: '', head: '', rest: printValue(p, `${entry.name.text}(${entry.argument.text}) = `, entry.value, 0) };
    case 'yield': return { group: '', word: '', head: '', rest: printValue(p, 'yield ', entry.value, 0) };
    case 'return': {
      const [first, ...rest] = entry.values;
      const fields = entry.fields.length === 0 ? [] : entry.fields;
      const single = first && rest.length === 0 && fields.length === 0 ? printValue(p, 'return ', first, 0) : undefined;
      if (single !== undefined) return { group: '', word: '', head: '', rest: single };
      const values = entry.values.map(value => printExpr(p, value)).join(', ');
      const named = fields.map(({ name, value }) => `${name.text}: ${printExpr(p, value)}`).join(', ');
      return { group: '', word: '', head: '', rest: `return ${values}${named === '' ? '' : ` with ${named}`}` };
    }
    default: return entry satisfies never;
  }
}

const printCondition = (p: ExprPrinter, condition: Expr | undefined): string => condition ? ` if ${printExpr(p, condition)}` : '';

/** A value behind `start`; a pipe that makes the line too long is broken, one use a line. */
function printValue(p: ExprPrinter, start: string, value: Expr, before: number): string {
  const parts = pipeParts(value);
  // Each part is printed once, in the order of the text, so that comments are taken once.
  const [first = '', ...uses] = parts.map((part, i) => printExpr(p, part, i === 0 && parts.length > 1 ? level.pipe : level.conditional));
  const line = [`${start}${first}`, ...uses].join(' |> ');
  const columns = Math.max(...line.split('\n').map((text, i) => text.length + (i === 0 ? p.indent + before : 0)));
  if (uses.length === 0 || columns <= widest) return line;
  const deeper = `\n${' '.repeat(step)}`;
  return [`${start}${first}`, ...uses.map(use => `|> ${use}`.replaceAll('\n', deeper))].join(`\n${' '.repeat(p.indent + step)}`);
}

/** The value at the left end of a pipe and its uses. */
function pipeParts(expr: Expr): readonly Expr[] {
  const uses: Expr[] = [];
  let left = expr;
  for (; left.kind === 'pipe'; left = left.value) uses.unshift(left.use);
  return [left, ...uses];
}
