/**
 * The files that a file imports, read once each. Paths are relative, end in `.bnn`, and stay inside the project with links
 * followed (DECISIONS 2.9); what a file says that is no `.bnn` file never reaches an error.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { ImportItem, Program } from './1-syntax/ast.ts';
import { parse } from './1-syntax/parse.ts';
import { CompileError } from './diagnostics.ts';
import type { Diagnostic } from './diagnostics.ts';

/** How the compiler reads files: a page or a plugin brings its own. */
export interface Host {
  /** The text of the file that `path` names in a file called `from`, with the name it has in messages; a sentence when it may not be read. */
  read(path: string, from: string): { readonly file: string; readonly text: string } | { readonly wrong: string };
}

/** Reads inside the project of a file: below the nearest folder with a package.json, or beside the file. */
export function projectHost(file: string): Host {
  const own = resolve(dirname(file));
  let root = own;
  for (let at = own; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) { root = at; break; }
    if (dirname(at) === at) break;
  }
  return folderHost(root);
}

/** Reads below `root` only. */
function folderHost(root: string): Host {
  const top = existsSync(root) ? realpathSync(root) : root;
  return {
    read(path, from) {
      const at = resolve(dirname(from), path);
      if (!existsSync(at)) return { wrong: `there is no file ${path}` };
      const real = realpathSync(at);
      if (relative(top, real).startsWith('..') || !real.endsWith('.bnn')) return { wrong: `${path} leads out of the project, or is no .bnn file` };
      return { file: join(dirname(from), path), text: readFileSync(real, 'utf8') };
    },
  };
}

export interface Imported { readonly programs: readonly Program[]; readonly sources: ReadonlyMap<string, string> }

/** All files that a program imports, and those that they import, each before those that need it. Throws CompileError with all that is wrong. */
export function importsOf(program: Program, host: Host | undefined): Imported {
  const programs = new Map<string, Program>();
  const sources = new Map<string, string>();
  const wrong: Diagnostic[] = [];
  const refuse = (i: ImportItem, message: string, suggestion?: string): void => { wrong.push({ severity: 'error', code: 'B037', message, span: i.pathSpan, notes: [], ...(suggestion ? { suggestion } : {}) }); };
  const visit = (p: Program, above: readonly string[]): void => {
    for (const i of p.items) {
      if (i.kind !== 'import') continue;
      if (!/^\.\.?\//.test(i.path) || !i.path.endsWith('.bnn')) { refuse(i, 'an import is a relative path that ends in .bnn', 'import "./layers.bnn"'); continue; }
      const found = host?.read(i.path, p.file) ?? { wrong: 'files can not be imported here' };
      if ('wrong' in found) { refuse(i, found.wrong); continue; }
      if (above.includes(found.file) || found.file === program.file) { refuse(i, `${i.path} imports itself${above.length > 0 ? `, by way of ${above.join(', ')}` : ''}`); continue; }
      if (programs.has(found.file)) continue;
      sources.set(found.file, found.text);
      try {
        const read = parse(found.text, found.file);
        visit(read, [...above, found.file]);
        programs.set(found.file, read);
      } catch (e) {
        if (!(e instanceof CompileError)) throw e;
        wrong.push(...e.diagnostics);
      }
    }
  };
  visit(program, []);
  if (wrong.length > 0) throw new CompileError(wrong, sources);
  return { programs: [...programs.values()], sources };
}
