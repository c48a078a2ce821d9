/** How much a kernel does: operations by kind and bytes moved, for given extents. The numbers behind `explain`. */
import { evaluateSize } from '../6-kernels/index.ts';
import type { Dynamic, Expr, Index, Kernel, Stmt } from '../6-kernels/kernel.ts';
import { ops } from '../ops/table.ts';

export interface Work {
  /** f32 additions, multiplications and the like; an exponential, logarithm or division counts in `transcendental`. */
  readonly arithmetic: number;
  /** The part of `arithmetic` that adds up contractions: two for each product, whatever else scales it. */
  readonly contracted: number;
  readonly transcendental: number;
  readonly noise: number;
  /** Loads and stores as written, before any cache or register. */
  readonly loads: number;
  readonly stores: number;
  /** Bytes of all buffers it touches, each once: what must move at least. */
  readonly bytes: number;
}

/** Counts a kernel once over its whole grid; an expression used twice counts once where it stands. */
export function countKernel(kernel: Kernel, extents: Readonly<Record<Dynamic, number>>): Work {
  const total = { arithmetic: 0, contracted: 0, transcendental: 0, noise: 0, loads: 0, stores: 0 };
  const turnsOf = (extent: number | Dynamic): number => (typeof extent === 'number' ? extent : extents[extent]);
  const block = (stmts: readonly Stmt[], times: number): void => {
    const seen = new Set<Expr>();
    const index = (i: Index): void => i.terms.forEach(t => { if (t.atom.kind === 'value') expr(t.atom.value); });
    const expr = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      switch (e.kind) {
        case 'op': total[ops[e.op].cost] += times; e.args.forEach(expr); break;
        case 'load': total.loads += times; index(e.offset); break;
        case 'noise': total.noise += times; break;
        case 'lit': case 'ref': case 'scalar': case 'index': case 'inside': break;
      }
    };
    for (const s of stmts) {
      switch (s.kind) {
        case 'let': expr(s.value); break;
        case 'store': expr(s.value); total.stores += times; break;
        case 'map': block(s.body, times * turnsOf(s.axis.extent)); break;
        case 'fold': {
          s.carries.forEach(c => expr(c.init));
          const turns = times * turnsOf(s.axis.extent);
          if (s.contraction) total.contracted += 2 * s.carries.length * turns;
          block([...s.body, ...s.carries.map((c): Stmt => ({ kind: 'let', name: c.name, value: c.next }))], turns);
          break;
        }
      }
    }
  };
  block(kernel.body, kernel.axes.reduce((n, a) => n * turnsOf(a.extent), 1));
  return { ...total, bytes: kernel.buffers.reduce((n, b) => n + 4 * evaluateSize(b.size, extents) * (b.access === 'update' ? 2 : 1), 0) };
}
