/**
 * What is the same for all lines of a column. Imagine a bias that is drawn for each column of a tile: a lane that owns eight lines of a
 * column draws it once, before the loop over them. Compilers of drivers do not: a store in the loop might have changed what is loaded.
 */
import type { Expr, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { mapChildren, mapStmts } from '../../6-kernels/map.ts';
import { axesIn } from './contraction.ts';
import { buffersIn, namesIn } from './pieces.ts';
import type { Result } from './pieces.ts';
import { priceOf } from './price.ts';

/** Instructions from which on a value is worth a name. */
const dear = 12;

export interface Hoisted { readonly column: readonly Stmt[]; readonly body: readonly Stmt[]; readonly results: readonly Result[] }

/** @param axes What is known before the loop. Nothing is taken out that reads what the kernel writes. */
export function hoist(kernel: Kernel, body: readonly Stmt[], results: readonly Result[], axes: ReadonlySet<string>): Hoisted {
  const written = new Set(kernel.buffers.filter(b => b.access !== 'read').map(b => b.name));
  const column: Stmt[] = [];
  const done = new Map<Expr, Expr>();
  const isFixed = (e: Expr): boolean => {
    for (const a of axesIn(e)) if (!axes.has(a)) return false;
    for (const b of buffersIn(e)) if (written.has(b)) return false;
    return namesIn(e).size === 0;
  };
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = e.type !== 'bool' && e.kind !== 'index' && isFixed(e) && priceOf([], [e], []) > dear ? named(e) : mapChildren(e, visit);
    done.set(e, made);
    return made;
  };
  const named = (value: Expr): Expr => {
    const name = `column value ${column.length}`;
    column.push({ kind: 'let', name, value });
    return { kind: 'ref', type: value.type, name };
  };
  const inside = mapStmts(body, visit);
  return { body: inside, results: results.map(r => ({ ...r, value: visit(r.value) })), column };
}
