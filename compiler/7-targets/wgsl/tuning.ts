/**
 * Forms that were measured, for a device. Imagine a short list beside each kernel: the forms that the prices like best; somebody ran
 * them all, and wrote down which was quickest. What a kernel does is its name there, so equal kernels of other models find it too.
 */
import { createHash } from 'node:crypto';
import type { Kernel } from '../../6-kernels/kernel.ts';
import { kernelShape } from '../../6-kernels/kernel-key.ts';
import type { Target } from '../target.ts';
import { candidatesOf, formOf } from './form.ts';
import type { Form } from './form.ts';
import { webgpuWith } from './index.ts';
import type { Shape } from './shapes.ts';

/** What was found on a device, as `bnnc tune` writes it and `bnnc compile --tuning` reads it: plain data. */
export interface Tuning {
  /** Vendor, architecture and name, as the adapter says them. */
  readonly device: string;
  /** By what a kernel does (`tuningKey`): the shape of its workgroups, or that each lane has a position of its own. Other kernels keep what is chosen from counts. */
  readonly forms: Readonly<Record<string, Shape | 'plain'>>;
}

/** The name of what a kernel does: equal for equal kernels, whatever their buffers and their noise are called. */
export const tuningKey = (kernel: Kernel): string => createHash('sha256').update(kernelShape(kernel).key).digest('hex').slice(0, 16);

/** What is written down of a form. */
export const remembered = (form: Form | undefined): Shape | 'plain' => form?.shape ?? 'plain';

/** Forms worth measuring, what counts choose first; undefined is the plain form. Empty where there is no choice. @param tries How many at most. */
export function shortlist(kernel: Kernel, tries: number): readonly (Form | undefined)[] {
  const all = candidatesOf(kernel);
  if (all.length < 2) return [];
  const chosen = formOf(kernel);
  const others = [...all].sort((a, b) => a.time - b.time).map(c => c.form);
  // the chosen form is one of the candidates, though another object when it was asked for earlier
  const known = new Set<string>();
  return [chosen, ...others].filter(form => { const key = JSON.stringify(remembered(form)); return !known.has(key) && known.add(key); }).slice(0, tries);
}

/** The target with forms as they were found; a form that a kernel can't have any more is not taken. */
export function tuned(tuning: Tuning): Target {
  const forms = new Map<Kernel, Form | undefined>();
  return webgpuWith(kernel => {
    if (!forms.has(kernel)) {
      const found = tuning.forms[tuningKey(kernel)];
      const wanted = JSON.stringify(found);
      const candidate = found === undefined ? undefined : candidatesOf(kernel).find(c => JSON.stringify(remembered(c.form)) === wanted);
      forms.set(kernel, candidate ? candidate.form : formOf(kernel));
    }
    return forms.get(kernel);
  });
}
