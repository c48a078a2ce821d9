/**
 * Which values are made of weights alone: draws, and what is computed element by element from parameters. In a small plan they
 * are never in memory: who needs an element computes it.
 */
import type { NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';

/** For each node, whether it is such a value. Noise of each example, as in a mask, is an activation; the norm of a weight is one number. */
export function ofWeightsAlone(nodes: readonly Plain[]): readonly boolean[] {
  /** No example is in it. */
  const known: boolean[] = [];
  return nodes.map(n => {
    const isLight = n.kind === 'map' || n.kind === 'view' || n.kind === 'stop';
    const below = argumentsOf(n).every((a: NodeId) => known[a]);
    known.push(!n.shape.includes('rows') && (n.kind === 'noise' || n.kind === 'variable' || n.kind === 'scalar' || n.kind === 'fill' || n.kind === 'iota' || (isLight || n.kind === 'reduce') && below));
    return (n.kind === 'noise' || isLight) && known.at(-1) === true;
  });
}
