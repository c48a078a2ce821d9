/** Names of values in force at a place, and what layers and models are called. Values and callables are two namespaces. */
import type { Call, Expr, Scan, SettingStatement, Span, Statement } from '../1-syntax/ast.ts';
import type { Shape } from './model.ts';
import type { CValue } from './values.ts';

export interface Binding { value: CValue; readonly span: Span; used: boolean }
export interface Scope { readonly names: Map<string, Binding>; readonly parent: Scope | undefined; readonly uses: ReadonlyMap<Call, string>; readonly path: readonly string[]; readonly settings: readonly SettingsAt[]; readonly depth: number; readonly around: readonly Span[]; /** What `...` stands for in this layer. */ readonly rest?: { dims?: Shape } }

/** Settings of a layer use (or the model), with the scope in which their expressions are written. */
export interface SettingsAt { readonly settings: readonly SettingStatement[]; readonly scope: Scope }

export function lookup(scope: Scope, name: string): Binding | undefined {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = s.names.get(name);
    if (found) return found;
  }
  return undefined;
}
export function namesInForce(scope: Scope): readonly string[] {
  return scope.parent ? [...scope.names.keys(), ...namesInForce(scope.parent)] : [...scope.names.keys()];
}

/** Every use of a layer in a body, in the order of the text, branches that are not taken included (DECISIONS 1.9). */
export function usesIn(body: readonly Statement[], isLayer: (name: string) => boolean): readonly Call[] {
  const out: Call[] = [];
  const expr = (e: Expr): void => {
    switch (e.kind) {
      case 'conditional': expr(e.then); expr(e.condition); expr(e.otherwise); break;
      case 'pipe': expr(e.value); expr(e.use); break;
      case 'binary': expr(e.left); expr(e.right); break;
      case 'unary': case 'field': expr(e.value); break;
      case 'index': expr(e.value); break;
      case 'call': if (isLayer(e.callee.text)) out.push(e); e.args.forEach(a => expr(a.value)); break;
      case 'tuple': e.items.forEach(expr); break;
      case 'scan': scan(e); break;
      case 'fill': case 'number': case 'bool': case 'none': case 'string': case 'name': break;
    }
  };
  const scan = (s: Scan): void => { s.over.forEach(expr); s.carry.forEach(c => expr(c.init)); s.body.forEach(stmt); expr(s.yields); };
  const stmt = (s: Statement): void => {
    if (s.kind === 'let' || s.kind === 'output' || s.kind === 'loss' || s.kind === 'update') expr(s.value);
    else if (s.kind === 'return') { s.values.forEach(expr); s.fields.forEach(f => expr(f.value)); } else if (s.kind === 'observe') s.family.args.forEach(a => expr(a.value));
  };
  body.forEach(stmt);
  return out;
}

/** The path of each use within its body: its `as` name, or its kind and ordinal. */
export function pathsOf(uses: readonly Call[]): ReadonlyMap<Call, string> {
  const count = new Map<string, number>();
  return new Map(uses.map(u => {
    const n = (count.get(u.callee.text) ?? 0) + 1;
    count.set(u.callee.text, n);
    return [u, u.as?.name.text ?? `${u.callee.text}${n}`] as const;
  }));
}
