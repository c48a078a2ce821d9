/**
 * Axes in two parts. Imagine the gradient of a pool: positions 2q and 2q + 1 read the same place q = i div 2. An axis of the
 * grid that only asks for its quotient and remainder by one number becomes two axes, and those indices are sums again.
 */
import { addIndex, axisIndex, constant, divideIndex, scaleIndex, zero } from '../6-kernels/index.ts';
import type { Atom, Axis, Index, Kernel } from '../6-kernels/kernel.ts';
import { mapIndices } from '../6-kernels/map.ts';
import { axisExtent } from './reads.ts';

export function unbend(kernel: Kernel): Kernel {
  const by = new Map<string, Set<number>>();
  mapIndices(kernel.body, i => { divisors(i, by); return i; });
  const parts = new Map<string, readonly [Axis, Axis]>();
  for (const { name, extent } of kernel.axes) {
    const [divisor, ...others] = by.get(name) ?? [];
    if (divisor === undefined || others.length > 0 || typeof extent !== 'number' || extent % divisor !== 0 || extent === divisor) continue;
    parts.set(name, [{ name: `${name}q_${extent / divisor}`, extent: extent / divisor }, { name: `${name}r_${divisor}`, extent: divisor }]);
  }
  if (parts.size === 0) return kernel;
  const index = (i: Index): Index => i.terms.reduce((sum, t) => addIndex(sum, scaleIndex(atom(t.atom), t.coefficient)), constant(i.constant));
  const atom = (a: Atom): Index => {
    if (a.kind === 'value') return addIndex(zero, { constant: 0, terms: [{ coefficient: 1, atom: a }] });
    if (a.kind !== 'axis') { const { quotient, remainder } = divideIndex(index(a.index), a.by, axisExtent); return a.kind === 'div' ? quotient : remainder; }
    const [q, r] = parts.get(a.name) ?? [];
    return q && r ? addIndex(scaleIndex(axisIndex(q.name), Number(r.extent)), axisIndex(r.name)) : axisIndex(a.name);
  };
  return { ...kernel, axes: kernel.axes.flatMap(a => parts.get(a.name) ?? [a]), body: mapIndices(kernel.body, index) };
}

/** Files the divisors of axes that stand alone in a quotient or a remainder. */
function divisors(i: Index, by: Map<string, Set<number>>): void {
  for (const { atom } of i.terms) {
    if (atom.kind !== 'div' && atom.kind !== 'mod') continue;
    const [only] = atom.index.terms;
    if (atom.index.constant === 0 && atom.index.terms.length === 1 && only?.coefficient === 1 && only.atom.kind === 'axis') by.set(only.atom.name, (by.get(only.atom.name) ?? new Set()).add(atom.by));
    else divisors(atom.index, by);
  }
}
