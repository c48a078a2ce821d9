/** Bounds of folds that are made from indices: what the schedule writes, the verifier knows again. */
import { addIndex, axisIndex, exprKey, scaleIndex } from './index.ts';
import type { Condition, Expr, Fold, Index } from './kernel.ts';

/** The index, but no less than 0 and no more than `extent`: as a bound it says as much as the index itself would. */
export function clamped(index: Index, extent: number): Expr {
  const number = (value: number): Expr => ({ kind: 'lit', type: 'u32', value });
  const at = (below: number, yes: Expr, no: Expr): Expr => ({ kind: 'op', type: 'u32', op: 'select', args: [{ kind: 'inside', type: 'bool', guard: [{ index, from: 0, below }] }, yes, no] });
  return at(extent, { kind: 'index', type: 'u32', index }, at(Number.MAX_SAFE_INTEGER, number(extent), number(0)));
}
function clampedFrom(e: Expr, extent: Fold['axis']['extent']): Index | undefined {
  const index = e.kind === 'op' && e.args[1]?.kind === 'index' ? e.args[1].index : undefined;
  return index && typeof extent === 'number' && exprKey(clamped(index, extent)) === exprKey(e) ? index : undefined;
}

/** What holds in every turn of a fold, going by its bounds: first <= k, and k < end. */
export function heldInside({ axis, bounds }: Fold): readonly Condition[] {
  if (!bounds) return [];
  const [first, end] = bounds.map(b => clampedFrom(b, axis.extent));
  const below = Number.MAX_SAFE_INTEGER;
  return [
    ...(first ? [{ index: addIndex(axisIndex(axis.name), scaleIndex(first, -1)), from: 0, below }] : []),
    ...(end ? [{ index: addIndex(end, scaleIndex(axisIndex(axis.name), -1)), from: 1, below }] : []),
  ];
}
