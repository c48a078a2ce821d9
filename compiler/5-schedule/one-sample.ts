/** Kernels of a small plan, which run for one sample at a time: the extent `samples` is the number 1, in loops, places and sizes. */
import { parts, size } from '../6-kernels/index.ts';
import type { Atom, Axis, Condition, Expr, Index, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { childrenOf, mapChildren } from '../6-kernels/map.ts';

/** A size for one sample. */
export const sizeOfOne = (s: Size): Size => (typeof s === 'number' ? s : size(s.times, parts(s).by.filter(d => d !== 'samples')));

export function ofOneSample(kernel: Kernel): Kernel {
  const done = new Map<Expr, Expr>();
  const axis = (a: Axis): Axis => (a.extent === 'samples' ? { ...a, extent: 1 } : a);
  const atom = (a: Atom): Atom => (a.kind === 'div' || a.kind === 'mod' ? { ...a, index: index(a.index) } : a.kind === 'value' ? { ...a, value: expr(a.value) } : a);
  const index = (i: Index): Index => ({ ...i, terms: i.terms.map(t => ({ coefficient: sizeOfOne(t.coefficient), atom: atom(t.atom) })) });
  const guard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, index: index(c.index), below: sizeOfOne(c.below) }));
  const expr = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = ((): Expr => {
      switch (e.kind) {
        case 'load': return { ...e, offset: index(e.offset), ...(e.guard ? { guard: guard(e.guard) } : {}) };
        case 'index': return { ...e, index: index(e.index) };
        case 'inside': return { ...e, guard: guard(e.guard) };
        case 'noise': return { ...e, sample: index(e.sample), element: index(e.element) };
        default: return childrenOf(e).length > 0 ? mapChildren(e, expr) : e;
      }
    })();
    done.set(e, made);
    return made;
  };
  const stmt = (s: Stmt): Stmt => {
    switch (s.kind) {
      case 'let': return { ...s, value: expr(s.value) };
      case 'store': return { ...s, offset: index(s.offset), value: expr(s.value) };
      case 'map': return { ...s, axis: axis(s.axis), body: s.body.map(stmt) };
      case 'fold': return { ...s, axis: axis(s.axis), ...(s.bounds ? { bounds: [expr(s.bounds[0]), expr(s.bounds[1])] as const } : {}), carries: s.carries.map(c => ({ ...c, init: expr(c.init), next: expr(c.next) })), body: s.body.map(stmt) };
    }
  };
  return { ...kernel, axes: kernel.axes.map(axis), body: kernel.body.map(stmt), buffers: kernel.buffers.map(b => ({ ...b, size: sizeOfOne(b.size) })) };
}
