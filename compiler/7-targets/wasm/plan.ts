/**
 * Which loops get lanes, which are taken several at a time. Imagine trying each axis in the lanes with each size of tile, and
 * counting instructions: the cheapest way wins, long code counting against itself.
 */
import type { Axis, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { inBlocks } from './block.ts';
import { panelBytes } from './panels.ts';
import { costOf, loopCost, mostCarries, nominalOf, none, priceOf, sizeOf, widen } from './cost.ts';
import type { Loop, Role, Roles, Tile } from './cost.ts';
import { analyse, nested } from './work.ts';
import type { Work } from './work.ts';

/** A loop of positions. */
type MapLoop = Stmt & { readonly kind: 'map' };

export interface Plan {
  /** The grid as nested loops, outermost first. */
  readonly body: readonly Stmt[];
  /** What is not here is a plain loop. */
  readonly roles: ReadonlyMap<Stmt, Role>;
  /** Nothing is read that is written here: an element may be computed twice. */
  readonly mayRepeat: boolean;
  /** The loop of the grid whose tiles the threads share. */
  readonly shared: MapLoop | undefined;
  /** Loops around that one, from the outermost on, whose turns are given out together with its tiles. */
  readonly around: readonly MapLoop[];
  /** It is large enough for care with memory: operands may be laid down in panels, tiles turned over before they are stored. */
  readonly isLarge: boolean;
  /** Bytes that a panel may take. */
  readonly panel: number;
}
/** A plan, and what it was chosen by. */
export interface Costed extends Plan {
  /** Instructions of the whole grid, for nominal extents. */
  readonly cost: number;
  readonly work: Work;
}

/** @param mayRepeat Whether elements may be computed twice. @param large For tests, which have no large kernels. */
export function makePlan(kernel: Kernel, mayRepeat: boolean, large: Large = usual): Costed {
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
export const usual: Large = { memory: 500_000, blocks: 10_000_000 };

function planOf(kernel: Kernel, mayRepeat: boolean, isLarge: boolean, panel: number): Costed {
  const { axes, body, turns = 1 } = kernel;
  const nestOf = (order: readonly Axis[]): readonly Stmt[] => order.reduceRight<readonly Stmt[]>((inner, axis) => [{ kind: 'map', axis, body: inner }], body);
  const hasFolds = body.some(s => s.kind !== 'let' && s.kind !== 'store');
  let best: { readonly plan: Costed; readonly cost: number } | undefined;
  const one = analyse(body, axes);
  /** Whether rows along an axis have something in common, or something lies along it, so that they may be turned over into lanes. */
  const gainsByRows = (axis: Axis): boolean => one.items.some(({ mask, place }) => { const bit = 1 << axes.indexOf(axis); return (mask & bit) === 0 || place !== undefined && (place.near & bit) !== 0; });
  for (const order of orders(axes)) {
    const nest = nestOf(order);
    const work = nested(nest, axes, one);
    const grid = order.map((_, i) => order.slice(0, i).reduce<readonly Stmt[]>(s => (s[0]?.kind === 'map' ? s[0].body : s), nest)[0]).filter(s => s?.kind === 'map');
    const inner = grid.at(-1);
    const before = grid.at(-2);
    const consider = (fixed: Roles): void => {
      const roles = [...fixed.values()].some(r => r.kind === 'lanes') ? fixed : inside(work, new Set(grid), fixed, mayRepeat, turns);
      const time = costOf(work, { ...none, isLarge, panel }, roles, mayRepeat);
      if (best && turns * time >= best.cost) return;
      const cost = priceOf(turns * time, sizeOf(work, none, roles, mayRepeat));
      if (!best || cost < best.cost) best = { plan: { body: nest, roles, mayRepeat, cost: time, shared: undefined, around: [], isLarge, panel, work }, cost };
    };
    consider(new Map());
    const rowCounts = (s: Stmt | undefined): readonly number[] => (s?.kind === 'map' ? [...(hasFolds ? [1, 2, 4, 8] : gainsByRows(s.axis) ? [1, 4] : [1]), ...(hasFolds && isOddTimes(3, s.axis.extent) ? [3] : [])].filter(r => r === 1 || nominalOf(s.axis.extent) >= r) : [1]);
    /** An axis of a few positions as a whole. */
    const wholeOf = (s: Stmt | undefined): readonly number[] => (s?.kind === 'map' && hasFolds ? [5, 6, 7].filter(n => n === s.axis.extent) : []);
    // the innermost axis in the lanes, so that neighbours follow each other; rows on the one around it
    const isSwapped = before?.kind === 'map' && inner?.kind === 'map' && axes.indexOf(before.axis) > axes.indexOf(inner.axis);
    // as many sums as there are registers for
    if (isLarge && hasFolds && before?.kind === 'map' && inner?.kind === 'map') {
      for (const [q, v] of fullTiles) for (const [rows, lanes] of [[before, inner], [inner, before]] as const) {
        if (nominalOf(rows.axis.extent) >= q && nominalOf(lanes.axis.extent) >= 4 * v) consider(new Map<Stmt, Role>([[rows, { kind: 'rows', count: q }], [lanes, { kind: 'lanes', count: v }]]));
      }
    }
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
      if (inner && !isSwapped) for (const q of [...rowCounts(inner), ...wholeOf(inner)]) if (q * r > 1 && q * r <= 8) consider(new Map<Stmt, Role>([...row, ...(q > 1 ? [[inner, { kind: 'rows', count: q }] as const] : [])]));
    }
  }
  if (!best) return { body, roles: new Map(), mayRepeat, cost: 0, shared: undefined, around: [], isLarge, panel, work: one };
  const shared = sharedLoop(best.plan, axes.length);
  return { ...best.plan, roles: withTurns(best.plan.work, best.plan.roles), shared, around: loopsAround(best.plan, shared) };
}

/** The loops around the shared one, from the outermost on as long as they have whole tiles alone: a share may begin in the middle of their turns. */
function loopsAround({ body, roles, mayRepeat }: Plan, shared: Plan['shared']): Plan['around'] {
  const out: MapLoop[] = [];
  for (let [loop] = body; shared && loop?.kind === 'map' && loop !== shared; [loop] = loop.body) {
    const role = roles.get(loop);
    const width = (role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1);
    const { extent } = loop.axis;
    if (typeof extent === 'number' ? extent % width !== 0 && !(mayRepeat && extent > width) : width > 1 && !mayRepeat) break;
    out.push(loop);
  }
  return out;
}

/** The loop of the grid whose tiles go into equal shares for two, three, four and eight threads; the outermost of equal ones. */
function sharedLoop({ body, roles }: Plan, depth: number): Plan['shared'] {
  let best: { readonly loop: MapLoop; readonly score: number } | undefined;
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

/** Whether an extent is a multiple of three (of twelve) that four (sixteen) leaves a rest of. */
const isOddTimes = (n: 3 | 12, extent: Axis['extent']): boolean => typeof extent === 'number' && extent % n === 0 && extent % (n === 3 ? 4 : 16) !== 0;
/** Rows and vectors of a product's tiles that need all registers. */
const fullTiles = [[mostCarries / 2, 2], [2, mostCarries / 2]] as const;
/** Vectors of four that fit; three only where four do not, or leave a rest. */
const vectorCounts = (extent: number): readonly number[] => [1, 2, 3, 4].filter(v => 4 * v <= extent && (v !== 3 || extent < 16 || isOddTimes(12, extent)));

/** The axes with each pair of them innermost, in both orders. */
function orders(axes: readonly Axis[]): readonly (readonly Axis[])[] {
  if (axes.length < 2) return [axes];
  const out: (readonly Axis[])[] = [];
  for (const b of axes) for (const a of axes) if (a !== b) out.push([...axes.filter(x => x !== a && x !== b), a, b]);
  return out.reverse();
}

// ── lanes inside of what has none ─────────────────────────────────────────────────────────────

/** Whether the turns of a loop may go side by side into the lanes. */
function mayHaveLanes(loop: Loop): boolean {
  if (nominalOf(loop.axis.extent) < 8) return false;
  return loop.kind === 'map' || (loop.bounds === undefined && loop.combine !== undefined && loop.carries.every(c => c.type === 'f32'));
}

/** Roles for loops inside of a tile that has no lanes: each branch gets them where they cost least, or not at all. @param often How often the kernel runs. */
function inside(work: Work, grid: ReadonlySet<Stmt>, fixed: Roles, mayRepeat: boolean, often: number): Roles {
  const roles = new Map(fixed);
  /** @param turns How often it is all done: what code costs is paid once. */
  const visit = (w: Work, tile: Tile, turns: number): void => {
    for (const child of w.loops) {
      const role = fixed.get(child.loop);
      const inner = role ? widen(tile, child.bit, role) : tile;
      const more = turns * nominalOf(child.loop.axis.extent) / (role?.count ?? 1);
      if (grid.has(child.loop) || !mayHaveLanes(child.loop)) { visit(child, inner, more); continue; }
      const tries: Roles[] = [1, 2, 4].filter(v => 4 * v <= nominalOf(child.loop.axis.extent)).map(v => new Map<Stmt, Role>([[child.loop, { kind: 'lanes', count: v }]]));
      const before = new Map(roles);
      visit(child, inner, more);
      const deeper = new Map(roles);
      const options = [deeper, ...tries.map(t => new Map([...before, ...t]))];
      let [chosen, least] = [deeper, Infinity];
      for (const o of options) {
        const time = turns * loopCost(child, tile, o, mayRepeat);
        if (time >= least) continue;
        const cost = priceOf(time, sizeOf({ ...child, items: [], loops: [child] }, tile, o, mayRepeat));
        if (cost < least) [chosen, least] = [o, cost];
      }
      roles.clear();
      for (const [s, r] of chosen) roles.set(s, r);
    }
  };
  visit(work, none, often);
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
