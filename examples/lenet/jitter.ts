/**
 * The same digits in other hands: each image turned, slanted, scaled and moved a little, by a seed. With such copies the model knows
 * better what a digit may look like, so it is surer about digits it never saw, while letters stay strange to it.
 */
import { mersenne } from '../common/numbers.ts';
import type { Images } from './data.ts';

const SIDE = 28;
const MIDDLE = (SIDE - 1) / 2;

/** The brightness of an image that begins at `from`, at a place between pixels, from the four around it (bilinear); black outside. */
function brightness(images: Images, from: number, column: number, row: number): number {
  const [left, top] = [Math.floor(column), Math.floor(row)];
  if (left < -1 || top < -1 || left >= SIDE || top >= SIDE) return 0;
  const at = from + SIDE * top + left;
  const [hasLeft, hasRight, hasTop, hasBottom] = [left >= 0, left < SIDE - 1, top >= 0, top < SIDE - 1];
  const [across, down] = [column - left, row - top];
  const above = hasTop ? (1 - across) * (hasLeft ? images[at] ?? 0 : 0) + across * (hasRight ? images[at + 1] ?? 0 : 0) : 0;
  const below = hasBottom ? (1 - across) * (hasLeft ? images[at + SIDE] ?? 0 : 0) + across * (hasRight ? images[at + SIDE + 1] ?? 0 : 0) : 0;
  return (1 - down) * above + down * below;
}

/**
 * A copy of each image, one in ten as it was written, the others turned up to 12 degrees, slanted up to 0.2, 0.9 to 1.1 times as large,
 * moved up to 1.5 pixels, and bent: rows shifted along a wave down the image, columns along one across it, of up to 1.5 pixels.
 */
export function jittered(images: Images, seed: number): Images {
  const next = mersenne(seed);
  const between = (low: number, high: number): number => low + ((high - low) * next()) / 2 ** 32;
  const out = images.slice();
  for (let from = 0; from < images.length; from += SIDE ** 2) {
    if (between(0, 1) < 0.1) continue;
    const turn = between(-Math.PI / 15, Math.PI / 15);
    const [slant, scale, right, down] = [between(-0.2, 0.2), between(0.9, 1.1), between(-1.5, 1.5), between(-1.5, 1.5)];
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const wave = (): Float64Array => { const [height, phase] = [between(-1.5, 1.5), between(0, 2 * Math.PI)]; return Float64Array.from({ length: SIDE }, (_, at) => height * Math.sin(at / 4 + phase)); };
    const [ofRow, ofColumn] = [wave(), wave()];
    for (let row = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        // a pixel of the copy is looked up where it comes from
        const [x, y] = [column - MIDDLE - right, row - MIDDLE - down];
        out[from + SIDE * row + column] = brightness(images, from, (cos * x + (sin + slant) * y) / scale + MIDDLE + (ofRow[row] ?? 0), (cos * y - sin * x) / scale + MIDDLE + (ofColumn[column] ?? 0));
      }
    }
  }
  return out;
}
