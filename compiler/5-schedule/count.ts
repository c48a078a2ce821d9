/** How much a kernel does: operations by kind and bytes moved, for given extents. The numbers behind `explain`. */
import { evaluateSize, indexKey } from '../6-kernels/index.ts';
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
  /** Bytes that it touches, each once: what must move at least. Of a buffer with a turn's slice for each turn of a loop, one slice. */
  readonly bytes: number;
}

/** Counts a kernel once over its whole grid; an expression used twice counts once where it stands. */
export function countKernel(kernel: Kernel, extents: Readonly<Record<Dynamic, number>>): Work {
  const total = { arithmetic: 0, contracted: 0, transcendental: 0, noise: 0, loads: 0, stores: 0 };
  const turnsOf = (extent: number | Dynamic): number => (typeof extent === 'number' ? extent : extents[extent]);
  /** Elements of a buffer that are touched at most: for each way to say where, as many as the axes in it make. */
  const touched = new Map<string, Map<string, number>>();
  const around = new Map<string, number>(kernel.axes.map(a => [a.name, turnsOf(a.extent)]));
  const touch = (buffer: string, offset: Index): void => {
    const of = touched.get(buffer) ?? new Map<string, number>();
    const names = new Set<string>();
    let isAnywhere = false;
    const visit = (i: Index): void => i.terms.forEach(({ atom }) => { if (atom.kind === 'axis') names.add(atom.name); else if (atom.kind === 'value') isAnywhere ||= atom.value.kind !== 'scalar'; else visit(atom.index); });
    visit(offset);
    touched.set(buffer, of.set(indexKey(offset), isAnywhere ? Infinity : [...names].reduce((n, a) => n * (around.get(a) ?? 1), 1)));
  };
  const block = (stmts: readonly Stmt[], times: number): void => {
    const seen = new Set<Expr>();
    const index = (i: Index): void => i.terms.forEach(t => { if (t.atom.kind === 'value') expr(t.atom.value); });
    const expr = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      switch (e.kind) {
        case 'op': total[ops[e.op].cost] += times; e.args.forEach(expr); break;
        case 'load': total.loads += times; touch(e.buffer, e.offset); index(e.offset); break;
        case 'noise': total.noise += times; break;
        case 'lit': case 'ref': case 'scalar': case 'index': case 'inside': break;
      }
    };
    for (const s of stmts) {
      switch (s.kind) {
        case 'let': expr(s.value); break;
        case 'store': expr(s.value); total.stores += times; touch(s.buffer, s.offset); break;
        case 'map': around.set(s.axis.name, turnsOf(s.axis.extent)); block(s.body, times * turnsOf(s.axis.extent)); break;
        case 'fold': {
          s.carries.forEach(c => expr(c.init));
          const turns = times * turnsOf(s.axis.extent);
          around.set(s.axis.name, turnsOf(s.axis.extent));
          if (s.contraction) total.contracted += 2 * s.carries.length * turns;
          block([...s.body, ...s.carries.map((c): Stmt => ({ kind: 'let', name: c.name, value: c.next }))], turns);
          break;
        }
      }
    }
  };
  block(kernel.body, kernel.axes.reduce((n, a) => n * turnsOf(a.extent), 1));
  const bytesOf = ({ name, size, access }: Kernel['buffers'][number]): number =>
    4 * Math.min(evaluateSize(size, extents), [...touched.get(name)?.values() ?? []].reduce((n, x) => n + x, 0)) * (access === 'update' ? 2 : 1);
  return { ...total, bytes: kernel.buffers.reduce((n, b) => n + bytesOf(b), 0) };
}
