/** The two devices that the WebGPU tests stand on: one that checks, one that computes. */
import test from 'ava';
import { softwareDevice, validateWgsl, webgpuTest } from './webgpu.ts';

const doubled = `
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3<u32>) { data[id.x] = 2u * data[id.x]; }`;

test('Dawn has nothing against valid WGSL, and says where the rest is wrong', async t => {
  t.deepEqual(await validateWgsl([doubled]), []);
  const [message] = await validateWgsl([doubled.replace('2u', '2.0')]);
  t.regex(message ?? '', /^text 0:3:\d+: error: no matching overload/);
});

webgpuTest('SwiftShader computes', async t => {
  const device = await softwareDevice();
  // Storage and copy source; then copy destination and map for reading.
  const data = device.createBuffer({ size: 16, usage: 0x84, mappedAtCreation: true });
  new Uint32Array(data.getMappedRange()).set([1, 2, 3, 4]);
  data.unmap();
  const back = device.createBuffer({ size: 16, usage: 0x9 });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code: doubled }) } });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: data } }] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(data, 0, back, 0, 16);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(1);
  t.deepEqual([...new Uint32Array(back.getMappedRange())], [2, 4, 6, 8]);
  back.unmap();
  device.destroy();
});
