/**
 * Axes in segments. Imagine the gradient of four slices of one tensor: at each position three of its four terms are zero, and
 * which ones changes at every quarter. A grid over one quarter that stores four elements a position asks nobody where it is.
 */
import { addIndex, axisIndex, constant, indexUses } from '../6-kernels/index.ts';
import type { Axis, Condition, Index } from '../6-kernels/kernel.ts';

export interface Segments {
  /** The grid, one axis of it as long as a segment. */
  readonly axes: readonly Axis[];
  /** What stands for the axis in each of the segments. */
  readonly places: readonly Index[];
  readonly axis: string;
}

/** Longer lists of stores are code that a page downloads. */
export const longestList = 8;
/** Shorter segments do not fill the lanes. */
export const shortestSegment = 16;

/** Equal segments of an axis inside of which none of the conditions on it changes, if they are few; undefined where there is no such axis. */
export function segmentsOf(axes: readonly Axis[], conditions: readonly Condition[]): Segments | undefined {
  for (const { name, extent } of axes) {
    if (typeof extent !== 'number') continue;
    const changes = conditions.flatMap(c => changesAlong(c, name)).filter(at => at > 0 && at < extent);
    const length = changes.reduce(divisor, extent);
    const count = extent / length;
    if (count < 2 || count > longestList || length < shortestSegment) continue;
    const part: Axis = { name: `${name.slice(0, name.lastIndexOf('_'))}s_${length}`, extent: length };
    return { axis: name, axes: axes.map(a => (a.name === name ? part : a)), places: Array.from({ length: count }, (_, i) => addIndex(axisIndex(part.name), constant(i * length))) };
  }
  return undefined;
}

/** Where a condition on an axis alone changes. */
function changesAlong({ index, from, below }: Condition, axis: string): readonly number[] {
  const [only] = index.terms;
  if (index.terms.length !== 1 || only?.coefficient !== 1 || only.atom.kind !== 'axis' || !indexUses(index, axis)) return [];
  return [from - index.constant, ...(typeof below === 'number' ? [below - index.constant] : [])];
}
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
