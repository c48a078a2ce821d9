/**
 * Neighbouring axes of the grid that all accesses walk as one become one. Imagine an elementwise kernel over [512, 13]: its
 * elements lie in one row of 6656, so it is one loop.
 */
import { indexUses, multiplySizes, showSize, strideAlong } from '../../6-kernels/index.ts';
import type { Condition, Expr, Index, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, mapChildren, mapStmts } from '../../6-kernels/map.ts';

/** The kernel with every pair of neighbouring literal axes merged that can be. */
export function collapse(kernel: Kernel): Kernel {
  for (let i = kernel.axes.length - 2; i >= 0; i--) {
    const [a, b] = [kernel.axes[i], kernel.axes[i + 1]];
    if (!a || !b || typeof a.extent !== 'number' || typeof b.extent !== 'number') continue;
    const inner = b.extent;
    const fits = (index: Index): boolean => {
      const [x, y] = [strideAlong(index, a.name), strideAlong(index, b.name)];
      return x !== undefined && y !== undefined && showSize(x) === showSize(multiplySizes(y, inner));
    };
    if (!indicesOf(kernel.body).every(fits)) continue;
    // b is now the position in both; a is nowhere
    const merge = (index: Index): Index => (indexUses(index, a.name) ? { ...index, terms: index.terms.filter(t => t.atom.kind !== 'axis' || t.atom.name !== a.name) } : index);
    const axes = [...kernel.axes.slice(0, i), { name: b.name, extent: a.extent * inner }, ...kernel.axes.slice(i + 2)];
    return collapse({ ...kernel, axes, body: mapIndices(kernel.body, merge) });
  }
  return kernel;
}

/** Every index in a body: of loads, stores, guards, noise, and numbers made from positions. */
function indicesOf(body: readonly Stmt[]): readonly Index[] {
  const out: Index[] = [];
  mapIndices(body, i => { out.push(i); return i; });
  return out;
}

/** A body with every index in it replaced, outermost ones only. */
export function mapIndices(body: readonly Stmt[], f: (i: Index) => Index): readonly Stmt[] {
  const done = new Map<Expr, Expr>();
  const guard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, index: f(c.index) }));
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = own(childrenOf(e).length > 0 ? mapChildren(e, visit) : e);
    done.set(e, made);
    return made;
  };
  const own = (e: Expr): Expr => {
    switch (e.kind) {
      case 'load': return { ...e, offset: f(e.offset), ...(e.guard ? { guard: guard(e.guard) } : {}) };
      case 'index': return { ...e, index: f(e.index) };
      case 'inside': return { ...e, guard: guard(e.guard) };
      case 'noise': return { ...e, sample: f(e.sample), element: f(e.element) };
      case 'lit': case 'ref': case 'scalar': case 'op': return e;
    }
  };
  const stores = (s: readonly Stmt[]): readonly Stmt[] => s.map((x): Stmt => (x.kind === 'store' ? { ...x, offset: f(x.offset) } : x.kind === 'let' ? x : { ...x, body: stores(x.body) }));
  return stores(mapStmts(body, visit));
}
