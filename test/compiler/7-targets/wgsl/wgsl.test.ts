/** WGSL against plain arithmetic, on a device that computes; every text is checked by Dawn first. */
import test from 'ava';
import { printWgsl, webgpu } from '../../../../compiler/7-targets/wgsl/index.ts';
import { axisIndex, constant, addIndex, size, offsetOf } from '../../../../compiler/6-kernels/index.ts';
import type { Kernel } from '../../../../compiler/6-kernels/kernel.ts';
import { fillNoise } from '../../../../runtime/noise.ts';
import { open } from '../../../../runtime/webgpu.ts';
import { closeTo } from '../../../support/close.ts';
import { planOf, runAll, scheduleOf } from '../../../support/plan.ts';
import { softwareDevice, validateWgsl, webgpuTest } from '../../../support/webgpu.ts';
import { cases } from '../cases.ts';
import { opCases } from '../op-cases.ts';

for (const { name, kernels, fields, steps, inputs, scalars, expected } of cases) {
  const schedule = scheduleOf(kernels, fields, steps);
  const texts = webgpu.print(schedule) as readonly string[]; // this target's are texts

  test(`${name}: valid`, async t => { t.deepEqual(await validateWgsl(texts), []); });

  webgpuTest(`${name}: computed`, async t => {
    const device = await softwareDevice();
    const backend = await open(texts, planOf(schedule, webgpu), { device });
    const counts = Object.fromEntries(Object.entries(expected).map(([buffer, values]) => [buffer, values.length]));
    closeTo(t, await runAll(backend, inputs, counts, scalars), expected, 1e-6, 10);
    backend.dispose();
    device.destroy();
  });
}

test('a kernel reads as its arithmetic', t => {
  const [dense] = cases;
  if (!dense?.kernels[0]) return t.fail();
  t.is(printWgsl(dense.kernels[0], scheduleOf(dense.kernels)), `// dense
@group(0) @binding(0) var<uniform> record: array<vec4<u32>, 4>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let bias_at_ = record[2].w;
  let x_at_ = record[2].y;
  let w_at_ = record[2].z;
  let y_at_ = record[3].x;
  let rows = i32(record[0].x);
  var rest = i32((group.y * groups.x + group.x + record[3].y) * 64u + lane);
  if (rest >= rows * 5) { return; }
  let j = rest % 5;
  rest = rest / 5;
  let i = rest;
  var sum_ = bitcast<f32>(arena[bias_at_ + u32(j)]);
  for (var k = 0; k < 3; k++) {
    sum_ = (sum_ + (bitcast<f32>(arena[x_at_ + u32(3 * i + k)]) * bitcast<f32>(arena[w_at_ + u32(j + 5 * k)])));
  }
  arena[y_at_ + u32(5 * i + j)] = bitcast<u32>(max(sum_, 0.0f));
}
`);
});

test('what makes batches copies words of lines to where each tensor is read', async t => {
  const plain = scheduleOf([]);
  const input = (name: string, each: number, type: 'f32' | 'u32', slot: number) => ({ name, type, shape: [], size: size(each, ['rows']), role: 'input' as const, slot });
  const buffers = [input('input:x', 3, 'f32', 0), { ...input('scale', 2, 'f32', 1), size: 2 }, input('input:word', 2, 'u32', 2), { ...input('order', 2, 'u32', 3), bucket: { of: 'input:word', extent: 9, part: 'order' as const } }, input('target:kind', 1, 'u32', 4)];
  const [pick = ''] = webgpu.print({ ...plain, buffers }) as readonly string[]; // this target's are texts
  t.deepEqual(await validateWgsl([pick]), []);
  t.is(pick.slice(pick.indexOf('fn main')), `fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * 64u + lane;
  if (at >= record[0].x * 4u) { return; }
  let row = at / 4u;
  let column = at % 4u;
  let lines = arrayLength(&data) / 5u;
  let value = data[lines + data[record[3].z + row] * 4u + column];
  if (column < 3u) { arena[record[2].y + row * 3u + column] = value; return; }
  { arena[record[3].y + row * 1u + (column - 3u)] = value; return; }
}
`);
});

for (const { op, kernel, inputs, expected } of opCases) {
  const schedule = scheduleOf([kernel]);
  const texts = webgpu.print(schedule) as readonly string[]; // this target's are texts
  test(`op ${op}: valid`, async t => { t.deepEqual(await validateWgsl(texts), []); });
  webgpuTest(`op ${op}: within 1e-5 of its meaning`, async t => {
    const device = await softwareDevice();
    const backend = await open(texts, planOf(schedule, webgpu), { device });
    const counts = Object.fromEntries(Object.entries(expected).map(([buffer, values]) => [buffer, values.length]));
    closeTo(t, await runAll(backend, inputs, counts), expected, 1e-5, 1e-30);
    backend.dispose();
    device.destroy();
  });
}

// ── noise ─────────────────────────────────────────────────────────────────────────────────────

/** y[s, i] = noise of sample s + sampleBase, element i + 3. */
const drawn = (family: 'normal' | 'uniform'): Kernel => ({
  name: family, origins: [], axes: [{ name: 's', extent: 'samples' }, { name: 'i', extent: 1001 }],
  buffers: [{ name: 'y', type: 'f32', size: size(1001, ['samples']), access: 'write' }],
  body: [{ kind: 'store', buffer: 'y', offset: offsetOf([axisIndex('s'), axisIndex('i')], ['samples', 1001]), value: { kind: 'noise', type: 'f32', family, site: 0xdeadbeef, sample: axisIndex('s'), element: addIndex(axisIndex('i'), constant(3)) } }],
});
for (const family of ['normal', 'uniform'] as const) {
  const schedule = scheduleOf([drawn(family)]);
  const texts = webgpu.print(schedule) as readonly string[]; // this target's are texts
  test(`noise, ${family}: valid`, async t => { t.deepEqual(await validateWgsl(texts), []); });
  webgpuTest(`noise, ${family}: within 5e-7 of the reference, for any seed, count and sample`, async t => {
    const device = await softwareDevice();
    const backend = await open(texts, planOf(schedule, webgpu), { device });
    for (const [seed, count, sampleBase] of [[0, 0, 0], [2 ** 52 + 12345, 2 ** 33 + 1, 100], [42, 7, 3]] as const) {
      const expected = [0, 1, 2].flatMap(s => {
        const out = new Float64Array(1001);
        fillNoise(out, family, { seed, purpose: 4, count }, 0xdeadbeef, sampleBase + s, 3);
        return [...out];
      });
      const { y } = await runAll(backend, {}, { y: 3003 }, {
        samples: 3, rows: 1, sampleBase, purpose: 4, seedLo: seed % 2 ** 32, seedHi: Math.floor(seed / 2 ** 32), countLo: count % 2 ** 32, countHi: Math.floor(count / 2 ** 32),
      });
      // Where the radius is large, f32 itself is coarser than 5e-7 of one.
      closeTo(t, { y: y ?? [] }, { y: expected }, 5e-7);
    }
    backend.dispose();
    device.destroy();
  });
}
