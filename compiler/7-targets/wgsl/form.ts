/**
 * Which form a kernel takes. Imagine each shape of a workgroup tried on paper: how many workgroups there would be, what a lane of
 * them would pay; the quickest wins, and the plain form stays where nothing is much quicker. Only extents and counts are asked, so a
 * kernel has the same form wherever it is compiled.
 */
import { sizeOf } from '../../6-kernels/index.ts';
import type { Axis, Fold, Kernel, Size } from '../../6-kernels/kernel.ts';
import { contractionOf, nestOf, sidesOf } from './contraction.ts';
import type { Contraction, Nest, Operand, Sides } from './contraction.ts';
import { fillOf, tileBytes } from './fill.ts';
import { piecesOf } from './pieces.ts';
import type { Lets, Piece, Pieces } from './pieces.ts';
import { costs, extentOf, lanesAlong, positionsOf, priceOf, priceOfPart } from './price.ts';
import type { Lanes } from './price.ts';
import { lanesOf, limits, positionsAcross, positionsDown, sumShapes, sumsOfLane, tileShapes } from './shapes.ts';
import type { Shape } from './shapes.ts';

/** What a workgroup does together: tiles of products, or a sum shared by lanes. */
export type Together = ({ readonly kind: 'contraction' } & Contraction) | ({ readonly kind: 'sum' } & Nest);

/** A kernel whose workgroups work together; one that has none is plain: a lane a position. */
export interface Form { readonly shape: Shape; readonly sides: Sides; readonly pieces: Pieces<Together> }
/** A form and what it is thought to take. */
export interface Candidate { readonly form: Form | undefined; readonly time: number }

/** Lanes that a middling GPU has busy at once: with fewer, the longest lane counts, with more, all of them do. */
const busyLanes = 8192;
/** What another form than the plain one must gain, and how long the plain one must take to be worth the code: a launch alone takes ten thousand. */
const [gain, worthwhile] = [1.1, 2000] as const;
/** Turns from which on a sum is worth sharing. */
const manyTurns = 16;

const chosen = new WeakMap<Kernel, Form | undefined>();
/** The form of a kernel; undefined is the plain one. The same object for the same kernel. */
export function formOf(kernel: Kernel): Form | undefined {
  if (!chosen.has(kernel)) chosen.set(kernel, choose(candidatesOf(kernel)));
  return chosen.get(kernel);
}
/** The quickest; the plain one, which comes first, if no other is much quicker. */
export function choose(candidates: readonly Candidate[]): Form | undefined {
  const [plain, ...others] = candidates;
  const best = others.reduce<Candidate | undefined>((b, c) => (b === undefined || c.time < b.time ? c : b), undefined);
  return best && plain && plain.time > worthwhile && best.time * gain < plain.time ? best.form : undefined;
}

/** The plain form first, then all others that this kernel can have. */
export function candidatesOf(kernel: Kernel): readonly Candidate[] {
  const count = positionsOf(kernel.axes);
  const plain: Candidate = { form: undefined, time: timeOf(count, priceOf(kernel.body, [], lanesAlong(kernel.axes, 64))) };
  const sides = sidesOf(kernel);
  const tiles = sides && tiled(kernel, sides);
  const flat: Sides = { down: [], across: kernel.axes, batch: [] };
  const sums = summed(kernel);
  return [
    plain,
    ...(sides && tiles ? tileShapes.filter(s => fits(s, sides, tiles)).map(shape => candidate({ shape, sides, pieces: tiles })) : []),
    ...(sums ? sumShapes.filter(s => (s.lanes[1] === 1 || s.lanes[1] <= count)).map(shape => candidate({ shape, sides: flat, pieces: sums })) : []),
  ];
}

function tiled(kernel: Kernel, sides: Sides): Pieces<Together> | undefined {
  return piecesOf<Together>(kernel, (fold, lets, loops) => {
    const nest = nestOf(fold, lets);
    const made = nest && contractionOf(nest, kernel, sides, loops);
    return made && { kind: 'contraction', ...made };
  });
}
/** Sums with many turns shared by lanes. What is stored is stored by one lane of a position, in the last piece. */
function summed(kernel: Kernel): Pieces<Together> | undefined {
  const made = piecesOf<Together>(kernel, (fold: Fold, lets: Lets) => {
    const nest = nestOf(fold, lets);
    return nest && positionsOf(nest.axes) >= manyTurns ? { kind: 'sum', ...nest } : undefined;
  });
  const stores = (p: Piece<Together>): boolean => (p.kind === 'loop' ? p.body.some(stores) : p.kind === 'each' && p.body.some(s => s.kind === 'store' || s.kind === 'map'));
  const last = made?.pieces.at(-1);
  const sums = Math.max(0, ...togetherIn(made?.pieces ?? []).map(t => t.carries.length));
  return made && 4 * limits.sumLanes * sums <= limits.sharedBytes && last?.kind === 'each' && last.results.length === 0 && !made.pieces.slice(0, -1).some(stores) ? made : undefined;
}

// ── what a device allows ──────────────────────────────────────────────────────────────────────

const togetherIn = (pieces: readonly Piece<Together>[]): readonly Together[] => pieces.flatMap(p => (p.kind === 'loop' ? togetherIn(p.body) : p.kind === 'together' ? [p.what] : []));
export const contractionsOf = (pieces: readonly Piece<Together>[]): readonly Contraction[] => togetherIn(pieces).flatMap(t => (t.kind === 'contraction' ? [t] : []));
export const sumsOf = (pieces: readonly Piece<Together>[]): readonly Nest[] => togetherIn(pieces).flatMap(t => (t.kind === 'sum' ? [t] : []));

function fits(shape: Shape, sides: Sides, { pieces }: Pieces<Together>): boolean {
  // a tile twice as long as its side is one that a smaller shape does better
  const isWasted = (axes: readonly Axis[], all: number): boolean => all > 1 && all >= 2 * positionsOf(axes);
  if (isWasted(sides.down, positionsDown(shape)) || isWasted(sides.across, positionsAcross(shape))) return false;
  const all = contractionsOf(pieces);
  const sums = Math.max(...all.map(c => c.carries.length * (c.loops.length > 0 ? 2 : 1)));
  return lanesOf(shape) <= limits.lanes && sums * shape.block[0] * shape.block[1] <= sumsOfLane && tileBytes(all, sides, shape) <= limits.sharedBytes;
}

// ── what it takes ─────────────────────────────────────────────────────────────────────────────

const timeOf = (lanes: number, each: number): number => each * Math.max(1, lanes / busyLanes);

/** What the runtime must know: how many positions there are along each side, and how many of them are a workgroup's. */
export const tilesOf = ({ shape, sides }: Form): readonly (readonly [Size, number])[] =>
  [[sides.down, positionsDown(shape)] as const, [sides.across, positionsAcross(shape)] as const, [sides.batch, 1] as const]
    .flatMap(([axes, each]) => (axes.length > 0 ? [[sizeOf(axes.map(a => a.extent)), each] as const] : []));

export const workgroupsOf = ({ shape, sides }: Form, count: (axes: readonly Axis[]) => number = positionsOf): number =>
  Math.ceil(count(sides.down) / positionsDown(shape)) * Math.ceil(count(sides.across) / positionsAcross(shape)) * count(sides.batch);

function candidate(form: Form): Candidate {
  const { shape, sides } = form;
  const each: Lanes = [...lanesAlong(sides.across, shape.lanes[1]), ...lanesAlong(sides.down, shape.lanes[0])];
  const priceAll = (pieces: readonly Piece<Together>[]): number => pieces.reduce((n, p) => n + price(p), 0);
  const price = (p: Piece<Together>): number => {
    switch (p.kind) {
      case 'each': return shape.block[0] * shape.block[1] * (costs.position + priceOfPart(p, p.body, p.results.map(r => r.value), each));
      case 'loop': return extentOf(p.axis.extent) * (2 + priceAll(p.body));
      case 'together': return p.what.kind === 'sum' ? sumPrice(p.what, form) : contractionPrice(p.what, form);
    }
  };
  return { form, time: timeOf(workgroupsOf(form) * lanesOf(shape), priceAll(form.pieces.pieces)) };
}
function sumPrice(nest: Nest, { shape, sides }: Form): number {
  const lanes: Lanes = [...lanesAlong(sides.across, shape.lanes[1]), ...lanesAlong(nest.axes, shape.depth)];
  const turn = costs.position * nest.axes.length + nest.carries.length + priceOfPart(nest, nest.body, nest.values, lanes);
  return Math.ceil(positionsOf(nest.axes) / shape.depth) * turn + Math.log2(shape.depth) * (costs.chunk / 2 + 4 * nest.carries.length) + costs.chunk;
}
function contractionPrice(c: Contraction, { shape, sides }: Form): number {
  const [down, across] = shape.block;
  const sums = c.carries.length * down * across;
  const vectors = (n: number): number => Math.ceil(n / 4);
  const reads = c.operands.reduce((n, o) => n + vectors(o.side === 'down' ? down : across), 0) * costs.shared;
  const chunk = costs.chunk + c.operands.reduce((n, o) => n + fillPrice(o, c, sides, shape), 0) + shape.chunk * (2 + reads + sums);
  const chunks = Math.ceil(positionsOf(c.turn) / shape.chunk);
  return positionsOf(c.loops) * (chunks * chunk + (c.loops.length > 0 ? sums : 0)) + sums;
}
function fillPrice(o: Operand, c: Contraction, sides: Sides, shape: Shape): number {
  const { isByTurn, vectors, width } = fillOf(o, c, sides, shape);
  const side = sides[o.side];
  const along = isByTurn
    ? [...lanesAlong(c.turn, shape.chunk), ...lanesAlong(side, Math.ceil(64 / shape.chunk))]
    : lanesAlong(side, Math.min(64, vectors));
  const rounds = Math.ceil((vectors * shape.chunk) / lanesOf(shape));
  return rounds * (width * (costs.position * (side.length + c.turn.length) / 2 + priceOfPart(o, [], [o.value], along)) + costs.shared);
}
