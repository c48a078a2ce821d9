/** The standard layers and families: the `.bnn` files of `compiler/library`, each read and parsed once, when something needs it. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from './1-syntax/parse.ts';
import type { Program } from './1-syntax/ast.ts';

let texts: ReadonlyMap<string, string> | undefined;
const parsed = new Map<string, Program>();

/** Texts of the library by file, in the order of their names. They lie beside this module, in `dist` too. */
export function librarySources(): ReadonlyMap<string, string> {
  const folder = new URL('./library/', import.meta.url);
  texts ??= new Map(readdirSync(folder).filter(f => f.endsWith('.bnn')).sort().map(f => [`library/${f}`, readFileSync(new URL(f, folder), 'utf8')]));
  return texts;
}
const programOf = (file: string, text: string): Program => { const p = parsed.get(file) ?? parse(text, file); parsed.set(file, p); return p; };

/** The whole library. */
export const library = (): readonly Program[] => [...librarySources()].map(([file, text]) => programOf(file, text));

/** The files of the library that define a word of these texts, and those that they need in turn: reading the rest would be most of the work of a small compile. */
export function libraryFor(sources: readonly string[]): readonly Program[] {
  const words = new Set(sources.flatMap(wordsOf));
  const chosen = new Set<string>();
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const [file, text] of librarySources()) {
      if (chosen.has(file) || ![...text.matchAll(/^(?:layer|family)\s+(\w+)/gm)].some(m => words.has(m[1] ?? ''))) continue;
      chosen.add(file);
      wordsOf(text).forEach(w => words.add(w));
    }
  }
  return [...librarySources()].flatMap(([file, text]) => (chosen.has(file) ? [programOf(file, text)] : []));
}
const wordsOf = (text: string): readonly string[] => text.split(/\W+/);
