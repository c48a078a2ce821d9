/** The WebAssembly target against plain arithmetic: every operation and every form of a kernel. Graphs are in `zoo.test.ts`. */
import test from 'ava';
import { addIndex, axisIndex, constant, scaleIndex, valueIndex } from '../../../../compiler/6-kernels/index.ts';
import type { BufferUse, Expr, Kernel, Stmt } from '../../../../compiler/6-kernels/kernel.ts';
import { boxMuller, noiseWords } from '../../../../runtime/noise.ts';
import { closeTo } from '../../../support/close.ts';
import { scheduleOf } from '../../../support/plan.ts';
import { cases } from '../cases.ts';
import { opCases } from '../op-cases.ts';
import { load } from './run.ts';

for (const { name, kernels, fields, steps, inputs, scalars = {}, expected } of cases) {
  test(name, async t => {
    const plan = scheduleOf(kernels, fields, steps);
    const machine = await load(plan, { rows: scalars['rows'] ?? 1, samples: scalars['samples'] ?? 1 });
    for (const [buffer, data] of Object.entries(inputs)) machine.data(buffer).set(data);
    machine.run('all', scalars);
    closeTo(t, Object.fromEntries(Object.entries(expected).map(([b, v]) => [b, [...machine.data(b).slice(0, v.length)]])), expected, 1e-6, 10);
  });
}

for (const { op, kernel, inputs, expected } of opCases) {
  test(`op ${op} is within 4e-7 of its meaning, four at a time and one at a time`, async t => {
    for (const lanes of [true, false]) {
      // with a fold of one turn around it, the position is no lane
      const plan = scheduleOf([lanes ? kernel : { ...kernel, axes: [], body: [{ kind: 'map', axis: { name: 'i', extent: 0 }, body: [] }, ...kernel.axes.map(axis => ({ kind: 'fold' as const, axis, carries: [], body: kernel.body }))] }]);
      const machine = await load(plan, { rows: 1, samples: 1 });
      for (const [buffer, data] of Object.entries(inputs)) machine.data(buffer).set(data);
      machine.run('all', {});
      closeTo(t, Object.fromEntries(Object.keys(expected).map(b => [b, [...machine.data(b)]])), expected, tolerances[op] ?? 4e-7, 1e-30);
    }
  });
}
/** Where an expansion loses more: small differences of near numbers, and powers of large ones. */
const tolerances: Readonly<Record<string, number>> = { pow: 1e-5 };


// ── noise ─────────────────────────────────────────────────────────────────────────────────────

/** What a stream gives, in double precision. */
const exact = (family: 'normal' | 'uniform', site: number, sample: number, element: number): number => {
  const w = noiseWords({ seed: 9 + 2 ** 32 * 3, purpose: 2, count: 11 }, site, sample, Math.floor(element / 4));
  return (family === 'normal' ? [...boxMuller(w[0], w[1]), ...boxMuller(w[2], w[3])] : w.map(x => (x >>> 8) * 2 ** -24 + 2 ** -25))[element % 4] ?? NaN;
};
const record = { seedLo: 9, seedHi: 3, purpose: 2, countLo: 11, countHi: 0, sampleBase: 4, rowBase: 5, rows: 3, samples: 3 };
const buffer = (name: string, size: BufferUse['size'], access: BufferUse['access'] = 'write'): BufferUse => ({ name, type: 'f32', size, access });
const at = (name: string, stride = 1) => scaleIndex(axisIndex(name), stride);
const noise = (family: 'normal' | 'uniform', element: ReturnType<typeof at>, sample = constant(0), site = 77): Expr => ({ kind: 'noise', type: 'f32', family, site, sample, element });

for (const family of ['normal', 'uniform'] as const) {
  for (const n of [1, 3, 4, 13, 16, 30, 64, 67, 200]) {
    for (const shift of [0, 1, 4]) {
      test(`${n} ${family} values from element ${shift} on, drawn in rows, are those of the stream`, async t => {
        const kernel: Kernel = {
          name: 'draw', origins: [], axes: [{ name: 's', extent: 'samples' }, { name: 'i', extent: n }], buffers: [buffer('y', { times: n, by: ['samples'] })],
          body: [{ kind: 'store', buffer: 'y', offset: addIndex(at('s', n), at('i')), value: noise(family, addIndex(at('i'), constant(shift)), axisIndex('s')) }],
        };
        const machine = await load(scheduleOf([kernel]), record);
        machine.run('all', record);
        const expected = Array.from({ length: 3 * n }, (_, i) => exact(family, 77, 4 + Math.floor(i / n), shift + (i % n)));
        t.true(expected.every((x, i) => Math.abs(x - (machine.data('y')[i] ?? NaN)) <= 5e-7));
      });
    }
  }
}

test('two streams in one kernel, and a transposed one, do not disturb each other', async t => {
  const two: Expr = { kind: 'op', op: 'sub', type: 'f32', args: [noise('normal', addIndex(at('j', 5), at('i'))), noise('uniform', addIndex(at('i', 7), at('j')), constant(1), 85)] };
  const kernel: Kernel = {
    name: 'two', origins: [], axes: [{ name: 'i', extent: 5 }, { name: 'j', extent: 7 }], buffers: [buffer('y', 35)],
    body: [{ kind: 'store', buffer: 'y', offset: addIndex(at('i', 7), at('j')), value: two }],
  };
  const machine = await load(scheduleOf([kernel]), record);
  machine.run('all', record);
  const wrong = [...machine.data('y')].filter((x, i) => Math.abs(x - (exact('normal', 77, 4, 5 * (i % 7) + Math.floor(i / 7)) - exact('uniform', 85, 5, i))) > 1e-6);
  t.deepEqual(wrong, []);
});

for (const [what, site, shift] of [['of two sites in one window', 85, 0], ['of one site, far apart', 77, 100], ['of one site, near each other', 77, 3]] as const) {
  test(`two rows of values ${what} do not move a window that a loop keeps`, async t => {
    const two: Expr = { kind: 'op', op: 'sub', type: 'f32', args: [noise('normal', at('i'), axisIndex('s')), noise('normal', addIndex(at('i'), constant(shift)), axisIndex('s'), site)] };
    const kernel: Kernel = { name: 'two', origins: [], axes: [{ name: 's', extent: 'samples' }, { name: 'i', extent: 200 }], buffers: [buffer('y', { times: 200, by: ['samples'] })], body: [{ kind: 'store', buffer: 'y', offset: addIndex(at('s', 200), at('i')), value: two }] };
    const machine = await load(scheduleOf([kernel]), record);
    machine.run('all', record);
    const wrong = [...machine.data('y')].filter((x, i) => Math.abs(x - (exact('normal', 77, 4 + Math.floor(i / 200), i % 200) - exact('normal', site, 4 + Math.floor(i / 200), shift + i % 200))) > 1e-6);
    t.deepEqual(wrong, []);
  });
}

test('a draw that is made before a panel is filled with it, beside other noise, does not keep its window', async t => {
  const [k, n] = [300, 320];
  const mul = (...args: readonly Expr[]): Expr => ({ kind: 'op', op: 'mul', type: 'f32', args });
  const add = (...args: readonly Expr[]): Expr => ({ kind: 'op', op: 'add', type: 'f32', args });
  const read = (name: string, offset: ReturnType<typeof at>): Expr => ({ kind: 'load', type: 'f32', buffer: name, offset });
  const sum: Expr = { kind: 'ref', type: 'f32', name: 'sum' };
  // the sites have one window
  const next = add(sum, mul(read('x', addIndex(at('r', k), at('k'))), mul(read('c', addIndex(at('k', n), at('i'))), noise('normal', at('i'), constant(0), 5))));
  const kernel: Kernel = {
    name: 'two', origins: [], axes: [{ name: 'r', extent: 'rows' }, { name: 'i', extent: n }],
    buffers: [buffer('x', { times: k, by: ['rows'] }, 'read'), buffer('c', k * n, 'read'), buffer('y', { times: n, by: ['rows'] })],
    body: [
      { kind: 'fold', axis: { name: 'k', extent: k }, body: [], combine: ['add'], carries: [{ name: 'sum', type: 'f32', init: { kind: 'lit', type: 'f32', value: 0 }, next }] },
      { kind: 'store', buffer: 'y', offset: addIndex(at('r', n), at('i')), value: add(sum, noise('normal', at('i'), constant(0), 13)) },
    ],
  };
  const rows = 16;
  const machine = await load(scheduleOf([kernel]), { ...record, rows }, false, { memory: 0, blocks: Infinity });
  machine.data('x').fill(1);
  machine.data('c').fill(1 / k);
  machine.run('all', { ...record, rows });
  t.deepEqual([...machine.data('y')].filter((y, j) => !(Math.abs(y - exact('normal', 5, 4, j % n) - exact('normal', 13, 4, j % n)) < 1e-4)), []);
});

test('another count or seed draws anew', async t => {
  const kernel: Kernel = { name: 'draw', origins: [], axes: [{ name: 'i', extent: 8 }], buffers: [buffer('y', 8)], body: [{ kind: 'store', buffer: 'y', offset: at('i'), value: noise('normal', at('i')) }] };
  const machine = await load(scheduleOf([kernel]), record);
  const draw = (change: object): string => { machine.run('all', { ...record, ...change }); return [...machine.data('y')].join(); };
  t.is(new Set([draw({}), draw({ countLo: 12 }), draw({ seedLo: 10 }), draw({ purpose: 3 }), draw({ sampleBase: 5 })]).size, 5);
  t.is(draw({}), draw({}));
});

// ── what tiles must not change ────────────────────────────────────────────────────────────────

/** y = x·w for the strides of both operands along (row, column, folded axis). */
function product([m, n, k]: readonly [number | 'rows', number, number], x: (i: string, k: string) => ReturnType<typeof at>, w: (k: string, j: string) => ReturnType<typeof at>): Kernel {
  const size = (by: number) => (m === 'rows' ? { times: by, by: ['rows' as const] } : m * by);
  const read = (name: string, offset: ReturnType<typeof at>): Expr => ({ kind: 'load', type: 'f32', buffer: name, offset });
  const sum: Expr = { kind: 'ref', type: 'f32', name: 'sum' };
  const body: readonly Stmt[] = [
    { kind: 'fold', axis: { name: 'k', extent: k }, body: [], combine: ['add'], carries: [{ name: 'sum', type: 'f32', init: { kind: 'lit', type: 'f32', value: 0 }, next: { kind: 'op', op: 'add', type: 'f32', args: [sum, { kind: 'op', op: 'mul', type: 'f32', args: [read('x', x('i', 'k')), read('w', w('k', 'j'))] }] } }] },
    { kind: 'store', buffer: 'y', offset: addIndex(at('i', n), at('j')), value: sum },
  ];
  return { name: 'product', origins: [], axes: [{ name: 'i', extent: m }, { name: 'j', extent: n }], body, buffers: [buffer('x', size(k), 'read'), buffer('w', k * n, 'read'), buffer('y', size(n))] };
}
const whole = (count: number, by: number): Float32Array => Float32Array.from({ length: count }, (_, i) => ((i * by) % 11) - 5);

/** All kernels are large ones. */
const always = { memory: 0, blocks: 0 } as const;
for (const form of ['NN', 'NT', 'TN'] as const) {
  test(`${form} products of all ragged sizes are exact on whole numbers`, async t => {
    // 512 columns are done in blocks where kernels count as large
    for (const [n, large] of [...[1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17].flatMap(c => [[c, undefined], [c, always]] as const), [512, always] as const]) {
      for (const [rows, k, isLive] of [[1, 3, true], [4, 16, true], [6, 33, true], [17, 9, false], [3, 40, false]] as const) {
        if (form === 'TN' && isLive) continue;
        const kernel = product([isLive ? 'rows' : rows, n, k],
          (i, f) => (form === 'TN' ? addIndex(at(f, rows), at(i)) : addIndex(at(i, k), at(f))), (f, j) => (form === 'NT' ? addIndex(at(j, k), at(f)) : addIndex(at(f, n), at(j))));
        const machine = await load(scheduleOf([kernel]), { rows, samples: 1 }, false, large);
        const [x, w] = [whole(rows * k, 7), whole(k * n, 3)];
        machine.data('x').set(x);
        machine.data('w').set(w);
        machine.run('all', { rows, samples: 1 });
        const expected = Array.from({ length: rows * n }, (_, at2) => {
          const [i, j] = [Math.floor(at2 / n), at2 % n];
          let sum = 0;
          for (let f = 0; f < k; f++) sum += (x[form === 'TN' ? f * rows + i : i * k + f] ?? NaN) * (w[form === 'NT' ? j * k + f : f * n + j] ?? NaN);
          return sum;
        });
        t.deepEqual([...machine.data('y')], expected, `${rows} by ${n} by ${k}`);
      }
    }
  });
}

test('products that are added to in place, of large kernels, whatever is left over', async t => {
  for (const n of [5, 6, 7, 9, 12, 20, 21]) {
    const [rows, k] = [64, 130];
    const plain = product([rows, n, k], (i, f) => addIndex(at(i, k), at(f)), (f, j) => addIndex(at(f, n), at(j)));
    const y: Expr = { kind: 'load', type: 'f32', buffer: 'y', offset: addIndex(at('i', n), at('j')) };
    const kernel: Kernel = {
      ...plain, buffers: plain.buffers.map(b => (b.name === 'y' ? { ...b, access: 'update' } : b)),
      body: plain.body.map((b): Stmt => (b.kind === 'store' ? { ...b, value: { kind: 'op', op: 'add', type: 'f32', args: [y, b.value] } } : b)),
    };
    const machine = await load(scheduleOf([kernel]), { rows, samples: 1 }, false, always);
    const [x, w] = [whole(rows * k, 7), whole(k * n, 3)];
    machine.data('x').set(x);
    machine.data('w').set(w);
    machine.data('y').fill(2);
    machine.run('all', {});
    const expected = Array.from({ length: rows * n }, (_, e) => { let sum = 2; for (let f = 0; f < k; f++) sum += (x[Math.floor(e / n) * k + f] ?? NaN) * (w[f * n + (e % n)] ?? NaN); return sum; });
    t.deepEqual([...machine.data('y')], expected, `${n} columns`);
  }
});

test('an update in place touches each element once, whatever is left over', async t => {
  for (const n of [1, 3, 4, 6, 13, 15, 16, 17, 31, 66]) {
    const y: Expr = { kind: 'load', type: 'f32', buffer: 'y', offset: at('i') };
    const kernel: Kernel = { name: 'count', origins: [], axes: [{ name: 'i', extent: n }], buffers: [buffer('y', n, 'update')], body: [{ kind: 'store', buffer: 'y', offset: at('i'), value: { kind: 'op', op: 'add', type: 'f32', args: [y, { kind: 'lit', type: 'f32', value: 1 }] } }] };
    const machine = await load(scheduleOf([kernel]), { rows: 1, samples: 1 });
    machine.data('y').fill(5);
    machine.run('all', {});
    t.deepEqual([...machine.data('y')], Array.from({ length: n }, () => 6));
  }
});

test('what is not a number stays so: in sums, in maxima with a literal, in the lanes and beside them', async t => {
  for (const n of [3, 8]) {
    const x: Expr = { kind: 'load', type: 'f32', buffer: 'x', offset: at('i') };
    const max = (...args: Expr[]): Expr => ({ kind: 'op', op: 'max', type: 'f32', args });
    const zero: Expr = { kind: 'lit', type: 'f32', value: 0 };
    const kernel: Kernel = {
      name: 'nan', origins: [], axes: [{ name: 'i', extent: n }], buffers: [buffer('x', n, 'read'), buffer('a', n), buffer('b', n), buffer('c', n)],
      body: [max(x, zero), max(zero, x), max(x, { kind: 'op', op: 'neg', type: 'f32', args: [x] })].map((value, k): Stmt => ({ kind: 'store', buffer: 'abc'.charAt(k), offset: at('i'), value })),
    };
    const machine = await load(scheduleOf([kernel]), { rows: 1, samples: 1 });
    machine.data('x').fill(NaN);
    machine.run('all', {});
    for (const name of ['a', 'b', 'c']) t.true([...machine.data(name)].every(Number.isNaN), name);
  }
});

test('the same run gives the same bits', async t => {
  const kernel = product(['rows', 13, 100], (i, k) => addIndex(at(i, 100), at(k)), (k, j) => addIndex(at(j, 100), at(k)));
  const bits: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const machine = await load(scheduleOf([kernel]), { rows: 9, samples: 1 });
    machine.data('x').set(Float32Array.from({ length: 900 }, (_, i) => Math.sin(i)));
    machine.data('w').set(Float32Array.from({ length: 1300 }, (_, i) => Math.cos(i)));
    machine.run('all', { rows: 9, samples: 1 });
    const few = [...machine.data('y')].slice(0, 13);
    // a row's sums do not depend on how many rows there are
    machine.run('all', { rows: 1, samples: 1 });
    t.deepEqual([...machine.data('y')].slice(0, 13), few);
    bits.push([...machine.data('y')].join());
  }
  t.is(bits[0], bits[1]);
});

test('a kernel that gathers through two tables', async t => {
  const first: Expr = { kind: 'load', type: 'u32', buffer: 'p', offset: at('i') };
  const second: Expr = { kind: 'load', type: 'u32', buffer: 'q', offset: valueIndex(first) };
  const kernel: Kernel = {
    name: 'gather', origins: [], axes: [{ name: 'i', extent: 11 }], buffers: [{ ...buffer('p', 11, 'read'), type: 'u32' }, { ...buffer('q', 5, 'read'), type: 'u32' }, buffer('x', 7, 'read'), buffer('y', 11)],
    body: [{ kind: 'store', buffer: 'y', offset: at('i'), value: { kind: 'load', type: 'f32', buffer: 'x', offset: valueIndex(second) } }],
  };
  const machine = await load(scheduleOf([kernel]), { rows: 1, samples: 1 });
  const [p, q, x] = [Array.from({ length: 11 }, (_, i) => (i * 3) % 5), [6, 0, 4, 2, 5], Array.from({ length: 7 }, (_, i) => i * 1.5)];
  machine.data('p').set(p);
  machine.data('q').set(q);
  machine.data('x').set(x);
  machine.run('all', {});
  t.deepEqual([...machine.data('y')], p.map(i => x[q[i] ?? 0] ?? NaN));
});
