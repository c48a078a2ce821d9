/** Words of the author's in a sentence of ours: imagine a long one cut short so that the sentence stays one line. */

/** The text in backquotes, on one line, at most 40 characters of it. */
export function quoted(text: string): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('`', '\u02cb');
  return `\`${line.length > 40 ? `${line.slice(0, 37)}…` : line}\``;
}
