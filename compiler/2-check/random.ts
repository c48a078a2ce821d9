/** Values made of noise: what `draw` gives, and densities and draws of families that the author wrote. */
import type { FamilyItem, FamilyUse, Span } from '../1-syntax/ast.ts';
import { nearest } from '../suggest.ts';
import { evaluate } from './expressions.ts';
import type { World } from './expressions.ts';
import { bindArguments } from './families.ts';
import type { Shape } from './model.ts';
import { didYouMean } from './report.ts';
import type { Report } from './report.ts';
import type { Binding, Scope } from './scope.ts';
import { broadcast, sameShape } from './shapes.ts';
import { describe, showShape } from './values.ts';
import type { CValue, Make, Tensor } from './values.ts';

interface DrawFamily {
  readonly parameters: readonly string[];
  readonly noise: 'normal' | 'uniform';
  readonly value: (c: Combine, noise: Tensor, p: readonly Tensor[]) => Tensor;
  readonly mean: (c: Combine, p: readonly Tensor[]) => Tensor;
}
/** Elementwise arithmetic on tensors of one shape. */
interface Combine { readonly of: (fn: 'add' | 'sub' | 'mul', a: Tensor, b: Tensor) => Tensor; readonly below: (a: Tensor, b: Tensor) => Tensor; readonly number: (v: number) => Tensor }

/** What may stand right of `draw … ~`. */
export const drawFamilies: Readonly<Record<string, DrawFamily>> = {
  /** 1 with the probability, else 0. */
  bernoulli: { parameters: ['probability'], noise: 'uniform', value: (c, u, p) => c.below(u, at(p, 0)), mean: (_, p) => at(p, 0) },
  normal: { parameters: ['mean', 'sd'], noise: 'normal', value: (c, e, p) => c.of('add', at(p, 0), c.of('mul', at(p, 1), e)), mean: (_, p) => at(p, 0) },
  uniform: {
    parameters: ['low', 'high'], noise: 'uniform',
    value: (c, u, p) => c.of('add', at(p, 0), c.of('mul', c.of('sub', at(p, 1), at(p, 0)), u)),
    mean: (c, p) => c.of('mul', c.number(0.5), c.of('add', at(p, 0), at(p, 1))),
  },
};
function at(p: readonly Tensor[], i: number): Tensor { const t = p[i]; if (!t) throw new Error('a parameter of a draw is missing'); return t; } // bound by name before

/**
 * The value of `draw name: shape ~ family`. @param noise Makes standard noise of the shape; without it the family's mean
 * stands for the draw, as in prediction.
 */
export function drawn(w: World, use: FamilyUse, shape: Shape, scope: Scope, noise: ((kind: 'normal' | 'uniform') => Tensor) | undefined): Tensor | undefined {
  const { report, make } = w;
  const family = Object.hasOwn(drawFamilies, use.name.text) ? drawFamilies[use.name.text] : undefined;
  if (!family) return report.error('B013', `nothing can be drawn from '${use.name.text}'`, use.name.span, { suggestion: didYouMean(nearest(use.name.text, Object.keys(drawFamilies))) ?? `draw takes ${Object.keys(drawFamilies).join(', ')}` });
  const bound = bindArguments(report, `the family '${use.name.text}'`, family.parameters, use.args);
  if (!bound) return undefined;
  const parameters: Tensor[] = [];
  for (const name of family.parameters) {
    const a = bound.get(name);
    if (!a) return report.error('B014', `the family '${use.name.text}' needs '${name}'`, use.span, { suggestion: `${use.name.text}(${family.parameters.map(x => `${x}: …`).join(', ')})` });
    const v = evaluate(w, a.value, scope);
    if (v.kind === 'unknown') return undefined;
    if (name === 'probability' && v.kind === 'number' && !(v.value >= 0 && v.value <= 1)) return report.error('B006', `a probability is from 0 to 1, and this is ${v.value}`, a.span);
    if (name === 'sd' && v.kind === 'number' && !(v.value >= 0)) return report.error('B006', `'sd' is not below 0, and this is ${v.value}`, a.span);
    const t = v.kind === 'number' ? make.constant(v.value, a.span) : v;
    if (t.kind !== 'tensor' || t.type !== 'float') return report.error('B006', `'${name}' is a number or a tensor, and this is ${describe(v)}`, a.span);
    const whole = broadcast([t.shape, shape]);
    if (!whole || !sameShape(whole, shape)) return report.error('B007', `'${name}' is ${showShape(t.shape)}, and does not broadcast to ${showShape(shape)}`, a.span);
    parameters.push(t);
  }
  const combine: Combine = {
    of: (fn, a, b) => make.apply(fn, [a, b], {}, shape, 'float', use.span),
    below: (a, b) => make.apply('where', [make.apply('lt', [a, b], {}, shape, 'bool', use.span), make.constant(1, use.span), make.constant(0, use.span)], {}, shape, 'float', use.span),
    number: v => make.constant(v, use.span),
  };
  if (noise) return family.value(combine, noise(family.noise), parameters);
  return expanded(make, family.mean(combine, parameters), shape, use.span);
}
const expanded = (make: Make, t: Tensor, shape: Shape, span: Span): Tensor =>
  (sameShape(t.shape, shape) ? t : make.apply('expand', [t], { shape: shape.map(d => (d === 'batch' ? -1 : d)) }, shape, 'float', span));

/** What a family in the language can have, and what for. */
const methods: Readonly<Record<string, string>> = { log_density: 'log_density(x) = …, which makes it a prior or a likelihood', draw: 'draw(eps) = …, a function of standard normal noise, which makes new observations' };

/** Once for each family of a file: its methods. */
export function checkFamily(report: Report, item: FamilyItem): void {
  const seen = new Map<string, Span>();
  for (const m of item.methods) {
    if (!Object.hasOwn(methods, m.name.text)) report.error('B033', `a family has no '${m.name.text}'`, m.name.span, { suggestion: didYouMean(nearest(m.name.text, Object.keys(methods))) ?? `it has ${Object.values(methods).join(', and ')}` });
    if (seen.has(m.name.text)) report.error('B002', `'${m.name.text}' is defined twice`, m.name.span, { notes: [{ message: 'the first is here', span: seen.get(m.name.text) ?? m.span }] });
    seen.set(m.name.text, m.name.span);
  }
  if (!seen.has('log_density')) report.error('B033', `the family '${item.name.text}' has no log_density`, item.name.span, { suggestion: 'log_density(x) = …' });
}

/** Arguments of a use of an author's family, as the names in force in its methods. */
export function familyArguments(w: World, item: FamilyItem, use: FamilyUse, where: string, scope: Scope): ReadonlyMap<string, Binding> | undefined {
  const bound = bindArguments(w.report, `the ${where} '${item.name.text}'`, item.parameters.map(p => p.name.text), use.args);
  if (!bound) return undefined;
  const names = new Map<string, Binding>();
  for (const p of item.parameters) {
    const a = bound.get(p.name.text);
    if (!a && !p.default) return w.report.error('B014', `the ${where} '${item.name.text}' needs '${p.name.text}'`, use.span, { suggestion: `${item.name.text}(${item.parameters.map(x => `${x.name.text}: …`).join(', ')})` });
    const v: CValue = a ? evaluate(w, a.value, scope) : p.default ? evaluate(w, p.default, { ...scope, names, parent: undefined }) : { kind: 'unknown' };
    if (v.kind === 'unknown') return undefined;
    if (v.kind !== 'number' && !(v.kind === 'tensor' && v.type === 'float')) return w.report.error('B006', `'${p.name.text}' of '${item.name.text}' is a number or a tensor, and this is ${describe(v)}`, a?.span ?? use.span);
    names.set(p.name.text, { value: v, span: p.name.span, used: true });
  }
  return names;
}

/** A method of an author's family at a tensor: elementwise, so of the tensor's shape. Undefined where the family lacks it. */
export function method(w: World, item: FamilyItem, name: string, names: ReadonlyMap<string, Binding>, argument: Tensor, use: FamilyUse): Tensor | undefined {
  const m = item.methods.find(x => x.name.text === name);
  if (!m) return undefined;
  const scope: Scope = { names: new Map([...names, [m.argument.text, { value: argument, span: m.argument.span, used: true }]]), parent: undefined, uses: new Map(), path: [], settings: [], depth: 0, around: [] };
  const v = evaluate(w, m.value, scope);
  if (v.kind === 'unknown') return undefined;
  const t = v.kind === 'number' ? w.make.constant(v.value, m.span) : v;
  const whole = t.kind === 'tensor' ? broadcast([t.shape, argument.shape]) : undefined;
  if (t.kind !== 'tensor' || t.type !== 'float' || !whole || !sameShape(whole, argument.shape)) {
    return w.report.error('B033', `'${name}' of '${item.name.text}' gives one number for each of ${showShape(argument.shape)}, and this is ${describe(v)}`, m.span, { notes: [{ message: 'it is used here', span: use.span }] });
  }
  return expanded(w.make, t, argument.shape, m.span);
}
