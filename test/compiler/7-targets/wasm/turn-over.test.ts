/** Panels of rows that become columns: products with the transpose of a matrix, of any length, alone and shared by threads. */
import test from 'ava';
import { addIndex, axisIndex, scaleIndex, size } from '../../../../compiler/6-kernels/index.ts';
import type { Expr, Index, Kernel } from '../../../../compiler/6-kernels/kernel.ts';
import { recognize } from '../../../../compiler/6-kernels/recognize.ts';
import { verifyKernel } from '../../../../compiler/6-kernels/verify.ts';
import { printWasm } from '../../../../compiler/7-targets/wasm/index.ts';
import { scheduleOf } from '../../../support/plan.ts';
import { load } from './run.ts';

const at = (row: string, by: number, column: string): Index => addIndex(scaleIndex(axisIndex(row), by), axisIndex(column));
/** y[i, j] = Σ_k x[i, k] w[j, k]. */
function product(columns: number, length: number): Kernel {
  const from = (buffer: string, offset: Index): Expr => ({ kind: 'load', type: 'f32', buffer, offset });
  const sum: Expr = { kind: 'ref', type: 'f32', name: 's' };
  const next: Expr = { kind: 'op', type: 'f32', op: 'add', args: [sum, { kind: 'op', type: 'f32', op: 'mul', args: [from('x', at('i', length, 'k')), from('w', at('j', length, 'k'))] }] };
  return {
    name: 'product', origins: [], axes: [{ name: 'i', extent: 'rows' }, { name: 'j', extent: columns }],
    buffers: [{ name: 'x', type: 'f32', size: size(length, ['rows']), access: 'read' }, { name: 'w', type: 'f32', size: size(columns * length), access: 'read' }, { name: 'y', type: 'f32', size: size(columns, ['rows']), access: 'write' }],
    body: [
      { kind: 'fold', axis: { name: 'k', extent: length }, body: [], combine: ['add'], carries: [{ name: 's', type: 'f32', init: { kind: 'lit', type: 'f32', value: 0 }, next }] },
      { kind: 'store', buffer: 'y', offset: at('i', columns, 'j'), value: sum },
    ],
  };
}
/** Shuffles that begin with the first element of a vector, as those of a block that is turned over do. */
const shuffles = (bytes: Uint8Array): number => bytes.filter((_, i) => bytes[i] === 0xfd && bytes[i + 1] === 13 && bytes[i + 2] === 0 && bytes[i + 3] === 1).length;

for (const length of [3, 4, 5, 8, 13, 31, 96]) for (const columns of [64, 72]) test(`${columns} columns of ${length}`, async t => {
  const kernel = recognize(product(columns, length));
  verifyKernel(kernel);
  const cut = scheduleOf([kernel]);
  const large = { memory: 0, blocks: Infinity };
  const found = new Map<string, Float32Array>();
  for (const rows of [1, 4, 16, 37]) for (const threads of [1, 2, 3]) {
    const machine = await load(cut, { rows, samples: 1 }, false, large, threads);
    machine.data('x').set(Float32Array.from({ length: rows * length }, (_, i) => Math.sin(i * i)));
    machine.data('w').set(Float32Array.from({ length: columns * length }, (_, i) => Math.cos(i * i)));
    machine.run('all', { rows, samples: 1 }, [2, 0, 1].filter(x => x < threads));
    const [x, w, y] = [machine.data('x'), machine.data('w'), machine.data('y') as Float32Array];
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < length; k++) sum += (x[i * length + k] ?? NaN) * (w[j * length + k] ?? NaN);
      const got = y[i * columns + j] ?? NaN;
      if (!(Math.abs(got - sum) < 1e-4)) t.fail(`${rows} rows, ${threads} threads, ${i}, ${j}: ${got} and ${sum}`);
    }
    const one = found.get(String(rows));
    if (one) t.deepEqual(y, one, `${threads} threads`); else found.set(String(rows), y);
  }
  t.is(shuffles(printWasm(cut, large)) > 0, length > 4, 'folds of four are written out; else four rows at a time become four columns');
});
