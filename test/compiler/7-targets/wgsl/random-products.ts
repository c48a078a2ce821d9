/**
 * Products at random, as schedules make them: one to three axes on either side, a nest of folds of several axes, operands that are
 * loaded, drawn, guarded, gathered or scaled, sums that go on into noise and into several stores.
 */
import { addIndex, axisIndex, constant, multiplySizes, scaleIndex, sizeOf, valueIndex } from '../../../../compiler/6-kernels/index.ts';
import type { Axis, BufferUse, Carry, Expr, Index, Kernel, Size, Stmt } from '../../../../compiler/6-kernels/kernel.ts';
import { recognize } from '../../../../compiler/6-kernels/recognize.ts';
import type { Op } from '../../../../compiler/ops/names.ts';
import type { Dice } from '../wasm/random-kernels.ts';

const f = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const op = (name: Op, type: Expr['type'], ...args: readonly Expr[]): Expr => ({ kind: 'op', type, op: name, args });
const ref = (name: string): Expr => ({ kind: 'ref', type: 'f32', name });

export function randomProduct(d: Dice): Kernel {
  const buffers = new Map<string, BufferUse>();
  let names = 0;
  const fresh = (prefix: string): string => `${prefix}${names++}`;
  const axis = (extents: readonly Axis['extent'][]): Axis => ({ name: fresh('a'), extent: d.one(extents) });
  const place = (axes: readonly Axis[]): { readonly offset: Index; readonly size: Size } => {
    let [offset, stride]: readonly [Index, Size] = [constant(0), 1];
    for (const a of [...axes].sort(() => d.below(3) - 1)) { offset = addIndex(offset, scaleIndex(axisIndex(a.name), stride)); stride = multiplySizes(stride, sizeOf([a.extent])); }
    return { offset, size: stride };
  };
  const read = (axes: readonly Axis[], type: 'f32' | 'u32' = 'f32'): Expr => {
    const name = fresh(type === 'f32' ? 'f' : 'u');
    const { offset, size } = place(axes);
    buffers.set(name, { name, type, size, access: 'read' });
    return { kind: 'load', type, buffer: name, offset };
  };
  /** A window that hangs over: read at position + turn - border. */
  const windowed = (axes: readonly Axis[], position: Axis, turn: Axis): Expr => {
    if (typeof position.extent !== 'number' || typeof turn.extent !== 'number') return read(axes);
    const rest = place(axes.filter(a => a !== position && a !== turn));
    const [stride, border] = [1 + d.below(2), d.below(turn.extent)];
    const at = addIndex(addIndex(scaleIndex(axisIndex(position.name), stride), axisIndex(turn.name)), constant(-border));
    const length = Math.max(1, (position.extent - 1) * stride + turn.extent - 2 * border);
    const name = fresh('w');
    buffers.set(name, { name, type: 'f32', size: multiplySizes(rest.size, length), access: 'read' });
    return { kind: 'load', type: 'f32', buffer: name, offset: addIndex(scaleIndex(rest.offset, length), at), guard: [{ index: at, from: 0, below: length }], fill: d.one([0, 0.25]) };
  };
  const operand = (side: readonly Axis[], turns: readonly Axis[]): Expr => {
    const all = [...side, ...turns];
    const [position, turn] = [side.at(-1), turns.at(-1)];
    switch (d.below(8)) {
      case 0: return position && turn ? windowed(all, position, turn) : read(all);
      case 1: return op('add', 'f32', read(all), op('mul', 'f32', f(0.5), { kind: 'noise', type: 'f32', family: d.one(['normal', 'uniform']), site: 99 + d.below(3), sample: constant(0), element: place(all).offset }));
      case 2: {
        const chosen = position ? read([position], 'u32') : undefined;
        if (!chosen) return read(all);
        const rest = place(all.filter(a => a !== position));
        const name = fresh('g');
        buffers.set(name, { name, type: 'f32', size: multiplySizes(rest.size, 4), access: 'read' });
        return { kind: 'load', type: 'f32', buffer: name, offset: addIndex(rest.offset, scaleIndex(valueIndex(chosen), rest.size)) };
      }
      case 3: return op('mul', 'f32', op('max', 'f32', read(all), f(0)), { kind: 'scalar', type: 'f32', name: 'rate' });
      case 4: return op('mul', 'f32', read(all), read(side));
      default: return read(all);
    }
  };

  const extents: readonly Axis['extent'][] = [1, 3, 17, 'rows', 'rows', 65, 130];
  const few: readonly Axis['extent'][] = [2, 3, 5, 'samples'];
  const side = (): readonly Axis[] => (d.chance(0.6) ? [axis(extents)] : d.chance(0.7) ? [axis(few), axis([3, 5, 17])] : [axis([2, 'rows']), axis([3, 4]), axis([3, 5])]);
  const [down, across] = [side(), d.chance(0.1) ? [] : side()];
  const batch = d.chance(0.3) ? [axis(['samples', 2])] : [];
  const grid = [...batch, ...down, ...across].sort(() => d.below(3) - 1);
  const turns = d.chance(0.5) ? [axis([1, 3, 17, 65, 130, 'rows'])] : d.chance(0.6) ? [axis([2, 6, 'rows']), axis([3, 5, 8]), axis([3, 5, 8])] : [axis(['rows', 3]), axis(['samples', 9])];
  const several = d.chance(0.25) ? 2 : 1;
  const shared = operand([...down, ...batch], turns);
  const products = Array.from({ length: several }, () => op('mul', 'f32', d.chance(0.5) ? shared : operand([...down, ...batch], turns), across.length > 0 ? operand([...across, ...batch], turns) : read(turns)));
  /** Sums of sums, from the inside out. */
  const nest = (rest: readonly Axis[]): { readonly stmts: readonly Stmt[]; readonly values: readonly Expr[] } => {
    const [outer, ...inner] = rest;
    if (!outer) return { stmts: [], values: products };
    const { stmts, values } = nest(inner);
    const carries = values.map((v): Carry => { const name = fresh('s'); return { name, type: 'f32', init: inner.length + 1 === turns.length && d.chance(0.4) ? read(across) : f(0), next: op('add', 'f32', ref(name), v) }; });
    return { stmts: [{ kind: 'fold', axis: outer, body: stmts, carries, combine: carries.map(() => 'add' as const) }], values: carries.map(c => ref(c.name)) };
  };
  let { stmts, values } = nest(turns);
  if (d.chance(0.35)) {
    // a gradient: the sum of each sample, and the same times its noise
    const samples = axis(['samples', 2]);
    const noise: Expr = { kind: 'noise', type: 'f32', family: 'normal', site: 7, sample: axisIndex(samples.name), element: place([...down, ...across]).offset };
    const carries = values.flatMap(v => [v, op('mul', 'f32', v, noise)]).map((v): Carry => { const name = fresh('s'); return { name, type: 'f32', init: f(0), next: op('add', 'f32', ref(name), v) }; });
    stmts = [{ kind: 'fold', axis: samples, body: stmts, carries, combine: carries.map(() => 'add' as const) }];
    values = carries.map(c => ref(c.name));
  }
  const before: Stmt[] = [];
  if (d.chance(0.3)) before.push({ kind: 'let', name: 'early', value: op('tanh', 'f32', read(across)) });
  if (d.chance(0.3)) {
    const own = axis([3, 4]);
    before.push({ kind: 'fold', axis: own, body: [], combine: ['max'], carries: [{ name: 'most', type: 'f32', init: f(-9), next: op('max', 'f32', ref('most'), read([own, ...down])) }] });
  }
  const known = [...values, ...before.map(s => (s.kind === 'let' ? ref(s.name) : ref('most')))];
  const after = known.reduce<Expr>((a, b) => op('add', 'f32', a, op('mul', 'f32', f(0.5), b)), read(grid));
  const stores = [op('max', 'f32', after, f(0)), ...(d.chance(0.4) ? [op('sigmoid', 'f32', values[0] ?? f(0))] : [])].map((value, i): { readonly let: Stmt; readonly store: Stmt } => {
    const name = fresh('out');
    const { offset, size } = place(grid);
    const isUpdate = i === 0 && d.chance(0.3);
    buffers.set(name, { name, type: 'f32', size, access: isUpdate ? 'update' : 'write' });
    const whole = isUpdate ? op('add', 'f32', { kind: 'load', type: 'f32', buffer: name, offset }, value) : value;
    return { let: { kind: 'let', name: `r${i}`, value: whole }, store: { kind: 'store', buffer: name, offset, value: ref(`r${i}`) } };
  });
  return recognize({ name: 'product', buffers: [...buffers.values()], axes: grid, body: [...before, ...stmts, ...stores.map(s => s.let), ...stores.map(s => s.store)], origins: [] });
}
