/**
 * BLiTZ's layers in double precision, with the noise they used: the library's layers give the same numbers when that noise is
 * put in the place of their own, and where they differ on purpose, the test says how.
 */
import test from 'ava';
import { at, close, predicted, read, records, trained } from './numbers.ts';
import type { Case } from './numbers.ts';

/** A weight's parts and noise under our names. */
const weight = (path: string, c: Case, [mu, rho, eps]: readonly [string, string, string]): Record<string, readonly number[]> => ({ [`${path}.mu`]: at(c, mu), [`${path}.rho`]: at(c, rho), [`eps:${path}`]: at(c, eps) });
const dense = (c: Case, path: string): Record<string, readonly number[]> => ({ ...weight(`${path}.w`, c, ['weight_mu', 'weight_rho', 'eps_w']), ...weight(`${path}.b`, c, ['bias_mu', 'bias_rho', 'eps_b']) });
const softplus = (x: number): number => Math.log1p(Math.exp(x));

for (const [k, c] of records(read('c06_conv_forward'), 'results').entries()) {
  const options = c['options'] as unknown as Readonly<Record<string, number | readonly number[]>>; // a record in this case
  const setting = (name: string): string => { const v = options[name] ?? 0; return typeof v === 'number' ? String(v) : `(${v.join(', ')})`; };
  const layer = String(c['layer']).toLowerCase();
  test(`c06: ${layer}, case ${k}, forwards and backwards`, t => {
    const x = c['x'] as unknown as { readonly length: number }; // nested arrays
    const shape: number[] = [];
    for (let v: unknown = x; Array.isArray(v); v = v[0]) shape.push(v.length);
    const text = `model M { input x: [batch, ${shape.slice(1).join(', ')}] y = x |> ${layer}(${setting('out_channels')}, kernel: ${setting('kernel_size')}, stride: ${setting('stride')}, padding: ${setting('padding')}, dilation: ${setting('dilation')}, groups: ${setting('groups')}) as l output y loss sum(square(y)) }`;
    const given = { arrays: { ...dense(c, 'l'), 'input:x': at(c, 'x') }, rows: 1 };
    const now = trained(text, given);
    t.true(close(at(c, 'y_sampled'), now.get('output:y')));
    t.true(close(at(c, 'grad_sum_y2_dweight_mu'), now.get('gradient:l.w.mu')));
    t.true(close(at(c, 'grad_sum_y2_dweight_rho'), now.get('gradient:l.w.rho')));
    t.true(close(at(c, 'y_frozen'), predicted(text, { ...given, live: 0 }).get('output:y')));
  });
}

/** Columns of a row-major matrix, by blocks of `size`. */
const columns = (all: readonly number[], total: number, size: number, blocks: readonly number[]): number[] =>
  all.flatMap((_, i) => (i % total === 0 ? blocks.flatMap(b => all.slice(i + b * size, i + (b + 1) * size)) : []));

test('c08: a GRU is BLiTZ\'s without the columns that never reach its output', t => {
  const c = read('c08_gru_forward');
  const arrays: Record<string, readonly number[]> = { 'input:x': at(c, 'x') };
  // of BLiTZ's four blocks the input has r, z, n and the hidden state r, z, (nothing), n; its one bias serves n twice
  for (const [path, theirs, noise, blocks] of [['l.wi', 'weight_ih', 'eps_ih', [0, 1, 2]], ['l.wh', 'weight_hh', 'eps_hh', [0, 1, 3]], ['l.bi', 'bias', 'eps_b', [0, 1, 2]], ['l.bh', 'bias', 'eps_b', [3]]] as const)
    for (const [name, from] of [[`${path}.mu`, `${theirs}_mu`], [`${path}.rho`, `${theirs}_rho`], [`eps:${path}`, noise]] as const) arrays[name] = columns(at(c, from), 12, 3, blocks);
  for (const result of records(c, 'results')) {
    const first = at(result, 'initial_h').filter(Number.isFinite); // null where there is none
    const text = `model M { input x: [batch, 4, 2] ${first.length > 0 ? 'input h0: [batch, 3]' : ''} y = x |> gru(3${first.length > 0 ? ', h0: h0' : ''}) as l output y output h = y.h }`;
    for (const [name, live] of [['sampled', 1], ['frozen', 0]] as const) {
      const now = predicted(text, { arrays: { ...arrays, 'input:h0': first }, rows: 2, live });
      const want = result[name] as unknown as Case; // a record in this case
      for (const output of ['y', 'h']) t.true(close(at(want, output), now.get(`output:${output}`)), `${output}, ${name}, ${first.length} first`);
    }
  }
});

test('c09: BLiTZ\'s peephole LSTM, as its sampled path computes it, and repaired', t => {
  const c = read('c09_peephole');
  const arrays = { 'input:x': at(c, 'x'), 'l.wi.mu': at(c, 'weight_ih_mu'), 'l.wh.mu': at(c, 'weight_hh_mu'), 'l.b.mu': at(c, 'bias_mu') };
  const text = (repaired: boolean): string => `model M { input x: [batch, 3, 2] y = x |> blitz_peephole_lstm(3, repaired: ${String(repaired)}) as l output y output c = y.c }`;
  const [sampled, frozen] = [records(c, 'blitz_sampled_eps0')[0], records(c, 'blitz_frozen')[0]];
  const now = predicted(text(false), { arrays, rows: 1, live: 0 });
  t.true(close(at(sampled, 'y'), now.get('output:y')));
  t.true(close(at(sampled, 'c'), now.get('output:c')));
  t.false(close(at(frozen, 'y'), now.get('output:y')), 'BLiTZ computes something else when it is frozen');
  t.true(close(at(c, 'repaired_y'), predicted(text(true), { arrays, rows: 1, live: 0 }).get('output:y')));
});

test('c17: rows of a table, their gradients, and its divergence; the row of `padding` is zeros', t => {
  const c = read('c17_embedding');
  const text = 'model M { input i: class(5)[batch, 3] prior normal(0, 0.1) y = i |> embedding(2, padding: 0) as e output y loss sum(square(y)) }';
  const given = { arrays: { ...weight('e.w', c, ['weight_mu', 'weight_rho', 'eps_w']), 'input:i': at(c, 'indices') }, rows: 2 };
  const zeroed = (name: string): number[] => at(c, name).map((v, k) => (at(c, 'indices')[Math.floor(k / 2)] === 0 ? 0 : v));
  const now = trained(text, given);
  t.true(close(zeroed('y_sampled'), now.get('output:y')));
  t.true(close(at(c, 'grad_mu'), now.get('gradient:e.w.mu')));
  t.true(close(at(c, 'grad_rho'), now.get('gradient:e.w.rho')));
  t.true(close(at(c, 'closed_form_kl_prior_0.1'), now.get('complexity')));
  t.true(close(zeroed('y_frozen'), predicted(text, { ...given, live: 0 }).get('output:y')));
  t.true(close(at(c, 'y_sampled'), trained(text.replace(', padding: 0', ''), given).get('output:y')), 'without padding all rows are BLiTZ\'s');
});

test('c12: flipout with given signs is equation 4 of Wen et al., without and with a drawn bias', t => {
  const c = read('c12_flipout');
  const text = 'model M { estimator flipout input x: [batch, 3] y = x |> linear(2) as l output y loss sum(square(y)) }';
  // signs come from a uniform number, below a half for -1
  const signs = (name: string): number[] => at(c, name).map(s => (s < 0 ? 0.25 : 0.75));
  const arrays = { ...dense(c, 'l'), 'input:x': at(c, 'x'), 'eps:l.w signs 1': signs('S'), 'eps:l.w signs 0': signs('R'), 'eps:l.b signs 0': signs('R') };
  t.true(close(at(c, 'y_flipout'), trained(text, { arrays: { ...arrays, 'eps:l.b': [0, 0] }, rows: 4 }).get('output:y')));
  t.true(close(at(c, 'y_flipout_bias_noise'), trained(text, { arrays, rows: 4 }).get('output:y')));
});

test('c13: local reparameterization, forwards and backwards', t => {
  const c = read('c13_local_reparam');
  const text = 'model M { estimator local input x: [batch, 3] y = x |> linear(2) as l output y loss sum(square(y)) }';
  // the case draws weights and bias as one; the part of each in that draw is what gives the same value and gradients
  const [z, v, sigma] = [at(c, 'z'), at(c, 'var'), at(c, 'bias_rho').map(softplus)];
  const share = (variance: (i: number) => number): number[] => z.map((value, i) => value * Math.sqrt(variance(i) / (v[i] ?? NaN)));
  const ofBias = (i: number): number => (sigma[i % 2] ?? NaN) ** 2;
  const arrays = { ...dense(c, 'l'), 'input:x': at(c, 'x'), 'eps:l.w local1': share(i => (v[i] ?? NaN) - ofBias(i)), 'eps:l.b local1': share(ofBias) };
  const now = trained(text, { arrays, rows: 4 });
  t.true(close(at(c, 'y'), now.get('output:y'), 1e-9));
  for (const [name, path] of [['weight_mu', 'l.w.mu'], ['weight_rho', 'l.w.rho'], ['bias_mu', 'l.b.mu'], ['bias_rho', 'l.b.rho']] as const) t.true(close(at(c, `grad_${name}`), now.get(`gradient:${path}`), 1e-9), name); // 1e-12 stands below the root, beside variances of 5e-3
  t.true(close(at(c, 'mean'), trained(text, { arrays, rows: 4, live: 0 }).get('output:y')));
});
