/**
 * What this target says in place of some definitions in `ops/expansions.ts`. WebAssembly rounds each operation in the order in which it
 * stands, where a GPU's compiler may reorder a sum: so a number is made whole by adding and subtracting a large one, and its
 * bits are a power of two as they are. Products stand first in sums, where the runtime may fuse them (`runtime/fused.ts`).
 */
import type { Expansions } from '../../6-kernels/expand.ts';
import type { Algebra } from '../../ops/algebra.ts';
import { words } from '../../ops/algebra.ts';
import { byRoots, ln2High, ln2Low, log1pUnit, logUnit, one, rootHalf } from '../../ops/expansions.ts';

/** e^r for |r| <= ½ ln 2, highest power first: fitted for the least relative error, 3.1e-9, with 1 and r as they are. */
const expUnit = [1.3814560370519757e-3, 8.368735201656818e-3, 4.166838899254799e-2, 0.1666652113199234, 0.4999999403953552, 1, 1];

/** e^(sign·x) in two parts: sign·x = k ln 2 + r, e^r and 2^(k + bias - 127), where that is at least 2^-126. 20 ops, with fused multiply-adds 12. */
function parts<T>(a: Algebra<T>, x: T, sign: 1 | -1, bias: 126 | 127): { readonly unit: T; readonly power: T } {
  const w = words(a);
  // above 2^23 neighbours are 1 apart: the sum is rounded to a whole number, which its lowest bits hold as an exponent has it
  const magic = a.lit(2 ** 23 + bias);
  const sum = w.add(w.mul(x, a.lit(sign * Math.LOG2E)), magic);
  const k = w.sub(sum, magic);
  // sign·r
  const r = w.add(w.mul(k, a.lit(-sign * ln2Low)), w.add(w.mul(k, a.lit(-sign * ln2High)), x));
  const unit = w.polynomial(r, expUnit.map((c, i) => (i % 2 === 0 ? c : sign * c)));
  return { unit, power: a.op('unbits', a.op('ushl', a.op('bits', sum), a.word(23))) };
}

export const ownExpansions: Expansions = {
  /** 2·2^(k-1)·e^r: overflows to infinity above 88.72, is 0 below -86.98. 24 ops. */
  exp: one((a, w, x) => {
    const { unit, power } = parts(a, w.min(w.max(x, a.lit(-87.336)), a.lit(89)), 1, 126);
    return w.mul(w.mul(unit, power), a.lit(2));
  }),
  /**
   * x = 2^e·f with f in [√½, √2) by the bits of x: z + z²(z·p - ½) + e ln 2, z = f - 1 (Cephes logf). NaN below 0; 0 gives the logarithm of
   * the smallest normal number. 32 ops.
   */
  log: one((a, w, x) => {
    const { e, m } = byRoots(a, a.op('usub', a.op('bits', w.max(x, a.lit(2 ** -126))), a.word(rootHalf)));
    const z = w.sub(m, a.lit(1));
    const p = w.polynomial(z, logUnit);
    const value = w.add(w.mul(w.mul(z, z), w.add(w.mul(z, p), a.lit(-0.5))), w.add(w.mul(e, a.lit(Math.LN2)), z));
    return w.select(a.op('le', a.lit(0), x), value, a.lit(NaN));
  }),
  /** 1/(1 + e^-x), never less than 6e-39. 25 ops, one division. */
  sigmoid: one((a, w, x) => {
    const { unit, power } = parts(a, w.max(w.min(x, a.lit(87)), a.lit(-88)), -1, 127);
    return w.div(a.lit(1), w.add(w.mul(unit, power), a.lit(1)));
  }),
  /** max(x, 0) + log(1 + e), e = e^(-|x|) in (0, 1], |x| negative by its bits. 45 ops, no division. */
  softplus: one((a, w, x) => {
    const negative = a.op('unbits', a.op('uor', a.op('bits', x), a.word(0x80000000)));
    const { unit, power } = parts(a, w.max(negative, a.lit(-87.336)), 1, 126);
    const e = w.mul(w.mul(unit, power), a.lit(2));
    return w.add(w.mul(e, w.polynomial(e, log1pUnit)), w.max(x, a.lit(0)));
  }),
};
