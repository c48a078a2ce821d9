/**
 * Neighbouring grid axes that every access walks as one become one: an elementwise kernel over [512, 13] is then a flat loop
 * of 6,656 without a remainder in each row.
 */
import { parts } from '../../6-kernels/index.ts';
import type { Expr, Index, Kernel, Size, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, mapChildren, mapStmts } from '../../6-kernels/map.ts';

export function collapse(kernel: Kernel): Kernel {
  for (let i = kernel.axes.length - 2; i >= 0; i--) {
    const [a, b] = [kernel.axes[i], kernel.axes[i + 1]];
    if (!a || !b || typeof a.extent !== 'number' || typeof b.extent !== 'number') continue;
    const inner = b.extent;
    if (!indicesOf(kernel).every(x => fits(x, a.name, b.name, inner))) continue;
    const axes = kernel.axes.flatMap((x, k) => (k === i ? [{ name: b.name, extent: Number(a.extent) * inner }] : k === i + 1 ? [] : [x]));
    return collapse({ ...kernel, axes, body: without(kernel.body, a.name) });
  }
  return kernel;
}

/** coefficient of a = extent of b · coefficient of b, and neither inside a division, a remainder or a value. */
function fits(index: Index, a: string, b: string, inner: number): boolean {
  let [ca, cb]: [Size, Size] = [0, 0];
  for (const { coefficient, atom } of index.terms) {
    if (atom.kind === 'axis') { if (atom.name === a) ca = coefficient; if (atom.name === b) cb = coefficient; } else if (atom.kind !== 'value' && mentions(atom.index, [a, b])) return false;
  }
  const [x, y] = [parts(ca), parts(cb)];
  return x.times === y.times * inner && (x.times === 0 || x.by.join() === y.by.join());
}
const mentions = (index: Index, names: readonly string[]): boolean =>
  index.terms.some(({ atom }) => (atom.kind === 'axis' ? names.includes(atom.name) : atom.kind !== 'value' && mentions(atom.index, names)));

/** Every index of a kernel, those inside guards and noise too. */
function indicesOf(kernel: Kernel): readonly Index[] {
  const out: Index[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): Expr => {
    if (seen.has(e)) return e;
    seen.add(e);
    if (e.kind === 'load') out.push(e.offset, ...(e.guard ?? []).map(g => g.index));
    if (e.kind === 'index') out.push(e.index);
    if (e.kind === 'inside') out.push(...e.guard.map(g => g.index));
    if (e.kind === 'noise') out.push(e.sample, e.element);
    childrenOf(e).forEach(visit);
    return e;
  };
  const stores = (body: readonly Stmt[]): void => body.forEach(s => { if (s.kind === 'store') out.push(s.offset); else if (s.kind !== 'let') stores(s.body); });
  mapStmts(kernel.body, visit);
  stores(kernel.body);
  return out;
}

/** The statements with every term of an axis taken out. */
function without(body: readonly Stmt[], axis: string): readonly Stmt[] {
  const strip = (i: Index): Index => ({ ...i, terms: i.terms.filter(t => !(t.atom.kind === 'axis' && t.atom.name === axis)) });
  const done = new Map<Expr, Expr>();
  const expr = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const inner = mapChildren(e, expr);
    const made = inner.kind === 'load' ? { ...inner, offset: strip(inner.offset), ...(inner.guard ? { guard: inner.guard.map(g => ({ ...g, index: strip(g.index) })) } : {}) }
      : inner.kind === 'index' ? { ...inner, index: strip(inner.index) }
      : inner.kind === 'inside' ? { ...inner, guard: inner.guard.map(g => ({ ...g, index: strip(g.index) })) }
      : inner.kind === 'noise' ? { ...inner, sample: strip(inner.sample), element: strip(inner.element) } : inner;
    done.set(e, made);
    return made;
  };
  const store = (s: Stmt): Stmt => (s.kind === 'store' ? { ...s, offset: strip(s.offset) } : s.kind === 'let' ? s : { ...s, body: s.body.map(store) });
  return mapStmts(body, expr).map(store);
}
