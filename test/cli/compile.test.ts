/** `bnnc compile` as it is typed (what `npm run build` made): with several targets WebAssembly is made by a thread of its own, and nothing shows it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { compile, printFor } from '../../compiler/compile.ts';
import type { TargetName } from '../../compiler/7-targets/target.ts';
import { desk } from '../support/cli.ts';

const { at, bnnc, clear } = desk('compile', fileURLToPath(new URL('../..', import.meta.url)));
test.after.always(clear);
const model = 'model M(hidden: int = 4) { input x: [batch, 3] target y: [batch, 1] p = x |> linear(hidden) |> relu |> linear(1) output p loss mse(p, y) }\n';

test('files of all targets are those of one compilation in one thread, with arguments, imports and several models', async t => {
  writeFileSync(at('twice.bnn'), 'layer twice(x: [batch, n]) -> [batch, n] { h = x |> linear(n) return h |> linear(n) }\n');
  const text = `import "./twice.bnn"\n${model}model Other { input x: [batch, 2] target y: [batch, 2] p = x |> twice output p loss mse(p, y) }\n`;
  writeFileSync(at('two.bnn'), text);
  for (const list of ['webgpu,wasm,gpujs', 'wasm,gpujs'] as const) {
    const run = bnnc('compile', at('two.bnn'), '--target', list, '--set', 'M.hidden=6', '--memory', 'small');
    t.is(run.status, 0, run.said);
    t.is(run.said, '', 'the engine knows all its flags');
    const targets = list.split(',') as TargetName[]; // of the list above
    const { files } = await compile(text, { file: at('two.bnn'), targets, set: { 'M.hidden': 6 }, memory: 'small' });
    t.is(files.length, 2 + targets.length);
    for (const f of files) t.is(readFileSync(at(f.name), 'utf8'), f.text, f.name);
  }
});
test('what is wrong in one file is said once, and the others are compiled', t => {
  writeFileSync(at('good.bnn'), model);
  writeFileSync(at('bad.bnn'), model.replace('relu', 'rleu'));
  const run = bnnc('compile', at('bad.bnn'), at('good.bnn'), '--json');
  t.is(run.status, 1);
  const reports = JSON.parse(run.out) as { ok: boolean; diagnostics: { message: string }[]; files?: string[] }[];
  t.deepEqual(reports.map(r => [r.ok, r.diagnostics.length, r.files?.length]), [[false, 1, undefined], [true, 0, 5]]);
});
test('a file that is not there does not hide the others, and is data where data is asked for', t => {
  writeFileSync(at('fine.bnn'), model);
  const plain = bnnc('check', at('nowhere.bnn'), at('fine.bnn'));
  t.is(plain.status, 1);
  t.regex(plain.said, /error: there is no file .*nowhere\.bnn/);
  t.regex(plain.out, /ok .*fine\.bnn: M/);
  const run = bnnc('check', at('nowhere.bnn'), at('fine.bnn'), '--json');
  t.is(run.status, 1);
  t.deepEqual((JSON.parse(run.out) as { ok: boolean; error?: string }[]).map(r => [r.ok, r.error?.replace(/file .*\//, 'file ')]), [[false, 'there is no file nowhere.bnn'], [true, undefined]]);
  const table = bnnc('evaluate', at('fine.bnn'), '--data', at('nowhere.csv'), '--checkpoint', at('nowhere.safetensors'), '--json');
  t.is(table.status, 1);
  t.like(JSON.parse(table.out), { ok: false });
  t.regex(table.said, /there is no file .*nowhere\.csv/);
});
test('the thread beside gives what this one would, nothing for what is wrong, and nothing when it is closed', async t => {
  const { wasmBeside } = await import(new URL('../../dist/compiler/cli/beside.js', import.meta.url).href) as typeof import('../../compiler/cli/beside.ts'); // what `npm run build` made of it
  t.is(wasmBeside('wasm'), undefined);
  t.is(wasmBeside('webgpu,gpujs'), undefined);
  const beside = wasmBeside(undefined);
  t.is(beside !== undefined, availableParallelism() > 1);
  if (!beside) return;
  const { printed, took } = await beside.make(model, { file: 'm.bnn' });
  t.deepEqual(printed, await printFor(model, { file: 'm.bnn' }, 'wasm'));
  t.true((took ?? 0) > 0);
  t.is((await beside.make('model M {', { file: 'm.bnn' })).printed, undefined);
  const late = beside.make(model, { file: 'm.bnn' });
  beside.close();
  t.is((await late).printed, undefined);
  t.is((await beside.make(model, { file: 'm.bnn' })).printed, undefined);
});
test('what a module says once has a name that no model can have', t => {
  writeFileSync(at('part.bnn'), model.replace('model M', 'model part0'));
  const run = bnnc('compile', at('part.bnn'), '--target', 'webgpu');
  t.is(run.status, 0, run.said);
  const text = readFileSync(at('part.bnn.js'), 'utf8');
  t.regex(text, /\nconst \$part0 = /);
  t.deepEqual([...text.matchAll(/^(?:export )?const ([\w$]+)/gm)].map(m => m[1]).filter((n, i, all) => all.indexOf(n) !== i), []);
});
