/**
 * The verifier of kernels, rule by rule, and what it was made for: the ten hard kernels keep what the form promises and give
 * what plain loops give. With the noise of the reference cases in the place of their own they give the numbers of BLiTZ and
 * PyTorch. On devices they run with the other kernels of `7-targets`.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { addIndex, axisIndex, constant, evaluateSize, scaleIndex, size, valueIndex, zero } from '../../../compiler/6-kernels/index.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import type { Axis, Condition, Expr, Fold, Index, Kernel, Size, Stmt } from '../../../compiler/6-kernels/kernel.ts';
import { mapChildren, mapKernel } from '../../../compiler/6-kernels/map.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { scheduleOf } from '../../support/plan.ts';
import type { Memory } from '../../support/plan.ts';
import type { Case } from '../7-targets/cases.ts';
import { load } from '../7-targets/wasm/run.ts';
import * as ten from './ten.ts';
import { softplus, tenCases, wave } from './ten.ts';

/** All buffers after a run in double precision. */
function run({ kernels, fields, steps, inputs, scalars = {} }: Omit<Case, 'name' | 'one' | 'expected'>): Memory {
  const plan = scheduleOf(kernels, fields, steps);
  const memory = allocate(plan, { rows: scalars['rows'] ?? 1, samples: scalars['samples'] ?? 1 });
  for (const [buffer, data] of Object.entries(inputs)) memory[buffer]?.set(data);
  runSchedule(plan, 'all', memory, scalars);
  return Object.fromEntries(Object.entries(memory).map(([buffer, data]) => [buffer, [...data]]));
}
/** The largest difference, as a part of the largest entry. */
function off(expected: readonly number[], got: readonly number[] | undefined): number {
  if (got?.length !== expected.length || got.some(x => Number.isNaN(x))) return Infinity;
  return Math.max(...expected.map((e, i) => Math.abs(e - (got[i] ?? NaN)))) / Math.max(1e-300, ...expected.map(Math.abs));
}

for (const c of tenCases) {
  test(`${c.name}: as plain loops have it`, t => {
    c.kernels.forEach(verifyKernel);
    const got = run(c);
    for (const [buffer, expected] of Object.entries(c.expected)) t.true(off(expected, got[buffer]) < 1e-10, `${buffer} is off by ${off(expected, got[buffer])}`);
  });
}

// ── what a kernel must not do ─────────────────────────────────────────────────────────────────

const axes: readonly Axis[] = [{ name: 'i', extent: 4 }, { name: 'j', extent: 'rows' }];
const at = (...terms: readonly (readonly [by: Size, axis: string])[]): Index => terms.reduce((sum, [by, axis]) => addIndex(sum, scaleIndex(axisIndex(axis), by)), zero);
const here = at([size(1, ['rows']), 'i'], [1, 'j']);
const f = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const get = (offset: Index, buffer = 'x', guard?: readonly Condition[]): Expr => ({ kind: 'load', type: 'f32', buffer, offset, ...(guard ? { guard } : {}) });
const put = (offset: Index, value: Expr = f(0), buffer = 'y'): Stmt => ({ kind: 'store', buffer, offset, value });
const sum = (fold: Partial<Fold>, term: Expr = f(1)): Fold => ({ kind: 'fold', axis: { name: 'k', extent: 3 }, body: [], carries: [{ name: 's', type: 'f32', init: f(0), next: add(s, term) }], ...fold });
const s: Expr = { kind: 'ref', type: 'f32', name: 's' };
const add = (...args: Expr[]): Expr => ({ kind: 'op', type: 'f32', op: 'add', args });
const halved = (index: Index): Index => ({ constant: 0, terms: [{ coefficient: 1, atom: { kind: 'div', index, by: 2 } }] });
const before = addIndex(at([1, 'i']), constant(-1));
/** Four neighbours of each row of eight, `by` further on. */
const columns = (by: number): Index => addIndex(at([1, 'i'], [8, 'j']), constant(by));
/** Over four rows of y and u, with x to read. */
const kernel = (...body: Stmt[]): Kernel => ({
  name: 'small', origins: [], axes, body,
  buffers: [{ name: 'x', type: 'f32', size: 8, access: 'read' }, { name: 'y', type: 'f32', size: size(4, ['rows']), access: 'write' }, { name: 'u', type: 'f32', size: size(4, ['rows']), access: 'update' }],
});

const refused: readonly (readonly [says: RegExp, ...body: Stmt[]])[] = [
  [/s, read as f32, is not known here/, put(here, s)],
  [/s, read as u32, is f32/, sum({}), put(here, { kind: 'op', op: 'float', type: 'f32', args: [{ ...s, type: 'u32' }] })],
  [/s is defined twice/, sum({}), sum({}), put(here, s)],
  [/axis i has the name of something around it/, { kind: 'map', axis: { name: 'i', extent: 2 }, body: [] }],
  [/axis k is not known here/, sum({}), put(at([1, 'k']), s)],
  [/add\(f32,u32\) gives no f32/, put(here, add(f(1), { kind: 'lit', type: 'u32', value: 1 }))],
  [/1.5 is no u32/, put(here, { kind: 'op', op: 'float', type: 'f32', args: [{ kind: 'lit', type: 'u32', value: 1.5 }] })],
  [/ushl by what is no literal below 32/, put(here, { kind: 'op', op: 'float', type: 'f32', args: [{ kind: 'op', op: 'ushl', type: 'u32', args: [{ kind: 'lit', type: 'u32', value: 1 }, { kind: 'lit', type: 'u32', value: 32 }] }] })],
  [/carry s is f32, starts as u32/, sum({ carries: [{ name: 's', type: 'f32', init: { kind: 'lit', type: 'u32', value: 0 }, next: s }] })],
  [/buffer z is not declared/, put(here, get(here, 'z'))],
  [/x holds f32, but u32 is loaded/, put(here, { kind: 'op', op: 'float', type: 'f32', args: [{ kind: 'load', type: 'u32', buffer: 'x', offset: at([1, 'i']) }] })],
  [/x is only read, but stored/, put(at([1, 'i']), f(0), 'x')],
  [/y is only written, but loaded/, put(here, get(here, 'y'))],
  [/u is updated, but touched at 1·i and at/, put(here, get(at([1, 'i']), 'u'), 'u')],
  [/u is updated, but touched at/, { kind: 'map', axis: { name: 'm', extent: 1 }, body: [put(addIndex(here, at([1, 'm'])), get(here, 'u'), 'u')] }],
  [/u is updated, but touched at/, put(columns(0), get(columns(3), 'u'), 'u')],
  [/u is updated, but touched at/, put(columns(0), get(columns(8), 'u'), 'u')],
  [/u is updated, but touched at/, put(columns(0), get(columns(-1), 'u', [{ index: before, from: 0, below: 4 }]), 'u')],
  [/a load of x is at -1\+1·i, which may be negative/, put(here, get(before))],
  [/which may be negative/, put(here, get(before, 'x', [{ index: before, from: -1, below: 4 }]))],
  [/which may be negative/, put(here, get(before, 'x', [{ index: at([1, 'j']), from: 1, below: 4 }]))],
  [/the store to y is at .*, which may be negative/, put(addIndex(here, constant(-1)))],
  [/a guard of x divides -1\+1·i, which may be negative/, put(here, get(halved(before), 'x', [{ index: halved(before), from: 0, below: 4 }]))],
  [/a division by 0/, put(here, get({ constant: 0, terms: [{ coefficient: 1, atom: { kind: 'mod', index: at([1, 'i']), by: 0 } }] }))],
  [/is not whole/, put(here, get(at([0.5, 'i'])))],
  [/carry s is not s max something without a carry/, sum({ combine: ['max'] }), put(here, s)],
  [/carry s is not s add something without a carry/, sum({ combine: ['add'] }, s), put(here, s)],
  [/carry s is not s add something without a carry/, sum({ combine: ['add'], body: [{ kind: 'let', name: 'twice', value: add(s, s) }] }, { ...s, name: 'twice' }), put(here, s)],
  [/fold k can be cut, but stores what it carries/, sum({ combine: ['add'], body: [put(addIndex(at([size(3, ['rows']), 'i'], [3, 'j']), at([1, 'k'])), s)] })],
  [/1 carries and 2 ways to combine/, sum({ combine: ['add', 'add'] }), put(here, s)],
  [/a bound of fold k is f32/, sum({ bounds: [f(0), f(2)] }), put(here, s)],
  [/fold k contracts for m, which is no axis around it/, sum({ contraction: { rows: ['i'], columns: ['m'], batch: [] } }), put(here, s)],
  [/two positions store the same element of y/, put(at([1, 'i']))],
  [/two positions store the same element of y/, put(at([1, 'i'], [1, 'j']))],
  [/two positions store the same element of y/, put(at([4, 'i'], [1, 'j']))],
  [/two positions store the same element of y/, sum({ body: [put(here)] })],
  [/y is stored twice/, put(here), put(here)],
];
for (const [n, [says, ...body]] of refused.entries()) {
  test(`refused, ${n + 1}: ${says.source}`, t => { t.throws(() => verifyKernel(kernel(...body)), { message: new RegExp(`stage verify: kernel small: .*${says.source}`) }); });
}

const sound: Readonly<Record<string, readonly Stmt[]>> = {
  'one name in two loops': [sum({ carries: [], body: [{ kind: 'let', name: 'a', value: f(1) }] }), sum({ carries: [], body: [{ kind: 'let', name: 'a', value: f(2) }] }), put(here)],
  'a read in front of a buffer that a guard keeps from happening': [put(here, get(before, 'x', [{ index: before, from: 0, below: 4 }]))],
  'a guard that says it otherwise': [put(here, get(before, 'x', [{ index: at([1, 'i']), from: 1, below: 4 }]))],
  'a guard on one part of a place': [put(here, get(addIndex(at([8, 'i']), constant(-8)), 'x', [{ index: at([1, 'j']), from: 0, below: 2 }, { index: before, from: 0, below: 4 }]))],
  'what is divided is guarded': [put(here, get(halved(before), 'x', [{ index: before, from: 0, below: 4 }]))],
  'an update where it was read': [put(here, add(get(here, 'u'), f(1)), 'u')],
  'an update of two columns from each other, which no other position touches': [put(columns(0), get(columns(4), 'u'), 'u'), put(columns(4), get(columns(0), 'u'), 'u')],
  'a sum over what this position updates later': [
    { ...sum({ axis: { name: 'k', extent: 2 } }, get(addIndex(at([size(2, ['rows']), 'i'], [2, 'j']), at([1, 'k'])), 'u')) },
    { kind: 'map', axis: { name: 'm', extent: 2 }, body: [put(addIndex(at([size(2, ['rows']), 'i'], [2, 'j']), at([1, 'm'])), s, 'u')] }],
  'a place that is loaded': [put(addIndex(here, valueIndex({ kind: 'op', op: 'bits', type: 'u32', args: [get(here)] })))],
};
for (const [name, body] of Object.entries(sound)) test(`sound: ${name}`, t => { t.notThrows(() => verifyKernel(kernel(...body))); });

// ── in single precision, large enough for tiles ───────────────────────────────────────────────

const [rows, samples] = [19, 3];
const window = { C: 6, O: 8, size: [11, 9], kernel: [3, 3], padding: [1, 2], dilation: [1, 1], groups: 1 } as const;
const recurrence = ten.lstm(7, 9, 13);
const large: Readonly<Record<string, Omit<Case, 'name' | 'one' | 'expected' | 'inputs'>>> = {
  'an update': { kernels: [ten.updateKernel(21, 37, 0.25)], fields: ['klWeight', 'learningRate', 'beta1', 'beta2'], scalars: { klWeight: 0.01, learningRate: 0.01, beta1: 0.9, beta2: 0.99 } },
  ...Object.fromEntries([1, 2].flatMap(groups => [1, 2].flatMap(stride => {
    const w = { ...window, groups, stride: [stride, stride] } as const;
    return [[`forwards`, [ten.convolution(w)]], ['weights', [ten.convolutionWeights(w)]], ['input', [ten.convolutionInput(w)]], ['input by phases', ten.convolutionInputPhases(w)]].map(([n, kernels]) => [`a convolution's ${String(n)}, stride ${stride}, ${groups} groups`, { kernels: kernels as readonly Kernel[] }]); // pairs
  }))),
  'a classifier': { kernels: [ten.crossEntropy(43)] },
  'batch norm': { kernels: ten.batchNorm(5, 21) },
  'an embedding': { kernels: [ten.embedding(17, 6, 50), ...ten.bucket(17, 50), ten.embeddingGradient(17, 6, 50, 3)] },
  'a recurrence': recurrence,
  'local noise': { kernels: ten.local(21, 37) },
  flipout: { kernels: ten.flipout(21, 37) },
};
for (const [name, c] of Object.entries(large)) {
  test(`${name}, of some size: WebAssembly within 1e-4 of double precision`, async t => {
    const scalars = { ...ten.record, rows, samples, ...c.scalars };
    const plan = scheduleOf(c.kernels, c.fields, c.steps);
    const machine = await load(plan, { rows, samples });
    const inputs = Object.fromEntries(plan.buffers.map((b, i) => [b.name, content(b.name, b.type, evaluateSize(b.size, { rows, samples }), i)]));
    for (const [buffer, data] of Object.entries(inputs)) machine.data(buffer).set(data);
    machine.run('all', scalars);
    const expected = run({ ...c, scalars, inputs });
    for (const b of plan.buffers) if (b.role === 'result') t.true(off(expected[b.name] ?? [], [...machine.data(b.name)]) < 1e-4, `${b.name} is off by ${off(expected[b.name] ?? [], [...machine.data(b.name)])}`);
  });
}
/** Something in every buffer: indices are small, scales and second moments positive. */
function content(name: string, type: 'f32' | 'u32', count: number, phase: number): number[] {
  if (type === 'u32') return Array.from({ length: count }, (_, i) => i * 7 % 17);
  return wave(count, phase).map(x => (/sigma|^v\d/.test(name) ? x * x + 0.1 : x));
}

// ── cases from elsewhere ──────────────────────────────────────────────────────────────────────

type Nested = number | readonly Nested[];
type Reference = Readonly<Record<string, Nested>>;
const flat = (x: Nested | undefined): number[] => (x === undefined ? [] : typeof x === 'number' ? [x] : x.flatMap(flat));
const reference = (name: string): Reference => JSON.parse(readFileSync(new URL(`../../reference/${name}.json`, import.meta.url), 'utf8')) as Reference; // the files' shape
const close = (expected: readonly number[], got: readonly number[] | undefined): boolean => off(expected, got) < 1e-8;

/** The kernel with the noise of a site read from a buffer, `eps <site>`, of one sample. */
function withNoiseGiven(kernel: Kernel, sizes: Readonly<Record<number, number>>): Kernel {
  const deep = (e: Expr): Expr => (e.kind === 'noise' ? { kind: 'load', type: 'f32', buffer: `eps ${e.site}`, offset: e.element } : mapChildren(e, deep));
  return { ...mapKernel(kernel, deep), buffers: [...kernel.buffers, ...Object.entries(sizes).map(([site, size]) => ({ name: `eps ${site}`, type: 'f32' as const, size, access: 'read' as const }))] };
}
const draw = (mu: readonly number[], rho: readonly number[], eps: readonly number[]): number[] => mu.map((m, i) => m + softplus(rho[i] ?? NaN) * (eps[i] ?? NaN));
const twice = (y: readonly number[]): number[] => y.map(v => 2 * v);
const one = { ...ten.record, samples: 1 };

test('c05: the gradients of a dense layer come out of its update', t => {
  const c = reference('c05_linear_forward_backward');
  const at = (n: string): number[] => flat(c[n]);
  const dy = at('y').map((y, i) => 2 * (y - (at('target')[i] ?? NaN)) / 8);
  for (const [name, klWeight] of [['grad_mse', 0], ['grad_closed', 1 / 379]] as const) {
    const want = c[name] as unknown as Reference; // a record in this case
    for (const [part, N, x] of [['weight', 3, at('x')], ['bias', 1, [1, 1, 1, 1]]] as const) {
      const [mu, rho] = [at(`${part}_mu`), at(`${part}_rho`)];
      const zeros = mu.map(() => 0);
      // with rates of zero the first moment is the gradient
      const got = run({
        kernels: [withNoiseGiven(ten.updateKernel(2, N, 0.01), { 7: mu.length })], scalars: { ...one, rows: 4, klWeight, learningRate: 0, beta1: 0, beta2: 0 },
        inputs: { x, dy, mu, rho, sigma: rho.map(softplus), m1: zeros, v1: zeros, m2: zeros, v2: zeros, 'eps 7': at(part === 'weight' ? 'eps_w' : 'eps_b') },
      });
      t.true(close(flat(want[`d${part}_mu`]), got['m1']) && close(flat(want[`d${part}_rho`]), got['m2']), `${name}, ${part}`);
    }
  }
});

test('c06: convolutions and their gradients', t => {
  const results = reference('c06_conv_forward')['results'] as unknown as readonly (Reference & { readonly layer: string; readonly options: Readonly<Record<string, number | readonly number[]>> })[]; // records in this case
  for (const r of results.filter(x => x.layer !== 'Conv3d')) {
    // one dimension is two with a first of one
    const pair = (n: string, first: number): readonly [number, number] => { const v = r.options[n] ?? NaN; return r.layer === 'Conv1d' ? [first, Number(v)] : typeof v === 'number' ? [v, v] : [v[0] ?? NaN, v[1] ?? NaN]; };
    const shape = (x: Nested | undefined): readonly number[] => (x === undefined || typeof x === 'number' ? [] : [x.length, ...shape(x[0])]);
    const [H = NaN, W = NaN] = r.layer === 'Conv1d' ? [1, shape(r['x'])[2]] : shape(r['x']).slice(2);
    const option = (n: string): number => Number(r.options[n]);
    const w: ten.Window = { C: option('in_channels'), O: option('out_channels'), groups: option('groups'), size: [H, W], kernel: pair('kernel_size', 1), stride: pair('stride', 1), padding: pair('padding', 0), dilation: pair('dilation', 1) };
    const [x, mu, rho, eps] = [flat(r['x']), flat(r['weight_mu']), flat(r['weight_rho']), flat(r['eps_w'])];
    const b = draw(flat(r['bias_mu']), flat(r['bias_rho']), flat(r['eps_b']));
    const live = { ...one, rows: shape(r['x'])[0] ?? NaN };
    const { y = [] } = run({ kernels: [ten.convolution(w)], scalars: live, inputs: { x, w: draw(mu, rho, eps), b } });
    t.true(close(flat(r['y_sampled']), y), r.layer);
    const got = run({ kernels: [withNoiseGiven(ten.convolutionWeights(w), { 8: mu.length })], scalars: live, inputs: { x, rho, dy: twice(y), 'eps 8': eps } });
    t.true(close(flat(r['grad_sum_y2_dweight_mu']), got['dmu']) && close(flat(r['grad_sum_y2_dweight_rho']), got['drho']), `${r.layer}, backwards`);
  }
});

test('c07: a recurrence', t => {
  const c = reference('c07_lstm_forward');
  const [first] = c['results'] as unknown as readonly Readonly<Record<'sampled' | 'frozen', Reference>>[]; // records in this case
  const [T, N, H] = [4, 2, 3];
  for (const kind of ['sampled', 'frozen'] as const) {
    const of = (n: string, eps: string): number[] => draw(flat(c[`${n}_mu`]), flat(c[`${n}_rho`]), flat(c[eps]).map(e => (kind === 'sampled' ? e : 0)));
    const zeros = new Array<number>(2 * H).fill(0);
    const got = run({ ...ten.lstm(T, N, H), scalars: { ...one, rows: 2 }, inputs: { x: flat(c['x']), wi: of('weight_ih', 'eps_ih'), wh: of('weight_hh', 'eps_hh'), bias: of('bias', 'eps_b'), h: zeros, c: zeros, dh: zeros, dc: zeros, dy: new Array<number>(T * 2 * H).fill(0) } });
    const byRow = ten.build([2, T, H], (b, step, j) => got['y']?.[(step * 2 + b) * H + j] ?? NaN);
    t.true(close(flat(first?.[kind]['y']), byRow) && close(flat(first?.[kind]['h']), got['h']) && close(flat(first?.[kind]['c']), got['c']), kind);
  }
});

test('c12: flipout', t => {
  const c = reference('c12_flipout');
  const at = (n: string): number[] => flat(c[n]);
  const sites = ten.flipoutSites;
  const [forwards] = ten.flipout(2, 3);
  if (!forwards) return t.fail();
  // a uniform below a half is the sign -1
  const signs = (n: string): number[] => at(n).map(s => (s + 2) / 4);
  const got = run({
    kernels: [withNoiseGiven(forwards, { [sites.eps]: 6, [sites.ins]: 12, [sites.outs]: 8 })], scalars: { ...one, rows: 4 },
    inputs: { x: at('x'), mu: at('weight_mu'), sigma: at('weight_rho').map(softplus), 'bias mu': at('bias_mu'), [`eps ${sites.eps}`]: at('eps_w'), [`eps ${sites.ins}`]: signs('S'), [`eps ${sites.outs}`]: signs('R') },
  });
  t.true(close(at('y_flipout'), got['y']));
});

test('c13: local noise and its gradients', t => {
  const c = reference('c13_local_reparam');
  const at = (n: string): number[] => flat(c[n]);
  const got = run({
    kernels: ten.local(2, 3).map((k, i) => withNoiseGiven(k, i === 0 ? { 10: 8 } : {})), scalars: { ...one, rows: 4 },
    inputs: { x: at('x'), mu: at('weight_mu'), rho: at('weight_rho'), sigma: at('weight_rho').map(softplus), 'bias mu': at('bias_mu'), 'bias sigma': at('bias_rho').map(softplus), dy: twice(at('y')), 'eps 10': at('z') },
  });
  t.true(close(at('y'), got['y']) && close(at('grad_weight_mu'), got['dmu']) && close(at('grad_weight_rho'), got['drho']));
});

test('c17: an embedding and its gradients', t => {
  const c = reference('c17_embedding');
  const at = (n: string): number[] => flat(c[n]);
  const got = run({
    kernels: [withNoiseGiven(ten.embedding(5, 2, 6), { 9: 10 }), ...ten.bucket(5, 6), withNoiseGiven(ten.embeddingGradient(5, 2, 6, 0), { 9: 10 })], scalars: one,
    inputs: { mu: at('weight_mu'), rho: at('weight_rho'), sigma: at('weight_rho').map(softplus), word: at('indices'), dy: twice(at('y_sampled')), 'eps 9': at('eps_w') },
  });
  t.true(close(at('y_sampled'), got['y']) && close(at('grad_mu'), got['dmu']) && close(at('grad_rho'), got['drho']));
});
