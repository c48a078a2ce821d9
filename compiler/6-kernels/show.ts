/** A kernel as text for people: loops as words, indices as sums. What `explain` prints and golden tests read. */
import { parts, showSize } from './index.ts';
import type { Atom, Axis, Condition, Expr, Index, Kernel, Stmt } from './kernel.ts';

export function showKernel(kernel: Kernel): string {
  const grid = kernel.axes.map(a => `${a.name}<${a.extent}`).join(', ');
  return [`kernel ${kernel.name}  grid ${grid || 'one'}`, ...kernel.body.flatMap(s => showStmt(s, '  '))].join('\n');
}

function showStmt(s: Stmt, indent: string): readonly string[] {
  const inside = (body: readonly Stmt[]): readonly string[] => body.flatMap(b => showStmt(b, `${indent}  `));
  const axis = (a: Axis): string => `${a.name}<${a.extent}`;
  switch (s.kind) {
    case 'let': return [`${indent}${s.name} = ${showExpr(s.value)}`];
    case 'store': return [`${indent}out ${s.buffer}[${showIndex(s.offset)}] = ${showExpr(s.value)}`];
    case 'map': return [`${indent}map ${axis(s.axis)}`, ...inside(s.body)];
    case 'fold': {
      const c = s.contraction;
      const note = c ? `  contract M={${c.rows.join()}} N={${c.columns.join()}}${c.batch.length ? ` B={${c.batch.join()}}` : ''}` : '';
      const bounds = s.bounds ? ` from ${showExpr(s.bounds[0])} to ${showExpr(s.bounds[1])}` : '';
      return [
        `${indent}(${s.carries.map(x => x.name).join(', ')}) = fold ${axis(s.axis)}${bounds} from (${s.carries.map(x => showExpr(x.init)).join(', ')})${note}`,
        ...inside(s.body), `${indent}  next (${s.carries.map(x => showExpr(x.next)).join(', ')})`,
      ];
    }
  }
}

const infix: Readonly<Record<string, string>> = { add: '+', sub: '-', mul: '*', div: '/', lt: '<', le: '<=', eq: '==', and: 'and', or: 'or', ult: '<', ueq: '==' };
export function showExpr(e: Expr): string {
  switch (e.kind) {
    case 'lit': return e.type === 'bool' ? String(e.value !== 0) : `${e.value}${e.type === 'u32' ? 'u' : ''}`;
    case 'ref': return e.name;
    case 'scalar': return `$${e.name}`;
    case 'index': return showIndex(e.index);
    case 'inside': return showGuard(e.guard);
    case 'load': return `${e.buffer}[${showIndex(e.offset)}]${e.guard ? ` if ${showGuard(e.guard)} else ${e.fill ?? 0}` : ''}`;
    case 'noise': return `${e.family}(site ${e.site}, ${showIndex(e.sample)}, ${showIndex(e.element)})`;
    case 'op': {
      const sign = infix[e.op];
      const args = e.args.map(showExpr);
      return sign && args.length === 2 ? `(${args.join(` ${sign} `)})` : `${e.op}(${args.join(', ')})`;
    }
  }
}
export function showIndex(index: Index): string {
  const terms = index.terms.map(({ coefficient, atom }) => {
    const c = parts(coefficient);
    return c.times === 1 && c.by.length === 0 ? showAtom(atom) : `${showSize(coefficient)}*${showAtom(atom)}`;
  });
  return [...terms, ...(index.constant !== 0 || terms.length === 0 ? [String(index.constant)] : [])].join(' + ');
}
const showAtom = (a: Atom): string => (a.kind === 'axis' ? a.name : a.kind === 'value' ? showExpr(a.value) : `(${showIndex(a.index)}) ${a.kind} ${a.by}`);
const showGuard = (g: readonly Condition[]): string => g.map(c => `${c.from} <= ${showIndex(c.index)} < ${showSize(c.below)}`).join(' and ');
