/** `new` makes a project whose model compiles and whose app trains it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'dist/compiler/cli/main.js');
const run = (cwd: string, ...args: readonly string[]): ReturnType<typeof spawnSync> => spawnSync(process.execPath, [...args], { cwd, encoding: 'utf8' });

test('made, compiled, trained', t => {
  const folder = mkdtempSync(join(tmpdir(), 'bnnc-new-'));
  t.is(run(folder, main, 'new', 'My Curve').status, 0);
  const project = join(folder, 'My Curve');
  t.is((JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { name: string }).name, 'my-curve');
  // from a clone it is the clone, from a package its version
  t.regex((JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { dependencies: { bnnc: string } }).dependencies.bnnc, existsSync(join(root, '.git')) ? /^file:/ : /^\^\d/);
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules', 'bnnc'));
  t.is(run(project, main, 'compile', 'curve.bnn', '--target', 'wasm').status, 0);
  t.is(run(project, main, 'fmt', '--check', 'curve.bnn').status, 0);
  const trained = run(project, 'main.mjs');
  t.regex(String(trained.stdout), /trained on wasm: loss -?[\d.]+\nx -1: /, String(trained.stderr));
  const again = run(folder, main, 'new', 'My Curve');
  t.is(again.status, 1);
  t.regex(String(again.stderr), /is not empty/);
});
