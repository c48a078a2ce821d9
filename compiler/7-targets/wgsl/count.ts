/** What a kernel moves in its form: the numbers that the form was made for, counted and not measured. */
import { countKernel } from '../../5-schedule/count.ts';
import type { Axis, Dynamic, Expr, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import type { Traffic } from '../target.ts';
import type { Contraction } from './contraction.ts';
import { fillOf } from './fill.ts';
import { workgroupsOf } from './form.ts';
import type { Form, Together } from './form.ts';
import type { Piece } from './pieces.ts';
import { workgroupSize } from './plain.ts';
import { extentOf, positionsOf } from './price.ts';
import { lanesOf, positionsAcross, positionsDown } from './shapes.ts';

export function trafficOf(kernel: Kernel, form: Form | undefined, extents: Readonly<Record<Dynamic, number>>): Traffic {
  const positions = positionsOf(kernel.axes, extents);
  const plain = countKernel(kernel, extents).loads;
  if (!form) return { form: 'a lane a position', workgroups: Math.ceil(positions / workgroupSize), globalLoads: plain, plainLoads: plain, sharedLoads: 0 };
  const { shape, sides, pieces: { pieces } } = form;
  const count = (axes: readonly Axis[]): number => positionsOf(axes, extents);
  const workgroups = workgroupsOf(form, count);
  const loadsOf = (body: readonly Stmt[], values: readonly Expr[]): number =>
    countKernel({ ...kernel, axes: [], body: [...body, ...values.map((value, i): Stmt => ({ kind: 'let', name: `value ${i}`, value }))] }, extents).loads;

  const total = { globalLoads: 0, sharedLoads: 0 };
  const walk = (list: readonly Piece<Together>[], times: number): void => {
    for (const p of list) {
      switch (p.kind) {
        case 'loop': walk(p.body, times * extentOf(p.axis.extent, extents)); break;
        // lanes that share a position all do what comes before the last piece
        case 'each': total.globalLoads += times * positions * (p.body.some(s => s.kind === 'store') ? 1 : shape.depth) * loadsOf(p.body, p.results.map(r => r.value)); break;
        case 'together':
          if (p.what.kind === 'contraction') contraction(p.what, times);
          else { total.globalLoads += times * positions * count(p.what.axes) * loadsOf(p.what.body, p.what.values); total.sharedLoads += times * workgroups * 2 * lanesOf(shape) * p.what.carries.length; }
      }
    }
  };
  function contraction(c: Contraction, times: number): void {
    const turns = times * count(c.loops) * count(c.turn);
    const filled = times * count(c.loops) * Math.ceil(count(c.turn) / shape.chunk) * shape.chunk;
    for (const o of c.operands) {
      const [own, other, reach] = o.side === 'down' ? [sides.down, sides.across, positionsAcross(shape)] : [sides.across, sides.down, positionsDown(shape)];
      total.globalLoads += turns * count(sides.batch) * count(own) * Math.ceil(count(other) / reach) * loadsOf([], [o.value]);
      total.sharedLoads += filled * workgroups * lanesOf(shape) * fillOf(o, c, sides, shape).each;
    }
  }
  walk(pieces, 1);
  return { form: showForm(form), workgroups, plainLoads: plain, ...total };
}

/** A form in words. */
function showForm({ shape, sides }: Form): string {
  const lanes = `${lanesOf(shape)} lanes`;
  if (shape.depth > 1) return `sums of ${positionsAcross(shape)} by ${lanes}`;
  const side = (axes: readonly Axis[], n: number): string => `${n} of ${axes.map(a => a.name).join(' ') || 'one'}`;
  return `tiles of ${side(sides.down, positionsDown(shape))} by ${side(sides.across, positionsAcross(shape))}, ${lanes} with ${shape.block.join(' by ')} each, ${shape.chunk} turns at once`;
}
