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
    super('Diverged', `the ${path === 'loss' ? 'loss is' : 'parameters are'} not finite at step ${step}${epoch >= 0 ? ` (epoch ${epoch} of this fit)` : ''}, first '${path}'; the model keeps its last good state. A smaller learning rate, or data of unit scale, usually helps`);
    this.epoch = epoch;
    this.step = step;
    this.path = path;
  }
}
export const fail = (code: ErrorCode, message: string): never => { throw new BnncError(code, message); };
/** Options that are not there would be ignored in silence. */
export function onlyKnown(what: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) if (!names.includes(name)) fail('Option', `${what} has no option '${name}': ${names.join(', ')}`);
}
