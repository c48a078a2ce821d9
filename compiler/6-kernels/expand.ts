/** Makes a kernel sayable: every op that a target does not spell is replaced by its definition in simpler ops. */
import type { Expand } from '../ops/expansions.ts';
import { derived, isDerived } from '../ops/table.ts';
import { exprAlgebra } from '../ops/exprs.ts';
import { expandNoise } from '../ops/noise.ts';
import type { DerivedOp, Op } from '../ops/names.ts';
import type { Expr, Kernel } from './kernel.ts';
import { mapKernel, upwards } from './map.ts';

export type Expansions = Readonly<Partial<Record<DerivedOp, Expand>>>;
export interface Expansion {
  /** Whether the target says this op itself. Core ops it must. */
  readonly spells: (op: Op) => boolean;
  /** What the target says in place of an op's own definition. */
  readonly own?: Expansions;
  /** Whether noise stays an expression of its own. */
  readonly keepsNoise: boolean;
}

/** One object stays one object: what was shared before is shared after. */
export function expandKernel(kernel: Kernel, { spells, own = {}, keepsNoise }: Expansion): Kernel {
  const visit: (e: Expr) => Expr = upwards(e => {
    if (e.kind === 'noise' && !keepsNoise) return visit(expandNoise(e));
    if (e.kind === 'op' && isDerived(e.op) && !spells(e.op)) return visit((own[e.op] ?? derived[e.op].expand)(exprAlgebra, ...e.args));
    return e;
  });
  return mapKernel(kernel, visit);
}
