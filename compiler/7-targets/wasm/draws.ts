/**
 * Noise where it stands in an expression: a call that leaves a few values in memory, and loads from there. Imagine a whole tile
 * asking once.
 */
import { InternalError } from '../../diagnostics.ts';
import { parts } from '../../6-kernels/index.ts';
import type { Expr, Index } from '../../6-kernels/kernel.ts';
import { indexNode, literalStride } from './address.ts';
import { firstAt, nowhere, windowLength } from './noise.ts';
import { get, needsOf, newLocal, put } from './scope.ts';
import type { Local, Position, Scope } from './scope.ts';
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
 * The noise function gives a window with `count` values from an element on: up to sixteen when the element begins a quad,
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
  const kept = keptWindow(s, e, lane);
  if (end - first <= 4) return s.m.v128.load(0, 4, callNoise(s, e, p, 4, kept));
  const key = (o: number): string => `noise ${keyOf(s, e, at(o), 'wide')}`;
  const seen = s.shared.get(key(offset));
  if (seen) return get(s, seen);
  const pointer = newLocal(s, s.b.i32);
  put(s, s.frame, pointer, callNoise(s, e, at(first), end - first, kept));
  for (let o = first; o < end; o += 4) {
    const local = newLocal(s, s.b.v128);
    put(s, s.frame, local, s.m.v128.load(4 * (o - first), 4, get(s, pointer)));
    s.shared.set(key(o), local);
  }
  return get(s, s.shared.get(key(offset)) ?? fail('noise without its tile'));
}
/** The window that a loop used last, and its first element. */
interface Kept { readonly window: Local; readonly first: Local }
/**
 * The window that stays from turn to turn of a loop along the noise, where nothing else inside of the frame around draws, and the sample is
 * the same in all turns. The loop itself sees whether what comes next is in it: a call would cost a tenth of a draw.
 */
function keptWindow(s: Scope, e: Noise, lane: string): Kept | undefined {
  const home = s.frame.parent;
  if (!home || !s.oneNoise || s.frame.depth <= s.oneNoise.depth || s.frame.axis?.name !== lane) return undefined;
  const { deps, depth } = needsOf(s, { kind: 'index', type: 'u32', index: e.sample });
  if (depth >= s.frame.depth || s.region.sides.some(side => deps.has(side.axis))) return undefined;
  const [seen, of] = [s.frame.cache.get('first'), s.frame.cache.get('window')];
  if (seen && of) return { window: of, first: seen };
  const [window, first] = [newLocal(s, s.b.i32), newLocal(s, s.b.i32)];
  s.frame.cache.set('window', window).set('first', first);
  put(s, home, first, s.m.i32.const(nowhere | 0));
  return { window, first };
}
/** The address of `count` values; of those of a window that is kept without a call while it has them. */
function callNoise(s: Scope, e: Noise, p: Position, count: number, kept?: Kept): Node {
  const { m } = s;
  const element = newLocal(s, s.b.i32);
  const { window, first } = kept ?? { window: newLocal(s, s.b.i32), first: newLocal(s, s.b.i32) };
  const ahead = (): Node => m.i32.sub(get(s, element), get(s, first));
  const call = m.block(null, [
    m.local.set(window.index, m.call(s.memory.noise(e.family), [get(s, element), indexNode(s, e.sample, p), siteOf(s, e.site), m.i32.const(count), ...(s.memory.apart ? [m.i32.const(rowOf(s, p))] : [])], s.b.i32)),
    m.local.set(first.index, m.i32.load(firstAt, 4, get(s, window))),
  ]);
  return m.block(null, [
    m.local.set(element.index, indexNode(s, e.element, p)),
    kept ? m.if(m.i32.gt_u(ahead(), m.i32.const(windowLength - count)), call) : call,
    m.i32.add(get(s, window), m.i32.shl(ahead(), m.i32.const(2))),
  ], s.b.i32);
}
function siteOf(s: Scope, site: number): Node {
  const given = s.given.sites.get(site);
  return given === undefined ? s.m.i32.const(site | 0) : s.m.local.get(given, s.b.i32);
}
/** Which of the tile's rows a position is in. */
const rowOf = (s: Scope, p: Position): number => s.region.sides.reduce((n, side) => (side.axis === p.lane ? n : n * side.count + (p.offsets.get(side.axis) ?? 0) / side.step), 0);

function fail(message: string): never { throw new InternalError('wasm', message); }
