/** How a cost grows from each size to the next: the exponent e of cost ∝ size^e; nothing for the first, nor where a cost is none. */
export function exponents(points: readonly { readonly size: number; readonly cost: number }[]): readonly (number | undefined)[] {
  return points.map((p, i) => {
    const before = points[i - 1];
    return before && before.cost > 0 && p.cost > 0 ? Math.log(p.cost / before.cost) / Math.log(p.size / before.size) : undefined;
  });
}
