/**
 * Comments on their way through the formatter. Imagine a queue in the order of the text: before each statement all that
 * stand before its end are taken from it, so none is lost and none overtakes another.
 */
import type { Comment, Program } from './ast.ts';

export interface CommentQueue {
  /** All comments that begin before this offset. */
  readonly takeBefore: (offset: number) => readonly Comment[];
  /** The next comment, if it follows on a line of something that ends at `end` and stands before `limit`. */
  readonly takeTrailing: (end: number, limit: number) => Comment | undefined;
  /** Something begins here after an empty line. */
  readonly blankBefore: (offset: number) => boolean;
  /** Something begins after an empty line behind `from`, at `to` at the latest. */
  readonly blankWithin: (from: number, to: number) => boolean;
}

export function commentQueue({ comments, blankBefore = [] }: Program): CommentQueue {
  const blanks = new Set(blankBefore);
  let next = 0;
  return {
    takeBefore(offset) {
      const from = next;
      while ((comments[next]?.span.start ?? Infinity) < offset) next++;
      return comments.slice(from, next);
    },
    takeTrailing(end, limit) {
      const comment = comments[next];
      if (!comment || comment.ownLine || comment.span.start < end || comment.span.start >= limit) return undefined;
      next++;
      return comment;
    },
    blankBefore: offset => blanks.has(offset),
    blankWithin: (from, to) => (blankBefore.find(offset => offset > from) ?? Infinity) <= to,
  };
}
