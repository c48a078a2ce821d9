/**
 * One model, written out: every layer use in place, every name looked up, every weight declared under its path. Imagine
 * reading the body aloud and writing down each tensor as a numbered value.
 */
import type { ModelItem, Name } from '../1-syntax/ast.ts';
import { limits } from './context.ts';
import type { Definitions, Draft, Elaboration, Mode } from './context.ts';
import { checkEstimators } from './estimators.ts';
import type { World } from './expressions.ts';
import { useLayer } from './layers.ts';
import type { Model, Port, ValueId } from './model.ts';
import { checkPaths } from './names.ts';
import { warnOfProbabilities } from './logits.ts';
import type { Report } from './report.ts';
import { scan } from './scans.ts';
import { pathsOf, usesIn } from './scope.ts';
import type { Scope } from './scope.ts';
import { statement } from './statements.ts';
import { showShape } from './values.ts';
import type { CValue, Make } from './values.ts';

/** The model as it trains, with its two other forms where they differ. */
export function elaborate(report: Report, item: ModelItem, definitions: Definitions, args: ReadonlyMap<string, CValue>, nameOfModel: Name): Model {
  const first = writeOut(report, item, definitions, args, nameOfModel, 'training');
  if (report.diagnostics.some(x => x.severity === 'error')) return first.model;
  // what differs is said once
  const other = (mode: Mode): Model => writeOut({ ...report, warn: () => undefined }, item, definitions, args, nameOfModel, mode).model;
  return {
    ...first.model,
    ...(first.isModal || first.isEstimated ? { prediction: other('prediction') } : {}),
    ...(first.isEstimated ? { shared: other('shared') } : {}),
  };
}

function writeOut(report: Report, item: ModelItem, definitions: Definitions, args: ReadonlyMap<string, CValue>, nameOfModel: Name, mode: Mode): { readonly model: Model; readonly isModal: boolean; readonly isEstimated: boolean } {
  const { layers } = definitions;
  const d: Draft = { values: [], variables: new Map(), scans: [], ports: new Map(), outputs: [], observations: [], losses: [], updates: [], uses: new Map(), later: [], draws: new Map() };
  const now: Elaboration['now'] = { full: false, around: [], isModal: false, isEstimated: false, scansAround: 0 };
  report.within = () => now.around;
  const add: Elaboration['add'] = v => {
    if (d.values.length >= limits.values && !now.full) { now.full = true; report.error('B024', `this model has more than ${limits.values} values`, item.name.span); }
    return (now.full ? 0 : d.values.push(v) - 1) as ValueId; // a ValueId is the position
  };
  const make: Make = {
    apply(fn, tensors, attributes, shape, type, span) {
      const elements = shape.reduce<number>((n, e) => (e === 'batch' ? n : n * e), 1);
      if (elements > limits.elements) report.error('B024', `a tensor ${showShape(shape)} has more than 2^31 elements`, span);
      return { kind: 'tensor', shape, type, span, id: add({ kind: 'apply', fn, args: tensors.map(t => t.id), attributes, shape, type, origin: [span, ...now.around] }) };
    },
    constant: (value, span) => ({ kind: 'tensor', shape: [], type: 'float', span, id: add({ kind: 'constant', value, shape: [], type: 'float', origin: [span, ...now.around] }) }),
  };
  const w: World = {
    report, make, isLayer: n => layers.has(n), layerNames: () => [...layers.keys()],
    useLayer: (...of) => useLayer(c, ...of), scan: (...of) => scan(c, ...of), training: () => { now.isModal = true; return mode !== 'prediction'; },
  };
  const c: Elaboration = { ...definitions, report, item, mode, d, w, make, add, now };

  const uses = usesIn(item.body, n => layers.has(n));
  const settings = item.body.flatMap(s => (s.kind === 'setting' ? [s] : []));
  const scope: Scope = { names: new Map(), parent: undefined, uses: pathsOf(uses), path: [], settings: [], depth: 0, around: [] };
  for (const [n, v] of args) scope.names.set(n, { value: v, span: item.parameters.find(p => p.name.text === n)?.name.span ?? item.name.span, used: true });
  const inside: Scope = { ...scope, settings: [{ settings, scope }] };
  checkPaths(c, uses, inside, item.body);
  for (const s of item.body) statement(c, s, inside, 'model');
  const body = d.values.slice();
  d.later.forEach(f => { f(); });
  finish(c, inside);
  if (mode === 'training') warnOfProbabilities(report, d.values, d.observations);
  const variables = [...d.variables.values()].map(v => v.variable);
  if (mode === 'training') checkEstimators(report, variables, body, d.scans);
  const portsOf = (role: 'input' | 'target'): readonly Port[] => [...d.ports.values()].filter(p => p.role === role)
    .map(({ name, shape, type, classes, doc, span }) => ({ name, shape, type, span, ...(classes === undefined ? {} : { classes }), ...(doc === undefined ? {} : { doc }) }));
  const model: Model = {
    name: nameOfModel.text, ...(item.doc ? { doc: item.doc.text } : {}),
    inputs: portsOf('input'), targets: portsOf('target'), variables, values: d.values, scans: d.scans,
    outputs: d.outputs, observations: d.observations, losses: d.losses, updates: d.updates, span: item.span,
  };
  return { model, isModal: now.isModal, isEstimated: now.isEstimated };
}

/** What is known only at the end: ports and names that nothing uses, a model that computes nothing. */
function finish({ report, d, item, now, mode }: Elaboration, here: Scope): void {
  const readBy = new Set(d.values.flatMap(v => (v.kind === 'apply' ? v.args : [])));
  for (const p of d.ports.values()) {
    const used = p.used || here.names.get(p.name)?.used === true || readBy.has(p.tensor.id) || d.losses.includes(p.tensor.id) || d.scans.some(s => s.over.includes(p.tensor.id));
    if (p.role === 'target' && !used && mode !== 'prediction') report.error('B015', `nothing is trained on the target '${p.name}'`, p.span, { suggestion: `loss mse(…, ${p.name}) or observe ${p.name} ~ …` });
    if (p.role === 'input' && !used) report.warn('W001', `the input '${p.name}' is never used`, p.span);
  }
  // what training does not use may be for prediction
  for (const [n, b] of here.names) if (!b.used && !now.isModal && !d.ports.has(n)) report.warn('W001', `'${n}' is never used`, b.span);
  if (d.outputs.length === 0 && d.losses.length === 0 && d.observations.length === 0 && !report.diagnostics.some(x => x.severity === 'error')) report.error('B023', `the model '${item.name.text}' has nothing to compute`, item.name.span, { suggestion: 'output p gives a prediction, loss … or observe … trains it' });
}
