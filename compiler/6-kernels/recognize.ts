/**
 * Finds the contractions (DECISIONS part 4): a fold that adds products P·Q, where P and Q vary along different axes of the
 * output. M = axes of P only, N = of Q only, B = of both. What the factors are is nobody's business: a load, a sampled
 * weight, a padded window.
 */
import type { Expr, Fold, Kernel, Stmt } from './kernel.ts';
import { eachChild, ownAxes } from './map.ts';
import { union } from './sets.ts';

type Axes = ReadonlySet<string>;

export function recognize(kernel: Kernel): Kernel {
  const output = kernel.axes.map(a => a.name);
  return { ...kernel, body: block(kernel.body, output, new Map()) };

  function block(body: readonly Stmt[], outputAxes: readonly string[], known: ReadonlyMap<string, Axes>): readonly Stmt[] {
    const lets = new Map(known);
    return body.map((s): Stmt => {
      switch (s.kind) {
        case 'let': lets.set(s.name, axesOf(s.value, lets)); return s;
        case 'store': return s;
        case 'map': return { ...s, body: block(s.body, [...outputAxes, s.axis.name], lets) };
        case 'fold': {
          const inside = new Map(lets);
          const inner = block(s.body, outputAxes, lets);
          for (const b of inner) if (b.kind === 'let') inside.set(b.name, axesOf(b.value, inside)); else if (b.kind === 'fold') b.carries.forEach(c => inside.set(c.name, carryAxes(b, c.name, inside)));
          const fold: Fold = { ...s, body: inner };
          const contraction = contractionOf(fold, outputAxes, inside);
          s.carries.forEach(c => lets.set(c.name, carryAxes(s, c.name, inside)));
          return contraction ? { ...fold, contraction } : fold;
        }
      }
    });
  }
}

/** What a fold's carry varies along: all that its next values do, less the folded axis. */
function carryAxes(f: Fold, name: string, lets: ReadonlyMap<string, Axes>): Axes {
  const c = f.carries.find(x => x.name === name);
  return new Set(c ? [...axesOf(c.next, lets)].filter(a => a !== f.axis.name) : []);
}

function contractionOf(f: Fold, output: readonly string[], lets: ReadonlyMap<string, Axes>): Fold['contraction'] | undefined {
  const products = f.carries.map(c => {
    const term = addend(c.next, c.name);
    return term ? factors(term).map(x => axesOf(x, lets)) : undefined;
  });
  const [first] = products;
  if (!first || first.length < 2 || products.some(p => !p || p.length < 2)) return undefined;
  // factors that vary along the folded axis are the operands; the rest only scales
  const operands = first.filter(a => a.has(f.axis.name));
  const [p, ...others] = operands;
  if (!p || others.length === 0) return undefined;
  const q = new Set(others.flatMap(a => [...a]));
  const rows = output.filter(a => p.has(a) && !q.has(a));
  const columns = output.filter(a => q.has(a) && !p.has(a));
  const batch = output.filter(a => p.has(a) && q.has(a));
  return rows.length + columns.length > 0 ? { rows, columns, batch } : undefined;
}
/** x, if next is `carry + x`. */
function addend(next: Expr, carry: string): Expr | undefined {
  if (next.kind !== 'op' || next.op !== 'add') return undefined;
  const [a, b] = next.args;
  const isCarry = (e: Expr | undefined): boolean => e?.kind === 'ref' && e.name === carry;
  return isCarry(a) ? b : isCarry(b) ? a : undefined;
}
const factors = (e: Expr): readonly Expr[] => (e.kind === 'op' && e.op === 'mul' ? e.args.flatMap(factors) : [e]);

const cache = new WeakMap<Expr, Axes>();
/** Axes that a value varies along, through the names in it. */
function axesOf(e: Expr, lets: ReadonlyMap<string, Axes>): Axes {
  if (e.kind === 'ref') return lets.get(e.name) ?? new Set();
  const seen = cache.get(e);
  if (seen) return seen;
  let all: Axes = ownAxes(e);
  eachChild(e, c => { all = union(all, axesOf(c, lets)); });
  cache.set(e, all);
  return all;
}
