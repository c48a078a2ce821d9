/** The noise's arithmetic, in single precision, against its meaning; and the generator against the published vectors. */
import test from 'ava';
import type { Algebra } from '../../../compiler/ops/algebra.ts';
import { noiseQuad, threefry } from '../../../compiler/ops/noise.ts';
import { ops } from '../../../compiler/ops/table.ts';
import * as runtime from '../../../runtime/noise.ts';

const single: Algebra<number> = { lit: Math.fround, word: v => v >>> 0, op: (op, ...args) => (ops[op].result === 'f32' || op === 'select' ? Math.fround(ops[op].eval(...args)) : ops[op].eval(...args)) };

// Random123, tests/kat_vectors, threefry4x32 with 13 rounds
const f = 0xffffffff;
const vectors = [
  { counter: [0, 0, 0, 0], key: [0, 0, 0, 0], out: [0x531c7e4f, 0x39491ee5, 0x2c855a92, 0x3d6abf9a] },
  { counter: [f, f, f, f], key: [f, f, f, f], out: [0xc4189358, 0x1c9cc83a, 0xd5881c67, 0x6a0a89e0] },
  { counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], key: [0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89], out: [0x4aa71d8f, 0x734738c2, 0x431fc6a8, 0xae6debf1] },
] as const;
test('published vectors', t => {
  for (const { counter, key, out } of vectors) {
    t.deepEqual([...threefry(single, counter, key)], [...out]);
    const [[a, b, c, d], [e, f2, g, h]] = [counter, key];
    t.deepEqual([...runtime.threefry(a, b, c, d, e, f2, g, h)], [...out]);
  }
});

test('normals within 5e-7 of their meaning, with the moments of a standard normal', t => {
  let [worst, n] = [0, 0];
  const sums = [0, 0, 0, 0];
  let tail = 0;
  for (let quad = 0; quad < 25_000; quad++) {
    const key = [17, 3, 2, 0xdeadbeef] as const;
    const got = noiseQuad(single, 'normal', [quad, 5, 9, 0], key);
    const w = runtime.threefry(quad, 5, 9, 0, ...key);
    const expected = [...runtime.boxMuller(w[0], w[1]), ...runtime.boxMuller(w[2], w[3])];
    got.forEach((x, i) => {
      worst = Math.max(worst, Math.abs(x - (expected[i] ?? NaN)));
      sums.forEach((_, p) => { sums[p] = (sums[p] ?? 0) + x ** (p + 1); });
      if (Math.abs(x) > 3) tail++;
      n++;
    });
  }
  t.true(worst < 5e-7, String(worst));
  const [mean = 0, second = 0, third = 0, fourth = 0] = sums.map(s => s / n);
  // four standard errors of each moment of 10^5 normals
  t.true(Math.abs(mean) < 4 / Math.sqrt(n));
  t.true(Math.abs(second - 1) < 4 * Math.sqrt(2 / n));
  t.true(Math.abs(third) < 4 * Math.sqrt(15 / n));
  t.true(Math.abs(fourth - 3) < 4 * Math.sqrt(96 / n));
  t.true(Math.abs(tail / n - 0.0026998) < 4 * Math.sqrt(0.0027 / n));
});
