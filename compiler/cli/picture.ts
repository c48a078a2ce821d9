/** Pictures of predictions as SVG. The plotting packages are asked for only here, since a compiler needs none. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Capabilities } from '../5-schedule/schedule.ts';
import type { Explanation } from '../explain.ts';
import { UserError } from './output.ts';

export interface Point { readonly truth: number; readonly mean: number; readonly low: number; readonly high: number }

/** Says what a picture lacks, a package or its folder, before the work that it would show. */
export async function pictureCanBeMade(path: string): Promise<void> {
  if (!existsSync(dirname(resolve(path)))) throw new UserError(`there is no folder ${dirname(resolve(path))} for the picture`);
  await plotting(path);
}

/** Predictions with their 95 % intervals against the truth. */
export async function pictureOfNumbers(path: string, points: readonly Point[], label: string): Promise<void> {
  const { Plot, write } = await plotting(path);
  const all = points.flatMap(p => [p.truth, p.mean]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  write({
    x: { label: `${label}, true` }, y: { label: `${label}, predicted, mean and 95 % interval` }, grid: true,
    marks: [Plot.line([[low, low], [high, high]], { stroke: '#999', strokeDasharray: '4 3' }), Plot.ruleX(points, { x: 'truth', y1: 'low', y2: 'high', stroke: '#4269d0', strokeOpacity: 0.4, strokeWidth: 2 }), Plot.dot(points, { x: 'truth', y: 'mean', r: 3, fill: '#1f3f94' })],
  });
}

/** How often each class was taken for each. */
export async function pictureOfClasses(path: string, truth: readonly number[], predicted: readonly number[], names: readonly string[]): Promise<void> {
  const { Plot, write } = await plotting(path);
  const cells = names.flatMap((t, i) => names.map((p, j) => ({ truth: t, predicted: p, count: truth.filter((x, r) => x === i && predicted[r] === j).length })));
  write({
    x: { label: 'predicted', domain: [...names], type: 'band' }, y: { label: 'true', domain: [...names], type: 'band' }, color: { scheme: 'blues' }, marginLeft: 80,
    marks: [Plot.cell(cells, { x: 'predicted', y: 'truth', fill: 'count' }), Plot.text(cells, { x: 'predicted', y: 'truth', text: 'count', fill: (d: { count: number }) => (d.count > truth.length / names.length / 2 ? 'white' : 'black') })],
  });
}

/** Each program of a model as a row of its kernels, as long as they took here, or else as predicted; coloured by what the target's costs say they mostly do. */
export async function pictureOfKernels(path: string, e: Explanation, cost: Capabilities['cost']): Promise<void> {
  const { Plot, write } = await plotting(path);
  const colors: Readonly<Record<string, string>> = { memory: '#ff725c', arithmetic: '#4269d0', noise: '#6cc5b0', 'exp, log, division': '#efb118' };
  const kernels = e.programs.flatMap(p => p.kernels.map((k, i) => {
    const parts = { arithmetic: k.work.arithmetic * cost.arithmetic, 'exp, log, division': k.work.transcendental * cost.transcendental, noise: k.work.noise * cost.noise, memory: k.work.loads * cost.load + k.work.stores * cost.store };
    const [most] = Object.entries(parts).sort((a, b) => b[1] - a[1]);
    return { program: p.name, order: i, microseconds: (k.measured ?? k.predicted) / 1000, mostly: most?.[0] ?? '', title: `${k.name}: ${k.stores.join(', ')}` };
  }));
  write({
    x: { label: `${e.model} for ${e.target}, ${e.rows} rows, ${e.samples} samples: ${e.programs.some(p => p.measured !== undefined) ? 'measured' : 'predicted'}, microseconds`, grid: true }, y: { label: null, domain: e.programs.map(p => p.name) },
    color: { domain: Object.keys(colors), range: Object.values(colors) }, marginLeft: 110, marginTop: 40,
    marks: [Plot.barX(kernels, Plot.stackX({ y: 'program', x: 'microseconds', fill: 'mostly', stroke: 'white', strokeWidth: 0.5, title: 'title', order: 'order' })), Plot.ruleX([0]), ...Object.entries(colors).map(([name, fill], i) => Plot.text([`■ mostly ${name}`], { frameAnchor: 'top-left', dx: 150 * i, dy: -24, fill }))],
  });
}

async function plotting(path: string): Promise<{ readonly Plot: typeof import('@observablehq/plot'); readonly write: (options: import('@observablehq/plot').PlotOptions) => void }> {
  let [Plot, linkedom] = [undefined, undefined] as [typeof import('@observablehq/plot') | undefined, typeof import('linkedom') | undefined];
  try { [Plot, linkedom] = [await import('@observablehq/plot'), await import('linkedom')]; } catch { /* said below */ }
  if (!Plot || !linkedom) throw new UserError('--plot needs two packages that are not here: npm install @observablehq/plot linkedom');
  const { plot } = Plot;
  const { parseHTML } = linkedom;
  return {
    Plot,
    write: options => {
      const { document } = parseHTML('<html><body></body></html>');
      const figure = plot({ width: 760, height: 460, marginLeft: 60, marginBottom: 44, style: { background: 'white', fontSize: '13px', fontFamily: 'sans-serif' }, ...options, document });
      const svg = figure.tagName.toLowerCase() === 'svg' ? figure : figure.querySelector('svg');
      if (!svg) throw new UserError('the plot has no picture');
      svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
      try { writeFileSync(path, `${svg.outerHTML}\n`); } catch (e) { throw new UserError(`${path} can't be written: ${e instanceof Error ? e.message : String(e)}`); }
    },
  };
}
