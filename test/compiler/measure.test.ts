/** Predicted and measured times: what is said grows as the work does, every kernel is run, and what is off is told. No time is compared with a limit. */
import test from 'ava';
import { checkText } from '../../compiler/compile.ts';
import { arranged, programsOf } from '../../compiler/4-diff/programs.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import type { MemoryPlan, Schedule } from '../../compiler/5-schedule/schedule.ts';
import { explain } from '../../compiler/explain.ts';
import { measure } from '../../compiler/measure.ts';
import type { Model } from '../../compiler/2-check/model.ts';
import { gpujs } from '../../compiler/7-targets/gpujs.ts';
import type { Target } from '../../compiler/7-targets/target.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { webgpu } from '../../compiler/7-targets/wgsl/index.ts';

const text = 'model M { input x: [batch, 40] input word: class(30)[batch, 4] target y: [batch, 1] e = word |> embedding(8) |> flatten p = concat(x, e, axis: 1) |> linear(300) |> relu |> linear(1) output p observe y ~ normal(p, 0.1) }';
function made(target: Target, memory: MemoryPlan = 'fast'): { readonly model: Model; readonly plan: Schedule } {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  return { model, plan: schedule(arranged(programsOf(model, undefined, memory).programs, target.capabilities), target.capabilities, memory) };
}

for (const target of [wasm, webgpu, gpujs]) {
  test(`${target.name}: a prediction is a time, and grows with rows and samples`, t => {
    const { model, plan } = made(target);
    const at = (rows: number, samples: number, threads = 1): ReadonlyMap<string, number> =>
      new Map(explain(model, plan, target, { rows, samples }, { threads }).programs.map(p => [p.name, p.predicted]));
    const [small, rows, samples] = [at(64, 4), at(1024, 4), at(64, 64)];
    for (const [name, time] of small) t.true(Number.isFinite(time) && time > 0, `${name}: ${time}`);
    for (const name of ['train_adam', 'elbo', 'predict']) {
      for (const more of [rows, samples]) {
        const ratio = (more.get(name) ?? NaN) / (small.get(name) ?? NaN);
        t.true(ratio > 1.05 && ratio <= 16.5, `${name}: ${ratio}`);
      }
    }
    // less than a tile of everything
    for (const [name, time] of at(1, 1)) t.true(Number.isFinite(time) && time > 0, `${name}: ${time}`);
    if (target.name === 'wasm') t.true((at(1024, 4, 2).get('train_adam') ?? NaN) < 0.75 * (rows.get('train_adam') ?? NaN));
  });
}

for (const [target, memory, threads] of [[wasm, 'fast', 1], [wasm, 'fast', 2], [wasm, 'small', 1], [gpujs, 'fast', 1]] as const) {
  test.serial(`${target.name}, ${memory}, ${threads} thread(s): every program and kernel is run`, async t => {
    const { model, plan } = made(target, memory);
    const measured = await measure(model, plan, target, { rows: 9, samples: 2, threads, budget: 1 });
    t.deepEqual([...measured.programs.keys()], plan.programs.map(p => p.name));
    t.is(measured.kernels.length, plan.kernels.length);
    for (const time of [...measured.programs.values(), ...measured.kernels]) t.true(Number.isFinite(time) && time >= 0, String(time));
    const { programs } = explain(model, plan, target, { rows: 9, samples: 2 }, { threads, measured });
    for (const p of programs) {
      t.true(p.measured !== undefined);
      for (const k of p.kernels) t.true(k.measured !== undefined && k.times > 0);
    }
  });
}
