/**
 * Sums that a workgroup does together. Imagine a nest of folds that does nothing but add up what its innermost turns give: it is one
 * fold over all of its turns. A contraction is one whose addend is a product of what varies down a tile with what varies across it;
 * each factor is then an operand of its own, which can be laid down once for a whole tile.
 */
import { exprKey } from '../../6-kernels/index.ts';
import type { Axis, Carry, Expr, Fold, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, gathered, mapStmts, ownAxes } from '../../6-kernels/map.ts';
import { buffersIn, freeIn, inlined, namesIn } from './pieces.ts';
import type { Lets } from './pieces.ts';

/** A nest of folds as one. */
export interface Nest {
  /** The outermost fold's. */
  readonly carries: readonly Carry[];
  readonly combine: NonNullable<Fold['combine']>;
  /** What a carry starts from when it adds nothing of its own. */
  readonly neutral: readonly number[];
  /** All of its axes, outermost first. */
  readonly axes: readonly Axis[];
  /** What an innermost turn computes before its values, without the lets around it. */
  readonly body: readonly Stmt[];
  /** For each carry, what a turn adds to it. */
  readonly values: readonly Expr[];
  readonly needs: readonly string[];
}

const neutrals = { add: 0, mul: 1, max: -3.4028234663852886e38, min: 3.4028234663852886e38 } as const;

/** A fold, and all folds inside of it whose results it only adds up; undefined where its turns are not to be parted. */
export function nestOf(fold: Fold, lets: Lets): Nest | undefined {
  const { combine, carries, axis } = fold;
  if (fold.bounds || !combine || carries.some(c => c.type !== 'f32')) return undefined;
  const added = carries.map(c => addendOf(c));
  const neutral = combine.map(op => neutrals[op]);
  const inside = new Map(lets);
  for (const s of fold.body) if (s.kind === 'let') inside.set(s.name, inlined(s.value, inside));
  const below = innerNest(fold, added, combine, inside);
  if (below) return { ...below.nest, carries, neutral, axes: [axis, ...below.nest.axes], values: below.order.map(i => below.nest.values[i] ?? lost) };
  if (hasStore(fold.body)) return undefined;
  const body = mapStmts(fold.body, e => inlined(e, lets));
  const values = added.map(e => inlined(e, lets));
  return { carries, combine, neutral, axes: [axis], body, values, needs: freeIn(body, values) };
}
/** What `next` joins with the carry; `combine` says that there is such a thing. */
const addendOf = (c: Carry): Expr => (c.next.kind === 'op' ? c.next.args.find((a, i) => !(a.kind === 'ref' && a.name === c.name) && i < 2) : undefined) ?? lost;
const lost: Expr = { kind: 'lit', type: 'f32', value: 0 };
const hasStore = (body: readonly Stmt[]): boolean => body.some(s => s.kind === 'store' || (s.kind !== 'let' && hasStore(s.body)));

/** The only fold of a body, if each of its results is added to one carry, in the same way as it came to be. */
function innerNest(fold: Fold, added: readonly Expr[], combine: Nest['combine'], lets: Lets): { readonly nest: Nest; readonly order: readonly number[] } | undefined {
  const [inner, ...others] = fold.body.filter(s => s.kind !== 'let');
  if (inner?.kind !== 'fold' || others.length > 0 || inner.carries.length !== added.length) return undefined;
  const order = added.map(e => (e.kind === 'ref' ? inner.carries.findIndex(c => c.name === e.name) : -1));
  if (order.includes(-1) || new Set(order).size !== order.length) return undefined;
  const isPlain = order.every((at, i) => { const init = inner.carries[at]?.init; return inner.combine?.[at] === combine[i] && init?.kind === 'lit' && init.value === neutrals[combine[i] ?? 'add']; });
  const nest = isPlain ? nestOf(inner, lets) : undefined;
  return nest && { nest, order };
}

// ── contractions ──────────────────────────────────────────────────────────────────────────────

/** The axes of the grid as a tile has them; `batch`: one position of these for a whole workgroup. */
export interface Sides { readonly down: readonly Axis[]; readonly across: readonly Axis[]; readonly batch: readonly Axis[] }

/** What is laid down in a tile: `along` its side and the turns of the sum. */
export interface Operand { readonly side: 'down' | 'across'; readonly value: Expr; readonly needs: readonly Axis[] }

export interface Contraction extends Nest {
  /** Loops around, each with a partial sum of its own; then the axes that are taken as one, in chunks. */
  readonly loops: readonly Axis[];
  readonly turn: readonly Axis[];
  readonly operands: readonly Operand[];
  /** For each carry, which operands are multiplied: an index into `operands`. */
  readonly products: readonly { readonly down?: number; readonly across?: number }[];
}

/** The turns that are taken as one axis are at least so many, where there are so many with literal extents inside. */
const longEnough = 64;

/**
 * A nest as a contraction, if each of its addends is a product of operands of the two sides, which read nothing that the kernel writes.
 * @param loops Axes of the loops around it.
 */
export function contractionOf(nest: Nest, kernel: Kernel, sides: Sides, loops: readonly Axis[]): Contraction | undefined {
  if (nest.combine.some(op => op !== 'add') || nest.needs.length > 0 || nest.body.some(s => s.kind !== 'let')) return undefined;
  // operands are written out as trees, in which what is used twice stands twice, and again in what uses that
  const sizes = new Map<string, number>();
  const known = new Map<Expr, number>();
  const treeSize = (e: Expr): number => {
    const size = known.get(e) ?? (e.kind === 'ref' ? sizes.get(e.name) ?? 1 : childrenOf(e).reduce((n, c) => n + treeSize(c), 1));
    known.set(e, size);
    return size;
  };
  for (const s of nest.body) if (s.kind === 'let') sizes.set(s.name, treeSize(s.value));
  if (nest.values.some(v => treeSize(v) > largestTree)) return undefined;
  const lets = new Map<string, Expr>();
  for (const s of nest.body) if (s.kind === 'let' && (sizes.get(s.name) ?? 0) <= largestTree) lets.set(s.name, inlined(s.value, lets));
  const [down, across] = [new Set(sides.down.map(a => a.name)), new Set(sides.across.map(a => a.name))];
  const written = new Set(kernel.buffers.filter(b => b.access !== 'read').map(b => b.name));
  const operands: Operand[] = [];
  const keys = new Map<string, number>();
  const around = [...sides.batch, ...loops];
  const cut = flatFrom(nest.axes);
  const [outer, turn] = [nest.axes.slice(0, cut), nest.axes.slice(cut)];
  const operand = (side: Operand['side'], factors: readonly Expr[]): number | undefined => {
    const [first, ...rest] = factors;
    if (!first) return undefined;
    const value = rest.reduce<Expr>((a, b) => ({ kind: 'op', type: 'f32', op: 'mul', args: [a, b] }), first);
    const key = `${side} ${exprKey(value)}`;
    const known = keys.get(key);
    if (known !== undefined) return known;
    keys.set(key, operands.length);
    const axes = axesIn(value);
    operands.push({ side, value, needs: [...around, ...outer].filter(a => axes.has(a.name)) });
    return operands.length - 1;
  };
  const products: Contraction['products'][number][] = [];
  for (const v of nest.values) {
    const factors = factorsOf(inlined(v, lets));
    const isOn = (side: ReadonlySet<string>, e: Expr): boolean => { for (const a of axesIn(e)) if (side.has(a)) return true; return false; };
    if (factors.some(e => (isOn(down, e) && isOn(across, e)) || namesIn(e).size > 0 || [...buffersIn(e)].some(b => written.has(b)))) return undefined;
    const [onDown, onAcross, neither] = [factors.filter(e => isOn(down, e)), factors.filter(e => isOn(across, e)), factors.filter(e => !isOn(down, e) && !isOn(across, e))];
    // what varies along neither side goes with one of them
    const isAcross = onDown.length === 0 && onAcross.length > 0;
    const d = operand('down', isAcross ? [] : [...onDown, ...neither]);
    const a = operand('across', isAcross ? [...onAcross, ...neither] : onAcross);
    products.push({ ...(d === undefined ? {} : { down: d }), ...(a === undefined ? {} : { across: a }) });
  }
  return { ...nest, loops: outer, turn, operands, products };
}
/** Operations of an operand's tree, at most: more of them belong into one invocation, which has names for them. */
const largestTree = 2048;
const factorsOf = (e: Expr): readonly Expr[] => (e.kind === 'op' && e.op === 'mul' ? e.args.flatMap(factorsOf) : [e]);

/** Where the axes begin that are taken as one: a function of the extents alone, so that a sum is the same in every tile. */
function flatFrom(axes: readonly Axis[]): number {
  let turns = 1;
  let at = axes.length;
  while (at > 0 && turns < longEnough) turns *= extentOf(axes[--at]?.extent ?? 1);
  return at;
}
const extentOf = (e: Axis['extent']): number => (typeof e === 'number' ? e : longEnough);

/** Which axes of the grid go down a tile and which across it, by the contraction with the most turns; the last axis of the grid, along which neighbours are stored, goes across. */
export function sidesOf(kernel: Kernel): Sides | undefined {
  let best: { readonly fold: Fold; readonly turns: number } | undefined;
  const walk = (body: readonly Stmt[], turns: number): void => {
    for (const s of body) {
      if (s.kind === 'let' || s.kind === 'store') continue;
      const all = turns * extentOf(s.axis.extent);
      if (s.kind === 'fold' && s.contraction && all > (best?.turns ?? 0)) best = { fold: s, turns: all };
      walk(s.body, all);
    }
  };
  walk(kernel.body, 1);
  const found = best?.fold.contraction;
  if (!found) return undefined;
  const pick = (names: readonly string[]): readonly Axis[] => kernel.axes.filter(a => names.includes(a.name));
  const [rows, columns] = [pick(found.rows), pick(found.columns)];
  if (rows.length + columns.length === 0) return undefined;
  const last = kernel.axes.at(-1)?.name ?? '';
  const [down, across] = found.rows.includes(last) ? [columns, rows] : [rows, columns];
  return { down, across, batch: kernel.axes.filter(a => !down.includes(a) && !across.includes(a)) };
}

/** Axes that an expression mentions, in its indices and in what is inside of them. */
export const axesIn = gathered(ownAxes);
