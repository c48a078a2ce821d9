/** Costs of kernels: what they grow with, and that a whole dispatch is what was counted. */
import test from 'ava';
import { countKernel } from '../../../../compiler/5-schedule/count.ts';
import { axisIndex, constant, size } from '../../../../compiler/6-kernels/index.ts';
import type { Expr, Kernel } from '../../../../compiler/6-kernels/kernel.ts';
import { gpujs } from '../../../../compiler/7-targets/gpujs.ts';
import { wasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { costOf } from '../../../../compiler/7-targets/wgsl/costs.ts';
import { webgpu } from '../../../../compiler/7-targets/wgsl/index.ts';
import { planOf } from '../../../../compiler/8-module/manifest.ts';
import { workOf } from '../../../../runtime/webgpu-work.ts';
import { scheduleOf } from '../../../support/plan.ts';

const load: Expr = { kind: 'load', type: 'f32', buffer: 'x', offset: axisIndex('i') };
const sum: Expr = { kind: 'ref', type: 'f32', name: 's' };
const over = (extent: number | 'rows' | 'samples', inner?: 'rows' | 'samples'): Kernel => {
  const fold = (axis: string, e: number | 'rows' | 'samples', name: string, body: Kernel['body'], next: Expr): Kernel['body'][number] =>
    ({ kind: 'fold', axis: { name: axis, extent: e }, body, carries: [{ name, type: 'f32', init: { kind: 'lit', type: 'f32', value: 0 }, next }] });
  const add = (a: Expr, b: Expr): Expr => ({ kind: 'op', op: 'add', type: 'f32', args: [a, b] });
  const body = inner ? [fold('k', extent, 's', [fold('l', inner, 'u', [], add({ ...sum, name: 'u' }, load))], add(sum, { ...sum, name: 'u' }))] : [fold('k', extent, 's', [], add(sum, load))];
  return { name: 'f', origins: [], axes: [{ name: 'i', extent: 100 }], buffers: [], body: [...body, { kind: 'store', buffer: 'y', offset: constant(0), value: sum }] };
};

test('a cost is a sum of what is always there and what grows', t => {
  // an addition and a load a turn, and a store
  t.deepEqual(costOf(over(7)), [7 * 9 + 8]);
  t.deepEqual(costOf(over('rows')), [8, 9]);
  t.deepEqual(costOf(over('samples')), [8, 0, 9]);
  // the inner turn, and one more addition in the outer loop
  t.deepEqual(costOf(over('samples', 'rows')), [8, 0, 1, 9]);
});

test('at the extents of a run it is the count of the whole dispatch', t => {
  for (const kernel of [over(3), over('rows'), over('rows', 'samples')]) {
    const extents = { rows: 32, samples: 5 };
    const { arithmetic, loads, stores } = countKernel(kernel, extents);
    t.is(100 * workOf(costOf(kernel), extents), arithmetic + 8 * loads + 8 * stores);
  }
});

test('only WebGPU is told of costs and of what a batch is made of', t => {
  const kernel = { ...over('rows'), buffers: [{ name: 'input:x', type: 'f32', size: size(3, ['rows']), access: 'read' }] } as const;
  const schedule = scheduleOf([kernel]);
  t.deepEqual([planOf(schedule, webgpu).costs, planOf(schedule, webgpu).lines], [[[8, 9]], [{ buffer: 0, each: 3 }]]);
  for (const target of [wasm, gpujs]) t.false('costs' in planOf(schedule, target) || 'lines' in planOf(schedule, target), target.name);
});
