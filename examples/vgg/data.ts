/**
 * CIFAR-10 in its binary form (Krizhevsky 2009): files of rows of 3073 bytes, a label from 0 to 9 and then 1024 bytes each of red, green and
 * blue, line by line. Made-up images of the same form stand in for it where there is none.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mersenne } from '../common/numbers.ts';

export const kinds = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'] as const;
const pixels = 3 * 32 * 32;

/** Images as the model takes them, [rows, 3, 32, 32] from 0 to 1, and what is on them. */
export interface Images { readonly image: { readonly shape: readonly number[]; readonly data: Float32Array }; readonly kind: Int32Array }

/** The rows of one batch file; at most `limit` of them. Throws where the file is not made of whole rows, or a label is above 9. */
export function readRows(bytes: Uint8Array, name: string, limit = Infinity): Images {
  if (bytes.length === 0 || bytes.length % (1 + pixels) !== 0) throw new Error(`${name} has ${bytes.length} bytes, which is no whole number of rows of ${1 + pixels}`);
  const rows = Math.min(limit, bytes.length / (1 + pixels));
  const data = new Float32Array(rows * pixels);
  const kind = new Int32Array(rows);
  for (let r = 0; r < rows; r++) {
    const at = r * (1 + pixels);
    kind[r] = bytes[at] ?? 0;
    if ((kind[r] ?? 0) > 9) throw new Error(`row ${r} of ${name} has the label ${kind[r]}, and labels are 0 to 9`);
    for (let k = 0; k < pixels; k++) data[r * pixels + k] = (bytes[at + 1 + k] ?? 0) / 255;
  }
  return { image: { shape: [rows, 3, 32, 32], data }, kind };
}

/** The files of the set, as they are called in the archive. */
export const files = { train: [1, 2, 3, 4, 5].map(i => `data_batch_${i}.bin`), test: ['test_batch.bin'] } as const;

/** The first `limit` rows of several files of a folder, in their order. */
export function readFolder(folder: string, names: readonly string[], limit: number): Images {
  const parts: Images[] = [];
  let left = limit;
  for (const name of names) {
    if (left <= 0) break;
    const part = readRows(readFileSync(join(folder, name)), name, left);
    parts.push(part);
    left -= part.kind.length;
  }
  const rows = limit - Math.max(0, left);
  const [data, kind] = [new Float32Array(rows * pixels), new Int32Array(rows)];
  let row = 0;
  for (const part of parts) { data.set(part.image.data, row * pixels); kind.set(part.kind, row); row += part.kind.length; }
  return { image: { shape: [rows, 3, 32, 32], data }, kind };
}

/** Some rows, by their place. */
export function rowsOf({ image, kind }: Images, at: readonly number[]): Images {
  const data = new Float32Array(at.length * pixels);
  at.forEach((from, row) => data.set(image.data.subarray(from * pixels, (from + 1) * pixels), row * pixels));
  return { image: { shape: [at.length, 3, 32, 32], data }, kind: Int32Array.from(at, i => kind[i] ?? 0) };
}

/** Made-up rows in the form of the files: each kind has a colour of its own, under noise. */
export function makeRows(rows: number, seed: number): Uint8Array {
  const next = mersenne(seed);
  const bytes = new Uint8Array(rows * (1 + pixels));
  for (let r = 0; r < rows; r++) {
    const kind = next() % kinds.length;
    bytes[r * (1 + pixels)] = kind;
    for (let k = 0; k < pixels; k++) bytes[r * (1 + pixels) + 1 + k] = 64 + ((kind * (37 + 50 * Math.floor(k / 1024))) % 128) + (next() % 64);
  }
  return bytes;
}
