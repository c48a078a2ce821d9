/** The standard layers: the `.bnn` files of `compiler/library`, read and parsed once. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from './1-syntax/parse.ts';
import type { Program } from './1-syntax/ast.ts';

let parsed: readonly Program[] | undefined;

/** All files of the library, in the order of their names. They lie beside this module, in `dist` too. */
export function library(): readonly Program[] {
  const folder = new URL('./library/', import.meta.url);
  parsed ??= readdirSync(folder).filter(f => f.endsWith('.bnn')).sort().map(f => parse(readFileSync(new URL(f, folder), 'utf8'), `library/${f}`));
  return parsed;
}
/** Texts of the library, for frames. */
export const librarySources = (): ReadonlyMap<string, string> => {
  const folder = new URL('./library/', import.meta.url);
  return new Map(readdirSync(folder).filter(f => f.endsWith('.bnn')).map(f => [`library/${f}`, readFileSync(new URL(f, folder), 'utf8')]));
};
