/**
 * Fills the generated parts of the reference from the tables: functions, layers, families, diagnostics. `npm run docs` writes
 * them; a test fails when they are stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { syntaxCodes } from '../compiler/1-syntax/codes.ts';
import { codes } from '../compiler/2-check/codes.ts';
import { functions } from '../compiler/2-check/functions.ts';
import { families } from '../compiler/families/families.ts';
import { library, librarySources } from '../compiler/library.ts';

const path = new URL('./reference.md', import.meta.url);
const cell = (text: string): string => text.replaceAll('|', '\\|');
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(r => `| ${r.map(cell).join(' | ')} |`).join('\n');

const parts: Readonly<Record<string, () => string>> = {
  functions: () => table(['function', 'arguments', 'what it gives', 'example'], Object.entries(functions).map(([name, f]) => [
    `\`${name}\``, f.parameters.map(p => `${p.name}: ${p.kind}${p.default ? ' (optional)' : ''}`).join(', '), f.doc, `\`${f.example}\``,
  ])),
  layers: () => library().flatMap(p => p.items.flatMap(i => (i.kind === 'layer' ? [`### ${i.name.text}\n\n${i.doc?.text ?? ''}\n\n\`\`\`bnn\n${(librarySources().get(p.file) ?? '').slice(i.span.start, i.span.end)}\n\`\`\``] : []))).join('\n\n'),
  families: () => table(['family', 'parameters', 'may be a', 'divergence from a normal posterior'], Object.entries(families).map(([name, f]) => [`\`${name}\``, f.parameters.join(', '), f.uses.join(', '), f.uses.includes('prior') ? (f.klFromNormal ? 'exact' : 'sampled') : ''])),
  diagnostics: () => table(['code', 'what is wrong'], [...Object.entries(syntaxCodes), ...Object.entries(codes)].map(([code, text]) => [code, String(text)])),
};

/** The reference with its generated parts as the tables have them now. */
export function filled(text: string): string {
  return Object.entries(parts).reduce((t, [name, make]) => {
    const start = `<!-- generated:${name} -->`;
    const from = t.indexOf(start);
    const to = t.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`the reference has no part ${name}`);
    return `${t.slice(0, from + start.length)}\n\n${make()}\n\n${t.slice(to)}`;
  }, text);
}
if (process.argv[1]?.endsWith('docs.ts')) writeFileSync(path, filled(readFileSync(path, 'utf8')));
