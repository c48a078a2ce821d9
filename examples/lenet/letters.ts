/**
 * Letters that look as if they came from MNIST: white on black, 20 pixels in their longer direction, the centre of mass in the middle of
 * 28 x 28, soft at the edges. The model never saw a letter, so it should not be sure which digit one is.
 */
import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import { mersenne } from '../common/numbers.ts';
import { type Images, join } from './data.ts';

/** A to Z and a to z without those that, drawn this way, are digits: o O 0, l I i 1, s S 5, z Z 2, B 8, q g 9, b 6. */
export const ALPHABET = [...'ACDEFGHJKLMNPQRTUVWXYacdefhjkmnprtuvwxy'];

const { resolve } = createRequire(import.meta.url);
const dejavu = (name: string): string => resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`);
/** Font files in four styles. */
export const FONTS = ['DejaVuSans', 'DejaVuSerif', 'DejaVuSans-Bold', 'DejaVuSansMono'].map(dejavu);

/** How a letter is drawn: turned by degrees, slanted by degrees, its strokes made wider by a share of the font's size. */
export interface Hand { readonly turn: number; readonly slant: number; readonly stroke: number }

const SIDE = 256; // the big drawing, in pixels; the font's size is half of it, so a turned letter stays inside

/** The big drawing: how much of each of SIDE x SIDE pixels the letter covers, from 0 to 1. */
function draw(letter: string, font: string, hand: Hand): Float32Array {
  const size = SIDE / 2;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">
    <g transform="translate(${size} ${size}) rotate(${hand.turn}) skewX(${hand.slant})">
      <text text-anchor="middle" y="${0.35 * size}" font-size="${size}" fill="white" stroke="white" stroke-width="${hand.stroke * size}" stroke-linejoin="round">${letter}</text>
    </g></svg>`;
  const { pixels } = new Resvg(svg, { font: { fontFiles: [font], loadSystemFonts: false } }).render();
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => (pixels[4 * i + 3] ?? 0) / 255);
}

/** A letter as an image of 28 x 28, as MNIST's digits were made: the box around it scaled to 20, then its centre of mass put in the middle. */
export function letterImage(letter: string, font: string, hand: Hand): Images {
  const big = draw(letter, font, hand);
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, SIDE, -1, SIDE, -1];
  big.forEach((value, i) => {
    if (value === 0) return;
    const [column, row] = [i % SIDE, Math.floor(i / SIDE)];
    [mass, x, y] = [mass + value, x + value * (column + 0.5), y + value * (row + 0.5)];
    [left, right, top, bottom] = [Math.min(left, column), Math.max(right, column), Math.min(top, row), Math.max(bottom, row)];
  });
  if (mass === 0) throw new Error(`the font ${font} draws nothing for '${letter}'`);
  const scale = 20 / (Math.max(right - left, bottom - top) + 1);
  const image = new Float32Array(28 * 28);
  // every big pixel, scale x scale small ones in size, is shared among the four small pixels whose centres are around its own
  big.forEach((value, i) => {
    if (value === 0) return;
    const column = ((i % SIDE) + 0.5 - x / mass) * scale + 13.5;
    const row = (Math.floor(i / SIDE) + 0.5 - y / mass) * scale + 13.5;
    for (const c of [Math.floor(column), Math.floor(column) + 1]) {
      for (const r of [Math.floor(row), Math.floor(row) + 1]) {
        if (c < 0 || c > 27 || r < 0 || r > 27) continue;
        image[28 * r + c] = (image[28 * r + c] ?? 0) + value * scale ** 2 * (1 - Math.abs(column - c)) * (1 - Math.abs(row - r));
      }
    }
  });
  return image.map(value => Math.min(1, value));
}

/** Every letter of the alphabet in every font, `each` times, each time in another hand: turned and slanted up to 12 degrees. */
export function letters(each: number, seed: number, fonts: readonly string[] = FONTS): Images {
  const next = mersenne(seed);
  const between = (low: number, high: number): number => low + ((high - low) * next()) / 2 ** 32;
  const hand = (): Hand => ({ turn: between(-12, 12), slant: between(-12, 12), stroke: between(0, 0.04) });
  return join(ALPHABET.flatMap(letter => fonts.flatMap(font => Array.from({ length: each }, () => letterImage(letter, font, hand())))));
}
