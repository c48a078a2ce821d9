/** A graph as numbered lines, for people: what each node is, its shape, and what it reads. */
import { showShape } from './build.ts';
import type { Graph, Node } from './graph.ts';
import { argumentsOf } from './walk.ts';

export function showGraph<N extends Node>(graph: Graph<N>, indent = ''): string {
  const names = new Map<number, string[]>();
  for (const [name, id] of graph.outputs) names.set(id, [...(names.get(id) ?? []), name]);
  const width = String(graph.nodes.length - 1).length;
  return graph.nodes.flatMap((n: Node, i) => {
    const line = `${indent}%${String(i).padEnd(width)} ${showShape(n.shape)} ${describe(n)}${names.has(i) ? `  -> ${names.get(i)?.join(', ')}` : ''}`;
    return n.kind === 'loop' ? [line, showGraph(n.body, `${indent}    `)] : [line];
  }).join('\n');
}

function describe(n: Node): string {
  const args = argumentsOf(n).map(a => `%${a}`).join(' ');
  switch (n.kind) {
    case 'input': case 'variable': case 'scalar': return `${n.kind} ${n.name}`;
    case 'noise': return `noise ${n.family} ${n.path}`;
    case 'fill': return `fill ${n.value}`;
    case 'iota': return `iota axis ${n.axis}`;
    case 'map': return `${n.op} ${args}`;
    case 'reduce': return `reduce ${n.op}${n.first ? ' first' : ''} axes ${n.axes.join()} ${args}`;
    case 'einsum': return `einsum ${n.labels.map(l => letters(l, n.labels)).join()}->${letters(n.out, n.labels)} ${args}`;
    case 'part': return `${n.part} of ${args}`;
    case 'view': return `${n.view.kind}${n.view.kind === 'skew' || n.view.kind === 'unskew' ? ` axis ${n.view.axis} tap ${n.view.tap} stride ${n.view.stride} dilation ${n.view.dilation} padding ${n.view.padding}` : n.view.kind === 'permute' ? ` ${n.view.order.join()}` : n.view.kind === 'broadcast' ? ` ${n.view.axes.join()}` : ''} ${args}`;
    case 'gather': case 'scatter': return `${n.kind} axis ${n.axis} ${args}`;
    case 'stop': return `stop ${args}`;
    case 'loop': return `loop ${n.extent}${n.reverse ? ' reverse' : ''} over ${n.sequences.map(a => `%${a}`).join(' ') || 'nothing'} capturing ${n.captured.map(a => `%${a}`).join(' ') || 'nothing'} from ${n.init.map(a => `%${a}`).join(' ')}`;
    case 'result': return `result ${n.index} of ${args}`;
    case 'argument': return `${n.what} ${n.index}`;
    case 'weight': return `weight ${n.path} ~ ${n.prior.family}(${args}) by ${n.posterior.family}${n.estimator === 'shared' ? '' : ` ${n.estimator}`}${n.frozen ? ' frozen' : ''}${n.fixed ? ' fixed' : ''}`;
  }
}
/** Labels as letters in order of appearance. */
function letters(labels: readonly number[], all: readonly (readonly number[])[]): string {
  const seen = [...new Set(all.flat())];
  return labels.map(l => String.fromCharCode(97 + seen.indexOf(l))).join('');
}
