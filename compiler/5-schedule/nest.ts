/**
 * From expressions with folds inside to statements. Imagine sorting work into the loops it must be in: a fold goes to the
 * outermost place where all it needs is known, folds over the same axis that don't wait for each other share one loop, and
 * what does not change inside a loop is computed before it.
 */
import { InternalError } from '../diagnostics.ts';
import type { Axis, Carry, Condition, Expr, Index, Stmt } from '../6-kernels/kernel.ts';
import type { Leaf, Term } from './terms.ts';

/** A value to be stored at the innermost level. */
export interface Store { readonly buffer: string; readonly offset: Index; readonly value: Term }

/** Values that outer levels have computed, by term. */
type Known = ReadonlyMap<Term, Expr>;

/**
 * The body of a kernel over `grid`, with `inner` axes as loops inside of it.
 */
export function nest(grid: readonly Axis[], inner: readonly Axis[], stores: readonly Store[]): readonly Stmt[] {
  let names = 0;
  const fresh = (prefix: string): string => `${prefix}${names++}`;
  return level(new Set(grid.map(a => a.name)), inner, new Map());

  /** Statements that store, inside of `maps`, when the axes `bound` and the values `known` are given. */
  function level(bound: ReadonlySet<string>, maps: readonly Axis[], known: Known): readonly Stmt[] {
    const [axis, ...rest] = maps;
    if (!axis) {
      const { stmts, value } = block(bound, stores.map(s => s.value), known);
      if (stores.length === 1) return [...stmts, ...stores.map((s): Stmt => ({ kind: 'store', buffer: s.buffer, offset: s.offset, value: value(s.value) }))];
      // all values before the first store: an updated buffer may be read by the value of another
      const named = stores.map(s => ({ ...s, name: fresh('r'), value: value(s.value) }));
      return [
        ...stmts,
        ...named.map((s): Stmt => ({ kind: 'let', name: s.name, value: s.value })),
        ...named.map((s): Stmt => ({ kind: 'store', buffer: s.buffer, offset: s.offset, value: { kind: 'ref', type: s.value.type, name: s.name } })),
      ];
    }
    // whatever the inner loops need that does not vary along them
    const hoisted = block(bound, [], known, stores.map(s => s.value));
    return [...hoisted.stmts, { kind: 'map', axis, body: level(new Set([...bound, axis.name]), rest, hoisted.known) }];
  }

  /**
   * Computes `roots`, whose axes are all bound, and everything inside `inside` (expressions of inner loops) that can be
   * computed here.
   */
  function block(bound: ReadonlySet<string>, roots: readonly Term[], outer: Known, inside: readonly Term[] = []):
    { readonly stmts: readonly Stmt[]; readonly value: (t: Term) => Expr; readonly known: Known } {
    const known = new Map(outer);
    const isBound = (t: Term): boolean => { for (const a of t.free) if (!bound.has(a)) return false; return true; };
    const folds = new Map<Term & { kind: 'fold' }, number>();
    const lets = new Map<Term, number>();
    const levels = { inside: new Map<Term, number>(), here: new Map<Term, number>() };
    roots.forEach(t => levelOf(t, false));
    inside.forEach(t => levelOf(t, true));

    const stmts: Stmt[] = [];
    const last = Math.max(0, ...folds.values(), ...lets.values());
    for (let l = 0; l <= last; l++) {
      const groups = new Map<string, (Term & { kind: 'fold' })[]>();
      for (const [f, at] of folds) { const key = `${f.axis.name} ${f.bounds?.map(b => b.id).join() ?? ''}`; if (at === l) groups.set(key, [...(groups.get(key) ?? []), f]); }
      for (const group of groups.values()) stmts.push(foldStatement(group));
      for (const [t, at] of lets) {
        if (at !== l || known.has(t)) continue;
        const name = fresh('v');
        stmts.push({ kind: 'let', name, value: value(t) });
        known.set(t, { kind: 'ref', type: t.type, name });
      }
    }
    return { stmts, value, known };

    /**
     * The number of fold loops that must have run here before the term can be had; files folds and lets of this level on
     * the way. `within`: the term stands inside an inner loop.
     */
    function levelOf(t: Term, within: boolean): number {
      if (known.has(t)) return 0;
      const level = within ? levels.inside : levels.here;
      const seen = level.get(t);
      if (seen !== undefined) return seen;
      const here = within && isBound(t);
      const l = here ? hoist(t) : t.kind === 'fold' ? foldLevel(t, within) : Math.max(0, ...childrenOf(t).map(c => levelOf(c, within)));
      level.set(t, l);
      return l;
    }
    function hoist(t: Term): number {
      const l = levelOf(t, false);
      if (t.kind !== 'fold' && !isTrivial(t)) lets.set(t, l);
      return l;
    }
    function foldLevel(f: Term & { kind: 'fold' }, within: boolean): number {
      const below = Math.max(levelOf(f.body, true), ...(f.bounds ?? []).map(b => levelOf(b, within)));
      if (within) return below;
      folds.set(f, below + 1);
      return below + 1;
    }

    function foldStatement(group: readonly (Term & { kind: 'fold' })[]): Stmt {
      const axis = group[0]?.axis ?? fail('an empty loop');
      const carried = group.map(f => ({ f, name: fresh('s') }));
      const bounds = group[0]?.bounds;
      const ends = bounds ? { bounds: [value(bounds[0]), value(bounds[1])] as const } : {};
      const body = block(new Set([...bound, axis.name]), group.map(f => f.body), known);
      const carries: Carry[] = carried.map(({ f, name }) => {
        const ref: Expr = { kind: 'ref', type: 'f32', name };
        return { name, type: 'f32', init: { kind: 'lit', type: 'f32', value: neutral[f.op] }, next: { kind: 'op', type: 'f32', op: f.op, args: [ref, body.value(f.body)] } };
      });
      carried.forEach(({ f, name }) => known.set(f, { kind: 'ref', type: 'f32', name }));
      return { kind: 'fold', axis, carries, body: body.stmts, combine: group.map(f => f.op), ...ends };
    }

    /** The expression of a term once its folds are known. One object a term, so that sharing shows. */
    function value(t: Term): Expr {
      const seen = known.get(t);
      if (seen) return seen;
      const made: Expr = t.kind === 'leaf' ? leafExpr(t.expr, new Map(t.inside.map(([n, x]) => [n, value(x)])))
        : t.kind === 'op' ? { kind: 'op', type: t.type, op: t.op, args: t.args.map(value) }
        : fail('a fold that no loop computes');
      if (isBound(t)) known.set(t, made);
      return made;
    }
  }
}

const neutral = { add: 0, max: -3.4028234663852886e38, min: 3.4028234663852886e38 } as const;
const childrenOf = (t: Term): readonly Term[] => (t.kind === 'op' ? t.args : t.kind === 'leaf' ? t.inside.map(([, x]) => x) : [t.body, ...(t.bounds ?? [])]);
/** Not worth a name. */
const isTrivial = (t: Term): boolean => t.kind === 'leaf' && (t.expr.kind === 'lit' || t.expr.kind === 'scalar' || t.expr.kind === 'index');

/** Puts values in for the names that stand for them in the indices of a leaf. */
function leafExpr(e: Leaf, values: ReadonlyMap<string, Expr>): Expr {
  if (values.size === 0) return e;
  const put = (i: Index): Index => ({
    constant: i.constant,
    terms: i.terms.map(t => ({ ...t, atom: t.atom.kind === 'value' ? { kind: 'value', value: (t.atom.value.kind === 'ref' ? values.get(t.atom.value.name) : undefined) ?? t.atom.value } : t.atom.kind === 'axis' ? t.atom : { ...t.atom, index: put(t.atom.index) } })),
  });
  const putGuard = (g: readonly Condition[]): readonly Condition[] => g.map(c => ({ ...c, index: put(c.index) }));
  switch (e.kind) {
    case 'load': return { ...e, offset: put(e.offset), ...(e.guard ? { guard: putGuard(e.guard) } : {}) };
    case 'index': return { ...e, index: put(e.index) };
    case 'inside': return { ...e, guard: putGuard(e.guard) };
    case 'noise': return { ...e, sample: put(e.sample), element: put(e.element) };
    case 'lit': case 'scalar': return e;
  }
}

function fail(message: string): never { throw new InternalError('nest', message); }
