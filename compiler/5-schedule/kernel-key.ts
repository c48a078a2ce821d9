/** Equal kernels have equal keys, whatever they are called. Shared subexpressions are numbered, so the key is as long as the kernel, not as its tree. */
import { guardKey, indexKey, showSize } from '../6-kernels/index.ts';
import type { Expr, Kernel, Stmt } from '../6-kernels/kernel.ts';

export function kernelKey(kernel: Kernel): string {
  const ids = new Map<string, number>();
  const known = new Map<Expr, number>();
  const expr = (e: Expr): number => {
    const seen = known.get(e);
    if (seen !== undefined) return seen;
    const text = write(e);
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    known.set(e, id);
    return id;
  };
  const write = (e: Expr): string => {
    switch (e.kind) {
      case 'lit': return `${e.type}${Object.is(e.value, -0) ? '-0' : e.value}`;
      case 'ref': return `&${e.name}`;
      case 'scalar': return `$${e.name}`;
      case 'index': return `#${indexKey(e.index)}`;
      case 'load': return `${e.buffer}[${indexKey(e.offset)}|${guardKey(e.guard)}|${e.fill ?? ''}]`;
      case 'inside': return `in ${guardKey(e.guard)}`;
      case 'noise': return `${e.family}${e.site},${indexKey(e.sample)},${indexKey(e.element)}`;
      case 'op': return `${e.op} ${e.args.map(expr).join()}`;
    }
  };
  const stmt = (s: Stmt): string => {
    switch (s.kind) {
      case 'let': return `${s.name}=${expr(s.value)}`;
      case 'store': return `${s.buffer}[${indexKey(s.offset)}]=${expr(s.value)}`;
      case 'map': return `map ${s.axis.name}<${s.axis.extent}{${s.body.map(stmt).join(';')}}`;
      case 'fold': return `fold ${s.axis.name}<${s.axis.extent} ${s.bounds?.map(expr).join() ?? ''} ${s.carries.map(c => `${c.name}:${expr(c.init)}`).join()}{${s.body.map(stmt).join(';')}}${s.carries.map(c => expr(c.next)).join()}`;
    }
  };
  const body = kernel.body.map(stmt).join('\n');
  // the texts are part of the key: an id is the position of its own
  return `${kernel.axes.map(a => `${a.name}<${a.extent}`).join()}|${kernel.buffers.map(b => `${b.name}:${showSize(b.size)}`).join()}|${body}|${[...ids.keys()].join('\n')}`;
}
