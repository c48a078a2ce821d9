/**
 * Where an estimator may stand. `local` draws the products of a weight for each example; that is the same as drawing the
 * weight only where the weight meets each example once (DECISIONS 2.1). Imagine following each weight from where it is
 * declared to the one product that it is for.
 */
import type { FamilyUse } from '../1-syntax/ast.ts';
import type { Estimator, FunctionName, ScanRegion, Value, ValueId, Variable } from './model.ts';
import type { Report } from './report.ts';

/** Functions that only look at a tensor in another way. */
const views: ReadonlySet<FunctionName> = new Set(['transpose', 'reshape', 'expand', 'slice']);

export function checkEstimators(report: Report, variables: readonly Variable[], values: readonly Value[], scans: readonly ScanRegion[]): void {
  const inScan = new Set(scans.flatMap(s => [...s.body]));
  for (const v of variables) {
    if (v.kind !== 'weight' || v.estimator === 'shared' || v.posterior.family === 'point') continue;
    const span = v.origin[0] ?? { file: '', start: 0, end: 0 };
    if (v.posterior.family !== 'normal') { report.error('B034', `'${v.path}' has a ${v.posterior.family} posterior, which the estimator '${v.estimator}' can't use`, span, { suggestion: 'estimator shared' }); continue; }
    if (v.estimator === 'local') local(v);
  }

  function local(v: Extract<Variable, { kind: 'weight' }>): void {
    const span = v.origin[0] ?? { file: '', start: 0, end: 0 };
    const uses = usesOf(v.path);
    const refuse = (why: string, use?: Value): void => { report.error('B034', `the estimator 'local' is not exact for '${v.path}': ${why}`, span, { notes: use?.origin[0] ? [{ message: 'it is used here', span: use.origin[0] }] : [], suggestion: 'estimator flipout is exact here; local(approximate) keeps only the spread of each value' }); };
    const [use] = uses;
    if (uses.length > 1) { refuse('it is used more than once', uses[1]?.value); return; }
    if (!use) return;
    if (use.inScan) { refuse('it is used at every step of a scan', use.value); return; }
    const batchAxes = use.value.shape.filter(d => d === 'batch').length;
    // a product: the batch, and the axes of the weight that it keeps; more are positions that share the weight
    if (use.value.shape.length - batchAxes > use.kept) refuse('it meets several positions of one example', use.value);
  }

  function usesOf(path: string): readonly { readonly value: Value; readonly inScan: boolean; readonly kept: number }[] {
    const same = new Set<ValueId>();
    const found: { value: Value; inScan: boolean; kept: number }[] = [];
    values.forEach((value, i) => {
      const id = i as ValueId; // a ValueId is the position
      if (value.kind === 'variable' && value.path === path) { same.add(id); return; }
      if (value.kind !== 'apply') return;
      const [arg] = value.args;
      if (views.has(value.fn) && arg !== undefined && same.has(arg)) { same.add(id); return; }
      const at = value.args.findIndex(a => same.has(a));
      if (at >= 0) found.push({ value, inScan: inScan.has(id), kept: keptAxes(value, at) });
    });
    return found;
  }

  /** Axes of a use's result that come from its weight, argument `at`. */
  function keptAxes(value: Extract<Value, { kind: 'apply' }>, at: number): number {
    const shape = values[value.args[at] ?? 0]?.shape ?? [];
    if (value.fn === 'matmul') return Math.max(0, shape.length - 1);
    if (value.fn !== 'einsum') return value.shape.length;
    const [inputs = '', output = ''] = String(value.attributes['spec']).replaceAll(' ', '').split('->');
    const letters = inputs.split(',')[at] ?? '';
    return [...output].filter(l => letters.includes(l)).length;
  }
}

/** The estimator that a setting names. */
export function estimatorOf(report: Report, { name, args }: FamilyUse): Estimator | undefined {
  const value = args[0]?.value;
  const word = value?.kind === 'name' ? value.name.text : undefined;
  if (name.text === 'local' && args.length === 1 && word === 'approximate') return 'approximate';
  if (args.length === 0 && (name.text === 'shared' || name.text === 'flipout' || name.text === 'local')) return name.text;
  return report.error('B034', args.length > 0 && name.text === 'local' ? 'local takes no arguments but approximate' : `there is no estimator '${name.text}'`, name.span, { suggestion: 'an estimator is shared, flipout, local or local(approximate)' });
}
