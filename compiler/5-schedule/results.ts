/**
 * A kernel with several stores becomes several kernels, each with the statements that its own stores need. Where a kernel has one
 * result, clusters are not shared in the first place; what is left are values that have two places, as a turn of a loop that is both
 * yielded and carried on. Elsewhere it is values with very many places: the zeros that all moments begin with.
 */
import { childrenOf } from '../6-kernels/map.ts';
import type { Expr, Kernel, Size, Stmt } from '../6-kernels/kernel.ts';
import { buffersOf } from './emit.ts';

/** Kernels with so many stores at most, in the order of the stores. @param sizes Of all buffers. */
export function inParts(kernel: Kernel, most: number, sizes: (buffer: string) => Size): readonly Kernel[] {
  const stores = kernel.body.filter(s => s.kind === 'store');
  if (stores.length <= most) return [kernel];
  return Array.from({ length: Math.ceil(stores.length / most) }, (_, part) => {
    const own = new Set<Stmt>(stores.slice(part * most, (part + 1) * most));
    const needed = new Set<string>();
    const need = (e: Expr): void => {
      if (e.kind === 'ref') needed.add(e.name);
      childrenOf(e).forEach(need);
    };
    const body: Stmt[] = [];
    for (const s of kernel.body.toReversed()) {
      if (s.kind === 'store' ? !own.has(s) : s.kind === 'map' || !definedBy(s).some(name => needed.has(name))) continue;
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
