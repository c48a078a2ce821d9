/** Wrong models answer with what their author should read; right ones become models. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { codes } from '../../../compiler/2-check/codes.ts';
import { CompileError } from '../../../compiler/diagnostics.ts';
import { librarySources } from '../../../compiler/library.ts';
import { showDiagnostic } from '../../../compiler/show-diagnostic.ts';
import { wrongs } from './wrong.ts';

const errorsOf = (text: string, set?: Record<string, number | boolean>): readonly string[] => {
  try { checkText(text, { file: 'm.bnn', ...(set ? { set } : {}) }); return []; } catch (e) {
    if (!(e instanceof CompileError)) throw e;
    const sources = new Map([...librarySources(), ['m.bnn', text] as const]);
    return e.diagnostics.map(d => showDiagnostic(d, sources, { color: false }));
  }
};
for (const { code, text, says } of wrongs) {
  if (says.length === 0) continue;
  test(`${code}: ${says[0] ?? ''}`, t => {
    const shown = errorsOf(text);
    t.deepEqual(shown.map(s => s.split('\n')[0]), says.map(s => `m.bnn:${s}`));
    t.true(shown.every(s => /\^/.test(s)), 'each has a frame');
  });
}
test('a frame as a whole', t => {
  t.is(errorsOf('model M {\n  input  x: [batch, 4]\n  target y: [batch, 2]\n  loss mse(x, y)\n}\n')[0], [
    'm.bnn:4:8: error B007: mse compares tensors of one shape, and these are [batch, 4] and [batch, 2]',
    '  4 |   loss mse(x, y)', '    |        ^^^^^^^^^',
    '  note: m.bnn:2:10: this is [batch, 4]', '  2 |   input  x: [batch, 4]', '    |          ^',
    '  note: m.bnn:3:10: this is [batch, 2]', '  3 |   target y: [batch, 2]', '    |          ^',
  ].join('\n'));
});
test('all errors come at once, in the order of the text, and one mistake is said once', t => {
  const shown = errorsOf('model M {\n  input x: [batch, 4]\n  a = x |> liner(2)\n  b = a + 1\n  c = foo\n  output p = b + c\n}\n');
  t.deepEqual(shown.map(s => s.slice(0, 20)), ['m.bnn:3:12: error B0', 'm.bnn:5:7: error B00']);
});
test('--set: arguments of models from outside', t => {
  const text = 'model M(hidden: int = 4) {\n  input x: [batch, 3]\n  output p = x |> linear(hidden)\n}\n';
  t.deepEqual(checkText(text, { file: 'm.bnn', set: { 'M.hidden': 7 } }).models[0]?.variables[0]?.shape, [7, 3]);
  t.regex(errorsOf(text, { 'M.hidden': 2.5 })[0] ?? '', /B029: 'hidden' is a whole number/);
  t.regex(errorsOf(text, { 'M.hiden': 2 })[0] ?? '', /B029: no model of this file has an argument 'M.hiden'[^]*did you mean 'M.hidden'/);
});
test('every code of the table has a wrong model', t => {
  const tested = new Set(wrongs.filter(w => w.says.length > 0).map(w => w.code));
  t.deepEqual(Object.keys(codes).filter(c => c.startsWith('B') && !tested.has(c)), ['B029', 'B037']); // tested below and above
});
test('warnings do not stop', t => {
  const { warnings, models } = checkText('model M {\n  input x: [batch, 4]\n  target c: class(3)[batch]\n  h = relu(x)\n  loss cross_entropy(softmax(x |> linear(3)), c)\n}\n', { file: 'm.bnn' });
  t.is(models.length, 1);
  t.deepEqual(warnings.map(w => w.code), ['W001', 'W002']);
});

test('probabilities where logits are wanted are warned of, by whatever name', t => {
  const warned = (body: string): readonly string[] => checkText(`model M {\n  input x: [batch, 4]\n  target c: class(3)[batch]\n  target y: [batch, 1]\n  loss mae(x |> linear(1), y)\n  ${body}\n}\n`, { file: 'm.bnn' }).warnings.filter(w => w.code === 'W002').map(w => w.message);
  t.deepEqual(warned('p = x |> linear(3) |> softmax loss cross_entropy(p, c)'), ['cross_entropy takes logits, and this is already a softmax']);
  t.deepEqual(warned('p = softmax(x |> linear(3)) observe c ~ categorical(p)'), ['categorical takes logits, and this is already a softmax']);
  t.deepEqual(warned('q = sigmoid(x |> linear(1)) loss cross_entropy(x |> linear(3), c) observe y ~ bernoulli(q)'), ['bernoulli takes logits, and this is already a sigmoid']);
  t.deepEqual(warned('z = x |> linear(3) output p = softmax(z) observe c ~ categorical(logits: z)'), []);
});

// ── right models ──────────────────────────────────────────────────────────────────────────────

const variables = (text: string): Record<string, string> => Object.fromEntries((checkText(text, { file: 'm.bnn' }).models[0]?.variables ?? []).map(v => [v.path, `[${v.shape.join(', ')}] ${v.kind === 'weight' ? `${v.prior.family} ${v.posterior.family} ${v.kl}` : 'param'}`]));
test('priors and posteriors: the nearest wins', t => {
  t.deepEqual(variables(`model M {
    prior scale_mixture(0.5, 1.0, 0.1)
    input x: [batch, 4]
    target y: [batch, 2]
    h = x |> linear(3) { prior normal(0, 1)  b: posterior point } |> linear(3) as mid |> linear(2) { posterior point }
    loss mse(h, y)
  }`), {
    'linear1.w': '[3, 4] normal normal exact', 'linear1.b': '[3] normal point none', 'mid.w': '[3, 3] scale_mixture normal sampled', 'mid.b': '[3] scale_mixture normal sampled',
    'linear3.w': '[2, 3] scale_mixture point none', 'linear3.b': '[2] scale_mixture point none',
  });
});
test('a scale mixture whose pi is 1 is a normal with the exact divergence', t => {
  t.is(variables('model M { prior scale_mixture(1, 0.1, 0.4) input x: [batch, 4] output p = x |> linear(2, bias: false) }')['linear1.w'], '[2, 4] normal normal exact');
});
test('fan_in and fan_out, and a prior with a learned scale', t => {
  const { models } = checkText('model M {\n  input x: [batch, 4]\n  param tau: [] = 0.5\n  weight w: [3, 4] ~ normal(0, softplus(tau)) by normal(mu: normal(0, (2 / fan_in) ** 0.5), rho: -5)\n  output p = x @ w.T\n}\n', { file: 'm.bnn' });
  const w = models[0]?.variables.find(v => v.path === 'w');
  t.true(w?.kind === 'weight' && typeof w.prior.parameters['sd'] === 'object' && w.posterior.mu.sd === Math.SQRT1_2);
});
test('sharing: one set of weights', t => {
  t.deepEqual(Object.keys(variables('model M { input a: [batch, 4] input b: [batch, 4] output p = (a |> linear(2) as enc) - (b |> linear(2) as enc again) }')), ['enc.w', 'enc.b']);
});
test('what is wrong inside of a layer of the library is told with the use in the file at hand', t => {
  const text = 'model M {\n  input x: [batch, 4]\n  target y: [batch, 1]\n  p = x |> dropout(1.5) |> linear(1)\n  output p\n  loss mse(p, y)\n}\n';
  const error = t.throws(() => { checkText(text, { file: 'm.bnn' }); }, { instanceOf: CompileError });
  const [first] = error.diagnostics;
  t.is(first?.span.file, 'library/normalization.bnn');
  t.deepEqual(first?.notes.map(n => [n.message, n.span?.file, text.slice(n.span?.start, n.span?.end)]), [['in this use', 'm.bnn', 'dropout(1.5)']]);
});
