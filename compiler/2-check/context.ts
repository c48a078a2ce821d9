/** What the parts of the elaboration share: the model as it is written down, and what is in force at the place that is being read. */
import type { FamilyItem, LayerItem, ModelItem, Span } from '../1-syntax/ast.ts';
import type { World } from './expressions.ts';
import type { Model, Observation, Port, ScanRegion, Value, ValueId, Variable } from './model.ts';
import type { Report } from './report.ts';
import type { Make, Tensor } from './values.ts';

/** Values a model may have, levels a layer may nest, elements a tensor may have (DECISIONS 2.9). */
export const limits = { values: 1_000_000, levels: 256, elements: 2 ** 31 } as const;
/** Names that objects of JavaScript have anyway. */
export const unsafe = new Set(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf']);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export interface Draft {
  readonly values: Value[]; readonly variables: Map<string, { variable: Variable; tensor: Tensor; layer: string; span: Span }>; readonly scans: ScanRegion[];
  readonly ports: Map<string, Port & { role: 'input' | 'target'; tensor: Tensor; used: boolean }>;
  readonly outputs: Mutable<Model['outputs'][number]>[]; readonly observations: Observation[]; readonly losses: ValueId[]; readonly updates: Mutable<Model['updates'][number]>[];
  /** Paths of uses -> the use, to find sharing. */
  readonly uses: Map<string, { readonly kind: string; readonly span: Span; readonly text: string }>;
  /** Densities of priors of the author's own, written out when all weights are known. */
  readonly later: (() => void)[];
  /** Paths that draw, so that two uses of one shared layer draw apart. */
  readonly draws: Map<string, number>;
}

/** What a name may be: layers, and families in the language. */
export interface Definitions { readonly layers: ReadonlyMap<string, LayerItem>; readonly families: ReadonlyMap<string, FamilyItem> }
export type Mode = 'training' | 'shared' | 'prediction';


export interface Elaboration extends Definitions {
  readonly report: Report; readonly item: ModelItem; readonly mode: Mode;
  readonly d: Draft; readonly w: World; readonly make: Make;
  add(v: Value): ValueId;
  /** What changes as the body is read. */
  readonly now: {
    /** No more values are written down. */
    full: boolean;
    /** The layer uses around this place, innermost first. */
    around: readonly Span[];
    /** Something differs between training and prediction; some weight has another estimator than `shared`. */
    isModal: boolean; isEstimated: boolean;
    scansAround: number;
  };
}
