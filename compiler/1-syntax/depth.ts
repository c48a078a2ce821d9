/**
 * How deep a tree is, found without recursion: imagine a pile of nodes still to be looked at, each with its depth.
 * Brackets are bounded before the text is parsed; a long chain of signs or fields is as deep and is bounded here.
 */
import type { Expr, Item, Span, Statement } from './ast.ts';

/** What counts as a level. */
const levels: Readonly<Record<Expr['kind'], true>> = {
  conditional: true, pipe: true, binary: true, unary: true, call: true, index: true, field: true, number: true, bool: true, none: true,
  string: true, name: true, tuple: true, fill: true, scan: true,
};

/** The place of a node that lies more than `limit` expressions below its statement, the first in the text. */
export function deeperThan(items: readonly Item[], limit: number): Span | undefined {
  let found: Span | undefined;
  const pile: { readonly node: object; readonly depth: number }[] = [];
  const bodyOf = (item: Item): readonly (Statement | object)[] => {
    switch (item.kind) {
      case 'instance': return item.args;
      case 'import': return [];
      case 'familyItem': return [...item.parameters, ...item.methods];
      case 'model': case 'layer': return [...item.parameters, ...item.body];
    }
  };
  for (const item of items) for (const node of bodyOf(item)) pile.push({ node, depth: 0 });
  for (let next = pile.pop(); next; next = pile.pop()) {
    const { node } = next;
    const depth = next.depth + ('kind' in node && typeof node.kind === 'string' && Object.hasOwn(levels, node.kind) ? 1 : 0);
    if (depth > limit && 'span' in node) {
      const span = node.span as Span; // every node with a `span` has it of this type
      if (!found || span.start < found.start) found = span;
      continue;
    }
    for (const child of Object.values(node) as unknown[]) { // nodes are plain records of records, arrays and literals
      if (typeof child === 'object' && child !== null) pile.push({ node: child, depth });
    }
  }
  return found;
}
