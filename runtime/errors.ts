/** What can go wrong with a model while it is used: each error has a code and names the thing. */
export type ErrorCode = 'Shape' | 'Value' | 'Name' | 'Option' | 'Busy' | 'Disposed' | 'Diverged' | 'Checkpoint' | 'Backend' | 'Version';

export class BnncError extends Error {
  readonly code: ErrorCode;
  /** What was finished before the error, where there is such a thing: the epochs of an aborted or diverged `fit`. */
  history?: readonly unknown[];
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = 'BnncError';
    this.code = code;
  }
}
/** The loss, or a parameter, is no longer finite. The model is as it was before that step, or before what led to it. */
export class Diverged extends BnncError {
  /** Of this fit, -1 outside of one; and the model's step. */
  readonly epoch: number; readonly step: number;
  /** The first parameter that was not finite, or `loss`. */
  readonly path: string;
  constructor(epoch: number, step: number, path: string) {
    super('Diverged', `'${path}' is not finite at step ${step}${epoch < 0 ? '' : `, in epoch ${epoch} of this fit`}; the model keeps its last good state. A smaller learning rate or data of unit scale may help`);
    this.epoch = epoch;
    this.step = step;
    this.path = path;
  }
}
export const fail = (code: ErrorCode, message: string): never => { throw new BnncError(code, message); };
