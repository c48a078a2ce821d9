/**
 * Panels: an operand of a contraction laid down in the order in which it is walked. Imagine the eight columns of a weight that
 * every row of the batch will be multiplied with, each 3 kB from the one before it: they are copied once into 25 kB that lie next to
 * each other, before the loop over the rows, and stay in the fastest cache while it lasts. It is what is done for a value that a
 * loop does not change, for a whole row of values.
 */
import { InternalError } from '../../diagnostics.ts';
import { addIndex, axisIndex, scaleIndex } from '../../6-kernels/index.ts';
import type { Axis, Expr, Fold, Index, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf, mapChildren } from '../../6-kernels/map.ts';
import { address } from './address.ts';
import type { Plan } from './plan.ts';
import { frameAt, needsOf, positions } from './scope.ts';
import type { Frame, Scope } from './scope.ts';
import { keyOf, wideValue } from './values.ts';
import { inRegion, writeLoop } from './statements.ts';

type Load = Expr & { readonly kind: 'load' };

/** Bytes up to which a panel stays in a cache near the core. */
export const panelBytes = 2 ** 18;

/** Whether a load says where it is by positions alone, so that it may be made at another place of the code. */
export const isPositional = (e: Load): boolean => [e.offset, ...(e.guard ?? []).map(c => c.index)].every(isStraight);
const isStraight = (i: Index): boolean => i.terms.every(({ atom }) => (atom.kind === 'axis' ? true : atom.kind === 'value' ? false : isStraight(atom.index)));

/** The fold with its operands read from panels, where that is worth it; the panels are filled before the loops that do not change them. */
export function withPanels(s: Scope, fold: Fold, plan: Plan): Fold {
  const lane = s.region.lane;
  const innermost = fold.body.every(b => b.kind === 'let');
  if (lane === undefined || !innermost || plan.roles.has(fold)) return fold;
  const done = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    const seen = done.get(e);
    if (seen) return seen;
    const made = (e.kind === 'load' ? panel(s, fold, e, lane) : undefined) ?? (childrenOf(e).length > 0 ? mapChildren(e, visit) : e);
    done.set(e, made);
    return made;
  };
  return {
    ...fold,
    body: fold.body.map((b): Stmt => (b.kind === 'let' ? { ...b, value: visit(b.value) } : b)),
    carries: fold.carries.map(c => ({ ...c, next: visit(c.next) })),
  };
}

/** A load from a panel in the place of a load, if there is a loop between it and what it varies along. */
function panel(s: Scope, fold: Fold, e: Load, lane: string): Load | undefined {
  if (!isPositional(e)) return undefined;
  const { deps } = needsOf(s, e);
  const folds = [...s.folds, { axis: fold.axis, depth: s.frame.depth }].filter(f => deps.has(f.axis.name));
  const [outermost] = folds;
  if (!deps.has(lane) || !deps.has(fold.axis.name) || !outermost || folds.some(f => typeof f.axis.extent !== 'number')) return undefined;
  if ([...s.region.turns.keys()].some(a => deps.has(a))) return undefined;
  const isFold = (name: string): boolean => folds.some(f => f.axis.name === name);
  const depth = [...deps].reduce((d, a) => (isFold(a) ? d : Math.max(d, s.axes.get(a)?.frame.depth ?? 0)), 0);
  if (!hasLoop(frameAt(s, outermost.depth), depth)) return undefined;
  const side = s.region.sides.find(x => x.axis === lane);
  const width = 4 * (side?.count ?? 1);
  const extents = folds.map(f => f.axis.extent as number); // literal, see above
  const size = extents.reduce((a, b) => a * b, width);
  if (4 * size > panelBytes) return undefined;

  const home = frameAt(s, depth);
  const sides = s.region.sides.filter(x => deps.has(x.axis));
  if (sides.some(x => x.axis !== lane)) return undefined;
  const index = folds.reduce<Index>((i, f, d) => addIndex(i, scaleIndex(axisIndex(f.axis.name), extents.slice(d + 1).reduce((a, b) => a * b, width))), axisIndex(lane));
  const known = s.panels.get(home) ?? new Map<string, string>();
  s.panels.set(home, known);
  const key = `${keyOf(s, e, { lane, offsets: new Map() }, 'wide')} ${width}`;
  const seen = known.get(key);
  const name = seen ?? `panel ${s.panelPlaces.size}`;
  const load: Load = { kind: 'load', type: e.type, buffer: name, offset: index };
  if (seen !== undefined) return load;
  known.set(key, name);
  s.panelPlaces.set(name, { offset: s.allocate(4 * size), lane });
  fill(s, home, folds.map(f => f.axis), e, load, sides);
  return load;
}

/** A loop that really turns, inside of `depth`. */
function hasLoop(frame: Frame, depth: number): boolean {
  for (let f: Frame | undefined = frame; f && f.depth > depth; f = f.parent) if (f.axis) return true;
  return false;
}

/** Writes the loops that fill a panel at the end of a frame that is still open: before the loops inside of it. */
function fill(s: Scope, home: Frame, folds: readonly Axis[], e: Load, to: Load, sides: Scope['region']['sides']): void {
  const outer = { frame: s.frame, shared: s.shared, needs: s.needs };
  s.frame = home;
  s.shared = new Map();
  s.needs = new Map();
  const loops = (depth: number): void => {
    const axis = folds[depth];
    if (axis) {
      if (typeof axis.extent !== 'number') { fail('a panel of unknown length'); return; }
      writeLoop(s, axis.name, 0, axis.extent, 1, { isSure: true }, () => { loops(depth + 1); });
      return;
    }
    for (const p of positions(s, undefined)) {
      const x = wideValue(s, e, p);
      const { pointer, offset } = address(s, to.buffer, to.offset, p, false);
      s.frame.out.push(s.m.v128.store(offset, 16, pointer(), x));
    }
  };
  inRegion(s, { lane: s.region.lane, sides, turns: new Map() }, () => { loops(0); });
  s.frame = outer.frame;
  s.shared = outer.shared;
  s.needs = outer.needs;
}

function fail(message: string): never { throw new InternalError('wasm', message); }
