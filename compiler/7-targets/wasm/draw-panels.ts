/**
 * Panels of what is drawn: where a small plan keeps no draw of a weight, a product draws the columns that it needs next into a panel
 * and walks all rows of the batch over them. Imagine noise as a tape: it is cheap along its elements, sixteen quads at a time, and
 * dear where it jumps; so each column of the panel is filled from one end to the other, whatever way the panel lies.
 */
import { strideAlong } from '../../6-kernels/index.ts';
import type { Axis, Expr, Fold, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, mapChildren, partsOf } from '../../6-kernels/map.ts';
import type { Scope, Side } from './scope.ts';
import { inRegion, roundedDown, writeBlock, writeLoop } from './statements.ts';
import type { Plan } from './plan.ts';

type Load = Expr & { readonly kind: 'load' };
type Noise = Expr & { readonly kind: 'noise' };
type Let = Stmt & { readonly kind: 'let' };
/** A value of a fold's body with noise in it: `whole` without names of the body, and the statements that compute it with them. */
export interface Draw { readonly whole: Expr; readonly value: Expr; readonly lets: readonly Let[]; readonly noise: Noise }

/** Which values of a fold's turn are draws. Only positions are in them, so that they may be computed at another place of the code. */
export function drawsOf(fold: Fold): ReadonlyMap<Expr, Draw> {
  const lets = new Map(fold.body.flatMap(b => (b.kind === 'let' ? [[b.name, b] as const] : [])));
  const wholes = wholesOf.get(fold.body) ?? new Map<Expr, Expr>();
  wholesOf.set(fold.body, wholes);
  const whole = (e: Expr): Expr => {
    const seen = wholes.get(e);
    if (seen) return seen;
    const named = e.kind === 'ref' ? lets.get(e.name) : undefined;
    const made = named ? whole(named.value) : childrenOf(e).length > 0 ? mapChildren(e, whole) : e;
    if (!named) wholes.set(e, made);
    return made;
  };
  const found = new Map<Expr, Draw>();
  const facts = new Map<Expr, { readonly noise: Noise | undefined; readonly ok: boolean }>();
  const factsOf = (e: Expr): { readonly noise: Noise | undefined; readonly ok: boolean } => {
    const seen = facts.get(e);
    if (seen) return seen;
    const below = childrenOf(e).map(factsOf);
    const made = {
      noise: e.kind === 'noise' ? e : below.find(b => b.noise)?.noise,
      ok: below.every(b => b.ok) && e.kind !== 'ref' && (e.kind !== 'load' || [e.offset, ...(e.guard ?? []).map(c => c.index)].every(i => i.terms.every(t => t.atom.kind !== 'value'))),
    };
    facts.set(e, made);
    return made;
  };
  const visit = (e: Expr): void => {
    const full = whole(e);
    const { noise, ok } = factsOf(full);
    if (noise && ok && e.type === 'f32' && (e.kind === 'op' || e.kind === 'ref' || e.kind === 'noise')) {
      const needed = namesIn(fold.body, [e]);
      found.set(e, { whole: full, value: e, noise, lets: fold.body.filter((b): b is Let => b.kind === 'let' && needed.has(b.name)) });
    }
    childrenOf(e).forEach(visit);
  };
  if (!fold.carries.some(c => factsOf(whole(c.next)).noise)) return found;
  fold.carries.forEach(c => { visit(c.next); });
  return found;
}
/** The same object for the same value of a body each time it is asked for: panels are known by it. */
const wholesOf = new WeakMap<Fold['body'], Map<Expr, Expr>>();

/** Names of a body that expressions need, those that these need among them. */
export function namesIn(body: readonly Stmt[], from: readonly Expr[]): ReadonlySet<string> {
  const lets = new Map(body.flatMap(b => (b.kind === 'let' ? [[b.name, b.value] as const] : [])));
  const needed = new Set<string>();
  const visit = (e: Expr): void => {
    const value = e.kind === 'ref' ? lets.get(e.name) : undefined;
    if (e.kind === 'ref' && value && !needed.has(e.name)) { needed.add(e.name); visit(value); }
    childrenOf(e).forEach(visit);
  };
  from.forEach(visit);
  return needed;
}

/** Writes the loops that fill a panel, tile by tile, into the open frame. */
export function writeDraws(s: Scope, tiles: readonly { readonly axis: Axis; readonly step: number }[], turns: readonly { readonly axis: Axis }[], { whole, value, lets, noise }: Draw, to: Load, side: Side, width: number): void {
  const [tile] = tiles;
  if (tile) { writeLoop(s, tile.axis.name, 0, roundedDown(s, tile.axis.extent, 1), tile.step, { isSure: true }, () => { writeDraws(s, [], turns, { whole, value, lets, noise }, to, side, width); }); return; }
  const body: readonly Stmt[] = [...lets, { kind: 'store', buffer: to.buffer, offset: to.offset, value }];
  const plan: Plan = { body: [], roles: new Map(), mayRepeat: false, shared: undefined, around: [], isLarge: false, panel: 0 };
  const names = new Map(s.names);
  const { oneNoise } = s;
  s.oneNoise = [...partsOf(whole)].filter(e => e.kind === 'noise').length === 1 ? s.frame : undefined;
  const block = (): void => { s.needs = new Map(); writeBlock(s, body, plan); };
  const along = (depth: number, inner: () => void): void => {
    const loop = turns[depth];
    if (loop && depth < turns.length - 1) writeLoop(s, loop.axis.name, 0, roundedDown(s, loop.axis.extent, 1), 1, { isSure: true }, () => { along(depth + 1, inner); }); else inner();
  };
  const last = turns.at(-1)?.axis;
  const isTape = last !== undefined && strideAlong(noise.element, last.name) === 1;
  // the columns themselves are the tape
  if (!isTape && strideAlong(noise.element, side.axis) === 1 && side.step === 4) {
    inRegion(s, { lane: side.axis, sides: [side], turns: new Map() }, () => { along(0, () => { if (last) writeLoop(s, last.name, 0, roundedDown(s, last.extent, 1), 1, { isSure: true }, block); else block(); }); });
  } else {
    for (let column = 0; column < width; column++) {
      const at = new Map([[side.axis, column]]);
      const rest = (from: number): void => { if (last) inRegion(s, { lane: undefined, sides: [], turns: at }, () => { writeLoop(s, last.name, from, roundedDown(s, last.extent, 1), 1, { isSure: true }, block); }); };
      inRegion(s, { lane: undefined, sides: [], turns: at }, () => {
        along(0, () => {
          if (!last || !isTape || typeof last.extent !== 'number' || last.extent < 8) { rest(0); return; }
          const end = last.extent - last.extent % 4;
          inRegion(s, { lane: last.name, sides: [{ axis: last.name, count: 1, step: 4 }], turns: at }, () => { writeLoop(s, last.name, 0, end, 4, { isSure: true }, block); });
          if (end < last.extent) rest(end);
        });
      });
    }
  }
  s.oneNoise = oneNoise;
  s.names.clear();
  for (const [name, b] of names) s.names.set(name, b);
}
