/**
 * Statements and the bodies they stand in, from the concrete tree to the plain one. Imagine each body read from top to
 * bottom, and `return` and `yield` looked for where they belong: last in a layer, last in a scan.
 */
import type { IToken } from 'chevrotain';
import type * as cst from '../../grammar/cst.ts';
import type { DimItem, Doc, Expr, Scan, Statement, TensorType } from './ast.ts';
import { buildChain, buildExpr } from './build-expr.ts';
import { buildFamily, buildSetting } from './build-setting.ts';
import { nameFrom, opened, rangeOf, rangeOfNode, spanFrom, the, type BuildContext } from './build-context.ts';

/** The body of a model or a layer; a layer's ends with `return`, a model has none. */
export function buildBody(c: BuildContext, node: cst.BodyCstNode, of: 'model' | 'layer' | 'repeat', name: IToken): readonly Statement[] {
  const body: Statement[] = [];
  for (const statement of statements(c, node)) {
    const { yielded: [yielded] = [], returned: [returned] = [] } = statement.children;
    if (yielded) onlyInScan(c, yielded);
    else if (returned && of !== 'layer') {
      c.report({
        code: 'S031', message: `a ${of} has no \`return\``, span: spanFrom(c, rangeOfNode(returned)),
        suggestion: of === 'model' ? 'write `output name` for what it predicts' : 'return after it',
      });
    } else body.push(...buildStatement(c, statement));
  }
  if (of === 'layer') returnIsLast(c, body, name);
  return body;
}

function returnIsLast(c: BuildContext, body: readonly Statement[], name: IToken): void {
  if (!body.some(statement => statement.kind === 'return')) {
    c.report({
      code: 'S032', message: `the layer \`${name.image}\` has no \`return\``, span: spanFrom(c, rangeOf(name)),
      suggestion: 'end its body with `return value`',
    });
  }
  for (const statement of body.slice(0, -1)) {
    if (statement.kind === 'return') c.report({ code: 'S033', message: '`return` stands last in its layer', span: statement.span });
  }
}

/** The statements of a scan's body and its value. */
export function buildScanBody(c: BuildContext, node: cst.BodyCstNode, scan: cst.ScanCstNode): Pick<Scan, 'body' | 'yields'> {
  const body: Statement[] = [];
  let yields: Expr | undefined;
  let after = false;
  for (const statement of statements(c, node)) {
    const { yielded: [yielded] = [], returned: [returned] = [] } = statement.children;
    if (yields && !after) {
      after = true;
      c.report({ code: 'S034', message: '`yield` stands once, as the last of its scan', span: spanFrom(c, rangeOfNode(statement)), notes: [{ message: 'the first `yield`', span: yields.span }] });
    }
    if (yielded) yields ??= buildExpr(c, the(yielded.children.expr));
    else if (returned) c.report({ code: 'S031', message: 'a scan has no `return`', span: spanFrom(c, rangeOfNode(returned)), suggestion: 'write `yield value`' });
    else body.push(...buildStatement(c, statement));
  }
  if (!yields) {
    const word = the(scan.children.ScanWord);
    c.report({ code: 'S035', message: 'this scan has no `yield`', span: spanFrom(c, rangeOf(word)), suggestion: 'end its body with `yield value`' });
  }
  return { body, yields: yields ?? { kind: 'none', span: spanFrom(c, rangeOfNode(scan)) } };
}

function onlyInScan(c: BuildContext, node: cst.YieldedCstNode): void {
  c.report({ code: 'S036', message: '`yield` stands only in a scan', span: spanFrom(c, rangeOfNode(node)) });
}

const statements = (c: BuildContext, node: cst.BodyCstNode): readonly cst.StatementCstNode[] => opened(c, node).children.statement ?? [];

/** One statement; none where the parser found nothing. */
function buildStatement(c: BuildContext, node: cst.StatementCstNode): readonly Statement[] {
  const range = rangeOfNode(node);
  const span = spanFrom(c, range);
  const { port: [port] = [], weight: [weight] = [], param: [param] = [], output: [output] = [], loss: [loss] = [] } = node.children;
  const { observe: [observe] = [], returned: [returned] = [], setting: [setting] = [], definition: [definition] = [], DefaultWord } = node.children;
  const { state: [state] = [], update: [update] = [], draw: [draw] = [], repeat: [repeat] = [] } = node.children;
  if (setting) return [{ kind: 'setting', setting: buildSetting(c, setting), isDefault: DefaultWord !== undefined, span }];
  if (returned) {
    const { expr, returnedField = [] } = returned.children;
    const fields = returnedField.map(({ children }) => ({ name: nameFrom(c, the(children.AnyWord)), value: buildExpr(c, the(children.expr)) }));
    return [{ kind: 'return', values: expr.map(value => buildExpr(c, value)), fields, span }];
  }
  if (update) return [{ kind: 'update', name: nameFrom(c, the(update.children.Name)), value: buildExpr(c, the(update.children.expr)), span }];
  if (repeat) return [buildRepeat(c, repeat)];
  const found = c.takeDoc(range.start);
  const doc: { readonly doc?: Doc } = found ? { doc: found } : {};
  if (port) {
    const { InputWord, Name, tensorType } = port.children;
    return [{ kind: InputWord ? 'input' : 'target', name: nameFrom(c, the(Name)), type: buildTensorType(c, the(tensorType)), ...doc, span }];
  }
  if (weight) {
    const { Name, dims, prior: [prior] = [], posterior: [posterior] = [], condition: [condition] = [] } = weight.children;
    return [{
      kind: 'weight', name: nameFrom(c, the(Name)), dims: buildDims(c, the(dims)),
      ...(prior ? { prior: buildFamily(c, prior) } : {}), ...(posterior ? { posterior: buildFamily(c, posterior) } : {}),
      ...(condition ? { condition: buildExpr(c, the(condition.children.expr)) } : {}), ...doc, span,
    }];
  }
  if (param) {
    const { Name, dims, chain: [init] = [], condition: [condition] = [] } = param.children;
    return [{
      kind: 'param', name: nameFrom(c, the(Name)), dims: buildDims(c, the(dims)), ...(init ? { init: buildChain(c, init) } : {}),
      ...(condition ? { condition: buildExpr(c, the(condition.children.expr)) } : {}), ...doc, span,
    }];
  }
  if (state) {
    const { Name, dims, chain: [init] = [], condition: [condition] = [] } = state.children;
    return [{
      kind: 'state', name: nameFrom(c, the(Name)), dims: buildDims(c, the(dims)), ...(init ? { init: buildChain(c, init) } : {}),
      ...(condition ? { condition: buildExpr(c, the(condition.children.expr)) } : {}), ...doc, span,
    }];
  }
  if (draw) {
    const { Name, Always, dims, family } = draw.children;
    return [{ kind: 'draw', name: nameFrom(c, the(Name)), always: Always !== undefined, dims: buildDims(c, the(dims)), family: buildFamily(c, the(family)), ...doc, span }];
  }
  if (output) {
    const { Name, expr: [expr] = [] } = output.children;
    const name = nameFrom(c, the(Name));
    return [expr ? { kind: 'output', name, value: buildExpr(c, expr), ...doc, span } : { kind: 'output', value: { kind: 'name', name, span: name.span }, ...doc, span }];
  }
  if (loss) return [{ kind: 'loss', value: buildExpr(c, the(loss.children.expr)), ...doc, span }];
  if (observe) return [{ kind: 'observe', target: nameFrom(c, the(observe.children.Name)), family: buildFamily(c, the(observe.children.family)), ...doc, span }];
  if (definition) return [{ kind: 'let', names: definition.children.Name.map(name => nameFrom(c, name)), value: buildExpr(c, the(definition.children.expr)), ...doc, span }];
  return [];
}

function buildRepeat(c: BuildContext, node: cst.RepeatCstNode): Statement {
  const { NumberLiteral: [literal] = [], Count: [count] = [], classes: [group] = [], Name: [as] = [], body, RepeatWord } = node.children;
  const times: Expr = literal ? { kind: 'number', value: Number(literal.image.replaceAll('_', '')), text: literal.image, span: spanFrom(c, rangeOf(literal)) }
    : count ? { kind: 'name', name: nameFrom(c, count), span: spanFrom(c, rangeOf(count)) }
    : buildExpr(c, the(opened(c, the(group && [group])).children.expr));
  return { kind: 'repeat', count: times, ...(as ? { as: nameFrom(c, as) } : {}), body: buildBody(c, the(body), 'repeat', the(RepeatWord)), span: spanFrom(c, rangeOfNode(node)) };
}

/** `[batch, 13]` or `class(10)[batch]`. */
export function buildTensorType(c: BuildContext, node: cst.TensorTypeCstNode): TensorType {
  const { dims, classes: [classes] = [] } = node.children;
  return {
    kind: 'tensorType', dims: buildDims(c, the(dims)), ...(classes ? { classes: buildExpr(c, the(opened(c, classes).children.expr)) } : {}),
    span: spanFrom(c, rangeOfNode(node)),
  };
}

function buildDims(c: BuildContext, node: cst.DimsCstNode): readonly DimItem[] {
  return (opened(c, node).children.dim ?? []).map(dim => {
    const { expr: [expr] = [] } = dim.children;
    return expr ? buildExpr(c, expr) : { kind: 'rest', span: spanFrom(c, rangeOfNode(dim)) };
  });
}
