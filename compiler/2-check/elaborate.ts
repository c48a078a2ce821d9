/**
 * One model, written out: every layer use in place, every name looked up, every weight declared under its path. Imagine
 * reading the body aloud and writing down each tensor as a numbered value.
 */
import type { Call, Expr, FamilyItem, FamilyUse, LayerItem, ModelItem, Name, Repeat, Setting, Span, Statement, TensorType, WeightStatement } from '../1-syntax/ast.ts';
import { families as builtIn } from '../families/families.ts';
import { nearest } from '../suggest.ts';
import { condition, dim, evaluate } from './expressions.ts';
import type { World } from './expressions.ts';
import { checkEstimators, estimatorOf } from './estimators.ts';
import { bindArguments, distribution, init, posterior } from './families.ts';
import type { Dim, Distribution, Estimator, Model, Observation, Port, Posterior, ScanRegion, Shape, Value, ValueId, Variable } from './model.ts';
import { observed } from './observe.ts';
import { drawn, familyArguments, method } from './random.ts';
import { didYouMean } from './report.ts';
import type { Report } from './report.ts';
import { lookup, pathsOf, usesIn } from './scope.ts';
import type { Scope } from './scope.ts';
import { broadcast, sameShape } from './shapes.ts';
import { describe, showShape, unknown, whole } from './values.ts';
import type { CValue, Make, Tensor } from './values.ts';

/** Values a model may have, levels a layer may nest, elements a tensor may have (DECISIONS 2.9). */
const limits = { values: 1_000_000, levels: 256, elements: 2 ** 31 } as const;
const unsafe = new Set(['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf']);
const defaultPrior: Distribution['parameters'] = { mean: 0, sd: 0.1 };
const defaultPosterior: Posterior = { family: 'normal', mu: { mean: 0, sd: 0.1 }, rho: { mean: -7, sd: 0.1 } };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface Draft {
  readonly values: Value[]; readonly variables: Map<string, { variable: Variable; tensor: Tensor; layer: string; span: Span }>; readonly scans: ScanRegion[];
  readonly ports: Map<string, Port & { role: 'input' | 'target'; tensor: Tensor; used: boolean }>;
  readonly outputs: Mutable<Model['outputs'][number]>[]; readonly observations: Observation[]; readonly losses: ValueId[]; readonly updates: Mutable<Model['updates'][number]>[];
  /** Paths of uses -> the use, to find sharing. */
  readonly uses: Map<string, { readonly kind: string; readonly span: Span; readonly text: string }>;
  /** Densities of priors of the author's own, written out when all weights are known. */
  readonly later: (() => void)[];
  /** Paths that draw, so that two uses of one shared layer draw apart. */
  readonly draws: Map<string, number>;
}

/** What a name may be: layers, and families in the language. */
export interface Definitions { readonly layers: ReadonlyMap<string, LayerItem>; readonly families: ReadonlyMap<string, FamilyItem> }
type Mode = 'training' | 'shared' | 'prediction';

/** The model as it trains, with its two other forms where they differ. */
export function elaborate(report: Report, item: ModelItem, definitions: Definitions, args: ReadonlyMap<string, CValue>, nameOfModel: Name): Model | undefined {
  const first = writeOut(report, item, definitions, args, nameOfModel, 'training');
  if (report.diagnostics.some(x => x.severity === 'error')) return first.model;
  const other = (mode: Mode): Model => writeOut({ ...report, warn: () => undefined }, item, definitions, args, nameOfModel, mode).model;
  return {
    ...first.model,
    ...(first.isModal || first.isEstimated ? { prediction: other('prediction') } : {}),
    ...(first.isEstimated ? { shared: other('shared') } : {}),
  };
}

function writeOut(report: Report, item: ModelItem, { layers, families }: Definitions, args: ReadonlyMap<string, CValue>, nameOfModel: Name, mode: Mode):
  { readonly model: Model; /** Something differs between training and prediction. */ readonly isModal: boolean; readonly isEstimated: boolean } {
  const d: Draft = { values: [], variables: new Map(), scans: [], ports: new Map(), outputs: [], observations: [], losses: [], updates: [], uses: new Map(), later: [], draws: new Map() };
  let isModal = false;
  let isEstimated = false;
  let scansAround = 0;
  let full = false;

  const add = (v: Value): ValueId => {
    if (d.values.length >= limits.values && !full) { full = true; report.error('B024', `this model has more than ${limits.values} values`, item.name.span); }
    return (full ? 0 : d.values.push(v) - 1) as ValueId; // a ValueId is the position
  };
  let around: readonly Span[] = [];
  const make: Make = {
    apply(fn, tensors, attributes, shape, type, span) {
      const elements = shape.reduce<number>((n, e) => (e === 'batch' ? n : n * e), 1);
      if (elements > limits.elements) report.error('B024', `a tensor ${showShape(shape)} has more than 2^31 elements`, span);
      return { kind: 'tensor', shape, type, span, id: add({ kind: 'apply', fn, args: tensors.map(t => t.id), attributes, shape, type, origin: [span, ...around] }) };
    },
    constant: (value, span) => ({ kind: 'tensor', shape: [], type: 'float', span, id: add({ kind: 'constant', value, shape: [], type: 'float', origin: [span, ...around] }) }),
  };
  const w: World = { report, make, isLayer: n => layers.has(n), layerNames: () => [...layers.keys()], useLayer, scan, training: () => { isModal = true; return mode !== 'prediction'; } };

  const uses = usesIn(item.body, n => layers.has(n));
  const settings = item.body.flatMap(s => (s.kind === 'setting' ? [s] : []));
  const scope: Scope = { names: new Map(), parent: undefined, uses: pathsOf(uses), path: [], settings: [], depth: 0, around: [] };
  for (const [n, v] of args) scope.names.set(n, { value: v, span: item.parameters.find(p => p.name.text === n)?.name.span ?? item.name.span, used: true });
  const inside: Scope = { ...scope, settings: [{ settings, scope }] };
  checkPaths(uses, inside, item.body);
  for (const s of item.body) statement(s, inside, 'model');
  const body = d.values.slice();
  d.later.forEach(f => { f(); });
  finish(inside);
  const variables = [...d.variables.values()].map(v => v.variable);
  if (mode === 'training') checkEstimators(report, variables, body, d.scans);
  const model: Model = {
    name: nameOfModel.text, ...(item.doc ? { doc: item.doc.text } : {}),
    inputs: portsOf('input'), targets: portsOf('target'), variables, values: d.values, scans: d.scans,
    outputs: d.outputs, observations: d.observations, losses: d.losses, updates: d.updates, span: item.span,
  };
  return { model, isModal, isEstimated };

  function portsOf(role: 'input' | 'target'): readonly Port[] {
    return [...d.ports.values()].filter(p => p.role === role).map(({ name, shape, type, classes, doc, span }) => ({ name, shape, type, span, ...(classes === undefined ? {} : { classes }), ...(doc === undefined ? {} : { doc }) }));
  }

  // ── names ─────────────────────────────────────────────────────────────────────────────────────

  function define(n: Name, value: CValue, s: Scope, used = false): void {
    if (unsafe.has(n.text)) { report.error('B003', `'${n.text}' can't be a name`, n.span); return; }
    const seen = s.names.get(n.text) ?? lookup(s, n.text);
    if (seen) { report.error('B002', `'${n.text}' is defined twice`, n.span, { notes: [{ message: 'the first is here', span: seen.span }], suggestion: 'give this one a name of its own' }); return; }
    s.names.set(n.text, { value, span: n.span, used });
  }

  /** Paths of uses and weights of one body: each once, unless the sharing is said (DECISIONS 1.9). */
  function checkPaths(list: readonly Call[], s: Scope, body: readonly Statement[]): void {
    const taken = new Map<string, { readonly span: Span; readonly what: string; readonly named: boolean }>();
    for (const b of body) if (b.kind === 'weight' || b.kind === 'param') taken.set(b.name.text, { span: b.name.span, what: 'weight', named: true });
    for (const u of list) {
      const path = s.uses.get(u) ?? u.callee.text;
      const seen = taken.get(path);
      if (u.as && unsafe.has(u.as.name.text)) report.error('B003', `'${u.as.name.text}' can't be a name`, u.as.name.span);
      if (seen && !u.as?.again) {
        report.error('B018', seen.what === 'weight' ? `a weight and a layer are both called '${path}'` : `two layers are called '${path}'`, u.as?.name.span ?? u.span, { notes: [{ message: 'the other is here', span: seen.span }], suggestion: seen.what === 'use' && u.as ? `to share its weights, write as ${path} again` : 'name one of them with as' });
      } else if (!seen && u.as?.again) report.error('B018', `there is no earlier use '${path}' to share with`, u.as.name.span);
      if (!seen) taken.set(path, { span: u.as?.name.span ?? u.span, what: 'use', named: u.as !== undefined });
    }
  }

  // ── statements ────────────────────────────────────────────────────────────────────────────────

  function statement(s: Statement, here: Scope, where: 'model' | 'layer' | 'scan', repeated = false): void {
    const only = (places: readonly string[], what: string): boolean => {
      if (places.includes(where)) return true;
      report.error('B028', `${what} does not belong into a ${where}`, s.span);
      return false;
    };
    switch (s.kind) {
      case 'input': case 'target': if (only(['model'], `'${s.kind}'`)) port(s.kind, s.name, s.type, here, s.doc?.text); break;
      case 'weight': if (only(['model', 'layer'], "'weight'")) weight(s, here); break;
      case 'param': if (only(['model', 'layer'], "'param'")) {
        const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
        const shape = numbers(s.dims, here);
        if (wanted === false) { define(s.name, { kind: 'none' }, here, true); break; }
        const start = s.init ? init(report, s.init, e => evaluate(w, e, here)) : { mean: 0, sd: 0 };
        if (!shape || !start || wanted === undefined) { define(s.name, unknown, here, true); break; }
        const fixed = settingFor(here, s.name.text, 'fixed') !== undefined;
        declare([...here.path, s.name.text].join('.'), s.name, here, shape, path => ({ kind: 'param', path, shape, init: start, fixed, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...around] }));
      } break;
      case 'setting': if (where === 'scan') only([], 'a setting'); break;
      case 'state': if (only(['model', 'layer'], "'state'")) state(s, here); break;
      case 'update': if (only(['model', 'layer'], "'update'")) update(s, here); break;
      case 'draw': if (only(['model', 'layer'], "'draw'")) draw(s, here); break;
      case 'repeat': if (only(['model', 'layer'], "'repeat'")) repeat(s, here, where === 'scan' ? 'layer' : where); break;
      case 'let': lets(s.names, evaluate(w, s.value, here), s.value, here, repeated); break;
      case 'output': if (only(['model'], "'output'")) output(s, here); break;
      case 'loss': if (only(['model'], "'loss'")) {
        const v = evaluate(w, s.value, here);
        const t = v.kind === 'number' ? make.constant(v.value, s.value.span) : v;
        if (t.kind === 'tensor' && t.type === 'float' && t.shape.length === 0) d.losses.push(t.id);
        else if (t.kind !== 'unknown') report.error('B017', `a loss is one number, and this is ${describe(t)}`, s.value.span, { suggestion: t.kind === 'tensor' ? 'mean(…) or sum(…) makes one number of it' : undefined });
      } break;
      case 'observe': if (only(['model'], "'observe'")) {
        const p = d.ports.get(s.target.text);
        if (p?.role !== 'target') { report.error('B001', `there is no target '${s.target.text}'`, s.target.span, { suggestion: didYouMean(nearest(s.target.text, portsOf('target').map(x => x.name))) }); break; }
        p.used = true;
        const own = families.get(s.family.name.text);
        if (own) { observeOwn(own, p, s.family, here, s.span); break; }
        const family = distribution(report, s.family, 'likelihood', e => evaluate(w, e, here), [...families.keys()]);
        const o = family ? observed(report, p, family, id => d.values[id]?.shape ?? [], s.span) : undefined;
        if (o) d.observations.push(o);
      } break;
      case 'return': if (where !== 'layer') only([], "'return'"); break;
    }
  }

  function port(role: 'input' | 'target', n: Name, type: TensorType, here: Scope, doc: string | undefined): void {
    const dims = type.dims.map(x => (x.kind === 'rest' ? report.error('B008', "'...' belongs into a layer's signature", x.span) : dim(w, x, here)));
    const classes = type.classes ? evaluate(w, type.classes, here) : undefined;
    const shape = dims.filter(x => x !== undefined);
    if (shape.length !== dims.length) { define(n, unknown, here, true); return; }
    if (shape.filter(x => x === 'batch').length > 1) { report.error('B009', `${showShape(shape)} has the batch twice`, type.span); define(n, unknown, here, true); return; }
    if (classes && !(classes.kind === 'number' && Number.isInteger(classes.value) && classes.value > 1)) { if (classes.kind !== 'unknown') report.error('B006', `a number of classes is a whole number above 1, and this is ${describe(classes)}`, type.span); define(n, unknown, here, true); return; }
    const count = classes?.kind === 'number' ? classes.value : undefined;
    const element = count === undefined ? 'float' : 'class';
    const id = add({ kind: role, name: n.text, shape, type: element, origin: [n.span] });
    const tensor: Tensor = { kind: 'tensor', id, shape, type: element, span: n.span, ...(count === undefined ? {} : { classes: count }) };
    d.ports.set(n.text, { name: n.text, shape, type: element, span: n.span, role, tensor, used: false, ...(count === undefined ? {} : { classes: count }), ...(doc === undefined ? {} : { doc }) });
    define(n, tensor, here);
  }

  /** Keeps a tensor that does not train. */
  function state(s: Extract<Statement, { kind: 'state' }>, here: Scope): void {
    const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
    const shape = numbers(s.dims, here);
    if (wanted === false) { define(s.name, { kind: 'none' }, here, true); return; }
    const start = s.init ? init(report, s.init, e => evaluate(w, e, here)) : { mean: 0, sd: 0 };
    if (!shape || !start || wanted === undefined) { define(s.name, unknown, here, true); return; }
    isModal = true;
    declare([...here.path, s.name.text].join('.'), s.name, here, shape, path => ({ kind: 'state', path, shape, init: start, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...around] }));
  }

  function update(s: Extract<Statement, { kind: 'update' }>, here: Scope): void {
    isModal = true;
    const path = [...here.path, s.name.text].join('.');
    const kept = d.variables.get(path);
    if (kept?.variable.kind !== 'state') {
      const known = [...d.variables.values()].flatMap(v => (v.variable.kind === 'state' && v.layer === here.path.join('.') ? [v.variable.path.split('.').at(-1) ?? ''] : []));
      report.error('B036', `there is no state '${s.name.text}' here`, s.name.span, { suggestion: didYouMean(nearest(s.name.text, known)) ?? `state ${s.name.text}: [...] = 0 declares one` });
      return;
    }
    if (scansAround > 0) { report.error('B035', "an 'update' can't stand in a scan", s.span, { suggestion: 'update it with what the scan gives' }); return; }
    if (mode === 'prediction') return;
    const v = evaluate(w, s.value, here);
    if (v.kind === 'unknown') return;
    const t = v.kind === 'number' ? make.constant(v.value, s.value.span) : v;
    const shape = kept.tensor.shape;
    const fits = t.kind === 'tensor' && t.type === 'float' ? broadcast([t.shape, shape]) : undefined;
    if (t.kind !== 'tensor' || !fits || !sameShape(fits, shape)) { report.error('B007', `the state '${s.name.text}' is ${showShape(shape)}, and this is ${describe(v)}`, s.value.span); return; }
    if (d.updates.some(u => u.path === path)) { report.error('B036', `the state '${path}' is updated twice in one step`, s.span); return; }
    d.updates.push({ path, value: make.apply('expand', [t], { shape: [...shape].map(Number) }, shape, 'float', s.span).id });
  }

  /** A random tensor that is no weight: noise in training, its mean in prediction unless `always`. */
  function draw(s: Extract<Statement, { kind: 'draw' }>, here: Scope): void {
    if (!s.always) isModal = true;
    const dims = s.dims.flatMap((x): (Dim | undefined)[] => (x.kind === 'rest' ? restOf(here, x.span) : [dim(w, x, here)]));
    const shape = dims.filter(x => x !== undefined);
    if (shape.length !== dims.length) { define(s.name, unknown, here, true); return; }
    if (shape.filter(x => x === 'batch').length > 1) { report.error('B009', `${showShape(shape)} has the batch twice`, s.span); define(s.name, unknown, here, true); return; }
    if (scansAround > 0) { report.error('B035', "a 'draw' can't stand in a scan, where each step would draw the same", s.span, { suggestion: 'draw it before the scan, with an axis for the steps, and scan over it' }); define(s.name, unknown, here, true); return; }
    const path = [...here.path, s.name.text].join('.');
    const noise = (family: 'normal' | 'uniform'): Tensor => {
      const ordinal = (d.draws.get(path) ?? 0) + 1;
      d.draws.set(path, ordinal);
      return { kind: 'tensor', shape, type: 'float', span: s.span, id: add({ kind: 'noise', path: `draw ${path}${ordinal > 1 ? ` ${ordinal}` : ''}`, family, shape, type: 'float', origin: [s.span, ...around] }) };
    };
    define(s.name, drawn(w, s.family, shape, here, mode === 'prediction' && !s.always ? undefined : noise) ?? unknown, here, true);
  }
  function restOf(here: Scope, span: Span): (Dim | undefined)[] {
    for (let s: Scope | undefined = here; s; s = s.parent) if (s.rest?.dims) return [...s.rest.dims];
    return [report.error('B008', "'...' stands for dimensions of the layer's signature, which has none", span)];
  }

  /** The body written out so many times; each turn has paths of its own, and names of outside that it defines again are carried on. */
  function repeat(s: Repeat, here: Scope, where: 'model' | 'layer'): void {
    const count = evaluate(w, s.count, here);
    if (count.kind === 'unknown') return;
    if (count.kind !== 'number' || !Number.isInteger(count.value) || count.value < 0) { report.error('B006', `a number of repeats is a whole number, and this is ${describe(count)}`, s.count.span); return; }
    if (count.value > limits.values) { report.error('B024', `${count.value} repeats are more than ${limits.values}`, s.count.span); return; }
    const uses = usesIn(s.body, n => layers.has(n));
    for (let turn = 1; turn <= count.value && !full; turn++) {
      const names = new Map<string, { value: CValue; span: Span; used: boolean }>();
      const inner: Scope = { ...here, names, parent: here, uses: pathsOf(uses), path: [...here.path, `${s.as?.text ?? 'repeat'}${turn}`] };
      if (turn === 1) checkPaths(uses, inner, s.body);
      for (const x of s.body) statement(x, inner, where, true);
      if (turn === 1 && report.diagnostics.some(x => x.severity === 'error')) return;
    }
  }

  /** A likelihood that the author wrote. */
  function observeOwn(family: FamilyItem, port: Port & { readonly tensor: Tensor }, use: FamilyUse, here: Scope, span: Span): void {
    if (port.type === 'class') { report.error('B012', `'${port.name}' is a class target, which ${family.name.text} can't observe`, span, { suggestion: 'observe it with categorical(logits: …)' }); return; }
    const names = familyArguments(w, family, use, 'likelihood', here);
    if (!names) return;
    for (const [n, b] of names) {
      const fits = b.value.kind === 'tensor' ? broadcast([b.value.shape, port.shape]) : port.shape;
      if (!fits || !sameShape(fits, port.shape)) { report.error('B030', `'${n}' of ${family.name.text} is ${describe(b.value)}, and has to broadcast to ${showShape(port.shape)}`, use.span, { notes: [{ message: `the target '${port.name}' is ${showShape(port.shape)}`, span: port.span }] }); return; }
    }
    const density = method(w, family, 'log_density', names, port.tensor, use);
    if (!density) return;
    const draws = family.methods.some(m => m.name.text === 'draw');
    const eps: Tensor | undefined = draws ? { kind: 'tensor', shape: port.shape, type: 'float', span, id: add({ kind: 'noise', path: `observe ${port.name}`, family: 'normal', shape: port.shape, type: 'float', origin: [span] }) } : undefined;
    const made = eps ? method(w, family, 'draw', names, eps, use) : undefined;
    d.observations.push({ target: port.name, distribution: { family: 'custom', name: family.name.text, parameters: {}, span: use.span }, span, custom: { density: density.id, ...(made ? { draw: made.id } : {}) } });
  }

  function lets(names: readonly Name[], value: CValue, e: Expr, here: Scope, repeated: boolean): void {
    if (repeated) {
      const outer = names.map(n => (here.names.has(n.text) || here.parent === undefined ? undefined : lookup(here.parent, n.text)));
      const items = names.length === 1 ? [value] : value.kind === 'list' && value.items.length === names.length ? value.items : undefined;
      if (items && outer.some(o => o !== undefined) && !(names.length === 1 && value.kind === 'list')) {
        names.forEach((n, i) => { const o = outer[i]; const v = items[i] ?? unknown; if (o) { o.value = v; o.used = true; } else define(n, v, here); });
        return;
      }
    }
    const [first] = names;
    if (names.length === 1 && first) {
      if (value.kind === 'list') { report.error('B027', `these are ${value.items.length} values`, e.span, { suggestion: `give each a name: ${value.items.map((_, i) => `${first.text}${i + 1}`).join(', ')} = …` }); define(first, unknown, here, true); } else define(first, value, here);
      return;
    }
    if (value.kind !== 'list' || value.items.length !== names.length) {
      if (value.kind !== 'unknown') report.error('B027', `${names.length} names for ${value.kind === 'list' ? `${value.items.length} values` : 'one value'}`, e.span);
      names.forEach(n => define(n, unknown, here, true));
      return;
    }
    names.forEach((n, i) => define(n, value.items[i] ?? unknown, here));
  }

  function output(s: Extract<Statement, { kind: 'output' }>, here: Scope): void {
    const n = s.name ?? (s.value.kind === 'name' ? s.value.name : undefined);
    const v = evaluate(w, s.value, here);
    if (!n) { report.error('B001', 'an output needs a name', s.span, { suggestion: 'output name = …' }); return; }
    if (unsafe.has(n.text)) { report.error('B003', `'${n.text}' can't be a name`, n.span); return; }
    const clash = d.outputs.find(o => o.name === n.text)?.span ?? (d.ports.get(n.text)?.role === 'target' ? d.ports.get(n.text)?.span : undefined);
    if (clash) { report.error('B016', `an output and another entry of the prediction are both called '${n.text}'`, n.span, { notes: [{ message: 'the other is here', span: clash }] }); return; }
    const t = v.kind === 'number' ? make.constant(v.value, s.span) : v;
    if (t.kind === 'tensor' && t.type === 'float') d.outputs.push({ name: n.text, value: t.id, span: s.span, ...(s.doc ? { doc: s.doc.text } : {}) });
    else if (t.kind !== 'unknown') report.error('B012', `an output is a tensor of floats, and this is ${describe(t)}`, s.value.span, { suggestion: t.kind === 'tensor' && t.type === 'bool' ? 'where(condition, 1, 0)' : undefined });
  }

  // ── weights ───────────────────────────────────────────────────────────────────────────────────

  function numbers(dims: readonly (Expr | { readonly kind: 'rest'; readonly span: Span })[], here: Scope): readonly number[] | undefined {
    const found = dims.map(x => {
      const v = x.kind === 'rest' ? report.error('B008', "a weight's shape is written out", x.span) : dim(w, x, here);
      return v === 'batch' ? report.error('B008', "a weight can't vary with the batch", x.span) : v;
    });
    const all = found.filter(x => x !== undefined);
    return all.length === found.length ? all : undefined;
  }

  function weight(s: WeightStatement, here: Scope): void {
    const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
    if (wanted === false) { define(s.name, { kind: 'none' }, here, true); return; }
    const shape = numbers(s.dims, here);
    if (!shape || wanted === undefined) { define(s.name, unknown, here, true); return; }
    const fans = new Map<string, CValue>([['fan_out', fraction(shape[0] ?? 1)], ['fan_in', fraction(shape.slice(1).reduce((a, b) => a * b, 1))]]);
    const withFans = (at: Scope): Scope => ({ ...at, names: new Map([...fans].map(([n, value]) => [n, { value, span: s.span, used: true }])), parent: at });
    const n = s.name.text;
    const fixed = settingFor(here, n, 'fixed') !== undefined;
    const frozen = settingFor(here, n, 'frozen') !== undefined;
    const priorAt = s.prior ? { family: s.prior, scope: here } : familyFor(here, n, 'prior');
    const posteriorAt = s.posterior ? { family: s.posterior, scope: here } : familyFor(here, n, 'posterior');
    const own = priorAt ? families.get(priorAt.family.name.text) : undefined;
    const weightPath = [...here.path, n].join('.');
    if (priorAt && mentions(priorAt.family, 'anchor')) fans.set('anchor', anchor(weightPath, shape, s));
    const prior: Distribution | undefined = own && priorAt ? { family: 'custom', name: own.name.text, parameters: {}, span: priorAt.family.span }
      : priorAt ? distribution(report, priorAt.family, 'prior', e => evaluate(w, e, withFans(priorAt.scope)), [...families.keys()]) : { family: 'normal', parameters: defaultPrior, span: s.span };
    const by = posteriorAt ? posterior(report, posteriorAt.family, e => evaluate(w, e, withFans(posteriorAt.scope))) : defaultPosterior;
    if (!prior || !by) { define(s.name, unknown, here, true); return; }
    for (const [p, v] of Object.entries(prior.parameters)) {
      if (typeof v === 'number') continue;
      const vs = d.values[v.value]?.shape ?? [];
      if (vs.length > shape.length || vs.some((e, i) => e !== 1 && e !== shape[i + shape.length - vs.length])) { report.error('B007', `'${p}' of the prior is ${showShape(vs)}, and does not broadcast to the weight ${showShape(shape)}`, prior.span); define(s.name, unknown, here, true); return; }
    }
    const how = settingFor(here, n, 'kl');
    const kl = by.family === 'point' || frozen ? 'none' : how === 'sampled' || by.family !== 'normal' || !closedForm.has(prior.family) ? 'sampled' : 'exact';
    const asked = settingOf(here, n, 'estimator');
    const chosen = asked?.kind === 'estimator' ? estimatorOf(report, asked.family) : 'shared';
    if (chosen !== 'shared' && by.family !== 'point' && !frozen) isEstimated = true;
    const estimator: Estimator = mode === 'training' ? chosen ?? 'shared' : 'shared';
    const isNew = !d.variables.has(weightPath);
    declare(weightPath, s.name, here, shape, path => ({ kind: 'weight', path, shape, prior, posterior: by, kl, estimator, frozen, fixed, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...around] }));
    if (!own || !priorAt || !isNew || kl === 'none') return;
    d.later.push(() => {
      const entry = d.variables.get(weightPath);
      const names = familyArguments(w, own, priorAt.family, 'prior', withFans(priorAt.scope));
      const density = entry && names ? method(w, own, 'log_density', names, entry.tensor, priorAt.family) : undefined;
      if (entry?.variable.kind === 'weight' && density) d.variables.set(weightPath, { ...entry, variable: { ...entry.variable, density: density.id } });
    });
  }

  /** The stored mean of a prior, which `moped` sets: `prior normal(mean: anchor, sd: 1)`. */
  function anchor(path: string, shape: readonly number[], s: WeightStatement): CValue {
    const name = `${path}.anchor`;
    const seen = d.variables.get(name);
    if (seen) return seen.tensor;
    const id = add({ kind: 'variable', path: name, shape, type: 'float', origin: [s.span, ...around] });
    const tensor: Tensor = { kind: 'tensor', id, shape, type: 'float', span: s.span };
    d.variables.set(name, { variable: { kind: 'state', path: name, shape, init: { mean: 0, sd: 0 }, origin: [s.span, ...around] }, tensor, layer: '', span: s.span });
    return tensor;
  }

  /** Adds a variable, or finds the one that a shared use declared before. */
  function declare(path: string, n: Name, here: Scope, shape: readonly number[], variable: (path: string) => Variable): void {
    const seen = d.variables.get(path);
    if (seen) {
      if (!sameShape(seen.tensor.shape, shape)) { report.error('B018', `'${path}' is shared, but is ${showShape(seen.tensor.shape)} there and ${showShape(shape)} here`, around[0] ?? n.span, { notes: [{ message: 'the other use is here', span: seen.span }] }); define(n, unknown, here, true); return; }
      define(n, seen.tensor, here, true);
      return;
    }
    const id = add({ kind: 'variable', path, shape, type: 'float', origin: [n.span, ...around] });
    const tensor: Tensor = { kind: 'tensor', id, shape, type: 'float', span: n.span };
    d.variables.set(path, { variable: variable(path), tensor, layer: here.path.join('.'), span: around[0] ?? n.span });
    define(n, tensor, here, true);
  }

  /** The nearest setting of a kind for a weight: blocks of the uses around it, innermost first, then the model (DECISIONS 1.5). */
  function settingFor(here: Scope, name: string, kind: 'fixed' | 'frozen' | 'kl'): string | undefined {
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

  // ── layers ────────────────────────────────────────────────────────────────────────────────────

  function useLayer(call: Call, piped: CValue | undefined, here: Scope): CValue {
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
      const value = given.kind === 'none' && p.default?.kind === 'none' ? given : fit(given, p.type, variables, full, at, `'${p.name.text}' of '${layer.name.text}'`);
      if (value) names.set(p.name.text, { value, span: p.name.span, used: true }); else ok = false;
    }
    for (const [n, v] of variables) if (n !== '...' && !names.has(n)) names.set(n, { value: v === 'batch' ? { kind: 'batch' } : typeof v === 'number' ? whole(v) : unknown, span: layer.name.span, used: true });
    for (const s of call.settings ?? []) if (s.weight && !declaredIn(layer, s.weight.text)) report.error('B020', `'${layer.name.text}' has no weight '${s.weight.text}'`, s.weight.span, { suggestion: didYouMean(nearest(s.weight.text, weightsOf(layer))) });
    if (call.as && !hasWeights(layer, new Set())) report.error('B019', `'${layer.name.text}' has no weights to name`, call.as.name.span);
    if (!ok) return unknown;
    const rest = variables.get('...');
    if (inner.rest && typeof rest === 'object') inner.rest.dims = rest;
    const key = path.join('.');
    const shared = d.uses.get(key);
    if (shared && shared.kind !== layer.name.text) { report.error('B018', `'${key}' is a ${shared.kind} there and a ${layer.name.text} here`, call.span, { notes: [{ message: 'the other use is here', span: shared.span }] }); return unknown; }
    d.uses.set(key, { kind: layer.name.text, span: call.span, text: '' });

    const before = around;
    around = full.around;
    checkPaths(uses, full, layer.body);
    for (const s of layer.body) statement(s, full, 'layer');
    const result = returned(layer, full, variables, call);
    around = before;
    return result;
  }

  function returned(layer: LayerItem, here: Scope, variables: Map<string, Dim | readonly Dim[]>, call: Call): CValue {
    const last = layer.body.at(-1);
    if (last?.kind !== 'return') { report.error('B022', `the layer '${layer.name.text}' ends without return`, layer.name.span); return unknown; }
    const values = last.values.map(v => evaluate(w, v, here));
    if (values.some(v => v.kind === 'unknown')) return unknown;
    if (values.length > 1) return { kind: 'list', items: values };
    const [v = unknown] = values;
    const t = v.kind === 'number' ? make.constant(v.value, last.span) : v;
    if (t.kind !== 'tensor') { if (t.kind === 'list') return t; report.error('B022', `a layer gives a tensor, and this is ${describe(t)}`, last.span); return unknown; }
    if (layer.result && !fit(t, layer.result, variables, here, last.span, `the result of '${layer.name.text}'`)) return unknown;
    const fields = Object.fromEntries(last.fields.flatMap(f => { const x = evaluate(w, f.value, here); return x.kind === 'tensor' ? [[f.name.text, x] as const] : []; }));
    return { kind: 'tensor', id: t.id, shape: t.shape, type: t.type, span: call.span, ...(Object.keys(fields).length > 0 ? { fields } : {}) };
  }

  /** Whether a value is what a signature says; its dimension names are bound, or compared with what they are bound to. */
  function fit(v: CValue, type: LayerItem['parameters'][number]['type'], variables: Map<string, Dim | readonly Dim[]>, here: Scope, span: Span, what: string): CValue | undefined {
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
  function hasWeights(layer: LayerItem, seen: Set<string>): boolean {
    if (seen.has(layer.name.text)) return false;
    seen.add(layer.name.text);
    return weightsOf(layer).length > 0 || usesIn(written(layer.body), n => layers.has(n)).some(u => { const l = layers.get(u.callee.text); return l !== undefined && hasWeights(l, seen); });
  }

  // ── scans ─────────────────────────────────────────────────────────────────────────────────────

  function scan(e: Extract<Expr, { kind: 'scan' }>, here: Scope): CValue {
    const over = e.over.map(x => evaluate(w, x, here));
    const starts = e.carry.map(c => evaluate(w, c.init, here));
    if ([...over, ...starts].some(v => v.kind === 'unknown')) return unknown;
    const sequences = over.filter(v => v.kind === 'tensor');
    if (sequences.length !== over.length || e.names.length !== over.length) { report.error('B027', `${e.names.length} names over ${over.length} sequences, which are tensors`, e.span); return unknown; }
    const extent = sequences[0]?.shape[e.axis];
    const odd = sequences.find(t => t.shape[e.axis] !== extent);
    if (typeof extent !== 'number' || odd) { report.error('B010', typeof extent === 'number' ? `the sequences differ along axis ${e.axis}` : `axis ${e.axis} is no axis of known length`, e.span, { notes: sequences.map(t => ({ message: `this is ${showShape(t.shape)}`, span: t.span })) }); return unknown; }
    const init0 = starts.map((v, i) => (v.kind === 'number' ? make.constant(v.value, e.carry[i]?.name.span ?? e.span) : v)).filter(v => v.kind === 'tensor');
    if (init0.length !== starts.length) { report.error('B006', 'a carried value starts as a tensor', e.span); return unknown; }
    const index = d.scans.length;
    d.scans.push({ axis: e.axis, extent, reverse: e.reverse, over: [], elements: [], init: [], carries: [], next: [], yields: 0 as ValueId, body: [], origin: [e.span, ...around] }); // replaced below, when the body is known
    const first = d.values.length;
    const names = new Map<string, { value: CValue; span: Span; used: boolean }>();
    const argument = (what: 'element' | 'carry', at: number, t: Tensor, shape: Shape, n: Name): Tensor => ({ kind: 'tensor', shape, type: t.type, span: n.span, ...(t.classes === undefined ? {} : { classes: t.classes }), id: add({ kind: 'scanArgument', scan: index, what, index: at, shape, type: t.type, origin: [n.span, ...around] }) });
    const inner: Scope = { ...here, names, parent: here };
    scansAround++;
    const elements = sequences.map((t, i) => { const n = e.names[i] ?? { text: '', span: e.span }; const x = argument('element', i, t, t.shape.filter((_, a) => a !== e.axis), n); define(n, x, inner, true); return x; });
    const carries = init0.map((t, i) => { const n = e.carry[i]?.name ?? { text: '', span: e.span }; const x = argument('carry', i, t, t.shape, n); define(n, x, inner, true); return x; });
    const assigned = new Map<string, Tensor>();
    for (const s of e.body) {
      const name = s.kind === 'let' && s.names.length === 1 ? s.names[0]?.text : undefined;
      const at = e.carry.findIndex(c => c.name.text === name);
      if (s.kind !== 'let' || at < 0 || name === undefined) { statement(s, inner, 'scan'); continue; }
      const v = evaluate(w, s.value, inner);
      const was = carries[at];
      if (!was) continue;
      if (v.kind === 'unknown') { assigned.set(name, was); continue; }
      if (v.kind !== 'tensor' || !sameShape(v.shape, was.shape)) { report.error('B021', `'${name}' is carried as ${showShape(was.shape)}, and this is ${describe(v)}`, s.value.span, { notes: [{ message: 'it starts here', span: e.carry[at]?.name.span ?? e.span }] }); assigned.set(name, was); continue; }
      assigned.set(name, v);
      names.set(name, { value: v, span: s.span, used: true });
    }
    const y = evaluate(w, e.yields, inner);
    scansAround--;
    if (y.kind !== 'tensor') { if (y.kind !== 'unknown') report.error('B006', `a scan yields a tensor, and this is ${describe(y)}`, e.yields.span); return unknown; }
    const next = e.carry.map((c, i) => {
      const v = assigned.get(c.name.text);
      if (!v) report.error('B021', `'${c.name.text}' is carried but never assigned in the body`, c.name.span);
      return v ?? carries[i];
    });
    const outer = new Set(['variable', 'input', 'target', 'constant']);
    const body = d.values.flatMap((v, i) => (i >= first && !outer.has(v.kind) ? [i as ValueId] : [])); // a ValueId is the position
    d.scans[index] = {
      axis: e.axis, extent, reverse: e.reverse, over: sequences.map(t => t.id), elements: elements.map(t => t.id), init: init0.map(t => t.id), carries: carries.map(t => t.id),
      next: next.flatMap(t => (t ? [t.id] : [])), yields: y.id, body, origin: [e.span, ...around],
    };
    const result = (what: 'carry' | 'yield', at: number, shape: Shape): Tensor => ({ kind: 'tensor', shape, type: 'float', span: e.span, id: add({ kind: 'scanResult', scan: index, what, index: at, shape, type: 'float', origin: [e.span, ...around] }) });
    const fields = Object.fromEntries(e.carry.map((c, i) => [c.name.text, result('carry', i, carries[i]?.shape ?? [])]));
    return { ...result('yield', 0, [...y.shape.slice(0, e.axis), extent, ...y.shape.slice(e.axis)]), fields };
  }

  // ── the whole ─────────────────────────────────────────────────────────────────────────────────

  function finish(here: Scope): void {
    const readBy = new Set(d.values.flatMap(v => (v.kind === 'apply' ? v.args : [])));
    for (const p of d.ports.values()) {
      const used = p.used || here.names.get(p.name)?.used === true || readBy.has(p.tensor.id) || d.losses.includes(p.tensor.id) || d.scans.some(s => s.over.includes(p.tensor.id));
      if (p.role === 'target' && !used) report.error('B015', `nothing is trained on the target '${p.name}'`, p.span, { suggestion: `loss mse(…, ${p.name}) or observe ${p.name} ~ …` });
      if (p.role === 'input' && !used) report.warn('W001', `the input '${p.name}' is never used`, p.span);
    }
    for (const [n, b] of here.names) if (!b.used && !isModal && !d.ports.has(n)) report.warn('W001', `'${n}' is never used`, b.span);
    if (d.outputs.length === 0 && d.losses.length === 0 && d.observations.length === 0 && !report.diagnostics.some(x => x.severity === 'error')) report.error('B023', `the model '${item.name.text}' has nothing to compute`, item.name.span, { suggestion: 'output p gives a prediction, loss … or observe … trains it' });
  }
}

/** Statements with those inside repeats. */
const written = (body: readonly Statement[]): readonly Statement[] => body.flatMap(s => (s.kind === 'repeat' ? written(s.body) : [s]));
/** Whether a name stands anywhere in a tree of records and arrays. */
function mentions(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if ('kind' in node && node.kind === 'name' && 'name' in node && (node.name as Name).text === name) return true; // a name expression has a Name
  return Object.values(node).some(x => mentions(x, name));
}
/** Families whose divergence from a normal has a closed form. */
const closedForm: ReadonlySet<string> = new Set(Object.entries(builtIn).filter(([, f]) => f.klFromNormal).map(([n]) => n));
/** A fan is divided by, and a half is meant as a half. */
const fraction = (value: number): CValue => ({ kind: 'number', value, whole: false });
const dimText = (x: TensorType['dims'][number]): string => (x.kind === 'rest' ? '...' : x.kind === 'name' ? x.name.text : x.kind === 'number' ? x.text : '…');
