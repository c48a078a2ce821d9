/**
 * Chevrotain from its own bundle. The entry of the package is the same code in 400 files, most of them lodash's, which take
 * 0.4 s to find and read; the bundle takes 0.02 s. It is not among the package's exports, so it is found beside the entry.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const entry = pathToFileURL(createRequire(import.meta.url).resolve('chevrotain'));
const bundle = await (import(new URL('../chevrotain.min.mjs', entry).href) as Promise<typeof import('chevrotain')>) // the bundle exports what the entry does
  .catch(() => import('chevrotain'));

export const { createToken, CstParser, generateCstDts, Lexer } = bundle;
