/** Products next to their sums: the module computes what it computed, and the runtime finds every product that is part of a sum. */
import test from 'ava';
import binaryen from 'binaryen';
import { checkText } from '../../../../compiler/compile.ts';
import { programsOf } from '../../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../../compiler/5-schedule/plan.ts';
import { printWasm, wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { readyToFuse } from '../../../../compiler/7-targets/wasm/fusable.ts';
import { fuse, hasFusedMultiplyAdd } from '../../../../runtime/fused.ts';

type Node = binaryen.ExpressionRef;
const m = binaryen;
/** A module of one function: four vectors from memory, what is made of them goes after them. Locals 0 to 3 hold the vectors, two more are free. */
function moduleWith(make: (w: binaryen.Module, get: (i: number) => Node) => Node): Uint8Array {
  const w = new m.Module();
  w.setFeatures(m.Features.SIMD128 | m.Features.Atomics);
  w.setMemory(1, 1);
  w.addMemoryImport('0', 'env', 'memory');
  w.addFunctionImport('twice', 'env', 'twice', m.createType([m.f32]), m.f32);
  const get = (i: number): Node => w.local.get(i, m.v128);
  w.addFunction('f', m.none, m.none, Array.from({ length: 6 }, () => m.v128), w.block(null, [
    ...[0, 1, 2, 3].map(i => w.local.set(i, w.v128.load(16 * i, 16, w.i32.const(0)))),
    w.v128.store(64, 16, w.i32.const(0), make(w, get)),
  ]));
  w.addFunctionExport('f', 'f');
  const bytes = w.emitBinary();
  w.dispose();
  return bytes;
}
async function run(bytes: Uint8Array): Promise<readonly number[]> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const data = new Float32Array(memory.buffer);
  data.set(Array.from({ length: 16 }, (_, i) => Math.sin(3 * i + 1) * 4));
  const { instance } = await WebAssembly.instantiate(Uint8Array.from(bytes), { env: { memory, twice: (x: number) => 2 * x } });
  (instance.exports['f'] as () => void)(); // it has no parameters
  return [...data.subarray(16, 24)];
}

const cases: Readonly<Record<string, { readonly fused: number; readonly make: Parameters<typeof moduleWith>[0] }>> = {
  'a local': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), get(2)) },
  'a local before it': { fused: 1, make: (w, get) => w.f32x4.add(get(2), w.f32x4.mul(get(0), get(1))) },
  'a difference': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.f32x4.sub(get(2), get(3))) },
  'a difference before it': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.sub(get(2), get(3)), w.f32x4.mul(get(0), get(1))) },
  'two products': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.f32x4.mul(get(2), get(3))) },
  'three products': { fused: 2, make: (w, get) => w.f32x4.add(w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.f32x4.mul(get(2), get(3))), w.f32x4.mul(get(0), get(3))) },
  'no product': { fused: 0, make: (w, get) => w.f32x4.add(w.f32x4.sub(get(0), get(1)), w.f32x4.sub(get(2), get(3))) },
  'a product that is taken away': { fused: 0, make: (w, get) => w.f32x4.sub(w.f32x4.mul(get(0), get(1)), get(2)) },
  'a sum in a product that waits': { fused: 2, make: (w, get) => w.f32x4.add(w.f32x4.sub(get(0), get(1)), w.f32x4.mul(w.f32x4.add(w.f32x4.sub(get(2), get(3)), w.f32x4.mul(get(0), get(1))), get(2))) },
  'a sum in a product that waits, of a local': { fused: 2, make: (w, get) => w.f32x4.add(w.f32x4.sub(get(0), get(1)), w.f32x4.mul(w.f32x4.add(get(2), w.f32x4.mul(get(0), get(1))), get(3))) },
  'a polynomial by pairs': { fused: 3, make: (w, get) => { const pair = (a: number, b: number): Node => w.f32x4.add(w.f32x4.mul(get(0), get(a)), get(b)); return w.f32x4.add(w.f32x4.mul(pair(1, 2), w.f32x4.mul(get(0), get(0))), pair(3, 1)); } },
  'what is named on the way': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(w.local.tee(4, w.f32x4.sub(get(0), get(1)), m.v128), get(2)), w.f32x4.mul(get(4), get(4))) },
  'a local that the product changes': { fused: 1, make: (w, get) => w.f32x4.add(get(0), w.f32x4.mul(w.local.tee(0, w.f32x4.sub(get(0), get(1)), m.v128), get(2))) },
  'a store in between': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.block(null, [w.v128.store(80, 16, w.i32.const(0), get(1)), w.f32x4.sub(get(2), get(3))], m.v128)) },
  'a choice': { fused: 2, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.if(w.i32.eqz(w.i32.load(0, 4, w.i32.const(0))), get(2), w.f32x4.add(w.f32x4.mul(get(2), get(3)), w.f32x4.neg(get(1))))) },
  'a call': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.f32x4.splat(w.call('twice', [w.f32x4.extract_lane(get(2), 1)], m.f32))) },
  'a loop': { fused: 1, make: (w, get) => w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.block(null, [w.loop('again', w.block(null, [w.local.set(5, w.f32x4.sub(get(5), get(3))), w.br_if('again', w.i8x16.all_true(w.f32x4.lt(get(5), get(2))))])), get(5)], m.v128)) },
  'an instruction that is not known': { fused: 0, make: (w, get) => w.block(null, [w.atomic.fence(), w.f32x4.add(w.f32x4.mul(get(0), get(1)), w.f32x4.sub(get(2), get(3)))], m.v128) },
};
for (const [name, { fused, make }] of Object.entries(cases)) test(name, async t => {
  const before = moduleWith(make);
  const after = readyToFuse(before);
  t.true(WebAssembly.validate(Uint8Array.from(after)));
  const expected = await run(before);
  t.deepEqual(await run(after), expected);
  const patched = Uint8Array.from(after);
  t.is(fuse(patched), fused);
  if (hasFusedMultiplyAdd()) (await run(patched)).forEach((x, i) => { t.true(Math.abs(x - (expected[i] ?? NaN)) < 1e-5, `${x} and ${expected[i] ?? NaN}`); }); else t.is(patched.length, after.length);
});
test('a module without functions stays as it is', t => {
  const w = new m.Module();
  const bytes = w.emitBinary();
  w.dispose();
  t.deepEqual(readyToFuse(bytes), bytes);
});
test('of a model, most sums have a product that is fused', t => {
  const [model] = checkText('model M { input x: [batch, 16] target y: [batch, 1] p = x |> linear(32) |> tanh |> linear(1) output p loss mse(p, y) }', { file: 'm.bnn' }).models;
  if (!model) throw new Error('no model');
  const bytes = printWasm(schedule(programsOf(model).programs, wasm.capabilities));
  const sums = bytes.filter((_, i) => bytes[i] === 0xfd && bytes[i + 1] === 0xe4 && bytes[i + 2] === 1).length;
  const fused = fuse(bytes);
  t.true(fused > 0.75 * sums && fused < sums, `${fused} of ${sums}`);
});
