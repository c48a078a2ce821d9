/**
 * Whether different positions read different elements. Imagine each coordinate of the element solved for the axes in it: one
 * that is a single axis gives that axis away, and what is known is taken out of the others (windows: i - u and u). Positions of
 * a mixed radix (6·a + b with b < 6) give all their axes away at once, a quotient and its remainder what was divided.
 */
import { indexKey, indexUses, parts } from '../6-kernels/index.ts';
import type { Atom, Axis, Index } from '../6-kernels/kernel.ts';
import { nominal } from './unit.ts';

export function isInjective(index: readonly Index[], axes: readonly Axis[]): boolean {
  // nearly always each coordinate is one axis, or stands still
  if (index.every(i => i.terms.length === 0 || (i.terms.length === 1 && i.terms[0]?.atom.kind === 'axis'))) return axes.every(a => index.some(i => indexUses(i, a.name)));
  const open = new Map(axes.map(a => [a.name, typeof a.extent === 'number' ? a.extent : nominal[a.extent]] as const));
  const known = [...index];
  // a quotient alone is not what was divided; both parts of it are, and so on upwards
  for (const i of known) {
    const a = single(i);
    if (a?.kind !== 'div' && a?.kind !== 'mod') continue;
    const other = key({ ...a, kind: a.kind === 'div' ? 'mod' : 'div' });
    if (known.some(x => { const b = single(x); return b !== undefined && key(b) === other; }) && !known.some(x => indexKey(x) === indexKey(a.index))) known.push(a.index);
  }
  // a place that is a value, or part of a larger sum, is not looked into: such reads are taken as all different
  for (const i of known) if (!single(i)) for (const { atom } of i.terms) if (atom.kind !== 'axis') forget(atom);
  const linear = known.map(i => i.terms.flatMap(({ coefficient, atom }) => (atom.kind === 'axis' ? [{ axis: atom.name, stride: Math.abs(parts(coefficient).times) }] : [])));
  for (let size = -1; size !== open.size;) {
    size = open.size;
    for (const terms of linear) {
      const left = terms.filter(t => open.has(t.axis)).sort((a, b) => a.stride - b.stride);
      let reach = 1;
      if (left.every(t => { const ok = t.stride >= reach; reach += t.stride * ((open.get(t.axis) ?? 1) - 1); return ok; })) left.forEach(t => open.delete(t.axis));
    }
  }
  return open.size === 0;

  function forget(a: Atom): void {
    if (a.kind === 'axis') open.delete(a.name);
    else if (a.kind === 'value') open.clear();
    else a.index.terms.forEach(t => { forget(t.atom); });
  }
}

/** The one atom that an index is, if it is one. */
function single(i: Index): Atom | undefined {
  const [only] = i.terms;
  return i.terms.length === 1 && i.constant === 0 && only && parts(only.coefficient).times === 1 && parts(only.coefficient).by.length === 0 && only.atom.kind !== 'value' ? only.atom : undefined;
}
const key = (atom: Atom): string => indexKey({ constant: 0, terms: [{ coefficient: 1, atom }] });
