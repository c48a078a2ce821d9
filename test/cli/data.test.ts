/** The commands for people with a table, as they type them (what `npm run build` made): train, evaluate, predict, and what they say when something is wrong. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { desk } from '../support/cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { folder, at, bnnc, clear } = desk('cli', root);
test.after.always(clear);
const rows = (count: number, line: (i: number) => readonly (string | number)[]): string => `${Array.from({ length: count }, (_, i) => line(i).join(',')).join('\n')}\n`;
const wave = (i: number, f: number): number => Math.sin(i * f);

writeFileSync(at('prices.csv'), `\ufeffsize,age,"price, k"\n${rows(150, i => [10 + 5 * wave(i, 12.9), wave(i, 7.7), 50 + 20 * wave(i, 12.9) - 5 * wave(i, 7.7) + wave(i, 99.1)])}`);
writeFileSync(at('kinds.csv'), `x,y,kind\n${rows(120, i => [wave(i, 12.9), wave(i, 7.7), wave(i, 12.9) > 0.3 ? 'yes' : wave(i, 12.9) < -0.3 ? 'no' : 'maybe'])}`);
writeFileSync(at('prices.bnn'), 'model Prices { input x: [batch, 2] target y: [batch, 1] h = x |> linear(16) |> tanh m = h |> linear(1) observe y ~ normal(m, 0.05 + softplus(h |> linear(1))) }\n');
writeFileSync(at('plain.bnn'), 'model Plain { input x: [batch, 2] target y: [batch] q = x |> linear(8) |> tanh |> linear(1) output p = q[:, 0] loss mse(q[:, 0], y) }\n');
writeFileSync(at('kinds.bnn'), 'model Kinds { prior normal(0, 1) input x: [batch, 2] target y: class(3)[batch] observe y ~ categorical(logits: x |> linear(16) |> tanh |> linear(3)) }\n');

test.serial('a regression: trained, measured, predicted', t => {
  const trained = bnnc('train', at('prices.bnn'), '--data', at('prices.csv'), '--target', 'price, k', '--inputs', 'size,age', '--save', at('prices.safetensors'), '--epochs', '300', '--json', '--plot', at('prices.svg'));
  t.is(trained.status, 1, 'a comma in a column name is two columns');
  writeFileSync(at('prices.csv'), readFileSync(at('prices.csv'), 'utf8').replace('"price, k"', 'price'));
  const again = bnnc('train', at('prices.bnn'), '--data', at('prices.csv'), '--target', 'price', '--save', at('prices.safetensors'), '--epochs', '300', '--json', '--plot', at('prices.svg'));
  t.is(again.status, 0, again.said);
  const report = JSON.parse(again.out) as { metrics: { rmse: number; nll: number; coverage: Record<string, number>; intervals: string } };
  t.true(report.metrics.rmse < 7, `${report.metrics.rmse} of a spread of 15`);
  t.true(Number.isFinite(report.metrics.nll) && (report.metrics.coverage['95'] ?? 0) > 0.8);
  t.is(report.metrics.intervals, 'predictive');
  t.regex(readFileSync(at('prices.svg'), 'utf8'), /^<svg/);
  const measured = bnnc('evaluate', at('prices.bnn'), '--data', at('prices.csv'), '--checkpoint', at('prices.safetensors'));
  t.regex(measured.out, /RMSE [\d.]+\n {2}negative log-likelihood [\d.]+ nats a row\n {2}inside the 50 \/ 80 \/ 95 % intervals/);
  t.is(bnnc('predict', at('prices.bnn'), '--data', at('prices.csv'), '--checkpoint', at('prices.safetensors'), '--out', at('out.csv')).status, 0);
  const lines = readFileSync(at('out.csv'), 'utf8').trim().split('\n');
  t.is(lines[0], 'price,price_std,price_lower95,price_upper95');
  t.is(lines.length, 151);
});
test.serial('without a likelihood there is no NLL, and the intervals say what they are', t => {
  const trained = bnnc('train', at('plain.bnn'), '--data', at('prices.csv'), '--target', 'price', '--save', at('plain.safetensors'), '--epochs', '20');
  t.is(trained.status, 0, trained.said);
  t.notRegex(trained.out, /likelihood \d/);
  t.regex(trained.out, /uncertainty of the mean only/);
  t.regex(trained.said, /epoch 20 of 20, loss/);
});
test.serial('classes by their words', t => {
  const trained = bnnc('train', at('kinds.bnn'), '--data', at('kinds.csv'), '--target', 'kind', '--save', at('kinds.safetensors'), '--epochs', '300', '--learning-rate', '0.03', '--json');
  t.is(trained.status, 0, trained.said);
  const { metrics } = JSON.parse(trained.out) as { metrics: { accuracy: number } };
  t.true(metrics.accuracy > 0.7, String(metrics.accuracy));
  const predicted = bnnc('predict', at('kinds.bnn'), '--data', at('kinds.csv'), '--checkpoint', at('kinds.safetensors'));
  t.regex(predicted.out, /^class,p_maybe,p_no,p_yes\n(?:maybe|no|yes),/);
  writeFileSync(at('other.csv'), 'x,y,kind\n0,0,perhaps\n');
  t.regex(bnnc('evaluate', at('kinds.bnn'), '--data', at('other.csv'), '--checkpoint', at('kinds.safetensors')).said, /row 2: the class 'perhaps' was not among those of the training: maybe, no, yes/);
});
test.serial('what is wrong is one sentence, and nothing is written', t => {
  writeFileSync(at('holes.csv'), 'size,age,price\n1,2,3\n4,,6\n');
  writeFileSync(at('words.csv'), 'size,age,price\n1,2,3\n4,old,6\n');
  writeFileSync(at('bare.csv'), '1,2,3\n4,5,6\n');
  writeFileSync(at('ragged.csv'), 'size,age,price\n1,2\n');
  const wrong = (said: RegExp, ...args: readonly string[]): void => {
    const run = bnnc('train', at('prices.bnn'), '--save', at('never.safetensors'), ...args);
    t.is(run.status, 1);
    t.regex(run.said, said);
    t.notRegex(run.said, /\n\s+at /, 'no stack trace');
  };
  wrong(/there is no file .*none\.csv/, '--data', at('none.csv'), '--target', 'price');
  wrong(/no column 'pric' \(did you mean 'price'\?\)/, '--data', at('prices.csv'), '--target', 'pric');
  wrong(/row 3, column 'age': the cell is empty/, '--data', at('holes.csv'), '--target', 'price', '--holdout', '0');
  wrong(/row 3, column 'age': 'old' is no number/, '--data', at('words.csv'), '--target', 'price', '--holdout', '0');
  wrong(/no header row/, '--data', at('bare.csv'), '--target', 'price');
  wrong(/row 2: 2 cells for 3 columns/, '--data', at('ragged.csv'), '--target', 'price');
  wrong(/takes 2 numbers a row, and .* has 1 columns/, '--data', at('prices.csv'), '--target', 'price', '--inputs', 'size');
  wrong(/--epochs is a whole number of at least 1, and this is 'many'/, '--data', at('prices.csv'), '--target', 'price', '--epochs', 'many');
  wrong(/there is no backend 'cuda'/, '--data', at('prices.csv'), '--target', 'price', '--backend', 'cuda');
  t.regex(bnnc('evaluate', at('kinds.bnn'), '--data', at('kinds.csv'), '--checkpoint', at('prices.safetensors')).said, /another model: 'Prices'/);
  t.false(existsSync(at('never.safetensors')));
  t.deepEqual(readdirSync(folder).filter(f => f.endsWith('.part')), []);
});
