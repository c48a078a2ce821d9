/** What a run found, and how it is said: a table for people, the same as data for machines. */
import pc from 'picocolors';
import type { Work as Counts } from '../../compiler/5-schedule/count.ts';
import type { Work } from './contender.ts';

/** Of one number over the rounds. */
export interface Spread { readonly median: number; readonly low: number; readonly high: number; readonly rounds: number }
export interface OurReport {
  readonly backend: 'wasm' | 'webgpu'; readonly threads: number; readonly loss: number; readonly milliseconds: Spread;
  /** Operations of its contractions over the whole time, a second. */
  readonly flops: number;
  /** Bytes a second of the buffers that its kernels touch, from wherever they are. */
  readonly bytes: number;
}
export interface PeerReport {
  readonly name: string; readonly version: string; readonly threads: number; readonly loss: number; readonly milliseconds: Spread;
  /** Its time over that of each of ours, in their order. */
  readonly ratios: readonly Spread[];
}
export interface ModelReport { readonly model: string; readonly work: Work; readonly batch: number; readonly counts: Counts; readonly ours: readonly OurReport[]; readonly peers: readonly PeerReport[] }
export interface ProductReport { readonly name: string; readonly a: readonly number[]; readonly b: readonly number[]; readonly product: string; readonly threads: number; readonly operations: number; readonly flops: Spread }
/** An optimizer's step by itself; operations are additions and multiplications, `roots` square roots and divisions. */
export interface UpdateReport { readonly shape: readonly [number, number]; readonly threads: number; readonly operations: number; readonly roots: number; readonly bytes: number; readonly milliseconds: Spread }
export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; /** Multiply-adds are rounded once. */ readonly fused: boolean; readonly limits: readonly { readonly threads: number; /** A second. */ readonly flops: number; readonly roots: number; readonly bytes: number }[] };
  readonly settings: { readonly samples: number; readonly predictSamples: number; readonly learningRate: number; readonly rounds: number };
  readonly models: readonly ModelReport[];
  readonly products: readonly ProductReport[];
  readonly updates: readonly UpdateReport[];
  /** What was left out and why; losses that differ. */
  readonly notes: readonly string[];
}

export function spreadOf(list: readonly number[]): Spread {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (q: number): number => { const i = q * (sorted.length - 1); return ((sorted[Math.floor(i)] ?? NaN) + (sorted[Math.ceil(i)] ?? NaN)) / 2; };
  return { median: at(0.5), low: at(0), high: at(1), rounds: list.length };
}

/** Three figures that matter. */
const figure = (x: number): string => (x >= 99.5 ? x.toFixed(0) : x >= 9.95 ? x.toFixed(1) : x.toFixed(2));
/** Median, and lowest to highest. */
const range = ({ median, low, high }: Spread, unit: string, show = figure): string => `${show(median)}${unit} ${pc.dim(`(${show(low)} to ${show(high)})`)}`;
const giga = (x: number): string => figure(x / 1e9);
const threadsOf = (n: number): string => `${n} thread${n > 1 ? 's' : ''}`;

/** Rows below a row of titles, columns as wide as they must be. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const plain = (s: string): number => s.replace(/\u001b\[\d+m/g, '').length; // colours take no room
  const widths = titles.map((t, i) => Math.max(plain(t), ...rows.map(r => plain(r[i] ?? ''))));
  const line = (cells: readonly string[]): string => cells.map((c, i) => c + ' '.repeat((widths[i] ?? 0) - plain(c))).join('  ').trimEnd();
  return [line(titles.map(t => pc.bold(t))), ...rows.map(line)].join('\n');
}

/** The report as it stands in a terminal. */
export function showReport(r: Report): string {
  const limits = r.machine.limits.map(l => `${threadsOf(l.threads)} ${giga(l.flops)} GFLOP/s, ${giga(l.roots)} G roots and divisions/s, ${giga(l.bytes)} GB/s`).join('; ');
  /** Percent of what so many threads can do at most. */
  const share = (flops: number, threads: number): string => (100 * flops / (r.machine.limits.find(l => l.threads === threads)?.flops ?? NaN)).toFixed(0);
  /** Milliseconds that an update takes at least, by what has to be moved and by what has to be computed: a core adds and multiplies while it divides. */
  const bounds = (u: UpdateReport): readonly [bytes: number, operations: number] => {
    const limit = r.machine.limits.find(l => l.threads === u.threads);
    return [1000 * u.bytes / (limit?.bytes ?? NaN), 1000 * Math.max(u.operations / (limit?.flops ?? NaN), u.roots / (limit?.roots ?? NaN))];
  };
  const names = [...new Set(r.models.flatMap(m => m.peers.map(p => p.name)))];
  const versions = [...new Set(r.models.flatMap(m => m.peers.map(p => `${p.name} ${p.version}`)))];
  const rows = r.models.flatMap(m => m.ours.map((o, i) => [
    i === 0 ? m.model : '', i === 0 ? m.work : '', o.backend === 'wasm' ? `wasm, ${threadsOf(o.threads)}` : o.backend, range(o.milliseconds, ' ms'), giga(o.flops), o.backend === 'wasm' ? share(o.flops, o.threads) : '', giga(o.bytes),
    ...names.map(n => { const p = m.peers.find(x => x.name === n); const ratio = p?.ratios[i]; return p && ratio ? `${range(ratio, 'x')} ${pc.dim(p.threads > 1 ? threadsOf(p.threads) : '')}` : '-'; }),
  ]));
  const losses = r.models.filter(m => m.work === 'step').map(m => [m.model, figure(m.ours[0]?.loss ?? NaN), ...names.map(n => { const p = m.peers.find(x => x.name === n); return p ? figure(p.loss) : '-'; })]);
  return [
    `${r.machine.cpu}, ${r.machine.cores} cores, Node ${r.machine.node}${versions.length > 0 ? `; ${versions.join(', ')}` : ''}`,
    `at most, in WebAssembly, multiply-adds ${r.machine.fused ? '' : 'not '}fused: ${limits}`, '',
    ...(rows.length > 0 ? [
      `${pc.bold('step')}: ${r.settings.samples} samples, backward, Adam.  ${pc.bold('predict')}: ${r.settings.predictSamples} samples of one batch, mean and spread.  ${r.settings.rounds} rounds in turns: median (lowest to highest).`,
      `${pc.bold('GFLOP/s')}: the operations of contractions over the whole time; ${pc.bold('%')}: of the limit.  ${pc.bold('GB/s')}: buffers as kernels touch them.  A peer's column: its time over ours.`, '',
      table(['model', 'work', 'ours', 'time', 'GFLOP/s', '%', 'GB/s', ...names], rows), '',
    ] : []),
    ...(names.length > 0 ? [table(['loss of the first step', 'ours', ...names], losses), ''] : []),
    ...(r.products.length > 0 ? [table(['product alone', 'shapes', 'threads', 'GFLOP/s', '%'], r.products.map(p => [p.name, `${p.product}: ${p.a.join(' x ')}, ${p.b.join(' x ')}`, String(p.threads), range(p.flops, '', giga), share(p.flops.median, p.threads)])), ''] : []),
    ...(r.updates.length > 0 ? [table(['update alone (Adam)', 'threads', 'time', 'GB/s', 'bound by bytes', 'by operations', '% of the slower'], r.updates.map(u => {
      const [moved, computed] = bounds(u);
      return [u.shape.join(' x '), String(u.threads), range(u.milliseconds, ' ms'), giga(1000 * u.bytes / u.milliseconds.median), `${figure(moved)} ms`, `${figure(computed)} ms`, (100 * Math.max(moved, computed) / u.milliseconds.median).toFixed(0)];
    })), ''] : []),
    ...r.notes.map(n => `${pc.yellow('note')}: ${n}`),
  ].join('\n');
}
