/** The example's two pictures: how often predictions of a confidence are right, and how unsure the model is about images of several kinds. */
import { Resvg } from '@resvg/resvg-js';
import { picture, Plot } from '../common/show.ts';
import { imageAt, type Images } from './data.ts';
import type { Bin } from './scores.ts';

/** Accuracy over confidence, with the diagonal on which both are equal and the number of predictions of each bin. */
export function calibrationPicture(path: string, bins: readonly Bin[], title: string): void {
  picture(path, {
    x: { label: 'confidence', domain: [0, 1] }, y: { label: 'accuracy', domain: [0, 1.18], ticks: 6, grid: true },
    marks: [
      Plot.rectY(bins, { x1: 'from', x2: 'to', y: 'accuracy', fill: '#4269d0', fillOpacity: 0.25, inset: 1 }),
      Plot.line([[0, 0], [1, 1]], { stroke: '#999', strokeDasharray: '4 3' }),
      Plot.dot(bins, { x: 'confidence', y: 'accuracy', r: 4, fill: '#1f3f94' }),
      Plot.text(bins, { x: (bin: Bin) => (bin.from + bin.to) / 2, y: 'accuracy', text: (bin: Bin) => String(bin.count), dy: -12 }),
      Plot.text([title], { frameAnchor: 'top-left', dx: 8, dy: 4 }),
    ],
  });
}

/** Images of one kind, and the entropy of the model's answer to each. */
export interface Kind { readonly name: string; readonly images: Images; readonly entropy: readonly number[] }

/** An image as the URL of a PNG with three pixels to each of its own. */
export function imageUrl(image: Images): string {
  const pixels = Array.from(image, (value, i) => `<rect x="${i % 28}" y="${Math.floor(i / 28)}" width="1" height="1" fill="white" fill-opacity="${value}"/>`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28" width="84" height="84" shape-rendering="crispEdges"><rect width="28" height="28"/>${pixels.join('')}</svg>`;
  return `data:image/png;base64,${new Resvg(svg).render().asPng().toString('base64')}`;
}

/** A histogram of the entropy for each kind of image; above the bars a few of the images, each where its own entropy is. */
export function entropyPicture(path: string, kinds: readonly Kind[]): void {
  const most = Math.log(10);
  const [bars, places] = [46, 14];
  const histogram = kinds.flatMap(({ name, entropy }) => Array.from({ length: bars }, (_, b) => ({
    name, from: (b / bars) * most, to: ((b + 1) / bars) * most, share: entropy.filter(h => Math.min(bars - 1, Math.floor((h / most) * bars)) === b).length / entropy.length,
  })));
  // of each of `places` equal intervals the image nearest to its middle
  const examples = kinds.flatMap(({ name, images, entropy }) => Array.from({ length: places }, (_, place) => {
    const middle = ((place + 0.5) / places) * most;
    const nearest = entropy.reduce((best, h, i) => (Math.abs(h - middle) < Math.abs((entropy[best] ?? NaN) - middle) ? i : best), 0);
    return { name, middle, entropy: entropy[nearest] ?? NaN, source: imageUrl(imageAt(images, nearest)) };
  }).filter(e => Math.abs(e.entropy - e.middle) < most / places / 2));
  picture(path, {
    height: 170 * kinds.length, marginRight: 120, x: { label: 'entropy of the prediction, nats', domain: [0, most] }, y: { label: 'share of images, %, drawn by its root', grid: true, type: 'sqrt', ticks: [0, 5, 20, 50], percent: true, domain: [0, 260] },
    fy: { label: null, domain: kinds.map(k => k.name) },
    marks: [
      Plot.rectY(histogram, { fy: 'name', x1: 'from', x2: 'to', y: 'share', fill: 'name', inset: 0.5 }), Plot.ruleY([0]),
      Plot.image(examples, { fy: 'name', x: 'middle', frameAnchor: 'top', dy: 22, src: 'source', width: 40 }),
    ],
  });
}
