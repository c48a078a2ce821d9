/**
 * The programs of a model: what the runtime can ask for, each a graph of its own cut from one objective.
 *
 *   init               parameters from their initial distributions, moments zero
 *   train_<optimizer>  one step: `loss`, `likelihood`, `complexity`, and every parameter and moment in place
 *   elbo, gradients    the same numbers without a step; and the derivative of the loss for each parameter
 *   elbo_shared, gradients_shared     the same with one draw for the batch, where a weight has another estimator
 *   evaluate           the numbers as the model predicts (kept states, no random masks), where that differs
 *   density            `logDensity:` of the targets for each draw
 *   predict            `output:`, `observation:`, `location:` for each draw       draw: `weight:`       divergence: `complexity`
 */
import type { Init, Model } from '../2-check/model.ts';
import { builder } from '../3-graph/build.ts';
import type { Graph, NodeId, Plain } from '../3-graph/graph.ts';
import { estimate } from '../3-graph/estimate.ts';
import { lower, noisePaths } from '../3-graph/lower.ts';
import { siteLookup } from '../3-graph/sites.ts';
import { verifyGraph } from '../3-graph/verify.ts';
import { prune } from '../3-graph/walk.ts';
import type { Program } from '../5-schedule/plan.ts';
import type { Capabilities, MemoryPlan } from '../5-schedule/schedule.ts';
import { evaluateBySample, gradientsBySample, groupsOf, halvesOf, trainBySample } from './by-sample.ts';
import { differentiate } from './differentiate.ts';
import { hoistLoops } from './hoist.ts';
import { momentNames, optimize, optimizers } from './optimize.ts';
import type { OptimizerKind } from './optimize.ts';
import { reparameterize } from './reparameterize.ts';

/** A trained tensor of a model: the path of a param, or of a weight with `.mu` or `.rho`. */
export interface ParameterInfo { readonly path: string; readonly shape: readonly number[]; readonly init: Init; readonly trained: boolean; readonly weight?: string; readonly part?: 'mu' | 'rho'; /** Kept, not trained, and no parameter of the app's. */ readonly state?: true }

/** The parameters of a model, in the order of its variables. */
export function parametersOf(model: Model): readonly ParameterInfo[] {
  const paths = new Set(model.variables.map(v => v.path));
  const all = [...model.variables, ...(model.prediction?.variables.filter(v => !paths.has(v.path)) ?? [])];
  return all.flatMap((v): readonly ParameterInfo[] => {
    if (v.kind === 'state') return [{ path: v.path, shape: v.shape, init: v.init, trained: false, state: true }];
    if (v.kind === 'param') return [{ path: v.path, shape: v.shape, init: v.init, trained: !v.fixed }];
    const part = (name: 'mu' | 'rho', init: Init, trained: boolean): ParameterInfo => ({ path: `${v.path}.${name}`, shape: v.shape, init, trained, weight: v.path, part: name });
    const mu = part('mu', v.posterior.mu, !v.fixed);
    return v.posterior.family === 'point' ? [mu] : [mu, part('rho', v.posterior.rho, !v.fixed && !v.frozen)];
  });
}

/** The stages between a model and its programs, for `explain` and for tests. */
export interface Lowered { readonly graph: ReturnType<typeof lower>; readonly objective: Graph<Plain>; readonly programs: readonly Program[] }

/**
 * @param plan Whose stored values the others share; chosen by size when left out.
 * @param memory `small`: samples follow one another, and no result is much larger than the largest weight (see `by-sample.ts`).
 */
export function programsOf(model: Model, plan?: 'shared' | 'fused', memory: MemoryPlan = 'fast'): Lowered {
  const siteOf = siteLookup([...noisePaths(model), ...(model.prediction ? noisePaths(model.prediction) : [])]);
  const graph = lower(model);
  verifyGraph(graph, 'lower');
  const objectiveOf = (g: ReturnType<typeof lower>): Graph<Plain> => {
    const made = hoistLoops(reparameterize(estimate(g, siteOf), siteOf));
    verifyGraph(made, 'reparameterize');
    return made;
  };
  const objective = objectiveOf(graph);
  const shared = model.shared ? objectiveOf(lower(model.shared)) : undefined;
  const prediction = model.prediction ? objectiveOf(lower(model.prediction)) : objective;
  const parameters = parametersOf(model);
  const scalars = ['loss', 'likelihood', 'complexity'];
  const programs = new Map<string, Program>([['init', { name: 'init', graph: initial(parameters, siteOf), often: once }]]);
  const add = (name: string, of: Graph<Plain>, keep: (output: string) => boolean): void => { programs.set(name, { name, graph: prune(of, keep) }); };

  if (objective.outputs.has('loss')) {
    const differentiable = parameters.filter(p => !p.state);
    const paths = differentiable.map(p => p.path);
    const trained = parameters.filter(p => p.trained);
    const numbers = (name: string, of: Graph<Plain>): void => {
      const halves = memory === 'small' ? halvesOf(of, []) : undefined;
      if (halves) programs.set(name, evaluateBySample(name, halves)); else add(name, of, o => scalars.includes(o));
    };
    const derivatives = (name: string, of: Graph<Plain>): void => {
      const halves = memory === 'small' ? halvesOf(of, paths) : undefined;
      if (halves) for (const p of gradientsBySample(name, halves, differentiable)) programs.set(p.name, p);
      else add(name, differentiate(of, 'loss', paths), o => scalars.includes(o) || o.startsWith('gradient:'));
    };
    const halves = memory === 'small' ? halvesOf(objective, trained.map(p => p.path)) : undefined;
    const gradients = differentiate(objective, 'loss', paths);
    verifyGraph(gradients, 'differentiate');
    for (const kind of Object.keys(optimizers) as OptimizerKind[]) { // keys of a Record<OptimizerKind, …>
      if (halves) { programs.set(`train_${kind}`, trainBySample(`train_${kind}`, halves, kind, trained)); continue; }
      const step = optimize(gradients, kind, trained.map(p => p.path));
      verifyGraph(step, 'optimize');
      add(`train_${kind}`, step, o => scalars.includes(o) || o.startsWith('update:'));
    }
    numbers('elbo', objective);
    if (prediction !== objective) numbers('evaluate', prediction);
    if (shared) {
      numbers('elbo_shared', shared);
      derivatives('gradients_shared', shared);
    }
    derivatives('gradients', objective);
  }
  if ([...prediction.outputs.keys()].some(isPrediction)) add('predict', prediction, isPrediction);
  if ([...prediction.outputs.keys()].some(o => o.startsWith('logDensity:'))) add('density', prediction, o => o.startsWith('logDensity:'));
  const drawn = model.variables.filter(v => v.kind === 'weight');
  (memory === 'small' && drawn.length > 0 ? groupsOf(drawn) : [drawn]).forEach((group, i) => { add(i === 0 ? 'draw' : `draw/${i}`, objective, o => group.some(w => o === `weight:${w.path}`)); });
  add('divergence', objective, o => o === 'complexity');
  const weights = parameters.reduce((n, p) => n + p.shape.reduce((x, y) => x * y, 1), 0);
  const order = plan === 'shared' || (plan === undefined && weights < manyWeights) ? smallOrder : largeOrder;
  return { graph, objective, programs: inOrder([...programs.values()], order) };
}
const inOrder = (programs: readonly Program[], order: readonly string[]): readonly Program[] => order.flatMap(name => programs.filter(p => p.name === name || p.name.startsWith(`${name}/`)));
/** The programs of a model as a target is best served. A processor's update is no slower for being by itself: its tiles of gradients are in the way of nothing (DECISIONS.md). */
export const arranged = (programs: readonly Program[], { innerLoops }: Capabilities): readonly Program[] => (innerLoops === 'cheap' ? inOrder(programs, smallOrder) : programs);

/** A model begins once; whatever else it does, it does again and again. */
const once = 1 / 16;

/**
 * A program shares what those planned before it store. In a small model as many kernels as possible are shared, since code is
 * what a page waits for; its state is in the cache anyway. In a large one the step comes first, with each weight's gradient,
 * divergence and update in one kernel, so that its state is read once and written once: for a GPU, which waits for its memory.
 */
const smallOrder = ['init', 'gradients', 'train_adam', 'train_sgd', 'elbo', 'evaluate', 'predict', 'draw', 'divergence', 'density', 'elbo_shared', 'gradients_shared'] as const;
const largeOrder = ['init', 'train_adam', 'gradients', 'train_sgd', 'elbo', 'evaluate', 'predict', 'draw', 'divergence', 'density', 'elbo_shared', 'gradients_shared'] as const;
/** Parameters whose state, six words each with moments, no longer fits into a second-level cache. */
const manyWeights = 2 ** 18;
const isPrediction = (output: string): boolean => /^(output|observation|location):/.test(output);

/** mean + sd · noise for every parameter; zero for every moment. */
function initial(parameters: readonly ParameterInfo[], siteOf: (path: string) => number): Graph<Plain> {
  const b = builder<Plain>();
  const outputs = new Map<string, NodeId>();
  for (const p of parameters) {
    const mean = b.fill(p.init.mean, p.shape);
    const site = siteOf(p.path);
    // the noise of sample 0: its leading axis is 1
    const noise = (): NodeId => b.reshape(b.add({ kind: 'noise', family: 'normal', path: p.path, site, shape: [1, ...p.shape], type: 'f32' }), p.shape);
    outputs.set(`update:${p.path}`, p.init.sd === 0 ? mean : b.map('add', mean, b.map('mul', b.fill(p.init.sd, p.shape), noise())));
    if (p.trained) for (const m of momentNames) outputs.set(`update:${p.path}/${m}`, b.fill(0, p.shape));
  }
  return b.graph(outputs);
}
