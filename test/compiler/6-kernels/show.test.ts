/**
 * What `explain` shows of a kernel: three of the Boston model as they were accepted in `show.golden.txt`. One is elementwise
 * with noise, one a contraction, one folds inside a fold. `BNNC_GOLDEN=1` writes the file again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { checkText } from '../../../compiler/compile.ts';
import { programsOf } from '../../../compiler/4-diff/programs.ts';
import { schedule } from '../../../compiler/5-schedule/plan.ts';
import { showKernel } from '../../../compiler/6-kernels/show.ts';
import { capabilities } from '../../support/targets.ts';

const golden = new URL('show.golden.txt', import.meta.url);
const boston = readFileSync(new URL('../../../examples/boston/boston.bnn', import.meta.url), 'utf8');
/** Program and result, of which the kernel that writes it is shown. */
const shown = [['init', 'update:linear1.w.mu'], ['predict', 'output:p'], ['gradients', 'gradient:linear1.b.mu']] as const;

test('three kernels of the Boston model', t => {
  const model = checkText(boston, { file: 'boston.bnn' }).models[0];
  const able = capabilities['a processor'];
  if (!model || !able) throw new Error('no model, or no target');
  const plan = schedule(programsOf(model).programs, able);
  const text = shown.map(([name, result]) => {
    const program = plan.programs.find(p => p.name === name);
    const buffer = result.startsWith('update:') ? result.slice(7) : program?.results[result];
    const steps = program?.steps.flatMap(s => (s.kind === 'run' ? [s.kernel] : [])) ?? [];
    const kernel = steps.map(k => plan.kernels[k]).find(k => k?.buffers.some(b => b.name === buffer && b.access !== 'read'));
    return `${name}, ${result}\n${kernel ? anonymous(showKernel(kernel)) : 'no kernel'}\n`;
  }).join('\n');
  if (process.env['BNNC_GOLDEN'] === '1') writeFileSync(golden, text);
  t.is(text, readFileSync(golden, 'utf8'));
});

/** Numbers of kernels and buffers say how much came before them; here they count from one. */
function anonymous(text: string): string {
  const numbers = new Map<string, number>();
  return text.replace(/^kernel k\d+/, 'kernel').replace(/\bt\d+(?=\[)/g, name => { if (!numbers.has(name)) numbers.set(name, numbers.size + 1); return `t${numbers.get(name) ?? 0}`; });
}
