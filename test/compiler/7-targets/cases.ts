/**
 * Kernels written by hand, each with what it must give in plain arithmetic: every form that a printer has to know, small
 * enough to follow on paper. `one` marks those with a single store at their own position, which gpu.js can take too.
 */
import { addIndex, axisIndex, constant, scaleIndex, size, valueIndex, zero } from '../../../compiler/6-kernels/index.ts';
import type { Atom, Axis, BufferUse, Expr, Index, Kernel, Size, Stmt } from '../../../compiler/6-kernels/kernel.ts';
import type { Op, ScalarType } from '../../../compiler/ops/names.ts';
import type { Step } from '../../../compiler/5-schedule/schedule.ts';
import type { Memory } from '../../support/plan.ts';
import { tenCases } from '../6-kernels/ten.ts';

export interface Case {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  readonly one: boolean;
  readonly inputs: Memory;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly fields?: readonly string[];
  readonly steps?: readonly Step[];
  readonly expected: Memory;
}

// ── a few words to write kernels with ─────────────────────────────────────────────────────────

const f = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const u = (value: number): Expr => ({ kind: 'lit', type: 'u32', value });
const ref = (name: string, type: ScalarType = 'f32'): Expr => ({ kind: 'ref', type, name });
const op = (name: Op, type: ScalarType, ...args: Expr[]): Expr => ({ kind: 'op', type, op: name, args });
const add = (a: Expr, b: Expr): Expr => op('add', 'f32', a, b);
const mul = (a: Expr, b: Expr): Expr => op('mul', 'f32', a, b);
const load = (buffer: string, offset: Index, type: 'f32' | 'u32' = 'f32'): Expr => ({ kind: 'load', type, buffer, offset });
const scalar = (name: string, type: 'f32' | 'u32' = 'f32'): Expr => ({ kind: 'scalar', type, name });
const store = (buffer: string, offset: Index, value: Expr): Stmt => ({ kind: 'store', buffer, offset, value });
const sum = (...indices: Index[]): Index => indices.reduce(addIndex, zero);
const at = (axis: string, stride: Size = 1): Index => scaleIndex(axisIndex(axis), stride);
const atom = (a: Atom, coefficient: Size = 1): Index => ({ constant: 0, terms: [{ coefficient, atom: a }] });
const uses = (access: BufferUse['access'], sizes: Readonly<Record<string, Size>>, type: 'f32' | 'u32' = 'f32'): readonly BufferUse[] =>
  Object.entries(sizes).map(([name, s]) => ({ name, type, size: s, access }));
const kernel = (name: string, buffers: readonly BufferUse[], axes: readonly Axis[], ...body: Stmt[]): Kernel => ({ name, buffers, axes, body, origins: [] });
const rows: Axis['extent'] = 'rows';

// ── the cases ─────────────────────────────────────────────────────────────────────────────────

const wave = (n: number, phase = 0): number[] => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * 12.9898 + phase) * 3));
const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const [x, w, bias] = [wave(4 * 3), wave(3 * 5, 1), wave(5, 2)];
const dense: Case = {
  name: 'a dense layer over the live rows', one: true, scalars: { rows: 4 }, inputs: { x, w, bias },
  kernels: [kernel('dense', [...uses('read', { x: size(3, ['rows']), w: 15, bias: 5 }), ...uses('write', { y: size(5, ['rows']) })], [{ name: 'i', extent: rows }, { name: 'j', extent: 5 }],
    { kind: 'fold', axis: { name: 'k', extent: 3 }, body: [], carries: [{ name: 'sum', type: 'f32', init: load('bias', at('j')), next: add(ref('sum'), mul(load('x', sum(at('i', 3), at('k'))), load('w', sum(at('k', 5), at('j'))))) }] },
    store('y', sum(at('i', 5), at('j')), op('max', 'f32', ref('sum'), f(0))))],
  expected: { y: indices(20).map(n => Math.max(0, indices(3).reduce((s, k) => s + (x[Math.floor(n / 5) * 3 + k] ?? 0) * (w[k * 5 + n % 5] ?? 0), bias[n % 5] ?? 0))) },
};

// Strides that vary at run time: z[s, i, j] is stored as [j, s, i].
const turned: Case = {
  name: 'strides and extents from the record', one: true, scalars: { rows: 3, samples: 2 }, inputs: { z: wave(2 * 3 * 4) },
  kernels: [kernel('turned', [...uses('read', { z: size(4, ['rows', 'samples']) }), ...uses('write', { t: size(4, ['rows', 'samples']) })], [{ name: 'j', extent: 4 }, { name: 's', extent: 'samples' }, { name: 'i', extent: rows }],
    store('t', sum(at('j', size(1, ['rows', 'samples'])), at('s', size(1, ['rows'])), at('i')), load('z', sum(at('s', size(4, ['rows'])), at('i', 4), at('j')))))],
  expected: { t: indices(24).map(n => wave(24)[Math.floor(n / 3) % 2 * 12 + n % 3 * 4 + Math.floor(n / 6)] ?? 0) },
};

// A window of three with a border of one: y[i] = Σ_u x[2i + u - 1], outside 0.25.
const window: Case = {
  name: 'a padded window: guards and negative indices', one: true, inputs: { x: wave(8) },
  kernels: [kernel('window', [...uses('read', { x: 8 }), ...uses('write', { y: 4 })], [{ name: 'i', extent: 4 }],
    { kind: 'fold', axis: { name: 'u', extent: 3 }, body: [], carries: [{ name: 'a', type: 'f32', init: f(0), next: add(ref('a'), {
      kind: 'load', type: 'f32', buffer: 'x', offset: sum(at('i', 2), at('u'), constant(-1)), fill: 0.25,
      guard: [{ index: sum(at('i', 2), at('u'), constant(-1)), from: 0, below: 8 }] }) }] },
    store('y', at('i'), ref('a')))],
  expected: { y: indices(4).map(i => [0, 1, 2].reduce((s, v) => s + (wave(8)[2 * i + v - 1] ?? 0.25), 0)) },
};

const picked = [3, 1, 0, 4, 4, 2];
const gather: Case = {
  name: 'a gather by loaded indices', one: true, scalars: { rows: 6 }, inputs: { table: wave(5 * 2), pick: picked },
  kernels: [kernel('gather', [...uses('read', { table: 10 }), ...uses('read', { pick: size(1, ['rows']) }, 'u32'), ...uses('write', { out: size(2, ['rows']) })], [{ name: 'b', extent: rows }, { name: 'd', extent: 2 }],
    store('out', sum(at('b', 2), at('d')), load('table', sum(scaleIndex(valueIndex(load('pick', at('b'), 'u32')), 2), at('d')))))],
  expected: { out: picked.flatMap(p => [wave(10)[p * 2] ?? 0, wave(10)[p * 2 + 1] ?? 0]) },
};

// The largest of each row and where it is: a fold of a pair, u32 and bool beside f32.
const argmax: Case = {
  name: 'a fold of a pair: the place of the largest', one: true, inputs: { x: wave(3 * 4) },
  kernels: [kernel('argmax', [...uses('read', { x: 12 }), ...uses('write', { place: 3 }, 'u32')], [{ name: 'i', extent: 3 }],
    { kind: 'fold', axis: { name: 'k', extent: 4 }, body: [
      { kind: 'let', name: 'value', value: load('x', sum(at('i', 4), at('k'))) },
      { kind: 'let', name: 'better', value: op('lt', 'bool', ref('m'), ref('value')) }],
    carries: [
      { name: 'm', type: 'f32', init: f(-3e38), next: op('select', 'f32', ref('better', 'bool'), ref('value'), ref('m')) },
      { name: 'p', type: 'u32', init: u(0), next: op('select', 'u32', ref('better', 'bool'), { kind: 'index', type: 'u32', index: at('k') }, ref('p', 'u32')) },
      { name: 'any', type: 'bool', init: { kind: 'lit', type: 'bool', value: 0 }, next: op('or', 'bool', ref('any', 'bool'), op('and', 'bool', ref('better', 'bool'), op('not', 'bool', op('eq', 'bool', ref('value'), f(0))))) }] },
    store('place', at('i'), op('select', 'u32', ref('any', 'bool'), ref('p', 'u32'), u(99))))],
  expected: { place: indices(3).map(i => { const row = wave(12).slice(4 * i, 4 * i + 4); return row.indexOf(Math.max(...row)); }) },
};

// Σ of the elements start[v] … start[v+1] - 1, and a plain fold over live rows.
const starts = [0, 3, 3, 7, 2100];
const ragged: Case = {
  name: 'folds with loaded bounds, longer than a thousand turns', one: true, inputs: { start: starts, x: indices(2100).map(i => i % 7) },
  kernels: [kernel('ragged', [...uses('read', { start: 5 }, 'u32'), ...uses('read', { x: 2100 }), ...uses('write', { y: 4 })], [{ name: 'v', extent: 4 }],
    { kind: 'fold', axis: { name: 'k', extent: 2100 }, bounds: [load('start', at('v'), 'u32'), load('start', sum(at('v'), constant(1)), 'u32')], body: [],
      carries: [{ name: 'a', type: 'f32', init: f(0), next: add(ref('a'), load('x', at('k'))) }] },
    store('y', at('v'), ref('a')))],
  expected: { y: indices(4).map(v => indices(2100).slice(starts[v], starts[v + 1]).reduce((s, i) => s + i % 7, 0)) },
};

const longRows: Case = {
  name: 'a fold over more than a thousand live rows', one: true, scalars: { rows: 1500 }, inputs: { x: indices(1500) },
  kernels: [kernel('longRows', [...uses('read', { x: size(1, ['rows']) }), ...uses('write', { y: 1 })], [],
    { kind: 'fold', axis: { name: 'b', extent: rows }, body: [], carries: [{ name: 'a', type: 'f32', init: f(0), next: add(ref('a'), load('x', at('b'))) }] },
    store('y', zero, op('div', 'f32', ref('a'), op('float', 'f32', scalar('rows', 'u32')))))],
  expected: { y: [1499 / 2] },
};

// Quotients, remainders and comparisons of whole numbers; a condition on the position.
const digits: Case = {
  name: 'quotients and remainders', one: true, inputs: {},
  kernels: [kernel('digits', uses('write', { y: 60 }), [{ name: 'n', extent: 60 }],
    { kind: 'let', name: 'tens', value: { kind: 'index', type: 'u32', index: atom({ kind: 'mod', index: atom({ kind: 'div', index: at('n'), by: 7 }), by: 3 }, 10) } },
    { kind: 'let', name: 'ones', value: { kind: 'index', type: 'u32', index: sum(atom({ kind: 'mod', index: sum(at('n'), constant(2)), by: 7 })) } },
    { kind: 'let', name: 'early', value: { kind: 'inside', type: 'bool', guard: [{ index: sum(at('n'), constant(-10)), from: -5, below: 20 }] } },
    store('y', at('n'), op('select', 'f32', op('and', 'bool', ref('early', 'bool'), op('ult', 'bool', ref('ones', 'u32'), u(5))),
      add(op('float', 'f32', ref('tens', 'u32')), op('float', 'f32', ref('ones', 'u32'))),
      op('select', 'f32', op('ueq', 'bool', ref('ones', 'u32'), u(6)), f(-1), f(-2)))))],
  expected: { y: indices(60).map(n => { const [tens, ones] = [Math.floor(n / 7) % 3 * 10, (n + 2) % 7]; return n >= 5 && n < 30 && ones < 5 ? tens + ones : ones === 6 ? -1 : -2; }) },
};

const scalars: Case = {
  name: 'scalars of the record, and a value of one to begin with', one: true, fields: ['learningRate', 'klWeight'], scalars: { learningRate: 1, klWeight: 0.25, countLo: 7 }, inputs: { x: wave(3) },
  kernels: [kernel('scalars', [...uses('read', { x: 3 }), ...uses('write', { y: 3 })], [{ name: 'i', extent: 3 }],
    store('y', at('i'), add(mul(scalar('learningRate'), load('x', at('i'))), mul(scalar('klWeight'), op('float', 'f32', scalar('countLo', 'u32'))))))],
  expected: { y: wave(3).map(v => v + 1.75) },
};

const literals = [0, 1, -1, 0.1, 1e21, -3e38, -3.4028234663852886e38, 1e-30, 16777215, 2 ** 60, Math.PI];
const literal: Case = {
  name: 'literals of all sizes, and operations on nothing but literals', one: true, inputs: {},
  kernels: literals.map((v, i) => kernel(`literal${i}`, uses('write', { [`y${i}`]: 1 }), [], store(`y${i}`, zero, add(f(v), f(0))))),
  expected: Object.fromEntries(literals.map((v, i) => [`y${i}`, [Math.fround(v)]])),
};

const strange = [1, -0, 3.4e38, 1e-40, Infinity, -Infinity, NaN];
const finite: Case = {
  name: 'what is finite', one: true, inputs: { x: strange },
  kernels: [kernel('finite', [...uses('read', { x: 7 }), ...uses('write', { y: 7 })], [{ name: 'i', extent: 7 }],
    store('y', at('i'), op('select', 'f32', op('finite', 'bool', load('x', at('i'))), f(1), f(0))))],
  expected: { y: strange.map(v => (Number.isFinite(v) ? 1 : 0)) },
};

// One kernel with everything an update has: an inner map, several results, one buffer read and written.
const update: Case = {
  name: 'several results at several depths, and an update in place', one: false, scalars: { samples: 2 }, inputs: { mu: wave(6), dy: wave(2 * 6, 1) },
  kernels: [kernel('update', [...uses('update', { mu: 6 }), ...uses('read', { dy: size(6, ['samples']) }), ...uses('write', { total: 2, old: 6 })], [{ name: 'o', extent: 2 }],
    { kind: 'map', axis: { name: 'n', extent: 3 }, body: [
      { kind: 'fold', axis: { name: 's', extent: 'samples' }, body: [], carries: [{ name: 'g', type: 'f32', init: f(0), next: add(ref('g'), load('dy', sum(at('s', 6), at('o', 3), at('n')))) }] },
      { kind: 'let', name: 'before', value: load('mu', sum(at('o', 3), at('n'))) },
      store('mu', sum(at('o', 3), at('n')), op('sub', 'f32', ref('before'), ref('g'))),
      store('old', sum(at('o', 3), at('n')), ref('before'))] },
    { kind: 'fold', axis: { name: 'n', extent: 3 }, body: [], carries: [{ name: 'a', type: 'f32', init: f(0), next: add(ref('a'), load('old', sum(at('o', 3), at('n')))) }] },
    store('total', at('o'), ref('a')))],
  expected: {
    mu: wave(6).map((v, i) => v - (wave(12, 1)[i] ?? 0) - (wave(12, 1)[6 + i] ?? 0)), old: wave(6),
    total: [0, 1].map(o => wave(6).slice(3 * o, 3 * o + 3).reduce((a, b) => a + b, 0)),
  },
};

// A loop in the schedule, backwards: carry[i] <- 2 carry[i] + x[t, i], every value of it kept in states[t, i].
const turn = valueIndex(scalar('turn0', 'u32'));
const loop: Case = {
  name: 'a loop that carries and yields', one: true, inputs: { carry: [1, 0], x: [1, 2, 3, 4, 5, 6] },
  kernels: [
    kernel('advance', [...uses('read', { carry: 2, x: 6 }), ...uses('write', { next: 2 })], [{ name: 'i', extent: 2 }], store('next', at('i'), add(mul(f(2), load('carry', at('i'))), load('x', sum(scaleIndex(turn, 2), at('i')))))),
    kernel('keep', [...uses('read', { next: 2 }), ...uses('write', { states: 6 })], [{ name: 'i', extent: 2 }], store('states', sum(scaleIndex(turn, 2), at('i')), load('next', at('i')))),
    kernel('move', [...uses('read', { next: 2 }), ...uses('write', { carry: 2 })], [{ name: 'i', extent: 2 }], store('carry', at('i'), load('next', at('i')))),
  ],
  steps: [{ kind: 'loop', counter: 'turn0', extent: 3, reverse: true, body: [{ kind: 'run', kernel: 0 }, { kind: 'run', kernel: 1 }, { kind: 'run', kernel: 2 }] }],
  expected: { carry: [2 * (2 * (2 * 1 + 5) + 3) + 1, 2 * (2 * 6 + 4) + 2], states: [35, 34, 17, 16, 7, 6] },
};

// More positions than one dimension of a dispatch has workgroups for: 65,535 x 64 are fewer than 4,200,000.
const wide: Case = {
  name: 'a grid that is folded over two dimensions', one: true, scalars: { rows: 4_200_000 }, inputs: {},
  kernels: [
    kernel('wide', uses('write', { y: size(1, ['rows']) }, 'u32'), [{ name: 'i', extent: rows }], store('y', at('i'), { kind: 'index', type: 'u32', index: at('i') })),
    kernel('last', [...uses('read', { y: size(1, ['rows']) }, 'u32'), ...uses('write', { z: 2 }, 'u32')], [{ name: 'i', extent: 2 }], store('z', at('i'), load('y', sum(at('i', 100_000), constant(4_099_999)), 'u32'))),
  ],
  expected: { z: [4_099_999, 4_199_999] },
};

export const cases: readonly Case[] = [dense, turned, window, gather, argmax, ragged, longRows, digits, scalars, literal, finite, update, loop, wide, ...tenCases];
