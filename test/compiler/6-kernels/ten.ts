/**
 * The ten kernels that are hard to write (DECISIONS part 4), written by hand as the compiler should make them: a fused
 * update, convolutions both ways, pooling, a classifier's loss, batch norm, embeddings, a recurrence, local noise. If one of
 * them can't be said in the kernel form, the form is wrong. Each is a function of its sizes; `tenCases` are small examples
 * with what plain loops give for them.
 */
import { addIndex, axisIndex, constant, offsetOf, scaleIndex, sizeOf, valueIndex, zero } from '../../../compiler/6-kernels/index.ts';
import type { Atom, Axis, BufferUse, Carry, Condition, Expr, Fold, Index, Kernel, Stmt } from '../../../compiler/6-kernels/kernel.ts';
import { recognize } from '../../../compiler/6-kernels/recognize.ts';
import type { Op, ScalarType } from '../../../compiler/ops/names.ts';
import type { Step } from '../../../compiler/5-schedule/schedule.ts';
import { boxMuller, noiseWords } from '../../../runtime/noise.ts';
import type { Case } from '../7-targets/cases.ts';

// ── a few words to write kernels with ─────────────────────────────────────────────────────────

type Shape = readonly Axis['extent'][];
const f = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const u = (value: number): Expr => ({ kind: 'lit', type: 'u32', value });
const ref = (name: string, type: ScalarType = 'f32'): Expr => ({ kind: 'ref', type, name });
const op = (name: Op, type: ScalarType, ...args: Expr[]): Expr => ({ kind: 'op', type, op: name, args });
const binary = (name: Op) => (...args: Expr[]): Expr => args.reduce((a, b) => op(name, 'f32', a, b));
const [add, sub, mul, div] = [binary('add'), binary('sub'), binary('mul'), binary('div')];
const fn = (name: Op, x: Expr): Expr => op(name, 'f32', x);
const square = (x: Expr): Expr => mul(x, x);
const select = (c: Expr, a: Expr, b: Expr): Expr => op('select', a.type, c, a, b);
const scalar = (name: string): Expr => ({ kind: 'scalar', type: 'f32', name });
const whole = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });
const live = (...extents: ('rows' | 'samples')[]): Expr => mul(...extents.map(e => op('float', 'f32', whole(e))));
const number = (index: Index): Expr => ({ kind: 'index', type: 'u32', index });
const noise = (family: 'normal' | 'uniform', site: number, sample: Index, element: Index): Expr => ({ kind: 'noise', type: 'f32', family, site, sample, element });
const name = (n: string, value: Expr): Stmt => ({ kind: 'let', name: n, value });

const at = axisIndex;
const sum = (...indices: Index[]): Index => indices.reduce(addIndex, zero);
const times = (index: Index, by: number): Index => scaleIndex(index, by);
/** ⌊index / by⌋ or index mod by as it stands: what it divides may be negative where a guard does not hold. */
const part = (kind: 'div' | 'mod', index: Index, by: number): Index => {
  const a: Atom = { kind, index, by };
  return by === 1 ? (kind === 'div' ? index : zero) : { constant: 0, terms: [{ coefficient: 1, atom: a }] };
};
const between = (index: Index, from: number, below: number): Condition => ({ index, from, below });

/** A buffer with its logical extents: elements are named by position. */
const tensor = (buffer: string, shape: Shape, type: 'f32' | 'u32' = 'f32') => ({
  get: (...i: Index[]): Expr => ({ kind: 'load', type, buffer, offset: offsetOf(i, shape) }),
  /** The element where the guard holds, else `fill`. */
  guarded: (guard: readonly Condition[], fill: number, ...i: Index[]): Expr => ({ kind: 'load', type, buffer, offset: offsetOf(i, shape), guard, fill }),
  put: (value: Expr, ...i: Index[]): Stmt => ({ kind: 'store', buffer, offset: offsetOf(i, shape), value }),
  is: (access: BufferUse['access']): BufferUse => ({ name: buffer, type, size: sizeOf(shape), access }),
});
type Loops = Readonly<Record<string, Axis['extent']>>;
const axes = (loops: Loops): readonly Axis[] => Object.entries(loops).map(([n, extent]) => ({ name: n, extent }));
const kernel = (n: string, grid: Loops, buffers: readonly BufferUse[], ...body: Stmt[]): Kernel => recognize({ name: n, buffers, axes: axes(grid), body, origins: [] });
const map = (loops: Loops, ...body: readonly Stmt[]): Stmt => axes(loops).reduceRight<readonly Stmt[]>((inner, axis) => [{ kind: 'map', axis, body: inner }], body)[0] ?? fail();
const fail = (): never => { throw new Error('no loops'); };

/** Loops in each other that add up what each turn gives: `{ g: x }` makes g = Σ x. Only the innermost has a body. */
function total(loops: Loops, sums: Readonly<Record<string, Expr>>, ...body: Stmt[]): Fold {
  const [axis, ...rest] = axes(loops);
  if (!axis) return fail();
  const deeper = rest.length > 0 ? total(Object.fromEntries(rest.map(a => [a.name, a.extent])), Object.fromEntries(Object.entries(sums).map(([n, x]) => [`${n} in ${axis.name}`, x])), ...body) : undefined;
  const carries = Object.entries(sums).map(([n, x]): Carry => ({ name: n, type: 'f32', init: f(0), next: add(ref(n), deeper ? ref(`${n} in ${axis.name}`) : x) }));
  return { kind: 'fold', axis, carries, body: deeper ? [deeper] : body, combine: carries.map(() => 'add' as const) };
}
/** Loops in each other that carry a tuple through all turns: each starts with what the one around it has. */
function through(loops: Loops, carries: Readonly<Record<string, readonly [init: Expr, next: (old: (n: string) => Expr) => Expr]>>, body: (old: (n: string) => Expr) => readonly Stmt[]): Fold {
  const [axis, ...rest] = axes(loops);
  if (!axis) return fail();
  const types = new Map(Object.entries(carries).map(([n, [init]]) => [n, init.type] as const));
  const old = (n: string): Expr => ref(n, types.get(n) ?? 'f32');
  if (rest.length === 0) return { kind: 'fold', axis, carries: Object.entries(carries).map(([n, [init, next]]) => ({ name: n, type: init.type, init, next: next(old) })), body: body(old) };
  const inner = (n: string): string => `${n}'`;
  const deeper = through(
    Object.fromEntries(rest.map(a => [a.name, a.extent])),
    Object.fromEntries(Object.entries(carries).map(([n, [init, next]]) => [inner(n), [ref(n, init.type), get => next(m => get(inner(m)))] as const])),
    get => body(m => get(inner(m))));
  return { kind: 'fold', axis, carries: Object.entries(carries).map(([n, [init]]) => ({ name: n, type: init.type, init, next: ref(inner(n), init.type) })), body: [deeper] };
}

// ── and to say the same in plain loops ────────────────────────────────────────────────────────

/** All positions of a shape, in order. */
export const positions = (shape: readonly number[]): readonly (readonly number[])[] => shape.reduce<readonly (readonly number[])[]>((all, n) => all.flatMap(p => Array.from({ length: n }, (_, i) => [...p, i])), [[]]);
export const build = (shape: readonly number[], g: (...i: number[]) => number): number[] => positions(shape).map(p => g(...p));
export const sumOf = (shape: readonly number[], g: (...i: number[]) => number): number => positions(shape).reduce((n, p) => n + g(...p), 0);
/** Row-major access by position. */
export const view = (data: ArrayLike<number>, shape: readonly number[]) => (...i: number[]): number => data[i.reduce((n, x, d) => n * (shape[d] ?? 1) + x, 0)] ?? NaN;

/** Numbers between -1 and 1 without a pattern. */
export const wave = (n: number, phase = 0): number[] => Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + phase * 7.77));
export const softplus = (x: number): number => Math.log1p(Math.exp(x));
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The noise of the record that all cases here run with. */
const stream = { seed: 9, purpose: 2, count: 11 };
export const record = { seedLo: 9, seedHi: 0, purpose: 2, countLo: 11, countHi: 0, sampleBase: 1, rowBase: 0 };
export function drawn(family: 'normal' | 'uniform', site: number, sample: number, element: number): number {
  const w = noiseWords(stream, site, sample + record.sampleBase, Math.floor(element / 4));
  return (family === 'normal' ? [...boxMuller(w[0], w[1]), ...boxMuller(w[2], w[3])] : w.map(x => (x >>> 8) * 2 ** -24 + 2 ** -25))[element % 4] ?? NaN;
}

/**
 * d loss / d x by central differences at four step lengths, extrapolated to none (Richardson 1911): the errors of order 2, 4
 * and 6 are gone, so that it is good to about 1e-12 for smooth functions of size one. One step is exact for linear ones.
 */
export function derivative(loss: (x: readonly number[]) => number, x: readonly number[], h = 0.02, levels = 4): number[] {
  return x.map((xi, i) => {
    const slope = (step: number): number => (loss(x.with(i, xi + step)) - loss(x.with(i, xi - step))) / (2 * step);
    let table = [h, h / 2, h / 4, h / 8].slice(0, levels).map(slope);
    for (let order = 4; table.length > 1; order *= 4) table = table.slice(1).map((finer, k) => finer + (finer - (table[k] ?? NaN)) / (order - 1));
    return table[0] ?? NaN;
  });
}

// ── 1: an update fused into the gradient's product ────────────────────────────────────────────

/** Gradient of mean and rho over all samples, the divergence from N(0, tau²), and Adam, in one pass over the weights. */
export function updateKernel(O: number, N: number, tau2: number, site = 7): Kernel {
  const [x, dy] = [tensor('x', ['rows', N]), tensor('dy', ['samples', 'rows', O])];
  const state = (n: string) => tensor(n, [O, N]);
  const [mu, m1, v1, rho, m2, v2, sigma] = [state('mu'), state('m1'), state('v1'), state('rho'), state('m2'), state('v2'), state('sigma')];
  const here = [at('o'), at('n')] as const;
  const adam = (p: ReturnType<typeof tensor>, m: ReturnType<typeof tensor>, v: ReturnType<typeof tensor>, g: Expr, n: string): { readonly lets: readonly Stmt[]; readonly stores: readonly Stmt[] } => ({
    lets: [
      name(`m ${n}`, add(mul(scalar('beta1'), m.get(...here)), mul(sub(f(1), scalar('beta1')), g))),
      name(`v ${n}`, add(mul(scalar('beta2'), v.get(...here)), mul(sub(f(1), scalar('beta2')), square(g)))),
      name(`new ${n}`, sub(p.get(...here), div(mul(scalar('learningRate'), ref(`m ${n}`)), add(fn('sqrt', ref(`v ${n}`)), f(1e-8))))),
    ],
    stores: [p.put(ref(`new ${n}`), ...here), m.put(ref(`m ${n}`), ...here), v.put(ref(`v ${n}`), ...here)],
  });
  const [first, second] = [adam(mu, m1, v1, ref('gm'), 'mu'), adam(rho, m2, v2, ref('gr'), 'rho')];
  const divergence = add(fn('log', div(f(Math.sqrt(tau2)), ref('s'))), sub(div(add(square(ref('s')), square(ref('m'))), f(2 * tau2)), f(0.5)));
  return kernel('update', { o: O },
    [x.is('read'), dy.is('read'), ...[mu, m1, v1, rho, m2, v2, sigma].map(t => t.is('update')), tensor('kl', [O]).is('write')],
    total({ k: N }, { kl: divergence }, name('s', sigma.get(at('o'), at('k'))), name('m', mu.get(at('o'), at('k')))),
    tensor('kl', [O]).put(ref('kl'), at('o')),
    map({ n: N },
      name('sd', sigma.get(...here)),
      total({ s: 'samples' }, { 'sum mu': ref('g'), 'sum rho': mul(ref('g'), noise('normal', site, at('s'), sum(times(at('o'), N), at('n')))) },
        total({ b: 'rows' }, { g: mul(dy.get(at('s'), at('b'), at('o')), x.get(at('b'), at('n'))) })),
      name('gm', add(div(ref('sum mu'), live('samples')), mul(scalar('klWeight'), div(mu.get(...here), f(tau2))))),
      name('gr', mul(add(div(ref('sum rho'), live('samples')), mul(scalar('klWeight'), sub(div(ref('sd'), f(tau2)), div(f(1), ref('sd'))))), fn('sigmoid', rho.get(...here)))),
      ...first.lets, ...second.lets, ...first.stores, ...second.stores, sigma.put(fn('softplus', ref('new rho')), ...here)));
}
/** The objective whose gradient it is: the likelihood is linear in the weights here, with cotangent dy. */
export function updateLoss(O: number, N: number, tau2: number, klWeight: number, [rows, samples]: readonly [number, number], x: readonly number[], dy: readonly number[], eps: (s: number, element: number) => number) {
  const [X, D] = [view(x, [rows, N]), view(dy, [samples, rows, O])];
  const divergence = (mu: readonly number[], rho: readonly number[], o: number): number => sumOf([N], n => { const [m, s] = [mu[o * N + n] ?? NaN, softplus(rho[o * N + n] ?? NaN)]; return Math.log(Math.sqrt(tau2) / s) + (s * s + m * m) / (2 * tau2) - 0.5; });
  return { divergence, loss: (mu: readonly number[], rho: readonly number[]): number =>
    sumOf([samples, rows, O, N], (s, b, o, n) => D(s, b, o) * X(b, n) * ((mu[o * N + n] ?? NaN) + softplus(rho[o * N + n] ?? NaN) * eps(s, o * N + n))) / samples
    + klWeight * sumOf([O], o => divergence(mu, rho, o)) };
}

// ── 2, 3, 4: convolution ──────────────────────────────────────────────────────────────────────

type Pair = readonly [number, number];
export interface Window { readonly C: number; readonly O: number; readonly size: Pair; readonly kernel: Pair; readonly stride: Pair; readonly padding: Pair; readonly dilation: Pair; readonly groups: number }
export const outSize = (w: Window, d: 0 | 1): number => Math.floor((w.size[d] + 2 * w.padding[d] - w.dilation[d] * (w.kernel[d] - 1) - 1) / w.stride[d]) + 1;

function convTensors(w: Window) {
  const [cg, P, Q] = [w.C / w.groups, outSize(w, 0), outSize(w, 1)];
  return {
    cg, og: w.O / w.groups, P, Q,
    /** The group of an output or an input channel; there is but one where nothing is said. */
    groupOf: (channel: 'o' | 'c'): Index => (w.groups === 1 ? zero : part('div', at(channel), channel === 'o' ? w.O / w.groups : cg)),
    /** An input channel inside of its group. */
    within: w.groups === 1 ? at('c') : part('mod', at('c'), cg),
    x: tensor('x', ['rows', w.C, ...w.size]), y: tensor('y', ['samples', 'rows', w.O, P, Q]), dy: tensor('dy', ['samples', 'rows', w.O, P, Q]), dx: tensor('dx', ['samples', 'rows', w.C, ...w.size]),
    weights: tensor('w', ['samples', w.O, cg, ...w.kernel]), bias: tensor('b', ['samples', w.O]),
  };
}
/** The element of x under tap (u, v) of the window at (p, q); its channel counts inside the group of output o. */
function underWindow(w: Window, { x, cg, groupOf }: ReturnType<typeof convTensors>): Expr {
  const [i, j] = ([['p', 'u', 0], ['q', 'v', 1]] as const).map(([p, k, d]) => sum(times(at(p), w.stride[d]), times(at(k), w.dilation[d]), constant(-w.padding[d])));
  return x.guarded([between(i ?? zero, 0, w.size[0]), between(j ?? zero, 0, w.size[1])], 0, at('b'), sum(times(groupOf('o'), cg), at('c')), i ?? zero, j ?? zero);
}
export function convolution(w: Window): Kernel {
  const t = convTensors(w);
  return kernel('convolution', { s: 'samples', b: 'rows', o: w.O, p: t.P, q: t.Q }, [t.x.is('read'), t.weights.is('read'), t.bias.is('read'), t.y.is('write')],
    total({ c: t.cg, u: w.kernel[0], v: w.kernel[1] }, { sum: mul(underWindow(w, t), t.weights.get(at('s'), at('o'), at('c'), at('u'), at('v'))) }),
    t.y.put(add(t.bias.get(at('s'), at('o')), ref('sum')), at('s'), at('b'), at('o'), at('p'), at('q')));
}
/** Gradients of mean and rho of weights that were drawn as mu + softplus(rho)·eps, summed over samples. */
export function convolutionWeights(w: Window, site = 8): Kernel {
  const t = convTensors(w);
  const extents = [w.O, t.cg, ...w.kernel];
  const here = [at('o'), at('c'), at('u'), at('v')];
  return kernel('convolution dw', { o: w.O, c: t.cg, u: w.kernel[0], v: w.kernel[1] }, [t.x.is('read'), t.dy.is('read'), tensor('rho', extents).is('read'), tensor('dmu', extents).is('write'), tensor('drho', extents).is('write')],
    total({ s: 'samples' }, { gm: ref('g'), gr: mul(ref('g'), noise('normal', site, at('s'), offsetOf(here, extents))) },
      total({ b: 'rows', p: t.P, q: t.Q }, { g: mul(t.dy.get(at('s'), at('b'), at('o'), at('p'), at('q')), underWindow(w, t)) })),
    tensor('dmu', extents).put(ref('gm'), ...here), tensor('drho', extents).put(mul(ref('gr'), fn('sigmoid', tensor('rho', extents).get(...here))), ...here));
}
/** The gradient with respect to x, gathered: which windows have this element under which tap. */
export function convolutionInput(w: Window): Kernel {
  const t = convTensors(w);
  const o = sum(times(t.groupOf('c'), t.og), at('o'));
  const reach = ([['i', 'u', 0, t.P], ['j', 'v', 1, t.Q]] as const).map(([i, k, d, count]) => {
    const from = sum(at(i), constant(w.padding[d]), times(at(k), -w.dilation[d]));
    const guard = [between(from, 0, w.stride[d] * count), ...(w.stride[d] === 1 ? [] : [between(part('mod', from, w.stride[d]), 0, 1)])];
    return { guard, at: part('div', from, w.stride[d]) };
  });
  return kernel('convolution dx', { s: 'samples', b: 'rows', c: w.C, i: w.size[0], j: w.size[1] }, [t.dy.is('read'), t.weights.is('read'), t.dx.is('write')],
    total({ o: t.og, u: w.kernel[0], v: w.kernel[1] }, { sum: mul(t.dy.guarded(reach.flatMap(r => r.guard), 0, at('s'), at('b'), o, ...reach.map(r => r.at)), t.weights.get(at('s'), o, t.within, at('u'), at('v'))) }),
    t.dx.put(ref('sum'), at('s'), at('b'), at('c'), at('i'), at('j')));
}
/** The same by phases i = stride·i' + r: of each phase only every so many taps reach it, and no remainder is left to test. */
export function convolutionInputPhases(w: Window): readonly Kernel[] {
  const t = convTensors(w);
  const o = sum(times(t.groupOf('c'), t.og), at('o'));
  return positions(w.stride).map(phase => {
    const along = ([['i', 'u', 0], ['j', 'v', 1]] as const).map(([i, k, d]) => {
      const [r, stride] = [phase[d] ?? 0, w.stride[d]];
      const taps = Array.from({ length: w.kernel[d] }, (_, tap) => tap).filter(tap => (r + w.padding[d] - tap * w.dilation[d]) % stride === 0);
      const [first = 0, second = first + stride] = taps;
      const window = sum(at(i), constant((r + w.padding[d] - first * w.dilation[d]) / stride), times(at(k), -(second - first) * w.dilation[d] / stride));
      return { turns: taps.length, count: Math.ceil((w.size[d] - r) / stride), tap: sum(constant(first), times(at(k), second - first)), window, element: sum(times(at(i), stride), constant(r)) };
    });
    const [h, v] = along;
    if (!h || !v) return fail();
    const turns = h.turns * v.turns === 0 ? { o: 0, u: 1, v: 1 } : { o: t.og, u: h.turns, v: v.turns };
    // where no tap reaches the phase, what is read never matters
    const windows = h.turns * v.turns === 0 ? [zero, zero] : [h.window, v.window];
    return kernel(`convolution dx ${phase.join()}`, { s: 'samples', b: 'rows', c: w.C, i: h.count, j: v.count }, [t.dy.is('read'), t.weights.is('read'), t.dx.is('write')],
      total(turns, { sum: mul(t.dy.guarded([between(windows[0] ?? zero, 0, t.P), between(windows[1] ?? zero, 0, t.Q)], 0, at('s'), at('b'), o, ...windows), t.weights.get(at('s'), o, t.within, h.tap, v.tap)) }),
      t.dx.put(ref('sum'), at('s'), at('b'), at('c'), h.element, v.element));
  });
}
export function convolve(w: Window, [rows, samples]: Pair, x: readonly number[], weights: readonly number[], bias: readonly number[]): number[] {
  const [cg, og] = [w.C / w.groups, w.O / w.groups];
  const [X, W] = [view(x, [rows, w.C, ...w.size]), view(weights, [samples, w.O, cg, ...w.kernel])];
  return build([samples, rows, w.O, outSize(w, 0), outSize(w, 1)], (s, b, o, p, q) => (bias[s * w.O + o] ?? NaN) + sumOf([cg, ...w.kernel], (c, a, z) => {
    const [i, j] = [p * w.stride[0] + a * w.dilation[0] - w.padding[0], q * w.stride[1] + z * w.dilation[1] - w.padding[1]];
    return i >= 0 && j >= 0 && i < w.size[0] && j < w.size[1] ? X(b, Math.floor(o / og) * cg + c, i, j) * W(s, o, c, a, z) : 0;
  }));
}

// ── 5: the largest of a window ────────────────────────────────────────────────────────────────

export interface Pool { readonly C: number; readonly size: Pair; readonly kernel: number; readonly stride: number; readonly padding: number }
export const pooled = (w: Pool, d: 0 | 1): number => Math.floor((w.size[d] + 2 * w.padding - w.kernel) / w.stride) + 1;
/** The largest and where it is in its window, the first of equals; the border is smaller than anything. */
export function maxPool(w: Pool): Kernel {
  const [P, Q] = [pooled(w, 0), pooled(w, 1)];
  const [x, y, winner] = [tensor('x', ['rows', w.C, ...w.size]), tensor('y', ['rows', w.C, P, Q]), tensor('winner', ['rows', w.C, P, Q], 'u32')];
  const [i, j] = [sum(times(at('p'), w.stride), at('u'), constant(-w.padding)), sum(times(at('q'), w.stride), at('v'), constant(-w.padding))];
  const here = [at('b'), at('c'), at('p'), at('q')];
  return kernel('max pool', { b: 'rows', c: w.C, p: P, q: Q }, [x.is('read'), y.is('write'), winner.is('write')],
    through({ u: w.kernel, v: w.kernel }, {
      m: [f(-3e38), old => select(ref('better', 'bool'), ref('value'), old('m'))],
      place: [u(0), old => select(ref('better', 'bool'), number(sum(times(at('u'), w.kernel), at('v'))), old('place'))],
    }, old => [
      name('value', x.guarded([between(i, 0, w.size[0]), between(j, 0, w.size[1])], -3e38, at('b'), at('c'), i, j)),
      name('better', op('lt', 'bool', old('m'), ref('value'))),
    ]),
    y.put(ref('m'), ...here), winner.put(ref('place', 'u32'), ...here));
}
/** The gradient, gathered: an element is paid by each window that it won. */
export function maxPoolGradient(w: Pool): Kernel {
  const [P, Q] = [pooled(w, 0), pooled(w, 1)];
  const [dx, dy, winner] = [tensor('dx', ['rows', w.C, ...w.size]), tensor('dy', ['rows', w.C, P, Q]), tensor('winner', ['rows', w.C, P, Q], 'u32')];
  const from = [sum(at('i'), times(at('u'), -1), constant(w.padding)), sum(at('j'), times(at('v'), -1), constant(w.padding))];
  const guard = from.flatMap((index, d) => [between(index, 0, w.stride * (d === 0 ? P : Q)), between(part('mod', index, w.stride), 0, 1)]).filter(c => c.index !== zero);
  const window = [at('b'), at('c'), ...from.map(index => part('div', index, w.stride))];
  const won = op('ueq', 'bool', winner.guarded(guard, w.kernel ** 2, ...window), number(sum(times(at('u'), w.kernel), at('v'))));
  return kernel('max pool dx', { b: 'rows', c: w.C, i: w.size[0], j: w.size[1] }, [dy.is('read'), winner.is('read'), dx.is('write')],
    total({ u: w.kernel, v: w.kernel }, { sum: select(won, dy.guarded(guard, 0, ...window), f(0)) }),
    dx.put(ref('sum'), at('b'), at('c'), at('i'), at('j')));
}
export const pool = (w: Pool, rows: number, x: readonly number[]): { readonly y: number[]; readonly winner: number[] } => {
  const X = view(x, [rows, w.C, ...w.size]);
  const best = positions([rows, w.C, pooled(w, 0), pooled(w, 1)]).map(([b = 0, c = 0, p = 0, q = 0]) => {
    let [m, place] = [-Infinity, 0];
    for (const [a = 0, z = 0] of positions([w.kernel, w.kernel])) {
      const [i, j] = [p * w.stride + a - w.padding, q * w.stride + z - w.padding];
      const value = i >= 0 && j >= 0 && i < w.size[0] && j < w.size[1] ? X(b, c, i, j) : -Infinity;
      if (value > m) [m, place] = [value, a * w.kernel + z];
    }
    return { m, place };
  });
  return { y: best.map(w1 => w1.m), winner: best.map(w1 => w1.place) };
};

// ── 6: the loss of a classifier, both ways at once ────────────────────────────────────────────

/** nll[s, b] = log Σ exp z - z[target], and its mean's gradient, one level deeper. */
export function crossEntropy(C: number): Kernel {
  const [z, target, nll, dz] = [tensor('z', ['samples', 'rows', C]), tensor('target', ['rows'], 'u32'), tensor('nll', ['samples', 'rows']), tensor('dz', ['samples', 'rows', C])];
  const [s, b] = [at('s'), at('b')];
  const largest: Fold = { kind: 'fold', axis: { name: 'k', extent: C }, body: [], combine: ['max'], carries: [{ name: 'm', type: 'f32', init: f(-3e38), next: op('max', 'f32', ref('m'), z.get(s, b, at('k'))) }] };
  return kernel('cross entropy', { s: 'samples', b: 'rows' }, [z.is('read'), target.is('read'), nll.is('write'), dz.is('write')],
    largest,
    total({ l: C }, { total: fn('exp', sub(z.get(s, b, at('l')), ref('m'))) }),
    name('lse', add(ref('m'), fn('log', ref('total')))),
    name('class', target.get(b)),
    nll.put(sub(ref('lse'), z.get(s, b, valueIndex(ref('class', 'u32')))), s, b),
    map({ c: C }, dz.put(div(sub(fn('exp', sub(z.get(s, b, at('c')), ref('lse'))), select(op('ueq', 'bool', number(at('c')), ref('class', 'u32')), f(1), f(0))), live('rows', 'samples')), s, b, at('c'))));
}

// ── 7: batch norm ─────────────────────────────────────────────────────────────────────────────

const epsilon = 1e-5;
/** Statistics of each sample and channel over the live rows and all places, kept averages, y, and all gradients. */
export function batchNorm(C: number, L: number): readonly Kernel[] {
  const [x, y, dy, dx] = (['x', 'y', 'dy', 'dx'] as const).map(n => tensor(n, ['samples', 'rows', C, L])) as [Tensor, Tensor, Tensor, Tensor]; // as many as names
  const per = (n: string) => tensor(n, ['samples', C]);
  const [mean, variance, inverse, dbeta, dgamma, gamma, beta] = [per('mean'), per('variance'), per('inverse'), per('dbeta'), per('dgamma'), tensor('gamma', [C]), tensor('beta', [C])];
  const [keptMean, keptVariance] = [tensor('kept mean', [C]), tensor('kept variance', [C])];
  const [s, b, c, l] = [at('s'), at('b'), at('c'), at('l')];
  const count = mul(live('rows'), f(L));
  const normal = mul(sub(x.get(s, b, c, l), mean.get(s, c)), inverse.get(s, c));
  const average = (n: string): Expr => div(ref(n), live('samples'));
  return [
    // Welford 1962: no difference of large squares
    kernel('statistics', { s: 'samples', c: C }, [x.is('read'), mean.is('write'), variance.is('write'), inverse.is('write')],
      through({ b: 'rows', l: L }, {
        n: [f(0), () => ref('more')], mean: [f(0), () => ref('moved')],
        m2: [f(0), old => add(old('m2'), mul(ref('off'), sub(x.get(s, b, c, l), ref('moved'))))],
      }, old => [name('more', add(old('n'), f(1))), name('off', sub(x.get(s, b, c, l), old('mean'))), name('moved', add(old('mean'), div(ref('off'), ref('more'))))]),
      mean.put(ref('mean'), s, c), variance.put(div(ref('m2'), ref('n')), s, c), inverse.put(div(f(1), fn('sqrt', add(div(ref('m2'), ref('n')), f(epsilon)))), s, c)),
    kernel('keep', { c: C }, [mean.is('read'), variance.is('read'), keptMean.is('update'), keptVariance.is('update')],
      total({ s: 'samples' }, { 'sum mean': mean.get(s, c), 'sum variance': variance.get(s, c) }),
      keptMean.put(add(mul(f(0.9), keptMean.get(c)), mul(f(0.1), average('sum mean'))), c),
      keptVariance.put(add(mul(f(0.9), keptVariance.get(c)), mul(f(0.1), mul(average('sum variance'), div(count, sub(count, f(1)))))), c)),
    kernel('normalise', { s: 'samples', b: 'rows', c: C, l: L }, [x.is('read'), mean.is('read'), inverse.is('read'), gamma.is('read'), beta.is('read'), y.is('write')],
      y.put(add(mul(normal, gamma.get(c)), beta.get(c)), s, b, c, l)),
    kernel('sums', { s: 'samples', c: C }, [x.is('read'), mean.is('read'), inverse.is('read'), dy.is('read'), dbeta.is('write'), dgamma.is('write')],
      total({ b: 'rows', l: L }, { a: dy.get(s, b, c, l), g: mul(dy.get(s, b, c, l), normal) }), dbeta.put(ref('a'), s, c), dgamma.put(ref('g'), s, c)),
    kernel('batch norm dx', { s: 'samples', b: 'rows', c: C, l: L }, [x.is('read'), mean.is('read'), inverse.is('read'), gamma.is('read'), dy.is('read'), dbeta.is('read'), dgamma.is('read'), dx.is('write')],
      dx.put(mul(gamma.get(c), inverse.get(s, c), sub(sub(dy.get(s, b, c, l), div(dbeta.get(s, c), count)), mul(normal, div(dgamma.get(s, c), count)))), s, b, c, l)),
  ];
}
type Tensor = ReturnType<typeof tensor>;

// ── 8: embeddings ─────────────────────────────────────────────────────────────────────────────

/** y[s, n] = mu[i] + sigma[i]·eps[i] for i = word[n]: no row is drawn that does not occur. */
export function embedding(V: number, D: number, tokens: number, site = 9): Kernel {
  const [mu, sigma, word, y] = [tensor('mu', [V, D]), tensor('sigma', [V, D]), tensor('word', [tokens], 'u32'), tensor('y', ['samples', tokens, D])];
  const row = valueIndex(ref('i', 'u32'));
  return kernel('embedding', { s: 'samples', n: tokens, d: D }, [mu.is('read'), sigma.is('read'), word.is('read'), y.is('write')],
    name('i', word.get(at('n'))),
    y.put(add(mu.get(row, at('d')), mul(sigma.get(row, at('d')), noise('normal', site, at('s'), sum(times(row, D), at('d'))))), at('s'), at('n'), at('d')));
}
/** Tokens in the order of their words, the order of equals kept: how many come before each word, and each token's rank. */
export function bucket(V: number, tokens: number): readonly Kernel[] {
  const [word, start, order] = [tensor('word', [tokens], 'u32'), tensor('start', [V + 1], 'u32'), tensor('order', [tokens], 'u32')];
  const count = (n: string, axis: Axis, one: Expr, init: Expr, bounds?: readonly [Expr, Expr]): Fold => ({ kind: 'fold', axis, body: [], carries: [{ name: n, type: 'u32', init, next: op('uadd', 'u32', ref(n, 'u32'), select(one, u(1), u(0))) }], ...(bounds ? { bounds } : {}) });
  return [
    kernel('start', { v: V + 1 }, [word.is('read'), start.is('write')], count('before', { name: 'n', extent: tokens }, op('ult', 'bool', word.get(at('n')), number(at('v'))), u(0)), start.put(ref('before', 'u32'), at('v'))),
    kernel('order', { n: tokens }, [word.is('read'), start.is('read'), order.is('write')],
      name('i', word.get(at('n'))),
      count('place', { name: 'm', extent: tokens }, op('ueq', 'bool', word.get(at('m')), ref('i', 'u32')), start.get(valueIndex(ref('i', 'u32'))), [u(0), number(at('n'))]),
      order.put(number(at('n')), valueIndex(ref('place', 'u32')))),
  ];
}
/** The gradient of each row over the tokens that took it, in a fixed order; the padding word has none. */
export function embeddingGradient(V: number, D: number, tokens: number, padding: number, site = 9): Kernel {
  const [rho, start, order, dy, dmu, drho] = [tensor('rho', [V, D]), tensor('start', [V + 1], 'u32'), tensor('order', [tokens], 'u32'), tensor('dy', ['samples', tokens, D]), tensor('dmu', [V, D]), tensor('drho', [V, D])];
  const own: Fold = { ...total({ k: tokens }, { g: dy.get(at('s'), valueIndex(order.get(at('k'))), at('d')) }), bounds: [start.get(at('v')), start.get(sum(at('v'), constant(1)))] };
  const unlessPadding = (x: Expr): Expr => select(op('ueq', 'bool', number(at('v')), u(padding)), f(0), x);
  return kernel('embedding gradient', { v: V, d: D }, [rho.is('read'), start.is('read'), order.is('read'), dy.is('read'), dmu.is('write'), drho.is('write')],
    total({ s: 'samples' }, { gm: ref('g'), gr: mul(ref('g'), noise('normal', site, at('s'), sum(times(at('v'), D), at('d')))) }, own),
    dmu.put(unlessPadding(ref('gm')), at('v'), at('d')), drho.put(unlessPadding(mul(ref('gr'), fn('sigmoid', rho.get(at('v'), at('d'))))), at('v'), at('d')));
}

// ── 9: a recurrence ───────────────────────────────────────────────────────────────────────────

/** An LSTM over T steps forwards and backwards: gates i, f, g, o; what the input gives is a product before the loop, the weights' gradients are products after it. */
export function lstm(T: number, N: number, H: number): { readonly kernels: readonly Kernel[]; readonly steps: readonly Step[] } {
  const turn = valueIndex(whole('turn0'));
  const [x, wi, wh, bias] = [tensor('x', ['rows', T, N]), tensor('wi', ['samples', N, 4 * H]), tensor('wh', ['samples', H, 4 * H]), tensor('bias', ['samples', 4 * H])];
  const state = (n: string) => tensor(n, ['samples', 'rows', H]);
  const [h, c, next, dh, dc] = [state('h'), state('c'), state('next h'), state('dh'), state('dc')];
  const stacked = (n: string, width: number) => tensor(n, [T, 'samples', 'rows', width]);
  const [gx, hs, cs, y, dy, dg] = [stacked('gx', 4 * H), stacked('hs', H), stacked('cs', H), stacked('y', H), stacked('dy', H), stacked('dg', 4 * H)];
  const [s, b, j] = [at('s'), at('b'), at('j')];
  const gate = (i: number): Index => sum(j, constant(i * H));
  const gates = ['i', 'f', 'g', 'o'] as const;
  /** The four gates from a state, in one pass over it. */
  const open = (from: Expr): readonly Stmt[] => [
    total({ k: H }, Object.fromEntries(gates.map((g, i) => [`sum ${g}`, mul(from, wh.get(s, at('k'), gate(i)))]))),
    ...gates.map((g, i) => name(g, fn(g === 'g' ? 'tanh' : 'sigmoid', add(gx.get(turn, s, b, gate(i)), ref(`sum ${g}`))))),
  ];
  const forwards = [
    kernel('gates of x', { t: T, s: 'samples', b: 'rows', j: 4 * H }, [x.is('read'), wi.is('read'), bias.is('read'), gx.is('write')],
      total({ n: N }, { sum: mul(x.get(b, at('t'), at('n')), wi.get(s, at('n'), j)) }), gx.put(add(bias.get(s, j), ref('sum')), at('t'), s, b, j)),
    kernel('cell', { s: 'samples', b: 'rows', j: H }, [h.is('read'), wh.is('read'), gx.is('read'), c.is('update'), next.is('write'), hs.is('write'), cs.is('write'), y.is('write')],
      ...open(h.get(s, b, at('k'))),
      name('before', c.get(s, b, j)),
      name('after', add(mul(ref('f'), ref('before')), mul(ref('i'), ref('g')))),
      name('out', mul(ref('o'), fn('tanh', ref('after')))),
      name('h before', h.get(s, b, j)),
      hs.put(ref('h before'), turn, s, b, j), cs.put(ref('before'), turn, s, b, j),
      c.put(ref('after'), s, b, j), next.put(ref('out'), s, b, j), y.put(ref('out'), turn, s, b, j)),
    kernel('move', { s: 'samples', b: 'rows', j: H }, [next.is('read'), h.is('write')], h.put(next.get(s, b, j), s, b, j)),
  ];
  /** The derivative of a sigmoid, by its value. */
  const slopeOf = (g: Expr): Expr => mul(g, sub(f(1), g));
  const backwards = [
    kernel('cell backwards', { s: 'samples', b: 'rows', j: H }, [hs.is('read'), wh.is('read'), gx.is('read'), cs.is('read'), dy.is('read'), dh.is('read'), dc.is('update'), dg.is('write')],
      ...open(hs.get(turn, s, b, at('k'))),
      name('before', cs.get(turn, s, b, j)),
      name('tanh c', fn('tanh', add(mul(ref('f'), ref('before')), mul(ref('i'), ref('g'))))),
      name('out', add(dh.get(s, b, j), dy.get(turn, s, b, j))),
      name('cell', add(dc.get(s, b, j), mul(ref('out'), ref('o'), sub(f(1), square(ref('tanh c')))))),
      dg.put(mul(ref('cell'), ref('g'), slopeOf(ref('i'))), turn, s, b, gate(0)),
      dg.put(mul(ref('cell'), ref('before'), slopeOf(ref('f'))), turn, s, b, gate(1)),
      dg.put(mul(ref('cell'), ref('i'), sub(f(1), square(ref('g')))), turn, s, b, gate(2)),
      dg.put(mul(ref('out'), ref('tanh c'), slopeOf(ref('o'))), turn, s, b, gate(3)),
      dc.put(mul(ref('cell'), ref('f')), s, b, j)),
    kernel('state backwards', { s: 'samples', b: 'rows', k: H }, [dg.is('read'), wh.is('read'), dh.is('write')],
      total({ j: 4 * H }, { sum: mul(dg.get(turn, s, b, j), wh.get(s, at('k'), j)) }), dh.put(ref('sum'), s, b, at('k'))),
  ];
  const product = (n: string, into: Tensor, width: number, from: Expr, buffer: Tensor): Kernel => kernel(n, { s: 'samples', k: width, j: 4 * H }, [buffer.is('read'), dg.is('read'), into.is('write')],
    total({ t: T, b: 'rows' }, { sum: mul(from, dg.get(at('t'), s, b, j)) }), into.put(ref('sum'), s, at('k'), j));
  const after = [
    product('dwh', tensor('dwh', ['samples', H, 4 * H]), H, hs.get(at('t'), s, b, at('k')), hs),
    product('dwi', tensor('dwi', ['samples', N, 4 * H]), N, x.get(b, at('t'), at('k')), x),
    kernel('dbias', { s: 'samples', j: 4 * H }, [dg.is('read'), tensor('dbias', ['samples', 4 * H]).is('write')], total({ t: T, b: 'rows' }, { sum: dg.get(at('t'), s, b, j) }), tensor('dbias', ['samples', 4 * H]).put(ref('sum'), s, j)),
  ];
  const run = (k: number): Step => ({ kind: 'run', kernel: k });
  const loop = (reverse: boolean, ...body: number[]): Step => ({ kind: 'loop', counter: 'turn0', extent: T, reverse, body: body.map(run) });
  return { kernels: [...forwards, ...backwards, ...after], steps: [run(0), loop(false, 1, 2), loop(true, 3, 4), run(5), run(6), run(7)] };
}
/** y[t, s, b, j] of the recurrence in plain loops, from states of zero. */
export function runLstm(T: number, N: number, H: number, [rows, samples]: Pair, x: readonly number[], wi: readonly number[], wh: readonly number[], bias: readonly number[]): number[] {
  const [X, I, W, B] = [view(x, [rows, T, N]), view(wi, [samples, N, 4 * H]), view(wh, [samples, H, 4 * H]), view(bias, [samples, 4 * H])];
  const y = new Array<number>(T * samples * rows * H);
  for (const [s = 0, b = 0] of positions([samples, rows])) {
    let [h, c] = [new Array<number>(H).fill(0), new Array<number>(H).fill(0)];
    for (let t = 0; t < T; t++) {
      const z = build([4 * H], j => B(s, j) + sumOf([N], n => X(b, t, n) * I(s, n, j)) + sumOf([H], k => (h[k] ?? NaN) * W(s, k, j)));
      const [i, g, cell, o] = [0, 1, 2, 3].map(k => z.slice(k * H, k * H + H).map(k === 2 ? Math.tanh : sigmoid));
      c = c.map((before, j) => (g?.[j] ?? NaN) * before + (i?.[j] ?? NaN) * (cell?.[j] ?? NaN));
      h = c.map((after, j) => (o?.[j] ?? NaN) * Math.tanh(after));
      h.forEach((v, j) => { y[((t * samples + s) * rows + b) * H + j] = v; });
    }
  }
  return y;
}

// ── 10: local noise, flipout, shuffled rows ───────────────────────────────────────────────────

const dense = (O: number, K: number) => ({
  x: tensor('x', ['rows', K]), mu: tensor('mu', [O, K]), sigma: tensor('sigma', [O, K]), rho: tensor('rho', [O, K]), biasMu: tensor('bias mu', [O]), biasSigma: tensor('bias sigma', [O]),
  y: tensor('y', ['samples', 'rows', O]), r: tensor('r', ['samples', 'rows', O]), dy: tensor('dy', ['samples', 'rows', O]), dx: tensor('dx', ['rows', K]), dmu: tensor('dmu', [O, K]), drho: tensor('drho', [O, K]),
});
/** Mean and variance of the sum in one pass, one draw an output (Kingma et al. 2015); 1e-12 keeps a row of zeros from 0/0. */
export function local(O: number, K: number, site = 10): readonly Kernel[] {
  const t = dense(O, K);
  const [s, b, o, k] = [at('s'), at('b'), at('o'), at('k')];
  const element = sum(times(sum(b, valueIndex(whole('rowBase'))), O), o);
  const x2 = mul(t.x.get(b, k), t.x.get(b, k));
  const variance = mul(t.sigma.get(o, k), t.sigma.get(o, k));
  return [
    kernel('local', { s: 'samples', b: 'rows', o: O }, [t.x, t.mu, t.sigma, t.biasMu, t.biasSigma].map(n => n.is('read')).concat([t.y.is('write'), t.r.is('write')]),
      total({ k: K }, { a: mul(t.x.get(b, k), t.mu.get(o, k)), v: mul(x2, variance) }),
      name('spread', fn('sqrt', add(ref('v'), square(t.biasSigma.get(o)), f(1e-12)))),
      name('z', noise('normal', site, s, element)),
      t.y.put(add(ref('a'), t.biasMu.get(o), mul(ref('spread'), ref('z'))), s, b, o), t.r.put(div(ref('z'), mul(f(2), ref('spread'))), s, b, o)),
    kernel('local dx', { b: 'rows', k: K }, [t.x, t.mu, t.sigma, t.r, t.dy].map(n => n.is('read')).concat([t.dx.is('write')]),
      total({ s: 'samples', o: O }, { p: mul(t.dy.get(s, b, o), t.mu.get(o, k)), q: mul(t.dy.get(s, b, o), t.r.get(s, b, o), variance) }),
      t.dx.put(add(ref('p'), mul(f(2), t.x.get(b, k), ref('q'))), b, k)),
    kernel('local dw', { o: O, k: K }, [t.x, t.sigma, t.rho, t.r, t.dy].map(n => n.is('read')).concat([t.dmu.is('write'), t.drho.is('write')]),
      total({ s: 'samples', b: 'rows' }, { gm: mul(t.dy.get(s, b, o), t.x.get(b, k)), gv: mul(t.dy.get(s, b, o), t.r.get(s, b, o), x2) }),
      t.dmu.put(ref('gm'), o, k), t.drho.put(mul(ref('gv'), f(2), t.sigma.get(o, k), fn('sigmoid', t.rho.get(o, k))), o, k)),
  ];
}
/** Sites of flipout: the weights' noise, and the signs of inputs and outputs. */
export const flipoutSites = { eps: 11, ins: 12, outs: 13 } as const;
/** One draw of the weights for all rows, made another for each row by random signs (Wen et al. 2018, equation 4). */
export function flipout(O: number, K: number): readonly Kernel[] {
  const t = dense(O, K);
  const [s, b, o, k] = [at('s'), at('b'), at('o'), at('k')];
  const sign = (site: number, width: number, i: Index): Expr => select(op('lt', 'bool', noise('uniform', site, s, sum(times(b, width), i)), f(0.5)), f(-1), f(1));
  const [ins, outs] = [sign(flipoutSites.ins, K, k), sign(flipoutSites.outs, O, o)];
  const eps = noise('normal', flipoutSites.eps, s, sum(times(o, K), k));
  return [
    kernel('flipout', { s: 'samples', b: 'rows', o: O }, [t.x, t.mu, t.sigma, t.biasMu].map(n => n.is('read')).concat([t.y.is('write')]),
      total({ k: K }, { a: mul(t.x.get(b, k), t.mu.get(o, k)), p: mul(mul(t.x.get(b, k), ins), mul(t.sigma.get(o, k), eps)) }),
      t.y.put(add(t.biasMu.get(o), ref('a'), mul(outs, ref('p'))), s, b, o)),
    kernel('flipout dx', { b: 'rows', k: K }, [t.mu, t.sigma, t.dy].map(n => n.is('read')).concat([t.dx.is('write')]),
      total({ s: 'samples', o: O }, { p: mul(t.dy.get(s, b, o), add(t.mu.get(o, k), mul(outs, ins, t.sigma.get(o, k), eps))) }), t.dx.put(ref('p'), b, k)),
    kernel('flipout dw', { o: O, k: K }, [t.x, t.rho, t.dy].map(n => n.is('read')).concat([t.dmu.is('write'), t.drho.is('write')]),
      total({ s: 'samples' }, { gm: ref('m'), gr: mul(ref('e'), eps) },
        total({ b: 'rows' }, { m: mul(t.dy.get(s, b, o), t.x.get(b, k)), e: mul(mul(t.dy.get(s, b, o), outs), mul(t.x.get(b, k), ins)) })),
      t.dmu.put(ref('gm'), o, k), t.drho.put(mul(ref('gr'), fn('sigmoid', t.rho.get(o, k))), o, k)),
  ];
}
/** Rows of a batch from a data set in the order of a permutation; the record says which is the first. */
export function shuffled(rows: number, N: number): Kernel {
  const [data, order, x] = [tensor('data', [rows, N]), tensor('order', [rows], 'u32'), tensor('x', ['rows', N])];
  return kernel('shuffled', { b: 'rows', n: N }, [data.is('read'), order.is('read'), x.is('write')],
    x.put(data.get(valueIndex(order.get(sum(valueIndex(whole('rowBase')), at('b')))), at('n')), at('b'), at('n')));
}

// ── small examples, with what they must give ──────────────────────────────────────────────────

const [rows, samples] = [3, 2];
const scalars = { ...record, rows, samples };
const linear = (loss: (x: readonly number[]) => number, x: readonly number[]): number[] => derivative(loss, x, 1, 1);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((n, x, i) => n + x * (b[i] ?? NaN), 0);
/** Posterior scales between 0.1 and 1. */
const rhos = (n: number, phase: number): number[] => wave(n, phase).map(x => x - 1);
/** mu + softplus(rho)·eps for each sample in turn. */
const sampled = (mu: readonly number[], rho: readonly number[], site: number, count = samples): number[] =>
  build([count, mu.length], (s, i) => (mu[i] ?? NaN) + softplus(rho[i] ?? NaN) * drawn('normal', site, s, i));

const updateCase = (): Case => {
  const [O, N, tau2, n] = [3, 5, 0.25, 15];
  const hyper = { klWeight: 0.3, learningRate: 0.01, beta1: 0.9, beta2: 0.99 };
  const [x, dy, mu, rho, m1, m2] = [wave(rows * N), wave(samples * rows * O, 1), wave(n, 2), rhos(n, 3), wave(n, 4), wave(n, 5)];
  const [v1, v2] = [m1, m2].map(m => m.map(a => a * a + 0.1)) as [number[], number[]]; // one for each
  const plain = updateLoss(O, N, tau2, hyper.klWeight, [rows, samples], x, dy, (s, i) => drawn('normal', 7, s, i));
  const adam = (p: readonly number[], m: readonly number[], v: readonly number[], g: readonly number[]): readonly [number[], number[], number[]] => {
    const [M, V] = [m.map((a, i) => 0.9 * a + 0.1 * (g[i] ?? NaN)), v.map((a, i) => 0.99 * a + 0.01 * (g[i] ?? NaN) ** 2)];
    return [p.map((a, i) => a - 0.01 * (M[i] ?? NaN) / (Math.sqrt(V[i] ?? NaN) + 1e-8)), M, V];
  };
  const first = adam(mu, m1, v1, derivative(p => plain.loss(p, rho), mu));
  const second = adam(rho, m2, v2, derivative(p => plain.loss(mu, p), rho));
  return {
    name: 'a fused update: gradient, divergence and Adam in one', one: false, kernels: [updateKernel(O, N, tau2)], fields: Object.keys(hyper), scalars: { ...scalars, ...hyper },
    inputs: { x, dy, mu, rho, m1, v1, m2, v2, sigma: rho.map(softplus) },
    expected: { mu: first[0], m1: first[1], v1: first[2], rho: second[0], m2: second[1], v2: second[2], sigma: second[0].map(softplus), kl: build([O], o => plain.divergence(mu, rho, o)) },
  };
};

/** Every option at once, a stride that leaves phases without a tap, and the plainest. */
export const windows: Readonly<Record<string, Window>> = {
  'padding, stride, dilation and groups': { C: 4, O: 2, size: [5, 4], kernel: [3, 2], stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 },
  'phases without a tap': { C: 1, O: 2, size: [6, 5], kernel: [2, 2], stride: [3, 2], padding: [1, 0], dilation: [1, 2], groups: 1 },
  plain: { C: 2, O: 2, size: [3, 4], kernel: [2, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 },
};
const convolutionCases = (): readonly Case[] => Object.entries(windows).flatMap(([what, w]) => {
  const count = w.O * w.C / w.groups * w.kernel[0] * w.kernel[1];
  const [x, mu, rho, b] = [wave(rows * w.C * w.size[0] * w.size[1]), wave(count, 1), rhos(count, 2), wave(samples * w.O, 3)];
  const weights = sampled(mu, rho, 8);
  const y = convolve(w, [rows, samples], x, weights, b);
  const dy = wave(y.length, 4);
  const none = b.map(() => 0);
  const loss = (at1: readonly number[], drawnWeights: readonly number[]): number => dot(convolve(w, [rows, samples], at1, drawnWeights, none), dy);
  // the layer before has samples of its own: one gradient for each
  const dx = [0, 1].flatMap(s => { const own = dy.map((d, i) => (Math.floor(i * samples / dy.length) === s ? d : 0)); return linear(at1 => dot(convolve(w, [rows, samples], at1, weights, none), own), x); });
  const cases: readonly Omit<Case, 'name' | 'scalars'>[] = [
    { one: true, kernels: [convolution(w)], inputs: { x, w: weights, b }, expected: { y } },
    { one: false, kernels: [convolutionWeights(w)], inputs: { x, dy, rho }, expected: { dmu: linear(m => loss(x, sampled(m, rho, 8)), mu), drho: derivative(r => loss(x, sampled(mu, r, 8)), rho) } },
    { one: true, kernels: [convolutionInput(w)], inputs: { dy, w: weights }, expected: { dx } },
    { one: false, kernels: convolutionInputPhases(w), inputs: { dy, w: weights }, expected: { dx } },
  ];
  return cases.map((c, i) => ({ ...c, scalars, name: `a convolution (${what}): ${['forwards', 'its weights', 'its input', 'its input by phases'][i] ?? ''}` }));
});

const poolCases = (): readonly Case[] => ([{ C: 2, size: [5, 6], kernel: 3, stride: 2, padding: 1 }, { C: 1, size: [4, 7], kernel: 2, stride: 2, padding: 0 }] as const).map(w => {
  const x = wave(rows * w.C * w.size[0] * w.size[1]);
  const { y, winner } = pool(w, rows, x);
  const dy = wave(y.length, 1);
  const dx = x.map(() => 0);
  // scattered here, gathered in the kernel
  positions([rows, w.C, pooled(w, 0), pooled(w, 1)]).forEach(([b = 0, c = 0, p = 0, q = 0], n) => {
    const place = winner[n] ?? NaN;
    const [i, j] = [p * w.stride - w.padding + Math.floor(place / w.kernel), q * w.stride - w.padding + place % w.kernel];
    const to = ((b * w.C + c) * w.size[0] + i) * w.size[1] + j;
    dx[to] = (dx[to] ?? NaN) + (dy[n] ?? NaN);
  });
  return { name: `the largest of a window of ${w.kernel}, and its gradient`, one: false, kernels: [maxPool(w), maxPoolGradient(w)], scalars, inputs: { x, dy }, expected: { y, winner, dx } };
});

const crossEntropyCase = (): Case => {
  const [C, target] = [5, [4, 0, 2]];
  const z = wave(samples * rows * C).map(v => 3 * v);
  const nll = (logits: readonly number[]): number[] => { const Z = view(logits, [samples, rows, C]); return build([samples, rows], (s, b) => Math.log(sumOf([C], c => Math.exp(Z(s, b, c)))) - Z(s, b, target[b] ?? NaN)); };
  return {
    name: 'the loss of a classifier and its gradient, at two depths', one: false, kernels: [crossEntropy(C)], scalars, inputs: { z, target },
    expected: { nll: nll(z), dz: derivative(logits => nll(logits).reduce((a, b) => a + b, 0) / (rows * samples), z) },
  };
};

const batchNormCase = (): Case => {
  const [C, L] = [2, 4];
  const [x, gamma, beta, dy, kept] = [wave(samples * rows * C * L).map(v => v + 5), wave(C, 1), wave(C, 2), wave(samples * rows * C * L, 3), wave(C, 4)];
  const n = rows * L;
  const statistics = (at1: readonly number[]) => {
    const X = view(at1, [samples, rows, C, L]);
    const mean = build([samples, C], (s, c) => sumOf([rows, L], (b, l) => X(s, b, c, l)) / n);
    return { mean, variance: build([samples, C], (s, c) => sumOf([rows, L], (b, l) => (X(s, b, c, l) - (mean[s * C + c] ?? NaN)) ** 2) / n) };
  };
  const normalised = (at1: readonly number[]): number[] => { const { mean, variance } = statistics(at1); return build([samples, rows, C, L], (s, b, c, l) => (view(at1, [samples, rows, C, L])(s, b, c, l) - (mean[s * C + c] ?? NaN)) / Math.sqrt((variance[s * C + c] ?? NaN) + epsilon)); };
  const scaled = (at1: readonly number[]): number[] => { const N = view(normalised(at1), [samples, rows, C, L]); return build([samples, rows, C, L], (s, b, c, l) => N(s, b, c, l) * (gamma[c] ?? NaN) + (beta[c] ?? NaN)); };
  const { mean, variance } = statistics(x);
  const average = (of: readonly number[], c: number): number => sumOf([samples], s => of[s * C + c] ?? NaN) / samples;
  const [D, N] = [view(dy, [samples, rows, C, L]), view(normalised(x), [samples, rows, C, L])];
  return {
    name: 'batch norm: statistics, kept averages, gradients', one: false, kernels: batchNorm(C, L), scalars,
    inputs: { x, gamma, beta, dy, 'kept mean': kept, 'kept variance': kept },
    expected: {
      mean, variance, y: scaled(x), dx: derivative(at1 => dot(scaled(at1), dy), x),
      'kept mean': kept.map((k, c) => 0.9 * k + 0.1 * average(mean, c)), 'kept variance': kept.map((k, c) => 0.9 * k + 0.1 * average(variance, c) * n / (n - 1)),
      dbeta: build([samples, C], (s, c) => sumOf([rows, L], (b, l) => D(s, b, c, l))), dgamma: build([samples, C], (s, c) => sumOf([rows, L], (b, l) => D(s, b, c, l) * N(s, b, c, l))),
    },
  };
};

const embeddingCase = (): Case => {
  const [V, D, padding, word] = [5, 3, 1, [4, 1, 0, 4, 3, 1, 4]];
  const [mu, rho] = [wave(V * D), rhos(V * D, 1)];
  const lookUp = (table: readonly number[]): number[] => build([samples, word.length, D], (s, n, d) => table[s * V * D + (word[n] ?? NaN) * D + d] ?? NaN);
  const y = lookUp(sampled(mu, rho, 9));
  const dy = wave(y.length, 2);
  const unlessPadding = (g: readonly number[]): number[] => g.map((x, i) => (Math.floor(i / D) === padding ? 0 : x));
  return {
    name: 'an embedding: rows drawn as they occur, gradients by bucket', one: false, scalars,
    kernels: [embedding(V, D, word.length), ...bucket(V, word.length), embeddingGradient(V, D, word.length, padding)],
    inputs: { mu, rho, sigma: rho.map(softplus), word, dy },
    expected: {
      y, start: build([V + 1], v => word.filter(w => w < v).length), order: word.map((_, n) => n).sort((a, b) => (word[a] ?? 0) - (word[b] ?? 0)),
      dmu: unlessPadding(linear(m => dot(lookUp(sampled(m, rho, 9)), dy), mu)), drho: unlessPadding(derivative(r => dot(lookUp(sampled(mu, r, 9)), dy), rho)),
    },
  };
};

const lstmCase = (): Case => {
  const [T, N, H] = [3, 2, 3];
  const [x, wi, wh, bias] = [wave(rows * T * N), wave(samples * N * 4 * H, 1), wave(samples * H * 4 * H, 2), wave(samples * 4 * H, 3)];
  const y = runLstm(T, N, H, [rows, samples], x, wi, wh, bias);
  const dy = wave(y.length, 4);
  const zeros = build([samples, rows, H], () => 0);
  const loss = (i: readonly number[], h: readonly number[], b: readonly number[]): number => dot(runLstm(T, N, H, [rows, samples], x, i, h, b), dy);
  return {
    name: 'a recurrence forwards and backwards', one: false, ...lstm(T, N, H), scalars, inputs: { x, wi, wh, bias, dy, h: zeros, c: zeros, dh: zeros, dc: zeros },
    expected: { y, dwi: derivative(p => loss(p, wh, bias), wi), dwh: derivative(p => loss(wi, p, bias), wh), dbias: derivative(p => loss(wi, wh, p), bias) },
  };
};

/** The two estimators of a dense layer that draw other than once a sample. */
const denseCases = (): readonly Case[] => {
  const [O, K] = [3, 4];
  const [x, mu, rho, biasMu, biasRho] = [wave(rows * K), wave(O * K, 1), rhos(O * K, 2), wave(O, 3), rhos(O, 4)];
  const dy = wave(samples * rows * O, 5);
  const rowBase = 5;
  const localY = (at1: readonly number[], m: readonly number[], r: readonly number[]): number[] => build([samples, rows, O], (s, b, o) => {
    const terms = (g: (x1: number, m1: number, v1: number) => number): number => sumOf([K], k => g(at1[b * K + k] ?? NaN, m[o * K + k] ?? NaN, softplus(r[o * K + k] ?? NaN) ** 2));
    return (biasMu[o] ?? NaN) + terms((a, c) => a * c) + Math.sqrt(terms((a, _, v) => a * a * v) + softplus(biasRho[o] ?? NaN) ** 2 + 1e-12) * drawn('normal', 10, s, (b + rowBase) * O + o);
  });
  const sign = (site: number, s: number, element: number): number => (drawn('uniform', site, s, element) < 0.5 ? -1 : 1);
  const flipoutY = (at1: readonly number[], m: readonly number[], r: readonly number[]): number[] => build([samples, rows, O], (s, b, o) => (biasMu[o] ?? NaN) + sumOf([K], k =>
    (at1[b * K + k] ?? NaN) * ((m[o * K + k] ?? NaN) + sign(flipoutSites.outs, s, b * O + o) * sign(flipoutSites.ins, s, b * K + k) * softplus(r[o * K + k] ?? NaN) * drawn('normal', flipoutSites.eps, s, o * K + k))));
  const given = (y: typeof localY) => ({
    inputs: { x, mu, rho, sigma: rho.map(softplus), 'bias mu': biasMu, 'bias sigma': biasRho.map(softplus), dy },
    expected: { y: y(x, mu, rho), dx: derivative(p => dot(y(p, mu, rho), dy), x), dmu: derivative(p => dot(y(x, p, rho), dy), mu), drho: derivative(p => dot(y(x, mu, p), dy), rho) },
  });
  const flipped = given(flipoutY);
  return [
    { name: 'local noise, one draw an output', one: false, kernels: local(O, K), scalars: { ...scalars, rowBase }, ...given(localY) },
    { name: 'flipout, one draw with signs for each row', one: false, kernels: flipout(O, K), scalars, ...flipped, inputs: Object.fromEntries(Object.entries(flipped.inputs).filter(([n]) => n !== 'bias sigma')) },
  ];
};

const shuffleCase = (): Case => {
  const [order, N] = [[4, 0, 3, 1, 6, 2, 5], 3];
  const data = wave(order.length * N);
  return { name: 'shuffled rows of a data set', one: true, kernels: [shuffled(order.length, N)], scalars: { ...scalars, rowBase: 2 }, inputs: { data, order }, expected: { x: [3, 1, 6].flatMap(r => data.slice(r * N, r * N + N)) } };
};

export const tenCases: readonly Case[] = [updateCase(), ...convolutionCases(), ...poolCases(), crossEntropyCase(), batchNormCase(), embeddingCase(), lstmCase(), ...denseCases(), shuffleCase()];
