#!/usr/bin/env node
/** The command line. Every command is loaded when it is called, so that `--help` is instant. */
import { Command } from 'commander';
import { version } from '../version.ts';
import { guarded } from './output.ts';

const program = new Command('bnnc').description('Compiles Bayesian neural networks to GPU and WebAssembly kernels.').version(version).showHelpAfterError('(bnnc --help lists the commands)');
const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];
const commands = (): Promise<typeof import('./commands.ts')> => import('./commands.ts');

program.command('compile').argument('<files...>', '.bnn files').description('writes FILE.js, FILE.d.ts and one file a target')
  .option('--out <dir>', 'folder to write to; beside each file when left out').option('--target <list>', 'webgpu, wasm, gpujs, separated by commas; all when left out')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).compileCommand(files, o)));
program.command('check').argument('<files...>', '.bnn files').description('says what is wrong, writes nothing')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).checkCommand(files, o)));
program.command('fmt').argument('<files...>', '.bnn files').description('writes files as the formatter has them').option('--check', 'only say which would change').option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).fmtCommand(files, o)));
program.command('explain').argument('<files...>', '.bnn files').description('shows what was made: kernels, memory, operations and bytes')
  .option('--target <name>', 'webgpu, wasm or gpujs', 'wasm').option('--rows <n>', 'rows of a batch').option('--samples <n>', 'Monte Carlo samples').option('--kernels', 'the text of every kernel')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).explainCommand(files, o)));
program.command('doctor').description('says which backends work here, and why not').option('--json', 'report as JSON')
  .action((o: object) => guarded(async () => (await import('./doctor.ts')).doctorCommand(o)));

await program.parseAsync();
