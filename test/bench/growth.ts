/**
 * How time and memory grow: `npm run bench:growth -- --help`. Imagine one small network, and one thing of it that is made ten times
 * larger, again and again: weights, samples, rows of a batch, layers. Nothing should grow faster than that thing.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import pc from 'picocolors';
import { picture, Plot } from '../../examples/common/show.ts';
import { exponents } from './exponents.ts';
import type { Answer, Ask } from './growth-point.ts';
import { table } from './report.ts';

type Shown = Exclude<keyof Answer, 'memory'>;
interface Series { readonly name: string; readonly values: readonly number[]; readonly what: string; readonly shows: readonly Shown[]; readonly ask: (value: number) => Omit<Ask, 'folder' | 'milliseconds'> }
const perceptron = (inputs: number, body: string): string => `model M {\n  input x: [batch, ${inputs}]\n  target y: [batch, 1]\n  h = x ${body}\n  p = h |> linear(1)\n  output p\n  loss mse(p, y)\n}\n`;
const layers = (n: number): string => (n < 2 ? '' : `|> linear(32) |> relu\n  repeat ${n - 1} as block { h = h |> linear(32) |> relu }`);

const all: readonly Series[] = [
  {
    name: 'weights', values: [1e4, 1e5, 1e6, 1e7, 1e8], what: 'a square layer of so many weights, 16 rows, 1 sample', shows: ['step', 'predict', 'bytes', 'module'],
    ask: weights => { const width = Math.round(Math.sqrt(weights)); return { text: perceptron(width, `|> linear(${width}) |> relu`), width, rows: 16, samples: 1, predicts: true }; },
  },
  { name: 'samples', values: [1, 10, 100, 1000], what: '64-128-1, 32 rows', shows: ['step', 'predict', 'bytes'], ask: samples => ({ text: perceptron(64, '|> linear(128) |> relu'), width: 64, rows: 32, samples, predicts: true }) },
  { name: 'batch', values: [1, 10, 100, 1000, 10_000], what: '64-128-1, 3 samples', shows: ['step', 'predict', 'bytes'], ask: rows => ({ text: perceptron(64, '|> linear(128) |> relu'), width: 64, rows, samples: 3, predicts: true }) },
  { name: 'depth', values: [1, 10, 100, 1000], what: 'layers of 32, 8 rows, 1 sample', shows: ['compile', 'module', 'step', 'bytes'], ask: n => ({ text: perceptron(32, n < 2 ? '|> linear(32) |> relu' : layers(n)), width: 32, rows: 8, samples: 1, predicts: false }) },
];
const titles: Readonly<Record<Shown, string>> = { compile: 'compile, ms', module: 'module, kB', step: 'step, ms', predict: 'predict, ms', bytes: 'memory, MB' };
const scale: Readonly<Record<Shown, number>> = { compile: 1, module: 1e3, step: 1, predict: 1, bytes: 1e6 };

const program = new Command('bench:growth').description('Time and memory against weights, samples, rows of a batch and layers, on WebAssembly with one thread.').showHelpAfterError()
  .option('--only <series>', `of ${all.map(s => s.name).join(', ')}`, text => text.split(',').map(t => t.trim()))
  .option('--json <file>', 'the points as data').option('--svg <folder>', 'a picture of each series').option('--quick', 'without the largest of each').parse();
const o = program.opts<{ only?: readonly string[]; json?: string; svg?: string; quick?: true }>();
const unknown = o.only?.find(n => !all.some(s => s.name === n));
if (unknown !== undefined) program.error(`error: there is no series '${unknown}': ${all.map(s => s.name).join(', ')}`);

const worker = new URL('./growth-point.ts', import.meta.url).pathname;
const folder = new URL('./out/growth', import.meta.url).pathname;
/** The answer of a process of its own, or why there is none. */
function point(ask: Omit<Ask, 'folder' | 'milliseconds'>): Answer | string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', worker], { input: JSON.stringify({ ...ask, folder, milliseconds: 1500 } satisfies Ask), encoding: 'utf8', maxBuffer: 2 ** 24, timeout: 300_000 });
  if (status === 0) return JSON.parse(stdout) as Answer; // what growth-point.ts writes
  return /(?:Error|error): (.*)/.exec(stderr)?.[1]?.slice(0, 120) ?? (status === null ? 'longer than five minutes' : `the process ended with ${status}`);
}

const found: { readonly series: string; readonly value: number; readonly answer: Answer }[] = [];
const steep: string[] = [];
for (const series of all.filter(s => o.only?.includes(s.name) ?? true)) {
  const points: { readonly value: number; readonly answer: Answer }[] = [];
  const notes: string[] = [];
  for (const value of o.quick ? series.values.slice(0, -1) : series.values) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${pc.dim(`${series.name} ${value}`)}`);
    const answer = point(series.ask(value));
    if (typeof answer === 'string') { notes.push(`${series.name} ${value.toLocaleString('en')}: ${answer}`); break; }
    points.push({ value, answer });
    found.push({ series: series.name, value, answer });
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  // a small plan takes other times and other memory: what grows is told of the fast ones
  const fast = points.filter(p => p.answer.memory === 'fast');
  const grown = new Map(series.shows.map(key => [key, exponents(fast.map(p => ({ size: p.value, cost: p.answer[key] })))]));
  const cell = (key: Shown, i: number): readonly string[] => {
    const exponent = grown.get(key)?.[i];
    if (exponent !== undefined && exponent > 1.1) steep.push(`${titles[key]} against ${series.name}, up to ${points[i]?.value.toLocaleString('en') ?? ''}: exponent ${exponent.toFixed(2)}`);
    const text = exponent === undefined ? '' : exponent.toFixed(2);
    return [((points[i]?.answer[key] ?? NaN) / scale[key]).toPrecision(3), exponent !== undefined && exponent > 1.1 ? pc.red(`${text} !`) : pc.dim(text)];
  };
  console.log(`\n${pc.bold(series.name)}: ${series.what}`);
  console.log(table([series.name, ...series.shows.flatMap(key => [titles[key], ''])], points.map((p, i) => [`${p.value.toLocaleString('en')}${p.answer.memory === 'small' ? ', small' : ''}`, ...series.shows.flatMap(key => cell(key, i))])));
  notes.forEach(n => { console.log(pc.yellow(n)); });
  if (o.svg !== undefined) {
    mkdirSync(o.svg, { recursive: true });
    // against what would be in proportion, from the largest point backwards
    const lines = series.shows.flatMap(key => fast.map(p => ({ what: titles[key], size: p.value, cost: p.answer[key] / scale[key] }))).filter(p => p.cost > 0);
    const last = fast.at(-1);
    const proportional = last === undefined ? [] : series.shows.flatMap(key => fast.map(p => ({ what: titles[key], size: p.value, cost: last.answer[key] / scale[key] * p.value / last.value })));
    picture(`${o.svg}/growth-${series.name}.svg`, {
      width: 860, height: 340, marginLeft: 60, marginTop: 48, x: { type: 'log', label: `${series.name}: ${series.what}`, labelAnchor: 'center', labelArrow: 'none', ticks: series.values.length, tickFormat: '~s' }, y: { type: 'log', label: null, grid: true, tickFormat: '~s', ticks: 6 }, fx: { label: null, padding: 0.15, domain: series.shows.map(k => titles[k]) },
      marks: [
        Plot.line(proportional.filter(p => p.cost >= Math.min(...lines.map(l => l.cost)) / 2), { fx: 'what', x: 'size', y: 'cost', stroke: '#999', strokeDasharray: '4 3' }),
        Plot.lineY(lines, { fx: 'what', x: 'size', y: 'cost', stroke: '#4269d0', strokeWidth: 2 }), Plot.dot(lines, { fx: 'what', x: 'size', y: 'cost', r: 3.5, fill: '#4269d0' }),
        Plot.text(['dashed: in proportion'], { fx: () => titles[series.shows[0] ?? 'step'], frameAnchor: 'top-left', dx: 6, dy: 4, fill: '#777' }),
      ],
    });
  }
}
console.log(`\nThe small figures: the exponent from the line above, 1 being in proportion. ${steep.length === 0 ? 'Nothing grows faster.' : `Faster:\n${steep.map(s => `  ${s}`).join('\n')}`}`);
if (o.json !== undefined) writeFileSync(o.json, `${JSON.stringify(found, undefined, 2)}\n`);
