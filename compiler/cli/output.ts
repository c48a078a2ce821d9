/** What all commands share: reading files, saying what is wrong, writing all or nothing. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { BnncError } from '../../runtime/errors.ts';
import { CompileError, InternalError } from '../diagnostics.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { librarySources } from '../library.ts';
import { positionOf, showDiagnostic } from '../show-diagnostic.ts';

/** Something that the person at the keyboard can mend: a sentence, and exit code 1 unless it says another. */
export class UserError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) { super(message); this.exitCode = exitCode; }
}

/** A file's text. A sentence for everything that is no text. */
export function readText(path: string): string {
  if (!existsSync(path)) throw new UserError(`there is no file ${path}`);
  if (statSync(path).isDirectory()) throw new UserError(`${path} is a directory: name the .bnn files in it`);
  let bytes: Buffer;
  try { bytes = readFileSync(path); } catch (e) { throw new UserError(`${path} can't be read: ${e instanceof Error ? e.message : String(e)}`); }
  if (bytes.includes(0)) throw new UserError(`${path} is not a text`);
  const text = bytes.toString('utf8');
  if (text.trim() === '') throw new UserError(`${path} is empty`);
  return text;
}

/** Refuses to write over what is read. */
export function spared(written: Readonly<Record<string, string | undefined>>, read: readonly (string | undefined)[]): void {
  for (const [option, path] of Object.entries(written)) {
    if (path !== undefined && read.some(r => r !== undefined && resolve(r) === resolve(path))) throw new UserError(`--${option} ${path} would write over what this command reads: name another file`);
  }
}

/** Writes all files or none: each next to its place first, then all renamed. */
export function writeAll(folder: string, files: readonly { readonly name: string; readonly text: string }[]): readonly string[] {
  const parts = files.map(f => ({ to: join(folder, f.name), from: join(folder, `.${f.name}.${process.pid}.part`), text: f.text }));
  const refuse = (e: unknown): never => { throw new UserError(`${folder} can't be written: ${e instanceof Error ? e.message : String(e)}`); };
  try { mkdirSync(folder, { recursive: true }); } catch (e) { refuse(e); }
  try {
    for (const p of parts) writeFileSync(p.from, p.text);
    for (const p of parts) renameSync(p.from, p.to);
  } catch (e) {
    for (const p of parts) rmSync(p.from, { force: true });
    refuse(e);
  }
  return parts.map(p => p.to);
}

/** Diagnostics as frames on stderr. */
export function showAll(diagnostics: readonly Diagnostic[], file: string, text: string, imported: ReadonlyMap<string, string> = new Map()): void {
  const sources = new Map([...librarySources(), ...imported, [file, text] as const]);
  for (const d of diagnostics) process.stderr.write(`${showDiagnostic(d, sources, { color: pc.isColorSupported })}\n\n`);
}
/** Diagnostics as data: positions counted from 1. */
export const asJson = (diagnostics: readonly Diagnostic[], text: string, imported: ReadonlyMap<string, string> = new Map()): readonly object[] => diagnostics.map(d => {
  const place = (span: Diagnostic['span']): object => ({ file: span.file, ...positionOf(imported.get(span.file) ?? librarySources().get(span.file) ?? text, span.start), start: span.start, end: span.end });
  return { severity: d.severity, code: d.code, message: d.message, ...place(d.span), notes: d.notes.map(n => ({ message: n.message, ...(n.span ? place(n.span) : {}) })), suggestion: d.suggestion };
});

/** Says what went wrong on stderr, and sets the exit code. The sentence. */
export function sayError(e: unknown): string {
  process.exitCode = e instanceof UserError ? e.exitCode : 1;
  const isUsers = e instanceof UserError || e instanceof BnncError;
  const sentence = isUsers || e instanceof InternalError ? e.message : `bug in the compiler: ${e instanceof Error ? e.message : String(e)}`;
  process.stderr.write(`${pc.red('error')}: ${sentence}\n${isUsers ? '' : 'Please report it with the .bnn file that shows it.\n'}`);
  return sentence;
}

/** Runs a command: what the author did wrong is a sentence or frames, what the compiler did wrong says so. Never a stack trace. */
export async function guarded(run: () => Promise<void>): Promise<void> {
  // whoever reads the output may have had enough of it (`| head`)
  process.stdout.on('error', (e: NodeJS.ErrnoException) => { if (e.code === 'EPIPE') process.exit(process.exitCode ?? 0); else throw e; });
  try { await run(); } catch (e) {
    const error = sayError(e);
    // whoever asked for data has it of an error too
    if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ ok: false, error }, undefined, 2)}\n`);
  }
}
export { CompileError };
