/** What an expression is while it is being checked: a number that the compiler knows, or a tensor that the model computes. */
import type { Span } from '../1-syntax/ast.ts';
import type { Attributes, ElementType, FunctionName, Shape, ValueId } from './model.ts';

export type CValue =
  | { readonly kind: 'number'; readonly value: number; /** A whole number that was not written with a point. */ readonly whole: boolean }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'none' }
  /** The dimension `batch`. */
  | { readonly kind: 'batch' }
  | { readonly kind: 'tuple'; readonly items: readonly CValue[]; /** One number that stands for every place. */ readonly every?: boolean }
  | Tensor
  /** Several results: `i, f = split(…)`. */
  | { readonly kind: 'list'; readonly items: readonly CValue[] }
  /** Something is wrong with it, and has been said. */
  | { readonly kind: 'unknown' };

export interface Tensor {
  readonly kind: 'tensor'; readonly id: ValueId; readonly shape: Shape; readonly type: ElementType;
  /** Named parts beside the value itself: `steps.h`. */
  readonly fields?: Readonly<Record<string, Tensor>>;
  /** Where it was made, for notes. */
  readonly span: Span;
  /** The number of classes, of a class tensor. */
  readonly classes?: number;
}
export const unknown: CValue = { kind: 'unknown' };
export const whole = (value: number): CValue => ({ kind: 'number', value, whole: true });

/** Makes values of the model; every rule that computes something ends here. */
export interface Make {
  apply(fn: FunctionName, args: readonly Tensor[], attributes: Attributes, shape: Shape, type: ElementType, span: Span): Tensor;
  constant(value: number, span: Span): Tensor;
}

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;
export function describe(v: CValue): string {
  switch (v.kind) {
    case 'number': return `the number ${v.value}`;
    case 'bool': return String(v.value);
    case 'string': return 'a text';
    case 'none': return 'none';
    case 'batch': return 'the dimension batch';
    case 'tuple': return `a tuple of ${v.items.length}`;
    case 'tensor': return v.type === 'float' ? `a tensor ${showShape(v.shape)}` : `a ${v.type} tensor ${showShape(v.shape)}`;
    case 'list': return `${v.items.length} values`;
    case 'unknown': return 'something unknown';
  }
}
