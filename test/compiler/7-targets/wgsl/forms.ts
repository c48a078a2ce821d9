/** Forms by force: kernels of tests are small, and would all stay plain. */
import { candidatesOf } from '../../../../compiler/7-targets/wgsl/form.ts';
import type { Form } from '../../../../compiler/7-targets/wgsl/form.ts';
import type { Choice } from '../../../../compiler/7-targets/wgsl/index.ts';
import type { Kernel } from '../../../../compiler/6-kernels/kernel.ts';

/** All forms of one kind that a kernel can have. */
export const formsOf = (kernel: Kernel, kind: 'tiles' | 'sums'): readonly Form[] =>
  candidatesOf(kernel).flatMap(({ form }) => (form && (kind === 'sums') === (form.shape.depth > 1) ? [form] : []));

/** Tiles wherever there can be some (or shared sums), each kernel with another shape. */
export function forced(kind: 'tiles' | 'sums', seed = 0): Choice {
  const chosen = new WeakMap<Kernel, Form | undefined>();
  let count = seed;
  return kernel => {
    if (!chosen.has(kernel)) { const all = formsOf(kernel, kind); chosen.set(kernel, all.length > 0 ? all[(count++ * 37) % all.length] : undefined); }
    return chosen.get(kernel);
  };
}
