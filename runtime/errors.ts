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
/** The loss is no longer finite. The model is as it was before that step. */
export class Diverged extends BnncError {
  readonly epoch: number; readonly step: number;
  /** The first parameter that was not finite, or `loss`. */
  readonly path: string;
  constructor(epoch: number, step: number, path: string) {
    super('Diverged', `the loss is not finite at step ${step}${epoch >= 0 ? ` of epoch ${epoch}` : ''} (first: ${path}); the model keeps its last good state. A smaller learning rate, or data of unit scale, usually helps`);
    this.epoch = epoch;
    this.step = step;
    this.path = path;
  }
}
export const fail = (code: ErrorCode, message: string): never => { throw new BnncError(code, message); };
