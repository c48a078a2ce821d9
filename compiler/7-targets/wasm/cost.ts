/**
 * What a plan costs, in instructions: the one model by which lanes, rows, blocks, panels and threads are chosen, and from which
 * `explain` says how long a kernel will take. Imagine walking through the loops with a tile in hand, and asking of each operation
 * how often it stands in the code of the tile, and of each access where its line will be.
 */
import type { Axis, Dynamic, Fold, Stmt } from '../../6-kernels/kernel.ts';
import { noiseCall } from './work.ts';
import type { Item, Place, Work } from './work.ts';

/**
 * `lanes`: `count` vectors of four neighbours at once. `rows`: `count` positions at once. `turns`: `count` turns of a fold
 * written out.
 */
export interface Role { readonly kind: 'lanes' | 'rows' | 'turns'; readonly count: number }

export type Loop = Extract<Stmt, { kind: 'map' }> | Fold;
export type Roles = ReadonlyMap<Stmt, Role>;

type Extents = Readonly<Record<Dynamic, number>>;
/** What run-time extents are taken for when a plan is made. */
export const nominal: Extents = { rows: 64, samples: 3 };
export const nominalOf = (e: Axis['extent'], extents: Extents = nominal): number => (typeof e === 'number' ? e : extents[e]);

/** What is computed side by side: how many along each axis, and which is in the lanes. Axes as bits. */
export interface Tile {
  readonly counts: ReadonlyMap<number, number>; readonly lane: number;
  /** Loops of positions that are open, outermost first, and the turns of the folds inside of them. */
  readonly open: readonly { readonly bit: number; readonly turns: number; readonly extent: number; readonly isLiteral: boolean }[]; readonly folded: number;
  /** Memory counts: there may be panels. */
  readonly isLarge: boolean; readonly panel: number;
  /** What run-time extents are. */
  readonly extents: Extents;
}
export const none: Tile = { counts: new Map(), lane: 0, open: [], folded: 0, isLarge: false, panel: 0, extents: nominal };
export const widen = (t: Tile, bit: number, role: Role): Tile => ({ ...t, counts: new Map([...t.counts, [bit, role.count]]), lane: role.kind === 'lanes' ? bit : t.lane });
const times = (t: Tile, mask: number): number => { let n = 1; for (const [bit, count] of t.counts) if (mask & bit) n *= count; return n; };

/** Instructions of all positions. */
export function costOf(w: Work, tile: Tile, roles: Roles, mayRepeat: boolean): number {
  let cost = 0;
  const vectors = tile.counts.get(tile.lane) ?? 1;
  for (const item of w.items) cost += times(tile, item.mask) * (item.drawn && tile.folded > 0 && tile.isLarge ? drawCost(item, tile) : typeof item.cost === 'number' ? item.cost : item.place ? accessCost(item.place, item.cost(tile.lane, vectors), item.mask, tile) : item.cost(tile.lane, vectors));
  for (const child of w.loops) cost += loopCost(child, tile, roles, mayRepeat);
  return cost;
}
/** What is part of a draw: once for all turns that a panel serves, where there is one (`draw-panels.ts`), along the noise. */
function drawCost({ cost, mask, place, tape }: Item, tile: Tile): number {
  const panel = panelFor(mask, true, tile);
  const own = typeof cost === 'number' ? cost : cost(panel && !place ? 0 : tile.lane, tile.counts.get(tile.lane) ?? 1);
  if (!panel || tape === undefined) return panel ? own / panel.turns : own;
  // a window of 64 values: all of the tile's columns are in it; or it is the next 64 of one column, along the fold; or one of them is wanted
  const [side = 0, count = 1] = [...tile.counts].find(([bit]) => mask & bit) ?? [];
  const columns = count * (side === tile.lane ? 4 : 1);
  const isAlongFold = (tape & mask & ~tile.open.reduce((m, o) => m | o.bit, 0)) !== 0;
  const window = tape & side ? noiseCall : columns * (isAlongFold ? noiseCall / 64 + 8 : noiseCall);
  return window / times(tile, mask) / panel.turns;
}
/**
 * What a load or a store costs by where it finds its line: in a panel, in the nearest cache, or further out when all positions walk
 * over it. Neighbours share a line. Lines far from each other are on different pages, whose addresses are looked up one by one.
 */
function accessCost({ isStore, isPositional, isGuarded, isFar, near, far }: Place, straight: number, mask: number, tile: Tile): number {
  // four rows of four are turned over in registers
  const whole = tile.isLarge && isStore && (near & tile.lane) === 0 && straight > 3 && [...tile.counts].some(([bit, count]) => near & bit && count % 4 === 0) ? 3 : straight;
  if (!tile.isLarge) return whole;
  const lines = 1 / times(tile, near & mask);
  const inner = tile.open.at(-1);
  if (tile.folded === 0) return whole + (inner && far & inner.bit ? page * lines : 0);
  const panel = isPositional ? panelFor(mask, isFar, tile) : undefined;
  // and so are four turns of a fold in which the elements of a lane follow each other
  const along = near & ~tile.open.reduce((m, o) => m | o.bit, [...tile.counts.keys()].reduce((m, b) => m | b, 0));
  const isTurnedOver = straight > 3 && !isGuarded && (mask & tile.lane) !== 0 && along !== 0;
  if (panel) return 1 + ((isTurnedOver ? 2 : whole) + 2) / panel.turns + (panel.bytes > near1 ? 0.5 : 0);
  if (!isFar) return whole;
  const walked = inner !== undefined && (mask & inner.bit) !== 0;
  return whole + (walked ? (4 * tile.folded * inner.extent > near2 ? 6 : 3) : 1) * lines;
}
/** The panel that `panels.ts` will make: its bytes, and how many turns share it. */
function panelFor(mask: number, far: boolean, tile: Tile): { readonly bytes: number; readonly turns: number } | undefined {
  const sides = [...tile.counts].filter(([bit]) => mask & bit);
  const [side, count] = sides[0] ?? [0, 0];
  if (sides.length !== 1 || (side !== tile.lane && !far)) return undefined;
  const width = side === tile.lane ? 4 * count : count;
  for (const [at, still] of tile.open.entries()) {
    if (mask & still.bit) continue;
    const inner = tile.open.slice(at + 1).filter(o => mask & o.bit);
    if (inner.some(o => o.bit !== side || !o.isLiteral || o.extent % width !== 0)) continue;
    const bytes = 4 * tile.folded * (inner[0]?.extent ?? width);
    const turns = tile.open.slice(at).reduce((n, o) => (mask & o.bit ? n : n * o.turns), 1);
    if (bytes <= tile.panel) return turns >= 4 ? { bytes, turns } : undefined;
  }
  return undefined;
}
/** Bytes of the nearest cache that a panel may take, and of the next one. */
const [near1, near2] = [40_000, 2 ** 19];
/** Instructions in the time that an address on another page takes. */
const page = 30;
export function loopCost(w: Work & { readonly loop: Loop }, around: Tile, roles: Roles, mayRepeat: boolean): number {
  const { loop } = w;
  const role = roles.get(loop);
  const extent = nominalOf(loop.axis.extent, around.extents);
  if (loop.kind === 'fold') return foldCost(w, { ...around, folded: loop.bounds ? NaN : Math.max(1, around.folded) * extent }, role, extent, roles, mayRepeat);
  const tile: Tile = { ...around, open: [...around.open, { bit: w.bit, extent, isLiteral: typeof loop.axis.extent === 'number', turns: extent / ((role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1)) }], folded: 0 };
  if (!role) return extent * (costOf(w, tile, roles, mayRepeat) + 2 + (w.loops.length === 0 ? 1.5 * w.chain : 0));
  const width = role.count * (role.kind === 'lanes' ? 4 : 1);
  // a long chain of dependent operations waits for itself, whatever the number of vectors
  const whole = costOf(w, widen(tile, w.bit, role), roles, mayRepeat) + 5 + 1.5 * w.chain + spills(w.names, [...tile.counts.values()].reduce((n, c) => n * c, role.count));
  // a plan is made for nominal extents; where there is less, only what follows the last whole tile is left
  if (extent < width && around.extents === nominal) return Infinity;
  if (mayRepeat) return tilesIn(loop.axis.extent, extent, width, around.extents) * whole;
  const rest = extent % width;
  const isWide = role.kind === 'lanes' && typeof loop.axis.extent === 'number';
  const [vectors, singles] = isWide ? [Math.ceil(rest / 4), 0] : role.kind === 'lanes' ? [Math.floor(rest / 4), rest % 4] : [0, rest];
  return Math.floor(extent / width) * whole + (vectors > 0 ? vectors * costOf(w, widen(tile, w.bit, { kind: 'lanes', count: 1 }), roles, mayRepeat) : 0) + (singles > 0 ? singles * costOf(w, tile, roles, mayRepeat) : 0);
}
/** Tiles of an axis, the last of which may overlap the one before it. An extent that varies is its nominal one or half of that. */
function tilesIn(extent: Axis['extent'], now: number, width: number, extents: Extents): number {
  const tiles = (of: number): number => Math.ceil(of / width);
  return typeof extent === 'number' || extents !== nominal || now < 2 * width ? tiles(now) : (tiles(now) + 2 * tiles(now / 2)) / 2;
}
/** What it costs that names have no register, when a body's are there so many times. */
function spills({ alive, touched }: Work['names'], times: number): number {
  return spill * Math.max(0, 1 - registers / (alive * times)) * touched * times;
}
/** Vector registers for what has a name (the others are for what has none), and instructions for each time that a name without one is met: a core does most of it in the shade of the rest. */
const [registers, spill] = [12, 0.3] as const;
function foldCost(w: Work, tile: Tile, role: Role | undefined, extent: number, roles: Roles, mayRepeat: boolean): number {
  if (times(tile, w.bounds) > 1 || (tile.lane & w.bounds) !== 0) return Infinity;
  const wide = role?.kind === 'lanes' ? widen(tile, w.bit, role) : tile;
  const carries = w.carries.reduce((n, mask) => n + times(wide, mask | (role?.kind === 'lanes' ? w.bit : 0)), 0);
  // operands of the shorter side stay for all of the other
  const operands = [...tile.counts.values()].reduce((x, y) => Math.min(x, y), carries);
  const isProduct = w.loops.length === 0 && w.bounds === 0 && w.items.every(i => i.drawn === undefined && (i.place === undefined || i.place.isPositional)) && w.items.reduce((n, i) => n + (i.place ? 0 : i.count), 0) <= 2;
  const spilled = isProduct && carries + operands < 15 ? 0 : Math.max(0, carries - 8) + Math.max(0, carries + operands - 12);
  // four cycles of latency an addition, about three instructions a cycle; five where a tile of sums has always one that need not wait, and a little more with four to spare
  const flows = carries >= 4 && w.loops.length === 0 && !w.items.some(i => i.drawn);
  const isFull = isProduct && carries === mostCarries;
  const turn = Math.max(12 * Math.min(1, w.carries.length), (costOf(w, wide, roles, mayRepeat) + 3 * spilled + 3) * (isFull ? 0.57 : flows ? 0.6 : 1));
  // what twelve carries are is laid down and taken up again (`folds.ts`)
  if (role?.kind !== 'lanes') return extent * turn + (isFull ? 3 * carries : 0);
  const width = 4 * role.count;
  const ends = w.carries.reduce((n, mask) => n + times(tile, mask & ~w.bit), 0) * (6 + role.count);
  const rest = typeof w.extent === 'number' ? extent % width : width / 2;
  return Math.floor(extent / width) * turn + ends + rest * (costOf(w, tile, roles, mayRepeat) + 3);
}

/** Carries of a product that have registers, beside two operands of one side and one of the other. */
export const mostCarries = 12;

/** Instructions as they stand in the code. */
export function sizeOf(w: Work, tile: Tile, roles: Roles, mayRepeat: boolean): number {
  let size = 0;
  // what follows a fold stands in the code once (`end.ts`)
  const isOnce = w.loops.some(l => l.loop.kind === 'fold');
  for (const item of w.items) size += item.count * (isOnce ? 1 : times(tile, item.mask));
  for (const child of w.loops) {
    const role = roles.get(child.loop);
    const extent = child.loop.axis.extent;
    const full = role && role.kind !== 'turns' ? sizeOf(child, widen(tile, child.bit, role), roles, mayRepeat) : sizeOf(child, tile, roles, mayRepeat);
    const width = (role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1);
    const isEven = !role || (typeof extent === 'number' && (extent % width === 0 || (mayRepeat && child.loop.kind === 'map')));
    size += 8 + full + (isEven ? 0 : sizeOf(child, tile, roles, mayRepeat));
  }
  return size;
}

/** Code of this many instructions counts as twice the time, and each of them as so many that are executed. */
const long = 4000;
const byte = 2500;
/** What counts when plans are compared: the time, and code that a page has to load. */
export const priceOf = (time: number, size: number): number => time * (1 + size / long) + size * byte;
