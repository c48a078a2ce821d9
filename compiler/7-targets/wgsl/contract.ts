/**
 * A contraction by tiles. Imagine two walls of numbers in workgroup memory, one for what goes down the tile and one for what goes
 * across it, each a chunk of turns deep: all lanes fill them, wait, and then each lane multiplies its lines with its columns, from
 * the first turn to the last. The sums of a lane are in registers, in vectors that lie across.
 */
import { indent } from '../text.ts';
import type { Axis } from '../../6-kernels/kernel.ts';
import type { Contraction, Operand } from './contraction.ts';
import { dialect } from './dialect.ts';
import { fillOf, tileArrays, tileName } from './fill.ts';
import { contractionsOf } from './form.ts';
import type { Form, Together } from './form.ts';
import type { Piece } from './pieces.ts';
import { decode, isWhole, product } from './positions.ts';
import { lanesOf, positionsAcross, positionsDown } from './shapes.ts';
import { vectorType } from './writing.ts';
import type { Writing } from './writing.ts';

export const tileDeclarations = ({ pieces, sides, shape }: Form): readonly string[] =>
  tileArrays(contractionsOf(pieces.pieces), sides, shape).map(a => `var<workgroup> ${a.name}: array<${vectorType(a.width)}, ${a.length}>;`);

export function printContraction(c: Contraction, { carries }: Extract<Piece<Together>, { kind: 'together' }>, w: Writing): readonly string[] {
  const { form: { shape }, frame: { names }, section } = w;
  const [lines, columns] = shape.block;
  const width = Math.min(4, columns);
  const vectors = columns / width;
  const type = vectorType(width);
  const cells = carries.flatMap((carry, i) => Array.from({ length: lines * vectors }, (_, at) => ({ carry, i, line: Math.floor(at / vectors), vector: at % vectors })));
  /** The sum of one vector, at a depth of loops that each have partial sums of their own. */
  const sum = (depth: number, { i, line, vector }: (typeof cells)[number]): string => `sum_${depth}_${i}_${line}_${vector}`;
  const kept = (x: (typeof cells)[number]): string => {
    const one = w.kept(x.carry.name, String(x.line), String(x.vector * width));
    return width === 1 ? one : one.slice(0, one.lastIndexOf('['));
  };
  const operands = c.operands.map((o, i) => printOperand(c, o, i, w));

  const chunks: readonly string[] = [
    `for (var chunk = 0; chunk < ${product(c.turn, section)}; chunk += ${shape.chunk}) {`,
    ...indent([
      'workgroupBarrier();',
      ...operands.flatMap(o => o.fill),
      'workgroupBarrier();',
      `for (var turn = 0; turn < ${shape.chunk}; turn++) {`,
      ...indent([
        ...operands.flatMap(o => o.read),
        ...cells.map(x => `${sum(c.loops.length, x)} += ${productOf(x.i, x.line, x.vector)};`),
      ]),
      '}',
    ]),
    '}',
  ];
  function productOf(i: number, line: number, vector: number): string {
    const { down, across } = c.products[i] ?? {};
    const a = down === undefined ? undefined : operands[down]?.down(line);
    const b = across === undefined ? undefined : operands[across]?.across(vector);
    return [a, b].filter(x => x !== undefined).join(' * ');
  }
  const level = (depth: number): readonly string[] => {
    const axis = c.loops[depth];
    if (!axis) return chunks;
    const name = names(axis.name);
    return [
      `for (var ${name} = 0; ${name} < ${section.extent(axis.extent)}; ${name}++) {`,
      ...indent([
        ...cells.map(x => `var ${sum(depth + 1, x)} = ${type}(${dialect.literal('f32', 0)});`),
        ...level(depth + 1),
        ...cells.map(x => `${sum(depth, x)} += ${sum(depth + 1, x)};`),
      ]),
      '}',
    ];
  };
  return [
    '{',
    ...indent([
      ...cells.map(x => `var ${sum(0, x)} = ${x.carry.isKept ? kept(x) : `${type}(${dialect.literal('f32', 0)})`};`),
      ...level(0),
      ...cells.map(x => `${kept(x)} = ${sum(0, x)};`),
    ]),
    '}',
  ];
}

/** How an operand gets into its tile, and from there to a lane. */
interface Written {
  readonly fill: readonly string[];
  readonly read: readonly string[];
  /** It at one line, and at one vector of columns. */
  readonly down: (line: number) => string;
  readonly across: (vector: number) => string;
}

function printOperand(c: Contraction, o: Operand, at: number, w: Writing): Written {
  const { form: { shape, sides }, frame: { names } } = w;
  const { width, each, vectors, stride, isByTurn } = fillOf(o, c, sides, shape);
  const [side, lanes] = [o.side, shape.lanes[o.side === 'down' ? 0 : 1]];
  const tile = tileName(c, at);
  const call = operandFunction(c, o, w);
  const total = vectors * shape.chunk;
  const rounds = Math.ceil(total / lanesOf(shape));
  const values = Array.from({ length: width }, (_, i) => `${call}(place_at${i === 0 ? '' : ` + ${i * lanes}`}, chunk + turn${o.needs.map(a => `, ${names(a.name)}`).join('')})`);
  const write = [
    `let turn = item ${isByTurn ? '%' : '/'} ${isByTurn ? shape.chunk : vectors};`,
    `let place = item ${isByTurn ? '/' : '%'} ${isByTurn ? shape.chunk : vectors};`,
    `let place_at = ${side}_first + ${each === 1 ? 'place' : `place % ${lanes} + place / ${lanes} * ${lanes * width}`};`,
    `${tile}[turn * ${stride} + place] = ${width === 1 ? values.join('') : `${vectorType(width)}(${values.join(', ')})`};`,
  ];
  const item = [`let item = ${rounds === 1 ? '' : `round * ${lanesOf(shape)} + `}i32(lane);`, ...(total % lanesOf(shape) === 0 ? write : [`if (item < ${total}) {`, ...indent(write), '}'])];
  const value = (vector: number): string => `${tile}_${vector}`;
  return {
    fill: rounds === 1 ? ['{', ...indent(item), '}'] : [`for (var round = 0; round < ${rounds}; round++) {`, ...indent(item), '}'],
    read: Array.from({ length: each }, (_, v) => `let ${value(v)} = ${tile}[turn * ${stride} + ${v === 0 ? '' : `${v * lanes} + `}${side}_lane];`),
    down: line => `${value(Math.floor(line / width))}${width === 1 ? '' : `.${'xyzw'[line % width] ?? ''}`}`,
    across: value,
  };
}

/** A function that gives an operand at a position of its side and at a turn, 0 where there is none; its name. */
function operandFunction(c: Contraction, o: Operand, { form: { shape, sides }, frame, functions }: Writing): string {
  const section = frame.section();
  const side = sides[o.side];
  const name = `${o.side}_operand_${functions.length}`;
  const isOutside = [
    ...(isWhole(side, o.side === 'down' ? positionsDown(shape) : positionsAcross(shape)) ? [] : [`position >= ${product(side, section)}`]),
    ...(isWhole(c.turn, shape.chunk) ? [] : [`turn >= ${product(c.turn, section)}`]),
  ];
  const place = (parameter: string, axes: readonly Axis[]): readonly string[] => [...(axes.length > 1 ? [`var ${parameter}_at = ${parameter};`] : []), ...decode(axes.length > 1 ? `${parameter}_at` : parameter, axes, frame, section)];
  const lines = [
    ...(isOutside.length > 0 ? [`if (${isOutside.join(' || ')}) { return ${dialect.literal('f32', 0)}; }`] : []),
    ...place('position', side), ...place('turn', c.turn),
    ...section.statements([{ kind: 'let', name: 'operand value', value: o.value }]),
    `return ${frame.names('operand value')};`,
  ];
  functions.push([`fn ${name}(position: i32, turn: i32${o.needs.map(a => `, ${frame.names(a.name)}: i32`).join('')}) -> f32 {`, ...indent(section.complete(lines)), '}'].join('\n'));
  return name;
}
