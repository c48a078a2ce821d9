import test from 'ava';
import { readFileSync } from 'node:fs';
import { cstTypes } from '../../../grammar/cst-types.ts';
import type { Expr, Statement } from '../../../compiler/1-syntax/ast.ts';
import { parse } from '../../../compiler/1-syntax/parse.ts';

/** The statements of the first item. */
function body(source: string): readonly Statement[] {
  const [item] = parse(source, 'a.bnn').items;
  return item?.kind === 'model' || item?.kind === 'layer' ? item.body : [];
}

function value(expr: string): Expr {
  const [statement] = body(`model A { x = ${expr} }`);
  if (statement?.kind !== 'let') throw new Error('not a definition');
  return statement.value;
}

/** A tree in brackets: `(a + (b * c))`. */
function shape(expr: Expr): string {
  switch (expr.kind) {
    case 'binary': return `(${shape(expr.left)} ${expr.op} ${shape(expr.right)})`;
    case 'unary': return `(${expr.op} ${shape(expr.value)})`;
    case 'pipe': return `(${shape(expr.value)} |> ${shape(expr.use)})`;
    case 'conditional': return `(${shape(expr.then)} if ${shape(expr.condition)} else ${shape(expr.otherwise)})`;
    case 'call': return `${expr.callee.text}${expr.bare ? '' : `(${expr.args.map(a => shape(a.value)).join(', ')})`}`;
    case 'index': return `${shape(expr.value)}[${expr.items.length}]`;
    case 'field': return `${shape(expr.value)}.${expr.name.text}`;
    case 'name': return expr.name.text;
    case 'number': return expr.text;
    default: return expr.kind;
  }
}

for (const [written, tree] of [
  ['a + b * c', '(a + (b * c))'],
  ['a - b - c', '((a - b) - c)'],
  ['a * b @ c / d', '(((a * b) @ c) / d)'],
  ['a ** b ** c', '(a ** (b ** c))'],
  ['-a ** b', '(- (a ** b))'],
  ['2 ** -a * b', '((2 ** (- a)) * b)'],
  ['a + b |> relu', '((a + b) |> relu)'],
  ['x |> f(1) |> g', '((x |> f(1)) |> g)'],
  ['x |> f > y |> g', '((x |> f) > (y |> g))'],
  ['not a == b and c or d', '(((not (a == b)) and c) or d)'],
  ['a if b or c else d if e else f', '(a if (b or c) else (d if e else f))'],
  ['-x.T[0]', '(- x.T[1])'],
  ['(a + b).T @ c', '((a + b).T @ c)'],
] as const) test(`${written} is ${tree}`, t => { t.is(shape(value(written)), tree); });

test('line ends mean nothing: a statement goes on until it can\'t', t => {
  t.is(shape(value('a\n  + b\n  |> f(\n1\n)')), '((a + b) |> f(1))');
  t.deepEqual(body('model A { a = b c = d output c }').map(s => s.kind), ['let', 'let', 'output']);
});

test('a use takes its arguments, its settings and its name, in this order', t => {
  const use = value('x |> linear(8, bias: false) { posterior point b: prior normal(0, 1), frozen kl sampled } as enc again');
  if (use.kind !== 'pipe') return t.fail();
  const { args, settings = [], as, bare } = use.use;
  t.deepEqual(args.map(a => a.label?.text), [undefined, 'bias']);
  t.deepEqual(settings.map(s => `${s.weight?.text ?? ''} ${s.setting.kind}`), [' posterior', 'b prior', ' frozen', ' kl']);
  t.is(as?.name.text, 'enc');
  t.true(as?.again);
  t.false(bare);
});

test('the brace after the carries of a scan opens its body, unless brackets say otherwise', t => {
  const scan = value('scan a, b over x, y axis -1 reverse with h = zero(n), c = (zero(n) { frozen }) { h = a yield h }');
  if (scan.kind !== 'scan') return t.fail();
  t.deepEqual(scan.names.map(n => n.text), ['a', 'b']);
  t.is(scan.axis, -1);
  t.true(scan.reverse);
  t.deepEqual(scan.carry.map(({ init }) => init.kind === 'call' && init.settings?.length), [undefined, 1]);
  t.is(scan.body.length, 1);
  t.is(shape(scan.yields), 'h');
});

test('the `if` behind an initial value is the declaration\'s', t => {
  const [param] = body('model A { param s: [n] = a if c }');
  if (param?.kind !== 'param' || !param.init || !param.condition) return t.fail();
  t.is(shape(param.init), 'a');
  t.is(shape(param.condition), 'c');
});

test('words with a place of their own may be names; any word may be a label or a field', t => {
  t.is(shape(value('axis + over * reverse')), '(axis + (over * reverse))');
  t.is(shape(value('f(axis: 1, state: 2, if: 3).weight.T')), 'f(1, 2, 3).weight.T');
});

test('numbers', t => {
  for (const [text, number] of [['1_000', 1000], ['0.5', 0.5], ['1e-3', 0.001], ['2E+2', 200]] as const) {
    const expr = value(text);
    t.is(expr.kind === 'number' && expr.value, number);
  }
});

test('types, layers, instances', t => {
  const { items } = parse(`
    layer f(x: [..., n], out: int = 3, h0: [batch, n] = none, on: bool = true, scale: float = 0.5,) -> [..., out] {
      return x, h0 with h: x.h, state: h0
    }
    model M { target digit: class(10)[batch] }
    model Wide = M(hidden: 1024)`, 'a.bnn');
  const [layer, model, instance] = items;
  if (layer?.kind !== 'layer' || model?.kind !== 'model' || instance?.kind !== 'instance') return t.fail();
  t.deepEqual(layer.parameters.map(p => p.type.kind === 'scalarType' ? p.type.name : p.type.dims.length), [2, 'int', 2, 'bool', 'float']);
  t.is(layer.result?.dims.length, 2);
  const [returned] = layer.body;
  t.deepEqual(returned?.kind === 'return' && returned.fields.map(f => f.name.text), ['h', 'state']);
  const [target] = model.body;
  t.true(target?.kind === 'target' && target.type.classes !== undefined);
  t.is(instance.model.text, 'M');
});

test('spans: what a node covers, without the brackets around it', t => {
  const source = 'model A { x = (a + b).T * f(c) }';
  const [statement] = body(source);
  if (statement?.kind !== 'let' || statement.value.kind !== 'binary' || statement.value.left.kind !== 'field') return t.fail();
  const cut = ({ span }: { readonly span: { readonly start: number; readonly end: number } }): string => source.slice(span.start, span.end);
  t.is(cut(statement), 'x = (a + b).T * f(c)');
  t.is(cut(statement.value), '(a + b).T * f(c)');
  t.is(cut(statement.value.left), '(a + b).T');
  t.is(cut(statement.value.left.value), 'a + b');
});

test('spans of deep groups are right too', t => {
  const source = `model A { x = ${'f('.repeat(70)}a + b${')'.repeat(70)} }`;
  const [statement] = body(source);
  let expr = statement?.kind === 'let' ? statement.value : undefined;
  while (expr?.kind === 'call') expr = expr.args[0]?.value;
  t.is(expr && source.slice(expr.span.start, expr.span.end), 'a + b');
});

test('`///` documents what follows; `//` is a comment', t => {
  const program = parse('// file\n/// One.\n///\n///  Two.\nmodel A {\n  /// A weight.\n  weight w: [3] // trailing\n  ////////\n}', 'a.bnn');
  const [model] = program.items;
  t.is(model?.kind === 'model' ? model.doc?.text : undefined, 'One.\n\n Two.');
  const [weight] = model?.kind === 'model' ? model.body : [];
  t.is(weight?.kind === 'weight' ? weight.doc?.text : undefined, 'A weight.');
  t.deepEqual(program.comments.map(c => [c.text, c.ownLine]), [['// file', true], ['// trailing', false], ['////////', true]]);
});

test('grammar/cst.ts is what the grammar says: else write `cstTypes()` there', t => {
  t.is(readFileSync(new URL('../../../grammar/cst.ts', import.meta.url), 'utf8'), cstTypes());
});
