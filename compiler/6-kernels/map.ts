/** Going over a kernel's expressions and indices: every pass that changes expressions is a function of one expression here. */
import type { Atom, Condition, Expr, Index, Kernel, Stmt } from './kernel.ts';
import { union } from './sets.ts';

/** The expression with `f` applied to its children (arguments, and values inside its indices); itself where nothing changed. */
export function mapChildren(e: Expr, f: (e: Expr) => Expr): Expr {
  switch (e.kind) {
    case 'lit': case 'ref': case 'scalar': return e;
    case 'op': { const args = mapSame(e.args, f); return args === e.args ? e : { ...e, args }; }
    case 'index': { const index = mapIndex(e.index, f); return index === e.index ? e : { ...e, index }; }
    case 'inside': { const guard = inGuard(e.guard, f); return guard === e.guard ? e : { ...e, guard }; }
    case 'noise': { const [sample, element] = [mapIndex(e.sample, f), mapIndex(e.element, f)]; return sample === e.sample && element === e.element ? e : { ...e, sample, element }; }
    case 'load': {
      const [offset, guard] = [mapIndex(e.offset, f), e.guard && inGuard(e.guard, f)];
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
/** The index with `f` applied to the values inside of it. */
export function mapIndex(i: Index, f: (e: Expr) => Expr): Index {
  const terms = mapSame(i.terms, t => { const atom = inAtom(t.atom, f); return atom === t.atom ? t : { ...t, atom }; });
  return terms === i.terms ? i : { ...i, terms };
}
function inAtom(a: Atom, f: (e: Expr) => Expr): Atom {
  if (a.kind === 'axis') return a;
  if (a.kind === 'value') { const value = f(a.value); return value === a.value ? a : { ...a, value }; }
  const index = mapIndex(a.index, f);
  return index === a.index ? a : { ...a, index };
}
const inGuard = (g: readonly Condition[], f: (e: Expr) => Expr): readonly Condition[] => mapSame(g, c => { const index = mapIndex(c.index, f); return index === c.index ? c : { ...c, index }; });

/** Visits the expressions right inside an expression, values inside its indices included, in the order of `mapChildren`. */
export function eachChild(e: Expr, f: (child: Expr) => void): void {
  switch (e.kind) {
    case 'op': for (const a of e.args) f(a); break;
    case 'load': eachValue(e.offset, f); if (e.guard) for (const c of e.guard) eachValue(c.index, f); break;
    case 'index': eachValue(e.index, f); break;
    case 'inside': for (const c of e.guard) eachValue(c.index, f); break;
    case 'noise': eachValue(e.sample, f); eachValue(e.element, f); break;
    case 'lit': case 'ref': case 'scalar': break;
  }
}
/** Visits the values inside an index. */
export function eachValue(index: Index, f: (value: Expr) => void): void {
  for (const { atom } of index.terms) if (atom.kind === 'value') f(atom.value); else if (atom.kind !== 'axis') eachValue(atom.index, f);
}
/** The expressions right inside an expression. */
export function childrenOf(e: Expr): readonly Expr[] {
  if (e.kind === 'op') return e.args;
  const out: Expr[] = [];
  eachChild(e, c => { out.push(c); });
  return out;
}

/** An expression and all below it, each object once: what is used in many places is a graph, whose paths may be beyond counting. */
export function partsOf(e: Expr): ReadonlySet<Expr> {
  const seen = new Set<Expr>();
  const visit = (x: Expr): void => { if (!seen.has(x)) { seen.add(x); eachChild(x, visit); } };
  visit(e);
  return seen;
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

/** Rewrites an expression from its leaves upwards: `own` gets each one with its children rewritten. One object stays one object. */
export function upwards(own: (e: Expr) => Expr): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = own(mapChildren(e, visit));
    done.set(e, made);
    return made;
  };
  return visit;
}

/** Axes in the indices of an expression, not those of values inside of it. */
export function ownAxes(e: Expr): ReadonlySet<string> {
  const own = new Set<string>();
  const index = (i: Index): void => { for (const { atom } of i.terms) if (atom.kind === 'axis') own.add(atom.name); else if (atom.kind !== 'value') index(atom.index); };
  switch (e.kind) {
    case 'index': index(e.index); break;
    case 'load': index(e.offset); e.guard?.forEach(c => { index(c.index); }); break;
    case 'inside': e.guard.forEach(c => { index(c.index); }); break;
    case 'noise': index(e.sample); index(e.element); break;
    case 'lit': case 'ref': case 'scalar': case 'op': break;
  }
  return own;
}

/** Names that an expression and all below it have: `own` gives those of one expression without its children. Remembered. */
export function gathered(own: (e: Expr) => ReadonlySet<string>): (e: Expr) => ReadonlySet<string> {
  const known = new WeakMap<Expr, ReadonlySet<string>>();
  const visit = (e: Expr): ReadonlySet<string> => {
    const seen = known.get(e);
    if (seen) return seen;
    let all = own(e);
    eachChild(e, c => { all = union(all, visit(c)); });
    known.set(e, all);
    return all;
  };
  return visit;
}

/** The statements with `f` applied to every index, outermost ones only: of loads, stores, guards, noise, and numbers made from positions. */
export function mapIndices(body: readonly Stmt[], f: (i: Index) => Index): readonly Stmt[] {
  const guard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, index: f(c.index) }));
  const visit = upwards(e => {
    switch (e.kind) {
      case 'load': return { ...e, offset: f(e.offset), ...(e.guard ? { guard: guard(e.guard) } : {}) };
      case 'index': return { ...e, index: f(e.index) };
      case 'inside': return { ...e, guard: guard(e.guard) };
      case 'noise': return { ...e, sample: f(e.sample), element: f(e.element) };
      case 'lit': case 'ref': case 'scalar': case 'op': return e;
    }
  });
  return mapStores(mapStmts(body, visit), s => ({ ...s, offset: f(s.offset) }));
}
/** The statements with other names for the buffers that they load from and store to. */
export const mapBuffers = (body: readonly Stmt[], loaded: (name: string) => string, stored: (name: string) => string): readonly Stmt[] =>
  mapStores(mapStmts(body, upwards(e => (e.kind === 'load' ? { ...e, buffer: loaded(e.buffer) } : e))), s => ({ ...s, buffer: stored(s.buffer) }));

type Store = Stmt & { readonly kind: 'store' };
const mapStores = (body: readonly Stmt[], f: (s: Store) => Store): readonly Stmt[] =>
  body.map((s): Stmt => (s.kind === 'store' ? f(s) : s.kind === 'let' ? s : { ...s, body: mapStores(s.body, f) }));
