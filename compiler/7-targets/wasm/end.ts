/**
 * What comes after the folds of a tile. Imagine a matrix product of four rows by eight columns whose 32 sums each go through a
 * long update: the sums are laid down in scratch memory, and one small loop takes them up again, four at a time, so that the
 * update stands in the code once and not eight times.
 */
import type { Expr, Stmt } from '../../6-kernels/kernel.ts';
import { eachChild } from '../../6-kernels/map.ts';
import { get, newLocal, positions, projection, put, valueType } from './scope.ts';
import type { Binding, Local, Scope } from './scope.ts';
import type { Plan } from './plan.ts';
import { mine } from './threads.ts';
import { gcd, inRegion, writeBlock, writeLoop } from './statements.ts';
import type { Bound } from './statements.ts';

/** Operations beyond which a loop is shorter than copies; and what it costs in speed is nothing. */
const long = 40;

/** Writes the last statements of a tile as a loop over its elements, if that is worth it. */
export function writeEnd(s: Scope, rest: readonly Stmt[], plan: Plan): boolean {
  const { region } = s;
  const places = positions(s, undefined);
  if (places.length < 2 || !rest.some(x => x.kind === 'store')) return false;
  const names = new Set<string>();
  let size = 0, hasNoise = false;
  const expr = (e: Expr): void => { size++; if (e.kind === 'ref') names.add(e.name); hasNoise ||= e.kind === 'noise'; eachChild(e, expr); };
  for (const x of rest) {
    if (x.kind !== 'let' && x.kind !== 'store') return false;
    expr(x.value);
    if (x.kind === 'store') expr({ kind: 'index', type: 'u32', index: x.offset });
  }
  if (size < long || hasNoise) return false;

  const differs = (b: Binding): boolean => region.sides.some(side => b.keys.has(side.axis));
  const laid = [...names].flatMap(name => { const b = s.names.get(name); return b && !b.alias && differs(b) ? [{ name, b }] : []; });
  const start = s.allocate(16 * laid.length * places.length);
  const at = (which: number, place: number): number => 16 * (place * laid.length + which);
  laid.forEach(({ b }, which) => {
    places.forEach((p, place) => {
      const local = b.locals.get(projection({ lane: b.lane, offsets: p.offsets }, b.keys));
      if (local) s.frame.out.push(storeNode(s, b, start + at(which, place), local));
    });
  });

  const pointer = newLocal(s, s.b.i32);
  put(s, s.frame, pointer, s.m.i32.add(mine(s.m, s.b, 'scratch'), s.m.i32.const(start)));
  const saved = new Map(s.names);
  const loops = (depth: number): void => {
    const side = region.sides[depth];
    if (side) {
      const place = s.axes.get(side.axis);
      if (!place) return;
      const [from, to] = boundsOf(s, place.counter, place.base, side.count * side.step);
      writeLoop(s, side.axis, from, to, side.step, { multiple: gcd(side.step, place.multiple), isSure: true }, () => { loops(depth + 1); });
      return;
    }
    const sides = region.sides.filter(x => x.axis === region.lane).map(x => ({ ...x, count: 1 }));
    inRegion(s, { ...region, sides }, () => {
      laid.forEach(({ name, b }, which) => {
        const local = newLocal(s, valueType(s, b.type, b.lane !== undefined));
        put(s, s.frame, local, loadNode(s, b, at(which, 0), pointer));
        const keys = new Set([...b.keys].filter(a => a === region.lane));
        const key = projection({ lane: b.lane, offsets: new Map([...region.turns, ...sides.map(x => [x.axis, 0] as const)]) }, keys);
        s.names.set(name, { ...b, keys, locals: new Map([[key, local]]), depth: s.frame.depth });
      });
      s.needs = new Map();
      writeBlock(s, rest, plan);
      put(s, s.frame, pointer, s.m.i32.add(get(s, pointer), s.m.i32.const(at(0, 1))));
    });
  };
  loops(0);
  for (const [name, b] of saved) s.names.set(name, b);
  s.needs = new Map();
  return true;
}

/** From where an axis stands, over so many positions. */
function boundsOf(s: Scope, counter: Local | undefined, base: number, count: number): readonly [Bound, Bound] {
  if (!counter) return [base, base + count];
  const to = newLocal(s, s.b.i32);
  put(s, s.frame, to, s.m.i32.add(get(s, counter), s.m.i32.const(base + count)));
  if (base === 0) return [counter, to];
  const from = newLocal(s, s.b.i32);
  put(s, s.frame, from, s.m.i32.add(get(s, counter), s.m.i32.const(base)));
  return [from, to];
}
const storeNode = (s: Scope, b: Binding, at: number, local: Local): number =>
  (b.lane !== undefined ? s.m.v128.store(at, 16, mine(s.m, s.b, 'scratch'), get(s, local))
    : b.type === 'f32' ? s.m.f32.store(at, 4, mine(s.m, s.b, 'scratch'), get(s, local)) : s.m.i32.store(at, 4, mine(s.m, s.b, 'scratch'), get(s, local)));
const loadNode = (s: Scope, b: Binding, offset: number, pointer: Local): number =>
  (b.lane !== undefined ? s.m.v128.load(offset, 16, get(s, pointer))
    : b.type === 'f32' ? s.m.f32.load(offset, 4, get(s, pointer)) : s.m.i32.load(offset, 4, get(s, pointer)));
