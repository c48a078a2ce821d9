/**
 * Names every subexpression that is used more than once, so that printers see trees. Imagine each name at the latest place
 * that all its uses come after: in the block where they meet, just before the first of them.
 */
import { guardKey, indexKey } from './index.ts';
import type { Expr, Kernel, Stmt } from './kernel.ts';
import { eachChild, eachValue, mapChildren, mapIndex } from './map.ts';
import { union } from './sets.ts';

/** Equal expressions become one object, numbered in an order in which children come first. */
interface Canon { of(e: Expr): Expr; number(e: Expr): number }
function canon(): Canon {
  const byText = new Map<string, Expr>();
  const numbers = new Map<Expr, number>();
  const known = new Map<Expr, Expr>();
  const of = (e: Expr): Expr => {
    const seen = known.get(e);
    if (seen) return seen;
    const made = mapChildren(e, of);
    const text = textOf(made);
    const first = byText.get(text) ?? made;
    if (first === made) { byText.set(text, made); numbers.set(made, numbers.size); }
    known.set(e, first);
    known.set(first, first);
    return first;
  };
  const textOf = (e: Expr): string => {
    let children = '';
    eachChild(e, c => { children += `${numbers.get(c)},`; });
    switch (e.kind) {
      case 'lit': return `${e.type} ${Object.is(e.value, -0) ? '-0' : e.value}`;
      case 'ref': return `& ${e.name}`;
      case 'scalar': return `$ ${e.name} ${e.type}`;
      case 'op': return `${e.op} ${e.type} ${children}`;
      case 'index': return `# ${indexKey(e.index)} ${children}`;
      case 'load': return `${e.buffer}[${indexKey(e.offset)}] ${guardKey(e.guard)} ${e.fill ?? 0} ${children}`;
      case 'inside': return `in ${guardKey(e.guard)} ${children}`;
      case 'noise': return `${e.family} ${e.site} ${indexKey(e.sample)} ${indexKey(e.element)} ${children}`;
    }
  };
  return { of, number: e => numbers.get(e) ?? -1 };
}

/** @param names Whether an expression is worth a name when it is used twice; literals and references never are. */
export function shareKernel(kernel: Kernel, names: (e: Expr) => boolean = () => true): Kernel {
  const c = canon();
  const written = new Set(kernel.buffers.filter(b => b.access !== 'read').map(b => b.name));
  let next = 0;
  /** Names that the body itself gives; any other (a parameter of an outlined function) is known from the start. */
  const inner = new Set(namesIn(kernel.body));
  const free = new Map<Expr, ReadonlySet<string>>();
  /** Names of the body that an expression mentions; `!b` for every buffer b that it reads and this kernel writes. */
  const freeOf = (e: Expr): ReadonlySet<string> => {
    const seen = free.get(e);
    if (seen) return seen;
    const own = new Set<string>();
    if (e.kind === 'ref' && inner.has(e.name)) own.add(e.name);
    if (e.kind === 'load' && written.has(e.buffer)) own.add(`!${e.buffer}`);
    for (const name of axesIn(e)) if (inner.has(name)) own.add(name);
    let all: ReadonlySet<string> = own;
    eachChild(e, child => { all = union(all, freeOf(child)); });
    free.set(e, all);
    return all;
  };
  return { ...kernel, body: block(canonical(kernel.body), new Set(kernel.axes.map(a => a.name)), new Map()) };

  function canonical(body: readonly Stmt[]): readonly Stmt[] {
    return body.map((s): Stmt => {
      switch (s.kind) {
        case 'let': return { ...s, value: c.of(s.value) };
        case 'store': return { ...s, value: c.of(s.value), offset: mapIndex(s.offset, c.of) };
        case 'map': return { ...s, body: canonical(s.body) };
        case 'fold': return { ...s, carries: s.carries.map(x => ({ ...x, init: c.of(x.init), next: c.of(x.next) })), body: canonical(s.body), ...(s.bounds ? { bounds: [c.of(s.bounds[0]), c.of(s.bounds[1])] as const } : {}) };
      }
    });
  }

  /** Roots of a statement: at its own level, and inside its loop. */
  function rootsOf(s: Stmt): { readonly here: readonly Expr[]; readonly inside: readonly Expr[] } {
    switch (s.kind) {
      case 'let': return { here: [s.value], inside: [] };
      case 'store': { const here = [s.value]; eachValue(s.offset, v => { here.push(v); }); return { here, inside: [] }; }
      case 'map': return { here: [], inside: s.body.flatMap(all) };
      case 'fold': return { here: [...s.carries.map(x => x.init), ...(s.bounds ?? [])], inside: [...s.body.flatMap(all), ...s.carries.map(x => x.next)] };
    }
  }
  function all(s: Stmt): readonly Expr[] { const r = rootsOf(s); return [...r.here, ...r.inside]; }

  /**
   * Names what is shared among these statements. `defined`: names known before them; `named`: expressions with a name
   * already. `extra`: expressions evaluated after the last statement (a fold's next values).
   */
  function block(body: readonly Stmt[], defined: ReadonlySet<string>, named: ReadonlyMap<Expr, Expr>): readonly Stmt[] {
    return blockWith(body, [], defined, named).stmts;
  }
  function blockWith(body: readonly Stmt[], extra: readonly Expr[], defined: ReadonlySet<string>, outer: ReadonlyMap<Expr, Expr>): { readonly stmts: readonly Stmt[]; readonly extra: readonly Expr[] } {
    // where each expression stands: in which place first, whether in another too, and the first and last statement it is used in
    const uses = new Map<Expr, { readonly place: number; isShared: boolean; readonly first: number; last: number }>();
    let places = 0;
    body.forEach((s, i) => all(s).forEach(root => { visit(root, --places, i); }));
    extra.forEach(root => { visit(root, --places, body.length); });
    /** With a list of its own, not by calling itself: hundreds of operations are thousands of expressions deep. @param rootPlace A number of its own for each root (below 0) and for each child of each expression. */
    function visit(root: Expr, rootPlace: number, at: number): void {
      const open: { readonly e: Expr; readonly place: number }[] = [{ e: root, place: rootPlace }];
      for (let next = open.pop(); next; next = open.pop()) {
        const { e, place } = next;
        if (outer.has(e)) continue;
        const seen = uses.get(e);
        if (seen) {
          if (seen.place !== place) seen.isShared = true;
          if (seen.last === at) continue;
          seen.last = at;
        } else uses.set(e, { place, isShared: false, first: at, last: at });
        let child = c.number(e) * maximumChildren;
        eachChild(e, x => { open.push({ e: x, place: child++ }); });
      }
    }
    /** What deserves a name, by the statement it is first used in, children first. */
    const wanted = new Map<number, Expr[]>();
    for (const [e, use] of uses) if (use.isShared && isNameable(e)) { const list = wanted.get(use.first); if (list) list.push(e); else wanted.set(use.first, [e]); }
    for (const list of wanted.values()) list.sort((x, y) => c.number(x) - c.number(y));
    const named = new Map(outer);
    const scope = new Set(defined);
    const out: Stmt[] = [];
    const put = (e: Expr): Expr => {
      const seen = named.get(e);
      if (seen) return seen;
      return mapChildren(e, put);
    };
    const nameThose = (at: number): void => {
      for (const e of wanted.get(at) ?? []) {
        if (named.has(e)) continue;
        const mentioned = freeOf(e);
        if (isFurtherIn(mentioned)) continue;
        if (storedBetween(at, uses.get(e)?.last ?? at, mentioned)) continue; // must not move over a store
        const name = `x${next++}`;
        out.push({ kind: 'let', name, value: put(e) });
        named.set(e, { kind: 'ref', type: e.type, name });
        scope.add(name);
      }
    };
    /** Whether one of the names is given in a loop further in. */
    function isFurtherIn(names: ReadonlySet<string>): boolean {
      for (const name of names) if (inner.has(name) && !scope.has(name)) return true;
      return false;
    }
    const stored = body.map(storesOf);
    /** Whether a buffer that is read (`!b`) is stored after a name given before statement `from` and before its last use in statement `to`. */
    function storedBetween(from: number, to: number, names: ReadonlySet<string>): boolean {
      // a loop stores in one turn what it uses in the next
      const end = isLoop(body[to]) ? to : to - 1;
      for (let i = from; i <= end; i++) for (const buffer of stored[i] ?? []) if (names.has(`!${buffer}`)) return true;
      return false;
    }
    body.forEach((s, i) => {
      nameThose(i);
      switch (s.kind) {
        case 'let': out.push({ ...s, value: put(s.value) }); scope.add(s.name); break;
        case 'store': out.push({ ...s, value: put(s.value), offset: mapIndex(s.offset, put) }); break;
        case 'map': out.push({ ...s, body: block(s.body, new Set([...scope, s.axis.name]), named) }); break;
        case 'fold': {
          const within = blockWith(s.body, s.carries.map(x => x.next), new Set([...scope, s.axis.name, ...s.carries.map(x => x.name)]), named);
          out.push({
            ...s, body: within.stmts, carries: s.carries.map((x, k) => ({ ...x, init: put(x.init), next: within.extra[k] ?? x.next })),
            ...(s.bounds ? { bounds: [put(s.bounds[0]), put(s.bounds[1])] as const } : {}),
          });
          s.carries.forEach(x => scope.add(x.name));
        }
      }
    });
    nameThose(body.length);
    return { stmts: out, extra: extra.map(put) };
  }
  function isNameable(e: Expr): boolean {
    return e.kind !== 'lit' && e.kind !== 'ref' && e.kind !== 'scalar' && !(e.kind === 'index' && e.index.terms.length <= 1) && names(e);
  }
}
/** More than any expression has. */
const maximumChildren = 2 ** 20;
/** Buffers that a statement stores to, loops inside of it included. */
const storesOf = (s: Stmt): readonly string[] => (s.kind === 'store' ? [s.buffer] : s.kind === 'let' ? [] : s.body.flatMap(storesOf));
const namesIn = (body: readonly Stmt[]): readonly string[] => body.flatMap(s =>
  (s.kind === 'let' ? [s.name] : s.kind === 'store' ? [] : s.kind === 'map' ? [s.axis.name, ...namesIn(s.body)] : [s.axis.name, ...s.carries.map(x => x.name), ...namesIn(s.body)]));
const isLoop = (s: Stmt | undefined): boolean => s?.kind === 'map' || s?.kind === 'fold';

/** Axes that an expression mentions itself, not in its children. */
function axesIn(e: Expr): readonly string[] {
  type Terms = { readonly terms: readonly { readonly atom: { readonly kind: string } }[] };
  const of = (index: Terms): readonly string[] => index.terms.flatMap(({ atom }) => {
    const a = atom as { readonly kind: string; readonly name?: string; readonly index?: Terms }; // any atom: axis has a name, div and mod an index
    return a.kind === 'axis' ? [a.name ?? ''] : a.index ? of(a.index) : [];
  });
  switch (e.kind) {
    case 'index': return of(e.index);
    case 'load': return [...of(e.offset), ...(e.guard ?? []).flatMap(g => of(g.index))];
    case 'inside': return e.guard.flatMap(g => of(g.index));
    case 'noise': return [...of(e.sample), ...of(e.element)];
    case 'lit': case 'ref': case 'scalar': case 'op': return [];
  }
}
