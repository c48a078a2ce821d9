/** Rules of shapes: broadcasting, axes, and the errors that show both sides. */
import type { Span } from '../1-syntax/ast.ts';
import type { Dim, Shape } from './model.ts';
import type { Report } from './report.ts';
import { showShape } from './values.ts';
import type { Tensor } from './values.ts';

/** NumPy's rule: axes align at the right, an extent of 1 repeats; `batch` fits `batch` and 1. Undefined where they don't. */
export function broadcast(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map(s => s.length));
  const out: Dim[] = [];
  for (let d = 0; d < rank; d++) {
    const here = shapes.flatMap(s => { const e = s[d - (rank - s.length)]; return e === undefined || e === 1 ? [] : [e]; });
    const first = here[0] ?? 1;
    if (here.some(e => e !== first)) return undefined;
    out.push(first);
  }
  return out;
}

/** `broadcast`, reporting where it fails. */
export function broadcastOrReport(report: Report, what: string, tensors: readonly Tensor[], span: Span): Shape | undefined {
  const shape = broadcast(tensors.map(t => t.shape));
  if (!shape) return report.error('B007', `${what} needs shapes that broadcast, and ${tensors.map(t => showShape(t.shape)).join(' and ')} do not`, span, { notes: whereFrom(tensors) });
  if (shape.filter(d => d === 'batch').length > 1) return report.error('B009', `${what} would give ${showShape(shape)}, with the batch twice`, span, { notes: whereFrom(tensors) });
  return shape;
}
export const whereFrom = (tensors: readonly Tensor[]): readonly { readonly message: string; readonly span: Span }[] =>
  tensors.map(t => ({ message: `this is ${showShape(t.shape)}`, span: t.span }));

/** An axis counted from either end, from 0 up. */
export function axisOf(report: Report, axis: number, rank: number, span: Span): number | undefined {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= rank) return report.error('B010', `axis ${axis} is out of range for a tensor with ${rank} axes`, span, { suggestion: rank > 0 ? `axes are 0 to ${rank - 1}, or -${rank} to -1` : undefined });
  return at;
}
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
export const productOf = (s: Shape): number => s.reduce<number>((n, d) => (d === 'batch' ? n : n * d), 1);
