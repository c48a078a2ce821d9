/**
 * Panels: an operand of a contraction laid down in the order in which it is walked. Imagine the eight columns of a weight that
 * every row of the batch will be multiplied with, each 3 kB from the one before it: they are copied once into 25 kB that lie next to
 * each other, before the loop over the rows, and stay in the fastest cache while it lasts. It is what is done for a value that a
 * loop does not change, for a whole row of values.
 */
import type binaryen from 'binaryen';
import { addIndex, axisIndex, multiplySizes, parts, scaleIndex, size, strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Expr, Fold, Index, Size, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, mapChildren } from '../../6-kernels/map.ts';
import { address } from './address.ts';
import type { Address } from './address.ts';
import { drawsOf, namesIn, writeDraws } from './draw-panels.ts';
import type { Draw } from './draw-panels.ts';
import { nominal } from './cost.ts';
import type { Plan } from './plan.ts';
import { empty, frameAt, get, needsOf, newLocal, newScope, positions, put } from './scope.ts';
import type { Frame, Memory, Position, Scope, Side } from './scope.ts';
import type { Module, Node } from './spellings.ts';
import { keyOf, value, wideValue } from './values.ts';
import { inRegion, ownTiles, roundedDown, transposed, writeLoop } from './statements.ts';

type Load = Expr & { readonly kind: 'load' };

/** Bytes up to which a panel stays in a cache near the core; and in a small plan, where all threads' panels are to be little beside one sample's activations. */
export const panelBytes = { fast: 2 ** 18, small: 40_000 } as const;

/** Whether a load says where it is by positions, and by what is the same at all of them, so that it may be made at another place of the code. */
export const isPositional = (e: Load): boolean => [e.offset, ...(e.guard ?? []).map(c => c.index)].every(isStraight);
const isStraight = (i: Index): boolean => i.terms.every(({ atom }) => (atom.kind === 'axis' ? true : atom.kind === 'value' ? atom.value.kind === 'scalar' : isStraight(atom.index)));

/** The fold with its operands read from panels, where that is worth it; the panels are filled before the loops that do not change them. */
export function withPanels(s: Scope, fold: Fold, plan: Plan): Fold {
  const lane = s.region.lane;
  const innermost = fold.body.every(b => b.kind === 'let');
  if (!plan.isLarge || lane === undefined || !innermost || plan.roles.has(fold) || fold.bounds) return fold;
  const draws = drawsOf(fold);
  const done = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const drawn = draws.get(e);
    const made = (e.kind === 'load' ? panel(s, fold, e, lane, plan) : drawn ? panel(s, fold, drawn.whole, lane, plan, drawn) : undefined) ?? (childrenOf(e).length > 0 ? mapChildren(e, visit) : e);
    done.set(e, made);
    return made;
  };
  const carries = fold.carries.map(c => ({ ...c, next: visit(c.next) }));
  // what only a panel needed is not computed for the fold
  const needed = draws.size > 0 ? namesIn(fold.body, carries.map(c => c.next)) : undefined;
  return { ...fold, body: fold.body.flatMap((b): readonly Stmt[] => (b.kind !== 'let' ? [b] : needed && !needed.has(b.name) ? [] : [{ ...b, value: visit(b.value) }])), carries };
}

/** A load from a panel in the place of a load, or of a draw, if there is a loop around it that does not change it. */
function panel(s: Scope, fold: Fold, e: Expr, lane: string, plan: Plan, drawn?: Draw): Load | undefined {
  if (e.type !== 'f32' || e.kind !== 'load' && !drawn || e.kind === 'load' && !isPositional(e)) return undefined;
  const { deps, moves } = needsOf(s, e);
  if (drawn && moves) return undefined;
  if (!deps.has(fold.axis.name) || s.folds.some(f => f.isWrittenOut && deps.has(f.axis.name))) return undefined;
  // it differs along one axis of the tile: the lanes, or else its elements lie far apart
  const [side, ...others] = s.region.sides.filter(x => deps.has(x.axis));
  if (!side || others.length > 0 || (side.axis === lane) !== deps.has(lane)) return undefined;
  if (side.axis !== lane && e.kind === 'load' && !isFar(e, fold.axis.name)) return undefined;
  const width = side.count * side.step;
  const open = loopsAround(s);
  const folds = [...s.folds, { axis: fold.axis, depth: s.frame.depth }].filter(f => deps.has(f.axis.name));
  const isFold = (name: string): boolean => s.folds.some(f => f.axis.name === name);
  // from the outside in: the first loop that does not change it, and inside of which a panel has room
  for (const still of open) {
    if (deps.has(still.name) || isFold(still.name)) continue;
    const inner = open.filter(l => l.depth > still.depth && deps.has(l.name) && !isFold(l.name));
    if (inner.some(l => l.name !== side.axis)) continue;
    // the tile stands still, or all tiles of its axis are in the panel, one after the other
    const along = inner.length > 0 ? s.gridAxes.get(side.axis) : undefined;
    if (inner.length > 0 && (typeof along?.extent !== 'number' || along.extent % width !== 0)) continue;
    const lengthOf = (from: number): Size => folds.slice(from).reduce<Size>((n, f) => multiplySizes(n, typeof f.axis.extent === 'number' ? f.axis.extent : { times: 1, by: [f.axis.extent] }), width);
    const tile = parts(lengthOf(0));
    const bytes = 4 * tile.times * (along ? Number(along.extent) / width : 1);
    // a small plan counts what varies too
    const held = plan.panel < panelBytes.fast ? tile.by.reduce((n, by) => n * nominal[by], bytes) : bytes;
    if (held > plan.panel) continue;
    const outer = frameAt(s, still.depth - 1);
    if (folds.some(f => f.depth <= outer.depth)) continue;
    const index = folds.reduce<Index>((i, f, k) => addIndex(i, scaleIndex(axisIndex(f.axis.name), lengthOf(k + 1))), axisIndex(side.axis));
    const known = s.panels.get(outer) ?? new Map<string, string>();
    s.panels.set(outer, known);
    // a tile that is no turn of a loop says itself where it stands
    const key = `${keyOf(s, e, { lane, offsets: new Map() }, 'wide')} ${String(width)}${along ? ' all' : ` at ${String(s.axes.get(side.axis)?.base)}`}`;
    const seen = known.get(key);
    const name = seen ?? `panel ${s.panelPlaces.size}`;
    const load: Load = { kind: 'load', type: 'f32', buffer: name, offset: index };
    if (seen !== undefined) return load;
    known.set(key, name);
    const isLiteral = tile.by.length === 0;
    s.panelPlaces.set(name, { offset: isLiteral ? s.allocate(bytes) : s.allocatePanel(bytes), isLiteral, axis: side.axis, each: along ? size(tile.times / width, tile.by) : 0 });
    // of an axis that threads share each lays down its own tiles
    const isOwn = along !== undefined && !drawn && plan.shared?.axis === along;
    for (const l of open) if (l.depth > outer.depth && !(isOwn && l.name === side.axis)) s.laysDownBefore.add(l.name);
    const tiles = along ? [{ axis: along, step: width, isOwn }] : [];
    const turns = folds.map(f => ({ axis: f.axis, step: 1 }));
    if (drawn) inHome(s, outer, () => { writeDraws(s, tiles, turns, drawn, load, side, width); }); else if (e.kind === 'load') fill(s, outer, [...tiles, ...turns], e, load, side);
    return load;
  }
  return undefined;
}
/** Whether its elements of two turns are on different lines of the cache, or behind a condition. */
function isFar(e: Load, axis: string): boolean {
  const stride = strideAlong(e.offset, axis);
  return typeof stride !== 'number' || Math.abs(stride) >= 16 || (e.guard?.length ?? 0) > 0;
}

/** Loops that are open, outermost first, each with the depth of its frame. */
function loopsAround(s: Scope): readonly { readonly name: string; readonly depth: number }[] {
  const out: { readonly name: string; readonly depth: number }[] = [];
  for (let f: Frame | undefined = s.frame; f; f = f.parent) if (f.axis) out.unshift({ name: f.axis.name, depth: f.depth });
  return out;
}

type Loops = readonly { readonly axis: Axis; readonly step: number; /** The tiles of this thread alone. */ readonly isOwn?: boolean }[];
/** Writes at the end of a frame that is still open: before the loops inside of it. */
function inHome(s: Scope, home: Frame, write: () => void): void {
  const outer = { frame: s.frame, shared: s.shared, needs: s.needs };
  s.frame = home;
  s.shared = new Map();
  s.needs = new Map();
  write();
  s.frame = outer.frame;
  s.shared = outer.shared;
  s.needs = outer.needs;
}
/** Writes the loops that fill a panel. */
function fill(s: Scope, home: Frame, loops: Loops, e: Load, to: Load, side: Side): void {
  const lane = side.axis === s.region.lane ? side.axis : undefined;
  const last = loops.at(-1)?.axis;
  const blocks = lane === undefined || last === undefined ? 0 : blocksOf(e, lane, last);
  const write = (depth: number): void => {
    const loop = loops[depth];
    if (!loop) {
      for (const p of positions(s, undefined)) {
        const x = lane === undefined ? value(s, e, p) : wideValue(s, e, p);
        const { pointer, offset } = address(s, to.buffer, to.offset, p, false);
        s.frame.out.push(lane === undefined ? s.m.f32.store(offset, 4, pointer(), x) : s.m.v128.store(offset, 16, pointer(), x));
      }
      return;
    }
    const { axis, step, isOwn } = loop;
    if (isOwn) { const { edge } = ownTiles(s); writeLoop(s, axis.name, edge('from'), edge('to'), step, { isSure: true, multiple: step }, () => { write(depth + 1); }); return; }
    const isLast = axis === last;
    if (isLast && blocks > 0) turnOver(s, blocks, e, to, side, axis.name);
    writeLoop(s, axis.name, isLast ? 4 * blocks : 0, roundedDown(s, axis.extent, 1), step, { isSure: true }, () => { write(depth + 1); });
  };
  inHome(s, home, () => { inRegion(s, { lane, sides: [side], turns: new Map() }, () => { write(0); }); });
}
/** So many turns of a loop whose elements lie next to each other, where those of the lanes lie apart: four vectors along the loop are turned over. */
function blocksOf(e: Load, lane: string, { name, extent }: Axis): number {
  const stride = strideAlong(e.offset, lane);
  return typeof extent === 'number' && (e.guard?.length ?? 0) === 0 && typeof stride === 'number' && stride > 1 && strideAlong(e.offset, name) === 1 ? Math.floor(extent / 4) : 0;
}
/** Fills the first turns of all columns of a panel. */
function turnOver(s: Scope, blocks: number, e: Load, to: Load, side: Side, loop: string): void {
  const node = ({ pointer, offset }: Address): Node => (offset === 0 ? pointer() : s.m.i32.add(pointer(), s.m.i32.const(offset)));
  for (let vector = 0; vector < side.count; vector++) {
    const p: Position = { lane: undefined, offsets: new Map([[side.axis, vector * side.step]]) };
    const [from, into] = [e, to].map(x => node(address(s, x.buffer, x.offset, p, false))) as [Node, Node];
    s.frame.out.push(s.m.call(s.memory.turnOver(), [from, s.m.i32.const(4 * Number(strideAlong(e.offset, side.axis))), into, s.m.i32.const(4 * Number(strideAlong(to.offset, loop))), s.m.i32.const(blocks)], s.b.none));
  }
}
/**
 * Adds the function `name(from, apart, to, along, blocks)`: four rows, so many bytes apart, become columns, four elements a block; element k of
 * all of them is at `to + k * along`.
 */
export function addTurnOver(m: Module, b: typeof binaryen, memory: Memory, name: string): void {
  const s = newScope(m, b, name, empty, memory, 5);
  const [from, apart, to, along, blocks] = [0, 1, 2, 3, 4] as const;
  const of = (i: number): Node => m.local.get(i, b.i32);
  const more = (i: number, by: Node): Node => m.local.set(i, m.i32.add(of(i), by));
  const at = (base: number, i: number, step: number): Node => (i === 0 ? of(base) : m.i32.add(of(base), i === 1 ? of(step) : m.i32.mul(of(step), m.i32.const(i))));
  const rows = [0, 1, 2, 3].map(i => { const row = newLocal(s, b.v128); put(s, s.top, row, m.v128.load(0, 4, at(from, i, apart))); return row; });
  transposed(s, rows).forEach((column, i) => { s.top.out.push(m.v128.store(0, 16, at(to, i, along), get(s, column))); });
  s.top.out.push(more(from, m.i32.const(16)), more(to, m.i32.mul(of(along), m.i32.const(4))), more(blocks, m.i32.const(-1)), m.br_if('next', of(blocks)));
  m.addFunction(name, b.createType(Array.from({ length: 5 }, () => b.i32)), b.none, s.locals, m.loop('next', m.block(null, s.top.out)));
}
