/** Many equal layers: no kernel grows with their number. */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import type { Stmt } from '../../../compiler/6-kernels/kernel.ts';
import { wasm } from '../../../compiler/7-targets/wasm/index.ts';
import { webgpu } from '../../../compiler/7-targets/wgsl/index.ts';

const text = (layers: number): string => `model M { input x: [batch, 8] target y: [batch, 1] h = x |> linear(8) |> relu repeat ${layers} as block { h = h |> linear(8) |> relu } p = h |> linear(1) output p loss mse(p, y) }`;
const carries = (body: readonly Stmt[]): number => body.reduce((n, s) => n + (s.kind === 'fold' ? s.carries.length + carries(s.body) : s.kind === 'map' ? carries(s.body) : 0), 0);

for (const target of [wasm, webgpu]) {
  test(`${target.name}: no kernel of 90 layers has the sums of all of them`, t => {
    const largest = (layers: number): number => {
      const [model] = checkText(text(layers), { file: 'm.bnn' }).models;
      if (!model) throw new Error('no model');
      return Math.max(...schedule(programsOf(model).programs, target.capabilities).kernels.map(k => carries(k.body)));
    };
    const [small, large] = [largest(45), largest(90)];
    t.true(large <= 128, `${large} sums in one kernel; ${small} with half the layers`);
  });
}
