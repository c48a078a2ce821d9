/**
 * What a model computes: tensors, and weights that are distributions. A graph is an array in topological order, arguments
 * always point backwards; so a pass is one loop forwards (backwards for derivatives), a graph prints as numbered lines,
 * and a snapshot of it can be read. `Graph<Plain>` has no weights left; passes say in their types which they take and give.
 *
 * The sample axis: after `reparameterize` every node that depends on a draw has `'samples'` as its first axis, and a node
 * that does not, has none. Before it no node has one.
 */
import type { Span } from '../1-syntax/ast.ts';
import type { Distribution, Estimator, Init, Posterior } from '../2-check/model.ts';
import type { Dynamic } from '../6-kernels/kernel.ts';
import type { Op, ScalarType } from '../ops/names.ts';

export type NodeId = number & { readonly brand: 'NodeId' };

/** A literal extent, the live rows of the batch, or the live samples. */
export type Dim = number | Dynamic;
export type Shape = readonly Dim[];

interface Typed { readonly shape: Shape; readonly type: ScalarType; readonly origin: readonly Span[] }

/** A weight is one node, prior and posterior together, until `reparameterize` turns it into arithmetic on noise. */
export type Weight = Typed & {
  readonly kind: 'weight'; readonly path: string; readonly posterior: Posterior; readonly frozen: boolean; readonly fixed: boolean;
  readonly kl: 'exact' | 'sampled' | 'none'; readonly estimator: Estimator;
  /** Of a prior of the author's own the log density is the graph's output `density:<path>`. */
  readonly prior: { readonly family: Distribution['family']; readonly parameters: Readonly<Record<string, NodeId>> };
};

/** A weight's mean μ, its scale σ, or the deviation σ·ε of its draw: what estimators make products with. */
export type Part = Typed & { readonly kind: 'part'; readonly weight: NodeId; readonly part: 'mean' | 'scale' | 'deviation' };

export type Plain = Typed & (
  /** Data of the call, by buffer: `input:x` or `target:y`. */
  | { readonly kind: 'input'; readonly name: string }
  /** A persistent tensor: a parameter (`linear1.w.mu`) or a moment (`linear1.w.mu/m`); or a sum over samples (`sum/likelihood`), which lasts as long as its program. */
  | { readonly kind: 'variable'; readonly name: string; readonly role: 'parameter' | 'moment' | 'sum' }
  /** A number given with each call: `klWeight`, `learningRate`, …; or a live extent as f32: `rows`, `samples`. */
  | { readonly kind: 'scalar'; readonly name: string }
  /** Standard noise, fresh for each (seed, purpose, count); element index row-major without the samples axis, rows counted in the caller's whole input. */
  | { readonly kind: 'noise'; readonly family: 'normal' | 'uniform'; readonly path: string; readonly site: number }
  | { readonly kind: 'fill'; readonly value: number }
  /** The position along an axis, u32. */
  | { readonly kind: 'iota'; readonly axis: number }
  /** Elementwise, equal shapes. */
  | { readonly kind: 'map'; readonly op: Op; readonly args: readonly NodeId[] }
  /** Over `axes`, which vanish. `first`: of equal extremes the first, row-major, gets the gradient; else they share it. */
  | { readonly kind: 'reduce'; readonly op: 'add' | 'max' | 'min'; readonly axes: readonly number[]; readonly arg: NodeId; readonly first?: true }
  /** Sum over the labels that are not in `out` of the product of the arguments; labels number axes, equal labels equal extents. */
  | { readonly kind: 'einsum'; readonly args: readonly NodeId[]; readonly labels: readonly (readonly number[])[]; readonly out: readonly number[] }
  /** No arithmetic, only indexing. */
  | { readonly kind: 'view'; readonly view: View; readonly arg: NodeId }
  /** `arg` with axis `axis` indexed by `index` (u32): shape = index's axes in place of the axis. Leading samples axes, if both have one, are one. */
  | { readonly kind: 'gather'; readonly axis: number; readonly arg: NodeId; readonly index: NodeId }
  /** The sum of `arg`'s elements whose `index` is v, for every v < `extent`: the adjoint of gather. */
  | { readonly kind: 'scatter'; readonly axis: number; readonly extent: number; readonly arg: NodeId; readonly index: NodeId }
  /** `arg` in training, without a gradient. */
  | { readonly kind: 'stop'; readonly arg: NodeId }
  | Loop
  /** Result `index` of a loop: its carries after the last turn, then its yields. */
  | { readonly kind: 'result'; readonly loop: NodeId; readonly index: number }
  /** Inside a loop's body: element `index` of the sequences at this turn, or carry `index` before it. */
  | { readonly kind: 'argument'; readonly what: 'element' | 'carry'; readonly index: number });

export type View =
  | { readonly kind: 'reshape' }
  | { readonly kind: 'permute'; readonly order: readonly number[] }
  /** Axis d of the argument is axis `axes[d]` of the result; the result's other axes repeat it. */
  | { readonly kind: 'broadcast'; readonly axes: readonly number[] }
  /** Element i of the result is element start + i·step. One triple an axis. */
  | { readonly kind: 'slice'; readonly starts: readonly number[]; readonly steps: readonly number[] }
  /** Element i of the result is element i - before of the argument, or `value` outside of it. */
  | { readonly kind: 'pad'; readonly before: readonly number[]; readonly value: number }
  /** Element i of the result is element (i - start)/step of the argument where that is whole and inside, else 0: the adjoint of slice. */
  | { readonly kind: 'spread'; readonly starts: readonly number[]; readonly steps: readonly number[] }
  /**
   * Windows: position p along `axis` and tap u along `tap` of the result is position p·stride + u·dilation - padding of the
   * argument (at the same tap), or `value` outside of it.
   */
  | Windowing & { readonly kind: 'skew'; readonly value: number }
  /** Its adjoint: position i, tap u of the result is position (i + padding - u·dilation)/stride of the argument where that is whole and inside, else 0. */
  | Windowing & { readonly kind: 'unskew' };
export interface Windowing { readonly axis: number; readonly tap: number; readonly stride: number; readonly dilation: number; readonly padding: number }

/**
 * Turns of `body`, one for each element of the sequences' first axis (the first after samples), in order or backwards.
 * Results: carries, then yields stacked along a new first axis. `body.outputs`: `next:i`, `yield:i`. Nodes outside of the
 * body that it uses come in as `captured`, in the body as arguments of kind `element` from `sequences.length` on.
 */
export type Loop = Typed & {
  readonly kind: 'loop'; readonly extent: number; readonly reverse: boolean;
  readonly sequences: readonly NodeId[]; readonly captured: readonly NodeId[]; readonly init: readonly NodeId[];
  readonly body: Graph<Plain>; readonly yields: number;
};

export type Node = Weight | Part | Plain;

/** `init` of persistent tensors is kept beside the graph, since it is a program of its own. */
export interface Graph<N extends Node = Node> {
  readonly nodes: readonly N[];
  readonly outputs: ReadonlyMap<string, NodeId>;
}

export type { Init };
