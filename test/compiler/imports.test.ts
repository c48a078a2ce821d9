/** Imports: layers and families come from other files, and nothing else does. */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { CompileError } from '../../compiler/diagnostics.ts';
import type { Host } from '../../compiler/imports.ts';

const files: Readonly<Record<string, string>> = {
  './layers.bnn': 'import "./deeper.bnn"\nlayer twice(x: [..., n]) -> [..., n] { return x |> once |> once }\nfamily wide(scale) { log_density(x) = -log(scale) - abs(x) / scale }\n',
  './deeper.bnn': 'layer once(x: [..., n]) -> [..., n] { return x |> linear(n) }\n',
  './wrong.bnn': 'layer bad(x: [n]) {\n  return x +\n}\n',
  './odd.bnn': 'layer odd(x: [..., n]) -> [..., n] { return y }\n',
  './ring.bnn': 'import "./ring.bnn"\n',
};
const host: Host = { read: path => { const text = files[path]; return text === undefined ? { wrong: `there is no file ${path}` } : { file: path, text }; } };
const said = (text: string, given: Host | null = host, file = 'm.bnn'): readonly string[] => {
  try { checkText(text, { file, ...(given ? { host: given } : {}) }); return []; } catch (e) { if (!(e instanceof CompileError)) throw e; return e.diagnostics.map(d => `${d.span.file} ${d.code} ${d.message}`); }
};
const model = 'model M { input x: [batch, 3] target y: [batch, 3] p = x |> twice output p loss mse(p, y) }\n';

test('layers and families of imported files, and of those that they import', t => {
  const { models } = checkText(`import "./layers.bnn"\n${model.replace('input', 'prior wide(0.5) input')}`, { file: 'm.bnn', host });
  t.deepEqual(models[0]?.variables.map(v => v.path), ['twice1.once1.linear1.w', 'twice1.once1.linear1.b', 'twice1.once2.linear1.w', 'twice1.once2.linear1.b']);
  t.is(models[0]?.variables[0]?.kind === 'weight' ? models[0].variables[0].prior.name : '', 'wide');
});
test('a missing file, one that is no .bnn file, and one that imports itself', t => {
  t.deepEqual(said(`import "./none.bnn"\n${model}`), ['m.bnn B037 there is no file ./none.bnn']);
  t.deepEqual(said(`import "/etc/hostname"\n${model}`), ['m.bnn B037 an import is a relative path that ends in .bnn']);
  t.deepEqual(said(`import "./ring.bnn"\n${model}`), ['./ring.bnn B037 ./ring.bnn imports itself, by way of ./ring.bnn']);
});
test('errors in an imported file name that file', t => {
  t.true(said(`import "./wrong.bnn"\n${model}`)[0]?.startsWith('./wrong.bnn S0'));
  t.deepEqual(said('import "./odd.bnn"\nmodel M { input x: [batch, 3] output p = x |> odd }\n'), ["./odd.bnn B001 there is no value 'y' here"]);
});
test('nothing outside of the project is read, links included', t => {
  const root = mkdtempSync(join(tmpdir(), 'bnnc-import-'));
  mkdirSync(join(root, 'project'));
  writeFileSync(join(root, 'project', 'package.json'), '{}');
  writeFileSync(join(root, 'outside.bnn'), 'secret');
  writeFileSync(join(root, 'secret'), 'secret');
  symlinkSync(join(root, 'secret'), join(root, 'project', 'link.bnn'));
  writeFileSync(join(root, 'project', 'near.bnn'), files['./deeper.bnn'] ?? '');
  const at = join(root, 'project', 'm.bnn');
  t.deepEqual(said('import "../outside.bnn"\n', null, at), [`${at} B037 ../outside.bnn leads out of the project, or is no .bnn file`]);
  t.deepEqual(said('import "./link.bnn"\n', null, at), [`${at} B037 ./link.bnn leads out of the project, or is no .bnn file`]);
  t.deepEqual(said('import "./near.bnn"\nmodel M { input x: [batch, 3] output p = x |> once }\n', null, at), []);
});
