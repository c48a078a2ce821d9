/**
 * Which values are draws: what is computed element by element from noise and from values that no example touches. In a small plan
 * they are never in memory: who needs an element draws it.
 */
import type { NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';

/** For each node, whether it is a draw. Noise of each example, as in a mask, is an activation. */
export function drawnValues(nodes: readonly Plain[]): readonly boolean[] {
  const drawn: boolean[] = [];
  /** Parameters, and light functions and sums of them and of draws: the norm of a draw is one number. */
  const known: boolean[] = [];
  nodes.forEach(n => {
    const args: readonly NodeId[] = argumentsOf(n);
    const isLight = n.kind === 'map' || n.kind === 'view' || n.kind === 'stop';
    const perExample = n.shape.includes('rows');
    drawn.push(!perExample && (n.kind === 'noise' || isLight && args.some(a => drawn[a]) && args.every(a => drawn[a] || known[a])));
    known.push(!perExample && (n.kind === 'variable' || n.kind === 'scalar' || n.kind === 'fill' || n.kind === 'iota' || (isLight || n.kind === 'reduce') && args.every(a => drawn[a] || known[a])));
  });
  return drawn;
}
