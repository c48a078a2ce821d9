/** Names for stored values: equal computations get equal names, so that the programs of a model share buffers and kernels. */
import type { Graph, NodeId, Plain } from '../3-graph/graph.ts';
import { argumentsOf } from '../3-graph/walk.ts';

/** 53 bits of a text (cyrb53, public domain by bryc): enough that a model's thousands of values do not meet. */
export function digest(text: string, seed = 0): string {
  let [h1, h2] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    h1 = Math.imul(h1 ^ c, 2654435761);
    h2 = Math.imul(h2 ^ c, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return (4294967296 * (2097151 & h2) + (h1 >>> 0)).toString(36);
}

/** A digest of what each node computes. `argument` says what the arguments of a loop's body are. */
export function digests(graph: Graph<Plain>, argument: (n: Extract<Plain, { kind: 'argument' }>) => string): readonly string[] {
  const out: string[] = [];
  for (const n of graph.nodes) {
    const args = argumentsOf(n).map((a: NodeId) => out[a] ?? '?').join();
    switch (n.kind) {
      case 'argument': out.push(digest(`argument ${argument(n)}`)); break;
      case 'loop': {
        const body = digests(n.body, a => `${a.what}${a.index}`);
        const ends = [...n.body.outputs].map(([name, id]) => `${name}=${body[id] ?? '?'}`).join();
        out.push(digest(`loop ${n.extent} ${n.reverse} ${args} ${ends}`));
        break;
      }
      default: {
        const { origin: _, ...rest } = n;
        const own = Object.entries(rest).filter(([k]) => !['args', 'arg', 'index', 'loop'].includes(k) || (k === 'index' && n.kind === 'result'));
        out.push(digest(`${JSON.stringify(own)} ${args}`));
      }
    }
  }
  return out;
}
