/**
 * A long sum shared by lanes. Imagine the turns dealt out to the lanes of a position like cards; each adds up its own, then halves of
 * the lanes meet until one number is left. Which turns meet when is a matter of the extents and the number of lanes alone, so the
 * result is the same in every run and on every device. Halves meet in workgroup memory, behind a barrier each; where a device has
 * subgroups, those that fit into one meet in its registers instead: every subgroup does the same with the same numbers, so it
 * does not matter which lanes are together, only that subgroups are full.
 */
import { indent } from '../text.ts';
import { ofSubgroups } from './subgroups.ts';
import { dialect } from './dialect.ts';
import type { Nest } from './contraction.ts';
import { sumsOf } from './form.ts';
import type { Form, Together } from './form.ts';
import type { Piece } from './pieces.ts';
import { decode, product } from './positions.ts';
import { lanesOf } from './shapes.ts';
import { eachPosition } from './writing.ts';
import type { Writing } from './writing.ts';

/** Workgroup memory: a number of each lane, for as many carries as a sum has. */
export const partDeclarations = ({ pieces, shape }: Form): readonly string[] =>
  Array.from({ length: Math.max(0, ...sumsOf(pieces.pieces).map(n => n.carries.length)) }, (_, i) => `var<workgroup> parts_${i}: array<f32, ${lanesOf(shape)}>;`);

export function printSum(nest: Nest, { carries, needs }: Extract<Piece<Together>, { kind: 'together' }>, w: Writing): readonly string[] {
  const { form: { shape }, frame, frame: { names }, section } = w;
  const lanes = lanesOf(shape);
  const join = (i: number, a: string, b: string): string => dialect.ops[nest.combine[i] ?? 'add']?.(a, b) ?? '';
  const added = (i: number): string => `sum ${i} added`;
  const turn = [
    ...(nest.axes.length > 1 ? ['var turn_at = turn;'] : []),
    ...decode(nest.axes.length > 1 ? 'turn_at' : 'turn', nest.axes, frame, section),
    ...section.statements([...nest.body, ...nest.values.map((value, i) => ({ kind: 'let' as const, name: added(i), value }))]),
    ...nest.carries.map((_, i) => `sum_${i} = ${join(i, `sum_${i}`, names(added(i)))};`),
  ];
  const across = `${shape.lanes[1]}u`;
  return [
    '{',
    ...indent([
      ...nest.carries.map((_, i) => `var sum_${i} = ${dialect.literal('f32', nest.neutral[i] ?? 0)};`),
      ...eachPosition(w, [
        ...needs.map(n => `let ${names(n)} = ${w.kept(n, '0', '0')};`),
        `for (var turn = depth_lane; turn < ${product(nest.axes, section)}; turn += ${shape.depth}) {`, ...indent(turn), '}',
      ]),
      'workgroupBarrier();',
      ...nest.carries.map((_, i) => `parts_${i}[lane] = sum_${i};`),
      `for (var half = ${lanes / 2}u; half >= max(subgroup, ${across}); half /= 2u) { workgroupBarrier(); if (lane < half) { ${nest.carries.map((_, i) => `parts_${i}[lane] = ${join(i, `parts_${i}[lane]`, `parts_${i}[lane + half]`)};`).join(' ')} } }`,
      'workgroupBarrier();',
      ...nest.carries.map((_, i) => `var met_${i} = parts_${i}[across_lane];`),
      ...nest.carries.map((_, i) => ofSubgroups(`if (subgroup > ${across}) { met_${i} = parts_${i}[place]; for (var half = min(subgroup, ${lanes}u) / 2u; half >= ${across}; half /= 2u) { met_${i} = ${join(i, `met_${i}`, `subgroupShuffleXor(met_${i}, half)`)}; } met_${i} = subgroupShuffle(met_${i}, u32(across_lane)); }`)),
      ...carries.map((c, i) => `${w.kept(c.name, '0', '0')} = ${c.isKept ? join(i, w.kept(c.name, '0', '0'), `met_${i}`) : `met_${i}`};`),
    ]),
    '}',
  ];
}
