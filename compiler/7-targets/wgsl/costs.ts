/**
 * How much a kernel asks of a GPU, for a runtime that must not keep it busy for long. Imagine instructions of one position, as a
 * sum of a part that is always there and parts that grow with rows and samples: the loops over them.
 */
import { countKernel } from '../../5-schedule/count.ts';
import type { Dynamic, Kernel } from '../../6-kernels/kernel.ts';

/** Instructions of one operation: functions are written out; a word comes from a cache more often than not. By hand: a runtime measures what they are worth. */
const weights = { arithmetic: 1, transcendental: 15, noise: 65, loads: 8, stores: 8 } as const;

/** `[a, b, c, d]` for a + b·rows + c·samples + d·rows·samples, without zeros at the end. A loop over rows inside of another counts as if it were of few. */
export function costOf(kernel: Kernel): readonly number[] {
  const at = (rows: number, samples: number): number => {
    const extents: Readonly<Record<Dynamic, number>> = { rows, samples };
    const work = countKernel(kernel, extents);
    const positions = kernel.axes.reduce((n, a) => n * (typeof a.extent === 'number' ? a.extent : extents[a.extent]), 1);
    return Object.entries(weights).reduce((n, [kind, weight]) => n + weight * work[kind as keyof typeof weights], 0) / positions; // its own keys
  };
  const [one, rows, samples, both] = [at(1, 1), at(2, 1), at(1, 2), at(2, 2)];
  const product = both - rows - samples + one;
  const costs = [one + product - (rows - one) - (samples - one), rows - one - product, samples - one - product, product].map(c => Math.max(0, Math.round(c)));
  return costs.slice(0, costs.findLastIndex(c => c > 0) + 1);
}
