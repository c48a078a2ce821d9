// Made by bnnc "0.1.0". Do not edit.
import type { Input, Model, ModelClass } from 'bnnc/runtime'

/** Names and kinds of Boston. */
export interface BostonTypes {
  readonly inputs: {
    /** One row a neighbourhood. */
    /** [batch, 13] */
    readonly "x": Input<2>
  }
  readonly targets: {
    /** Price of a house, standardised. */
    /** [batch, 1] */
    readonly "y": Input<2>
  }
  readonly outputs: "p"
  readonly parameters: "linear1.w.mu" | "linear1.w.rho" | "linear1.b.mu" | "linear1.b.rho" | "linear2.w.mu" | "linear2.w.rho" | "linear2.b.mu" | "linear2.b.rho"
  readonly weights: "linear1.w" | "linear1.b" | "linear2.w" | "linear2.b"
}
/** House prices in Boston from thirteen measurements of the neighbourhood, standardised. */
export declare const Boston: ModelClass<BostonTypes>
/** House prices in Boston from thirteen measurements of the neighbourhood, standardised. */
export type Boston = Model<BostonTypes>
