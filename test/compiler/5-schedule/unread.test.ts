/** What nobody reads is not stored: kernels with some of their stores alone, and programs that have kernels of their own for it. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { storing } from '../../../compiler/5-schedule/results.ts';
import { kernelsOf } from '../../../compiler/5-schedule/schedule.ts';
import type { ProgramPlan, Schedule } from '../../../compiler/5-schedule/schedule.ts';
import { addIndex, axisIndex, size } from '../../../compiler/6-kernels/index.ts';
import type { Carry, Expr, Kernel, Stmt } from '../../../compiler/6-kernels/kernel.ts';
import { showKernel } from '../../../compiler/6-kernels/show.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { targets } from '../../../compiler/7-targets/targets.ts';

const lit = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const ref = (name: string): Expr => ({ kind: 'ref', type: 'f32', name });
const op = (name: 'add' | 'mul' | 'max', ...args: readonly Expr[]): Expr => ({ kind: 'op', type: 'f32', op: name, args });
const x: Expr = { kind: 'load', type: 'f32', buffer: 'x', offset: addIndex(axisIndex('i'), axisIndex('k')) };
const store = (buffer: string, value: Expr): Stmt => ({ kind: 'store', buffer, offset: axisIndex('i'), value });
const carry = (name: string, init: number, next: Expr): Carry => ({ name, type: 'f32', init: lit(init), next });
const use = (name: string, access: 'read' | 'write') => ({ name, type: 'f32' as const, size: size(64), access });
/** Sums and greatest values of windows; a third carry needs the first; what is twice the sum goes to a row of its own. */
const kernel: Kernel = {
  name: 'windows', origins: [], axes: [{ name: 'i', extent: 8 }],
  buffers: [use('x', 'read'), use('sum', 'write'), use('most', 'write'), use('double', 'write'), use('rows', 'write')],
  body: [
    { kind: 'fold', axis: { name: 'k', extent: 4 }, body: [{ kind: 'let', name: 'v', value: x }], combine: ['add', 'max'], carries: [carry('s', 0, op('add', ref('s'), ref('v'))), carry('m', -1, op('max', ref('m'), ref('v')))] },
    { kind: 'let', name: 'd', value: op('mul', ref('s'), lit(2)) },
    store('sum', ref('s')), store('most', ref('m')), store('double', ref('d')),
    { kind: 'map', axis: { name: 'j', extent: 3 }, body: [{ kind: 'let', name: 'e', value: op('mul', ref('d'), lit(3)) }, { kind: 'store', buffer: 'rows', offset: addIndex({ constant: 0, terms: [{ coefficient: 3, atom: { kind: 'axis', name: 'i' } }] }, axisIndex('j')), value: ref('e') }] },
  ],
};
const only = (...buffers: readonly string[]): Kernel => storing(kernel, s => buffers.includes(s.buffer), () => 64);

test('a kernel with one of its stores has the statements and carries that it needs', t => {
  verifyKernel(kernel);
  for (const [buffers, carries, lets] of [[['sum'], ['s'], 0], [['most'], ['m'], 0], [['double'], ['s'], 1], [['rows'], ['s'], 1], [['sum', 'most'], ['s', 'm'], 0]] as const) {
    const made = only(...buffers);
    verifyKernel(made);
    const [fold] = made.body;
    t.deepEqual(fold?.kind === 'fold' ? fold.carries.map(c => c.name) : [], carries, showKernel(made));
    t.deepEqual(fold?.kind === 'fold' ? fold.combine : [], carries.map(c => (c === 's' ? 'add' : 'max')));
    t.is(made.body.filter(s => s.kind === 'let').length, lets);
    t.deepEqual(made.buffers.filter(b => b.access === 'write').map(b => b.name), [...buffers]);
  }
  t.deepEqual(only('sum', 'most', 'double', 'rows'), kernel, 'all of them are all of it');
});
test('a carry that another needs stays', t => {
  const [fold] = kernel.body;
  if (fold?.kind !== 'fold') throw new Error('no fold');
  const { combine: _, ...rest } = fold;
  const chained: Kernel = { ...kernel, buffers: [use('x', 'read'), use('most', 'write')], body: [{ ...rest, carries: [carry('s', 0, op('add', ref('s'), ref('v'))), carry('m', 0, op('max', ref('m'), ref('s'))), carry('n', 0, ref('v'))] }, store('most', ref('m'))] };
  const made = storing(chained, () => true, () => 64);
  verifyKernel(made);
  const [left] = made.body;
  t.deepEqual(left?.kind === 'fold' ? left.carries.map(c => c.name) : [], ['s', 'm']);
});

const models = {
  dense: 'model M { input x: [batch, 64] target y: [batch, 1] p = x |> linear(128) |> relu |> linear(1) output p loss mse(p, y) }',
  recurrent: 'model M { input x: [batch, 40, 4] target y: [batch, 1] p = (x |> lstm(32))[:, -1] |> linear(1) output p loss mse(p, y) }',
  convolution: 'model M { input x: [batch, 1, 14, 14] target y: class(3)[batch] h = x |> conv2d(8, kernel: 3) |> relu |> max_pool2d(2) |> flatten |> linear(3) output h observe y ~ categorical(logits: h) }',
} as const;
/** Elements that a program stores and nobody reads, for 64 rows and 3 samples: results, and what outlives the program, are read. */
function unread({ kernels, buffers }: Schedule, program: ProgramPlan): number {
  const run = kernelsOf(program.steps).flatMap(k => kernels[k] ?? []);
  const read = new Set([...Object.values(program.results), ...program.swaps.flat(), ...run.flatMap(k => k.buffers.flatMap(b => (b.access === 'write' ? [] : [b.name])))]);
  const written = new Set(run.flatMap(k => k.buffers.flatMap(b => (b.access === 'read' ? [] : [b.name]))));
  return buffers.filter(b => (b.role === 'temporary' || b.role === 'result') && written.has(b.name) && !read.has(b.name))
    .reduce((sum, b) => sum + b.shape.reduce<number>((n, d) => n * (d === 'rows' ? 64 : d === 'samples' ? 3 : d), 1), 0);
}
for (const target of ['wasm', 'webgpu', 'gpujs'] as const) for (const [name, text] of Object.entries(models)) for (const memory of ['fast', 'small'] as const) {
  test(`${target}, ${name}, ${memory}: no program stores much that it does not read`, async t => {
    const [model] = checkText(text, { file: 'm.bnn' }).models;
    if (!model) throw new Error('no model');
    const made = schedule(programsOf(model, undefined, memory).programs, (await targets[target]()).capabilities, memory);
    for (const p of made.programs) t.true(unread(made, p) < 12_000, `${p.name}: ${unread(made, p)}`);
    const predict = made.programs.find(p => p.name === 'predict');
    if (target === 'wasm' && memory === 'fast' && name === 'dense') {
      const stores = kernelsOf(predict?.steps ?? []).flatMap(k => made.kernels[k] ?? []).filter(k => k.body.some(s => s.kind === 'store' && JSON.stringify(s).includes('"noise"')));
      t.true(stores.some(k => k.buffers.filter(b => b.access === 'write').length === 1), 'the large weight is drawn without its noise being kept');
    }
  });
}
