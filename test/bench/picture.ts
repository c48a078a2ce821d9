/** The ratios as a picture: a panel for each work, a row a model, a bar a peer, on a scale of powers. */
import { picture, Plot } from '../../examples/common/show.ts';
import type { Report } from './report.ts';

const colors = ['#4269d0', '#efb118', '#6cc5b0', '#ff725c'];

export function pictureOf(path: string, report: Report): void {
  const first = report.models[0]?.ours[0];
  const bars = report.models.flatMap(m => m.peers.flatMap(p => { const r = p.ratios[0]; return r ? [{ model: m.model, work: m.work, peer: p.name, ...r }] : []; }));
  const peers = [...new Set(bars.map(b => b.peer))];
  const models = [...new Set(report.models.map(m => m.model))];
  const most = Math.max(2, ...bars.map(b => b.high));
  picture(path, {
    width: 860, height: 120 + 22 * Math.max(1, peers.length) * models.length, marginLeft: 120, marginRight: 20, marginTop: 64, marginBottom: 48,
    x: { type: 'log', base: 10, domain: [Math.min(0.8, ...bars.map(b => b.low)), most * 1.6], label: `time over ours (${first ? `${first.backend}, ${first.threads} thread${first.threads > 1 ? 's' : ''}` : ''}): median and range of the rounds; right of 1 we are faster`, labelAnchor: 'center', labelArrow: false, tickFormat: (x: number) => String(x), ticks: 6 },
    y: { domain: peers, label: null, axis: null, padding: 0.12 },
    fx: { domain: ['step', 'predict'], label: null }, fy: { domain: models, label: null, padding: 0.15 },
    color: { domain: peers, range: colors },
    marks: [
      Plot.barX(bars, { fx: 'work', fy: 'model', y: 'peer', x1: 1, x2: 'median', fill: 'peer' }),
      Plot.ruleY(bars, { fx: 'work', fy: 'model', y: 'peer', x1: 'low', x2: 'high', stroke: '#333', strokeWidth: 1.2 }),
      Plot.text(bars, { fx: 'work', fy: 'model', y: 'peer', x: (b: { high: number }) => Math.max(1, b.high), text: (b: { median: number }) => `${b.median.toFixed(b.median >= 9.95 ? 0 : b.median >= 0.995 ? 1 : 2)}x`, textAnchor: 'start', dx: 5, fill: '#333' }),
      Plot.ruleX([1], { stroke: '#333' }),
      ...peers.map((p, i) => Plot.text([`■ ${p}`], { fx: () => 'step', fy: () => models[0], frameAnchor: 'top-left', dx: 130 * i, dy: -50, fill: colors[i] ?? '#333' })),
    ],
  });
}
