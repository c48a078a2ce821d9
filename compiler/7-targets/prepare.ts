/** What every target of text does to a kernel first: operations it has no word for become simpler ones, then what occurs twice gets a name. */
import { expandKernel } from '../6-kernels/expand.ts';
import type { Expansions } from '../6-kernels/expand.ts';
import type { Kernel } from '../6-kernels/kernel.ts';
import { shareKernel } from '../6-kernels/share.ts';
import type { Op } from '../ops/names.ts';

/** A kernel whose expressions are trees of ops that the target spells, and of noise. @param own What the target says in place of an op's own definition. */
export const prepare = (kernel: Kernel, spells: (op: Op) => boolean, own?: Expansions): Kernel =>
  shareKernel(expandKernel(kernel, { spells, ...(own ? { own } : {}), keepsNoise: true }));
