/**
 * One axis of the grid as two: blocks, and positions in a block. Imagine a product of 1200 columns whose operand does not fit the
 * cache: done in ten blocks of 120, each block's part of it stays there while all rows go past.
 */
import { addIndex, scaleIndex, zero, axisIndex } from '../../6-kernels/index.ts';
import type { Axis, Index, Kernel } from '../../6-kernels/kernel.ts';
import { mapIndices } from '../../6-kernels/map.ts';

/** Positions of a block: as near as can be to this many, and whole vectors. */
const wished = 128;

/** The kernel with this axis in blocks, where its extent can be cut into equal ones. */
export function inBlocks(kernel: Kernel, axis: Axis): Kernel | undefined {
  const { extent, name } = axis;
  if (typeof extent !== 'number' || extent < 2 * wished) return undefined;
  const sizes = Array.from({ length: 2 * wished }, (_, i) => i + 1).filter(b => b >= wished / 2 && b % 8 === 0 && extent % b === 0);
  const size = sizes.reduce<number | undefined>((best, b) => (best === undefined || Math.abs(b - wished) < Math.abs(best - wished) ? b : best), undefined);
  if (size === undefined) return undefined;
  const outer = `${name}_block`;
  const whole = addIndex(scaleIndex(axisIndex(outer), size), axisIndex(name));
  return {
    ...kernel,
    axes: kernel.axes.flatMap(a => (a === axis ? [{ name: outer, extent: extent / size }, { name, extent: size }] : [a])),
    body: mapIndices(kernel.body, i => substitute(i, name, whole)),
  };
}

/** An index with another in the place of an axis. */
function substitute(index: Index, name: string, by: Index): Index {
  return index.terms.reduce<Index>((sum, { coefficient, atom }) => {
    if (atom.kind === 'axis' && atom.name === name) return addIndex(sum, scaleIndex(by, coefficient));
    const inside = atom.kind === 'div' || atom.kind === 'mod' ? { ...atom, index: substitute(atom.index, name, by) } : atom;
    return addIndex(sum, { constant: 0, terms: [{ coefficient, atom: inside }] });
  }, { ...zero, constant: index.constant });
}
