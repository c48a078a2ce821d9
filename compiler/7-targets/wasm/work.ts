/**
 * What a body does, as numbers: a tree of loops, each with the operations in it, the axes each of them varies along, and what
 * it costs when one of those axes is in the lanes. Everything the planner looks at, many times over, and nothing else.
 */
import { parts, strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Condition, Expr, Fold, Index, Stmt } from '../../6-kernels/kernel.ts';
import type { Op } from '../../ops/names.ts';
import { eachChild } from '../../6-kernels/map.ts';
import { isPositional } from './panels.ts';

export interface Item {
  /** Axes it varies along, as bits. */
  readonly mask: number;
  /** Instructions for one vector, or one scalar, when `lane` (a bit, or 0) is in the lanes, `vectors` at a time. */
  readonly cost: number | ((lane: number, vectors: number) => number);
  /** How many operations it stands for. */
  readonly count: number;
  /** Of a load or a store. */
  readonly place?: Place;
  /** It is noise, or made for what is made of noise. */
  readonly drawn?: true;
  /** Of noise: axes along which elements follow each other, as bits. */
  readonly tape?: number;
}
/** Where an access goes. Axes as bits. */
export interface Place {
  readonly isStore: boolean;
  /** It may be made at another place of the code. */
  readonly isPositional: boolean;
  /** It is made under a condition. */
  readonly isGuarded: boolean;
  /** In the next turn of the innermost fold around it, it is on another line of the cache. */
  readonly isFar: boolean;
  /** Axes along which neighbours lie next to each other; and on different lines. */
  readonly near: number;
  readonly far: number;
}
export interface Work {
  readonly items: readonly Item[];
  readonly loops: readonly (Work & { readonly loop: Extract<Stmt, { kind: 'map' }> | Fold })[];
  /** Of the loop's axis. */
  readonly bit: number;
  readonly extent: Axis['extent'];
  /** Axes that each carry of a fold varies along. */
  readonly carries: readonly number[];
  /** The longest chain of operations that wait for one another, outside of inner loops. */
  readonly chain: number;
  /** Names of a body without loops: how many are needed at once, at most, and how often one is made or read. */
  readonly names: { readonly alive: number; readonly touched: number };
  /** Axes that the bounds of a fold vary along: those can't be computed side by side. */
  readonly bounds: number;
}

/** Instructions of an operation on x86-64; one if it is not here. */
const dear: Partial<Readonly<Record<Op, number>>> = { div: 5, sqrt: 6, max: 5, min: 5, select: 3, finite: 2, floor: 1 };
/** Values on a line of the cache. */
const line = 16;
/** A call that gives up to sixteen values. */
export const noiseCall = 300;

/** @param axes Of the grid around the body, each with the bit of its place in this list. */
export function analyse(body: readonly Stmt[], axes: readonly Axis[]): Work {
  return walk(body, axes.length, new Map(axes.map((a, i) => [a.name, bitAt(i)] as const)), new Map());

  function walk(stmts: readonly Stmt[], level: number, axes: ReadonlyMap<string, number>, outer: ReadonlyMap<string, number>): Work {
    const names = new Map(outer);
    const items: Item[] = [];
    const loops: (Work & { readonly loop: Extract<Stmt, { kind: 'map' }> | Fold })[] = [];
    for (const s of stmts) {
      switch (s.kind) {
        case 'let': names.set(s.name, visit(s.value, axes, names, items)); break;
        case 'store': {
          visit(s.value, axes, names, items);
          const mask = indexMask(s.offset, axes, names) | allOf(axes);
          items.push({ mask, cost: access(s.offset, undefined, axes, names, scattered), count: 1, place: placeOf(s.offset, axes, 'store') });
          break;
        }
        case 'map': {
          const bit = bitAt(level);
          loops.push({ ...walk(s.body, level + 1, new Map([...axes, [s.axis.name, bit]]), names), bit, extent: s.axis.extent, loop: s });
          break;
        }
        case 'fold': {
          const bit = bitAt(level);
          const inner = new Map([...axes, [s.axis.name, bit]]);
          let masks = s.carries.map(c => visit(c.init, axes, names, items));
          const bounds = (s.bounds ?? []).reduce((m, b) => m | visit(b, axes, names, items), 0);
          const nextItems: Item[] = [];
          const withCarries = (): ReadonlyMap<string, number> => new Map([...names, ...s.carries.map((c, k) => [c.name, (masks[k] ?? 0) | bit] as const)]);
          for (let i = 0; i < 2; i++) {
            const lets = bodyNames(s.body, level + 1, inner, withCarries());
            nextItems.length = 0;
            masks = s.carries.map((c, k) => (masks[k] ?? 0) | (visit(c.next, inner, lets, nextItems) & ~bit));
          }
          const made = walk(s.body, level + 1, inner, withCarries());
          const work: Work = { ...made, items: [...made.items, ...joined(nextItems)], bit, extent: s.axis.extent, carries: masks, bounds };
          s.carries.forEach((c, k) => names.set(c.name, masks[k] ?? 0));
          loops.push({ ...work, loop: s });
        }
      }
    }
    return { items: joined(items), loops, bit: 0, extent: 1, carries: [], bounds: 0, chain: chainOf(stmts), names: loops.length > 0 ? noNames : namesOf(stmts) };
  }

  /** What the names of a body vary along. */
  function bodyNames(stmts: readonly Stmt[], level: number, axes: ReadonlyMap<string, number>, outer: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const names = new Map(outer);
    for (const s of stmts) {
      if (s.kind === 'let') names.set(s.name, visit(s.value, axes, names, []));
      if (s.kind !== 'fold') continue;
      const bit = bitAt(level);
      const inner = new Map([...axes, [s.axis.name, bit]]);
      let masks = s.carries.map(c => visit(c.init, axes, names, []));
      for (let i = 0; i < 2; i++) {
        const lets = bodyNames(s.body, level + 1, inner, new Map([...names, ...s.carries.map((c, k) => [c.name, (masks[k] ?? 0) | bit] as const)]));
        masks = s.carries.map((c, k) => (masks[k] ?? 0) | (visit(c.next, inner, lets, []) & ~bit));
      }
      s.carries.forEach((c, k) => names.set(c.name, masks[k] ?? 0));
    }
    return names;
  }
}
/** The work of a body inside the loops of its grid, which `nest` has in some order. */
export function nested(nest: readonly Stmt[], axes: readonly Axis[], body: Work): Work {
  const [loop] = nest;
  const at = loop?.kind === 'map' ? axes.indexOf(loop.axis) : -1;
  if (loop?.kind !== 'map' || at < 0) return body;
  return { items: [], loops: [{ ...nested(loop.body, axes, body), bit: bitAt(at), extent: loop.axis.extent, loop }], bit: 0, extent: 1, carries: [], bounds: 0, chain: 0, names: noNames };
}

/** Operations that cost the same in any lane, as one for each set of axes. */
function joined(items: readonly Item[]): readonly Item[] {
  const sums = new Map<number, { cost: number; count: number }>();
  const others: Item[] = [];
  for (const i of items) {
    if (typeof i.cost !== 'number') { others.push(i); continue; }
    const sum = sums.get(i.mask);
    if (sum) { sum.cost += i.cost; sum.count += i.count; } else sums.set(i.mask, { cost: i.cost, count: i.count });
  }
  const all: readonly Item[] = [...[...sums].map(([mask, sum]) => ({ mask, ...sum })), ...others];
  // what varies as noise does is part of the draw
  const drawn = new Set(others.flatMap(i => (i.drawn ? [i.mask] : [])));
  return drawn.size === 0 ? all : all.map(i => (drawn.has(i.mask) && !i.place?.isStore ? { ...i, drawn: true } : i));
}
/** The longest chain of operations through the lets and stores of a body. */
function chainOf(stmts: readonly Stmt[]): number {
  const names = new Map<string, number>();
  const chain = (e: Expr): number => {
    if (e.kind === 'ref') return names.get(e.name) ?? 0;
    let longest = 0;
    eachChild(e, c => { longest = Math.max(longest, chain(c)); });
    return longest + (e.kind === 'op' ? 1 : 0);
  };
  let longest = 0;
  for (const s of stmts) {
    if (s.kind !== 'let' && s.kind !== 'store') continue;
    const n = chain(s.value);
    longest = Math.max(longest, n);
    if (s.kind === 'let') names.set(s.name, n);
  }
  return longest;
}
const noNames = { alive: 0, touched: 0 };
/** What the lets and stores of a body ask of the registers; literals ask for nothing. */
function namesOf(stmts: readonly Stmt[]): Work['names'] {
  const last = new Map<string, number>();
  let touched = 0;
  stmts.forEach((s, i) => {
    const read = (e: Expr): void => { if (e.kind === 'ref') { touched++; last.set(e.name, i); } eachChild(e, read); };
    if (s.kind === 'let' || s.kind === 'store') read(s.value);
  });
  const open = new Set<string>();
  let alive = 0;
  stmts.forEach((s, i) => {
    if (s.kind === 'let' && s.value.kind !== 'lit' && s.value.kind !== 'scalar') { touched++; open.add(s.name); alive = Math.max(alive, open.size); }
    open.forEach(name => { if ((last.get(name) ?? -1) <= i) open.delete(name); });
  });
  return { alive, touched };
}
/** Loops at one depth are never open at once. */
const bitAt = (level: number): number => 1 << Math.min(level, 29);
const allOf = (axes: ReadonlyMap<string, number>): number => [...axes.values()].reduce((a, b) => a | b, 0);

/** Files the operations of an expression; gives the axes it varies along. */
function visit(e: Expr, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>, items: Item[]): number {
  if (e.kind === 'ref') return names.get(e.name) ?? 0;
  if (e.kind === 'lit' || e.kind === 'scalar') return 0;
  let mask = 0;
  eachChild(e, c => { mask |= visit(c, axes, names, items); });
  switch (e.kind) {
    case 'op': {
      const literal = (e.op === 'max' || e.op === 'min') && e.args.some(a => a.kind === 'lit');
      const cost = literal ? 1 : dear[e.op] ?? 1;
      items.push({ mask, cost, count: 1 });
      break;
    }
    case 'load': {
      mask |= indexMask(e.offset, axes, names) | guardMask(e.guard, axes, names);
      items.push({ mask, cost: access(e.offset, e.guard, axes, names), count: 1, place: placeOf(e.offset, axes, e.type === 'f32' && isPositional(e) ? 'positional' : 'load', (e.guard?.length ?? 0) > 0) });
      break;
    }
    case 'index': mask |= indexMask(e.index, axes, names); items.push({ mask, cost: lane => (lane & bentMask(e.index, axes, names) ? 16 : 2), count: 1 }); break;
    case 'inside': mask |= guardMask(e.guard, axes, names); items.push({ mask, cost: lane => e.guard.reduce((n, c) => n + (lane & bentMask(c.index, axes, names) ? 18 : 3), 0), count: 1 }); break;
    case 'noise': {
      mask |= indexMask(e.element, axes, names) | indexMask(e.sample, axes, names);
      const aligned = (lane: number): boolean => e.element.constant % 4 === 0 && e.element.terms.every(t => parts(t.coefficient).times % 4 === 0 || (t.atom.kind === 'axis' && axes.get(t.atom.name) === lane));
      items.push({ mask, cost: (lane, vectors) => {
        const isRow = lane !== 0 && (lane & indexMask(e.sample, axes, names)) === 0 && strideOf(e.element, lane, axes, names) === 1;
        // a window of 64 values for each element asked for; a quarter of that a tile where elements follow each other
        if (!isRow) return lane & mask ? 16 * noiseCall : 2 * noiseCall;
        return noiseCall / 4 + 12 * Math.ceil(vectors / (aligned(lane) ? 4 : 3)) / vectors;
      }, count: 1, drawn: true, tape: [...axes].reduce((m, [name, bit]) => (strideAlong(e.element, name) === 1 ? m | bit : m), 0) });
      break;
    }
  }
  return mask;
}

function placeOf(offset: Index, axes: ReadonlyMap<string, number>, kind: 'store' | 'load' | 'positional', isGuarded = false): Place {
  let near = 0, far = 0, last = 0;
  for (const [name, bit] of axes) {
    const stride = strideAlong(offset, name);
    if (stride === 1) near |= bit;
    if (typeof stride !== 'number' || Math.abs(stride) >= line) far |= bit;
    last = bit;
  }
  return { isStore: kind === 'store', isPositional: kind === 'positional', isGuarded, isFar: (far & last) !== 0, near, far };
}

/** The stride along the axis of a bit, or undefined where it is not a literal. */
function strideOf(index: Index, lane: number, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>): number | undefined {
  if (lane & bentMask(index, axes, names)) return undefined;
  for (const [name, bit] of axes) if (bit === lane) { const s = strideAlong(index, name); return typeof s === 'number' ? s : undefined; }
  return 0;
}

/** Instructions to store four elements that lie apart: each is taken out of the vector, and has an address. */
const scattered = 12;
/** @param apart Instructions for four elements that lie apart. */
function access(offset: Index, guard: readonly Condition[] | undefined, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>, apart = 5): Item['cost'] {
  const mask = indexMask(offset, axes, names);
  const bent = bentMask(offset, axes, names);
  const guarded = guardMask(guard, axes, names);
  const guardCost = (lane: number): number => (guard ?? []).reduce((n, c) => n + (lane & indexMask(c.index, axes, names) ? 9 : 3), 0);
  return remembered(lane => {
    if (!(lane & (mask | guarded))) return 1 + guardCost(0);
    const stride = strideOf(offset, lane, axes, names);
    const whole = lane & bent || stride === undefined ? 16 : stride === 1 ? 1 : apart;
    return whole + guardCost(lane);
  });
}
/** A function of the lane that is worked out once for each. */
function remembered(f: (lane: number) => number): (lane: number) => number {
  const known = new Map<number, number>();
  return lane => {
    const seen = known.get(lane);
    if (seen !== undefined) return seen;
    const made = f(lane);
    known.set(lane, made);
    return made;
  };
}

const guardMask = (guard: readonly Condition[] | undefined, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>): number => (guard ?? []).reduce((m, c) => m | indexMask(c.index, axes, names), 0);
function indexMask(index: Index, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>): number {
  return index.terms.reduce((m, { atom }) => m | (atom.kind === 'axis' ? axes.get(atom.name) ?? 0 : atom.kind === 'value' ? visit(atom.value, axes, names, []) : indexMask(atom.index, axes, names)), 0);
}
/** Axes inside of quotients, remainders and values. */
const bentMask = (index: Index, axes: ReadonlyMap<string, number>, names: ReadonlyMap<string, number>): number =>
  indexMask({ constant: 0, terms: index.terms.filter(t => t.atom.kind !== 'axis') }, axes, names);
