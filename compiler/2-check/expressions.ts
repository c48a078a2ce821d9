/**
 * What an expression is. Imagine a calculator that knows numbers and shapes: numbers it computes, tensors it writes down as
 * values of the model, and where something does not fit it says so and goes on with 'unknown'.
 */
import type { Argument, Call, Expr, IndexItem, Name, Span } from '../1-syntax/ast.ts';
import { nearest } from '../suggest.ts';
import { bindArguments } from './families.ts';
import { functions, matmul, slice, swapLast } from './functions.ts';
import type { Context, FunctionParameter } from './functions.ts';
import type { Dim, FunctionName } from './model.ts';
import { didYouMean } from './report.ts';
import type { Report } from './report.ts';
import { lookup, namesInForce } from './scope.ts';
import type { Scope } from './scope.ts';
import { broadcastOrReport, whereFrom } from './shapes.ts';
import { describe, unknown, whole } from './values.ts';
import type { CValue, Make, Tensor } from './values.ts';

/** What expressions need of the rest of the checker. */
export interface World {
  readonly report: Report; readonly make: Make;
  isLayer(name: string): boolean;
  layerNames(): readonly string[];
  useLayer(call: Call, piped: CValue | undefined, scope: Scope): CValue;
  scan(e: Extract<Expr, { kind: 'scan' }>, scope: Scope): CValue;
  /** Whether the model is written out as it trains, or as it predicts. */
  training(): boolean;
}

export function evaluate(w: World, e: Expr, scope: Scope): CValue {
  const { report } = w;
  switch (e.kind) {
    case 'number':
      if (!Number.isFinite(Math.fround(e.value))) { report.error('B025', `${e.text} is more than single precision can hold`, e.span); return unknown; }
      return { kind: 'number', value: e.value, whole: /^[\d_]+$/.test(e.text) };
    case 'bool': return { kind: 'bool', value: e.value };
    case 'string': return { kind: 'string', value: e.value };
    case 'none': return { kind: 'none' };
    case 'name': return name(w, e.name, scope);
    case 'tuple': return { kind: 'tuple', items: e.items.map(i => evaluate(w, i, scope)) };
    case 'conditional': {
      const c = condition(w, e.condition, scope);
      return c === undefined ? unknown : evaluate(w, c ? e.then : e.otherwise, scope);
    }
    case 'pipe': return call(w, e.use, evaluate(w, e.value, scope), scope);
    case 'call': return call(w, e, undefined, scope);
    case 'unary': return unary(w, e, scope);
    case 'binary': return binary(w, e, scope);
    case 'index': return index(w, e, scope);
    case 'field': return field(w, e, scope);
    case 'scan': return w.scan(e, scope);
    case 'fill': {
      const dims = e.dims.map(d => dim(w, d, scope));
      if (dims.some(d => d === undefined)) return unknown;
      const shape = dims.filter(d => d !== undefined);
      return w.make.apply('fill', [], { value: e.what === 'ones' ? 1 : 0, shape: shape.map(d => (d === 'batch' ? -1 : d)) }, shape, 'float', e.span);
    }
  }
}

function name(w: World, n: Name, scope: Scope): CValue {
  const found = lookup(scope, n.text);
  if (found) { found.used = true; return found.value; }
  if (n.text === 'batch') return { kind: 'batch' };
  if (n.text === 'training') return { kind: 'bool', value: w.training() };
  const isCallable = n.text in functions || w.isLayer(n.text);
  w.report.error('B001', isCallable ? `'${n.text}' is a ${w.isLayer(n.text) ? 'layer' : 'function'}, and a value is needed here` : `there is no value '${n.text}' here`, n.span, { suggestion: isCallable ? `write ${n.text}(…)` : didYouMean(nearest(n.text, namesInForce(scope))) });
  return unknown;
}

/** A condition that is decided at compile time; undefined when it can't be, which has been said. */
export function condition(w: World, e: Expr, scope: Scope): boolean | undefined {
  const v = evaluate(w, e, scope);
  if (v.kind === 'bool') return v.value;
  // `if h0`: an optional tensor is there, or none
  if (v.kind === 'none') return false;
  if (v.kind === 'unknown') return undefined;
  if ((v.kind === 'tuple' || (v.kind === 'tensor' && v.type !== 'bool')) && e.kind === 'name') return true;
  return w.report.error('B011', `a condition is decided at compile time, and this is ${describe(v)}`, e.span, { suggestion: v.kind === 'tensor' ? 'where(condition, a, b) decides for each element as it is computed' : undefined });
}

/** A dimension: a whole number above 0, or batch. */
export function dim(w: World, e: Expr, scope: Scope): Dim | undefined {
  const v = e.kind === 'name' && !lookup(scope, e.name.text) && e.name.text !== 'batch'
    ? w.report.error('B008', `'${e.name.text}' is no dimension here: a dimension is a number, an argument, or batch`, e.span, { suggestion: didYouMean(nearest(e.name.text, ['batch', ...namesInForce(scope)])) })
    : evaluate(w, e, scope);
  if (v === undefined || v.kind === 'unknown') return undefined;
  if (v.kind === 'batch') return 'batch';
  if (v.kind === 'number' && Number.isInteger(v.value) && v.value > 0) {
    return v.value < 2 ** 31 ? v.value : w.report.error('B024', `a dimension of ${v.value} is more than 2^31`, e.span);
  }
  return w.report.error('B008', `a dimension is a whole number above 0 or batch, and this is ${describe(v)}`, e.span);
}

const numeric: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '**': (a, b) => a ** b,
  '==': (a, b) => a === b, '!=': (a, b) => a !== b, '<': (a, b) => a < b, '<=': (a, b) => a <= b, '>': (a, b) => a > b, '>=': (a, b) => a >= b,
};
const tensorOps: Readonly<Record<string, FunctionName>> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '**': 'pow', '==': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge', and: 'and', or: 'or' };
const comparisons = new Set(['==', '!=', '<', '<=', '>', '>=']);

function binary(w: World, e: Extract<Expr, { kind: 'binary' }>, scope: Scope): CValue {
  const [a, b] = [evaluate(w, e.left, scope), evaluate(w, e.right, scope)];
  if (a.kind === 'unknown' || b.kind === 'unknown') return unknown;
  if (a.kind === 'number' && b.kind === 'number' && e.op in numeric) {
    const both = a.whole && b.whole;
    if (e.op === '/' && both && (b.value === 0 || a.value % b.value !== 0)) { w.report.error('B026', `${a.value} / ${b.value} is not a whole number`, e.span, { suggestion: `div(${a.value}, ${b.value}) divides and rounds down; ${a.value}.0 / ${b.value} is a fraction` }); return unknown; }
    const v = numeric[e.op]?.(a.value, b.value);
    if (typeof v === 'boolean') return { kind: 'bool', value: v };
    if (v === undefined || !Number.isFinite(v)) { w.report.error('B025', `this number is ${v}`, e.span); return unknown; }
    return { kind: 'number', value: v, whole: both && Number.isInteger(v) };
  }
  if (a.kind === 'bool' && b.kind === 'bool' && (e.op === 'and' || e.op === 'or' || e.op === '==' || e.op === '!=')) return { kind: 'bool', value: e.op === 'and' ? a.value && b.value : e.op === 'or' ? a.value || b.value : (a.value === b.value) === (e.op === '==') };
  if ((a.kind === 'none' || b.kind === 'none') && (e.op === '==' || e.op === '!=')) return { kind: 'bool', value: (a.kind === b.kind) === (e.op === '==') };
  const [p, q] = [operand(w, a, e.left.span), operand(w, b, e.right.span)];
  if (!p || !q) { w.report.error('B006', `'${e.op}' does not take ${describe(p ? b : a)}`, (p ? e.right : e.left).span); return unknown; }
  if (e.op === '@') return allFloat(w, [p, q], `'@'`, e.span) ? matmul(w.make, w.report, p, q, e.span) : unknown;
  const isLogic = e.op === 'and' || e.op === 'or';
  const isClasses = (e.op === '==' || e.op === '!=') && p.type !== 'bool' && q.type !== 'bool';
  if (isLogic ? !(p.type === 'bool' && q.type === 'bool') : !(isClasses || allFloat(w, [p, q], `'${e.op}'`, e.span))) {
    if (isLogic) w.report.error('B012', `'${e.op}' joins truth values, as comparisons give them`, e.span, { notes: whereFrom([p, q]) });
    return unknown;
  }
  if (isClasses && p.type !== q.type) { w.report.error('B012', 'a class is compared with a class', e.span, { notes: whereFrom([p, q]) }); return unknown; }
  const shape = broadcastOrReport(w.report, `'${e.op}'`, [p, q], e.span);
  return shape ? w.make.apply(tensorOps[e.op] ?? 'add', [p, q], {}, shape, isLogic || comparisons.has(e.op) ? 'bool' : 'float', e.span) : unknown;
}
/** A tensor, or a number as one. */
const operand = (w: World, v: CValue, span: Span): Tensor | undefined => (v.kind === 'tensor' ? v : v.kind === 'number' ? w.make.constant(v.value, span) : undefined);
function allFloat(w: World, tensors: readonly Tensor[], what: string, span: Span): boolean {
  const odd = tensors.find(t => t.type !== 'float');
  if (!odd) return true;
  w.report.error('B012', `${what} computes with floats, and this is ${describe(odd)}`, span, { notes: whereFrom([odd]), suggestion: odd.type === 'bool' ? 'where(condition, 1, 0)' : 'one_hot(…) makes floats of classes' });
  return false;
}

function unary(w: World, e: Extract<Expr, { kind: 'unary' }>, scope: Scope): CValue {
  const v = evaluate(w, e.value, scope);
  if (v.kind === 'unknown') return v;
  if (e.op === 'not') {
    if (v.kind === 'bool') return { kind: 'bool', value: !v.value };
    if (v.kind === 'tensor' && v.type === 'bool') return w.make.apply('not', [v], {}, v.shape, 'bool', e.span);
    w.report.error('B012', `'not' takes a truth value, and this is ${describe(v)}`, e.span);
    return unknown;
  }
  if (v.kind === 'number') return { ...v, value: -v.value };
  if (v.kind === 'tensor' && allFloat(w, [v], "'-'", e.span)) return w.make.apply('neg', [v], {}, v.shape, 'float', e.span);
  if (v.kind !== 'tensor') w.report.error('B006', `'-' does not take ${describe(v)}`, e.span);
  return unknown;
}

function field(w: World, e: Extract<Expr, { kind: 'field' }>, scope: Scope): CValue {
  const v = evaluate(w, e.value, scope);
  if (v.kind === 'unknown') return v;
  if (v.kind === 'tensor') {
    if (e.name.text === 'T') return swapLast(w.make, w.report, v, e.span) ?? unknown;
    const found = v.fields && Object.hasOwn(v.fields, e.name.text) ? v.fields[e.name.text] : undefined;
    if (found) return found;
  }
  const known = ['T', ...(v.kind === 'tensor' ? Object.keys(v.fields ?? {}) : [])];
  w.report.error('B001', `${describe(v)} has no part '${e.name.text}'`, e.name.span, { suggestion: didYouMean(nearest(e.name.text, known)) });
  return unknown;
}

function index(w: World, e: Extract<Expr, { kind: 'index' }>, scope: Scope): CValue {
  const v = evaluate(w, e.value, scope);
  if (v.kind === 'unknown') return v;
  if (v.kind === 'tuple') {
    const [item] = e.items;
    const at = item?.kind === 'at' ? evaluate(w, item.value, scope) : unknown;
    const found = at.kind === 'number' ? v.items.at(v.every ? 0 : at.value) : undefined;
    if (found) return found;
    w.report.error('B032', `this is no place in a tuple of ${v.items.length}`, e.span);
    return unknown;
  }
  if (v.kind !== 'tensor') { w.report.error('B006', `${describe(v)} has no elements`, e.span); return unknown; }
  const rests = e.items.filter(i => i.kind === 'rest').length;
  const missing = v.shape.length - e.items.length + rests;
  if (rests > 1 || missing < 0 || (rests === 0 && missing < 0)) { w.report.error('B032', `${e.items.length} places for ${v.shape.length} axes`, e.span, { notes: whereFrom([v]) }); return unknown; }
  const items: readonly (IndexItem | undefined)[] = rests === 1
    ? e.items.flatMap((i): (IndexItem | undefined)[] => (i.kind === 'rest' ? Array.from({ length: missing }, () => undefined) : [i]))
    : [...e.items, ...Array.from({ length: missing }, () => undefined)];
  const dropped: number[] = [];
  const parts = items.map((item, d) => {
    const extent = v.shape[d] ?? 1;
    if (!item || item.kind === 'rest' || (item.kind === 'slice' && !item.from && !item.to && !item.step)) return undefined;
    if (extent === 'batch') { w.report.error('B032', "the batch can't be cut", item.span, { suggestion: 'write : for the whole batch' }); return null; }
    const number = (x: Expr | undefined, otherwise: number): number | undefined => { if (!x) return otherwise; const n = evaluate(w, x, scope); return n.kind === 'number' && Number.isInteger(n.value) ? n.value : n.kind === 'unknown' ? undefined : w.report.error('B006', `a place is a whole number, and this is ${describe(n)}`, x.span); };
    if (item.kind === 'at') {
      const at = number(item.value, 0);
      if (at === undefined) return null;
      if (at < -extent || at >= extent) { w.report.error('B032', `there is no element ${at} on an axis of ${extent}`, item.span); return null; }
      dropped.push(d);
      return { start: at < 0 ? at + extent : at, count: 1, step: 1 };
    }
    const step = number(item.step, 1);
    if (step === undefined || step === 0) { if (step === 0) w.report.error('B032', 'a step is not 0', item.span); return null; }
    const clamp = (x: number): number => { const y = x < 0 ? x + extent : x; return Math.max(step > 0 ? 0 : -1, Math.min(y, step > 0 ? extent : extent - 1)); };
    const [from, to] = [number(item.from, step > 0 ? 0 : extent - 1), item.to ? number(item.to, 0) : undefined];
    if (from === undefined || (item.to && to === undefined)) return null;
    const [start, stop] = [clamp(from), to === undefined ? (step > 0 ? extent : -1) : clamp(to)];
    const count = Math.max(0, Math.ceil((stop - start) / step));
    if (count === 0) { w.report.error('B032', 'nothing is left of this axis', item.span, { notes: whereFrom([v]) }); return null; }
    return { start, count, step };
  });
  if (parts.includes(null)) return unknown;
  const cut = slice(w.make, v, parts.map(p => p ?? undefined), e.span);
  if (dropped.length === 0) return cut;
  const shape = cut.shape.filter((_, d) => !dropped.includes(d));
  return w.make.apply('reshape', [cut], { shape: shape.map(d => (d === 'batch' ? -1 : d)) }, shape, v.type, e.span);
}

// ── calls ─────────────────────────────────────────────────────────────────────────────────────

function call(w: World, e: Call, piped: CValue | undefined, scope: Scope): CValue {
  const n = e.callee.text;
  if (piped?.kind === 'list') { w.report.error('B027', `${piped.items.length} values can't go through a pipe`, e.span, { suggestion: 'give them names: a, b = …' }); return unknown; }
  if (w.isLayer(n)) return w.useLayer(e, piped, scope);
  if (n === 'div') return floorDivision(w, e, scope);
  const f = Object.hasOwn(functions, n) ? functions[n] : undefined;
  if (!f) {
    e.args.forEach(a => evaluate(w, a.value, scope));
    const isValue = lookup(scope, n) !== undefined;
    w.report.error('B004', isValue ? `'${n}' is a value, not a function` : `there is no layer or function '${n}'`, e.callee.span, { suggestion: didYouMean(nearest(n, [...Object.keys(functions), ...w.layerNames()])) });
    return unknown;
  }
  if (e.as) w.report.error('B019', `'${n}' is a function: it has no weights to name`, e.as.name.span);
  if (e.settings && e.settings.length > 0) w.report.error('B020', `'${n}' is a function: it has no weights to set`, e.span);
  const given = callArguments(w, n, f.parameters, e, piped, scope);
  if (!given) return unknown;
  return f.apply(contextOf(w, e.span, given));
}

interface Given { readonly value: CValue; readonly span: Span }

/** Arguments of a function by name, converted to what each parameter is; undefined when one is wrong. */
function callArguments(w: World, n: string, parameters: readonly FunctionParameter[], e: Call, piped: CValue | undefined, scope: Scope): ReadonlyMap<string, Given & { readonly all?: readonly Tensor[] }> | undefined {
  const many = parameters.find(p => p.kind === 'tensors');
  const names = parameters.map(p => p.name);
  const values = new Map<string, Given & { readonly all?: readonly Tensor[] }>();
  const first = piped === undefined ? undefined : parameters.find(p => p.kind.includes('tensor'));
  if (piped !== undefined && first && first !== many) values.set(first.name, { value: piped, span: e.span });
  const positional = e.args.filter(a => !a.label);
  const collected: { value: CValue; span: Span }[] = piped !== undefined && first === many ? [{ value: piped, span: e.span }] : [];
  let rest: readonly Argument[] = e.args;
  if (many) {
    const before = names.slice(0, names.indexOf(many.name)).filter(x => !values.has(x)).length;
    collected.push(...positional.slice(before).map(a => ({ value: evaluate(w, a.value, scope), span: a.span })));
    rest = [...positional.slice(0, before), ...e.args.filter(a => a.label)];
  }
  const bound = bindArguments(w.report, `'${n}'`, names.filter(x => !values.has(x) && x !== many?.name), rest);
  if (!bound) return undefined;
  for (const [name, a] of bound) values.set(name, { value: evaluate(w, a.value, scope), span: a.span });
  let ok = true;
  const result = new Map<string, Given & { readonly all?: readonly Tensor[] }>();
  for (const p of parameters) {
    if (p === many) {
      const all = collected.map(c => (c.value.kind === 'tensor' ? c.value : undefined)).filter(t => t !== undefined);
      if (all.length !== collected.length || all.length === 0) { if (!collected.some(c => c.value.kind === 'unknown')) w.report.error('B006', `'${n}' takes tensors`, e.span); ok = false; }
      result.set(p.name, { value: { kind: 'list', items: all }, span: e.span, all });
      continue;
    }
    const v = values.get(p.name) ?? (p.default ? { value: p.default, span: e.span } : undefined);
    if (!v) { w.report.error('B005', `'${n}' needs '${p.name}'`, e.span, { suggestion: `its parameters are ${names.join(', ')}` }); ok = false; continue; }
    const converted = values.has(p.name) ? convert(w, n, p, v) : v;
    if (converted) result.set(p.name, converted); else ok = false;
  }
  return ok ? result : undefined;
}
function convert(w: World, n: string, p: FunctionParameter, v: Given): Given | undefined {
  if (v.value.kind === 'unknown') return undefined;
  const wrong = (): undefined => w.report.error(v.value.kind === 'tensor' && p.kind.includes('tensor') ? 'B012' : 'B006', `'${p.name}' of '${n}' is a ${p.kind}, and this is ${describe(v.value)}`, v.span);
  const value = v.value;
  switch (p.kind) {
    case 'float tensor': { const t = operand(w, value, v.span); return t?.type === 'float' ? { ...v, value: t } : wrong(); }
    case 'class tensor': return value.kind === 'tensor' && value.type === 'class' ? v : wrong();
    case 'bool tensor': return value.kind === 'tensor' && value.type === 'bool' ? v : value.kind === 'bool' ? wrong() : wrong();
    case 'tensor': return value.kind === 'tensor' ? v : wrong();
    case 'number': return value.kind === 'number' ? v : wrong();
    case 'whole number': case 'axis': return value.kind === 'number' && Number.isInteger(value.value) ? v : value.kind === 'none' && p.default?.kind === 'none' ? v : wrong();
    case 'axes': return (value.kind === 'number' && Number.isInteger(value.value)) || (value.kind === 'tuple' && value.items.every(i => i.kind === 'number' && Number.isInteger(i.value))) || value.kind === 'none' ? v : wrong();
    case 'bool': return value.kind === 'bool' ? v : wrong();
    case 'text': return value.kind === 'string' ? v : wrong();
    case 'shape': return value.kind === 'tuple' || value.kind === 'number' || value.kind === 'batch' ? v : wrong();
    case 'tensors': return v;
  }
}
function contextOf(w: World, span: Span, given: ReadonlyMap<string, Given & { readonly all?: readonly Tensor[] }>): Context {
  const value = (n: string): CValue => given.get(n)?.value ?? unknown;
  return {
    make: w.make, report: w.report, span, value,
    tensor: n => { const v = value(n); return v.kind === 'tensor' ? v : w.make.constant(NaN, span); },
    tensors: n => given.get(n)?.all ?? [],
    number: n => { const v = value(n); return v.kind === 'number' ? v.value : NaN; },
    flag: n => { const v = value(n); return v.kind === 'bool' && v.value; },
  };
}
function floorDivision(w: World, e: Call, scope: Scope): CValue {
  const [a, b] = e.args.map(x => evaluate(w, x.value, scope));
  if (e.args.length !== 2 || a?.kind !== 'number' || b?.kind !== 'number' || b.value === 0) {
    if (a?.kind !== 'unknown' && b?.kind !== 'unknown') w.report.error('B006', 'div(a, b) divides two numbers and rounds down', e.span);
    return unknown;
  }
  return whole(Math.floor(a.value / b.value));
}
