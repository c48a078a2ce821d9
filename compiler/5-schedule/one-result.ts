/**
 * For targets whose kernels have one result: a kernel with several stores becomes as many kernels, each with the statements
 * its own store needs. Clusters are not shared on such targets in the first place; what is left are values that have two
 * places, as a turn of a loop that is both yielded and carried on.
 */
import { childrenOf } from '../6-kernels/map.ts';
import type { Expr, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { buffersOf } from './emit.ts';

/** Kernels with one store each, in the order of the stores. @param sizes Of all buffers. */
export function oneResultEach(kernel: Kernel, sizes: (buffer: string) => Size): readonly Kernel[] {
  const stores = kernel.body.filter(s => s.kind === 'store');
  if (stores.length <= 1) return [kernel];
  return stores.map(store => {
    const needed = new Set<string>();
    const need = (e: Expr): void => {
      if (e.kind === 'ref') needed.add(e.name);
      childrenOf(e).forEach(need);
    };
    const body: Stmt[] = [];
    for (const s of kernel.body.toReversed()) {
      if (s.kind === 'store' ? s !== store : s.kind === 'map' || !definedBy(s).some(name => needed.has(name))) continue;
      expressionsOf(s).forEach(need);
      body.unshift(s);
    }
    return { ...kernel, body, buffers: buffersOf(body, sizes) };
  });
}

const definedBy = (s: Stmt): readonly string[] => (s.kind === 'let' ? [s.name] : s.kind === 'fold' ? s.carries.map(c => c.name) : []);
/** Everything a statement evaluates, loops inside of it included. */
function expressionsOf(s: Stmt): readonly Expr[] {
  switch (s.kind) {
    case 'let': return [s.value];
    case 'store': return [s.value, { kind: 'index', type: 'u32', index: s.offset }];
    case 'map': return s.body.flatMap(expressionsOf);
    case 'fold': return [...s.carries.flatMap(c => [c.init, c.next]), ...(s.bounds ?? []), ...s.body.flatMap(expressionsOf)];
  }
}
