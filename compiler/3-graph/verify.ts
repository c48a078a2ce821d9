/** Checks what every graph promises: arguments point backwards, shapes follow from their rules, labels fit. Runs after each pass in tests and in `compile`. */
import { InternalError } from '../diagnostics.ts';
import { argumentsOf } from './walk.ts';
import { sameShape, showShape } from './build.ts';
import type { Graph, Node, NodeId, Shape } from './graph.ts';

/** Throws an InternalError that names the node and the rule it breaks. */
export function verifyGraph<N extends Node>(graph: Graph<N>, stage: string): void {
  const shape = (id: NodeId): Shape => graph.nodes[id]?.shape ?? [];
  graph.nodes.forEach((n: Node, i) => {
    const rule = (ok: boolean, text: string): void => { if (!ok) throw new InternalError(stage, `node ${i} (${n.kind} ${showShape(n.shape)}): ${text}`); };
    argumentsOf(n).forEach(a => rule(a >= 0 && a < i, `argument ${a} does not come before it`));
    rule(n.shape.filter(d => d === 'samples').length <= 1 && n.shape.filter(d => d === 'rows').length <= 1, 'a run-time extent twice');
    switch (n.kind) {
      case 'map': n.args.forEach(a => rule(sameShape(shape(a), n.shape), `argument ${a} is ${showShape(shape(a))}`)); break;
      case 'reduce': rule(sameShape(n.shape, shape(n.arg).filter((_, d) => !n.axes.includes(d))), `axes ${n.axes.join()} of ${showShape(shape(n.arg))}`); break;
      case 'einsum': n.args.forEach((a, k) => rule(n.labels[k]?.length === shape(a).length, `labels of argument ${a}`)); break;
      case 'view': {
        const from = shape(n.arg);
        const v = n.view;
        if (v.kind === 'permute') rule(sameShape(n.shape, v.order.map(o => from[o] ?? -1)), `permute of ${showShape(from)}`);
        if (v.kind === 'broadcast') rule(v.axes.every((a, d) => n.shape[a] === from[d]), `broadcast of ${showShape(from)}`);
        if (v.kind === 'slice' || v.kind === 'pad' || v.kind === 'spread' || v.kind === 'skew' || v.kind === 'unskew') rule(n.shape.length === from.length, `${v.kind} of ${showShape(from)}`);
        if (v.kind === 'reshape') rule(product(n.shape) === product(from) && dynamic(n.shape) === dynamic(from), `reshape of ${showShape(from)}`);
        break;
      }
      case 'loop': verifyGraph(n.body, `${stage}, body of loop ${i}`); break;
      default: break;
    }
  });
  for (const [name, id] of graph.outputs) if (graph.nodes[id] === undefined) throw new InternalError(stage, `output ${name} is no node`);
}
const product = (s: Shape): number => s.reduce<number>((n, d) => (typeof d === 'number' ? n * d : n), 1);
const dynamic = (s: Shape): string => s.filter(d => typeof d !== 'number').join();
