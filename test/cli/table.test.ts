/** What a table may hold, and what the commands say of it: columns of words, empty lines, constant columns, names with commas; and a training that is stopped. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { chooseInputs, namesOf } from '../../compiler/cli/columns.ts';
import { nllOf } from '../../compiler/cli/metrics.ts';
import { numbersOf, readTable, scaleOf, wordsOf } from '../../compiler/cli/table.ts';
import { command, desk } from '../support/cli.ts';

const { folder, at, write, bnnc: said, clear } = desk('table');
test.after.always(clear);
const lines = Array.from({ length: 60 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${Math.sin(i) > 0 ? 'yes' : 'no'}`).join('\n');
const kinds = write('kinds.csv', `x,y,kind\n${lines}\n`);
const model = write('kinds.bnn', 'model Kinds { input x: [batch, 2] target y: class(3)[batch] p = x |> linear(8) |> tanh |> linear(3) output p loss cross_entropy(p, y) }\n');

test('a row is named as a spreadsheet numbers it, with the empty lines', t => {
  const table = readTable(write('gaps.csv', '\ufeffsize,"a, b"\n1,2\n\n\n4,old\n'));
  t.deepEqual(table.places, [2, 5]);
  t.throws(() => numbersOf(table, 'a, b'), { message: /row 5, column 'a, b': 'old' is no number/ });
});
test('an empty cell is no class, and 0x10 is no number', t => {
  const table = readTable(write('cells.csv', 'size,kind\n0x10,yes\n2,\n'));
  t.throws(() => wordsOf(table, 'kind'), { message: /row 3, column 'kind': the cell is empty/ });
  t.throws(() => numbersOf(table, 'size'), { message: /row 2, column 'size': '0x10' is no number/ });
});
test('a constant column has scale 1, whatever its mean rounds to', t => {
  t.deepEqual(scaleOf(new Float64Array(120).fill(0.1)), { mean: 0.1, sd: 1 });
});
test('columns of words are no inputs; a column with one number is', t => {
  const table = readTable(write('words.csv', 'name,age,size,price\nann,1,2,3\nbob,old,5,6\n'));
  t.deepEqual(chooseInputs(table, ['price'], undefined), { inputs: ['age', 'size'], words: ['name'] });
  t.throws(() => chooseInputs(table, ['price'], 'size,price'), { message: /'price' is a target and among --inputs/ });
  t.throws(() => chooseInputs(table, ['price'], 'size,size'), { message: /names 'size' twice/ });
  t.deepEqual(namesOf('target', '"price, k",age'), ['price, k', 'age']);
});
test('the negative log-likelihood averages densities over draws, not their logarithms', t => {
  // two rows, two draws: p is 0.2 and 0.4, then 0.5 and 0.1; a unit twice as large halves each
  const density = [0.2, 0.5, 0.4, 0.1].map(Math.log);
  t.true(Math.abs(nllOf(density, 2, 2, -Math.log(2)) + (Math.log(0.15) + Math.log(0.15)) / 2) < 1e-12);
});
test.serial('a model that does not compile is shown with its frame, not called a bug', t => {
  const bad = said('train', write('bad.bnn', 'model Bad { input x: [batch, 2] target y: [batch, 1] p = x |> liner(1) output p loss mse(p, y) }\n'), '--data', kinds, '--target', 'y', '--save', at('never.safetensors'));
  t.is(bad.status, 1);
  t.regex(bad.said, /error B004: there is no layer or function 'liner'\n[^]*did you mean 'linear'\?[^]*error: .*bad\.bnn does not compile/);
  t.notRegex(bad.said, /bug in the compiler/);
});
test.serial('a picture that can not be made is said before anything is trained', t => {
  const run = said('train', model, '--data', kinds, '--target', 'kind', '--save', at('never.safetensors'), '--plot', at('nowhere/picture.svg'));
  t.is(run.status, 1);
  t.regex(run.said, /there is no folder .*nowhere for the picture/);
  t.false(existsSync(at('never.safetensors')));
});
test.serial('what cross_entropy takes is predicted as probabilities, into the file and as JSON', t => {
  t.is(said('train', model, '--data', kinds, '--target', 'kind', '--save', at('kinds.safetensors'), '--epochs', '30', '--kl-weight', '0', '--json').status, 0);
  const run = said('predict', model, '--data', kinds, '--checkpoint', at('kinds.safetensors'), '--out', at('out.csv'), '--json');
  const rows = JSON.parse(run.out) as readonly { readonly class: string; readonly p_no: number; readonly p_yes: number }[]; // what predict prints
  // the model has room for a third class that the table has not
  t.true(rows.length === 60 && rows.every(r => ['no', 'yes'].includes(r.class) && r.p_no >= 0 && r.p_yes >= 0 && r.p_no + r.p_yes <= 1 + 1e-5));
  t.deepEqual(readTable(at('out.csv')).columns, ['class', 'p_no', 'p_yes']);
});
test.serial('ctrl-C: nothing was saved, 130', async t => {
  const child = spawn(process.execPath, [command, 'train', model, '--data', kinds, '--target', 'kind', '--save', at('never.safetensors'), '--epochs', '200000'], { cwd: folder });
  let text = '';
  // the first line of progress says that training is under way
  const status = await new Promise<number | null>(done => {
    child.stderr.on('data', (part: Buffer) => { if (text === '') child.kill('SIGINT'); text += part.toString(); });
    child.on('close', done);
  });
  t.is(status, 130, text);
  t.regex(text, /stopped: nothing was saved/);
  t.false(existsSync(at('never.safetensors')));
  t.deepEqual(readdirSync(folder).filter(f => f.endsWith('.part')), []);
});

// ── what a likelihood makes of a target ───────────────────────────────────────────────────────

const either = write('either.bnn', 'model Either { prior normal(0, 1) input x: [batch, 2] target y: [batch, 1] p = x |> linear(1) output p observe y ~ bernoulli(p) }\n');
const zeros = Array.from({ length: 120 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${Math.sin(i) > 0.1 ? 1 : 0}`).join('\n');
test('what bernoulli observes stays 0 or 1: a likelihood that is one, accuracy, probabilities', t => {
  const data = write('either.csv', `x,y,is\n${zeros}\n`);
  const trained = said('train', either, '--data', data, '--target', 'is', '--save', at('either.st'), '--epochs', '60', '--learning-rate', '0.05', '--json');
  t.is(trained.status, 0, trained.said);
  const { metrics } = JSON.parse(trained.out) as { metrics: { accuracy: number; nll: number; rmse?: number; coverage?: unknown } };
  t.true(metrics.accuracy > 0.85 && metrics.nll > 0 && metrics.nll < 0.5, JSON.stringify(metrics));
  t.deepEqual([metrics.rmse, metrics.coverage], [undefined, undefined]);
  const predicted = said('predict', either, '--data', data, '--checkpoint', at('either.st'), '--json');
  const rows = JSON.parse(predicted.out) as { is: number }[];
  t.true(rows.every(r => r.is >= 0 && r.is <= 1) && rows.some(r => r.is > 0.8) && rows.some(r => r.is < 0.2));
});
test('bernoulli refuses what is neither', t => {
  const data = write('two.csv', `x,y,is\n1,2,0\n2,3,2\n${zeros}\n`);
  const run = said('train', either, '--data', data, '--target', 'is', '--save', at('two.st'));
  t.is(run.status, 1);
  t.regex(run.said, /two\.csv, row 3: bernoulli observes 0 or 1, and 'is' is 2/);
  t.false(existsSync(at('two.st')));
});
test('a classifier that only guesses is told so, one that does not is not', t => {
  const narrow = write('narrow.bnn', 'model Narrow { prior normal(0, 0.01) input x: [batch, 2] target y: class(2)[batch] p = x |> linear(2) observe y ~ categorical(logits: p) }\n');
  const train = (file: string, ...more: readonly string[]) => said('train', file, '--data', kinds, '--target', 'kind', '--save', at('guess.st'), '--epochs', '40', ...more);
  t.regex(train(narrow).said, /no better than guessing by how often each answer occurs: a smaller --kl-weight \(0\.002\)/);
  t.notRegex(train(narrow, '--kl-weight', '0.000001', '--learning-rate', '0.1').said, /no better than guessing/);
});
test('nothing that is read is written over', t => {
  const text = (file: string): string => readFileSync(file, 'utf8');
  const [data, before] = [text(kinds), text(model)];
  for (const [option, path] of [['--save', kinds], ['--save', model], ['--plot', kinds]] as const) {
    const run = said('train', model, '--data', kinds, '--target', 'kind', '--epochs', '1', ...(option === '--save' ? [] : ['--save', at('spared.st')]), option, path);
    t.is(run.status, 1);
    t.regex(run.said, new RegExp(`${option} .* would write over what this command reads`));
  }
  const trained = said('train', model, '--data', kinds, '--target', 'kind', '--epochs', '1', '--save', at('spared.st'));
  t.is(trained.status, 0, trained.said);
  t.regex(said('predict', model, '--data', kinds, '--checkpoint', at('spared.st'), '--out', at('spared.st')).said, /--out .* would write over/);
  t.regex(said('explain', model, '--svg', model).said, /--svg .* would write over/);
  t.deepEqual([text(kinds), text(model)], [data, before]);
});
test('a folder that is not there is said, not where the file would have been written meanwhile', t => {
  const trained = said('train', model, '--data', kinds, '--target', 'kind', '--epochs', '1', '--save', at('folders.st'));
  t.is(trained.status, 0, trained.said);
  for (const args of [['predict', model, '--data', kinds, '--checkpoint', at('folders.st'), '--out', at('no/p.csv')], ['explain', model, '--svg', at('no/p.svg')], ['train', model, '--data', kinds, '--target', 'kind', '--save', at('no/m.st')]] as const) {
    const run = said(...args);
    t.is(run.status, 1);
    t.regex(run.said, /^error: there is no folder .*no( |$)/m);
    t.notRegex(run.said, /ENOENT|\.part/);
  }
});
