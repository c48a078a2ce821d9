/** Names of a body: each once, and the paths of layers and weights each once unless sharing is said (DECISIONS 1.9). */
import type { Call, Name, Span, Statement } from '../1-syntax/ast.ts';
import { unsafe } from './context.ts';
import type { Elaboration } from './context.ts';
import { lookup } from './scope.ts';
import type { Scope } from './scope.ts';
import type { CValue } from './values.ts';

export function define(c: Elaboration, n: Name, value: CValue, s: Scope, used = false): void {
  const { report } = c;
  if (unsafe.has(n.text)) { report.error('B003', `'${n.text}' can't be a name`, n.span); return; }
  const seen = s.names.get(n.text) ?? lookup(s, n.text);
  if (seen) { report.error('B002', `'${n.text}' is defined twice`, n.span, { notes: [{ message: 'the first is here', span: seen.span }], suggestion: 'give this one a name of its own' }); return; }
  s.names.set(n.text, { value, span: n.span, used });
}

/** Paths of uses and weights of one body: each once, unless the sharing is said (DECISIONS 1.9). */
export function checkPaths(c: Elaboration, list: readonly Call[], s: Scope, body: readonly Statement[]): void {
  const { report } = c;
  const taken = new Map<string, { readonly span: Span; readonly what: string; readonly named: boolean }>();
  for (const b of body) if (b.kind === 'weight' || b.kind === 'param') taken.set(b.name.text, { span: b.name.span, what: 'weight', named: true });
  const repeats = body.flatMap(b => (b.kind === 'repeat' ? [b.as?.text ?? 'repeat'] : []));
  for (const [i, r] of repeats.entries()) {
    const again = body.filter(b => b.kind === 'repeat')[i];
    if (repeats.indexOf(r) !== i && again) report.error('B018', `two repeats are called '${r}'`, again.as?.span ?? again.span, { suggestion: 'repeat … as name' });
  }
  for (const u of list) {
    const path = s.uses.get(u) ?? u.callee.text;
    const seen = taken.get(path);
    if (u.as && unsafe.has(u.as.name.text)) report.error('B003', `'${u.as.name.text}' can't be a name`, u.as.name.span);
    if (seen && !u.as?.again) {
      report.error('B018', seen.what === 'weight' ? `a weight and a layer are both called '${path}'` : `two layers are called '${path}'`, u.as?.name.span ?? u.span, { notes: [{ message: 'the other is here', span: seen.span }], suggestion: seen.what === 'use' && u.as ? `to share its weights, write as ${path} again` : 'name one of them with as' });
    } else if (!seen && u.as?.again) report.error('B018', `there is no earlier use '${path}' to share with`, u.as.name.span);
    const stage = repeats.find(r => path.startsWith(r) && /^\d+$/.test(path.slice(r.length)));
    if (stage !== undefined) report.error('B018', `'${path}' is also the name of a turn of 'repeat … as ${stage}'`, u.as?.name.span ?? u.span, { suggestion: 'name one of them with as' });
    if (!seen) taken.set(path, { span: u.as?.name.span ?? u.span, what: 'use', named: u.as !== undefined });
  }
}
