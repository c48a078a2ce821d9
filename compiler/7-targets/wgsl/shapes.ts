/** Shapes that a workgroup can have: what the chooser tries, and what a device allows. */

/** Pairs are of what goes down and what goes across. */
export interface Shape {
  readonly lanes: readonly [down: number, across: number];
  /** Positions of one lane. Those of one block lie `lanes` apart, so that neighbouring lanes have neighbouring positions. */
  readonly block: readonly [down: number, across: number];
  /** Turns of a contraction that are laid down at once. */
  readonly chunk: number;
  /** Lanes of one position, which share the turns of its sums. */
  readonly depth: number;
}
export const positionsDown = ({ lanes, block }: Shape): number => lanes[0] * block[0];
export const positionsAcross = ({ lanes, block }: Shape): number => lanes[1] * block[1];
export const lanesOf = ({ lanes, depth }: Shape): number => lanes[0] * lanes[1] * depth;

/** What every WebGPU device gives without being asked. */
export const limits = { lanes: 256, sharedBytes: 16_384, /** Not a device's: of a workgroup whose lanes share sums. */ sumLanes: 64 } as const;
/** Sums in registers that a lane may have: with more, drivers keep them in memory. */
export const sumsOfLane = 64;

/** 64 lanes are a whole number of subgroups on every GPU; the square ones are what all well-known products use, the others are for thin operands. */
const lanes = [[8, 8], [4, 16], [16, 4], [2, 32], [32, 2], [1, 64], [64, 1], [16, 16]] as const;
const blocks = [[1, 1], [2, 2], [4, 4], [1, 4], [4, 1], [2, 4], [4, 2], [4, 8], [8, 4], [8, 8]] as const;
const chunks = [8, 16, 32] as const;

/** Tiles of contractions. */
export const tileShapes: readonly Shape[] = lanes.flatMap(l => blocks.flatMap(block => chunks.map((chunk): Shape => ({ lanes: l, block, chunk, depth: 1 }))));
/** Lanes of sums: all for one position, or rows of them for neighbouring positions. */
export const sumShapes: readonly Shape[] = [1, 4, 16, 32].map(across => ({ lanes: [1, across], block: [1, 1], chunk: 1, depth: limits.sumLanes / across }));
