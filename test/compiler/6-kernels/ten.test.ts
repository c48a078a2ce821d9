/**
 * The ten hard kernels keep what the form promises and give what plain loops give; with the noise of the reference cases in the
 * place of their own they give the numbers of BLiTZ and PyTorch. On devices they run with the other kernels of `7-targets`.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { evaluateSize } from '../../../compiler/6-kernels/index.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import type { Expr, Kernel } from '../../../compiler/6-kernels/kernel.ts';
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
