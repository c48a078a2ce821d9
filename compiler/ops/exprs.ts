/** Kernel expressions as an algebra. */
import type { Expr } from '../6-kernels/kernel.ts';
import type { Algebra } from './algebra.ts';
import type { ScalarType } from './names.ts';
import { ops } from './table.ts';

export const exprAlgebra: Algebra<Expr> = {
  lit: value => ({ kind: 'lit', type: 'f32', value }),
  word: value => ({ kind: 'lit', type: 'u32', value: value >>> 0 }),
  op: (op, ...args) => {
    const result = ops[op].result;
    const type: ScalarType = result === 'same' ? args[1]?.type ?? 'f32' : result;
    return { kind: 'op', type, op, args };
  },
};
