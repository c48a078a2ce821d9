/** The use of a layer: its signature is fitted to what it is given, and its body written out in place. */
import type { Call, LayerItem, Span, Statement, TensorType } from '../1-syntax/ast.ts';
import { nearest } from '../suggest.ts';
import { limits } from './context.ts';
import type { Elaboration } from './context.ts';
import { dim, evaluate } from './expressions.ts';
import { bindArguments } from './families.ts';
import type { Dim } from './model.ts';
import { checkPaths } from './names.ts';
import { didYouMean } from './report.ts';
import { pathsOf, usesIn } from './scope.ts';
import type { Scope } from './scope.ts';
import { sameShape } from './shapes.ts';
import { statement } from './statements.ts';
import { describe, showShape, unknown, whole } from './values.ts';
import type { CValue } from './values.ts';

export function useLayer(c: Elaboration, call: Call, piped: CValue | undefined, here: Scope): CValue {
  const { report, d, w, layers } = c;
  const layer = layers.get(call.callee.text);
  if (!layer) return unknown;
  if (here.depth >= limits.levels) { report.error('B024', `layers are nested more than ${limits.levels} levels deep`, call.span); return unknown; }
  const bound = bindArguments(report, `'${layer.name.text}'`, layer.parameters.map(p => p.name.text).slice(piped === undefined ? 0 : 1), call.args);
  if (!bound) return unknown;
  const path = [...here.path, here.uses.get(call) ?? call.callee.text];
  const names = new Map<string, { value: CValue; span: Span; used: boolean }>();
  const uses = usesIn(layer.body, n => layers.has(n));
  const defaults = layer.body.flatMap(s => (s.kind === 'setting' ? [s] : []));
  const inner: Scope = { names, parent: undefined, uses: pathsOf(uses), path, settings: [], depth: here.depth + 1, around: [call.span, ...here.around], rest: {} };
  const full: Scope = { ...inner, settings: [{ settings: (call.settings ?? []), scope: here }, ...here.settings.map(b => ({ ...b, settings: b.settings.filter(s => !s.isDefault && !s.weight) })), { settings: defaults, scope: inner }] };
  const variables = new Map<string, Dim | readonly Dim[]>();
  let ok = true;
  for (const [i, p] of layer.parameters.entries()) {
    const given = i === 0 && piped !== undefined ? piped : bound.has(p.name.text) ? evaluate(w, bound.get(p.name.text)?.value ?? { kind: 'none', span: call.span }, here) : p.default ? evaluate(w, p.default, full) : undefined;
    const at = bound.get(p.name.text)?.span ?? call.span;
    if (given === undefined) { report.error('B005', `'${layer.name.text}' needs '${p.name.text}'`, call.span, { notes: [{ message: 'it is declared here', span: p.span }] }); ok = false; continue; }
    if (given.kind === 'unknown') { ok = false; continue; }
    const value = given.kind === 'none' && p.default?.kind === 'none' ? given : fit(c, given, p.type, variables, full, at, `'${p.name.text}' of '${layer.name.text}'`);
    if (value) names.set(p.name.text, { value, span: p.name.span, used: true }); else ok = false;
  }
  for (const [n, v] of variables) if (n !== '...' && !names.has(n)) names.set(n, { value: v === 'batch' ? { kind: 'batch' } : typeof v === 'number' ? whole(v) : unknown, span: layer.name.span, used: true });
  for (const s of call.settings ?? []) if (s.weight && !declaredIn(layer, s.weight.text)) report.error('B020', `'${layer.name.text}' has no weight '${s.weight.text}'`, s.weight.span, { suggestion: didYouMean(nearest(s.weight.text, weightsOf(layer))) });
  if (call.as && !hasWeights(c, layer, new Set())) report.error('B019', `'${layer.name.text}' has no weights to name`, call.as.name.span);
  if (!ok) return unknown;
  const rest = variables.get('...');
  if (inner.rest && typeof rest === 'object') inner.rest.dims = rest;
  const key = path.join('.');
  const shared = d.uses.get(key);
  if (shared && shared.kind !== layer.name.text) { report.error('B018', `'${key}' is a ${shared.kind} there and a ${layer.name.text} here`, call.span, { notes: [{ message: 'the other use is here', span: shared.span }] }); return unknown; }
  d.uses.set(key, { kind: layer.name.text, span: call.span, text: '' });

  const before = c.now.around;
  c.now.around = full.around;
  checkPaths(c, uses, full, layer.body);
  for (const s of layer.body) statement(c, s, full, 'layer');
  const result = returned(c, layer, full, variables, call);
  c.now.around = before;
  return result;
}

function returned(c: Elaboration, layer: LayerItem, here: Scope, variables: Map<string, Dim | readonly Dim[]>, call: Call): CValue {
  const { report, w, make } = c;
  const last = layer.body.at(-1);
  if (last?.kind !== 'return') { report.error('B022', `the layer '${layer.name.text}' ends without return`, layer.name.span); return unknown; }
  const values = last.values.map(v => evaluate(w, v, here));
  if (values.some(v => v.kind === 'unknown')) return unknown;
  if (values.length > 1) return { kind: 'list', items: values };
  const [v = unknown] = values;
  const t = v.kind === 'number' ? make.constant(v.value, last.span) : v;
  if (t.kind !== 'tensor') { if (t.kind === 'list') return t; report.error('B022', `a layer gives a tensor, and this is ${describe(t)}`, last.span); return unknown; }
  if (layer.result && !fit(c, t, layer.result, variables, here, last.span, `the result of '${layer.name.text}'`)) return unknown;
  const fields = Object.fromEntries(last.fields.flatMap(f => { const x = evaluate(w, f.value, here); return x.kind === 'tensor' ? [[f.name.text, x] as const] : []; }));
  return { kind: 'tensor', id: t.id, shape: t.shape, type: t.type, span: call.span, ...(Object.keys(fields).length > 0 ? { fields } : {}) };
}

/** Whether a value is what a signature says; its dimension names are bound, or compared with what they are bound to. */
function fit(c: Elaboration, v: CValue, type: LayerItem['parameters'][number]['type'], variables: Map<string, Dim | readonly Dim[]>, here: Scope, span: Span, what: string): CValue | undefined {
  const { report, w } = c;
  if (type.kind === 'scalarType') {
    if (type.name === 'ints') {
      if (v.kind === 'number' && Number.isInteger(v.value)) return { kind: 'tuple', items: [v], every: true };
      return v.kind === 'tuple' && v.items.every(x => x.kind === 'number' && Number.isInteger(x.value)) ? v : report.error('B006', `${what} is a whole number or a tuple of them, and this is ${describe(v)}`, span);
    }
    const good = type.name === 'bool' ? v.kind === 'bool' : v.kind === 'number' && (type.name === 'float' || Number.isInteger(v.value));
    return good ? v : report.error('B006', `${what} is ${type.name === 'int' ? 'a whole number' : type.name === 'bool' ? 'true or false' : 'a number'}, and this is ${describe(v)}`, span);
  }
  if (v.kind === 'none') return v;
  if (v.kind !== 'tensor') return report.error('B006', `${what} is a tensor, and this is ${describe(v)}`, span);
  if ((type.classes !== undefined) !== (v.type === 'class')) return report.error('B012', `${what} is ${type.classes ? 'made of classes' : 'made of floats'}, and this is ${describe(v)}`, span);
  if (type.classes?.kind === 'name' && v.classes !== undefined && !here.names.has(type.classes.name.text)) {
    const seen = variables.get(type.classes.name.text);
    if (seen !== undefined && seen !== v.classes) return report.error('B007', `${what} has ${v.classes} classes, and '${type.classes.name.text}' is ${String(seen)}`, span);
    variables.set(type.classes.name.text, v.classes);
  }
  const rest = type.dims.findIndex(x => x.kind === 'rest');
  const fixed = type.dims.length - (rest >= 0 ? 1 : 0);
  const wrong = (): undefined => report.error('B007', `${what} is [${type.dims.map(x => dimText(x)).join(', ')}], and this is ${showShape(v.shape)}`, span, { notes: [{ message: 'the signature is here', span: type.span }, { message: `this is ${showShape(v.shape)}`, span: v.span }] });
  if (rest >= 0 ? v.shape.length < fixed : v.shape.length !== fixed) return wrong();
  const many = v.shape.length - fixed;
  for (const [i, x] of type.dims.entries()) {
    if (x.kind === 'rest') {
      const part = v.shape.slice(i, i + many);
      const seen = variables.get('...');
      if (seen !== undefined && !(typeof seen === 'object' && sameShape(seen, part))) return wrong();
      variables.set('...', part);
      continue;
    }
    const actual = v.shape[rest >= 0 && i > rest ? i + many - 1 : i] ?? 1;
    if (x.kind === 'name' && !here.names.has(x.name.text)) {
      const seen = variables.get(x.name.text);
      if (seen === undefined) variables.set(x.name.text, actual); else if (seen !== actual) return wrong();
    } else {
      const wanted = dim(w, x, { ...here, names: new Map([...here.names, ...[...variables].flatMap(([n, e]) => (typeof e === 'number' ? [[n, { value: whole(e), span, used: true }] as const] : []))]) });
      if (wanted === undefined) return undefined;
      if (wanted !== actual) return wrong();
    }
  }
  return v;
}

function weightsOf(layer: LayerItem): readonly string[] { return written(layer.body).flatMap(s => (s.kind === 'weight' || s.kind === 'param' || s.kind === 'state' ? [s.name.text] : [])); }

function declaredIn(layer: LayerItem, n: string): boolean { return weightsOf(layer).includes(n); }

function hasWeights(c: Elaboration, layer: LayerItem, seen: Set<string>): boolean {
  const { layers } = c;
  if (seen.has(layer.name.text)) return false;
  seen.add(layer.name.text);
  return weightsOf(layer).length > 0 || usesIn(written(layer.body), n => layers.has(n)).some(u => { const l = layers.get(u.callee.text); return l !== undefined && hasWeights(c, l, seen); });
}

/** Statements with those inside repeats. */
const written = (body: readonly Statement[]): readonly Statement[] => body.flatMap(s => (s.kind === 'repeat' ? written(s.body) : [s]));
const dimText = (x: TensorType['dims'][number]): string => (x.kind === 'rest' ? '...' : x.kind === 'name' ? x.name.text : x.kind === 'number' ? x.text : '…');
