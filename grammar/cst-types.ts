/**
 * The text of `cst.ts`, from the grammar itself. Imagine the types of the concrete tree printed by the parser that makes
 * it: after a change of a rule write this text there (the test that compares them says how).
 */
import { generateCstDts } from './chevrotain.ts';
import { theParser } from './parser.ts';

const head = `/**
 * The concrete tree: for each rule of \`parser.ts\` the children a node of it may have, by rule or token name. Imagine the
 * grammar turned into types. Written by \`cst-types.ts\`; don't edit.
 */
`;

/** The whole text of `cst.ts`. */
export function cstTypes(): string {
  const types = generateCstDts(theParser().getGAstProductions(), { includeVisitorInterface: false });
  return head + types.replace('CstNode, ICstVisitor, IToken', 'CstNode, IToken');
}
