/** Weights and params under their paths, with the prior, the posterior and the settings that are nearest (DECISIONS 1.5). */
import { families } from '../families/families.ts';
import type { Expr, Name, Setting, Span, WeightStatement } from '../1-syntax/ast.ts';
import type { Elaboration } from './context.ts';
import { estimatorOf } from './estimators.ts';
import { condition, dim, evaluate } from './expressions.ts';
import { distribution, posterior } from './families.ts';
import type { Distribution, Estimator, Posterior, Variable } from './model.ts';
import { define } from './names.ts';
import { familyArguments, method } from './random.ts';
import type { Scope } from './scope.ts';
import { sameShape } from './shapes.ts';
import { showShape, unknown } from './values.ts';
import type { CValue, Tensor } from './values.ts';

const defaultPrior: Distribution['parameters'] = { mean: 0, sd: 0.1 };
const defaultPosterior: Posterior = { family: 'normal', mu: { mean: 0, sd: 0.1 }, rho: { mean: -7, sd: 0.1 } };
/** Families whose divergence from a normal has a closed form. */
const closedForm: ReadonlySet<string> = new Set(Object.entries(families).filter(([, f]) => f.klFromNormal).map(([n]) => n));

export function numbers(c: Elaboration, dims: readonly (Expr | { readonly kind: 'rest'; readonly span: Span })[], here: Scope): readonly number[] | undefined {
  const { report, w } = c;
  const found = dims.map(x => {
    const v = x.kind === 'rest' ? report.error('B008', "a weight's shape is written out", x.span) : dim(w, x, here);
    return v === 'batch' ? report.error('B008', "a weight can't vary with the batch", x.span) : v;
  });
  const all = found.filter(x => x !== undefined);
  return all.length === found.length ? all : undefined;
}

export function weight(c: Elaboration, s: WeightStatement, here: Scope): void {
  const { report, d, w, families, mode } = c;
  const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
  if (wanted === false) { define(c, s.name, { kind: 'none' }, here, true); return; }
  const shape = numbers(c, s.dims, here);
  if (!shape || wanted === undefined) { define(c, s.name, unknown, here, true); return; }
  const fans = new Map<string, CValue>([['fan_out', fraction(shape[0] ?? 1)], ['fan_in', fraction(shape.slice(1).reduce((a, b) => a * b, 1))]]);
  const withFans = (at: Scope): Scope => ({ ...at, names: new Map([...fans].map(([n, value]) => [n, { value, span: s.span, used: true }])), parent: at });
  const n = s.name.text;
  const fixed = settingFor(here, n, 'fixed') !== undefined;
  const frozen = settingFor(here, n, 'frozen') !== undefined;
  const priorAt = s.prior ? { family: s.prior, scope: here } : familyFor(here, n, 'prior');
  const posteriorAt = s.posterior ? { family: s.posterior, scope: here } : familyFor(here, n, 'posterior');
  const own = priorAt ? families.get(priorAt.family.name.text) : undefined;
  const weightPath = [...here.path, n].join('.');
  if (priorAt && mentions(priorAt.family, 'anchor')) fans.set('anchor', anchor(c, weightPath, shape, s));
  const prior: Distribution | undefined = own && priorAt ? { family: 'custom', name: own.name.text, parameters: {}, span: priorAt.family.span }
    : priorAt ? distribution(report, priorAt.family, 'prior', e => evaluate(w, e, withFans(priorAt.scope)), [...families.keys()]) : { family: 'normal', parameters: defaultPrior, span: s.span };
  const by = posteriorAt ? posterior(report, posteriorAt.family, e => evaluate(w, e, withFans(posteriorAt.scope))) : defaultPosterior;
  if (!prior || !by) { define(c, s.name, unknown, here, true); return; }
  for (const [p, v] of Object.entries(prior.parameters)) {
    if (typeof v === 'number') continue;
    const vs = d.values[v.value]?.shape ?? [];
    if (vs.length > shape.length || vs.some((e, i) => e !== 1 && e !== shape[i + shape.length - vs.length])) { report.error('B007', `'${p}' of the prior is ${showShape(vs)}, and does not broadcast to the weight ${showShape(shape)}`, prior.span); define(c, s.name, unknown, here, true); return; }
  }
  const how = settingFor(here, n, 'kl');
  const kl = by.family === 'point' || frozen ? 'none' : how === 'sampled' || by.family !== 'normal' || !closedForm.has(prior.family) ? 'sampled' : 'exact';
  const asked = settingOf(here, n, 'estimator');
  const chosen = asked?.kind === 'estimator' ? estimatorOf(report, asked.family) : 'shared';
  if (chosen !== 'shared' && by.family !== 'point' && !frozen) c.now.isEstimated = true;
  const estimator: Estimator = mode === 'training' ? chosen ?? 'shared' : 'shared';
  const isNew = !d.variables.has(weightPath);
  declare(c, weightPath, s.name, here, shape, path => ({ kind: 'weight', path, shape, prior, posterior: by, kl, estimator, frozen, fixed, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...c.now.around] }));
  if (!own || !priorAt || !isNew || kl === 'none') return;
  d.later.push(() => {
    const entry = d.variables.get(weightPath);
    const names = familyArguments(w, own, priorAt.family, 'prior', withFans(priorAt.scope));
    const density = entry && names ? method(w, own, 'log_density', names, entry.tensor, priorAt.family) : undefined;
    if (entry?.variable.kind === 'weight' && density) d.variables.set(weightPath, { ...entry, variable: { ...entry.variable, density: density.id } });
  });
}

/** The stored mean of a prior, which `moped` sets: `prior normal(mean: anchor, sd: 1)`. */
function anchor(c: Elaboration, path: string, shape: readonly number[], s: WeightStatement): CValue {
  const { d } = c;
  const name = `${path}.anchor`;
  const seen = d.variables.get(name);
  if (seen) return seen.tensor;
  const id = c.add({ kind: 'variable', path: name, shape, type: 'float', origin: [s.span, ...c.now.around] });
  const tensor: Tensor = { kind: 'tensor', id, shape, type: 'float', span: s.span };
  d.variables.set(name, { variable: { kind: 'state', path: name, shape, init: { mean: 0, sd: 0 }, origin: [s.span, ...c.now.around] }, tensor, layer: '', span: s.span });
  return tensor;
}

/** Adds a variable, or finds the one that a shared use declared before. */
export function declare(c: Elaboration, path: string, n: Name, here: Scope, shape: readonly number[], variable: (path: string) => Variable): void {
  const { report, d } = c;
  const seen = d.variables.get(path);
  if (seen) {
    if (!sameShape(seen.tensor.shape, shape)) { report.error('B018', `'${path}' is shared, but is ${showShape(seen.tensor.shape)} there and ${showShape(shape)} here`, c.now.around[0] ?? n.span, { notes: [{ message: 'the other use is here', span: seen.span }] }); define(c, n, unknown, here, true); return; }
    define(c, n, seen.tensor, here, true);
    return;
  }
  const id = c.add({ kind: 'variable', path, shape, type: 'float', origin: [n.span, ...c.now.around] });
  const tensor: Tensor = { kind: 'tensor', id, shape, type: 'float', span: n.span };
  d.variables.set(path, { variable: variable(path), tensor, layer: here.path.join('.'), span: c.now.around[0] ?? n.span });
  define(c, n, tensor, here, true);
}

/** The nearest setting of a kind for a weight: blocks of the uses c.now.around it, innermost first, then the model (DECISIONS 1.5). */
export function settingFor(here: Scope, name: string, kind: 'fixed' | 'frozen' | 'kl'): string | undefined {
  const found = settingOf(here, name, kind);
  return found?.kind === 'kl' ? found.how : found && kind;
}

function settingOf(here: Scope, name: string, kind: Setting['kind']): Setting | undefined {
  for (const block of here.settings) {
    const found = block.settings.find(s => s.setting.kind === kind && s.weight?.text === name) ?? block.settings.find(s => s.setting.kind === kind && !s.weight && !s.isDefault);
    if (found) return found.setting;
  }
  return undefined;
}

function familyFor(here: Scope, name: string, kind: 'prior' | 'posterior'): { readonly family: Distribution extends never ? never : NonNullable<WeightStatement['prior']>; readonly scope: Scope } | undefined {
  for (const isDefault of [false, true]) {
    for (const block of here.settings) {
      const found = block.settings.find(s => s.setting.kind === kind && s.weight?.text === name && s.isDefault === isDefault) ?? block.settings.find(s => s.setting.kind === kind && !s.weight && s.isDefault === isDefault);
      if (found && (found.setting.kind === 'prior' || found.setting.kind === 'posterior')) return { family: found.setting.family, scope: block.scope };
    }
  }
  return undefined;
}

/** Whether a name stands anywhere in a tree of records and arrays. */
function mentions(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ('kind' in node && node.kind === 'name' && 'name' in node && (node.name as Name).text === name) return true; // a name expression has a Name
  return Object.values(node).some(x => mentions(x, name));
}
/** A fan is divided by, and a half is meant as a half. */
const fraction = (value: number): CValue => ({ kind: 'number', value, whole: false });
