/**
 * Which axes of a kernel become lanes and rows of a tile. Imagine the body written out for R rows times V vectors of four
 * lanes: a value that varies along neither is computed once, an operand of a product that varies along one of them is loaded
 * once for the whole other side. The best tile is the one with the least work an element, as long as its carries fit into
 * the sixteen vector registers that V8 keeps.
 */
import { guardUses, strideAlong } from '../../6-kernels/index.ts';
import type { Expr, Fold, Index, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf } from '../../6-kernels/map.ts';
import { ops } from '../../ops/table.ts';

export interface Tile { readonly row?: string; readonly rows: number; readonly lane?: string; readonly vectors: number }

/** Axes that a value varies along, names included. */
export type Varies = (e: Expr) => ReadonlySet<string>;

/** What every named value and carry of a kernel varies along. */
export function variation(kernel: Kernel): Varies {
  const names = new Map<string, ReadonlySet<string>>();
  const cache = new Map<Expr, ReadonlySet<string>>();
  const of = (e: Expr): ReadonlySet<string> => {
    if (e.kind === 'ref') return names.get(e.name) ?? none;
    const seen = cache.get(e);
    if (seen) return seen;
    const out = new Set<string>(childrenOf(e).flatMap(c => [...of(c)]));
    const index = (i: Index): void => i.terms.forEach(({ atom }) => { if (atom.kind === 'axis') out.add(atom.name); else if (atom.kind !== 'value') index(atom.index); });
    if (e.kind === 'index') index(e.index);
    if (e.kind === 'load') { index(e.offset); e.guard?.forEach(g => index(g.index)); }
    if (e.kind === 'inside') e.guard.forEach(g => index(g.index));
    if (e.kind === 'noise') { index(e.sample); index(e.element); }
    cache.set(e, out);
    return out;
  };
  const block = (body: readonly Stmt[]): void => body.forEach(s => {
    if (s.kind === 'let') names.set(s.name, of(s.value));
    else if (s.kind === 'map') block(s.body);
    else if (s.kind === 'fold') {
      // a carry varies along what its first value, its bounds and its next values do; twice, since carries may use each other
      s.carries.forEach(c => names.set(c.name, new Set([...of(c.init), ...(s.bounds ?? []).flatMap(x => [...of(x)])])));
      for (let round = 0; round < 2; round++) {
        cache.clear();
        block(s.body);
        s.carries.forEach(c => names.set(c.name, new Set([...names.get(c.name) ?? none, ...[...of(c.next)].filter(a => a !== s.axis.name)])));
      }
      cache.clear();
    }
  });
  block(kernel.body);
  return of;
}
const none: ReadonlySet<string> = new Set();

/** How often something runs when an extent is not known. */
const usual = (extent: number | string): number => (typeof extent === 'number' ? extent : extent === 'samples' ? 3 : 16);

/** Whether the turns of a fold can be lanes: it joins partial results, has no loop inside, and reads neighbours or the same. */
export function canLaneFold(f: Fold): boolean {
  if (!f.combine || f.bounds || usual(f.axis.extent) < 8 || f.body.some(s => s.kind !== 'let')) return false;
  const carried = new Set(f.carries.map(c => c.name));
  const values = [...f.body.flatMap(s => (s.kind === 'let' ? [s.value] : [])), ...f.carries.map(c => c.next)];
  return f.carries.every(c => c.type === 'f32' && c.next.kind === 'op' && c.next.args.filter(a => mentionsAny(a, carried)).length === 1 && c.next.args.some(a => a.kind === 'ref' && a.name === c.name))
    && values.every(v => leaves(v).every(e => e.kind !== 'noise' && (e.kind !== 'load' || (!guardUses(e.guard, f.axis.name) && isNear(e.offset, f.axis.name)))));
}
const isNear = (offset: Index, axis: string): boolean => { const s = strideAlong(offset, axis); return s === 0 || s === 1; };
const mentionsAny = (e: Expr, names: ReadonlySet<string>): boolean => (e.kind === 'ref' ? names.has(e.name) : childrenOf(e).some(c => mentionsAny(c, names)));
const leaves = (e: Expr): readonly Expr[] => [e, ...childrenOf(e).flatMap(leaves)];

export function chooseTile(kernel: Kernel, varies: Varies): Tile {
  const grid = kernel.axes;
  const size = (name: string): number => usual(grid.find(a => a.name === name)?.extent ?? 1);
  const lanes: (string | undefined)[] = [undefined, ...grid.filter(a => usual(a.extent) >= 4).map(a => a.name)];
  let best: Tile = { rows: 1, vectors: 1 };
  let least = Infinity;
  for (const lane of lanes) {
    for (const vectors of lane ? [1, 2, 4] : [1]) {
      if (lane && 4 * vectors > size(lane)) continue;
      for (const row of [undefined, ...grid.map(a => a.name)]) {
        if (row === lane && row !== undefined) continue;
        for (const rows of row ? [2, 4, 6, 8] : [1]) {
          if (row && rows > size(row)) continue;
          const tile: Tile = { rows, vectors, ...(row ? { row } : {}), ...(lane ? { lane } : {}) };
          const work = workOf(kernel, tile, varies);
          if (work < least * 0.97) { least = work; best = tile; }
        }
      }
    }
  }
  return best;
}

/** Instructions an element, roughly, for a tile; spilled registers count as loads and stores. */
function workOf(kernel: Kernel, tile: Tile, varies: Varies): number {
  const isVector = tile.lane !== undefined;
  let registers = 0;
  const copies = (axes: ReadonlySet<string>, vectors: number): number =>
    (tile.row !== undefined && axes.has(tile.row) ? tile.rows : 1) * (tile.lane !== undefined && axes.has(tile.lane) ? vectors : 1);
  const expr = (e: Expr, lane: string | undefined, seen: Set<Expr>): number => {
    if (seen.has(e)) return 0;
    seen.add(e);
    const below = childrenOf(e).reduce((s, c) => s + expr(c, lane, seen), 0);
    const n = copies(varies(e), tile.vectors);
    switch (e.kind) {
      case 'lit': case 'ref': case 'scalar': return below;
      case 'op': return below + n * (ops[e.op].cost === 'transcendental' ? 6 : 1);
      case 'noise': return below + n * (strideAlong(e.element, lane ?? '') === 1 ? 45 : 400);
      case 'index': case 'inside': return below + 2 * n;
      case 'load': {
        if (!lane) return below + 1.2 * n;
        const stride = strideAlong(e.offset, lane);
        const apart = guardUses(e.guard, lane) || stride === undefined || (stride !== 0 && stride !== 1);
        return below + n * (apart ? 8 : 1.2);
      }
    }
  };
  const block = (body: readonly Stmt[], lane: string | undefined): number => {
    const seen = new Set<Expr>();
    return body.reduce((sum, s) => {
      switch (s.kind) {
        case 'let': return sum + expr(s.value, lane, seen);
        case 'store': {
          const stride = lane ? strideAlong(s.offset, lane) : 1;
          return sum + expr(s.value, lane, seen) + tile.rows * (isVector ? tile.vectors : 1) * (stride === 1 ? 1 : 6);
        }
        case 'map': return sum + usual(s.axis.extent) * (block(s.body, lane) + 2) / (isVector ? 1 : 3);
        case 'fold': {
          const turns = usual(s.axis.extent);
          const inLanes = !isVector && canLaneFold(s);
          const inside = block([...s.body, ...s.carries.map((c): Stmt => ({ kind: 'let', name: c.name, value: c.next }))], inLanes ? s.axis.name : lane) + 2;
          const held = s.carries.reduce((n, c) => n + copies(varies({ kind: 'ref', type: c.type, name: c.name }), tile.vectors), 0);
          if (!s.body.some(x => x.kind === 'fold')) registers = Math.max(registers, held + (tile.row ? tile.vectors + 1 : 2));
          const spill = Math.max(0, registers - 14) * 3;
          // an adder has to wait for itself: few sums at a time are slow
          const wait = Math.max(0, 4 - held);
          return sum + (inLanes ? (turns / 4) * (inside + spill + wait / 2) + 6 * held : turns * (inside + spill + wait)) + held;
        }
      }
    }, 0);
  };
  const lane = tile.lane;
  const total = block(kernel.body, lane) + 4;
  // the remainder of an extent runs one at a time
  const rest = (name: string | undefined, step: number): number => {
    const extent = kernel.axes.find(a => a.name === name)?.extent;
    if (name === undefined || typeof extent !== 'number' || step === 1) return 1;
    const left = extent % step;
    return 1 + (left * (step - 1)) / extent * 0.8;
  };
  return (total / (tile.rows * (isVector ? 4 * tile.vectors : 1))) * rest(tile.lane, 4 * (isVector ? tile.vectors : 1)) * rest(tile.row, tile.rows);
}
