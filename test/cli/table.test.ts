/** What a table may hold, and what the commands say of it: columns of words, empty lines, constant columns, names with commas; and a training that is stopped. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
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
