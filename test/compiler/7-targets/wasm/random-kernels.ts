/**
 * Small kernels at random: every shape of loop nest, every way to read, in combinations that nobody would write by hand. All
 * reads are inside of their buffers by construction.
 */
import { addIndex, axisIndex, constant, scaleIndex, sizeOf, valueIndex } from '../../../../compiler/6-kernels/index.ts';
import type { Axis, BufferUse, Condition, Expr, Index, Kernel, Size, Stmt } from '../../../../compiler/6-kernels/kernel.ts';
import type { Op } from '../../../../compiler/ops/names.ts';

/** Choices from a seed. */
export interface Dice { readonly below: (n: number) => number; readonly one: <T>(items: readonly T[]) => T; readonly chance: (p: number) => boolean }
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below, chance: p => next() < p,
    one: items => { const item = items[below(items.length)]; if (item === undefined) throw new Error('nothing to choose from'); return item; },
  };
}

const f = (value: number): Expr => ({ kind: 'lit', type: 'f32', value });
const op = (name: Op, type: Expr['type'], ...args: readonly Expr[]): Expr => ({ kind: 'op', op: name, type, args });

/** A kernel of one to three stores; u32 buffers hold numbers below 4. */
export function randomKernel(d: Dice): Kernel {
  const buffers = new Map<string, BufferUse>();
  let names = 0;
  /** Noise so far: half of all kernels have one alone, which loops treat in a way of its own. */
  const drawn: (Expr & { readonly kind: 'noise' })[] = [];
  const hasOneNoise = d.chance(0.5);
  const fresh = (prefix: string): string => `${prefix}${names++}`;
  const extents: readonly Axis['extent'][] = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 21, 70, 'rows', 'rows', 'samples'];
  const axis = (): Axis => ({ name: fresh('a'), extent: d.one(extents) });

  /** Row-major over some axes in some order. */
  const place = (axes: readonly Axis[]): { readonly offset: Index; readonly size: Size } => {
    let offset = constant(0);
    let stride: Size = 1;
    let size: Size = 1;
    for (const a of [...axes].sort(() => d.below(3) - 1)) {
      offset = addIndex(offset, scaleIndex(axisIndex(a.name), stride));
      size = sizeOf([a.extent]);
      stride = sizeProduct(stride, size);
    }
    return { offset, size: stride };
  };
  const some = (axes: readonly Axis[]): readonly Axis[] => axes.filter(() => d.chance(0.7));

  const read = (scope: readonly Axis[], type: 'f32' | 'u32'): Expr => {
    const axes = some(scope);
    const where = place(axes);
    const name = fresh(type === 'f32' ? 'f' : 'u');
    const guarded = axes.find(a => typeof a.extent === 'number');
    if (type === 'f32' && guarded && typeof guarded.extent === 'number' && d.chance(0.2)) {
      // a window that hangs over: [.., extent] read at position + shift
      const shift = d.below(5) - 2;
      const inner = place(axes.filter(a => a !== guarded));
      const moved = addIndex(axisIndex(guarded.name), constant(shift));
      const last = d.chance(0.5);
      const offset = last ? addIndex(scaleIndex(inner.offset, guarded.extent), moved) : addIndex(inner.offset, scaleIndex(moved, inner.size));
      const guard: Condition[] = [{ index: moved, from: 0, below: guarded.extent }];
      buffers.set(name, { name, type, size: sizeProduct(inner.size, guarded.extent), access: 'read' });
      return { kind: 'load', type, buffer: name, offset, guard, fill: d.one([0, 0.5]) };
    }
    if (type === 'f32' && d.chance(0.1)) {
      // a row chosen by a number that was read
      buffers.set(name, { name, type, size: sizeProduct(where.size, 4), access: 'read' });
      return { kind: 'load', type, buffer: name, offset: addIndex(where.offset, scaleIndex(valueIndex(read(scope, 'u32')), where.size)) };
    }
    const axisWithDigits = axes.find(a => typeof a.extent === 'number' && a.extent > 4);
    if (axisWithDigits && typeof axisWithDigits.extent === 'number' && d.chance(0.1)) {
      const by = d.one([2, 3, 4]);
      const rest = place(axes.filter(a => a !== axisWithDigits));
      const digit = (kind: 'div' | 'mod'): Index => ({ constant: 0, terms: [{ coefficient: 1, atom: { kind, index: axisIndex(axisWithDigits.name), by } }] });
      const rowsOfIt = Math.ceil(axisWithDigits.extent / by);
      buffers.set(name, { name, type, size: sizeProduct(rest.size, by * rowsOfIt), access: 'read' });
      return { kind: 'load', type, buffer: name, offset: addIndex(scaleIndex(rest.offset, by * rowsOfIt), addIndex(scaleIndex(digit('mod'), rowsOfIt), digit('div'))) };
    }
    const stretch = d.chance(0.15) ? d.one([2, 3]) : 1;
    buffers.set(name, { name, type, size: sizeProduct(where.size, stretch), access: 'read' });
    return { kind: 'load', type, buffer: name, offset: addIndex(scaleIndex(where.offset, stretch), constant(stretch - 1)) };
  };

  const condition = (scope: readonly Axis[], refs: readonly Expr[], depth: number): Expr => {
    const a = scope.find(() => d.chance(0.5));
    if (a && d.chance(0.4)) return { kind: 'inside', type: 'bool', guard: [{ index: addIndex(axisIndex(a.name), constant(-d.below(4))), from: d.below(3) - 1, below: 3 + d.below(9) }] };
    if (d.chance(0.2)) return op('ueq', 'bool', read(scope, 'u32'), { kind: 'lit', type: 'u32', value: d.below(4) });
    if (d.chance(0.2)) return op('not', 'bool', op('lt', 'bool', value(scope, refs, depth - 1), f(0.1)));
    return op('lt', 'bool', f(0), value(scope, refs, depth - 1));
  };
  const value = (scope: readonly Axis[], refs: readonly Expr[], depth: number): Expr => {
    if (depth <= 0) {
      if (refs.length > 0 && d.chance(0.4)) return d.one(refs);
      if (d.chance(0.15)) return f(d.one([0, 1, -0.5, 2]));
      if (d.chance(0.1)) return { kind: 'scalar', type: 'f32', name: 'rate' };
      return read(scope, 'f32');
    }
    const part = (): Expr => value(scope, refs, depth - 1 - d.below(2));
    switch (d.below(9)) {
      case 0: case 1: return op('add', 'f32', part(), part());
      case 2: return op('mul', 'f32', part(), part());
      case 3: return op('sub', 'f32', part(), part());
      case 4: return op(d.one(['max', 'min']), 'f32', part(), d.chance(0.5) ? f(0) : part());
      case 5: return op(d.one(['tanh', 'sigmoid', 'sin', 'neg', 'abs', 'softplus']), 'f32', part());
      case 6: return op('select', 'f32', condition(scope, refs, depth), part(), part());
      case 7: {
        const a = scope.find(() => d.chance(0.5));
        return a ? op('mul', 'f32', f(0.1), op('float', 'f32', { kind: 'index', type: 'u32', index: addIndex(axisIndex(a.name), constant(d.below(3))) })) : part();
      }
      default: {
        if (!d.chance(0.6)) return part();
        const known = new Set(scope.map(a => a.name));
        const there = drawn.filter(x => [...x.sample.terms, ...x.element.terms].every(t => t.atom.kind !== 'axis' || known.has(t.atom.name)));
        if (there.length > 0 && (hasOneNoise || d.chance(0.5))) return d.one(there);
        if (hasOneNoise && drawn.length > 0) return part();
        const sampled = d.chance(0.2) ? scope.find(() => d.chance(0.5)) : undefined;
        const made: Expr & { readonly kind: 'noise' } = {
          kind: 'noise', type: 'f32', family: d.one(['normal', 'uniform']), site: 1234567 + d.below(2), sample: sampled ? axisIndex(sampled.name) : constant(d.below(2)),
          element: addIndex(scaleIndex(place(some(scope)).offset, d.one([1, 1, 1, 2])), constant(d.one([0, 0, 1, 4]))),
        };
        drawn.push(made);
        return made;
      }
    }
  };

  /** Lets and folds; gives what can be referred to. */
  const block = (scope: readonly Axis[], refs: readonly Expr[], depth: number): { readonly body: readonly Stmt[]; readonly refs: readonly Expr[] } => {
    const body: Stmt[] = [];
    let known = refs;
    for (let i = d.below(3); i > 0; i--) {
      if (depth > 0 && d.chance(0.6)) {
        const made = fold(scope, known, depth);
        body.push(made.stmt);
        known = [...known, ...made.refs];
      } else {
        const name = fresh('v');
        body.push({ kind: 'let', name, value: value(scope, known, 2) });
        known = [...known, { kind: 'ref', type: 'f32', name }];
      }
    }
    return { body, refs: known };
  };
  const fold = (scope: readonly Axis[], refs: readonly Expr[], depth: number): { readonly stmt: Stmt; readonly refs: readonly Expr[] } => {
    const a = axis();
    const inner = [...scope, a];
    const combine = d.one(['add', 'add', 'add', 'max', 'min'] as const);
    const carried = Array.from({ length: 1 + d.below(2) }, () => fresh('s'));
    const made = block(inner, refs, depth - 1);
    const ordered = d.chance(0.2);
    const carries = carried.map((name, i) => {
      const own: Expr = { kind: 'ref', type: 'f32', name };
      const x = d.chance(0.5) ? op('mul', 'f32', read(inner, 'f32'), read(inner, 'f32')) : value(inner, made.refs, 2);
      // where the order of turns matters, one carry looks at another
      const other: Expr = { kind: 'ref', type: 'f32', name: carried[(i + 1) % carried.length] ?? name };
      const next = ordered ? op('add', 'f32', op('mul', 'f32', f(0.5), other), op('tanh', 'f32', x)) : op(combine, 'f32', own, x);
      return { name, type: 'f32' as const, init: d.chance(0.5) ? f(0) : value(scope, refs, 1), next };
    });
    return {
      stmt: { kind: 'fold', axis: a, body: made.body, carries, ...(ordered ? {} : { combine: carries.map(() => combine) }) },
      refs: carried.map(name => ({ kind: 'ref', type: 'f32', name })),
    };
  };

  const axes = Array.from({ length: d.below(4) }, axis);
  const outer = block(axes, [], 2);
  const innerAxis = d.chance(0.25) ? axis() : undefined;
  const all = innerAxis ? [...axes, innerAxis] : axes;
  const inner = innerAxis ? block(all, outer.refs, 1) : { body: [], refs: outer.refs };
  const updated = d.chance(0.3);
  const ends = Array.from({ length: 1 + d.below(2) }, (_, i): Stmt => {
    const name = fresh('out');
    const where = place(all);
    const isUpdate = updated && i === 0;
    buffers.set(name, { name, type: 'f32', size: where.size, access: isUpdate ? 'update' : 'write' });
    const x = value(all, inner.refs, 3);
    return { kind: 'store', buffer: name, offset: where.offset, value: isUpdate ? op('add', 'f32', { kind: 'load', type: 'f32', buffer: name, offset: where.offset }, x) : x };
  });
  const body: readonly Stmt[] = innerAxis ? [...outer.body, { kind: 'map', axis: innerAxis, body: [...inner.body, ...ends] }] : [...outer.body, ...ends];
  return { name: 'random', buffers: [...buffers.values()], axes, body, origins: [] };
}

function sizeProduct(a: Size, b: Size): Size {
  const [x, y] = [typeof a === 'number' ? { times: a, by: [] } : a, typeof b === 'number' ? { times: b, by: [] } : b];
  const by = [...x.by, ...y.by].sort();
  return by.length === 0 ? x.times * y.times : { times: x.times * y.times, by };
}
