/** The command line as it is typed (what `npm run build` made), in a folder that is gone afterwards. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

export const command = fileURLToPath(new URL('../../dist/compiler/cli/main.js', import.meta.url));
export interface Said { readonly status: number | null; readonly out: string; readonly said: string }
export interface Desk {
  readonly folder: string;
  readonly at: (name: string) => string;
  /** Writes a file; where it is. */
  readonly write: (name: string, text: string) => string;
  /** Runs a command; what it said is without colours, which an environment may ask for (`CI`, `FORCE_COLOR`). */
  readonly bnnc: (...args: readonly string[]) => Said;
  readonly clear: () => void;
}

/** @param cwd Where commands are run; in the folder itself when left out. */
export function desk(name: string, cwd?: string): Desk {
  const folder = mkdtempSync(join(tmpdir(), `bnnc-${name}-`));
  const at = (file: string): string => join(folder, file);
  return {
    folder, at,
    write: (file, text) => { writeFileSync(at(file), text); return at(file); },
    bnnc: (...args) => {
      const run = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', cwd: cwd ?? folder });
      return { status: run.status, out: stripVTControlCharacters(run.stdout), said: stripVTControlCharacters(run.stderr) };
    },
    clear: () => { rmSync(folder, { recursive: true, force: true }); },
  };
}
