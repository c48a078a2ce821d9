/** Names for stored values: equal computations get equal names, so that the programs of a model share buffers and kernels. */
import type { Graph, NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';

/** Equal texts have equal numbers. One table serves all programs of a schedule. */
export type Numbers = (text: string) => string;
export function numbers(): Numbers {
  const known = new Map<string, string>();
  return text => {
    const seen = known.get(text);
    if (seen !== undefined) return seen;
    const made = String(known.size);
    known.set(text, made);
    return made;
  };
}

/** A number for what each node computes, arguments included. `argument` says what the arguments of a loop's body are. */
export function digests(graph: Graph<Plain>, number: Numbers, argument: (n: Extract<Plain, { kind: 'argument' }>) => string): readonly string[] {
  const out: string[] = [];
  for (const n of graph.nodes) {
    const args = argumentsOf(n).map((a: NodeId) => out[a] ?? '?').join();
    switch (n.kind) {
      case 'argument': out.push(number(`argument ${argument(n)}`)); break;
      case 'loop': {
        const body = digests(n.body, number, a => `${a.what}${a.index}`);
        const ends = [...n.body.outputs].map(([name, id]) => `${name}=${body[id] ?? '?'}`).join();
        out.push(number(`loop ${n.extent} ${n.reverse} ${args} ${ends}`));
        break;
      }
      default: out.push(number(`${ownText(n)} ${args}`));
    }
  }
  return out;
}
/** All that a node says itself, without where it comes from and which nodes it reads. */
function ownText(n: Exclude<Plain, { kind: 'argument' | 'loop' }>): string {
  switch (n.kind) {
    case 'map': return `${n.op} ${n.type} ${n.shape.join()}`;
    default: {
      const own = Object.entries(n).filter(([k]) => k !== 'origin' && (!['args', 'arg', 'index', 'loop'].includes(k) || (k === 'index' && n.kind === 'result')));
      return JSON.stringify(own);
    }
  }
}
