/** What it costs to compute one element of a node in place, in the target's nanoseconds: the numbers behind store-or-recompute. */
import type { NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';
import { ops } from '../ops/table.ts';
import type { Capabilities } from './schedule.ts';
import { isFree, isLeaf, nominalSize } from './unit.ts';

/** A node that folds (or draws): computing one element takes a loop, so it is computed once or stored. */
export function isHeavy(n: Plain, shapeOf: (id: NodeId) => Shape): boolean {
  switch (n.kind) {
    case 'reduce': return nominalSize(shapeOf(n.arg)) > nominalSize(n.shape);
    case 'einsum': return nominalSize([...new Map(n.args.flatMap((a, i) => shapeOf(a).map((e, d) => [n.labels[i]?.[d], e] as const))).values()]) > nominalSize(n.shape);
    case 'scatter': return true;
    default: return false;
  }
}

export interface Costs {
  readonly heavy: readonly boolean[];
  /** Cost of one element when heavy arguments and leaves are loads. */
  readonly light: readonly number[];
  /** A light node whose only way to its elements is a heavy node that nothing else uses: where both are computed, this one is stored. */
  readonly heavyBelow: readonly boolean[];
}

/** @param isKept Values that are in memory whatever happens. */
export function costs(nodes: readonly Plain[], capabilities: Capabilities, isKept: (id: NodeId) => boolean): Costs {
  const shapeOf = (id: NodeId): Shape => nodes[id]?.shape ?? [];
  const consumers = new Map<NodeId, number>();
  for (const n of nodes) for (const a of new Set(argumentsOf(n))) consumers.set(a, (consumers.get(a) ?? 0) + 1);
  const { cost } = capabilities;
  const heavy: boolean[] = [];
  const light: number[] = [];
  const heavyBelow: boolean[] = [];
  nodes.forEach((n, i) => {
    heavy.push(isHeavy(n, shapeOf));
    // a dear argument that others use too will be in memory
    const isShared = (a: NodeId): boolean => isKept(a) || (consumers.get(a) ?? 0) > 1 && (light[a] ?? 0) > 3 * cost.load;
    const below = argumentsOf(n).map(a => (heavy[a] || isShared(a) ? cost.load : Math.min(light[a] ?? 0, 1000)));
    light.push(own(n) + below.reduce((s, x) => s + x, 0));
    heavyBelow.push(!heavy[i] && n.type !== 'bool' && argumentsOf(n).some(a => (heavy[a] === true || heavyBelow[a] === true)
      && consumers.get(a) === 1 && nominalSize(shapeOf(a)) * 2 > nominalSize(n.shape)));
  });
  return { heavy, light, heavyBelow };

  function own(n: Plain): number {
    if (isFree(n)) return 0;
    if (isLeaf(n)) return cost.load;
    if (n.kind === 'noise') return cost.noise;
    if (n.kind === 'map') return cost[ops[n.op].cost];
    // an axis is two comparisons, and loads that no longer are of whole vectors
    if (n.kind === 'view' && n.view.kind === 'pad') return cost.arithmetic * 4 * n.shape.filter((e, d) => e !== shapeOf(n.arg)[d]).length;
    return n.kind === 'gather' ? cost.load : 0;
  }
}
