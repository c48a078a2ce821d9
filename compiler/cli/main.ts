#!/usr/bin/env node
/** The command line. Every command is loaded when it is called, so that `--help` is instant. */
import './engine.ts';
import { Command } from 'commander';
import { version } from '../version.ts';

const program = new Command('bnnc').description('Compiles Bayesian neural networks to GPU and WebAssembly kernels.').version(version).showHelpAfterError('(bnnc --help lists the commands)');
const collect = (value: string, list: readonly string[]): readonly string[] => [...list, value];
const memory = ['--memory <plan>', 'fast, or small: no draw of the weights is stored, samples follow one another', 'fast'] as const;
const tuning = ['--tuning <file>', 'forms of WebGPU kernels that bnnc tune measured'] as const;
const threads = ['--threads <n>', 'of WebAssembly; one a core, eight at most, when left out'] as const;
const guarded = async (run: () => Promise<void>): Promise<void> => (await import('./output.ts')).guarded(run);
const commands = (): Promise<typeof import('./commands.ts')> => import('./commands.ts');

program.command('compile').argument('<files...>', '.bnn files').description('writes FILE.js, FILE.d.ts and one file a target')
  .option('--out <dir>', 'folder to write to; beside each file when left out').option('--target <list>', 'webgpu, wasm, gpujs, separated by commas; all when left out')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option(...memory).option(...tuning).option('--watch', 'compile again whenever a file changes').option('--json', 'report as JSON')
  .action((files: string[], o: { readonly watch?: boolean; readonly out?: string; readonly target?: string }) => guarded(async () => {
    // binaryen is the largest thing to load: it starts before the parser does
    const beside = (await import('./beside.ts')).wasmBeside(o.target);
    if (!beside && o.target?.includes('wasm') !== false) import('../7-targets/wasm/index.ts').catch(() => undefined);
    try {
      await (o.watch ? (await import('./watch.ts')).watchCommand(files, o, beside) : (await commands()).compileCommand(files, o, beside));
    } finally { beside?.close(); }
  }));
program.command('check').argument('<files...>', '.bnn files').description('says what is wrong, writes nothing')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).checkCommand(files, o)));
program.command('fmt').argument('<files...>', '.bnn files').description('writes files as the formatter has them').option('--check', 'only say which would change').option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).fmtCommand(files, o)));
program.command('explain').argument('<files...>', '.bnn files').description('shows what was made: kernels, memory, operations and bytes')
  .option('--target <name>', 'webgpu, wasm or gpujs', 'wasm').option('--rows <n>', 'rows of a batch').option('--samples <n>', 'Monte Carlo samples').option(...threads).option(...memory).option('--kernels', 'the text of every kernel').option('--measure', 'runs every program and kernel here, and says how long it took beside what was predicted').option(...tuning).option('--svg <file>', 'a picture of the kernels of each program')
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: object) => guarded(async () => (await commands()).explainCommand(files, o)));
program.command('tune').argument('<files...>', '.bnn files').description('measures forms of WebGPU kernels on the GPU that is here, for compile --tuning')
  .option('--rows <n>', 'rows of a batch', '32').option('--samples <n>', 'Monte Carlo samples', '1').option('--tries <n>', 'forms of each kernel', '8').option('--out <file>', 'what was found, added to what is there', 'bnnc.tuning.json').option(...memory)
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option('--json', 'report as JSON')
  .action((files: string[], o: { readonly out: string }) => guarded(async () => (await import('./tune.ts')).tuneCommand(files, o)));
const learn = (): Promise<typeof import('./learn.ts')> => import('./learn.ts');
const table = (name: string, description: string): Command => program.command(name).argument('<file>', 'a .bnn file').description(description)
  .requiredOption('--data <csv>', 'a table with a header row').option('--model <name>', 'which model, where the file has several').option('--backend <name>', 'auto, wasm, webgpu or gpujs', 'wasm').option(...threads)
  .option('--set <Model.argument=value>', 'an argument of a model', collect, []).option(...memory).option('--seed <n>', 'of all draws', '0').option('--json', 'report as JSON');
table('train', 'fits a model to a table and saves it').option('--target <columns>', 'what to learn').option('--inputs <columns>', 'what to learn from; all other columns when left out').option('--save <file>', 'where the trained model goes (safetensors)')
  .option('--epochs <n>', '', '100').option('--batch-size <n>', '', '32').option('--samples <n>', 'Monte Carlo samples a step', '1').option('--learning-rate <x>', 'of Adam', '0.01').option('--kl-weight <w>', 'uniform (1/N), blundell or a number', 'uniform')
  .option('--holdout <share>', 'of the rows, to measure on', '0.2').option('--plot <svg>', 'a picture of the rows held out')
  .action((file: string, o: { readonly data: string }) => guarded(async () => (await learn()).trainCommand(file, o)));
table('evaluate', 'measures a trained model on a table').option('--checkpoint <file>', 'what train saved').option('--samples <n>', 'draws', '100').option('--plot <svg>', 'a picture')
  .action((file: string, o: { readonly data: string }) => guarded(async () => (await learn()).evaluateCommand(file, o)));
table('predict', 'writes predictions for the rows of a table').option('--checkpoint <file>', 'what train saved').option('--samples <n>', 'draws', '100').option('--out <csv>', 'a file; the terminal when left out')
  .action((file: string, o: { readonly data: string }) => guarded(async () => (await learn()).predictCommand(file, o)));
program.command('new').argument('<dir>', 'a folder that is not there yet').description('makes a project with a model and an app that trains it').option('--json', 'report as JSON')
  .action((folder: string, o: object) => guarded(async () => { (await import('./new.ts')).newCommand(folder, o); }));
program.command('doctor').description('says which backends work here, and why not').option('--json', 'report as JSON')
  .action((o: object) => guarded(async () => (await import('./doctor.ts')).doctorCommand(o)));

await program.parseAsync();
