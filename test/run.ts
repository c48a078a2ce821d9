/**
 * Runs everything that must hold: the type check, the linter, and AVA's tests. What fails is printed as it comes; the last
 * line is plain: `N passed, N failed`, with `, N skipped` when there are any.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

const count = { passed: 0, failed: 0, skipped: 0 };
const root = new URL('..', import.meta.url).pathname;

/** One command as one test. */
function command(name: string, file: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { cwd: root, encoding: 'utf8' });
  if (status === 0) { count.passed++; return; }
  count.failed++;
  console.log(`✘ ${name}\n${stdout}${stderr}`);
}

async function ava(patterns: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', '--tap', ...patterns], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let isFailure = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /^(not )?ok \d+(?: - (.*))?$/.exec(line);
    if (match) {
      const isSkipped = / # SKIP/i.test(line);
      isFailure = match[1] !== undefined && !isSkipped;
      if (isSkipped) count.skipped++; else if (isFailure) count.failed++; else count.passed++;
      if (isFailure) console.log(`✘ ${match[2] ?? line}`);
    } else if (isFailure && !/^(#|1\.\.|TAP)/.test(line)) console.log(line);
  }
  const code: number | null = await new Promise(resolve => { if (child.exitCode !== null) resolve(child.exitCode); else child.on('close', resolve); });
  if (code !== 0 && count.failed === 0) { count.failed++; console.log(`✘ the test runner ended with ${code}`); }
}

const patterns = process.argv.slice(2);
if (patterns.length === 0) {
  command('type check', 'node_modules/typescript-7/bin/tsc', ['-p', 'tsconfig.json', '--noEmit']);
  command('lint', 'node_modules/eslint/bin/eslint.js', ['.', '--max-warnings', '0']);
}
await ava(patterns);
console.log(`${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`);
process.exitCode = count.failed > 0 ? 1 : 0;
