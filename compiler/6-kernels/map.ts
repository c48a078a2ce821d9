/** Going over a kernel's expressions and indices: every pass that changes expressions is a function of one expression here. */
import type { Atom, Condition, Expr, Index, Kernel, Stmt } from './kernel.ts';

/** The expression with `f` applied to its children (arguments, and values inside its indices). */
export function mapChildren(e: Expr, f: (e: Expr) => Expr): Expr {
  const index = (i: Index): Index => (i.terms.some(t => usesValue(t.atom)) ? { ...i, terms: i.terms.map(t => ({ ...t, atom: atom(t.atom) })) } : i);
  const atom = (a: Atom): Atom => (a.kind === 'axis' ? a : a.kind === 'value' ? { ...a, value: f(a.value) } : { ...a, index: index(a.index) });
  const guard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, index: index(c.index) }));
  switch (e.kind) {
    case 'lit': case 'ref': case 'scalar': return e;
    case 'op': return { ...e, args: e.args.map(f) };
    case 'index': return { ...e, index: index(e.index) };
    case 'inside': return { ...e, guard: guard(e.guard) };
    case 'noise': return { ...e, sample: index(e.sample), element: index(e.element) };
    case 'load': return { ...e, offset: index(e.offset), ...(e.guard ? { guard: guard(e.guard) } : {}) };
  }
}
const usesValue = (a: Atom): boolean => a.kind === 'value' || (a.kind !== 'axis' && a.index.terms.some(t => usesValue(t.atom)));

/** The expressions right inside an expression, values inside its indices included. */
export function childrenOf(e: Expr): readonly Expr[] {
  const out: Expr[] = [];
  mapChildren(e, c => { out.push(c); return c; });
  return out;
}

/** The index with `f` applied to the values inside of it. */
export function mapIndex(index: Index, f: (e: Expr) => Expr): Index {
  const mapped = mapChildren({ kind: 'index', type: 'u32', index }, f);
  return mapped.kind === 'index' ? mapped.index : index;
}

/** The statements with `f` applied to every expression as a whole (not to its children). */
export function mapStmts(body: readonly Stmt[], f: (e: Expr) => Expr): readonly Stmt[] {
  return body.map((s): Stmt => {
    switch (s.kind) {
      case 'let': return { ...s, value: f(s.value) };
      case 'store': return { ...s, value: f(s.value), offset: mapIndex(s.offset, f) };
      case 'map': return { ...s, body: mapStmts(s.body, f) };
      case 'fold': return {
        ...s, carries: s.carries.map(c => ({ ...c, init: f(c.init), next: f(c.next) })), body: mapStmts(s.body, f),
        ...(s.bounds ? { bounds: [f(s.bounds[0]), f(s.bounds[1])] as const } : {}),
      };
    }
  });
}
export const mapKernel = (kernel: Kernel, f: (e: Expr) => Expr): Kernel => ({ ...kernel, body: mapStmts(kernel.body, f) });
