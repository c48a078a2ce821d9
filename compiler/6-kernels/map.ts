/** Going over a kernel's expressions and indices: every pass that changes expressions is a function of one expression here. */
import type { Atom, Condition, Expr, Index, Kernel, Stmt } from './kernel.ts';

/** The expression with `f` applied to its children (arguments, and values inside its indices); itself where nothing changed. */
export function mapChildren(e: Expr, f: (e: Expr) => Expr): Expr {
  switch (e.kind) {
    case 'lit': case 'ref': case 'scalar': return e;
    case 'op': { const args = mapSame(e.args, f); return args === e.args ? e : { ...e, args }; }
    case 'index': { const index = inIndex(e.index, f); return index === e.index ? e : { ...e, index }; }
    case 'inside': { const guard = inGuard(e.guard, f); return guard === e.guard ? e : { ...e, guard }; }
    case 'noise': { const [sample, element] = [inIndex(e.sample, f), inIndex(e.element, f)]; return sample === e.sample && element === e.element ? e : { ...e, sample, element }; }
    case 'load': {
      const [offset, guard] = [inIndex(e.offset, f), e.guard && inGuard(e.guard, f)];
      return offset === e.offset && guard === e.guard ? e : { ...e, offset, ...(guard ? { guard } : {}) };
    }
  }
}
/** The list with `f` applied, or the list itself where every item stays what it is. */
function mapSame<T>(list: readonly T[], f: (item: T) => T): readonly T[] {
  let out: T[] | undefined;
  list.forEach((item, i) => { const made = f(item); if (made !== item) { out ??= [...list]; out[i] = made; } });
  return out ?? list;
}
function inIndex(i: Index, f: (e: Expr) => Expr): Index {
  const terms = mapSame(i.terms, t => { const atom = inAtom(t.atom, f); return atom === t.atom ? t : { ...t, atom }; });
  return terms === i.terms ? i : { ...i, terms };
}
function inAtom(a: Atom, f: (e: Expr) => Expr): Atom {
  if (a.kind === 'axis') return a;
  if (a.kind === 'value') { const value = f(a.value); return value === a.value ? a : { ...a, value }; }
  const index = inIndex(a.index, f);
  return index === a.index ? a : { ...a, index };
}
const inGuard = (g: readonly Condition[], f: (e: Expr) => Expr): readonly Condition[] => mapSame(g, c => { const index = inIndex(c.index, f); return index === c.index ? c : { ...c, index }; });

const none: readonly Expr[] = [];
/** The expressions right inside an expression, values inside its indices included. */
export function childrenOf(e: Expr): readonly Expr[] {
  if (e.kind === 'op') return e.args;
  if (e.kind === 'lit' || e.kind === 'ref' || e.kind === 'scalar') return none;
  const out: Expr[] = [];
  const see = (i: Index): void => { for (const { atom } of i.terms) { if (atom.kind === 'value') out.push(atom.value); else if (atom.kind !== 'axis') see(atom.index); } };
  switch (e.kind) {
    case 'index': see(e.index); break;
    case 'inside': e.guard.forEach(c => { see(c.index); }); break;
    case 'noise': see(e.sample); see(e.element); break;
    case 'load': see(e.offset); e.guard?.forEach(c => { see(c.index); }); break;
  }
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
