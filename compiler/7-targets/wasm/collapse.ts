/**
 * Neighbouring axes of the grid that all accesses walk as one become one. Imagine an elementwise kernel over [512, 13]: its
 * elements lie in one row of 6656, so it is one loop.
 */
import { indexUses, multiplySizes, showSize, strideAlong } from '../../6-kernels/index.ts';
import type { Index, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { mapIndices } from '../../6-kernels/map.ts';

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
