/** A command on several files, each for itself. */
import pc from 'picocolors';
import { asJson, CompileError, readText, sayError, showAll } from './output.ts';

/** Runs `f` for each file; errors of one do not hide those of the next. */
export async function each(files: readonly string[], json: boolean | undefined, f: (file: string, text: string) => Promise<object>): Promise<void> {
  const reports: object[] = [];
  for (const file of files) {
    let text = '';
    try {
      text = readText(file);
      reports.push(await f(file, text));
    } catch (e) {
      if (!(e instanceof CompileError)) { reports.push({ file, ok: false, error: sayError(e) }); continue; }
      process.exitCode = 1;
      if (json) reports.push({ file, ok: false, diagnostics: asJson(e.diagnostics, text, e.sources) });
      else {
        showAll(e.diagnostics, file, text, e.sources);
        process.stderr.write(`${pc.red(`${e.diagnostics.length} error${e.diagnostics.length === 1 ? '' : 's'}`)} in ${file}\n`);
      }
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
}
