/** What each statement of a body does: names are defined, ports, outputs and losses written down, layers and weights handed on. */
import type { Expr, FamilyItem, FamilyUse, Name, Repeat, Span, Statement, TensorType } from '../1-syntax/ast.ts';
import { nearest } from '../suggest.ts';
import { limits, unsafe } from './context.ts';
import type { Elaboration } from './context.ts';
import { condition, dim, evaluate } from './expressions.ts';
import { distribution, init } from './families.ts';
import { state, update, draw } from './kept.ts';
import type { Port } from './model.ts';
import { define, checkPaths } from './names.ts';
import { observed } from './observe.ts';
import { familyArguments, method } from './random.ts';
import { didYouMean } from './report.ts';
import { lookup, pathsOf, usesIn } from './scope.ts';
import type { Scope } from './scope.ts';
import { broadcast, sameShape } from './shapes.ts';
import { describe, showShape, unknown } from './values.ts';
import type { CValue, Tensor } from './values.ts';
import { numbers, weight, declare, settingFor } from './weights.ts';

export function statement(c: Elaboration, s: Statement, here: Scope, where: 'model' | 'layer' | 'scan', repeated = false): void {
  const { report, d, w, make, families } = c;
  const only = (places: readonly string[], what: string): boolean => {
    if (places.includes(where)) return true;
    report.error('B028', `${what} does not belong into a ${where}`, s.span);
    return false;
  };
  switch (s.kind) {
    case 'input': case 'target': if (only(['model'], `'${s.kind}'`)) port(c, s.kind, s.name, s.type, here, s.doc?.text); break;
    case 'weight': if (only(['model', 'layer'], "'weight'")) weight(c, s, here); break;
    case 'param': if (only(['model', 'layer'], "'param'")) {
      const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
      const shape = numbers(c, s.dims, here);
      if (wanted === false) { define(c, s.name, { kind: 'none' }, here, true); break; }
      const start = s.init ? init(report, s.init, e => evaluate(w, e, here)) : { mean: 0, sd: 0 };
      if (!shape || !start || wanted === undefined) { define(c, s.name, unknown, here, true); break; }
      const fixed = settingFor(here, s.name.text, 'fixed') !== undefined;
      declare(c, [...here.path, s.name.text].join('.'), s.name, here, shape, path => ({ kind: 'param', path, shape, init: start, fixed, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...c.now.around] }));
    } break;
    case 'setting': if (where === 'scan') only([], 'a setting'); break;
    case 'state': if (only(['model', 'layer'], "'state'")) state(c, s, here); break;
    case 'update': if (only(['model', 'layer'], "'update'")) update(c, s, here); break;
    case 'draw': if (only(['model', 'layer'], "'draw'")) draw(c, s, here); break;
    case 'repeat': if (only(['model', 'layer'], "'repeat'")) repeat(c, s, here, where === 'scan' ? 'layer' : where); break;
    case 'let': lets(c, s.names, evaluate(w, s.value, here), s.value, here, repeated); break;
    case 'output': if (only(['model'], "'output'")) output(c, s, here); break;
    case 'loss': if (only(['model'], "'loss'")) {
      const v = evaluate(w, s.value, here);
      const t = v.kind === 'number' ? make.constant(v.value, s.value.span) : v;
      if (t.kind === 'tensor' && t.type === 'float' && t.shape.length === 0) d.losses.push(t.id);
      else if (t.kind !== 'unknown') report.error('B017', `a loss is one number, and this is ${describe(t)}`, s.value.span, { suggestion: t.kind === 'tensor' ? 'mean(…) or sum(…) makes one number of it' : undefined });
    } break;
    case 'observe': if (only(['model'], "'observe'")) {
      const p = d.ports.get(s.target.text);
      if (p?.role !== 'target') { report.error('B001', `there is no target '${s.target.text}'`, s.target.span, { suggestion: didYouMean(nearest(s.target.text, [...d.ports.values()].filter(x => x.role === 'target').map(x => x.name))) }); break; }
      p.used = true;
      const own = families.get(s.family.name.text);
      if (own) { observeOwn(c, own, p, s.family, here, s.span); break; }
      const family = distribution(report, s.family, 'likelihood', e => evaluate(w, e, here), [...families.keys()]);
      const o = family ? observed(report, p, family, id => d.values[id]?.shape ?? [], s.span) : undefined;
      if (o) d.observations.push(o);
    } break;
    case 'return': if (where !== 'layer') only([], "'return'"); break;
  }
}

function port(c: Elaboration, role: 'input' | 'target', n: Name, type: TensorType, here: Scope, doc: string | undefined): void {
  const { report, d, w } = c;
  const dims = type.dims.map(x => (x.kind === 'rest' ? report.error('B008', "'...' belongs into a layer's signature", x.span) : dim(w, x, here)));
  const classes = type.classes ? evaluate(w, type.classes, here) : undefined;
  const shape = dims.filter(x => x !== undefined);
  if (shape.length !== dims.length) { define(c, n, unknown, here, true); return; }
  if (shape.filter(x => x === 'batch').length > 1) { report.error('B009', `${showShape(shape)} has the batch twice`, type.span); define(c, n, unknown, here, true); return; }
  if (classes && !(classes.kind === 'number' && Number.isInteger(classes.value) && classes.value > 1)) { if (classes.kind !== 'unknown') report.error('B006', `a number of classes is a whole number above 1, and this is ${describe(classes)}`, type.span); define(c, n, unknown, here, true); return; }
  const count = classes?.kind === 'number' ? classes.value : undefined;
  const element = count === undefined ? 'float' : 'class';
  const id = c.add({ kind: role, name: n.text, shape, type: element, origin: [n.span] });
  const tensor: Tensor = { kind: 'tensor', id, shape, type: element, span: n.span, ...(count === undefined ? {} : { classes: count }) };
  d.ports.set(n.text, { name: n.text, shape, type: element, span: n.span, role, tensor, used: false, ...(count === undefined ? {} : { classes: count }), ...(doc === undefined ? {} : { doc }) });
  define(c, n, tensor, here);
}

function lets(c: Elaboration, names: readonly Name[], value: CValue, e: Expr, here: Scope, repeated: boolean): void {
  const { report } = c;
  if (repeated) {
    const outer = names.map(n => (here.names.has(n.text) || here.parent === undefined ? undefined : lookup(here.parent, n.text)));
    const items = names.length === 1 ? [value] : value.kind === 'list' && value.items.length === names.length ? value.items : undefined;
    if (items && outer.some(o => o !== undefined) && !(names.length === 1 && value.kind === 'list')) {
      names.forEach((n, i) => { const o = outer[i]; const v = items[i] ?? unknown; if (o) { o.value = v; o.used = true; } else define(c, n, v, here); });
      return;
    }
  }
  const [first] = names;
  if (names.length === 1 && first) {
    if (value.kind === 'list') { report.error('B027', `these are ${value.items.length} values`, e.span, { suggestion: `give each a name: ${value.items.map((_, i) => `${first.text}${i + 1}`).join(', ')} = …` }); define(c, first, unknown, here, true); } else define(c, first, value, here);
    return;
  }
  if (value.kind !== 'list' || value.items.length !== names.length) {
    if (value.kind !== 'unknown') report.error('B027', `${names.length} names for ${value.kind === 'list' ? `${value.items.length} values` : 'one value'}`, e.span);
    names.forEach(n => define(c, n, unknown, here, true));
    return;
  }
  names.forEach((n, i) => define(c, n, value.items[i] ?? unknown, here));
}

function output(c: Elaboration, s: Extract<Statement, { kind: 'output' }>, here: Scope): void {
  const { report, d, w, make } = c;
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

/** The body written out so many times; each turn has paths of its own, and names of outside that it defines again are carried on. */
function repeat(c: Elaboration, s: Repeat, here: Scope, where: 'model' | 'layer'): void {
  const { report, w, layers } = c;
  const count = evaluate(w, s.count, here);
  if (count.kind === 'unknown') return;
  if (count.kind !== 'number' || !Number.isInteger(count.value) || count.value < 0) { report.error('B006', `a number of repeats is a whole number, and this is ${describe(count)}`, s.count.span); return; }
  if (count.value > limits.values) { report.error('B024', `${count.value} repeats are more than ${limits.values}`, s.count.span); return; }
  const uses = usesIn(s.body, n => layers.has(n));
  for (let turn = 1; turn <= count.value && !c.now.full; turn++) {
    const names = new Map<string, { value: CValue; span: Span; used: boolean }>();
    const inner: Scope = { ...here, names, parent: here, uses: pathsOf(uses), path: [...here.path, `${s.as?.text ?? 'repeat'}${turn}`] };
    if (turn === 1) checkPaths(c, uses, inner, s.body);
    for (const x of s.body) statement(c, x, inner, where, true);
    if (turn === 1 && report.diagnostics.some(x => x.severity === 'error')) return;
  }
}

/** A likelihood that the author wrote. */
function observeOwn(c: Elaboration, family: FamilyItem, port: Port & { readonly tensor: Tensor }, use: FamilyUse, here: Scope, span: Span): void {
  const { report, d, w } = c;
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
  const eps: Tensor | undefined = draws ? { kind: 'tensor', shape: port.shape, type: 'float', span, id: c.add({ kind: 'noise', path: `observe ${port.name}`, family: 'normal', shape: port.shape, type: 'float', origin: [span] }) } : undefined;
  const made = eps ? method(w, family, 'draw', names, eps, use) : undefined;
  d.observations.push({ target: port.name, distribution: { family: 'custom', name: family.name.text, parameters: {}, span: use.span }, span, custom: { density: density.id, ...(made ? { draw: made.id } : {}) } });
}
