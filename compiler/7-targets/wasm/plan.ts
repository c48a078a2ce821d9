/**
 * Which loops get lanes, which are taken several at a time. Imagine trying each axis in the lanes with each size of tile, and
 * counting instructions: the cheapest way wins, long code counting against itself.
 */
import type { Axis, Fold, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { inBlocks } from './block.ts';
import { panelBytes } from './panels.ts';
import { analyse, nested, noiseCall } from './work.ts';
import type { Item, Place, Work } from './work.ts';

/**
 * `lanes`: `count` vectors of four neighbours at once. `rows`: `count` positions at once. `turns`: `count` turns of a fold
 * written out.
 */
export interface Role { readonly kind: 'lanes' | 'rows' | 'turns'; readonly count: number }

export interface Plan {
  /** The grid as nested loops, outermost first. */
  readonly body: readonly Stmt[];
  /** What is not here is a plain loop. */
  readonly roles: ReadonlyMap<Stmt, Role>;
  /** Nothing is read that is written here: an element may be computed twice. */
  readonly mayRepeat: boolean;
  /** The loop of the grid whose tiles the threads share. */
  readonly shared: Stmt & { readonly kind: 'map' } | undefined;
  /** It is large enough for care with memory: operands may be laid down in panels, tiles turned over before they are stored. */
  readonly isLarge: boolean;
  /** Bytes that a panel may take. */
  readonly panel: number;
  /** Instructions of the whole grid, for nominal extents. */
  readonly cost: number;
}

type Loop = Extract<Stmt, { kind: 'map' }> | Fold;
type Roles = ReadonlyMap<Stmt, Role>;

/** What run-time extents are taken for. */
export const nominal = { rows: 64, samples: 4 } as const;
const nominalOf = (e: Axis['extent']): number => (typeof e === 'number' ? e : nominal[e]);

/** @param mayRepeat Whether elements may be computed twice. @param large For tests, which have no large kernels. */
export function makePlan(kernel: Kernel, mayRepeat: boolean, large: Large = usual): Plan {
  const { panel = panelBytes.fast } = large;
  const plain = planOf(kernel, mayRepeat, false, panel);
  if (plain.cost < large.memory) return plain;
  const whole = planOf(kernel, mayRepeat, true, panel);
  if (plain.cost < large.blocks || !kernel.body.some(s => s.kind === 'fold')) return whole;
  // what is in the lanes is what a block is cut from
  const lanes = [...whole.roles].find(([, role]) => role.kind === 'lanes')?.[0];
  const cut = lanes?.kind === 'map' ? inBlocks(kernel, lanes.axis) : undefined;
  const blocks = cut && planOf(cut, mayRepeat, true, panel);
  return blocks && blocks.cost < whole.cost ? blocks : whole;
}
/** Instructions of a kernel from which on it matters where memory is, and from which on blocks are worth a try; and bytes that a panel may take. */
export interface Large { readonly memory: number; readonly blocks: number; readonly panel?: number }
export const usual: Large = { memory: 2_000_000, blocks: 10_000_000 };

function planOf(kernel: Kernel, mayRepeat: boolean, isLarge: boolean, panel: number): Plan {
  const { axes, body } = kernel;
  const nestOf = (order: readonly Axis[]): readonly Stmt[] => order.reduceRight<readonly Stmt[]>((inner, axis) => [{ kind: 'map', axis, body: inner }], body);
  const hasFolds = body.some(s => s.kind !== 'let' && s.kind !== 'store');
  let best: { readonly plan: Plan; readonly cost: number; readonly work: Work } | undefined;
  const one = analyse(body, axes);
  for (const order of orders(axes)) {
    const nest = nestOf(order);
    const work = nested(nest, axes, one);
    const grid = order.map((_, i) => order.slice(0, i).reduce<readonly Stmt[]>(s => (s[0]?.kind === 'map' ? s[0].body : s), nest)[0]).filter(s => s?.kind === 'map');
    const inner = grid.at(-1);
    const before = grid.at(-2);
    const consider = (fixed: Roles): void => {
      const roles = [...fixed.values()].some(r => r.kind === 'lanes') ? fixed : inside(work, new Set(grid), fixed, mayRepeat);
      const time = costOf(work, { ...none, isLarge, panel }, roles, mayRepeat);
      if (best && time >= best.cost) return;
      const size = sizeOf(work, none, roles, mayRepeat);
      const cost = time * (1 + size / long) + size * byte;
      if (!best || cost < best.cost) best = { plan: { body: nest, roles, mayRepeat, cost: time, shared: undefined, isLarge, panel }, cost, work };
    };
    consider(new Map());
    const rowCounts = (s: Stmt | undefined): readonly number[] => (s?.kind === 'map' ? (hasFolds ? [1, 2, 4, 8] : [1, 4]).filter(r => r === 1 || nominalOf(s.axis.extent) >= r) : [1]);
    // the innermost axis in the lanes, so that neighbours follow each other; rows on the one around it
    const isSwapped = before?.kind === 'map' && inner?.kind === 'map' && axes.indexOf(before.axis) > axes.indexOf(inner.axis);
    for (const r of rowCounts(before)) {
      const row = before && r > 1 ? [[before, { kind: 'rows', count: r }] as const] : [];
      if (inner?.kind === 'map' && nominalOf(inner.axis.extent) >= 4) {
        for (const v of vectorCounts(nominalOf(inner.axis.extent))) if (r * v <= 8) consider(new Map<Stmt, Role>([...row, [inner, { kind: 'lanes', count: v }]]));
      }
      // the innermost axis one position after the other, so that what is in the lanes of the one around it stays in a panel
      if (isLarge && hasFolds && before?.kind === 'map' && inner && nominalOf(before.axis.extent) >= 4 && r === 1) {
        for (const q of rowCounts(inner)) for (const v of vectorCounts(nominalOf(before.axis.extent))) if (q * v <= 8) consider(new Map<Stmt, Role>([[before, { kind: 'lanes', count: v }], ...(q > 1 ? [[inner, { kind: 'rows', count: q }] as const] : [])]));
      }
      // lanes further in, a tile of positions around them
      if (inner && !isSwapped) for (const q of rowCounts(inner)) if (q * r > 1 && q * r <= 8) consider(new Map<Stmt, Role>([...row, ...(q > 1 ? [[inner, { kind: 'rows', count: q }] as const] : [])]));
    }
  }
  if (!best) return { body, roles: new Map(), mayRepeat, cost: 0, shared: undefined, isLarge, panel };
  const shared = sharedLoop(best.plan, axes.length);
  return { ...best.plan, roles: withTurns(best.work, best.plan.roles), shared };
}

/** The loop of the grid whose tiles go into equal shares for two, three, four and eight threads; the outermost of equal ones. */
function sharedLoop({ body, roles }: Plan, depth: number): Plan['shared'] {
  let best: { readonly loop: Stmt & { readonly kind: 'map' }; readonly score: number } | undefined;
  let [loop] = body;
  for (let i = 0; i < depth && loop?.kind === 'map'; i++, loop = loop.body[0]) {
    const role = roles.get(loop);
    const tiles = Math.ceil(nominalOf(loop.axis.extent) / ((role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1)));
    // tiles of an extent that varies may be fewer than is thought here
    const score = [2, 3, 4, 8].reduce((sum, n) => sum + tiles / (n * Math.ceil(tiles / n)), 0) - (typeof loop.axis.extent === 'number' ? 0 : 0.2);
    if (tiles > 1 && (!best || score > best.score + 0.2)) best = { loop, score };
  }
  return best?.loop;
}

/** Vectors of four that fit; three only where four do not. */
const vectorCounts = (extent: number): readonly number[] => [1, 2, 3, 4].filter(v => 4 * v <= extent && (v !== 3 || extent < 16));

/** The axes with each pair of them innermost, in both orders. */
function orders(axes: readonly Axis[]): readonly (readonly Axis[])[] {
  if (axes.length < 2) return [axes];
  const out: (readonly Axis[])[] = [];
  for (const b of axes) for (const a of axes) if (a !== b) out.push([...axes.filter(x => x !== a && x !== b), a, b]);
  return out.reverse();
}

/** Code of this many instructions counts as twice the time, and each of them as so many that are executed. */
const long = 4000;
const byte = 2500;

// ── what it costs ─────────────────────────────────────────────────────────────────────────────

/** What is computed side by side: how many along each axis, and which is in the lanes. Axes as bits. */
interface Tile {
  readonly counts: ReadonlyMap<number, number>; readonly lane: number;
  /** Loops of positions that are open, outermost first, and the turns of the folds inside of them. */
  readonly open: readonly { readonly bit: number; readonly turns: number; readonly extent: number }[]; readonly folded: number;
  /** Memory counts: there may be panels. */
  readonly isLarge: boolean; readonly panel: number;
}
const none: Tile = { counts: new Map(), lane: 0, open: [], folded: 0, isLarge: false, panel: 0 };
const widen = (t: Tile, bit: number, role: Role): Tile => ({ ...t, counts: new Map([...t.counts, [bit, role.count]]), lane: role.kind === 'lanes' ? bit : t.lane });
const times = (t: Tile, mask: number): number => { let n = 1; for (const [bit, count] of t.counts) if (mask & bit) n *= count; return n; };

/** Instructions of all positions. */
function costOf(w: Work, tile: Tile, roles: Roles, mayRepeat: boolean): number {
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
function accessCost({ isStore, isPositional, isFar, near, far }: Place, straight: number, mask: number, tile: Tile): number {
  // four rows of four are turned over in registers
  const whole = tile.isLarge && isStore && (near & tile.lane) === 0 && straight > 3 && [...tile.counts].some(([bit, count]) => near & bit && count % 4 === 0) ? 3 : straight;
  if (!tile.isLarge) return whole;
  const lines = 1 / times(tile, near & mask);
  const inner = tile.open.at(-1);
  if (tile.folded === 0) return whole + (inner && far & inner.bit ? page * lines : 0);
  const panel = isPositional ? panelFor(mask, isFar, tile) : undefined;
  if (panel) return 1 + (whole + 2) / panel.turns + (panel.bytes > near1 ? 0.5 : 0);
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
    if (inner.some(o => o.bit !== side || o.extent % width !== 0)) continue;
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
function loopCost(w: Work & { readonly loop: Loop }, around: Tile, roles: Roles, mayRepeat: boolean): number {
  const { loop } = w;
  const role = roles.get(loop);
  const extent = nominalOf(loop.axis.extent);
  if (loop.kind === 'fold') return foldCost(w, { ...around, folded: loop.bounds ? NaN : Math.max(1, around.folded) * extent }, role, extent, roles, mayRepeat);
  const tile: Tile = { ...around, open: [...around.open, { bit: w.bit, extent, turns: extent / ((role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1)) }], folded: 0 };
  if (!role) return extent * (costOf(w, tile, roles, mayRepeat) + 2 + (w.loops.length === 0 ? 1.5 * w.chain : 0));
  const width = role.count * (role.kind === 'lanes' ? 4 : 1);
  // a long chain of dependent operations waits for itself, whatever the number of vectors
  const whole = costOf(w, widen(tile, w.bit, role), roles, mayRepeat) + 5 + 1.5 * w.chain;
  if (extent < width) return Infinity;
  if (mayRepeat) return Math.ceil(extent / width) * whole;
  const rest = extent % width;
  const isWide = role.kind === 'lanes' && typeof loop.axis.extent === 'number';
  const [vectors, singles] = isWide ? [Math.ceil(rest / 4), 0] : role.kind === 'lanes' ? [Math.floor(rest / 4), rest % 4] : [0, rest];
  return Math.floor(extent / width) * whole + (vectors > 0 ? vectors * costOf(w, widen(tile, w.bit, { kind: 'lanes', count: 1 }), roles, mayRepeat) : 0) + (singles > 0 ? singles * costOf(w, tile, roles, mayRepeat) : 0);
}
function foldCost(w: Work, tile: Tile, role: Role | undefined, extent: number, roles: Roles, mayRepeat: boolean): number {
  if (times(tile, w.bounds) > 1 || (tile.lane & w.bounds) !== 0) return Infinity;
  const wide = role?.kind === 'lanes' ? widen(tile, w.bit, role) : tile;
  const carries = w.carries.reduce((n, mask) => n + times(wide, mask | (role?.kind === 'lanes' ? w.bit : 0)), 0);
  // operands of the side that is walked innermost stay for all of the others
  const operands = [...tile.counts.values()].at(-1) ?? 1;
  const spilled = Math.max(0, carries - 8) + Math.max(0, carries + operands - 12);
  // four cycles of latency an addition, about three instructions a cycle
  const turn = Math.max(12 * Math.min(1, w.carries.length), costOf(w, wide, roles, mayRepeat) + 3 * spilled + 3);
  if (role?.kind !== 'lanes') return extent * turn;
  const width = 4 * role.count;
  const ends = w.carries.reduce((n, mask) => n + times(tile, mask & ~w.bit), 0) * (6 + role.count);
  const rest = typeof w.extent === 'number' ? extent % width : width / 2;
  return Math.floor(extent / width) * turn + ends + rest * (costOf(w, tile, roles, mayRepeat) + 3);
}

/** Instructions as they stand in the code. */
function sizeOf(w: Work, tile: Tile, roles: Roles, mayRepeat: boolean): number {
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

// ── lanes inside of what has none ─────────────────────────────────────────────────────────────

/** Whether the turns of a loop may go side by side into the lanes. */
function mayHaveLanes(loop: Loop): boolean {
  if (nominalOf(loop.axis.extent) < 8) return false;
  return loop.kind === 'map' || (loop.bounds === undefined && loop.combine !== undefined && loop.carries.every(c => c.type === 'f32'));
}

/** Roles for loops inside of a tile that has no lanes: each branch gets them where they cost least, or not at all. */
function inside(work: Work, grid: ReadonlySet<Stmt>, fixed: Roles, mayRepeat: boolean): Roles {
  const roles = new Map(fixed);
  const visit = (w: Work, tile: Tile): void => {
    for (const child of w.loops) {
      const role = fixed.get(child.loop);
      const inner = role ? widen(tile, child.bit, role) : tile;
      if (grid.has(child.loop) || !mayHaveLanes(child.loop)) { visit(child, inner); continue; }
      const tries: Roles[] = [1, 2, 4].filter(v => 4 * v <= nominalOf(child.loop.axis.extent)).map(v => new Map<Stmt, Role>([[child.loop, { kind: 'lanes', count: v }]]));
      const before = new Map(roles);
      visit(child, inner);
      const deeper = new Map(roles);
      const options = [deeper, ...tries.map(t => new Map([...before, ...t]))];
      let [chosen, least] = [deeper, Infinity];
      for (const o of options) {
        const time = loopCost(child, tile, o, mayRepeat);
        if (time >= least) continue;
        const size = sizeOf({ ...child, items: [], loops: [child] }, tile, o, mayRepeat);
        const cost = time * (1 + size / long) + size * byte;
        if (cost < least) [chosen, least] = [o, cost];
      }
      roles.clear();
      for (const [s, r] of chosen) roles.set(s, r);
    }
  };
  visit(work, none);
  return roles;
}

/**
 * Folds of a few turns are written out. Longer ones are not: V8 then moves the loads of all turns to the front and runs out of
 * registers (35 GFLOP/s fell to 25 with four turns of a 4x8 product).
 */
function withTurns(work: Work, roles: Roles): Roles {
  const out = new Map(roles);
  const visit = (w: Work): void => {
    for (const child of w.loops) {
      visit(child);
      const { loop } = child;
      if (loop.kind !== 'fold' || out.has(loop) || loop.bounds || typeof loop.axis.extent !== 'number' || child.loops.length > 0 || child.items.reduce((n, i) => n + i.count, 0) > 12) continue;
      const count = loop.axis.extent;
      if (count > 1 && count <= 4) out.set(loop, { kind: 'turns', count });
    }
  };
  visit(work);
  return out;
}
