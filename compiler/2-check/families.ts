/** Priors, posteriors and likelihoods as they are written, looked up in their tables. */
import type { Argument, FamilyUse } from '../1-syntax/ast.ts';
import { families } from '../families/families.ts';
import { nearest } from '../suggest.ts';
import type { Distribution, FamilyArgument, FamilyName, Init, Posterior } from './model.ts';
import { didYouMean } from './report.ts';
import type { Report } from './report.ts';
import { describe } from './values.ts';
import type { CValue } from './values.ts';

type Evaluate = (a: Argument['value']) => CValue;
const posteriors: Readonly<Record<Posterior['family'], readonly string[]>> = { normal: ['mu', 'rho'], radial: ['mu', 'rho'], point: ['mu'] };

/** Arguments by parameter name; positional ones take the names in order. */
export function bindArguments(report: Report, what: string, parameters: readonly string[], args: readonly Argument[]): ReadonlyMap<string, Argument> | undefined {
  const bound = new Map<string, Argument>();
  let next = 0;
  let ok = true;
  for (const a of args) {
    const name = a.label?.text ?? parameters[next++];
    if (name === undefined || !parameters.includes(name)) {
      report.error(what.startsWith('the ') ? 'B014' : 'B005', name === undefined ? `${what} takes ${parameters.length === 0 ? 'no arguments' : `${parameters.length} arguments: ${parameters.join(', ')}`}` : `${what} has no parameter '${name}'`, a.label?.span ?? a.span, { suggestion: name === undefined ? undefined : didYouMean(nearest(name, parameters)) ?? (parameters.length ? `its parameters are ${parameters.join(', ')}` : undefined) });
      ok = false;
    } else if (bound.has(name)) {
      report.error('B005', `${what} gets '${name}' twice`, a.span, { notes: [{ message: 'the first is here', span: bound.get(name)?.span ?? a.span }] });
      ok = false;
    } else bound.set(name, a);
  }
  return ok ? bound : undefined;
}

/** A prior or a likelihood. A scale mixture that is one normal is simplified to it (DECISIONS 1.1). */
export function distribution(report: Report, use: FamilyUse, where: 'prior' | 'likelihood', evaluate: Evaluate, own: readonly string[] = []): Distribution | undefined {
  const name = use.name.text as FamilyName; // looked up in the next line
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  const fitting = [...Object.entries(families).filter(([, f]) => f.uses.includes(where)).map(([n]) => n), ...own];
  if (!family?.uses.includes(where)) {
    return report.error('B013', family ? `'${name}' can't be a ${where}` : `there is no family '${name}'`, use.name.span, { suggestion: didYouMean(nearest(name, fitting)) ?? `a ${where} is one of ${fitting.join(', ')}` });
  }
  const bound = bindArguments(report, `the ${where} '${name}'`, family.parameters, use.args);
  if (!bound) return undefined;
  const parameters: Record<string, FamilyArgument> = {};
  for (const p of family.parameters) {
    const a = bound.get(p);
    if (!a) { report.error('B014', `the ${where} '${name}' needs '${p}'`, use.span, { suggestion: `${name}(${family.parameters.map(x => `${x}: …`).join(', ')})` }); return undefined; }
    const v = evaluate(a.value);
    if (v.kind === 'unknown') return undefined;
    if (v.kind === 'number') parameters[p] = v.value;
    else if (family.literal?.includes(p)) { report.error('B006', `'${p}' of '${name}' is a number, and this is ${describe(v)}`, a.span); return undefined; }
    else if (v.kind === 'tensor' && v.type === 'float') parameters[p] = { value: v.id };
    else { report.error('B006', `'${p}' of the ${where} '${name}' is a number or a tensor, and this is ${describe(v)}`, a.span); return undefined; }
  }
  for (const p of ['sd', 'sigma1', 'sigma2', 'scale', 'df']) {
    const v = parameters[p];
    if (typeof v === 'number' && !(v > 0)) { report.error('B006', `'${p}' ${p === 'df' ? 'counts degrees of freedom' : p === 'scale' ? 'is a width' : 'is a standard deviation'} and has to be above 0`, bound.get(p)?.span ?? use.span); return undefined; }
  }
  return simplified({ family: name, parameters, span: use.span });
}
function simplified(d: Distribution): Distribution {
  if (d.family !== 'scale_mixture') return d;
  const { pi, sigma1, sigma2 } = d.parameters;
  const sd = pi === 1 || (typeof sigma1 === 'number' && sigma1 === sigma2) ? sigma1 : pi === 0 ? sigma2 : undefined;
  return sd === undefined ? d : { family: 'normal', parameters: { mean: 0, sd }, span: d.span };
}

/** `normal(mu: …, rho: …)` or `point`: each part a number or `normal(mean, sd)`. */
export function posterior(report: Report, use: FamilyUse, evaluate: Evaluate): Posterior | undefined {
  const name = use.name.text;
  if (name !== 'normal' && name !== 'radial' && name !== 'point') return report.error('B013', `there is no posterior '${name}'`, use.name.span, { suggestion: didYouMean(nearest(name, Object.keys(posteriors))) ?? 'a posterior is normal(mu: …, rho: …), radial(mu: …, rho: …) or point' });
  const bound = bindArguments(report, `the posterior '${name}'`, posteriors[name], use.args);
  if (!bound) return undefined;
  const part = (p: string, mean: number): Init | undefined => { const a = bound.get(p); return a ? init(report, a.value, evaluate) : { mean, sd: 0.1 }; };
  const mu = part('mu', 0);
  if (!mu) return undefined;
  if (name === 'point') return { family: 'point', mu };
  const rho = part('rho', -7);
  return rho ? { family: name, mu, rho } : undefined;
}

/** How a tensor starts: a number, or `normal(mean, sd)`. */
export function init(report: Report, e: Argument['value'], evaluate: Evaluate): Init | undefined {
  if (e.kind === 'call' && e.callee.text === 'normal') {
    const bound = bindArguments(report, "the initial 'normal'", ['mean', 'sd'], e.args);
    if (!bound) return undefined;
    const number = (p: string): number | undefined => {
      const a = bound.get(p);
      if (!a) return report.error('B014', `the initial 'normal' needs '${p}'`, e.span, { suggestion: 'normal(0, 0.1)' });
      const v = evaluate(a.value);
      return v.kind === 'number' ? v.value : v.kind === 'unknown' ? undefined : report.error('B006', `'${p}' is a number here, and this is ${describe(v)}`, a.span);
    };
    const [mean, sd] = [number('mean'), number('sd')];
    return mean === undefined || sd === undefined ? undefined : { mean, sd };
  }
  const v = evaluate(e);
  if (v.kind === 'unknown') return undefined;
  return v.kind === 'number' ? { mean: v.value, sd: 0 } : report.error('B006', `a start is a number or normal(mean, sd), and this is ${describe(v)}`, e.span);
}
