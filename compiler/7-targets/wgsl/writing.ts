/** What the printers of the pieces of a kernel share: where a lane is, what it keeps, and the loop over the positions that it owns. */
import type { Kernel } from '../../6-kernels/kernel.ts';
import { indent } from '../text.ts';
import type { Form } from './form.ts';
import type { Frame, Section } from './frame.ts';
import { decode, isWhole, product } from './positions.ts';
import { positionsAcross, positionsDown } from './shapes.ts';

export interface Writing {
  readonly kernel: Kernel;
  readonly form: Form;
  readonly frame: Frame;
  readonly section: Section;
  /** What a lane keeps under a name, at a position of its block as text. */
  readonly kept: (name: string, line: string, column: string) => string;
  /** Functions that were written on the way. */
  readonly functions: string[];
}

/** The type of so many numbers side by side. */
export const vectorType = (width: number): string => (width === 1 ? 'f32' : `vec${width}<f32>`);

/**
 * Lines for each position that a lane owns. @param column Lines before the loop over a column's positions, where the column is known.
 * @param isOnce Where lanes share a position: for one of them alone.
 */
export function eachPosition(w: Writing, lines: readonly string[], column: readonly string[] = [], isOnce = false): readonly string[] {
  const { form: { shape, sides }, frame, section } = w;
  const at = (side: 'down' | 'across', turn: string, step: number, count: number): string => {
    const axes = sides[side];
    const lane = side === 'down' && shape.depth > 1 ? '' : ` + ${side}_lane`;
    return axes.length === 0 ? `let ${side}_at = ${side}_first;` : `${axes.length > 1 ? 'var' : 'let'} ${side}_at = ${side}_first${lane}${count === 1 ? '' : ` + ${step} * ${turn}`};`;
  };
  const guarded = (conditions: readonly string[], body: readonly string[]): readonly string[] => (conditions.length > 0 ? [`if (${conditions.join(' && ')}) {`, ...indent(body), '}'] : body);
  const loop = (name: string, turns: number, body: readonly string[]): readonly string[] => [turns === 1 ? '{' : `for (var ${name} = 0; ${name} < ${turns}; ${name}++) {`, ...indent(body), '}'];
  const inside = (side: 'down' | 'across', length: number): readonly string[] => (isWhole(sides[side], length) ? [] : [`${side}_at < ${product(sides[side], section)}`]);

  const line = [
    at('down', 'line', shape.lanes[0], shape.block[0]),
    ...guarded([...inside('down', positionsDown(shape)), ...(isOnce && shape.depth > 1 ? ['depth_lane == 0'] : [])], [...decode('down_at', sides.down, frame, section), ...lines]),
  ];
  return loop('column', shape.block[1], [
    at('across', 'column', shape.lanes[1], shape.block[1]),
    ...guarded(inside('across', positionsAcross(shape)), [...decode('across_at', sides.across, frame, section), ...column, ...(shape.block[0] === 1 ? line : loop('line', shape.block[0], line))]),
  ]);
}
