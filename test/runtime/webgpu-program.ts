/** A whole small program, as an app in Node would be: opens a model on a device, computes, and simply ends. Run by webgpu.test.ts. */
import { axisIndex } from '../../compiler/6-kernels/index.ts';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';
import { open } from '../../runtime/webgpu.ts';
import { planOf, runAll, scheduleOf } from '../support/plan.ts';
import { softwareDevice } from '../support/software-gpu.ts';

const schedule = scheduleOf([{
  name: 'count', axes: [{ name: 'i', extent: 5 }], origins: [], buffers: [{ name: 'y', type: 'u32', size: 5, access: 'write' }],
  body: [{ kind: 'store', buffer: 'y', offset: axisIndex('i'), value: { kind: 'index', type: 'u32', index: axisIndex('i') } }],
}]);
const device = await softwareDevice();
const model = await open(webgpu.print(schedule) as readonly string[], planOf(schedule, webgpu), { device }); // this target's are texts
console.log(JSON.stringify(await runAll(model, {}, { y: 5 })));
if (process.argv[2] === 'dispose') {
  model.dispose();
  device.destroy();
}
