/** Kernels of a small plan, which run for one sample at a time: the extent `samples` is the number 1, in loops, places and sizes. */
import { parts, size } from '../6-kernels/index.ts';
import type { Atom, Axis, Condition, Index, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { mapIndices, mapStmts, upwards } from '../6-kernels/map.ts';

/** A size for one sample. */
export const sizeOfOne = (s: Size): Size => (typeof s === 'number' ? s : size(s.times, parts(s).by.filter(d => d !== 'samples')));

export function ofOneSample(kernel: Kernel): Kernel {
  const axis = (a: Axis): Axis => (a.extent === 'samples' ? { ...a, extent: 1 } : a);
  const atom = (a: Atom): Atom => (a.kind === 'div' || a.kind === 'mod' ? { ...a, index: index(a.index) } : a);
  const index = (i: Index): Index => ({ ...i, terms: i.terms.map(t => ({ coefficient: sizeOfOne(t.coefficient), atom: atom(t.atom) })) });
  const guard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, below: sizeOfOne(c.below) }));
  const guarded = upwards(e => ((e.kind === 'load' || e.kind === 'inside') && e.guard ? { ...e, guard: guard(e.guard) } : e));
  const loops = (body: readonly Stmt[]): readonly Stmt[] => body.map((s): Stmt => (s.kind === 'let' || s.kind === 'store' ? s : { ...s, axis: axis(s.axis), body: loops(s.body) }));
  return { ...kernel, axes: kernel.axes.map(axis), body: loops(mapIndices(mapStmts(kernel.body, guarded), index)), buffers: kernel.buffers.map(b => ({ ...b, size: sizeOfOne(b.size) })) };
}
