/** `compile --watch`: again whenever a file, or one that it imports, changes. Errors are shown, and the watch goes on. */
import { dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import pc from 'picocolors';
import type { Beside } from './beside.ts';
import { compileCommand } from './commands.ts';
import { guarded } from './output.ts';

/** Milliseconds that must pass without another change: editors write a file in several steps. */
const calm = 60;

export async function watchCommand(files: readonly string[], o: Parameters<typeof compileCommand>[1], beside?: Beside): Promise<void> {
  const compile = (): Promise<void> => guarded(() => compileCommand(files, o, beside));
  await compile();
  // a folder each, since an import may name any file beside
  const tuning = o.tuning === undefined ? [] : [resolve(o.tuning)];
  const watcher = watch([...new Set([...files.map(f => dirname(resolve(f))), ...tuning])], { ignoreInitial: true, ignored: (path, stats) => stats?.isFile() === true && !path.endsWith('.bnn') && !tuning.includes(resolve(path)) });
  let timer: NodeJS.Timeout | undefined;
  watcher.on('all', () => { clearTimeout(timer); timer = setTimeout(() => { void compile(); }, calm); });
  process.stderr.write(`${pc.dim('watching; press Ctrl-C to stop')}\n`);
  await new Promise<void>(done => process.once('SIGINT', () => { done(); }));
  await watcher.close();
}
