/**
 * Items, from the concrete tree to the plain one: the models, layers and instances of a file in the order of the text.
 */
import type * as cst from '../../grammar/cst.ts';
import { nearest } from '../suggest.ts';
import type { Doc, Item, Parameter, Type } from './ast.ts';
import { buildArgs, buildExpr } from './build-expr.ts';
import { nameFrom, opened, rangeOf, rangeOfNode, spanFrom, the, type BuildContext } from './build-context.ts';
import { buildBody, buildTensorType } from './build-statement.ts';

export function buildItems(c: BuildContext, node: cst.ProgramCstNode): readonly Item[] {
  const { model = [], layer = [], familyItem = [], imported = [] } = node.children;
  return [...model.map(item => buildModel(c, item)), ...layer.map(item => buildLayer(c, item)), ...familyItem.map(item => buildFamilyItem(c, item)), ...imported.map(item => buildImport(c, item))].sort((a, b) => a.span.start - b.span.start);
}

function buildModel(c: BuildContext, node: cst.ModelCstNode): Item {
  const { Name, Of: [of] = [], args: [args] = [], parameters: [parameters] = [], body } = node.children;
  const name = nameFrom(c, the(Name));
  const span = spanFrom(c, rangeOfNode(node));
  const doc = docBefore(c, span.start);
  if (of) return { kind: 'instance', name, model: nameFrom(c, of), args: args ? buildArgs(c, args) : [], ...doc, span };
  return { kind: 'model', name, parameters: parameters ? buildParameters(c, parameters) : [], body: buildBody(c, the(body), 'model', the(Name)), ...doc, span };
}

function buildLayer(c: BuildContext, node: cst.LayerCstNode): Item {
  const { Name, parameters, tensorType: [result] = [], body } = node.children;
  const span = spanFrom(c, rangeOfNode(node));
  const doc = docBefore(c, span.start);
  return {
    kind: 'layer', name: nameFrom(c, the(Name)), parameters: buildParameters(c, the(parameters)), ...(result ? { result: buildTensorType(c, result) } : {}),
    body: buildBody(c, the(body), 'layer', the(Name)), ...doc, span,
  };
}

function buildFamilyItem(c: BuildContext, node: cst.FamilyItemCstNode): Item {
  const { Name, familyParameters, methods } = node.children;
  const span = spanFrom(c, rangeOfNode(node));
  const doc = docBefore(c, span.start);
  const parameters = (opened(c, the(familyParameters)).children.familyParameter ?? []).map(({ children }) => {
    const [value] = children.expr ?? [];
    return { name: nameFrom(c, the(children.Name)), ...(value ? { default: buildExpr(c, value) } : {}) };
  });
  const list = (opened(c, the(methods)).children.method ?? []).map(method => {
    const { Called, Name: argument, expr } = method.children;
    return { name: nameFrom(c, the(Called)), argument: nameFrom(c, the(argument)), value: buildExpr(c, the(expr)), span: spanFrom(c, rangeOfNode(method)) };
  });
  return { kind: 'familyItem', name: nameFrom(c, the(Name)), parameters, methods: list, ...doc, span };
}

function buildImport(c: BuildContext, node: cst.ImportedCstNode): Item {
  const text = the(node.children.StringLiteral);
  return { kind: 'import', path: text.image.slice(1, -1), pathSpan: spanFrom(c, rangeOf(text)), span: spanFrom(c, rangeOfNode(node)) };
}

function docBefore(c: BuildContext, offset: number): { readonly doc?: Doc } {
  const doc = c.takeDoc(offset);
  return doc ? { doc } : {};
}

function buildParameters(c: BuildContext, node: cst.ParametersCstNode): readonly Parameter[] {
  return (opened(c, node).children.parameter ?? []).map(parameter => {
    const { Name, type, expr: [value] = [] } = parameter.children;
    return { name: nameFrom(c, the(Name)), type: buildType(c, the(type)), ...(value ? { default: buildExpr(c, value) } : {}), span: spanFrom(c, rangeOfNode(parameter)) };
  });
}

const scalarTypes = ['int', 'ints', 'float', 'bool'] as const;

function buildType(c: BuildContext, node: cst.TypeCstNode): Type {
  const { tensorType: [tensor] = [], Name } = node.children;
  if (tensor) return buildTensorType(c, tensor);
  const word = the(Name);
  const span = spanFrom(c, rangeOf(word));
  const name = scalarTypes.find(type => type === word.image);
  if (name) return { kind: 'scalarType', name, span };
  const meant = nearest(word.image, scalarTypes);
  c.report({
    code: 'S027', message: `\`${word.image}\` is not a type: there are \`int\`, \`ints\`, \`float\`, \`bool\` and shapes such as \`[batch, 13]\``, span,
    ...(meant ? { suggestion: `did you mean \`${meant}\`` } : {}),
  });
  return { kind: 'scalarType', name: 'float', span };
}
