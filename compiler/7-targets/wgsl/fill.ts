/**
 * How operands lie in workgroup memory. Imagine one row a turn; in a row, for each lane of the side, the positions of its block as
 * vectors of up to four: vector `j · lanes + lane` holds positions `lane + lanes · (4 j + 0 … 3)` of the tile. A lane fills whole vectors,
 * as two of them may not write to one, and reads its own.
 */
import { strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Expr } from '../../6-kernels/kernel.ts';
import { eachChild } from '../../6-kernels/map.ts';
import type { Contraction, Operand, Sides } from './contraction.ts';
import type { Shape } from './shapes.ts';

export interface Fill {
  /** Positions of a vector: 1, 2 or 4. */
  readonly width: number;
  /** Vectors of a lane, and of a turn. */
  readonly each: number;
  readonly vectors: number;
  /** From one turn to the next, in vectors. */
  readonly stride: number;
  /** Neighbouring lanes fill neighbouring turns, and not neighbouring positions: so they lie in the memory that they are read from. */
  readonly isByTurn: boolean;
}

export function fillOf(operand: Operand, { turn }: Contraction, sides: Sides, { lanes, block }: Shape): Fill {
  const side = operand.side === 'down' ? 0 : 1;
  const width = Math.min(4, block[side]);
  const each = block[side] / width;
  const vectors = lanes[side] * each;
  const isByTurn = runOf(operand.value, turn) > runOf(operand.value, sides[operand.side]);
  // by turn, neighbouring lanes write to neighbouring rows: one vector more, so that those are not all in one bank
  return { width, each, vectors, stride: vectors + (isByTurn ? 1 : 0), isByTurn };
}

/** Neighbours in memory that loads meet along the last of some axes: the most that matter are a line. */
function runOf(e: Expr, axes: readonly Axis[]): number {
  const last = axes.at(-1);
  if (!last) return 0;
  let run = 0;
  const seen = new Set<Expr>();
  const visit = (x: Expr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.kind === 'load' && Math.abs(Number(strideAlong(x.offset, last.name))) === 1) run += Math.min(32, typeof last.extent === 'number' ? last.extent : 32);
    eachChild(x, visit);
  };
  visit(e);
  return run;
}

/** The arrays of a kernel's tiles: contractions that follow each other share them. */
export function tileArrays(all: readonly Contraction[], sides: Sides, shape: Shape): readonly { readonly name: string; readonly width: number; readonly length: number }[] {
  const arrays = new Map<string, { readonly name: string; readonly width: number; readonly length: number }>();
  for (const c of all) {
    c.operands.forEach((o, i) => {
      const { width, stride } = fillOf(o, c, sides, shape);
      const name = tileName(c, i);
      const known = arrays.get(name);
      arrays.set(name, { name, width, length: Math.max(known?.length ?? 0, shape.chunk * stride) });
    });
  }
  return [...arrays.values()];
}
/** Operands are numbered side by side. */
export const tileName = (c: Contraction, operand: number): string => {
  const side = c.operands[operand]?.side ?? 'down';
  return `${side}_tile_${c.operands.slice(0, operand).filter(o => o.side === side).length}`;
};
export const tileBytes = (all: readonly Contraction[], sides: Sides, shape: Shape): number => tileArrays(all, sides, shape).reduce((n, a) => n + 4 * a.width * a.length, 0);
