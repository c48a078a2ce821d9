/** What examples/vgg reads, from small files in CIFAR-10's form; and that VGG-11 compiles and trains. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeRows, readFolder, readRows, rowsOf } from '../../examples/vgg/data.ts';
import { moduleOf } from '../support/modules.ts';

test('a row is a label and 1024 bytes each of red, green and blue', t => {
  const bytes = new Uint8Array(2 * 3073);
  bytes[3073] = 7;
  bytes[3073 + 1 + 33] = 255; // red, second line, second column
  bytes[3073 + 1 + 2 * 1024] = 51; // blue, top left
  const { image, kind } = readRows(bytes, 'a.bin');
  t.deepEqual(image.shape, [2, 3, 32, 32]);
  t.deepEqual([...kind], [0, 7]);
  t.is(image.data[3072 + 33], 1);
  t.is(image.data[3072 + 2048], Math.fround(0.2));
  t.is(image.data.filter(v => v !== 0).length, 2);
});
test('what is no batch file says so', t => {
  t.throws(() => readRows(new Uint8Array(3072), 'a.bin'), { message: 'a.bin has 3072 bytes, which is no whole number of rows of 3073' });
  t.throws(() => readRows(new Uint8Array(0), 'a.bin'), { message: /no whole number/ });
  t.throws(() => readRows(Uint8Array.from({ length: 3073 }, () => 10), 'a.bin'), { message: 'row 0 of a.bin has the label 10, and labels are 0 to 9' });
});
test('a folder is read file by file, as far as is asked for', t => {
  const folder = mkdtempSync(join(tmpdir(), 'bnnc-cifar-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [a, b] = [makeRows(3, 1), makeRows(4, 2)];
  writeFileSync(join(folder, 'a.bin'), a);
  writeFileSync(join(folder, 'b.bin'), b);
  const both = readRows(Buffer.concat([a, b]), 'both');
  t.deepEqual(readFolder(folder, ['a.bin', 'b.bin'], 100), both);
  t.deepEqual(readFolder(folder, ['a.bin', 'b.bin'], 5), rowsOf(both, [0, 1, 2, 3, 4]));
  t.deepEqual(readFolder(folder, ['a.bin', 'missing.bin'], 3), readRows(a, 'a.bin'));
});
test('VGG-11 compiles, and takes two steps', async t => {
  const source = readFileSync(new URL('../../examples/vgg/vgg.bnn', import.meta.url), 'utf8');
  const started = performance.now();
  const kind = moduleOf(source);
  t.log(`compiled in ${((performance.now() - started) / 1000).toFixed(2)} s`);
  const model = await kind.create({ backend: 'wasm', seed: 1 });
  const { image, kind: labels } = readRows(makeRows(2, 1), 'made up');
  for (let step = 0; step < 2; step++) t.true(Number.isFinite((await model.step({ image, kind: labels }, { klWeight: 1e-6, optimizer: { kind: 'adam', learningRate: 1e-4 } })).loss));
  model.dispose();
});
