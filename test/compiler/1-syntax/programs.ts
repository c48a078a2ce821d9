/**
 * Programs made up from the grammar, for properties. Imagine dice thrown at every choice of the grammar: what comes out
 * means nothing, but every form of every statement and expression occurs, at every place where it may stand.
 */
import fc from 'fast-check';
import type { Argument, Call, DimItem, Expr, FamilyUse, IndexItem, Item, Name, Parameter, Program, Scan, Setting, SettingStatement, Span, Statement, TensorType } from '../../../compiler/1-syntax/ast.ts';

/** Made-up trees stand nowhere. */
const span: Span = { file: 'made-up.bnn', start: 0, end: 0 };

/** Removes what depends on where things stand: spans, and the offsets of empty lines. */
export function withoutSpans(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutSpans);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).filter(([key]) => key !== 'span' && key !== 'pathSpan' && key !== 'blankBefore' && key !== 'file').map(([key, value]) => [key, withoutSpans(value)]));
}

// Words with a place of their own are names too.
const name: fc.Arbitrary<Name> = fc.constantFrom('x', 'y', 'h', 'linear', 'batch', 'n2', '_a', 'axis', 'over', 'reverse', 'sampled', 'point', 'Mlp').map(text => ({ text, span }));
const label: fc.Arbitrary<Name> = fc.constantFrom('k', 'axis', 'weight', 'T', 'if', 'state', 'with', 'draw').map(text => ({ text, span }));
const doc = fc.array(fc.constantFrom('Says what it is.', '', '  indented', '/ slash', 'ünïcode 😀'), { minLength: 1, maxLength: 3 }).map(lines => ({ text: lines.join('\n'), span }));
const number: fc.Arbitrary<Expr> = fc.constantFrom('0', '13', '1_000', '0.5', '1e-3', '2.5E+10').map(text => ({ kind: 'number', value: Number(text.replaceAll('_', '')), text, span }));
const binaryOp = fc.constantFrom('+', '-', '*', '/', '@', '**', '==', '!=', '<', '<=', '>', '>=', 'and', 'or');

const optional = <K extends string, T>(key: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ readonly [P in K]?: T }> =>
  // A computed key has the type of an index signature, so the record is named.
  fc.option(value, { nil: undefined }).map(v => (v === undefined ? {} : { [key]: v }) as { readonly [P in K]?: T });
const few = <T>(value: fc.Arbitrary<T>, minLength = 0): fc.Arbitrary<readonly T[]> => fc.array(value, { minLength, maxLength: minLength + 2, depthIdentifier: 'tree' });
const merge = <T extends object>(...parts: fc.Arbitrary<object>[]): fc.Arbitrary<T> =>
  fc.tuple(...parts).map(all => Object.assign({ span }, ...all) as T); // each use names the record that its parts make up

// A type, not an interface: fast-check wants an index signature.
type Forms = { readonly expr: Expr; readonly call: Call; readonly family: FamilyUse; readonly argument: Argument; readonly scan: Scan; readonly statement: Statement; readonly setting: Setting; readonly entry: SettingStatement };

const forms = fc.letrec<Forms>(tie => {
  const expr = tie('expr');
  const item: fc.Arbitrary<IndexItem> = fc.oneof(
    expr.map((value): IndexItem => ({ kind: 'at', value, span })),
    fc.constant<IndexItem>({ kind: 'rest', span }),
    merge<IndexItem>(fc.constant({ kind: 'slice' }), optional('from', expr), optional('to', expr), optional('step', expr)),
  );
  const leaf: fc.Arbitrary<Expr> = fc.oneof(
    number,
    fc.boolean().map((value): Expr => ({ kind: 'bool', value, span })),
    fc.constant<Expr>({ kind: 'none', span }),
    fc.constantFrom('ij,jk->ik', '', 'a // b').map((value): Expr => ({ kind: 'string', value, span })),
    name.map((n): Expr => ({ kind: 'name', name: n, span })),
  );
  return {
    expr: fc.oneof({ depthSize: 'small', withCrossShrink: true, depthIdentifier: 'tree' },
      { weight: 4, arbitrary: leaf },
      { weight: 4, arbitrary: fc.tuple(binaryOp, expr, expr).map(([op, left, right]): Expr => ({ kind: 'binary', op: op as never, left, right, span })) }, // one of the signs above
      fc.tuple(expr, expr, expr).map(([condition, then, otherwise]): Expr => ({ kind: 'conditional', condition, then, otherwise, span })),
      { weight: 2, arbitrary: fc.tuple(expr, fc.oneof(tie('call'), name.map((callee): Call => ({ kind: 'call', callee, args: [], bare: true, span })))).map(([value, use]): Expr => ({ kind: 'pipe', value, use, span })) },
      fc.tuple(fc.constantFrom('-', 'not'), expr).map(([op, value]): Expr => ({ kind: 'unary', op: op as '-', value, span })), // one of the two
      tie('call').map((c): Expr => ({ ...c, bare: false })),
      fc.tuple(expr, few(item)).map(([value, items]): Expr => ({ kind: 'index', value, items, span })),
      fc.tuple(expr, label).map(([value, n]): Expr => ({ kind: 'field', value, name: n, span })),
      few(expr, 1).map((items): Expr => ({ kind: 'tuple', items, span })),
      fc.tuple(fc.constantFrom('zeros', 'ones'), few(expr)).map(([what, dims]): Expr => ({ kind: 'fill', what: what as 'zeros', dims, span })), // one of the two
      tie('scan'),
    ),
    argument: merge<Argument>(optional('label', label), expr.map(value => ({ value }))),
    call: merge<Call>(
      fc.tuple(name, few(tie('argument'))).map(([callee, args]) => ({ kind: 'call', callee, args, bare: false })),
      optional('settings', few(tie('entry'))),
      optional('as', fc.record({ name, again: fc.boolean() })),
    ),
    family: fc.tuple(name, few(tie('argument'))).map(([n, args]) => ({ kind: 'family', name: n, args, span })),
    setting: fc.oneof(
      fc.tuple(fc.constantFrom('prior', 'posterior', 'estimator'), tie('family')).map(([kind, family]): Setting => ({ kind: kind as 'prior', family, span })), // one of the three
      fc.constantFrom('sampled', 'exact').map((how): Setting => ({ kind: 'kl', how: how as 'exact', span })), // one of the two
      fc.constantFrom<Setting>({ kind: 'frozen', span }, { kind: 'fixed', span }),
    ),
    entry: merge<SettingStatement>(tie('setting').map(setting => ({ kind: 'setting', setting, isDefault: false })), optional('weight', name)),
    scan: fc.record({
      kind: fc.constant('scan' as const), names: few(name, 1), over: few(expr, 1), axis: fc.integer({ min: -3, max: 3 }).map(n => n + 0), reverse: fc.boolean(),
      carry: few(fc.record({ name, init: expr }), 1), body: few(tie('statement')), yields: expr, span: fc.constant(span),
    }),
    statement: fc.oneof(
      { weight: 3, arbitrary: merge<Statement>(fc.tuple(few(name, 1), expr).map(([names, value]) => ({ kind: 'let', names, value })), optional('doc', doc)) },
      merge<Statement>(fc.tuple(fc.constantFrom('input', 'target'), name, tensorType(expr)).map(([kind, n, type]) => ({ kind, name: n, type })), optional('doc', doc)),
      merge<Statement>(fc.tuple(name, dims(expr)).map(([n, d]) => ({ kind: 'weight', name: n, dims: d })), optional('prior', tie('family')), optional('posterior', tie('family')), optional('condition', expr), optional('doc', doc)),
      merge<Statement>(fc.tuple(name, dims(expr)).map(([n, d]) => ({ kind: 'param', name: n, dims: d })), optional('init', expr), optional('condition', expr), optional('doc', doc)),
      merge<Statement>(fc.tuple(name, dims(expr)).map(([n, d]) => ({ kind: 'state', name: n, dims: d })), optional('init', expr), optional('condition', expr), optional('doc', doc)),
      fc.tuple(name, expr).map(([n, value]): Statement => ({ kind: 'update', name: n, value, span })),
      merge<Statement>(fc.tuple(name, fc.boolean(), dims(expr), tie('family')).map(([n, always, d, family]) => ({ kind: 'draw', name: n, always, dims: d, family })), optional('doc', doc)),
      merge<Statement>(fc.tuple(expr, few(tie('statement'))).map(([count, body]) => ({ kind: 'repeat', count, body })), optional('as', name)),
      fc.tuple(tie('setting'), fc.boolean()).map(([setting, isDefault]): Statement => ({ kind: 'setting', setting, isDefault, span })),
      merge<Statement>(fc.oneof(name.map(n => ({ value: { kind: 'name', name: n, span } })), fc.record({ name, value: expr })).map(o => ({ kind: 'output', ...o })), optional('doc', doc)),
      merge<Statement>(expr.map(value => ({ kind: 'loss', value })), optional('doc', doc)),
      merge<Statement>(fc.tuple(name, tie('family')).map(([target, family]) => ({ kind: 'observe', target, family })), optional('doc', doc)),
    ),
  };
});

function dims(expr: fc.Arbitrary<Expr>): fc.Arbitrary<readonly DimItem[]> {
  return few(fc.oneof(expr, fc.constant<DimItem>({ kind: 'rest', span })));
}

function tensorType(expr: fc.Arbitrary<Expr>): fc.Arbitrary<TensorType> {
  return merge<TensorType>(dims(expr).map(d => ({ kind: 'tensorType', dims: d })), optional('classes', expr));
}

const type = fc.oneof(tensorType(forms.expr), fc.constantFrom('int', 'ints', 'float', 'bool').map(n => ({ kind: 'scalarType' as const, name: n as 'int', span }))); // one of the four
const parameters = few(merge<Parameter>(fc.record({ name, type }), optional('default', forms.expr)));
const returned: fc.Arbitrary<Statement> = fc.record({ values: few(forms.expr, 1), fields: few(fc.record({ name: label, value: forms.expr })) }).map(r => ({ kind: 'return', ...r, span }));

export const anyExpr: fc.Arbitrary<Expr> = forms.expr;
export const anyStatement: fc.Arbitrary<Statement> = forms.statement;
export const anyItem: fc.Arbitrary<Item> = fc.oneof(
  merge<Item>(fc.record({ name, parameters, body: few(forms.statement) }).map(m => ({ kind: 'model', ...m })), optional('doc', doc)),
  merge<Item>(fc.record({ name, parameters, body: fc.tuple(few(forms.statement), returned).map(([body, last]) => [...body, last]) }).map(l => ({ kind: 'layer', ...l })), optional('result', tensorType(forms.expr)), optional('doc', doc)),
  merge<Item>(fc.record({
    name, parameters: few(merge<{ name: Name; default?: Expr }>(fc.record({ name }), optional('default', forms.expr))),
    methods: few(fc.record({ name: fc.oneof(name, fc.constant({ text: 'draw', span })), argument: name, value: forms.expr, span: fc.constant(span) })),
  }).map(f => ({ kind: 'familyItem', ...f })), optional('doc', doc)),
  fc.constantFrom('./layers.bnn', '').map((path): Item => ({ kind: 'import', path, pathSpan: span, span })),
  merge<Item>(fc.record({ name, model: name, args: few(forms.argument) }).map(i => ({ kind: 'instance', ...i })), optional('doc', doc)),
);

/** A program without comments; its spans are of no use. */
export const anyProgram: fc.Arbitrary<Program> = few(anyItem).map(items => ({ kind: 'program', file: span.file, items, comments: [], span }));
