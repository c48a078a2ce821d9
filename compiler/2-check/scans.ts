/** A scan: its body written down once, with an argument for each element and each carried value. */
import type { Expr, Name, Span } from '../1-syntax/ast.ts';
import type { Elaboration } from './context.ts';
import { evaluate } from './expressions.ts';
import type { Shape, ValueId } from './model.ts';
import { define } from './names.ts';
import type { Scope } from './scope.ts';
import { sameShape } from './shapes.ts';
import { statement } from './statements.ts';
import { describe, showShape, unknown } from './values.ts';
import type { CValue, Tensor } from './values.ts';

export function scan(c: Elaboration, e: Extract<Expr, { kind: 'scan' }>, here: Scope): CValue {
  const { report, d, w, make } = c;
  // a loop in a loop is not differentiated yet
  if (c.now.scansAround > 0) { report.error('B035', 'a scan can\'t stand in a scan yet, nor a layer that has one', e.span, { suggestion: 'where the inner steps do not need what the outer carry, scan before the outer scan, over all of them at once' }); return unknown; }
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
  d.scans.push({ axis: e.axis, extent, reverse: e.reverse, over: [], elements: [], init: [], carries: [], next: [], yields: 0 as ValueId, body: [], origin: [e.span, ...c.now.around] }); // replaced below, when the body is known
  const first = d.values.length;
  const names = new Map<string, { value: CValue; span: Span; used: boolean }>();
  const argument = (what: 'element' | 'carry', at: number, t: Tensor, shape: Shape, n: Name): Tensor => ({ kind: 'tensor', shape, type: t.type, span: n.span, ...(t.classes === undefined ? {} : { classes: t.classes }), id: c.add({ kind: 'scanArgument', scan: index, what, index: at, shape, type: t.type, origin: [n.span, ...c.now.around] }) });
  const inner: Scope = { ...here, names, parent: here };
  c.now.scansAround++;
  const elements = sequences.map((t, i) => { const n = e.names[i] ?? { text: '', span: e.span }; const x = argument('element', i, t, t.shape.filter((_, a) => a !== e.axis), n); define(c, n, x, inner, true); return x; });
  const carries = init0.map((t, i) => { const n = e.carry[i]?.name ?? { text: '', span: e.span }; const x = argument('carry', i, t, t.shape, n); define(c, n, x, inner, true); return x; });
  const assigned = new Map<string, Tensor>();
  for (const s of e.body) {
    const name = s.kind === 'let' && s.names.length === 1 ? s.names[0]?.text : undefined;
    const at = e.carry.findIndex(c => c.name.text === name);
    const several = s.kind === 'let' && s.names.length > 1 ? s.names.filter(n => e.carry.some(x => x.name.text === n.text)) : [];
    if (several.length > 0) {
      report.error('B021', `${several.map(n => `'${n.text}'`).join(', ')} ${several.length > 1 ? 'are' : 'is'} carried, and a carried value is assigned by itself`, s.span, { suggestion: `give the values new names, and then write ${several.map(n => `${n.text} = …`).join(', ')}` });
      several.forEach(n => { const own = carries[e.carry.findIndex(x => x.name.text === n.text)]; if (own) assigned.set(n.text, own); });
      continue;
    }
    if (s.kind !== 'let' || at < 0 || name === undefined) { statement(c, s, inner, 'scan'); continue; }
    const v = evaluate(w, s.value, inner);
    const was = carries[at];
    if (!was) continue;
    if (v.kind === 'unknown') { assigned.set(name, was); continue; }
    if (v.kind !== 'tensor' || !sameShape(v.shape, was.shape)) { report.error('B021', `'${name}' is carried as ${showShape(was.shape)}, and this is ${describe(v)}`, s.value.span, { notes: [{ message: 'it starts here', span: e.carry[at]?.name.span ?? e.span }] }); assigned.set(name, was); continue; }
    assigned.set(name, v);
    names.set(name, { value: v, span: s.span, used: true });
  }
  const y = evaluate(w, e.yields, inner);
  c.now.scansAround--;
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
    next: next.flatMap(t => (t ? [t.id] : [])), yields: y.id, body, origin: [e.span, ...c.now.around],
  };
  const result = (what: 'carry' | 'yield', at: number, shape: Shape): Tensor => ({ kind: 'tensor', shape, type: 'float', span: e.span, id: c.add({ kind: 'scanResult', scan: index, what, index: at, shape, type: 'float', origin: [e.span, ...c.now.around] }) });
  const fields = Object.fromEntries(e.carry.map((c, i) => [c.name.text, result('carry', i, carries[i]?.shape ?? [])]));
  return { ...result('yield', 0, [...y.shape.slice(0, e.axis), extent, ...y.shape.slice(e.axis)]), fields };
}
