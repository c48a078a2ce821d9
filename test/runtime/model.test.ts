/**
 * A compiled model as an app uses it: what it computes is checked by a program of its own, written out here in double
 * precision; seeds, checkpoints and chunks to the bit; and everything that can be given wrongly.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import type { OpenBackend } from '../../runtime/backend.ts';
import { BnncError } from '../../runtime/errors.ts';
import { blundell, permutation } from '../../runtime/fit.ts';
import { open as openWasm } from '../../runtime/wasm.ts';
import { difference, numbers } from '../support/graphs.ts';
import { moduleOf } from '../support/modules.ts';

const text = `model Net {
  input  x: [batch, 5]
  target y: [batch, 2]
  p = x |> linear(7) |> tanh |> linear(2)
  output p
  loss mse(p, y)
}`;
const Net = moduleOf(text);
const rows = 23;
const x = Float32Array.from(numbers(rows * 5, 0.7)), y = Float32Array.from(numbers(rows * 2, 1.3));
const data = { x, y };
const bits = (b: { readonly buffer: ArrayBufferLike; readonly byteOffset: number; readonly byteLength: number }): string => Buffer.from(b.buffer, b.byteOffset, b.byteLength).toString('base64');
const at = (a: ArrayLike<number> | undefined, i: number): number => a?.[i] ?? NaN;

/** The network by hand: outputs, and mean squared error. */
function byHand(w: Readonly<Record<string, { readonly data: ArrayLike<number> }>>): { readonly p: Float64Array; readonly loss: number } {
  const p = new Float64Array(rows * 2);
  for (let b = 0; b < rows; b++) {
    const h = Array.from({ length: 7 }, (_, j) => { let s = at(w['linear1.b']?.data, j); for (let k = 0; k < 5; k++) s += (x[b * 5 + k] ?? 0) * at(w['linear1.w']?.data, j * 5 + k); return Math.tanh(s); });
    for (let o = 0; o < 2; o++) p[b * 2 + o] = h.reduce((s, v, j) => s + v * at(w['linear2.w']?.data, o * 7 + j), at(w['linear2.b']?.data, o));
  }
  return { p, loss: p.reduce((s, v, i) => s + (v - (y[i] ?? 0)) ** 2, 0) / p.length };
}
/** KL(N(mu, sigma²) ‖ N(0, 0.1²)) summed. */
const klByHand = (p: Readonly<Record<string, { readonly data: ArrayLike<number> }>>): number => ['linear1.w', 'linear1.b', 'linear2.w', 'linear2.b'].reduce((sum, path) => {
  const [mu, rho] = [p[`${path}.mu`]?.data, p[`${path}.rho`]?.data];
  for (let i = 0; i < (mu?.length ?? 0); i++) { const s = Math.log1p(Math.exp(at(rho, i))); sum += Math.log(0.1 / s) + (s * s + at(mu, i) ** 2) / 0.02 - 0.5; }
  return sum;
}, 0);

test('an outside program with the drawn weights gets the same outputs, loss and divergence', async t => {
  const m = await Net.create({ seed: 11 });
  for (let k = 0; k < 5; k++) await m.step(data, { klWeight: 0.01, samples: 2 });
  const draws = await Promise.all([0, 1, 2].map(sample => m.drawWeights({ seed: 5, sample })));
  const { p } = await m.predict({ x }, { samples: 3, seed: 5 });
  const hand = draws.map(w => byHand(w));
  hand.forEach((h, s) => { t.true(difference(h.p, p?.draws.data.subarray(s * rows * 2, (s + 1) * rows * 2) ?? []) < 1e-5); });
  const e = await m.sampleElbo(data, { klWeight: 0.25, samples: 3, seed: 5 });
  const likelihood = hand.reduce((s, h) => s + h.loss, 0) / 3;
  const kl = klByHand(await m.parameters());
  t.true(Math.abs(e.likelihood - likelihood) < 1e-5 * likelihood);
  t.true(Math.abs(e.complexity - kl) < 1e-4 * kl);
  t.true(Math.abs(e.loss - (likelihood + 0.25 * kl)) < 1e-4 * e.loss);
  t.true(Math.abs(await m.klDivergence() - kl) < 1e-4 * kl);
});

test('gradients are those of the loss by finite differences', async t => {
  const m = await Net.create({ seed: 3 });
  const options = { klWeight: 0.05, samples: 2, seed: 9 };
  const gradients = await m.gradients(data, options);
  const parameters = await m.parameters();
  for (const path of ['linear1.w.mu', 'linear1.w.rho', 'linear2.b.mu', 'linear2.b.rho']) {
    const start = Float64Array.from(parameters[path]?.data ?? []);
    const scale = Math.max(...(gradients[path]?.data ?? []).map(Math.abs));
    for (const i of [0, start.length - 1]) {
      const h = 0.03;
      const loss = async (d: number): Promise<number> => { await m.setParameters({ [path]: start.with(i, (start[i] ?? 0) + d) }); return (await m.sampleElbo(data, options)).loss; };
      const numeric = ((await loss(h)) - (await loss(-h))) / (2 * h);
      t.true(Math.abs(numeric - at(gradients[path]?.data, i)) < 0.02 * scale, `${path}[${i}]: ${numeric} and ${at(gradients[path]?.data, i)}`);
    }
    await m.setParameters({ [path]: start });
  }
});

test('one seed gives the same bits: remainders, predictions in between, a save in the middle', async t => {
  const options = { batchSize: 7, samples: 2, optimizer: { kind: 'adam', learningRate: 0.01 }, klWeight: 'blundell' } as const;
  const once = await Net.create({ seed: 42 });
  await once.fit(data, { ...options, epochs: 7 });
  const again = await Net.create({ seed: 42 });
  await again.fit(data, { ...options, epochs: 3, onEpoch: async () => { await again.predict({ x }, { samples: 5 }); } });
  const restored = await Net.load(await again.save());
  await restored.fit(data, { ...options, epochs: 4 });
  const [a, b] = [await once.parameters(), await restored.parameters()];
  for (const path of Object.keys(a)) t.is(bits(a[path]?.data ?? new Float32Array()), bits(b[path]?.data ?? new Float32Array()), path);
  const other = await Net.create({ seed: 43 });
  t.not(bits((await other.parameters())['linear1.w.mu']?.data ?? new Float32Array()), bits((await (await Net.create({ seed: 42 })).parameters())['linear1.w.mu']?.data ?? new Float32Array()));
});

test('chunks change nothing: a prediction of many rows is that of its parts', async t => {
  const m = await Net.create({ seed: 1 });
  const many = Float32Array.from(numbers(600 * 5, 0.3));
  const whole = await m.predict({ x: many }, { samples: 40, seed: 8 });
  const part = await m.predict({ x: many.subarray(0, 5 * 5) }, { samples: 3, seed: 8 });
  for (let s = 0; s < 3; s++) t.is(bits(whole['p']?.draws.data.slice(s * 1200, s * 1200 + 10) ?? new Float32Array()), bits(part['p']?.draws.data.slice(s * 10, s * 10 + 10) ?? new Float32Array()));
});

test('frozen: one draw, no complexity, rho stands still, means train', async t => {
  const m = await Net.create({ seed: 2 });
  m.freeze();
  const before = await m.parameters();
  const e = await m.step(data, { klWeight: 1, samples: 3 });
  t.is(e.complexity, 0);
  const after = await m.parameters();
  t.is(bits(before['linear1.w.rho']?.data ?? new Float32Array()), bits(after['linear1.w.rho']?.data ?? new Float32Array()));
  t.not(bits(before['linear1.w.mu']?.data ?? new Float32Array()), bits(after['linear1.w.mu']?.data ?? new Float32Array()));
  const { p } = await m.predict({ x });
  t.deepEqual([p?.draws.shape[0], Math.max(...(p?.std.data ?? [1]))], [1, 0]);
  m.unfreeze();
  t.true((await m.sampleElbo(data, { klWeight: 1 })).complexity > 0);
});

test('training makes the loss small, with both optimizers', async t => {
  for (const optimizer of [{ kind: 'adam', learningRate: 0.02 }, { kind: 'sgd', learningRate: 0.3, momentum: 0.9 }] as const) {
    const m = await Net.create({ seed: 6 });
    const history = await m.fit(data, { epochs: 400, batchSize: 23, optimizer, klWeight: 0 });
    t.true((history.at(-1)?.likelihood ?? 9) < 0.8 * (history[0]?.likelihood ?? 0), `${optimizer.kind}: ${history[0]?.likelihood} to ${history.at(-1)?.likelihood}`);
  }
});

// ── what is given wrongly ─────────────────────────────────────────────────────────────────────

test('each mistake has a clear error, and nothing changes', async t => {
  const m = await Net.create({ seed: 4 });
  await m.step(data, { klWeight: 0.01 });
  const before = bits(await m.save());
  const nan = x.with(3, NaN);
  const good = { epochs: 1, klWeight: 0.01 };
  const saved = await m.save();
  const cases: readonly (readonly [() => Promise<unknown>, string, RegExp])[] = [
    [() => m.fit({ x }, good), 'Name', /'y' is missing: it is a tensor \[batch, 2\]/],
    [() => m.fit({ ...data, z: y }, good), 'Name', /no input or target 'z'/],
    [() => m.fit({ x: x.subarray(1), y }, good), 'Shape', /'x' is \[batch, 5\], a multiple of 5 values, and this has 114/],
    [() => m.fit({ x: [[1, 2], [3, 4]], y: [[1, 2]] }, good), 'Shape', /'x' is \[batch, 5\], and this is \[2, 2\]/],
    [() => m.fit({ x: [[1, 2, 3, 4, 5], [1, 2]], y: [[1, 2]] }, good), 'Shape', /'x' is ragged/],
    [() => m.fit({ x: x.subarray(0, 50), y }, good), 'Shape', /'x' has 10 rows and 'y' has 23/],
    [() => m.fit({ x: nan, y }, good), 'Value', /'x' has NaN at 3 \(row 0\)/],
    [() => m.fit({ x: x.with(0, Infinity), y }, good), 'Value', /'x' has Infinity at 0/],
    [() => m.fit({ x: new Float32Array(), y: new Float32Array() }, good), 'Value', /'x' is empty/],
    [() => m.fit(data, { ...good, epochs: 1.5 }), 'Option', /'epochs' is a whole number/],
    [() => m.fit(data, { ...good, klWeight: NaN }), 'Option', /'klWeight' is a finite number/],
    [() => m.step(data, { klWeight: 1, samples: 0 }), 'Option', /'samples' is a whole number of at least 1/],
    // what types find, JavaScript would ignore
    [() => m.step(data, { klWeight: 1, n_samples: 3 } as never), 'Option', /there is no option 'n_samples': .*samples/],
    [() => m.step(data, { klWeight: 1, optimizer: { kind: 'adam', lr: 0.1 } as never }), 'Option', /there is no option 'lr': .*learningRate/],
    [() => m.fit(data, { ...good, batch_size: 4 } as never), 'Option', /there is no option 'batch_size'/],
    [() => m.predict({ x }, { draws: 3 } as never), 'Option', /there is no option 'draws'/],
    [() => m.gradients(data, { klWeight: 1, sample: 3 } as never), 'Option', /there is no option 'sample'/],
    [() => m.fit(data, undefined as never), 'Option', /'epochs' is a whole number/],
    [() => m.predict({ x }, { seed: -1 }), 'Option', /'seed' is a whole number/],
    [() => m.setParameters({ 'linear1.w': [1] }), 'Name', /no parameter 'linear1.w'/],
    [() => m.setParameters({ 'linear1.b.mu': [1] }), 'Shape', /'linear1.b.mu' is \[7\], 7 values, and this is 1/],
    [() => m.setParameters({ 'linear2.b.mu': [1, NaN] }), 'Value', /'linear2.b.mu' has NaN at 1/],
    [() => Net.create({ backend: 'webgl' as 'wasm' }), 'Backend', /no backend 'webgl': it was compiled for wasm/],
    [() => Net.load(saved.subarray(0, saved.length - 9)), 'Checkpoint', /cut short/],
    [() => Net.load(saved.subarray(0, 40)), 'Checkpoint', /cut short in its header/],
    [() => Net.load(new Uint8Array(100)), 'Checkpoint', /does not begin like a safetensors file/],
    [async () => moduleOf('model Other { input x: [batch, 5] target y: [batch, 2] p = x |> linear(2) output p loss mse(p, y) }').load(saved), 'Checkpoint', /of another model: 'Net'/],
  ];
  for (const [call, code, says] of cases) {
    const e = await t.throwsAsync(call, { instanceOf: BnncError }, String(says));
    t.is(e.code, code as typeof e.code, String(says)); // one of the codes
    t.regex(e.message, says);
  }
  t.is(bits(await m.save()), before);
});

test('a loss that is not finite stops, and the last good state stays', async t => {
  const m = await Net.create({ seed: 4 });
  await m.fit(data, { epochs: 2, klWeight: 0.01 });
  const before = bits((await m.parameters())['linear1.w.mu']?.data ?? new Float32Array());
  const e = await t.throwsAsync(m.fit(data, { epochs: 5, klWeight: 0.01, optimizer: { kind: 'sgd', learningRate: 1e30 } }), { instanceOf: BnncError });
  t.is(e.code, 'Diverged');
  t.regex(e.message, /is not finite at step \d+, in epoch \d of this fit/);
  const after = await m.parameters();
  t.true(Object.values(after).every(p => p.data.every(Number.isFinite)));
  t.is(bits(after['linear1.w.mu']?.data ?? new Float32Array()), before);
  // the optimizer is the one before as well: what diverged is not tried again unasked
  for (let i = 0; i < 3; i++) t.true(Number.isFinite((await m.step(data, { klWeight: 0.01 })).loss));
  t.true(Object.values(await m.parameters()).every(p => p.data.every(v => Math.abs(v) < 1e3)));
  await m.fit(data, { epochs: 1, klWeight: 0.01, optimizer: { kind: 'adam' } });
});

test('a finite loss with a gradient that is none is said before anybody sees its parameters, and undone', async t => {
  const Root = moduleOf('model Root { posterior point input x: [batch, 2] target y: [batch, 1] param w: [2, 1] = 0.0 p = x @ w output p loss sqrt(mean(square(p - y))) }');
  const given = { x: Float32Array.of(1, 2, 3, 4), y: Float32Array.of(0, 0) };
  const m = await Root.create({ seed: 1 });
  const calls: (() => Promise<unknown>)[] = [() => m.parameters(), () => m.predict({ x: given.x }, { samples: 1 }), () => m.save(), () => m.sampleElbo(given, { klWeight: 0 })];
  for (const call of calls) {
    t.is((await m.step(given, { klWeight: 0 })).loss, 0);
    const e = await t.throwsAsync(call(), { instanceOf: BnncError });
    t.is(e.code, 'Diverged');
    t.regex(e.message, /'w' is not finite at step 1;/);
    t.deepEqual([...(await m.parameters())['w']?.data ?? []], [0, 0]);
  }
  t.is((await t.throwsAsync(m.fit(given, { epochs: 1, klWeight: 0 }), { instanceOf: BnncError })).code, 'Diverged');
  t.deepEqual([...(await m.predict({ x: given.x }, { samples: 1 }))['p']?.mean.data ?? []], [0, 0]);
});
test('a call without its options says what it needs', async t => {
  const m = await Net.create({ seed: 1 });
  const bare = m as unknown as Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>; // as JavaScript calls it
  for (const name of ['step', 'sampleElbo', 'gradients']) t.regex((await t.throwsAsync(bare[name]?.(data) ?? Promise.resolve(), { instanceOf: BnncError })).message, /'klWeight' is a finite number/);
  t.regex((await t.throwsAsync(bare['drawWeights']?.() ?? Promise.resolve(), { instanceOf: BnncError })).message, /'seed' is a whole number/);
  t.regex((await t.throwsAsync(m.step(data, { klWeight: 0, optimizer: { kind: 'adam', beta1: 1 } }), { instanceOf: BnncError })).message, /'correction1' is a finite number/);
});

test('one fit at a time; what reads runs in between, what changes is refused', async t => {
  const m = await Net.create({ seed: 5 });
  const running = m.fit(data, { epochs: 30, klWeight: 0.01, onEpoch: async e => { if (e.epoch === 3) t.is((await m.predict({ x }, { samples: 2 }))['p']?.mean.shape[0], rows); } });
  t.is((await t.throwsAsync(m.fit(data, { epochs: 1 }), { instanceOf: BnncError })).code, 'Busy');
  t.is((await t.throwsAsync(m.step(data, { klWeight: 1 }), { instanceOf: BnncError })).code, 'Busy');
  t.throws(() => { m.freeze(); }, { instanceOf: BnncError });
  t.is((await running).length, 30);
  const stop = new AbortController();
  const aborted = m.fit(data, { epochs: 1000, klWeight: 0.01, signal: stop.signal, onEpoch: e => { if (e.epoch === 2) stop.abort(new Error('enough')); } });
  const reason = await t.throwsAsync(aborted, { message: 'enough' });
  t.is((reason as Error & { history?: readonly unknown[] }).history?.length, 3);
});

test('dispose twice is once; use after it says so', async t => {
  const m = await Net.create();
  m.dispose();
  m.dispose();
  t.is((await t.throwsAsync(m.predict({ x }), { instanceOf: BnncError })).code, 'Disposed');
  t.is((await t.throwsAsync(async () => m.save(), { instanceOf: BnncError })).code, 'Disposed');
});

test('shuffles are permutations, Blundell weights sum to one', t => {
  const p = permutation(100, 7, 2);
  t.deepEqual([...p].sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i));
  t.notDeepEqual([...p], [...permutation(100, 7, 3)]);
  t.true(Math.abs(Array.from({ length: 30 }, (_, i) => blundell(i + 1, 30)).reduce((a, b) => a + b) - 1) < 1e-12);
  t.true(Number.isFinite(blundell(1, 5000)));
});

// the collector is made callable: what is left after it is what is kept
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void; // exposed in the line before

test('memory stays where it is over 20,000 steps', async t => {
  const m = await Net.create({ seed: 8 });
  const small = { x: x.subarray(0, 40), y: y.subarray(0, 16) };
  const heap = async (n: number): Promise<number> => { for (let i = 0; i < n; i++) await m.step(small, { klWeight: 0.01 }); collect(); return process.memoryUsage().heapUsed; };
  await heap(5000);
  const [a, b] = [await heap(1000), await heap(14_000)];
  t.true(b - a < 1e6, `${b - a} bytes more after 14,000 steps`);
});

test('after a call for which there was no memory, the model is as it was', async t => {
  const full: OpenBackend = async (...given) => {
    const backend = await openWasm(...given);
    const reserve = backend.reserve.bind(backend);
    return Object.assign(backend, { reserve: (rows: number, samples: number): void => { if (rows > 1000) throw new Error('no memory'); reserve(rows, samples); } });
  };
  const Small = moduleOf(text, wasm, full);
  const [healthy, tried] = [await Small.create({ seed: 3, threads: 1 }), await Small.create({ seed: 3, threads: 1 })];
  await t.throwsAsync(tried.step({ x: new Float32Array(5 * 2000), y: new Float32Array(2 * 2000) }, { klWeight: 1 }), { message: 'no memory' });
  const [a, b] = [await healthy.predict({ x }, { samples: 7, seed: 1 }), await tried.predict({ x }, { samples: 7, seed: 1 })];
  t.is(bits(b['p']?.draws.data ?? new Float32Array()), bits(a['p']?.draws.data ?? new Float32Array([1])));
});
