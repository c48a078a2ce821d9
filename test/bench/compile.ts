/**
 * How long compiling takes: `npm run bench:compile`, some minutes. For each model the first, the second and the best compilation in
 * a process that has loaded the compiler, each the least of five processes; then perceptrons of ever more layers, by the layer.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TargetName } from '../../compiler/7-targets/target.ts';

interface Case { readonly name: string; readonly text: string; readonly targets: readonly TargetName[]; readonly set?: Readonly<Record<string, number | boolean>>; readonly times: number }
const dist = new URL('../../dist/compiler/', import.meta.url);
const example = (path: string): string => readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8');
const perceptron = (layers: number): string => `model M {
  input x: [batch, 8]
  target y: [batch, 1]
  h = x |> linear(32) |> relu
  repeat ${layers - 2} as block { h = h |> linear(32) |> relu }
  p = h |> linear(1)
  output p
  loss mse(p, y)
}`;

const vgg = example('vgg/vgg.bnn');
const cases: readonly Case[] = [
  { name: 'Boston, three targets', text: example('boston/boston.bnn'), targets: ['webgpu', 'wasm', 'gpujs'], times: 10 },
  { name: 'Boston, WebAssembly', text: example('boston/boston.bnn'), targets: ['wasm'], times: 10 },
  { name: 'VGG-11, WebAssembly', text: vgg, targets: ['wasm'], times: 5 },
  { name: 'VGG-16, batch norm', text: vgg, targets: ['wasm'], set: { 'Vgg.depth': 16, 'Vgg.normalized': true }, times: 3 },
];
const layers = [10, 30, 100, 300] as const;

/** What a process of its own does, with the engine as the command line has it: reads a case, writes milliseconds. */
const measure = `
  await import('${new URL('cli/engine.js', dist).href}');
  const { text, targets, set, times } = JSON.parse((await import('node:fs')).readFileSync(0, 'utf8'));
  const [{ compile }, all] = [await import('${new URL('compile.js', dist).href}'), await import('${new URL('7-targets/targets.js', dist).href}')];
  await Promise.all(targets.map(t => all.targets[t]()));
  const taken = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await compile(text, { file: 'model.bnn', targets, set });
    taken.push(performance.now() - from);
  }
  console.log(JSON.stringify(taken));
`;
const run = (c: Case): readonly number[] =>
  JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', measure], { input: JSON.stringify(c), encoding: 'utf8', maxBuffer: 2 ** 24 })) as readonly number[]; // what `measure` writes
const row = (...cells: readonly (string | number)[]): void => { console.log(cells.map((x, i) => (typeof x === 'number' ? x.toFixed(0) : x)[i === 0 ? 'padEnd' : 'padStart'](i === 0 ? 24 : 10)).join('')); };

row('milliseconds', 'first', 'second', 'best');
for (const c of cases) {
  const runs = Array.from({ length: 5 }, () => run(c));
  row(c.name, ...[0, 1].map(i => Math.min(...runs.map(r => r[i] ?? Infinity))), Math.min(...runs.flat()));
}
for (const target of ['wasm', 'webgpu', 'gpujs'] as const) {
  console.log();
  row(`layers, ${target}`, 'first', 'a layer');
  for (const n of layers) {
    const least = Math.min(...[0, 1].map(() => run({ name: '', text: perceptron(n), targets: [target], times: 1 })[0] ?? Infinity));
    row(String(n), least, (least / n).toFixed(1));
  }
}
