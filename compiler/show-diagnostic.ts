/**
 * A diagnostic as the author sees it: a headline with the place, the line with a run of carets under it, notes with
 * places of their own, and what to write instead. Line, column and frame are derived here and nowhere else.
 */
import picocolors from 'picocolors';
import type { Span } from './1-syntax/ast.ts';
import type { Diagnostic, Sources } from './diagnostics.ts';

/** Line and column as people count: from 1, in characters (an emoji is one). */
export interface Position { readonly line: number; readonly column: number }

/** The position of a UTF-16 offset; a line ends with `\n`, `\r\n` or `\r`. Offsets outside are taken to the nearest end. */
export function positionOf(source: string, offset: number): Position {
  const at = Math.max(0, Math.min(offset, source.length));
  const before = source.slice(0, at);
  // An offset inside `\r\n` still belongs to the line that it ends.
  const breaks = [...before.matchAll(/\r\n|\n|\r(?!$)/g)];
  if (before.endsWith('\r') && source[at] !== '\n') return { line: breaks.length + 2, column: 1 };
  const last = breaks.at(-1);
  const lineStart = last ? last.index + last[0].length : 0;
  return { line: breaks.length + 1, column: [...before.slice(lineStart)].length + 1 };
}

/**
 * `file:line:column: error B012: message`, the frame, the notes, the help. Only files in `sources` are quoted; of others
 * the name alone is told. Ends without a line break.
 */
export function showDiagnostic(d: Diagnostic, sources: Sources, { color }: { readonly color: boolean }): string {
  const paint = picocolors.createColors(color);
  const loud = d.severity === 'error' ? paint.red : paint.yellow;
  const lines = [
    `${paint.bold(`${place(d.span, sources)}:`)} ${paint.bold(loud(`${d.severity} ${d.code}:`))} ${paint.bold(escaped(d.message))}`,
    ...frame(d.span, sources, loud, paint.dim),
  ];
  for (const note of d.notes) {
    lines.push(`  ${paint.cyan('note:')} ${note.span ? `${place(note.span, sources)}: ` : ''}${escaped(note.message)}`);
    if (note.span) lines.push(...frame(note.span, sources, paint.cyan, paint.dim));
  }
  if (d.suggestion !== undefined) lines.push(`  ${paint.green('help:')} ${escaped(d.suggestion)}`);
  return lines.join('\n');
}

function place(span: Span, sources: Sources): string {
  const source = sources.get(span.file);
  if (source === undefined) return escaped(span.file);
  const { line, column } = positionOf(source, span.start);
  return `${escaped(span.file)}:${line}:${column}`;
}

type Paint = (text: string) => string;

/** Quoted lines longer than this are cut around the place. */
const widest = 160;

/** The first line of the span with carets under it; of a longer span the first line, and how many follow. */
function frame(span: Span, sources: Sources, loud: Paint, dim: Paint): readonly string[] {
  const source = sources.get(span.file);
  if (source === undefined) return [];
  const start = Math.max(0, Math.min(span.start, source.length));
  const end = Math.max(start, Math.min(span.end, source.length));
  const lineStart = Math.max(source.lastIndexOf('\n', start - 1), source.lastIndexOf('\r', start - 1)) + 1;
  const rest = /\r\n|\n|\r/.exec(source.slice(lineStart));
  const lineEnd = Math.max(start, rest ? lineStart + rest.index : source.length);
  const more = source.slice(lineEnd, end).trim() === '' ? 0 : positionOf(source, end).line - positionOf(source, start).line;

  const before = visible(source.slice(lineStart, start));
  const inside = visible(source.slice(start, Math.min(end, lineEnd)));
  const after = visible(source.slice(Math.min(end, lineEnd), lineEnd));
  const cutBefore = tail(before, widest / 2);
  const cutInside = head(inside, widest);
  const cutAfter = inside.length > widest ? '' : head(after, widest / 2);

  const number = String(positionOf(source, start).line);
  const bar = (text: string): string => dim(`  ${text.padStart(number.length)} |`);
  return [
    `${bar(number)} ${cutBefore}${cutInside}${cutAfter}`.trimEnd(),
    `${bar('')} ${' '.repeat(width(cutBefore))}${loud('^'.repeat(Math.max(1, width(cutInside))))}${more > 0 ? dim(` … and ${more} more ${more === 1 ? 'line' : 'lines'}`) : ''}`,
  ];
}

const head = (text: string, length: number): string => text.length <= length ? text : `${[...text].slice(0, length).join('')}…`;
const tail = (text: string, length: number): string => text.length <= length ? text : `…${[...text].slice(-length).join('')}`;

/** Tabs as four blanks, so that the carets stand where they should in any terminal; everything unprintable escaped. */
const visible = (text: string): string => escaped(text.replaceAll('\t', '    '));

/** C0 and C1 controls, line and paragraph separators, and marks that turn the direction of writing, as `\u{…}`. */
function escaped(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    c => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** Columns in a terminal: marks that combine take none, East Asian wide characters and emoji two (Unicode Standard Annex 11). */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns += /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u.test(character) ? 2 : 1;
  }
  return columns;
}
