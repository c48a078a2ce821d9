/**
 * Optimizers as graph: from a gradient, a parameter and its moments to their next values. They are ordinary nodes, so the
 * schedule can fuse them with the gradient. Outputs `update:<variable>`: the next value of a parameter or a moment.
 *
 * States take their next values in the same step. Nothing is written when the loss is not finite (DECISIONS 2.5); `rho` stands still while the model is frozen (`live` 0).
 */
import { InternalError } from '../diagnostics.ts';
import { builder } from '../3-graph/build.ts';
import type { Builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { withArguments } from '../3-graph/walk.ts';

export type OptimizerKind = 'adam' | 'sgd';

interface Optimizer {
  /** Names of the moments: persistent tensors of the parameter's shape, zero at first. */
  readonly moments: readonly string[];
  /** The next moments. Scalars are fields of the step record. */
  readonly next: (b: Builder<Plain>, gradient: NodeId, moments: readonly NodeId[]) => readonly NodeId[];
  /** The step to subtract from the parameter, from the next moments alone: the gradient may be gone by then. */
  readonly step: (b: Builder<Plain>, next: readonly NodeId[]) => NodeId;
}

export const optimizers: Readonly<Record<OptimizerKind, Optimizer>> = {
  /** Kingma and Ba 2015, algorithm 1: correction1 = 1/(1 - beta1^t), rate1 = 1 - beta1, likewise 2. */
  adam: {
    moments: ['m', 'v'],
    next(b, g, [m = g, v = g]) {
      const s = b.scalar;
      const first = b.map('add', b.map('mul', s('beta1'), m), b.map('mul', s('rate1'), g));
      const second = b.map('add', b.map('mul', s('beta2'), v), b.map('mul', s('rate2'), b.map('square', g)));
      return [first, second];
    },
    step(b, [first = fail('m'), second = fail('v')]) {
      const s = b.scalar;
      const root = b.map('add', b.map('sqrt', b.map('mul', second, s('correction2'))), s('epsilon'));
      return b.map('div', b.map('mul', b.map('mul', s('learningRate'), s('correction1')), first), root);
    },
  },
  /** Gradient descent with momentum as PyTorch has it: m' = momentum · m + g, step = learningRate · m'. */
  sgd: {
    moments: ['m'],
    next: (b, g, [m = g]) => [b.map('add', b.map('mul', b.scalar('momentum'), m), g)],
    step: (b, [next = fail('m')]) => b.map('mul', b.scalar('learningRate'), next),
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
    outputs.set(`update:${path}`, onlyIf(b, finite, value, path, 'parameter'));
  }
  for (const name of trained) {
    const gradient = outputs.get(`gradient:${name}`) ?? fail(`no gradient of ${name}`);
    const moments = nextMoments(b, kind, name, gradient);
    const guard = mayChange(b, finite, name);
    const stepped = b.map('sub', persistent(b, name, b.shape(gradient), 'parameter'), optimizers[kind].step(b, moments));
    outputs.set(`update:${name}`, onlyIf(b, guard, stepped, name, 'parameter'));
    optimizers[kind].moments.forEach((m, i) => outputs.set(`update:${name}/${m}`, onlyIf(b, guard, moments[i] ?? fail(m), `${name}/${m}`, 'moment')));
  }
  return b.graph(outputs);
}

/** The next values of a parameter's moments. */
export function nextMoments(b: Builder<Plain>, kind: OptimizerKind, name: string, gradient: NodeId): readonly NodeId[] {
  const { moments, next } = optimizers[kind];
  return next(b, gradient, moments.map(m => persistent(b, `${name}/${m}`, b.shape(gradient), 'moment')));
}
/** Whether a parameter may change in this step. */
export const mayChange = (b: Builder<Plain>, finite: NodeId, name: string): NodeId =>
  (name.endsWith('.rho') ? b.map('and', finite, b.map('lt', b.fill(0, []), b.scalar('live'))) : finite);
/** The next value of a persistent tensor where a condition holds, else the one it has. */
export function onlyIf(b: Builder<Plain>, guard: NodeId, next: NodeId, name: string, role: 'parameter' | 'moment'): NodeId {
  const shape = b.shape(next);
  return b.map('select', b.broadcast(guard, shape, []), next, persistent(b, name, shape, role));
}
const persistent = (b: Builder<Plain>, name: string, shape: Shape, role: 'parameter' | 'moment'): NodeId => b.add({ kind: 'variable', name, role, shape, type: 'f32' });

function fail(message: string): never { throw new InternalError('optimize', message); }
