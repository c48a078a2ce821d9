/** Collects what is wrong, so that all errors of a file come at once. */
import type { Span } from '../1-syntax/ast.ts';
import type { Diagnostic } from '../diagnostics.ts';
import type { Code } from './codes.ts';

export interface Extra { readonly notes?: Diagnostic['notes']; readonly suggestion?: string | undefined }

export interface Report {
  /** Adds an error; returns undefined, so that a rule can end with it. */
  error(code: Code, message: string, span: Span, extra?: Extra): undefined;
  warn(code: Code, message: string, span: Span, extra?: Extra): void;
  readonly diagnostics: readonly Diagnostic[];
  /** The uses of layers that are being written out, innermost first: what is wrong inside of an imported one is told with the use in the author's own file. */
  within?: () => readonly Span[];
}

export function report(): Report {
  const diagnostics: Diagnostic[] = [];
  const all: Report = { error: (...a) => add('error', ...a), warn: (...a) => { add('warning', ...a); }, diagnostics };
  const seen = new Set<string>();
  return all;

  function add(severity: 'error' | 'warning', code: Code, message: string, span: Span, { notes = [], suggestion }: Extra = {}): undefined {
    // a layer used twice is checked twice, and says the same
    const key = `${code} ${message} ${span.file} ${span.start} ${span.end}`;
    const use = all.within?.().at(-1);
    const used = use !== undefined && use.file !== span.file ? [{ message: 'in this use', span: use }] : [];
    if (!seen.has(key)) diagnostics.push({ severity, code, message, span, notes: [...notes, ...used], ...(suggestion === undefined ? {} : { suggestion }) });
    seen.add(key);
    return undefined;
  }
}

/** `did you mean 'x'?`, when something is near. */
export const didYouMean = (word: string | undefined): string | undefined => (word === undefined ? undefined : `did you mean '${word}'?`);
