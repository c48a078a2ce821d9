/**
 * Kernels with some of their stores alone, and the statements that these need. Where a kernel has one result, clusters are not shared in
 * the first place; what is left are values that have two places, as a turn of a loop that is both yielded and carried on. Elsewhere it is
 * values with very many places, as the zeros that all moments begin with, and values that some program does not read.
 */
import { InternalError } from '../diagnostics.ts';
import { childrenOf } from '../6-kernels/map.ts';
import type { Expr, Fold, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { buffersOf } from './emit.ts';

type Store = Stmt & { readonly kind: 'store' };

/** Kernels with so many stores at most, in the order of the stores. @param sizes Of all buffers. */
export function inParts(kernel: Kernel, most: number, sizes: (buffer: string) => Size): readonly Kernel[] {
  const stores = kernel.body.filter(s => s.kind === 'store');
  if (stores.length <= most) return [kernel];
  return Array.from({ length: Math.ceil(stores.length / most) }, (_, part) => {
    const own = new Set<Stmt>(stores.slice(part * most, (part + 1) * most));
    return storing(kernel, s => own.has(s), sizes);
  });
}

/** The kernel with these stores alone. @param isKept Of stores, those of inner loops among them. @param sizes Of all buffers. */
export function storing(kernel: Kernel, isKept: (s: Store) => boolean, sizes: (buffer: string) => Size): Kernel {
  const needed = new Set<string>();
  const visited = new Set<Expr>();
  const need = (e: Expr): void => {
    if (visited.has(e)) return;
    visited.add(e);
    if (e.kind === 'ref') needed.add(e.name);
    childrenOf(e).forEach(need);
  };
  const stores = (s: Stmt): boolean => (s.kind === 'store' ? isKept(s) : s.kind !== 'let' && s.body.some(stores));
  /** What is left, from its end: a name is needed by what comes after it. */
  const left = (body: readonly Stmt[]): readonly Stmt[] => body.toReversed().flatMap(leftOf).reverse();
  const leftOf = (s: Stmt): readonly Stmt[] => {
    switch (s.kind) {
      case 'store': if (!isKept(s)) return []; need(s.value); need({ kind: 'index', type: 'u32', index: s.offset }); return [s];
      case 'let': if (!needed.has(s.name)) return []; need(s.value); return [s];
      case 'map': return stores(s) ? [{ ...s, body: left(s.body) }] : [];
      case 'fold': return stores(s) || s.carries.some(c => needed.has(c.name)) ? [leftOfFold(s)] : [];
    }
  };
  /** A turn may see what another carry was in the turn before. */
  function leftOfFold(s: Fold): Fold {
    s.bounds?.forEach(need);
    for (let kept = -1; ;) {
      const carries = s.carries.filter(c => needed.has(c.name));
      carries.forEach(c => { need(c.init); need(c.next); });
      const made = left(s.body);
      if (carries.length === kept) return { ...s, carries, body: made, ...(s.combine ? { combine: s.combine.filter((_, i) => carries.includes(s.carries[i] ?? fail())) } : {}) };
      kept = carries.length;
    }
  }
  const body = left(kernel.body);
  return { ...kernel, body, buffers: buffersOf(body, sizes) };
}
const fail = (): never => { throw new InternalError('schedule', 'a carry is missing'); };
