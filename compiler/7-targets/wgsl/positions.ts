/** Several axes as one: how many positions there are, and which one a number says. */
import type { Axis } from '../../6-kernels/kernel.ts';
import type { Printer } from '../text.ts';
import type { Frame } from './frame.ts';

type Extents = Pick<Printer, 'extent'>;

/** How many positions the axes have, as text. */
export const product = (axes: readonly Axis[], { extent }: Extents): string => axes.map(a => extent(a.extent)).join(' * ') || '1';

/** Lines that give each axis its position; `name` counts positions with the last axis fastest, and is used up where there are several axes. */
export const decode = (name: string, axes: readonly Axis[], { names }: Pick<Frame, 'names'>, { extent }: Extents): readonly string[] =>
  [...axes].reverse().flatMap((a, i) => [
    `let ${names(a.name)} = ${i === axes.length - 1 ? name : `${name} % ${extent(a.extent)}`};`,
    ...(i === axes.length - 1 ? [] : [`${name} = ${name} / ${extent(a.extent)};`]),
  ]);

/** Whether tiles of this length cover the axes without a rest, whatever the run-time extents. */
export function isWhole(axes: readonly Axis[], length: number): boolean {
  const literal = axes.reduce((n, a) => (typeof a.extent === 'number' ? n * a.extent : n), 1);
  return literal % length === 0;
}
