/** Forms that were measured: they are remembered by what a kernel does, taken where they fit, and change no result. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { compile } from '../../compiler/compile.ts';
import { formOf } from '../../compiler/7-targets/wgsl/form.ts';
import { remembered, shortlist, tuned, tuningKey } from '../../compiler/7-targets/wgsl/tuning.ts';
import type { Tuning } from '../../compiler/7-targets/wgsl/tuning.ts';
import { tune } from '../../compiler/tune.ts';
import { open } from '../../runtime/webgpu.ts';
import type { Backend } from '../../runtime/backend.ts';
import { desk } from '../support/cli.ts';
import { planOf, runAll } from '../support/plan.ts';
import { softwareDevice, webgpuTestSerial } from '../support/webgpu.ts';

const text = 'model M { input x: [batch, 40] target y: [batch, 1] p = x |> linear(70) |> relu |> linear(30) |> tanh |> linear(1) output p loss mse(p, y) }';
const scheduleOf = async (source = text, tuning?: Tuning) => {
  const { models: [model] } = await compile(source, { file: 'm.bnn', targets: ['webgpu'], ...(tuning ? { tuning } : {}) });
  if (!model?.schedules.webgpu) throw new Error('no schedule');
  return { model: model.model, schedule: model.schedules.webgpu };
};
/** The last form of every kernel's short list. */
async function last(): Promise<Tuning> {
  const { schedule } = await scheduleOf();
  return { device: 'some', forms: Object.fromEntries(schedule.kernels.flatMap(k => { const list = shortlist(k, 6); return list.length > 1 ? [[tuningKey(k), remembered(list.at(-1))] as const] : []; })) };
}

test('a short list begins with what counts choose, and names each form once', async t => {
  const { schedule } = await scheduleOf();
  const lists = schedule.kernels.map(k => [k, shortlist(k, 6)] as const).filter(([, l]) => l.length > 0);
  t.true(lists.length > 3);
  for (const [k, list] of lists) {
    t.deepEqual(remembered(list[0]), remembered(formOf(k)));
    t.is(new Set(list.map(f => JSON.stringify(remembered(f)))).size, list.length);
    t.true(list.length > 1 && list.length <= 6);
  }
});
test('a form is remembered by what a kernel does, whatever the model and its buffers are called', async t => {
  const [{ schedule: first }, { schedule: second }] = [await scheduleOf(), await scheduleOf(text.replace('model M', 'model Other').replace('linear(70)', 'linear(70) as first'))];
  const keys = new Set(first.kernels.map(tuningKey));
  t.true(second.kernels.filter(k => keys.has(tuningKey(k))).length > second.kernels.length / 2);
});
test('forms that were found are taken, those that a kernel cannot have are not', async t => {
  const { schedule } = await scheduleOf();
  const tuning = await last();
  const target = tuned(tuning);
  const plain = tuned({ device: 'some', forms: {} });
  const absurd = tuned({ device: 'some', forms: Object.fromEntries(Object.keys(tuning.forms).map(key => [key, { lanes: [7, 7], block: [3, 3], chunk: 5, depth: 1 }])) });
  t.notDeepEqual(target.print(schedule), plain.print(schedule));
  t.deepEqual(absurd.print(schedule), plain.print(schedule));
  const changed = schedule.kernels.filter(k => tuning.forms[tuningKey(k)] !== undefined);
  for (const k of changed) t.deepEqual(target.tiles?.(k) === undefined, tuning.forms[tuningKey(k)] === 'plain');
});
webgpuTestSerial('results stay what they are, to rounding', async t => {
  const gradients = async (tuning?: Tuning): Promise<Readonly<Record<string, readonly number[]>>> => {
    const { schedule } = await scheduleOf(text, tuning);
    const target = tuned(tuning ?? { device: '', forms: {} });
    const device = await softwareDevice();
    const backend: Backend = await open(target.print(schedule) as readonly string[], planOf({ ...schedule, programs: schedule.programs.map(p => (p.name === 'gradients' ? { ...p, name: 'all' } : p)) }, target), { device }); // this target's are texts
    const scalars = { rows: 5, samples: 2, rowBase: 0, sampleBase: 0, seedLo: 1, seedHi: 0, countLo: 0, countHi: 0, purpose: 2, klWeight: 0.1, live: 1 };
    backend.reserve(5, 2);
    backend.run('init', scalars);
    const results = schedule.programs.find(p => p.name === 'gradients')?.results ?? {};
    const found = await runAll(backend, { 'input:x': Array.from({ length: 200 }, (_, i) => Math.sin(i)), 'target:y': [1, 2, 3, 4, 5] }, Object.fromEntries(Object.entries(results).map(([name, buffer]) => [buffer, name.includes('linear1.w') ? 2800 : 1])), scalars);
    backend.dispose();
    device.destroy();
    return Object.fromEntries(Object.entries(results).map(([name, buffer]) => [name, found[buffer] ?? []]));
  };
  const [plain, other] = [await gradients(), await gradients(await last())];
  t.true((plain['gradient:linear1.w.mu'] ?? []).some(x => x !== 0));
  for (const [name, expected] of Object.entries(plain)) {
    const scale = expected.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-6);
    expected.forEach((x, i) => { if (!(Math.abs(x - (other[name]?.[i] ?? NaN)) <= 1e-4 * scale)) t.fail(`${name}[${i}]: ${x} and ${other[name]?.[i]}`); });
  }
});
webgpuTestSerial('what a device answers is measured: every form of the short lists, and all programs before and after', async t => {
  const { model, schedule } = await scheduleOf();
  const device = await softwareDevice();
  const rounds: [number, number][] = [];
  const result = await tune(model, schedule, { rows: 5, samples: 2, tries: 3, budget: 1, device, onRound: (round, of) => { rounds.push([round, of]); } });
  device.destroy();
  t.deepEqual(rounds, rounds.map((_, i) => [i, rounds.length]));
  t.is(result.measured, schedule.kernels.reduce((n, k) => n + shortlist(k, 3).length, 0));
  t.is(result.kernels, schedule.kernels.filter(k => shortlist(k, 3).length > 0).length);
  t.deepEqual(result.programs.map(p => p.name), schedule.programs.map(p => p.name));
  for (const p of result.programs) t.true(p.before > 0 && p.after > 0);
  const keys = new Set(schedule.kernels.map(tuningKey));
  t.deepEqual([...result.measuredKeys].sort(), [...new Set(schedule.kernels.filter(k => shortlist(k, 3).length > 0).map(tuningKey))].sort());
  for (const [key, form] of Object.entries(result.forms)) {
    t.true(keys.has(key));
    const kernel = schedule.kernels.find(k => tuningKey(k) === key);
    if (kernel) t.true(shortlist(kernel, 3).slice(1).some(f => JSON.stringify(remembered(f)) === JSON.stringify(form)), 'another than the chosen one');
  }
});

test('the command compiles with a file that tune wrote, and says what is no such file', async t => {
  const { at, write, bnnc, clear } = desk('tuning');
  t.teardown(clear);
  const model = write('m.bnn', text);
  const asIs = bnnc('compile', model, '--target', 'webgpu', '--out', at('plain'));
  t.is(asIs.status, 0, asIs.said);
  const better = bnnc('compile', model, '--target', 'webgpu', '--out', at('tuned'), '--tuning', write('good.json', JSON.stringify(await last())));
  t.is(better.status, 0, better.said);
  t.not(readFileSync(at('plain/m.bnn.js'), 'utf8'), readFileSync(at('tuned/m.bnn.js'), 'utf8'));
  t.is(readFileSync(at('tuned/m.bnn.js'), 'utf8'), (await compile(text, { file: model, targets: ['webgpu'], tuning: await last() })).files[0]?.text ?? '');
  const explained = bnnc('explain', model, '--target', 'webgpu', '--tuning', at('good.json'), '--json');
  t.is(explained.status, 0, explained.said);
  t.not(explained.out, bnnc('explain', model, '--target', 'webgpu', '--json').out);
  for (const [name, content] of [['text.json', 'no JSON'], ['list.json', '[]'], ['shape.json', '{"device":"x","forms":{"a":{"lanes":[1]}}}'], ['null.json', 'null'], ['forms.json', '{"device":"x","forms":[]}']] as const) {
    const run = bnnc('compile', model, '--target', 'webgpu', '--tuning', write(name, content));
    t.is(run.status, 1);
    t.regex(run.said, new RegExp(`^error: .*${name} is nothing that bnnc tune wrote\\n$`));
  }
  const missing = bnnc('compile', model, '--tuning', at('nowhere.json'));
  t.is(missing.status, 1);
  t.regex(missing.said, /there is no file .*nowhere\.json/);
  const tries = bnnc('tune', model, '--tries', 'many');
  t.is(tries.status, 1);
  t.regex(tries.said, /--tries is a whole number of at least 1, and this is 'many'/);
});
