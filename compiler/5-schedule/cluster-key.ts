/**
 * Equal clusters of two programs, before they are written out. Imagine only the outline of a kernel: what it stores and where,
 * and which values it meets in memory on its way down. Values of equal name are equal, so equal outlines give equal kernels.
 */
import { indexKey } from '../6-kernels/index.ts';
import type { NodeId } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';
import type { Cluster } from './fuse.ts';
import type { Place, Unit } from './unit.ts';

/** @param isStored Whether a value is in memory. @param targets Where this cluster puts each of its values. */
export function clusterKey(unit: Unit, cluster: Cluster, isStored: (id: NodeId) => boolean, targets: (id: NodeId) => readonly Place[]): string {
  const own = new Set(cluster.stores);
  const seen = new Set<NodeId>();
  const met: string[] = [];
  const down = [...cluster.stores].reverse();
  for (let id = down.pop(); id !== undefined; id = down.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const n = unit.graph.nodes[id];
    if (!n || unit.leaf(id) !== undefined && !own.has(id)) continue;
    if (isStored(id) && !own.has(id)) { met.push(unit.digest(id)); continue; }
    for (const a of argumentsOf(n)) down.push(a);
  }
  const puts = cluster.stores.map(id => `${unit.digest(id)}>${targets(id).map(p => `${p.buffer}+${indexKey(p.offset)}`).join('&')}`);
  return `${cluster.shape.join()}|${cluster.inner}|${puts.join()}|${met.join()}`;
}
