/**
 * Small plans: each program gives for three samples one after the other what the graph gives for three at once, in double precision
 * and in planned memory; no weight's draw, and nothing else of a weight's size, is in memory.
 */
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { evaluate } from '../../../compiler/3-graph/evaluate.ts';
import { groupsOf } from '../../../compiler/4-diff/by-sample.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { allocate, runSchedule } from '../../../compiler/6-kernels/interpret-schedule.ts';
import { verifyKernel } from '../../../compiler/6-kernels/verify.ts';
import { difference, given } from '../../support/graphs.ts';
import { models } from '../../support/models.ts';
import { capabilities } from '../../support/targets.ts';

const [rows, samples] = [3, 3];
/** What the runtime runs once for each draw or without any. */
const ofOneDraw = new Set(['init', 'predict', 'draw', 'density', 'divergence']);

for (const [name, text] of Object.entries(models)) {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error(name);
  const [atOnce, inTurn] = [programsOf(model).programs, programsOf(model, undefined, 'small').programs];
  for (const [target, able] of Object.entries(capabilities)) {
    test(`${name}, on ${target}: samples one after the other`, t => {
      const plan = schedule(inTurn, able, 'small');
      plan.kernels.forEach(verifyKernel);
      for (const p of atOnce.filter(x => !ofOneDraw.has(x.name))) {
        const g = given(p.graph, { rows, samples });
        const memory = allocate(plan, { rows, samples: 1 });
        const found = new Set<string>();
        const expected = evaluate(p.graph, g);
        for (const part of plan.programs.filter(x => x.name === p.name || x.name.startsWith(`${p.name}/`))) {
          for (const [buffer, data] of Object.entries(g.arrays)) memory[buffer]?.set(data);
          runSchedule(plan, part.name, memory, { ...g.scalars, share: 1 / samples, draws: samples, rows, samples: 1, rowBase: 0, sampleBase: 0, seedLo: g.stream.seed, seedHi: 0, countLo: g.stream.count, countHi: 0, purpose: g.stream.purpose });
          for (const [output, values] of expected) {
            const buffer = output.startsWith('update:') ? output.slice(7) : part.results[output];
            if (buffer === undefined) continue;
            found.add(output);
            const error = difference(values, memory[buffer]?.subarray(0, values.length) ?? []);
            t.true(error < 1e-9, `${part.name} ${output}: ${error}`);
          }
        }
        t.deepEqual([...expected.keys()].filter(o => !found.has(o)), [], p.name);
      }
    });
  }
}

test('no draw of a weight is stored, nor anything of its size but sums of gradients: twice half of them', t => {
  const text = 'model M { input x: [batch, 70] target y: [batch, 1] p = x |> linear(90) |> relu |> linear(80) |> relu |> linear(1) output p observe y ~ normal(p, 1) }';
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  for (const able of Object.values(capabilities)) {
    const { buffers } = schedule(programsOf(model, undefined, 'small').programs, able, 'small');
    // what drawWeights gives is asked for
    const large = buffers.filter(b => !['parameter', 'moment', 'noise', 'result'].includes(b.role) && !b.shape.includes('rows') && typeof b.size === 'number' ? b.size >= 80 * 90 : b.shape.join() === 'samples,90,70' || b.shape.join() === 'samples,80,90');
    t.deepEqual([...new Set(large.filter(b => b.role !== 'result').map(b => b.role))].filter(r => r !== 'noise'), ['sum']);
  }
});
test('parameters by turns: means first, then spreads, at most half of all at a time', t => {
  const p = (path: string, n: number): { readonly path: string; readonly shape: readonly number[] } => ({ path, shape: [n] });
  const names = (list: readonly { readonly path: string }[]): string => list.map(x => x.path).join(' ');
  t.deepEqual(groupsOf([p('a.mu', 10), p('a.rho', 10), p('b.mu', 5), p('b.rho', 5)]).map(names), ['a.mu b.mu', 'a.rho b.rho']);
  t.deepEqual(groupsOf([p('table', 50), p('b.mu', 5), p('b.rho', 5)]).map(names), ['table', 'b.mu b.rho']);
});
