/** A stack of slices that takes the place of another: only where each turn is done with its slice of the one before it makes its slice of the other. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { endsInTurn } from '../../../compiler/5-schedule/in-turns.ts';
import type { LoopStep } from '../../../compiler/5-schedule/in-turns.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { addIndex, axisIndex, constant, evaluateSize, scaleIndex, size, valueIndex } from '../../../compiler/6-kernels/index.ts';
import type { Expr, Index, Kernel } from '../../../compiler/6-kernels/kernel.ts';
import { wasm } from '../../../compiler/7-targets/wasm/index.ts';

const turns = 7, width = 5;
const turn = scaleIndex(valueIndex({ kind: 'scalar', type: 'u32', name: 'turn0' }), size(width, ['rows']));
/** Row b, column j of the slice of this turn. */
const own = addIndex(turn, addIndex(scaleIndex(axisIndex('b'), width), axisIndex('j')));
const load = (buffer: string, offset: Index): Expr => ({ kind: 'load', type: 'f32', buffer, offset });
/** target[to] = source[from], for each row and column. */
function kernel(source: string, target: string, from: Index = own, to: Index = own): Kernel {
  const stack = (name: string, access: 'read' | 'write') => ({ name, type: 'f32' as const, size: size(turns * width, ['rows']), access });
  return { name: `${source} to ${target}`, origins: [], axes: [{ name: 'b', extent: 'rows' }, { name: 'j', extent: width }], buffers: [stack(source, 'read'), stack(target, 'write')], body: [{ kind: 'store', buffer: target, offset: to, value: load(source, from) }] };
}
const loop = (...body: LoopStep['body']): LoopStep => ({ kind: 'loop', counter: 'turn0', extent: turns, reverse: false, body });
const run = (k: number): { readonly kind: 'run'; readonly kernel: number } => ({ kind: 'run', kernel: k });
/** Whether `old` may end where `new` begins in a loop of these kernels. */
const ends = (kernels: readonly Kernel[], mayBeOne = true): boolean => endsInTurn(loop(...kernels.map((_, i) => run(i))), kernels, ['old'], ['new'], () => mayBeOne);

test('read before the other is written, in one kernel or in another', t => {
  t.true(ends([kernel('old', 'x'), kernel('x', 'new')]));
  t.true(ends([kernel('old', 'new')]));
  t.false(ends([kernel('old', 'new')], false), 'the kernel decides');
  t.true(ends([kernel('old', 'x'), kernel('x', 'new'), kernel('new', 'y')]));
});
test('not where it is read again after the other was written', t => {
  t.false(ends([kernel('old', 'x'), kernel('x', 'new'), kernel('old', 'y')]));
  t.false(ends([kernel('new', 'x'), kernel('old', 'y')]));
});
test('not where a turn reads or writes what is another turn\'s', t => {
  const before = addIndex(own, scaleIndex(constant(-width), size(1, ['rows'])));
  t.false(ends([kernel('old', 'x', before), kernel('x', 'new')]), 'the turn before');
  t.false(ends([kernel('old', 'x', addIndex(own, constant(1))), kernel('x', 'new')]), 'one element beyond');
  t.false(ends([kernel('old', 'x', addIndex(scaleIndex(axisIndex('b'), width), axisIndex('j'))), kernel('x', 'new')]), 'always the first');
  t.false(ends([kernel('old', 'x'), kernel('x', 'new', own, before)]), 'written elsewhere');
  const twice = addIndex(turn, own);
  t.false(ends([kernel('old', 'x', twice), kernel('x', 'new')]), 'every other slice');
  t.false(ends([kernel('old', 'x', addIndex(turn, { constant: 0, terms: [{ coefficient: 1, atom: { kind: 'mod', index: axisIndex('j'), by: 2 } }] })), kernel('x', 'new')]), 'places that are not known');
});
test('not where a loop is inside, whose turns are others', t => {
  const kernels = [kernel('old', 'x'), kernel('x', 'new')];
  t.false(endsInTurn(loop(run(0), loop(run(1))), kernels, ['old'], ['new'], () => true));
});
test('the gates of a long short-term memory and their gradients are one stack, in both plans', t => {
  const model = checkText('model M { input x: [batch, 20, 4] target y: [batch, 1] p = (x |> lstm(16))[:, -1] |> linear(1) output p loss mse(p, y) }', { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const count = (memory: 'fast' | 'small', inPlace = true): number => {
    const { buffers } = schedule(programsOf(model, undefined, memory).programs, { ...wasm.capabilities, inPlace }, memory);
    return new Set(buffers.filter(b => b.role === 'temporary' && evaluateSize(b.size, { rows: 8, samples: 1 }) === 20 * 8 * 64).map(b => b.slot)).size;
  };
  t.deepEqual([count('fast'), count('small'), count('fast', false)], [1, 1, 2]);
});
