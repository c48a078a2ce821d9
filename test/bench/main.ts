/**
 * The bench: `npm run bench -- --help`. Ours beside what one would use instead, and beside what the machine can do, in one run.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { nearest } from '../../compiler/suggest.ts';
import { showReport } from './report.ts';
import { peerNames, tasks } from './tasks.ts';

const fail = (message: string): never => { throw new InvalidArgumentError(message); };
/** `a,b` -> members of `known`. */
const list = <T extends string>(known: readonly T[]) => (text: string): readonly T[] => text.split(',').map(t => t.trim()).map(t => {
  const guess = nearest(t, known);
  return known.find(k => k === t) ?? fail(`There is no '${t}'${guess === undefined ? '' : ` (did you mean '${guess}'?)`}: ${known.join(', ')}.`);
});
const whole = (text: string): number => (/^[1-9]\d*$/.test(text) ? Number(text) : fail('A whole number from 1 on.'));
/** A path whose folder is there: said before the work, not after it. */
const file = (text: string): string => (existsSync(dirname(resolve(text))) ? text : fail(`There is no folder ${dirname(resolve(text))}.`));
const names = tasks.map(t => t.name);

const program = new Command('bench').description('Times training steps and predictions beside peers, and beside the limits of the machine.').showHelpAfterError()
  .option('--only <models>', `of ${names.join(', ')}`, list(names), names)
  .option('--peers <list>', `of ${peerNames.join(', ')}, or none`, text => (text === 'none' ? [] : list(peerNames)(text)), peerNames)
  .option('--rounds <n>', 'rounds in turns', whole).option('--threads <list>', 'thread counts of ours', text => text.split(',').map(whole), [1])
  .option('--strict', 'multiply-adds are not fused, where the engine could')
  .option('--json [file]', 'the report as data, to a file or to stdout instead of the table').option('--svg <file>', 'a picture of the ratios', file)
  .option('--quick', 'a smoke run: few rounds, short, two models unless --only says others').parse();
const o = program.opts<{ only: readonly string[]; peers: typeof peerNames; rounds?: number; threads: readonly number[]; json?: string | true; svg?: string; quick?: true; strict?: true }>();
if (typeof o.json === 'string') try { file(o.json); } catch (e) { program.error(`error: --json: ${e instanceof Error ? e.message : String(e)}`); }

const only = o.quick && program.getOptionValueSource('only') === 'default' ? names.slice(0, 2) : o.only;
const tell = process.stderr.isTTY ? (what: string): void => { process.stderr.write(`\r\u001b[K${pc.dim(what)}`); } : (): void => undefined;
const { run } = await import('./run.ts'); // the compiler is loaded when the options are right
const report = await run({
  tasks: tasks.filter(t => only.includes(t.name)), peers: o.peers, threads: o.threads, fused: !o.strict, rounds: o.rounds ?? (o.quick ? 2 : 7),
  ...(o.quick ? { slice: 50, budget: 1000, products: 1 } : { slice: 250, budget: 6000, products: Infinity }), onProgress: tell,
});
tell('');
const data = `${JSON.stringify(report, undefined, 2)}\n`;
if (o.json === true) process.stdout.write(data); else process.stdout.write(`${showReport(report)}\n`);
if (typeof o.json === 'string') writeFileSync(o.json, data);
if (o.svg !== undefined) (await import('./picture.ts')).pictureOf(o.svg, report);
