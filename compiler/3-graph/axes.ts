/**
 * Views, one axis at a time. Imagine a finger on one axis of a tensor: under a view of it the same axis may be found again, place by
 * place, or the view has made it of others.
 */
import type { Node, Shape, View } from './graph.ts';

type ViewNode = Extract<Node, { kind: 'view' }>;

/**
 * The argument's axis that an axis of a view is, place by place; undefined where the view makes it of others, or, with `outside`, has
 * another value than that around its argument. @param from The argument's shape.
 */
export function axisBelow({ view: v, shape }: ViewNode, from: Shape, axis: number, outside?: number): number | undefined {
  const same = from[axis] === shape[axis] ? axis : undefined;
  const surrounds = (value: number): boolean => outside === undefined || outside === value;
  switch (v.kind) {
    case 'permute': return v.order[axis];
    case 'broadcast': { const d = v.axes.indexOf(axis); return d < 0 ? undefined : d; }
    case 'reshape': {
      // equal strides and extents are equal positions
      const d = from.findIndex((e, i) => e === shape[axis] && strideOf(from, i) === strideOf(shape, axis));
      return d < 0 ? undefined : d;
    }
    case 'slice': return v.starts[axis] === 0 && v.steps[axis] === 1 ? same : undefined;
    case 'spread': return v.starts[axis] === 0 && v.steps[axis] === 1 && surrounds(0) ? same : undefined;
    case 'pad': return v.before[axis] === 0 && surrounds(v.value) ? same : undefined;
    case 'skew': case 'unskew': return axis !== v.axis && axis !== v.tap && surrounds(v.kind === 'skew' ? v.value : 0) ? axis : undefined;
  }
}

/** Elements from one position along an axis to the next, equal texts for equal numbers. */
function strideOf(shape: Shape, axis: number): string {
  const inside = shape.slice(axis + 1);
  return [inside.reduce<number>((n, e) => (typeof e === 'number' ? n * e : n), 1), ...inside.filter(e => typeof e === 'string').sort()].join();
}

/** Whether an axis of a tensor is one of a window's: its positions or its taps. */
export function isOfWindow(nodes: readonly Node[], at: number, axis: number): boolean {
  for (let n = nodes[at]; n?.kind === 'view'; n = nodes[n.arg]) {
    const v: View = n.view;
    if (v.kind === 'skew' && (axis === v.axis || axis === v.tap)) return true;
    const below = axisBelow(n, nodes[n.arg]?.shape ?? [], axis);
    if (below === undefined) return false;
    axis = below;
  }
  return false;
}
