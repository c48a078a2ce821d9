/** What generated modules and their apps import. */
export { defineModel } from './model.ts';
export { BnncError, Diverged } from './errors.ts';
export { Prediction } from './prediction.ts';
export type { ErrorCode } from './errors.ts';
export type { FlatTensor, Tensor } from './tensors.ts';
export type * from './types.ts';
