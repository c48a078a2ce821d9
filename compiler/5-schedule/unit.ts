/**
 * What is scheduled at one go: a graph, or the body of a loop, and where the values live that come from outside of it.
 */
import type { Graph, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import type { Index } from '../6-kernels/kernel.ts';

/** A tensor in memory: `offset` is added to the row-major place (the turn of a loop, in a stacked buffer). */
export interface Place { readonly buffer: string; readonly type: 'f32' | 'u32'; readonly shape: Shape; readonly offset: Index }

export interface Unit {
  readonly graph: Graph<Plain>;
  /** Values that must be in memory, and where else they are to be stored. A root that already has a place is not computed. */
  readonly roots: ReadonlyMap<NodeId, readonly Place[]>;
  /** Where leaves live: inputs, variables, results of loops, arguments of this body. */
  readonly leaf: (id: NodeId) => Place | undefined;
  /** Whether this is a part of a sum that is too long for one kernel: one of its own makes it. */
  readonly isPart: (id: NodeId) => boolean;
  /** Equal for equal computations, in all programs of the model. */
  readonly digest: (id: NodeId) => string;
  /** A name for the buffer of a stored node: equal for equal computations, so that programs share buffers and kernels. */
  readonly name: (id: NodeId) => string;
  /** Whether another program of the model stores this value: then this one does too, and both run the same kernels. */
  readonly isKept: (id: NodeId) => boolean;
  /** Where the positions of an index lie sorted by class, if the runtime sorts them: `order`, and where each class begins. */
  readonly bucket: (index: NodeId, extent: number) => { readonly order: Place; readonly start: Place } | undefined;
  /** In how many programs of the model this value is a result: kernels store values of one number, so that programs can share them. */
  readonly timesResult: (id: NodeId) => number;
}

/** Extents for counting when they are not known: an ordinary batch and number of samples. */
export const nominal = { rows: 32, samples: 3 } as const;
export const nominalSize = (shape: Shape): number => shape.reduce<number>((n, d) => n * (typeof d === 'number' ? d : nominal[d]), 1);

/** Leaves are read where they are (or are free to write out again), never computed by a kernel of their own. */
export const isLeaf = (n: Plain): boolean => n.kind === 'input' || n.kind === 'variable' || n.kind === 'argument' || n.kind === 'result' || n.kind === 'loop';
export const isFree = (n: Plain): boolean => n.kind === 'fill' || n.kind === 'scalar' || n.kind === 'iota';
