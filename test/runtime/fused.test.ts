/** Fused multiply-adds: in a process of its own, since engines of Node 20 have them only when told so at the start. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { fuse, hasFusedMultiplyAdd } from '../../runtime/fused.ts';

const life = `
  import { moduleOf } from '${new URL('../support/modules.ts', import.meta.url).href}';
  const Model = moduleOf('model M { input x: [batch, 37] target y: class(7)[batch] h = x |> linear(130) |> relu |> linear(53) |> tanh |> linear(7) output p = softmax(h) observe y ~ categorical(logits: h) }');
  const x = Float32Array.from({ length: 61 * 37 }, (_, i) => Math.sin(i)), y = Int32Array.from({ length: 61 }, (_, i) => i % 7);
  const out = {};
  for (const [name, options] of Object.entries({ strict: { threads: 1, fusedMultiplyAdd: false }, one: { threads: 1 }, two: { threads: 2 } })) {
    const m = await Model.create({ backend: 'wasm', seed: 3, ...options });
    const losses = [];
    for (let i = 0; i < 10; i++) losses.push((await m.step({ x, y }, { samples: 2, klWeight: 0.01, optimizer: { kind: 'adam', learningRate: 0.003 } })).loss);
    out[name] = { losses, parameters: Object.values(await m.parameters()).flatMap(t => [...t.data]) };
    m.dispose();
  }
  process.stdout.write(JSON.stringify(out), () => process.exit());
`;
interface Life { readonly losses: readonly number[]; readonly parameters: readonly number[] }

test('fused, a training is the same to the last bits but few, and the same bits with any number of threads', t => {
  const folder = mkdtempSync(join(tmpdir(), 'bnnc-fused-'));
  try {
    writeFileSync(join(folder, 'life.mts'), life);
    const flags = hasFusedMultiplyAdd() ? [] : ['--experimental-wasm-relaxed-simd'];
    const { strict, one, two } = JSON.parse(execFileSync(process.execPath, [...flags, '--import', import.meta.resolve('tsx'), join(folder, 'life.mts')], { encoding: 'utf8', maxBuffer: 2 ** 26 })) as Readonly<Record<'strict' | 'one' | 'two', Life>>; // what `life` writes
    t.deepEqual(two, one);
    t.notDeepEqual(one.parameters, strict.parameters);
    one.losses.forEach((x, i) => { t.true(Math.abs(x - (strict.losses[i] ?? NaN)) < 1e-4 * Math.abs(x), `loss ${i}: ${x} and ${strict.losses[i] ?? NaN}`); });
    // Adam's first steps are the sign of the gradient: a few parameters with next to none may go the other way
    const off = one.parameters.filter((x, i) => Math.abs(x - (strict.parameters[i] ?? NaN)) > 1e-3).length;
    t.true(off < one.parameters.length / 1000, `${off} of ${one.parameters.length} parameters`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('only a product that is added to a local at once is fused', t => {
  const [mul, add, get] = [[0xfd, 0xe6, 1], [0xfd, 0xe4, 1], [0x20, 0x85, 1]];
  const bytes = Uint8Array.from([...mul, ...get, ...add, ...mul, ...add, ...get, ...add, ...mul, ...get]);
  t.is(fuse(bytes), 1);
  t.deepEqual([...bytes], [1, 1, 1, ...get, 0xfd, 0x85, 2, ...mul, ...add, ...get, ...add, ...mul, ...get]);
});
