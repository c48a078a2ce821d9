/**
 * Expressions while a kernel is being made: like kernel expressions, but a fold is an expression too, and equal expressions
 * are one object. So what two results have in common is found by identity, and loops are decided afterwards (`nest.ts`).
 */
import { indexKey, guardKey } from '../6-kernels/index.ts';
import type { Axis, Condition, Expr, Index } from '../6-kernels/kernel.ts';
import type { Op, ScalarType } from '../ops/names.ts';

export type Leaf = Exclude<Expr, { kind: 'op' | 'ref' }>;

export type Term = {
  readonly id: number; readonly type: ScalarType;
  /** Names of the axes it varies along. */
  readonly free: ReadonlySet<string>;
} & (
  | { readonly kind: 'leaf'; readonly expr: Leaf; /** Terms inside the leaf's indices (a gather's place), by the name that stands for each. */ readonly inside: readonly (readonly [string, Term])[] }
  | { readonly kind: 'op'; readonly op: Op; readonly args: readonly Term[] }
  | { readonly kind: 'fold'; readonly op: 'add' | 'max' | 'min'; readonly axis: Axis; readonly body: Term; /** Where the axis runs from and to, instead of its extent. */ readonly bounds?: readonly [Term, Term] }
);

export interface Terms {
  leaf(expr: Leaf, inside?: readonly (readonly [string, Term])[]): Term;
  op(op: Op, type: ScalarType, ...args: readonly Term[]): Term;
  fold(op: 'add' | 'max' | 'min', axis: Axis, body: Term, bounds?: readonly [Term, Term]): Term;
}

export function terms(): Terms {
  const known = new Map<string, Term>();
  const intern = (key: string, make: (id: number) => Term): Term => {
    const seen = known.get(key);
    if (seen) return seen;
    const made = make(known.size);
    known.set(key, made);
    return made;
  };
  return {
    leaf(expr, inside = []) {
      const free = (): ReadonlySet<string> => new Set([...axesOfLeaf(expr), ...inside.flatMap(([, t]) => [...t.free])]);
      return intern(`${leafKey(expr)}|${inside.map(([n, t]) => `${n}=${t.id}`).join()}`, id => ({ kind: 'leaf', id, type: expr.type, free: free(), expr, inside }));
    },
    op: (op, type, ...args) => intern(`${op}(${args.map(a => a.id).join()})${type}`, id => ({ kind: 'op', id, type, op, args, free: new Set(args.flatMap(a => [...a.free])) })),
    fold: (op, axis, body, bounds) => intern(`fold ${op} ${axis.name} ${body.id} ${bounds?.map(b => b.id).join() ?? ''}`, id => ({
      kind: 'fold', id, type: body.type, op, axis, body, ...(bounds ? { bounds } : {}), free: new Set([...[...body.free].filter(a => a !== axis.name), ...(bounds ?? []).flatMap(b => [...b.free])]),
    })),
  };
}

function leafKey(e: Leaf): string {
  switch (e.kind) {
    case 'lit': return `${Object.is(e.value, -0) ? '-0' : e.value}${e.type}`;
    case 'scalar': return `$${e.name}${e.type}`;
    case 'index': return `#${indexKey(e.index)}`;
    case 'load': return `${e.buffer}[${indexKey(e.offset)}]${guardKey(e.guard)}:${e.fill ?? 0}`;
    case 'inside': return `in ${guardKey(e.guard)}`;
    case 'noise': return `${e.family} ${e.site} ${indexKey(e.sample)} ${indexKey(e.element)}`;
  }
}

function axesOfLeaf(e: Leaf): readonly string[] {
  switch (e.kind) {
    case 'lit': case 'scalar': return [];
    case 'index': return axesOf(e.index);
    case 'load': return [...axesOf(e.offset), ...axesOfGuard(e.guard)];
    case 'inside': return axesOfGuard(e.guard);
    case 'noise': return [...axesOf(e.sample), ...axesOf(e.element)];
  }
}
const axesOfGuard = (guard: readonly Condition[] = []): readonly string[] => guard.flatMap(c => axesOf(c.index));
const axesOf = (index: Index): readonly string[] => index.terms.flatMap(({ atom }) =>
  (atom.kind === 'axis' ? [atom.name] : atom.kind === 'value' ? axesOfExpr(atom.value) : axesOf(atom.index)));
function axesOfExpr(e: Expr): readonly string[] {
  return e.kind === 'ref' ? [] : e.kind === 'op' ? e.args.flatMap(axesOfExpr) : axesOfLeaf(e);
}
