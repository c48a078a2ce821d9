/** The plain form: one invocation for each position of a kernel's grid, which does all of its work alone. */
import type { Kernel } from '../../6-kernels/kernel.ts';
import { decode, product } from './positions.ts';
import type { Frame } from './frame.ts';

/** Invocations of one workgroup: a whole number of subgroups on every GPU, and allowed everywhere. The runtime has the same number. */
export const workgroupSize = 64;

export function printPlain(kernel: Kernel, frame: Frame): string {
  const section = frame.section();
  const body = section.statements(kernel.body);
  const count = product(kernel.axes, section);
  return frame.text([], section.complete([
    `${kernel.axes.length > 1 ? 'var' : 'let'} rest = i32((${frame.group}) * ${workgroupSize}u + lane);`,
    `if (rest >= ${count}) { return; }`,
    ...decode('rest', kernel.axes, frame, section),
    ...body,
  ]), workgroupSize);
}
