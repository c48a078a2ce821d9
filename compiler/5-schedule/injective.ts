/**
 * Whether different positions read different elements. Imagine each axis written in the digits that quotients and remainders cut it
 * into (a flattened axis as channel, row and column), and each coordinate of the element solved for them: one that is a single digit
 * gives it away, what is known is taken out of the others (windows: i - u and u), and digits of a mixed radix (6·a + b with b < 6)
 * are given away at once. A sum that is cut is such an axis too; once all of its digits are known, it is one more coordinate.
 */
import { indexKey, indexUses, parts, upperBound } from '../6-kernels/index.ts';
import type { Atom, Axis, Index } from '../6-kernels/kernel.ts';
import { nominal } from './unit.ts';

/** The part ⌊a / low⌋ mod (high / low) of an axis, or of a sum that is cut. */
interface Part { readonly of: string; readonly low: number; readonly high: number }
interface Digit { readonly name: string; readonly stride: number }

export function isInjective(index: readonly Index[], axes: readonly Axis[]): boolean {
  // nearly always each coordinate is one axis, or stands still
  if (index.every(i => i.terms.length === 0 || (i.terms.length === 1 && i.terms[0]?.atom.kind === 'axis'))) return axes.every(a => index.some(i => indexUses(i, a.name)));
  const extents = new Map(axes.map(a => [a.name, typeof a.extent === 'number' ? a.extent : nominal[a.extent]]));
  const sums = new Map<string, Index>();
  const parted = new Map<Atom, Part>();
  // a place that is a value is not looked into: such reads are taken as all different
  if (!index.every(note)) return true;

  /** Where an axis is cut, from 1 to its extent: a digit lies between two cuts. */
  const cuts = new Map<string, readonly number[]>([...extents].map(([name, extent]) => [name, [1, extent]]));
  for (const { of, low, high } of parted.values()) cuts.set(of, [...new Set([...(cuts.get(of) ?? []), low, high])].sort((a, b) => a - b));
  const digits = new Map([...cuts].map(([name, at]) => [name, at.slice(1).map((high, i) => ({ name: `${name} ${i}`, low: at[i] ?? 1, high }))] as const));
  // the last digit may be cut short; other cuts that don't nest have no digits to solve for
  if ([...digits.values()].some(of => of.some((d, i) => i < of.length - 1 && d.high % d.low !== 0))) return false;
  const open = new Map([...digits.values()].flat().map(d => [d.name, Math.ceil(d.high / d.low)] as const));
  const isKnown = (name: string): boolean => (digits.get(name) ?? []).every(d => !open.has(d.name));
  const inDigits = (i: Index): readonly Digit[] => i.terms.flatMap(({ coefficient, atom }) => {
    const part = parted.get(atom);
    return part ? (digits.get(part.of) ?? []).filter(d => d.low >= part.low && d.high <= part.high).map(d => ({ name: d.name, stride: Math.abs(parts(coefficient).times) * d.low / part.low })) : [];
  });
  const coordinates = [...index.map(i => ({ digits: inDigits(i), sum: undefined })), ...[...sums].map(([sum, i]) => ({ digits: inDigits(i), sum }))];
  for (let size = -1; size !== open.size;) {
    size = open.size;
    for (const { digits: all, sum } of coordinates) {
      if (sum !== undefined && !isKnown(sum)) continue;
      const left = all.filter(d => open.has(d.name)).sort((a, b) => a.stride - b.stride);
      let reach = 1;
      if (left.every(d => { const ok = d.stride >= reach; reach += d.stride * ((open.get(d.name) ?? 1) - 1); return ok; })) left.forEach(d => open.delete(d.name));
    }
  }
  return axes.every(a => isKnown(a.name));

  /** Finds the part that each atom of a sum is; whether none is a value. */
  function note(i: Index): boolean {
    return i.terms.every(({ atom }) => { const part = partOf(atom); if (part) parted.set(atom, part); return part !== undefined; });
  }
  function partOf(atom: Atom): Part | undefined {
    if (atom.kind === 'value') return undefined;
    if (atom.kind === 'axis') return { of: atom.name, low: 1, high: extents.get(atom.name) ?? 1 };
    const { index: of, by } = atom;
    const [only] = of.terms;
    const isOne = only && of.terms.length === 1 && of.constant === 0 && parts(only.coefficient).times === 1 && parts(only.coefficient).by.length === 0;
    const inside = isOne ? partOf(only.atom) : cutSum(of);
    if (!inside) return undefined;
    const cut = Math.min(inside.low * by, inside.high);
    return atom.kind === 'div' ? { ...inside, low: cut } : { ...inside, high: cut };
  }
  function cutSum(i: Index): Part | undefined {
    const name = `(${indexKey(i)})`;
    if (!sums.has(name)) {
      sums.set(name, i);
      extents.set(name, (upperBound(i, axis => extents.get(axis)) ?? 2 ** 40) + 1); // behind a guard where it is negative
      if (!note(i)) return undefined;
    }
    return { of: name, low: 1, high: extents.get(name) ?? 1 };
  }
}
