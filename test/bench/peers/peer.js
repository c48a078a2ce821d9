/** What the peers in JavaScript share: where their packages are, and the lines they speak. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = message => { process.stdout.write(`${JSON.stringify(message)}\n`); };
export const task = JSON.parse((await lines.next()).value);

/** Says that this peer can't run, and ends. */
export function missing(sentence) { say({ missing: sentence }); process.exit(); }

const root = process.env.BNNC_PEERS === undefined ? undefined : resolve(process.env.BNNC_PEERS);
const require = createRequire(root === undefined ? import.meta.url : pathToFileURL(join(root, 'package.json')));
/** The path of a package, from the folder in BNNC_PEERS or from this project. */
export function locate(name) {
  try { return require.resolve(name); } catch { return missing(`${name} is not in ${root === undefined ? 'node_modules' : root}: npm install ${name} in a folder of its own, and name that folder in BNNC_PEERS`); }
}
export const load = name => require(name);
/** Of a package; read from its file, which a package may not export. */
export function packageVersion(name) {
  const path = locate(name).split(sep);
  return JSON.parse(readFileSync([...path.slice(0, path.lastIndexOf('node_modules') + 1), ...name.split('/'), 'package.json'].join(sep), 'utf8')).version;
}

/** Answers requests until there are no more. Both works resolve when the result is there. */
export async function serve(hello, works) {
  say(hello);
  for await (const line of lines) {
    const { work, times } = JSON.parse(line);
    const started = performance.now();
    for (let i = 0; i < times; i++) await works[work]();
    say({ milliseconds: (performance.now() - started) / times });
  }
}
