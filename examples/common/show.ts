/** How the examples show themselves: a progress bar, and pictures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as Plot from '@observablehq/plot';
import { SingleBar } from 'cli-progress';
import { parseHTML } from 'linkedom';

/** A bar over epochs, or what `word` says, with the loss and the time left; ten lines of text where there is no terminal to draw on. */
export function progress(epochs: number, word = 'epoch'): { readonly onEpoch: (e: { readonly epoch: number; readonly loss: number }) => void; readonly stop: () => void } {
  if (!process.stderr.isTTY) return { onEpoch: e => { if ((e.epoch + 1) % Math.ceil(epochs / 10) === 0) process.stderr.write(`${word} ${e.epoch + 1} of ${epochs}, loss ${e.loss.toFixed(3)}\n`); }, stop: () => undefined };
  const bar = new SingleBar({ format: `training [{bar}] ${word} {value}/{total}  loss {loss}  {eta_formatted} left`, hideCursor: true });
  bar.start(epochs, 0, { loss: '…' });
  return { onEpoch: e => { bar.update(e.epoch + 1, { loss: e.loss.toFixed(3) }); }, stop: () => { bar.stop(); } };
}

/** Writes a plot as an SVG file with a title and a white ground. */
export function picture(path: string, options: Plot.PlotOptions): void {
  const { document } = parseHTML('<html><body></body></html>');
  const plot = Plot.plot({ width: 760, height: 460, marginLeft: 56, marginBottom: 44, style: { background: 'white', fontSize: '13px', fontFamily: 'sans-serif' }, ...options, document });
  const svg = plot.tagName.toLowerCase() === 'svg' ? plot : plot.querySelector('svg');
  if (!svg) throw new Error('the plot has no SVG');
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${svg.outerHTML}\n`);
}
export { Plot };
