/**
 * Numbers from elsewhere (BLiTZ and PyTorch in double precision, with the noise they used): the whole front half of the
 * compiler, from text to gradients, gives them when that noise is put in the place of its own.
 */
import test from 'ava';
import { builder } from '../../compiler/3-graph/build.ts';
import { evaluate } from '../../compiler/3-graph/evaluate.ts';
import type { Plain } from '../../compiler/3-graph/graph.ts';
import { differentiate } from '../../compiler/4-diff/differentiate.ts';
import { families } from '../../compiler/families/families.ts';
import { given, variable } from '../support/graphs.ts';
import { at, close, predicted, read, records, trained } from './numbers.ts';
import type { Case } from './numbers.ts';

test('c05: a dense layer forwards and backwards, with the exact divergence', t => {
  const c = read('c05_linear_forward_backward');
  const text = 'model M { input x: [batch, 3] target y: [batch, 2] p = x |> linear(2) output p loss mse(p, y) }';
  const arrays = {
    'linear1.w.mu': at(c, 'weight_mu'), 'linear1.w.rho': at(c, 'weight_rho'), 'linear1.b.mu': at(c, 'bias_mu'), 'linear1.b.rho': at(c, 'bias_rho'),
    'eps:linear1.w': at(c, 'eps_w'), 'eps:linear1.b': at(c, 'eps_b'), 'input:x': at(c, 'x'), 'target:y': at(c, 'target'),
  };
  t.true(close(at(c, 'y'), predicted(text, { arrays, rows: 4 }).get('output:p')));
  for (const [name, klWeight] of [['grad_mse', 0], ['grad_closed', 1 / 379]] as const) {
    const now = trained(text, { arrays, rows: 4, klWeight });
    const want = records(c, name)[0];
    t.true(close(at(c, 'mse'), now.get('likelihood')));
    t.true(close(at(c, 'closed_form_kl'), now.get('complexity')));
    if (klWeight > 0) t.true(close(at(c, 'loss_closed'), now.get('loss')));
    for (const [key, path] of [['dweight_mu', 'linear1.w.mu'], ['dweight_rho', 'linear1.w.rho'], ['dbias_mu', 'linear1.b.mu'], ['dbias_rho', 'linear1.b.rho']] as const) t.true(close(at(want, key), now.get(`gradient:${path}`)), `${name} ${key}`);
  }
});

test('c04: the scale mixture prior and its gradient, far out where a floor would have none', t => {
  const c = read('c04_scale_mixture_prior');
  const w = at(c, 'w');
  for (const r of records(c, 'results')) {
    const b = builder<Plain>();
    const x = variable(b, 'w', [w.length]);
    const fill = (name: string): ReturnType<typeof b.fill> => b.fill(at(r, name)[0] ?? NaN, [w.length]);
    const density = families.scale_mixture.logDensity(b, x, { pi: fill('pi'), sigma1: fill('sigma1'), sigma2: fill('sigma2') });
    const graph = differentiate(b.graph(new Map([['p', density], ['loss', b.reduce('add', density, [0])]])), 'loss', ['w']);
    const out = evaluate(graph, given(graph, { arrays: { w } }));
    t.true(close(at(r, 'log_p'), out.get('p')));
    t.true(close(at(r, 'dlogp_dw'), out.get('gradient:w')));
  }
});

test('c07: a recurrent layer written in the language is an LSTM', t => {
  const c = read('c07_lstm_forward');
  const text = `
    layer lstm(x: [batch, time, n], hidden: int) -> [batch, time, hidden] {
      weight wi: [n, 4 * hidden]
      weight wh: [hidden, 4 * hidden]
      weight b:  [4 * hidden]
      steps = scan xt over x axis 1 with h = zeros[batch, hidden], c = zeros[batch, hidden] {
        i, f, g, o = split(xt @ wi + h @ wh + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        yield h
      }
      return steps with h: steps.h, c: steps.c
    }
    model M { input x: [batch, 4, 2] y = x |> lstm(3) as l output y output h = y.h output c = y.c }`;
  const arrays = {
    'l.wi.mu': at(c, 'weight_ih_mu'), 'l.wi.rho': at(c, 'weight_ih_rho'), 'l.wh.mu': at(c, 'weight_hh_mu'), 'l.wh.rho': at(c, 'weight_hh_rho'), 'l.b.mu': at(c, 'bias_mu'), 'l.b.rho': at(c, 'bias_rho'),
    'eps:l.wi': at(c, 'eps_ih'), 'eps:l.wh': at(c, 'eps_hh'), 'eps:l.b': at(c, 'eps_b'), 'input:x': at(c, 'x'),
  };
  const [first] = records(c, 'results');
  for (const [name, live] of [['sampled', 1], ['frozen', 0]] as const) {
    const now = predicted(text, { arrays, rows: 2, live });
    const want = first?.[name] as unknown as Case; // a record in this case
    for (const output of ['y', 'h', 'c']) t.true(close(at(want, output), now.get(`output:${output}`)), `${output}, ${name}`);
  }
});
