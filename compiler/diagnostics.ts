/**
 * What the compiler says when it can't go on. A diagnostic is data: a code, one plain sentence, a place, notes with
 * their own places, and what to write instead. Line, column and frame are derived only when it is shown.
 */
import type { Span } from './1-syntax/ast.ts';

/** One problem in the author's text. Codes are listed in `1-syntax/codes.ts` and `2-check/codes.ts`. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  /** One plain sentence, without a final full stop. */
  readonly message: string;
  readonly span: Span;
  readonly notes: readonly { readonly message: string; readonly span?: Span }[];
  /** What to write instead, if we can guess. */
  readonly suggestion?: string;
}

/** Texts of the files that may be quoted in frames, by file name. */
export type Sources = ReadonlyMap<string, string>;

/** Thrown when a stage found errors: all of them, in the order of the text. */
export class CompileError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** Texts of imported files that the diagnostics may be in. */
  readonly sources: Sources;
  constructor(diagnostics: readonly Diagnostic[], sources: Sources = new Map()) {
    super(diagnostics.map(d => `${d.code}: ${d.message}`).join('\n'));
    this.name = 'CompileError';
    this.diagnostics = diagnostics;
    this.sources = sources;
  }
}

/** Thrown where the compiler itself is wrong. After `check` nothing in the author's text can cause an error. */
export class InternalError extends Error {
  constructor(stage: string, message: string) {
    super(`bug in the compiler, stage ${stage}: ${message}`);
    this.name = 'InternalError';
  }
}
