/**
 * The same digits in other hands: each image turned, slanted, scaled and moved a little, by a seed. With such copies the model knows
 * better what a digit may look like, so it is surer about digits it never saw, while letters stay strange to it.
 */
import { mersenne } from '../common/numbers.ts';
import { imageAt, type Images, join } from './data.ts';

const SIDE = 28;
const MIDDLE = (SIDE - 1) / 2;

/** The brightness at a place between pixels, from the four around it (bilinear); black outside. */
function brightness(image: Images, column: number, row: number): number {
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const at = (c: number, r: number): number => (c < 0 || r < 0 || c >= SIDE || r >= SIDE ? 0 : image[SIDE * r + c] ?? 0);
  const [across, down] = [column - left, row - top];
  return (1 - down) * ((1 - across) * at(left, top) + across * at(left + 1, top)) + down * ((1 - across) * at(left, top + 1) + across * at(left + 1, top + 1));
}

/**
 * A copy of each image, one in ten as it was written, the others turned up to 12 degrees, slanted up to 0.2, 0.9 to 1.1 times as large,
 * moved up to 1.5 pixels, and bent: rows shifted along a wave down the image, columns along one across it, of up to 1.5 pixels.
 */
export function jittered(images: Images, seed: number): Images {
  const next = mersenne(seed);
  const between = (low: number, high: number): number => low + ((high - low) * next()) / 2 ** 32;
  return join(Array.from({ length: images.length / SIDE ** 2 }, (_, i) => {
    const image = imageAt(images, i);
    if (between(0, 1) < 0.1) return image;
    const turn = between(-Math.PI / 15, Math.PI / 15);
    const [slant, scale, right, down] = [between(-0.2, 0.2), between(0.9, 1.1), between(-1.5, 1.5), between(-1.5, 1.5)];
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const wave = (): number[] => { const [height, phase] = [between(-1.5, 1.5), between(0, 2 * Math.PI)]; return Array.from({ length: SIDE }, (_, at) => height * Math.sin(at / 4 + phase)); };
    const [ofRow, ofColumn] = [wave(), wave()];
    // a pixel of the copy is looked up where it comes from
    return Float32Array.from({ length: SIDE ** 2 }, (_, pixel) => {
      const [column, row] = [pixel % SIDE, Math.floor(pixel / SIDE)];
      const [x, y] = [column - MIDDLE - right, row - MIDDLE - down];
      return brightness(image, (cos * x + (sin + slant) * y) / scale + MIDDLE + (ofRow[row] ?? 0), (cos * y - sin * x) / scale + MIDDLE + (ofColumn[column] ?? 0));
    });
  }));
}
