/**
 * Numbers from elsewhere (BLiTZ and PyTorch in double precision, with the noise they used): the whole front half of the
 * compiler, from text to gradients, gives them when that noise is put in the place of its own.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { builder } from '../../compiler/3-graph/build.ts';
import { evaluate } from '../../compiler/3-graph/evaluate.ts';
import type { Graph, Plain } from '../../compiler/3-graph/graph.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { differentiate } from '../../compiler/4-diff/differentiate.ts';
import { checkText } from '../../compiler/compile.ts';
import { families } from '../../compiler/families/families.ts';
import { difference, given, variable } from '../support/graphs.ts';

type Nested = number | readonly Nested[];
const flat = (x: Nested): number[] => (typeof x === 'number' ? [x] : x.flatMap(flat));
const read = (name: string): Readonly<Record<string, Nested>> => JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as Readonly<Record<string, Nested>>; // the files' shape
const at = (c: Readonly<Record<string, Nested>>, name: string): number[] => flat(c[name] ?? []);

/** The graph with every noise an array of its own, `eps:<path>`. */
const withNoiseGiven = (graph: Graph<Plain>): Graph<Plain> => ({ ...graph, nodes: graph.nodes.map((n): Plain => (n.kind === 'noise' ? { kind: 'variable', name: `eps:${n.path}`, role: 'parameter', shape: n.shape, type: n.type, origin: n.origin } : n)) });
const close = (expected: readonly number[], actual: ArrayLike<number> | undefined): boolean => difference(expected, actual ?? []) < 1e-10;

test('c05: a dense layer forwards and backwards, with the exact divergence', t => {
  const c = read('c05_linear_forward_backward');
  const model = checkText('model M {\n  input x: [batch, 3]\n  target y: [batch, 2]\n  p = x |> linear(2)\n  output p\n  loss mse(p, y)\n}\n', { file: 'm.bnn' }).models[0];
  if (!model) return t.fail();
  const gradients = programsOf(model).programs.find(p => p.name === 'gradients')?.graph;
  const predict = programsOf(model).programs.find(p => p.name === 'predict')?.graph;
  if (!gradients || !predict) return t.fail();
  const arrays = {
    'linear1.w.mu': at(c, 'weight_mu'), 'linear1.w.rho': at(c, 'weight_rho'), 'linear1.b.mu': at(c, 'bias_mu'), 'linear1.b.rho': at(c, 'bias_rho'),
    'eps:linear1.w': at(c, 'eps_w'), 'eps:linear1.b': at(c, 'eps_b'), 'input:x': at(c, 'x'), 'target:y': at(c, 'target'),
  };
  const run = (graph: Graph<Plain>, klWeight: number): ReadonlyMap<string, Float64Array> => { const g = withNoiseGiven(graph); return evaluate(g, given(g, { arrays, rows: 4, samples: 1, scalars: { klWeight, live: 1 } })); };
  t.true(close(at(c, 'y'), run(predict, 0).get('output:p')));
  for (const [name, klWeight] of [['grad_mse', 0], ['grad_closed', 1 / 379]] as const) {
    const out = run(gradients, klWeight);
    const want = c[name] as unknown as Readonly<Record<string, Nested>>; // a record in this case
    t.true(close(at(c, 'mse'), out.get('likelihood')));
    t.true(close(at(c, 'closed_form_kl'), out.get('complexity')));
    for (const [key, path] of [['dweight_mu', 'linear1.w.mu'], ['dweight_rho', 'linear1.w.rho'], ['dbias_mu', 'linear1.b.mu'], ['dbias_rho', 'linear1.b.rho']] as const) t.true(close(at(want, key), out.get(`gradient:${path}`)), `${name} ${key}`);
  }
  t.true(close(at(c, 'loss_closed'), run(gradients, 1 / 379).get('loss')));
});

test('c04: the scale mixture prior and its gradient, far out where a floor would have none', t => {
  const c = read('c04_scale_mixture_prior');
  const w = at(c, 'w');
  for (const r of c['results'] as unknown as readonly Readonly<Record<string, Nested>>[]) { // records in this case
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
  const model = checkText(`
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
    model M { input x: [batch, 4, 2] y = x |> lstm(3) as l output y output h = y.h output c = y.c }`, { file: 'm.bnn' }).models[0];
  const predict = model ? programsOf(model).programs.find(p => p.name === 'predict')?.graph : undefined;
  if (!predict) return t.fail();
  const g = withNoiseGiven(predict);
  const arrays = {
    'l.wi.mu': at(c, 'weight_ih_mu'), 'l.wi.rho': at(c, 'weight_ih_rho'), 'l.wh.mu': at(c, 'weight_hh_mu'), 'l.wh.rho': at(c, 'weight_hh_rho'), 'l.b.mu': at(c, 'bias_mu'), 'l.b.rho': at(c, 'bias_rho'),
    'eps:l.wi': at(c, 'eps_ih'), 'eps:l.wh': at(c, 'eps_hh'), 'eps:l.b': at(c, 'eps_b'), 'input:x': at(c, 'x'),
  };
  const [first] = c['results'] as unknown as readonly Readonly<Record<'sampled' | 'frozen', Readonly<Record<string, Nested>>>>[]; // records in this case
  for (const [live, want] of [[1, first?.sampled], [0, first?.frozen]] as const) {
    const out = evaluate(g, given(g, { arrays, rows: 2, samples: 1, scalars: { live } }));
    for (const name of ['y', 'h', 'c']) t.true(close(at(want ?? {}, name), out.get(`output:${name}`)), `${name}, live ${live}`);
  }
});
