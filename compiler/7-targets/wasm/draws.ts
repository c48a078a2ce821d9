/**
 * Noise where it stands in an expression: a call that leaves a few values in memory, and loads from there. Imagine a whole tile
 * asking once.
 */
import { InternalError } from '../../diagnostics.ts';
import { parts } from '../../6-kernels/index.ts';
import type { Expr, Index } from '../../6-kernels/kernel.ts';
import { indexNode, literalStride } from './address.ts';
import { get, newLocal, put } from './scope.ts';
import type { Position, Scope } from './scope.ts';
import type { Node } from './spellings.ts';
import { assemble, bends, keyOf, varies } from './values.ts';

type Noise = Expr & { readonly kind: 'noise' };

/** Whether element is a multiple of four at the first lane. */
function isAligned(s: Scope, element: Index, p: Position): boolean {
  return element.constant % 4 === 0 && element.terms.every(({ coefficient, atom }) => {
    if (parts(coefficient).times % 4 === 0) return true;
    if (atom.kind !== 'axis') return false;
    const offset = p.offsets.get(atom.name) ?? 0;
    const place = s.axes.get(atom.name);
    return place !== undefined && place.multiple % 4 === 0 && offset % 4 === 0;
  });
}

/**
 * The noise function gives the address of `count` values from an element on: up to sixteen when the element begins a quad,
 * else up to thirteen. So one call serves a tile: all its vectors are fetched at once, before another call overwrites them.
 */
export function noise(s: Scope, e: Noise, p: Position, wide: boolean): Node {
  const lane = p.lane;
  if (!wide || lane === undefined) return s.m.f32.load(0, 4, callNoise(s, e, p, 1));
  const stride = varies(s, e.sample, lane) || bends(s, e.element, lane) ? undefined : literalStride(e.element, lane);
  if (stride !== 1) return assemble(s, 'f32', p, q => s.m.f32.load(0, 4, callNoise(s, e, q, 1)));
  const side = s.region.sides.find(x => x.axis === lane);
  const offset = p.offsets.get(lane) ?? 0;
  const at = (o: number): Position => ({ lane, offsets: new Map([...p.offsets, [lane, o]]) });
  const last = side ? (side.count - 1) * 4 : offset;
  const width = isAligned(s, e.element, at(0)) ? 16 : 12;
  const first = offset - (offset % width);
  const end = Math.min(first + width, last + 4);
  if (end - first <= 4) return s.m.v128.load(0, 4, callNoise(s, e, p, 4));
  const key = (o: number): string => `noise ${keyOf(s, e, at(o), 'wide')}`;
  const seen = s.shared.get(key(offset));
  if (seen) return get(s, seen);
  const pointer = newLocal(s, s.b.i32);
  put(s, s.frame, pointer, callNoise(s, e, at(first), end - first));
  for (let o = first; o < end; o += 4) {
    const local = newLocal(s, s.b.v128);
    put(s, s.frame, local, s.m.v128.load(4 * (o - first), 4, get(s, pointer)));
    s.shared.set(key(o), local);
  }
  return get(s, s.shared.get(key(offset)) ?? fail('noise without its tile'));
}
function callNoise(s: Scope, e: Noise, p: Position, count: number): Node {
  return s.m.call(s.memory.noise(e.family), [indexNode(s, e.element, p), indexNode(s, e.sample, p), siteOf(s, e.site), s.m.i32.const(count), ...(s.memory.apart ? [s.m.i32.const(rowOf(s, p))] : [])], s.b.i32);
}
function siteOf(s: Scope, site: number): Node {
  const given = s.given.sites.get(site);
  return given === undefined ? s.m.i32.const(site | 0) : s.m.local.get(given, s.b.i32);
}
/** Which of the tile's rows a position is in. */
const rowOf = (s: Scope, p: Position): number => s.region.sides.reduce((n, side) => (side.axis === p.lane ? n : n * side.count + (p.offsets.get(side.axis) ?? 0) / side.step), 0);

function fail(message: string): never { throw new InternalError('wasm', message); }
