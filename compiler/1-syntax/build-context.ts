/**
 * What the builders of the tree share: the file, where complaints go, the folded groups and the documentation comments.
 * Imagine the desk on which the concrete tree is copied into the plain one.
 */
import type { CstNode, IToken } from 'chevrotain';
import { InternalError, type Diagnostic } from '../diagnostics.ts';
import type { Doc, Name, Span } from './ast.ts';

export interface BuildContext {
  readonly file: string;
  readonly source: string;
  readonly unfolded: ReadonlyMap<IToken, CstNode>;
  /** The `///` lines before the word at this offset; taken once. */
  readonly takeDoc: (offset: number) => Doc | undefined;
  readonly report: (diagnostic: Omit<Diagnostic, 'severity' | 'notes'> & Partial<Pick<Diagnostic, 'notes'>>) => void;
}

/** An offset range, before it has a file. */
export interface Range { readonly start: number; readonly end: number }

export const rangeOf = (token: IToken): Range => ({ start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 });

export const spanFrom = (c: BuildContext, { start, end }: Range): Span => ({ file: c.file, start, end });

export const nameFrom = (c: BuildContext, token: IToken): Name => ({ text: token.image, span: spanFrom(c, rangeOf(token)) });

/** From the first to the last character of a node. */
export function rangeOfNode(node: CstNode): Range {
  const at = node.location;
  if (!at) throw new InternalError('syntax', `no place for ${node.name}`);
  return { start: at.startOffset, end: (at.endOffset ?? at.startOffset) + 1 };
}

/** The one child that the grammar promises: the tree is only copied when no error was found. */
export function the<T>(children: readonly T[] | undefined): T {
  const [child] = children ?? [];
  if (child === undefined) throw new InternalError('syntax', 'a rule without a part of it');
  return child;
}

/** A group's own node, or the one that was read for the token in its place. */
export function opened<T extends CstNode>(c: BuildContext, node: T): T {
  for (const folded of ['FoldedParens', 'FoldedBrackets', 'FoldedBraces']) {
    const token = node.children[folded]?.[0];
    if (token && 'tokenType' in token) {
      const inside = c.unfolded.get(token);
      if (!inside || inside.name !== node.name) throw new InternalError('syntax', `a folded ${node.name} was not read`);
      return inside as T; // the parser read it with the rule of this name
    }
  }
  return node;
}
