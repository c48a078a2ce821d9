/** What is random or kept but no weight: `draw`, `state` and `update`. */
import type { Span, Statement } from '../1-syntax/ast.ts';
import { nearest } from '../suggest.ts';
import type { Elaboration } from './context.ts';
import { condition, dim, evaluate } from './expressions.ts';
import { init } from './families.ts';
import type { Dim } from './model.ts';
import { define } from './names.ts';
import { drawn } from './random.ts';
import { didYouMean } from './report.ts';
import type { Scope } from './scope.ts';
import { broadcast, sameShape } from './shapes.ts';
import { describe, showShape, unknown } from './values.ts';
import type { Tensor } from './values.ts';
import { numbers, declare } from './weights.ts';

/** Keeps a tensor that does not train. */
export function state(c: Elaboration, s: Extract<Statement, { kind: 'state' }>, here: Scope): void {
  const { report, w } = c;
  const wanted = s.condition === undefined ? true : condition(w, s.condition, here);
  const shape = numbers(c, s.dims, here);
  if (wanted === false) { define(c, s.name, { kind: 'none' }, here, true); return; }
  const start = s.init ? init(report, s.init, e => evaluate(w, e, here)) : { mean: 0, sd: 0 };
  if (!shape || !start || wanted === undefined) { define(c, s.name, unknown, here, true); return; }
  c.now.isModal = true;
  declare(c, [...here.path, s.name.text].join('.'), s.name, here, shape, path => ({ kind: 'state', path, shape, init: start, ...(s.doc ? { doc: s.doc.text } : {}), origin: [s.span, ...c.now.around] }));
}

export function update(c: Elaboration, s: Extract<Statement, { kind: 'update' }>, here: Scope): void {
  const { report, d, w, make, mode } = c;
  c.now.isModal = true;
  const path = [...here.path, s.name.text].join('.');
  const kept = d.variables.get(path);
  if (kept?.variable.kind !== 'state') {
    const known = [...d.variables.values()].flatMap(v => (v.variable.kind === 'state' && v.layer === here.path.join('.') ? [v.variable.path.split('.').at(-1) ?? ''] : []));
    report.error('B036', `there is no state '${s.name.text}' here`, s.name.span, { suggestion: didYouMean(nearest(s.name.text, known)) ?? `state ${s.name.text}: [...] = 0 declares one` });
    return;
  }
  if (c.now.scansAround > 0) { report.error('B035', "an 'update' can't stand in a scan", s.span, { suggestion: 'update it with what the scan gives' }); return; }
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
export function draw(c: Elaboration, s: Extract<Statement, { kind: 'draw' }>, here: Scope): void {
  const { report, d, w, mode } = c;
  if (!s.always) c.now.isModal = true;
  const dims = s.dims.flatMap((x): (Dim | undefined)[] => (x.kind === 'rest' ? restOf(c, here, x.span) : [dim(w, x, here)]));
  const shape = dims.filter(x => x !== undefined);
  if (shape.length !== dims.length) { define(c, s.name, unknown, here, true); return; }
  if (shape.filter(x => x === 'batch').length > 1) { report.error('B009', `${showShape(shape)} has the batch twice`, s.span); define(c, s.name, unknown, here, true); return; }
  if (c.now.scansAround > 0) { report.error('B035', "a 'draw' can't stand in a scan, where each step would draw the same", s.span, { suggestion: 'draw it before the scan, with an axis for the steps, and scan over it' }); define(c, s.name, unknown, here, true); return; }
  const path = [...here.path, s.name.text].join('.');
  const noise = (family: 'normal' | 'uniform'): Tensor => {
    const ordinal = (d.draws.get(path) ?? 0) + 1;
    d.draws.set(path, ordinal);
    return { kind: 'tensor', shape, type: 'float', span: s.span, id: c.add({ kind: 'noise', path: `draw ${path}${ordinal > 1 ? ` ${ordinal}` : ''}`, family, shape, type: 'float', origin: [s.span, ...c.now.around] }) };
  };
  define(c, s.name, drawn(w, s.family, shape, here, mode === 'prediction' && !s.always ? undefined : noise) ?? unknown, here, true);
}

function restOf(c: Elaboration, here: Scope, span: Span): (Dim | undefined)[] {
  const { report } = c;
  for (let s: Scope | undefined = here; s; s = s.parent) if (s.rest?.dims) return [...s.rest.dims];
  return [report.error('B008', "'...' stands for dimensions of the layer's signature, which has none", span)];
}
