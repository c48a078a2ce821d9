/**
 * Program -> Model: the last stage that may complain. All errors of a file come at once, in the order of the text; each says
 * where, why, and what to write instead. After it nothing in the author's text can fail.
 */
import type { FamilyItem, InstanceItem, LayerItem, ModelItem, Name, Program } from '../1-syntax/ast.ts';
import { CompileError } from '../diagnostics.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { families as builtIn } from '../families/families.ts';
import { nearest } from '../suggest.ts';
import { elaborate } from './elaborate.ts';
import type { Definitions } from './context.ts';
import { evaluate } from './expressions.ts';
import { bindArguments } from './families.ts';
import { functions } from './functions.ts';
import type { Model } from './model.ts';
import { checkFamily } from './random.ts';
import { didYouMean, report as makeReport } from './report.ts';
import type { Report } from './report.ts';
import type { Scope } from './scope.ts';
import { describe, unknown } from './values.ts';
import type { CValue } from './values.ts';

export interface CheckOptions {
  /** The standard library's programs: their layers and families may be used by name. */
  readonly library: readonly Program[];
  /** The files that this one imports, each once, in the order of the imports. */
  readonly imported?: readonly Program[];
  /** Arguments of models from outside: `Mlp.hidden` -> 256. */
  readonly set?: Readonly<Record<string, number | boolean>>;
}
export interface Checked { readonly models: readonly Model[]; readonly warnings: readonly Diagnostic[] }

/** Throws CompileError with all errors of the file. */
export function check(program: Program, { library, imported = [], set = {} }: CheckOptions): Checked {
  const report = makeReport();
  const definitions: Definitions = { layers: layersOf(report, [...imported, program], library), families: familiesOf(report, [...imported, program], library) };
  const models: Model[] = [];
  const items = program.items.flatMap(i => (i.kind === 'model' || i.kind === 'instance' ? [i] : []));
  const byName = new Map<string, ModelItem>();
  const taken = new Map<string, Name>();
  for (const i of items) {
    const seen = taken.get(i.name.text);
    if (seen) report.error('B002', `the model '${i.name.text}' is defined twice`, i.name.span, { notes: [{ message: 'the first is here', span: seen.span }] });
    else if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(i.name.text) || reserved.has(i.name.text)) report.error('B003', `'${i.name.text}' can't be the name of a model`, i.name.span, { suggestion: 'start it with a capital letter' });
    taken.set(i.name.text, seen ?? i.name);
    if (i.kind === 'model') byName.set(i.name.text, i);
  }
  for (const i of items) {
    const item = i.kind === 'model' ? i : byName.get(i.model.text);
    if (!item) { if (i.kind === 'instance') report.error('B001', `there is no model '${i.model.text}'`, i.model.span, { suggestion: didYouMean(nearest(i.model.text, byName.keys())) }); continue; }
    const args = modelArguments(report, i, item, set);
    const model = args ? elaborate(report, item, definitions, args, i.name) : undefined;
    if (model) models.push(model);
  }
  checkSet(report, program, items, byName, set);
  const known = new Map(program.file ? [[program.file, 0] as const] : []);
  const ordered = [...report.diagnostics].sort((a, b) => Number(known.has(b.span.file)) - Number(known.has(a.span.file)) || a.span.start - b.span.start);
  const errors = ordered.filter(d => d.severity === 'error');
  if (errors.length > 0) throw new CompileError(errors);
  return { models, warnings: ordered };
}

/** Words of JavaScript that a generated module can't export. */
const reserved = new Set(['Object', 'Array', 'Promise', 'Symbol', 'Math', 'undefined', 'NaN', 'Infinity', 'default', 'class', 'function', 'import', 'export', 'await', 'eval', 'arguments']);

function layersOf(report: Report, programs: readonly Program[], library: readonly Program[]): ReadonlyMap<string, LayerItem> {
  const layers = new Map(library.flatMap(p => p.items.flatMap(i => (i.kind === 'layer' ? [[i.name.text, i] as const] : []))));
  const own = new Map<string, LayerItem>();
  for (const i of programs.flatMap(p => p.items)) {
    if (i.kind !== 'layer') continue;
    const seen = own.get(i.name.text);
    if (seen) report.error('B002', `the layer '${i.name.text}' is defined twice`, i.name.span, { notes: [{ message: 'the first is here', span: seen.name.span }] });
    else if (i.name.text in functions) report.error('B002', `'${i.name.text}' is a function of the language`, i.name.span, { suggestion: 'give the layer another name' });
    own.set(i.name.text, seen ?? i);
  }
  return new Map([...layers, ...own]);
}

/** Families written in the language: a file's own before the library's. */
function familiesOf(report: Report, programs: readonly Program[], library: readonly Program[]): ReadonlyMap<string, FamilyItem> {
  const found = new Map(library.flatMap(p => p.items.flatMap(i => (i.kind === 'familyItem' ? [[i.name.text, i] as const] : []))));
  const own = new Map<string, FamilyItem>();
  for (const i of programs.flatMap(p => p.items)) {
    if (i.kind !== 'familyItem') continue;
    const n = i.name.text;
    const seen = own.get(n);
    if (seen) report.error('B002', `the family '${n}' is defined twice`, i.name.span, { notes: [{ message: 'the first is here', span: seen.name.span }] });
    else if (Object.hasOwn(builtIn, n) || n === 'point' || n === 'radial') report.error('B002', `'${n}' is a family of the language`, i.name.span, { suggestion: 'give the family another name' });
    own.set(n, i);
    checkFamily(report, i);
  }
  return new Map([...found, ...own]);
}

/** Arguments of a model: `--set` first, then those of the instance, then defaults. Undefined when one is wrong. */
function modelArguments(report: Report, i: ModelItem | InstanceItem, item: ModelItem, set: Readonly<Record<string, number | boolean>>): ReadonlyMap<string, CValue> | undefined {
  const scope: Scope = { names: new Map(), parent: undefined, uses: new Map(), path: [], settings: [], depth: 0, around: [] };
  const world = { report, make: { apply: () => { throw new Error('a tensor outside of a model'); }, constant: () => { throw new Error('a tensor outside of a model'); } }, isLayer: () => false, layerNames: () => [], useLayer: () => unknown, scan: () => unknown, training: () => true };
  const bound = bindArguments(report, `the model '${item.name.text}'`, item.parameters.map(p => p.name.text), i.kind === 'instance' ? i.args : []);
  if (!bound) return undefined;
  const out = new Map<string, CValue>();
  for (const p of item.parameters) {
    const outside = set[`${i.name.text}.${p.name.text}`];
    const e = bound.get(p.name.text)?.value ?? p.default;
    const v: CValue = outside !== undefined ? (typeof outside === 'boolean' ? { kind: 'bool', value: outside } : { kind: 'number', value: outside, whole: Number.isInteger(outside) }) : e ? evaluate(world, e, scope) : unknown;
    if (!e && outside === undefined) { report.error('B005', `the model '${item.name.text}' needs '${p.name.text}'`, i.kind === 'instance' ? i.span : p.span, { suggestion: `--set ${i.name.text}.${p.name.text}=…, or a default` }); return undefined; }
    const type = p.type.kind === 'scalarType' ? p.type.name : undefined;
    const fits = type === 'bool' ? v.kind === 'bool' : v.kind === 'number' && (type === 'float' || Number.isInteger(v.value));
    if (!type || !fits) { if (v.kind !== 'unknown') report.error(outside !== undefined ? 'B029' : 'B006', type ? `'${p.name.text}' is ${type === 'int' ? 'a whole number' : type === 'bool' ? 'true or false' : 'a number'}, and this is ${describe(v)}` : 'an argument of a model is int, float or bool', e?.span ?? p.span); return undefined; }
    out.set(p.name.text, v);
  }
  return out;
}

function checkSet(report: Report, program: Program, items: readonly (ModelItem | InstanceItem)[], byName: ReadonlyMap<string, ModelItem>, set: Readonly<Record<string, number | boolean>>): void {
  for (const key of Object.keys(set)) {
    const [model = '', argument = ''] = key.split('.');
    const item = items.find(i => i.name.text === model);
    const base = item?.kind === 'instance' ? byName.get(item.model.text) : item?.kind === 'model' ? item : undefined;
    if (!base?.parameters.some(p => p.name.text === argument)) {
      const candidates = items.flatMap(i => (i.kind === 'model' ? i.parameters.map(p => `${i.name.text}.${p.name.text}`) : []));
      report.error('B029', `no model of this file has an argument '${key}'`, { file: program.file, start: 0, end: 0 }, { suggestion: didYouMean(nearest(key, candidates)) });
    }
  }
}
