/**
 * Optimizers as graph: from a gradient, a parameter and its moments to their next values. They are ordinary nodes, so the
 * schedule can fuse them with the gradient. Outputs `update:<variable>`: the next value of a parameter or a moment.
 *
 * States take their next values in the same step. Nothing is written when the loss is not finite (DECISIONS 2.5); `rho` stands still while the model is frozen (`live` 0).
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain } from '../3-graph/graph.ts';
import { withArguments } from '../3-graph/walk.ts';

export type OptimizerKind = 'adam' | 'sgd';

interface Optimizer {
  /** Names of the moments: persistent tensors of the parameter's shape, zero at first. */
  readonly moments: readonly string[];
  /** The step to subtract from the parameter, and the next moments. Scalars are fields of the step record. */
  readonly step: (b: Builder<Plain>, gradient: NodeId, moments: readonly NodeId[]) => { readonly step: NodeId; readonly moments: readonly NodeId[] };
}

export const optimizers: Readonly<Record<OptimizerKind, Optimizer>> = {
  /** Kingma and Ba 2015, algorithm 1: correction1 = 1/(1 - beta1^t), rate1 = 1 - beta1, likewise 2. */
  adam: {
    moments: ['m', 'v'],
    step(b, g, [m = g, v = g]) {
      const s = b.scalar;
      const first = b.map('add', b.map('mul', s('beta1'), m), b.map('mul', s('rate1'), g));
      const second = b.map('add', b.map('mul', s('beta2'), v), b.map('mul', s('rate2'), b.map('square', g)));
      const root = b.map('add', b.map('sqrt', b.map('mul', second, s('correction2'))), s('epsilon'));
      return { step: b.map('div', b.map('mul', b.map('mul', s('learningRate'), s('correction1')), first), root), moments: [first, second] };
    },
  },
  /** Gradient descent with momentum as PyTorch has it: m' = momentum · m + g, step = learningRate · m'. */
  sgd: {
    moments: ['m'],
    step(b, g, [m = g]) {
      const next = b.map('add', b.map('mul', b.scalar('momentum'), m), g);
      return { step: b.map('mul', b.scalar('learningRate'), next), moments: [next] };
    },
  },
};

/** Names of all moments that any optimizer keeps: they share the buffers `<variable>/<moment>`. */
export const momentNames: readonly string[] = [...new Set(Object.values(optimizers).flatMap(o => o.moments))];

export function optimize(graph: Graph<Plain>, kind: OptimizerKind, trained: readonly string[]): Graph<Plain> {
  const b = builder<Plain>();
  const to: NodeId[] = [];
  for (const n of graph.nodes) to.push(b.copy(withArguments(n, id => to[id] ?? fail(`node ${id}`))));
  const outputs = new Map([...graph.outputs].map(([name, id]) => [name, to[id] ?? fail(name)]));
  b.at([]);
  const finite = b.map('finite', outputs.get('loss') ?? fail('no loss'));
  for (const [name, value] of [...outputs]) {
    if (!name.startsWith('state:')) continue;
    const path = name.slice('state:'.length);
    const shape = b.shape(value);
    const before = b.add({ kind: 'variable', name: path, role: 'parameter', shape, type: 'f32' });
    outputs.set(`update:${path}`, b.map('select', b.broadcast(finite, shape, []), value, before));
  }
  for (const name of trained) {
    const gradient = outputs.get(`gradient:${name}`) ?? fail(`no gradient of ${name}`);
    const shape = b.shape(gradient);
    const persistent = (n: string, role: 'parameter' | 'moment'): NodeId => b.add({ kind: 'variable', name: n, role, shape, type: 'f32' });
    const optimizer = optimizers[kind];
    const moments = optimizer.moments.map(m => persistent(`${name}/${m}`, 'moment'));
    const parameter = persistent(name, 'parameter');
    const next = optimizer.step(b, gradient, moments);
    const allowed = name.endsWith('.rho') ? b.map('and', finite, b.map('lt', b.fill(0, []), b.scalar('live'))) : finite;
    const guarded = (after: NodeId, before: NodeId): NodeId => b.map('select', b.broadcast(allowed, shape, []), after, before);
    outputs.set(`update:${name}`, guarded(b.map('sub', parameter, next.step), parameter));
    optimizer.moments.forEach((m, i) => outputs.set(`update:${name}/${m}`, guarded(next.moments[i] ?? fail(m), moments[i] ?? fail(m))));
  }
  return b.graph(outputs);
}

function fail(message: string): never { throw new InternalError('optimize', message); }
