/**
 * Random models that are well formed. Imagine somebody who adds one layer after another to a network, picked from a table,
 * and then a loss. The seed decides everything.
 */
import type { T, Tape, UnaryName } from './autodiff.ts';
import { logNormal, sized } from './model.ts';
import type { Compute, Port, Prior, RandomModel, Run, Setting, Shape, Value, Weight } from './model.ts';

/** Uniform numbers in [0, 1) from a seed (Steele, Lea and Flood 2014: SplitMix, in 32 bits). */
export function uniform(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

const activations = ['relu', 'tanh', 'sigmoid', 'softplus', 'silu', 'elu', 'leaky_relu', 'gelu'] as const satisfies readonly UnaryName[];
type Activation = (typeof activations)[number];

const constant = (v: number): Compute => r => r.tape.scalar(v);
const normalPrior = (text: string, mean: Compute, sd: (r: Run, shape: readonly number[]) => T): Prior => ({ text, of: (r, shape) => ({ family: 'normal', mean: mean(r), sd: sd(r, shape) }) });
const fixedNormal = (mean: number, sd: number): Prior => normalPrior(`normal(${mean}, ${sd})`, constant(mean), constant(sd));
const fanIn = (shape: readonly number[]): number => shape.slice(1).reduce((a, b) => a * b, 1);
const languagePrior = fixedNormal(0, 0.1);
const priors: readonly Prior[] = [
  fixedNormal(0, 1), fixedNormal(0.2, 0.5), fixedNormal(-0.1, 2),
  normalPrior('normal(0, (2 / fan_in) ** 0.5)', constant(0), (r, s) => r.tape.scalar((2 / fanIn(s)) ** 0.5)),
  normalPrior('normal(sd: 1 / (fan_in + fan_out), mean: 0.1)', constant(0.1), (r, s) => r.tape.scalar(1 / (fanIn(s) + (s[0] ?? 1)))),
  { text: 'scale_mixture(pi: 0.5, sigma1: 1.0, sigma2: 0.1)', of: () => ({ family: 'mixture', pi: 0.5, sds: [1, 0.1] }) },
  { text: 'scale_mixture(0.25, 0.7, 0.02)', of: () => ({ family: 'mixture', pi: 0.25, sds: [0.7, 0.02] }) },
  { text: 'scale_mixture(pi: 1, sigma1: 0.3, sigma2: 0.4)', of: r => ({ family: 'normal', mean: r.tape.scalar(0), sd: r.tape.scalar(0.3) }) },
];
const posteriors: readonly Setting[] = [
  { text: 'posterior point', posterior: 'point' }, { text: 'posterior normal(mu: normal(0, 0.4), rho: -2)', posterior: 'normal' },
  { text: 'posterior normal(mu: normal(0, 1 / fan_in ** 0.5), rho: normal(-3, 0.5))', posterior: 'normal' },
];

/** Where weights are declared: the path so far, the settings in force (innermost first), and how many uses of each layer came before. */
interface Body { readonly path: string; readonly settings: readonly (readonly Setting[])[]; readonly counts: Map<string, number>; readonly declare: (name: string, shape: readonly number[], own?: { readonly prior?: Prior; readonly posterior?: 'normal' | 'point' }) => string; readonly param: (name: string, shape: readonly number[]) => string; readonly use: (layer: string, name?: string, settings?: readonly Setting[]) => Body }

interface LayerUse { readonly shape: Shape; readonly of: (r: Run, x: T) => T; /** A field of the result, without the axis of time. */ readonly field?: { readonly name: string; readonly of: (r: Run, x: T) => T } }
/** A layer: its text, and its use on a shape, which declares its weights. */
interface Layer { readonly name: string; readonly text: string; readonly rank: 2 | 3 | 'any'; readonly use: (b: Body, shape: Shape, out: number) => LayerUse; /** Whether the use says how many outputs. */ readonly sized: boolean }

const last = (s: Shape): number => Number(s.at(-1) ?? 1);
const withLast = (s: Shape, n: number): Shape => [...s.slice(0, -1), n];
const letters = (rank: number): string => 'uvxyz'.slice(0, rank - 1);
const dense = (t: Tape, x: T, w: T, b?: T): T => { const l = letters(x.shape.length); const y = t.einsum(`${l}i,oi->${l}o`, x, w); return b ? t.zip('add', y, b) : y; };
const linearUse = (b: Body, n: number, out: number, name?: string, bias = true, settings: readonly Setting[] = []): ((r: Run, x: T) => T) => {
  const inner = b.use('linear', name, settings);
  const w = inner.declare('w', [out, n]);
  const c = bias ? inner.declare('b', [out]) : undefined;
  return (r, x) => dense(r.tape, x, r.weight(w), c === undefined ? undefined : r.weight(c));
};
function layerNorm(t: Tape, x: T, epsilon: number): T {
  const centred = t.zip('sub', x, t.mean(x, [-1], true));
  return t.zip('div', centred, t.map('sqrt', t.zip('add', t.mean(t.map('square', centred), [-1], true), t.scalar(epsilon))));
}

const layersWith = (act: Activation, other: Activation): readonly Layer[] => [
  {
    name: 'block', rank: 'any', sized: false, text: `layer block(x: [..., n]) -> [..., n] {\n  y = x |> linear(n) |> ${act}\n  z = y |> linear(n, bias: false)\n  return x + z\n}`,
    use: (b, shape) => { const [f, g] = [linearUse(b, last(shape), last(shape)), linearUse(b, last(shape), last(shape), undefined, false)]; return { shape, of: (r, x) => r.tape.zip('add', x, g(r, r.tape.map(act, f(r, x)))) }; },
  },
  {
    name: 'norm', rank: 'any', sized: false, text: 'layer norm(x: [..., n]) -> [..., n] {\n  param g: [n] = 1.0\n  param s: [n] = normal(0, 0.3)\n  return (x - mean(x, axis: -1, keep: true)) / sqrt(variance(x, axis: -1, keep: true) + 0.1) * g + s\n}',
    use: (b, shape) => { const [g, s] = [b.param('g', [last(shape)]), b.param('s', [last(shape)])]; return { shape, of: (r, x) => r.tape.zip('add', r.tape.zip('mul', layerNorm(r.tape, x, 0.1), r.param(g)), r.param(s)) }; },
  },
  {
    name: 'gated', rank: 'any', sized: true, text: `layer gated(x: [..., n], out: int) -> [..., out] {\n  value = x |> linear(out) as value |> ${other}\n  gate  = x |> linear(out) as gate |> sigmoid\n  return value * gate\n}`,
    use: (b, shape, out) => { const [v, g] = [linearUse(b, last(shape), out, 'value'), linearUse(b, last(shape), out, 'gate')]; return { shape: withLast(shape, out), of: (r, x) => r.tape.zip('mul', r.tape.map(other, v(r, x)), r.tape.map('sigmoid', g(r, x))) }; },
  },
  {
    name: 'pairs', rank: 2, sized: true, text: `layer pairs(x: [batch, n], out: int) -> [batch, out] {\n  default prior normal(0, 0.7)\n  weight w: [out, n, n]\n  weight v: [n, out] ~ normal(0, 1.5) by normal(mu: normal(0, 0.5), rho: -2)\n  return ${other}(einsum("bi,oij,bj->bo", x, w, x)) + einsum("bi,io->bo", x, v)\n}`,
    use(b, shape, out) {
      const n = last(shape);
      const [w, v] = [b.declare('w', [out, n, n], { prior: defaulted(b, fixedNormal(0, 0.7)) }), b.declare('v', [n, out], { prior: fixedNormal(0, 1.5), posterior: 'normal' })];
      return { shape: ['batch', out], of: (r, x) => r.tape.zip('add', r.tape.map(other, r.tape.einsum('bi,oij,bj->bo', x, r.weight(w), x)), r.tape.einsum('bi,io->bo', x, r.weight(v))) };
    },
  },
  {
    name: 'shuffle', rank: 2, sized: false, text: `layer shuffle(x: [batch, n]) -> [batch, n] {\n  weight w: [n]\n  both = concat(x[:, ::-1], x * w, axis: 1)\n  t = transpose(reshape(both, (batch, 2, n)), (0, 2, 1))\n  p, q = split(t, 2, axis: 2)\n  wide = flatten(concat(q, ${act}(p), 0.5 * q, axis: 2))\n  return wide[:, 1:n + 1] + wide[:, -n:]\n}`,
    use(b, shape) {
      const n = last(shape);
      const w = b.declare('w', [n]);
      return { shape, of(r, x) {
        const t = r.tape;
        const both = t.concat([t.slice(x, 1, n - 1, n, -1), t.zip('mul', x, r.weight(w))], 1);
        const turned = t.transpose(t.reshape(both, [r.rows, 2, n]), [0, 2, 1]);
        const [p, q] = [t.slice(turned, 2, 0, 1), t.slice(turned, 2, 1, 1)];
        const wide = t.reshape(t.concat([q, t.map(act, p), t.zip('mul', t.scalar(0.5), q)], 2), [r.rows, 3 * n]);
        return t.zip('add', t.slice(wide, 1, 1, n), t.slice(wide, 1, 2 * n, n));
      } };
    },
  },
  {
    name: 'attend', rank: 3, sized: false, text: 'layer attend(x: [batch, t, d]) -> [batch, t, d] {\n  q = x |> linear(d) as q\n  k = x |> linear(d, bias: false) as k\n  v = x |> linear(d) as v\n  return softmax(q @ k.T / d ** 0.5) @ v\n}',
    use(b, shape) {
      const d = last(shape);
      const [q, k, v] = [linearUse(b, d, d, 'q'), linearUse(b, d, d, 'k', false), linearUse(b, d, d, 'v')];
      return { shape, of: (r, x) => r.tape.einsum('bts,bsd->btd', r.tape.softmax(r.tape.zip('mul', r.tape.einsum('btd,bsd->bts', q(r, x), k(r, x)), r.tape.scalar(d ** -0.5)), -1), v(r, x)) };
    },
  },
  ...[false, true].map((reverse): Layer => ({
    name: reverse ? 'backwards' : 'recur', rank: 3, sized: true,
    text: `layer ${reverse ? 'backwards' : 'recur'}(x: [batch, time, n], hidden: int) -> [batch, time, hidden] {\n  weight wi: [n, hidden]\n  weight wh: [hidden, hidden]\n  param  b:  [hidden] = 0.1\n  steps = scan xt over x axis 1${reverse ? ' reverse' : ''} with h = zeros[batch, hidden], c = ones[batch, hidden] {\n    h = tanh(xt @ wi + h @ wh + b)\n    c = 0.5 * c + ${act}(h)\n    yield h * c\n  }\n  return steps with h: steps.h, c: steps.c\n}`,
    use(b, shape, out) {
      const n = last(shape);
      const [wi, wh, c0] = [b.declare('wi', [n, out]), b.declare('wh', [out, out]), b.param('b', [out])];
      const run = (r: Run, x: T): { readonly steps: T; readonly h: T; readonly c: T } => {
        const t = r.tape;
        const time = x.shape[1] ?? 0;
        let [h, c] = [t.fill([r.rows, out], 0), t.fill([r.rows, out], 1)];
        const steps: T[] = [];
        for (let k = 0; k < time; k++) {
          const at = reverse ? time - 1 - k : k;
          const xt = t.reshape(t.slice(x, 1, at, 1), [r.rows, n]);
          h = t.map('tanh', t.zip('add', t.zip('add', t.einsum('bi,io->bo', xt, r.weight(wi)), t.einsum('bi,io->bo', h, r.weight(wh))), r.param(c0)));
          c = t.zip('add', t.zip('mul', t.scalar(0.5), c), t.map(act, h));
          steps[at] = t.reshape(t.zip('mul', h, c), [r.rows, 1, out]);
        }
        return { steps: t.concat(steps, 1), h, c };
      };
      return { shape: withLast(shape, out), of: (r, x) => run(r, x).steps, field: reverse ? { name: 'c', of: (r, x) => run(r, x).c } : { name: 'h', of: (r, x) => run(r, x).h } };
    },
  })),
];
/** A layer's `default prior` gives way to every setting around it. */
const defaulted = (b: Body, prior: Prior): Prior => b.settings.flat().find(s => s.prior !== undefined && s.weight === undefined)?.prior ?? prior;

export function generate(seed: number): RandomModel {
  const next = uniform(seed);
  const chance = (p: number): boolean => next() < p;
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const pick = <V>(list: readonly V[]): V => { const v = list[whole(0, list.length - 1)]; if (v === undefined) throw new Error('an empty list'); return v; };

  const lines: string[] = [], statements: ((r: Run) => void)[] = [], weights: Weight[] = [], params: { readonly path: string; readonly shape: readonly number[] }[] = [];
  const layerTexts = new Map<string, string>(), sizes: { readonly name: string; readonly value: number }[] = [];
  const inputs: Port[] = [], targets: Port[] = [], outputs: { readonly name: string; readonly of: Compute }[] = [], losses: Compute[] = [];
  const layers = layersWith(pick(activations), pick(activations));
  let names = 0;
  const fresh = (start: string): string => `${start}${++names}`;

  const body = (path: string, settings: readonly (readonly Setting[])[]): Body => {
    const counts = new Map<string, number>();
    const full = (name: string): string => (path === '' ? name : `${path}.${name}`);
    return {
      path, settings, counts,
      declare(name, shape, own = {}) {
        // settings of the use itself may be for one weight; those further out are for all
        const nearest = <V>(of: (s: Setting) => V | undefined): V | undefined => {
          for (const [i, block] of settings.entries()) for (const mine of [true, false]) for (const s of block) { const v = of(s); if (v !== undefined && (mine ? i === 0 && s.weight === name : s.weight === undefined)) return v; }
          return undefined;
        };
        const at = full(name);
        if (weights.some(w => w.path === at)) return at; // used again
        weights.push({ path: at, shape, prior: own.prior ?? nearest(s => s.prior) ?? languagePrior, posterior: own.posterior ?? nearest(s => s.posterior) ?? 'normal', sampled: nearest(s => s.sampled) ?? false, frozen: nearest(s => s.frozen) ?? false });
        return at;
      },
      param(name, shape) { const at = full(name); if (!params.some(p => p.path === at)) params.push({ path: at, shape }); return at; },
      use(layer, name, block = []) { const n = (counts.get(layer) ?? 0) + 1; counts.set(layer, n); return body(full(name ?? `${layer}${n}`), [block, ...settings.map(b => b.filter(s => s.weight === undefined))]); },
    };
  };

  // the model's own settings, and a spread that priors may read
  const own: Setting[] = [];
  if (chance(0.6)) { const prior = pick(priors); own.push({ text: `prior ${prior.text}`, prior }); }
  if (chance(0.8)) own.push(pick(posteriors.slice(1)));
  if (chance(0.15)) own.push({ text: 'kl sampled', sampled: true });
  const root = body('', [own]);
  const learned: Prior[] = [];
  const settingLines = own.map(s => s.text);
  if (chance(0.3)) {
    settingLines.push('param spread: [] = 0.3');
    const p = root.param('spread', []);
    learned.push(normalPrior('normal(0, softplus(spread))', constant(0), r => r.tape.map('softplus', r.param(p))));
  }
  if (chance(0.2)) {
    settingLines.push('weight tau: [] ~ normal(0, 1) by normal(mu: 0.5, rho: -2)');
    const w = root.declare('tau', [], { prior: fixedNormal(0, 1), posterior: 'normal' });
    learned.push(normalPrior('normal(0.1, 0.2 + softplus(tau))', constant(0.1), r => r.tape.zip('add', r.tape.scalar(0.2), r.tape.map('softplus', r.weight(w)))));
  }
  const somePrior = (): Prior => pick([...priors, ...learned, ...learned, ...learned]);

  /** A width, sometimes as an argument of the model. */
  const width = (): { readonly text: string; readonly n: number } => {
    const n = whole(1, 9);
    if (!chance(0.15)) return { text: String(n), n };
    const name = fresh('size');
    sizes.push({ name, value: n });
    return { text: name, n };
  };
  const block = (): { readonly text: string; readonly settings: readonly Setting[] } => {
    if (chance(0.55)) return { text: '', settings: [] };
    const settings: Setting[] = [];
    if (chance(0.5)) { const prior = somePrior(); settings.push({ text: `prior ${prior.text}`, prior }); }
    if (chance(0.5)) settings.push(pick(posteriors));
    if (chance(0.2)) settings.push({ text: 'kl sampled', sampled: true });
    if (chance(0.15)) settings.push({ text: 'frozen', frozen: true });
    if (chance(0.15)) settings.push({ text: 'fixed', fixed: true });
    return { text: settings.length === 0 ? '' : ` { ${settings.map(s => s.text).join(', ')} }`, settings };
  };

  const bind = (v: Value): Value => {
    if (/^\w+$/.test(v.text)) return v;
    const name = fresh('h');
    lines.push(`${name} = ${v.text}`);
    statements.push(r => { r.names.set(name, v.of(r)); });
    return named(name, v.shape);
  };
  const named = (name: string, shape: Shape): Value => ({ text: name, shape, of: r => { const x = r.names.get(name); if (!x) throw new Error(`no ${name}`); return x; } });
  const input = (shape: Shape): Value => { const name = fresh('x'); inputs.push({ name, shape }); return { text: name, shape, of: r => r.input(name) }; };
  const onValue = (v: Value, text: string, shape: Shape, f: (t: Tape, x: T, r: Run) => T): Value => ({ text, shape, of: r => f(r.tape, v.of(r), r) });
  const activated = (v: Value): Value => { const a = pick(activations); return onValue(v, `${v.text} |> ${a}`, v.shape, (t, x) => t.map(a, x)); };
  const linear = (v: Value, w = width(), name?: string, again = false): Value => {
    const bias = chance(0.7);
    const b = block();
    const one: Setting[] = bias && b.settings.length === 0 && chance(0.2) ? [{ text: '', weight: 'b', posterior: 'point' }] : [];
    const f = linearUse(root, last(v.shape), w.n, name, bias, [...b.settings, ...one]);
    const text = `${v.text} |> linear(${w.text}${bias ? '' : ', bias: false'})${one.length > 0 ? ' { b: posterior point }' : b.text}${name === undefined ? '' : ` as ${name}${again ? ' again' : ''}`}`;
    return onValue(v, text, withLast(v.shape, w.n), (_, x, r) => f(r, x));
  };
  const custom = (v: Value, layer: Layer): Value => {
    layerTexts.set(layer.name, layer.text);
    const w = layer.sized ? width() : undefined;
    const b = block();
    const use = layer.use(root.use(layer.name, undefined, b.settings), v.shape, w?.n ?? 0);
    const whole = onValue(v, `${v.text} |> ${layer.name}${w ? `(${w.text})` : ''}${b.text}`, use.shape, (_, x, r) => use.of(r, x));
    const { field } = use;
    return field && chance(0.4) ? { text: `(${whole.text}).${field.name}`, shape: ['batch', last(use.shape)], of: r => field.of(r, v.of(r)) } : whole;
  };

  // each adds one layer to a value
  type Step = (v: Value) => Value;
  const shared: Step = v => {
    const other = bind(activated(linear(v, { text: String(last(v.shape)), n: last(v.shape) })));
    const b = block();
    const n = last(v.shape);
    const name = fresh('enc');
    const f = linearUse(root, n, n, name, true, b.settings);
    root.use('linear', name);
    const sign = pick(['+', '-', '*'] as const);
    const [p, q] = [`(${v.text} |> linear(${n})${b.text} as ${name})`, `(${other.text} |> linear(${n})${b.text} as ${name} again)`];
    return { text: `${p} ${sign} ${q}`, shape: v.shape, of: r => r.tape.zip(sign === '+' ? 'add' : sign === '-' ? 'sub' : 'mul', f(r, v.of(r)), f(r, other.of(r))) };
  };
  const weighted: Step = v => {
    const w = width();
    const name = fresh('w');
    const prior = somePrior();
    const by = chance(0.5) ? ' by normal(mu: normal(0, 0.4), rho: -2.5)' : chance(0.3) ? ' by point' : '';
    const path = root.declare(name, [w.n, last(v.shape)], { prior, ...(by === '' ? {} : { posterior: by === ' by point' ? 'point' : 'normal' }) });
    const scale = fresh('scale');
    const p = root.param(scale, [w.n]);
    lines.push(`weight ${name}: [${w.text}, ${last(v.shape)}] ~ ${prior.text}${by}`, `param ${scale}: [${w.text}] = normal(1, 0.2)`);
    return onValue(v, `${v.text} @ ${name}.T * ${scale}`, withLast(v.shape, w.n), (t, x, r) => t.zip('mul', dense(t, x, r.weight(path)), r.param(p)));
  };
  const joined: Step = v => {
    const z = input(withLast(v.shape, whole(1, 4)));
    const both: Value = { text: `concat(${v.text}, ${z.text})`, shape: withLast(v.shape, last(v.shape) + last(z.shape)), of: r => r.tape.concat([v.of(r), z.of(r)], -1) };
    return linear(bind(both));
  };
  const embedded: Step = v => {
    const [classes, name, table] = [whole(2, 5), fresh('c'), fresh('table')];
    const n = last(v.shape);
    inputs.push({ name, shape: ['batch'], classes });
    const path = root.declare(table, [classes, n]);
    lines.push(`weight ${table}: [${classes}, ${n}]`);
    const around = v.shape.length === 3 ? (t: string): string => `reshape(${t}, (batch, 1, ${n}))` : (t: string): string => t;
    const hot = chance(0.4);
    return onValue(v, `${v.text} + ${around(hot ? `one_hot(${name}) @ ${table}` : `gather(${table}, ${name})`)}`, v.shape, (t, x, r) => {
      const rows = t.pick([r.weight(path)], [r.rows, n], p => [0, [r.classes(name)[p[0] ?? 0] ?? 0, p[1] ?? 0]]);
      return t.zip('add', x, v.shape.length === 3 ? t.reshape(rows, [r.rows, 1, n]) : rows);
    });
  };
  const arithmetic: readonly (readonly [(v: string) => string, (t: Tape, x: T) => T])[] = [
    [v => `${v} * sigmoid(-${v})`, (t, x) => t.zip('mul', x, t.map('sigmoid', t.map('neg', x)))],
    [v => `maximum(${v}, 0.3 * ${v} - 0.07)`, (t, x) => t.zip('max', x, t.zip('sub', t.zip('mul', t.scalar(0.3), x), t.scalar(0.07)))],
    [v => `minimum(${v}, 0.11) + ${v} ** 2`, (t, x) => t.zip('add', t.zip('min', x, t.scalar(0.11)), t.map('square', x))],
    [v => `where(${v} > 0.13, sin(${v}), 0.5 * ${v})`, (t, x) => choose(t, x, v => v > 0.13, t.map('sin', x), t.zip('mul', t.scalar(0.5), x))],
    [v => `clamp(${v}, -0.61, 0.83) - cos(${v})`, (t, x) => t.zip('sub', t.zip('min', t.zip('max', x, t.scalar(-0.61)), t.scalar(0.83)), t.map('cos', x))],
    [v => `${v} / (1 + square(${v}))`, (t, x) => t.zip('div', x, t.zip('add', t.scalar(1), t.map('square', x)))],
    [v => `sqrt(1 + ${v} * ${v}) - erf(${v})`, (t, x) => t.zip('sub', t.map('sqrt', t.zip('add', t.scalar(1), t.zip('mul', x, x))), t.map('erf', x))],
    [v => `log1p(exp(${v})) * exp(-abs(${v}))`, (t, x) => t.zip('mul', t.map('log1p', t.map('exp', x)), t.map('exp', t.map('neg', t.map('abs', x))))],
    [v => `${v} - mean(${v}, axis: -1, keep: true)`, (t, x) => t.zip('sub', x, t.mean(x, [-1], true))],
    [v => `${v} - 0.5 * logsumexp(${v}, axis: -1, keep: true)`, (t, x) => t.zip('sub', x, t.zip('mul', t.scalar(0.5), t.logSumExp(x, -1)))],
    [v => `softmax(${v}) + 0.1 * log_softmax(2 * ${v})`, (t, x) => { const y = t.zip('mul', t.scalar(2), x); return t.zip('add', t.softmax(x, -1), t.zip('mul', t.scalar(0.1), t.zip('sub', y, t.logSumExp(y, -1)))); }],
    [v => `${v} - 0.3 * max(${v}, axis: -1, keep: true)`, (t, x) => t.zip('sub', x, t.zip('mul', t.scalar(0.3), t.largest(x, -1)))],
    [v => `${v} + min(${v}, axis: -1, keep: true) ** 2`, (t, x) => t.zip('add', x, t.map('square', t.map('neg', t.largest(t.map('neg', x), -1))))],
    [v => `${v} + stop_gradient(${v} ** 2)`, (t, x) => t.zip('add', x, t.leaf(x.shape, x.data.map(q => q * q)))],
    [v => `pad(${v}, 1, 1, value: 0.5)`, (t, x) => { const edge = t.fill([...x.shape.slice(0, -1), 1], 0.5); return t.concat([edge, x, edge], -1); }],
    [v => `(1.5 + tanh(${v})) ** 1.5`, (t, x) => t.power(t.zip('add', t.scalar(1.5), t.map('tanh', x)), 1.5)],
  ];
  const formula: Step = v => { const [text, f] = pick(arithmetic); const y = onValue(v, text(v.text), v.shape, f); return text('').startsWith('pad') ? { ...y, shape: withLast(v.shape, last(v.shape) + 2) } : y; };
  const flat: Step = v => {
    const [, time = 1, n = 1] = v.shape.map(Number);
    const axis = (f: (t: Tape, x: T, r: Run) => T, text: string): Value => onValue(v, text, ['batch', n], f);
    return pick([
      () => onValue(v, `flatten(${v.text})`, ['batch', time * n], (t, x, r) => t.reshape(x, [r.rows, time * n])),
      () => axis((t, x) => t.mean(x, [1]), `mean(${v.text}, axis: 1)`), () => axis((t, x) => t.sum(x, [-2]), `sum(${v.text}, axis: -2)`),
      () => axis((t, x, r) => t.reshape(t.slice(x, 1, time - 1, 1), [r.rows, n]), `${v.text}[:, -1]`),
    ])();
  };
  const deep: Step = v => { const n = last(v.shape); const time = pick([1, 2, 3].filter(k => n % k === 0)); return onValue(v, `reshape(${v.text}, (batch, ${time}, ${n / time}))`, ['batch', time, n / time], (t, x, r) => t.reshape(x, [r.rows, time, n / time])); };

  let value = input(chance(0.4) ? ['batch', whole(1, 4), whole(1, 6)] : ['batch', whole(1, 9)]);
  const count = whole(2, 6);
  for (let k = 0; k < count; k++) {
    const own = layers.filter(l => l.rank === 'any' || l.rank === value.shape.length);
    const special = layers.filter(l => l.rank === value.shape.length);
    const step = pick<Step>([v => custom(v, pick(special)), v => custom(v, pick(own)), linear, v => activated(linear(v)), v => activated(linear(v)), v => custom(v, pick(own)), v => custom(v, pick(own)), shared, weighted, joined, embedded, formula, formula, ...(value.shape.length === 3 ? [flat] : last(value.shape) < 7 ? [deep] : [])]);
    value = bind(step(value));
    if (chance(0.3)) value = bind(activated(value));
  }
  if (value.shape.length === 3 && chance(0.8)) value = bind(flat(value));
  const before = value;

  // what is observed
  const target = (shape: Shape, extra: Partial<Port> = {}): string => { const name = fresh('y'); targets.push({ name, shape, ...extra }); return name; };
  const head = (): Value => bind(linear(before));
  const meanOf = (t: Tape, x: T): T => t.mean(x, x.shape.map((_, d) => d));
  /** The sum over all axes but the batch, averaged over the batch. */
  const perRow = (t: Tape, x: T, rows: number): T => t.zip('mul', t.sum(x, x.shape.map((_, d) => d)), t.scalar(1 / rows));
  const objective = (): void => {
    const p = head();
    const show = (text: string, of: Compute): void => { const name = fresh('q'); lines.push(`output ${name} = ${text}`); outputs.push({ name, of }); };
    const at = (r: Run, x: T, y: string): T => r.tape.pick([x], x.shape.slice(0, -1), q => [0, [...q, classAt(r, y, q, x.shape.slice(0, -1))]]);
    const nll = (r: Run, y: string): T => r.tape.map('neg', at(r, r.tape.zip('sub', p.of(r), r.tape.logSumExp(p.of(r), -1)), y));
    const kinds = ['mse', 'mae', 'normal', 'predicted', 'learned', 'bernoulli', ...(last(p.shape) > 1 ? ['categorical', 'cross_entropy'] : [])];
    const kind = pick(kinds);
    if (kind === 'mse' || kind === 'mae') {
      const y = target(p.shape);
      lines.push(`loss ${kind}(${p.text}, ${y})`);
      losses.push(r => meanOf(r.tape, r.tape.map(kind === 'mse' ? 'square' : 'abs', r.tape.zip('sub', p.of(r), r.input(y)))));
    } else if (kind === 'bernoulli') {
      const y = target(p.shape, { binary: true });
      lines.push(`observe ${y} ~ bernoulli(logits: ${p.text})`);
      losses.push(r => perRow(r.tape, r.tape.zip('sub', r.tape.map('softplus', p.of(r)), r.tape.zip('mul', r.input(y), p.of(r))), r.rows));
    } else if (kind === 'categorical' || kind === 'cross_entropy') {
      const y = target(p.shape.slice(0, -1), { classes: last(p.shape) });
      lines.push(kind === 'categorical' ? `observe ${y} ~ categorical(logits: ${p.text})` : `loss cross_entropy(${p.text}, ${y})`);
      losses.push(r => (kind === 'categorical' ? perRow(r.tape, nll(r, y), r.rows) : meanOf(r.tape, nll(r, y))));
      show(`softmax(${p.text})`, r => r.tape.softmax(p.of(r), -1));
    } else {
      const y = target(p.shape);
      let sd: Value = { text: '0.7', shape: [], of: constant(0.7) };
      if (kind === 'predicted') { const n = chance(0.5) ? 1 : last(p.shape); const s = bind(linear(before, { text: String(n), n })); sd = bind(onValue(s, `0.2 + softplus(${s.text})`, s.shape, (t, x) => t.zip('add', t.scalar(0.2), t.map('softplus', x)))); }
      if (kind === 'learned') { const name = fresh('noise'); const path = root.param(name, [last(p.shape)]); lines.push(`param ${name}: [${last(p.shape)}] = 0.2`); sd = { text: `softplus(${name})`, shape: [], of: r => r.tape.map('softplus', r.param(path)) }; }
      lines.push(`observe ${y} ~ normal(${p.text}, ${sd.text})`);
      losses.push(r => perRow(r.tape, r.tape.map('neg', logNormal(r.tape, r.input(y), p.of(r), sd.of(r))), r.rows));
    }
    show(p.text, p.of);
  };
  objective();
  if (chance(0.2)) objective();
  if (chance(0.2)) { lines.push(`loss 0.01 * mean(square(${before.text}))`); losses.push(r => r.tape.zip('mul', r.tape.scalar(0.01), meanOf(r.tape, r.tape.map('square', before.of(r))))); }

  const ports = [...inputs.map(p => `input ${portText(p)}`), ...targets.map(p => `target ${portText(p)}`)];
  // some fit only what the arguments are set to
  const wrong = sizes.length > 0 && chance(0.5);
  const header = sizes.length === 0 ? '' : `(${sizes.map(s => `${s.name}: int = ${wrong ? s.value + 1 : s.value}`).join(', ')})`;
  const text = [
    ...layerTexts.values(), `model M${header} {`, ...[...ports, ...settingLines, ...lines].map(l => `  ${l}`), '}', '',
  ].join('\n');
  const set = wrong ? Object.fromEntries(sizes.map(s => [`M.${s.name}`, s.value])) : {};
  return { text, set, inputs, targets, weights, params, statements, outputs, losses };
}

const portText = (p: Port): string => `${p.name}: ${p.classes === undefined ? '' : `class(${p.classes})`}[${p.shape.join(', ')}]`;
/** The class of a target at a place of all but the class axis. */
const classAt = (r: Run, name: string, place: readonly number[], shape: readonly number[]): number => r.classes(name)[place.reduce((s, k, d) => s * (shape[d] ?? 1) + k, 0)] ?? 0;
/** a where the condition holds, else b. */
const choose = (t: Tape, x: T, condition: (v: number) => boolean, a: T, b: T): T => t.pick([a, b], x.shape, p => [condition(x.data[p.reduce((s, k, d) => s * (x.shape[d] ?? 1) + k, 0)] ?? 0) ? 0 : 1, p]);

/** Values for all inputs and targets. */
export function dataFor(m: RandomModel, rows: number, seed: number): Record<string, Float32Array | Uint32Array> {
  const next = uniform(seed);
  return Object.fromEntries([...m.inputs, ...m.targets].map((p): readonly [string, Float32Array | Uint32Array] => {
    const length = sized(p.shape, rows).reduce((a, b) => a * b, 1);
    const { classes } = p;
    if (classes !== undefined) return [p.name, Uint32Array.from({ length }, () => Math.floor(next() * classes))];
    return [p.name, Float32Array.from({ length }, () => (p.binary ? Number(next() < 0.5) : 2.6 * next() - 1.3))];
  }));
}
