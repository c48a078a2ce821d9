/** The declarations that `boston.ts` is checked against are what the compiler writes; the bundles a page loads are small. */
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { build } from 'esbuild';
import { compile } from '../../compiler/compile.ts';

const source = readFileSync(new URL('../../examples/boston/boston.bnn', import.meta.url), 'utf8');
const size = (text: string): number => gzipSync(text, { level: 9 }).length;

test('the golden declarations', async t => {
  const { files } = await compile(source, { file: 'boston.bnn', targets: ['wasm'] });
  const made = files.find(f => f.name.endsWith('.d.ts'))?.text ?? '';
  const golden = new URL('./boston.bnn.d.ts', import.meta.url);
  if (process.env['BNNC_GOLDEN']) writeFileSync(golden, made);
  t.is(made, readFileSync(golden, 'utf8'));
});

for (const backend of ['wasm', 'webgpu']) {
  test(`the runtime with ${backend} is under 15 kB, minified and compressed`, async t => {
    const { outputFiles } = await build({ stdin: { contents: `export * from './runtime/index.ts'; export { open } from './runtime/${backend}.ts';`, resolveDir: new URL('../..', import.meta.url).pathname, loader: 'ts' }, bundle: true, minify: true, format: 'esm', write: false });
    t.true(size(outputFiles[0]?.text ?? '') < 15_000, String(size(outputFiles[0]?.text ?? '')));
  });
}

for (const backend of ['wasm', 'webgpu', 'gpujs'] as const) {
  test(`Boston's module for ${backend} is under 10 kB, compressed`, async t => {
    const { files } = await compile(source, { file: 'boston.bnn', targets: [backend] });
    const module = files.find(f => f.name === 'boston.bnn.js')?.text ?? '';
    t.true(size(module) < 10_000, String(size(module)));
  });
}
