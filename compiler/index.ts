/** The compiler as a library. */
export { checkText, compile } from './compile.ts';
export type { Compilation, CompiledModel, CompileOptions } from './compile.ts';
export { CompileError } from './diagnostics.ts';
export type { Diagnostic } from './diagnostics.ts';
export type { Host } from './imports.ts';
export { explain } from './explain.ts';
export { showDiagnostic } from './show-diagnostic.ts';
export { printProgram } from './1-syntax/print.ts';
export { parse } from './1-syntax/parse.ts';
