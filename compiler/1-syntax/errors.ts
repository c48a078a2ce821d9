import type { Reading } from '../../grammar/read.ts';
import type { Diagnostic } from '../diagnostics.ts';
export function explainErrors(r: Reading, _source: string, file: string): readonly Diagnostic[] {
  return [
    ...(r.tooDeep ? [{ severity: 'error' as const, code: 'S006', message: 'nested deeper than 256 levels', span: { file, start: r.tooDeep.startOffset, end: r.tooDeep.startOffset + 1 }, notes: [] }] : []),
    ...r.lexerErrors.map(e => ({ severity: 'error' as const, code: 'S001', message: 'unknown character', span: { file, start: e.offset, end: e.offset + e.length }, notes: [] })),
    ...r.parserErrors.map(e => ({ severity: 'error' as const, code: 'S010', message: e.message, span: { file, start: e.token.startOffset || 0, end: (e.token.endOffset ?? 0) + 1 }, notes: [] })),
  ];
}
