/**
 * Equal kernels have equal keys, whatever they are called. Shared subexpressions are numbered, so the key is as long as the kernel, not
 * as its tree.
 */
import { guardKey, indexKey, showSize } from './index.ts';
import type { Expr, Kernel, Stmt } from './kernel.ts';

/** Of kernels that do the same with the same buffers and the same noise. */
export const kernelKey = (kernel: Kernel): string => write(kernel, { buffer: name => name, listed: name => name, site: of => String(of) });

/**
 * Of kernels that do the same, each with its own buffers and its own noise, as equal layers do: `buffers` and `sites` in the order in
 * which the kernel comes upon them, which is the same for all kernels of one key.
 */
export interface KernelShape { readonly key: string; readonly buffers: readonly string[]; readonly sites: readonly number[] }
export function kernelShape(kernel: Kernel): KernelShape {
  const numbered = <T>(): { readonly numbers: Map<T, number>; readonly of: (x: T) => string } => {
    const numbers = new Map<T, number>();
    return { numbers, of: x => { const n = numbers.get(x) ?? numbers.size; numbers.set(x, n); return String(n); } };
  };
  const [buffers, sites] = [numbered<string>(), numbered<number>()];
  // what is met only where an index is loaded has its own name in the key, and so does its place in the list
  const listed = (name: string): string => (buffers.numbers.has(name) ? buffers.of(name) : `${buffers.of(name)}=${name}`);
  const key = write(kernel, { buffer: buffers.of, listed, site: sites.of });
  return { key, buffers: [...buffers.numbers.keys()], sites: [...sites.numbers.keys()] };
}

/** What buffers and sites are called, in the body and in the list of buffers after it. */
interface Naming { readonly buffer: (name: string) => string; readonly listed: (name: string) => string; readonly site: (of: number) => string }
function write(kernel: Kernel, { buffer, listed, site }: Naming): string {
  const ids = new Map<string, number>();
  const known = new Map<Expr, number>();
  const expr = (e: Expr): number => {
    const seen = known.get(e);
    if (seen !== undefined) return seen;
    const text = textOf(e);
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    known.set(e, id);
    return id;
  };
  const textOf = (e: Expr): string => {
    switch (e.kind) {
      case 'lit': return `${e.type}${Object.is(e.value, -0) ? '-0' : e.value}`;
      case 'ref': return `&${e.name}`;
      case 'scalar': return `$${e.name}`;
      case 'index': return `#${indexKey(e.index)}`;
      case 'load': return `${buffer(e.buffer)}[${indexKey(e.offset)}|${guardKey(e.guard)}|${e.fill ?? ''}]`;
      case 'inside': return `in ${guardKey(e.guard)}`;
      case 'noise': return `${e.family}${site(e.site)},${indexKey(e.sample)},${indexKey(e.element)}`;
      case 'op': return `${e.op} ${e.args.map(expr).join()}`;
    }
  };
  const stmt = (s: Stmt): string => {
    switch (s.kind) {
      case 'let': return `${s.name}=${expr(s.value)}`;
      case 'store': return `${buffer(s.buffer)}[${indexKey(s.offset)}]=${expr(s.value)}`;
      case 'map': return `map ${s.axis.name}<${s.axis.extent}{${s.body.map(stmt).join(';')}}`;
      case 'fold': return `fold ${s.axis.name}<${s.axis.extent} ${s.bounds?.map(expr).join() ?? ''} ${s.carries.map(c => `${c.name}:${expr(c.init)}`).join()}{${s.body.map(stmt).join(';')}}${s.carries.map(c => expr(c.next)).join()}`;
    }
  };
  const body = kernel.body.map(stmt).join('\n');
  // the texts are part of the key: an id is the position of its own
  return `${kernel.axes.map(a => `${a.name}<${a.extent}`).join()}|${kernel.buffers.map(b => `${listed(b.name)}:${showSize(b.size)}`).join()}|${body}|${[...ids.keys()].join('\n')}`;
}
