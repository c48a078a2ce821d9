/** What the printers of the pieces of a kernel share: where a lane is, what it keeps, and the loop over the positions that it owns. */
import type { Axis, Kernel } from '../../6-kernels/kernel.ts';
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

/** Lines for each position that a lane owns; @param isOnce Where lanes share a position: for one of them alone. */
export function eachPosition(w: Writing, lines: readonly string[], isOnce = false): readonly string[] {
  const { form: { shape, sides }, frame, section } = w;
  const conditions = [
    ...(isWhole(sides.down, positionsDown(shape)) ? [] : [`down_at < ${product(sides.down, section)}`]),
    ...(isWhole(sides.across, positionsAcross(shape)) ? [] : [`across_at < ${product(sides.across, section)}`]),
    ...(isOnce && shape.depth > 1 ? ['depth_lane == 0'] : []),
  ];
  const at = (side: 'down' | 'across', axes: readonly Axis[], step: number): string =>
    (axes.length === 0 ? `let ${side}_at = ${side}_first;` : `var ${side}_at = ${side}_first${side === 'down' && shape.depth > 1 ? '' : ` + ${side}_lane`}${shape.block[side === 'down' ? 0 : 1] === 1 ? '' : ` + ${step} * ${side === 'down' ? 'line' : 'column'}`};`);
  const inside = [...decode('down_at', sides.down, frame, section), ...decode('across_at', sides.across, frame, section), ...lines];
  const here = [
    at('down', sides.down, shape.lanes[0]), at('across', sides.across, shape.lanes[1]),
    ...(conditions.length > 0 ? [`if (${conditions.join(' && ')}) {`, ...indent(inside), '}'] : inside),
  ];
  const loop = (name: string, turns: number, body: readonly string[]): readonly string[] => (turns === 1 ? body : [`for (var ${name} = 0; ${name} < ${turns}; ${name}++) {`, ...indent(body), '}']);
  const all = loop('column', shape.block[1], loop('line', shape.block[0], here));
  return all === here ? ['{', ...indent(here), '}'] : all;
}
