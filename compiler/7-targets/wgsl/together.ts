/**
 * The form in which a workgroup works together, in WGSL. Imagine the kernel's body as it reads for one position, with a loop over the
 * positions of a lane around every piece of it; between the pieces stand the sums that all lanes make together. What passes from one
 * piece to the next is in arrays of the lane, one number a position. No lane returns before a barrier: where there is no position,
 * there is nothing to do in a piece, and nothing in a tile.
 */
import type { Axis, Kernel } from '../../6-kernels/kernel.ts';
import { indent } from '../text.ts';
import { printContraction, tileDeclarations } from './contract.ts';
import type { Form, Together } from './form.ts';
import type { Frame } from './frame.ts';
import { hoist } from './hoist.ts';
import type { Piece } from './pieces.ts';
import { decode, product } from './positions.ts';
import { lanesOf, positionsAcross, positionsDown } from './shapes.ts';
import { partDeclarations, printSum } from './sum.ts';
import { eachPosition, vectorType } from './writing.ts';
import type { Writing } from './writing.ts';

export function printTogether(kernel: Kernel, form: Form, frame: Frame): string {
  const section = frame.section();
  const { shape, pieces: { pieces, kept } } = form;
  const [lines, columns] = shape.block;
  const width = Math.min(4, columns);
  const each = columns / width;
  const keptName = (name: string): string => frame.names(`${name} kept`);
  const w: Writing = {
    kernel, form, frame, section, functions: [],
    kept: (name, line, column) => {
      if (lines * columns === 1) return keptName(name);
      const row = lines === 1 ? '0' : line;
      return `${keptName(name)}[${each === 1 ? row : `${row} * ${each} + ${column} / ${width}`}]${width === 1 ? '' : `[${each === 1 ? column : `${column} % ${width}`}]`}`;
    },
  };
  const type = vectorType(width);
  const main = [
    ...places(w),
    ...kept.map(name => `var ${keptName(name)}: ${lines * columns === 1 ? 'f32' : `array<${type}, ${lines * each}>`};`),
    ...pieces.flatMap(p => printPiece(p, w, [])),
  ];
  return frame.text([...tileDeclarations(form), ...partDeclarations(form), ...w.functions], section.complete(main), lanesOf(shape));
}

/** Where the tile of this workgroup begins, and where in it a lane is. */
function places({ form: { shape, sides }, frame, section }: Writing): readonly string[] {
  const [down, across] = [positionsDown(shape), positionsAcross(shape)];
  const tiles = (axes: readonly Axis[], each: number): string => {
    const count = product(axes, section);
    return each === 1 ? (axes.length > 1 ? `(${count})` : count) : `((${count} + ${each - 1}) / ${each})`;
  };
  return [
    `var rest = i32(${frame.group});`,
    `if (rest >= ${[tiles(sides.batch, 1), tiles(sides.down, down), tiles(sides.across, across)].filter(n => n !== '1').join(' * ') || '1'}) { return; }`,
    `let across_first = rest % ${tiles(sides.across, across)} * ${across};`,
    `rest = rest / ${tiles(sides.across, across)};`,
    `let down_first = rest % ${tiles(sides.down, down)} * ${down};`,
    `rest = rest / ${tiles(sides.down, down)};`,
    ...decode('rest', sides.batch, frame, section),
    `let across_lane = i32(lane) % ${shape.lanes[1]};`,
    ...(shape.depth > 1 ? [`let depth_lane = i32(lane) / ${shape.lanes[1]};`] : [`let down_lane = i32(lane) / ${shape.lanes[1]};`]),
  ];
}

/** @param loops Axes of the loops around it. */
function printPiece(p: Piece<Together>, w: Writing, loops: readonly Axis[]): readonly string[] {
  const { frame: { names }, section } = w;
  switch (p.kind) {
    case 'loop': return [`for (var ${names(p.axis.name)} = 0; ${names(p.axis.name)} < ${section.extent(p.axis.extent)}; ${names(p.axis.name)}++) {`, ...indent(p.body.flatMap(b => printPiece(b, w, [...loops, p.axis]))), '}'];
    case 'each': return printEach(p, w, loops);
    case 'together': return p.what.kind === 'sum' ? printSum(p.what, p, w) : printContraction(p.what, p, w);
  }
}

function printEach({ body, results, needs }: Extract<Piece<Together>, { kind: 'each' }>, w: Writing, loops: readonly Axis[]): readonly string[] {
  const { form: { shape, sides }, frame: { names }, kernel, section } = w;
  const next = (name: string): string => `${name} next`;
  const known = new Set([...sides.across, ...sides.batch, ...loops].map(a => a.name));
  const parts = shape.block[0] > 1 ? hoist(kernel, body, results, known) : { column: [], body, results };
  return eachPosition(w, [
    ...needs.map(n => `let ${names(n)} = ${w.kept(n, 'line', 'column')};`),
    ...section.statements([...parts.body, ...parts.results.map(r => ({ kind: 'let' as const, name: next(r.name), value: r.value }))]),
    ...results.map(r => `${w.kept(r.name, 'line', 'column')} = ${names(next(r.name))};`),
  ], section.statements(parts.column), body.some(s => s.kind === 'store' || s.kind === 'map'));
}
