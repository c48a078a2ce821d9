/**
 * The function that draws noise. Imagine a window of 64 values in scratch memory: four counters of Threefry side by side in the
 * lanes leave their words there; then each pair of vectors becomes values in the order of elements. They are two loops of two groups a
 * turn, since either is a long chain of operations that wait for each other, and a core looks only so far ahead for others.
 * Whoever asks for elements that the window still holds gets them without a draw; neighbouring sites and samples have windows of their own.
 */
import type binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Expr } from '../../6-kernels/kernel.ts';
import { exprAlgebra } from '../../ops/exprs.ts';
import { boxMuller, threefry, uniform } from '../../ops/noise.ts';
import { prepare } from '../prepare.ts';
import { empty, get, newLocal, newScope, positions, projection, put } from './scope.ts';
import type { Local, Memory, Scope } from './scope.ts';
import { spells } from './spellings.ts';
import type { Module, Node } from './spellings.ts';
import { inRegion, interleaved, writeBlock, writeLoop } from './statements.ts';
import { mine } from './threads.ts';

/** Values in a window, and windows of a family: chosen by site + sample. */
export const windowLength = 64;
const windows = 8;
/** Where a window says which element is its first. */
export const firstAt = 4 * windowLength;
/** A window, then the element, sample and site of its first value. */
const stride = firstAt + 16;
const keyAt = { element: firstAt, sample: firstAt + 4, site: firstAt + 8 } as const;
/** Bytes of scratch for one family. */
export const noiseBytes = windows * stride;
/** No element is less than a window after this one. */
export const nowhere = 0x80000000;

/** Forgets what is in the windows: the stream may be another one. */
export const forget = (m: Module, b: typeof binaryen, from: number): readonly Node[] =>
  Array.from({ length: windows }, (_, i) => m.i32.store(from + i * stride + keyAt.element, 4, mine(m, b, 'scratch'), m.i32.const(nowhere | 0)));

/**
 * Adds the function `name(element, sample, site, count) -> window`: where `count` values from that element on are, `count` at most 16, and
 * which element is first there. They stay until the next call. @param from Where the windows are in a thread's scratch memory. @param apart A
 * fifth argument is added to the number of the window: rows of a tile that are drawn by turns, far from each other, each keep theirs.
 */
export function addNoise(m: Module, b: typeof binaryen, memory: Memory, name: string, family: 'normal' | 'uniform', from: number, apart: boolean): void {
  const s = newScope(m, b, name, empty, memory, apart ? 5 : 4);
  const chosen = (x: Node): Node => (apart ? m.i32.add(x, m.local.get(4, b.i32)) : x);
  const [element, sample, site, count] = [0, 1, 2, 3].map((index): Local => ({ index, type: b.i32 })) as [Local, Local, Local, Local]; // of four
  const i32 = (x: number): number => m.i32.const(x | 0);
  const window = newLocal(s, b.i32);
  const kept = (at: number): number => m.i32.load(at, 4, get(s, window));
  const keep = (at: number, value: number): number => m.i32.store(at, 4, get(s, window), value);
  const head = [
    m.local.set(window.index, m.i32.add(m.i32.add(mine(m, b, 'scratch'), i32(from)), m.i32.mul(m.i32.and(chosen(m.i32.add(get(s, site), get(s, sample))), i32(windows - 1)), i32(stride)))),
    m.if([
      m.i32.eq(get(s, sample), kept(keyAt.sample)), m.i32.eq(get(s, site), kept(keyAt.site)),
      // from element - start on, count values must lie inside
      m.i32.le_u(m.i32.sub(get(s, element), kept(keyAt.element)), m.i32.sub(i32(windowLength), get(s, count))),
    ].reduce((x, y) => m.i32.and(x, y)), m.return(get(s, window))),
    keep(keyAt.element, m.i32.and(get(s, element), i32(-4))), keep(keyAt.sample, get(s, sample)), keep(keyAt.site, get(s, site)),
  ];
  draw(s, family, { element, sample, site }, window);
  const body = m.block(null, [...head, ...s.top.out, get(s, window)], b.i32);
  m.addFunction(name, b.createType(Array.from({ length: apart ? 5 : 4 }, () => b.i32)), b.i32, s.locals, body);
}

/** Fills a window: words first, then values. */
function draw(s: Scope, family: 'normal' | 'uniform', given: Readonly<Record<'element' | 'sample' | 'site', Local>>, window: Local): void {
  const a = exprAlgebra;
  const parameter = (name: keyof typeof given): Expr => {
    s.names.set(name, { type: 'u32', deps: empty, keys: empty, locals: new Map([[',', given[name]]]), depth: 0, lane: undefined });
    return { kind: 'ref', type: 'u32', name };
  };
  const field = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });
  // a window that begins before the first element, where something else stands beside what is drawn, goes on from the last quad to the first
  const quad = a.op('uand', a.op('uadd', a.op('ushr', parameter('element'), a.word(2)), { kind: 'index', type: 'u32', index: { constant: 0, terms: [{ coefficient: 1, atom: { kind: 'axis', name: 'quad' } }] } }), a.word(0x3fffffff));
  const counter = [quad, a.op('uadd', parameter('sample'), field('sampleBase')), field('countLo'), field('countHi')] as const;
  const key = [field('seedLo'), field('seedHi'), field('purpose'), parameter('site')] as const;
  // of four quads A B C D: words A0 A2 B0 B2, A1 A3 B1 B3, then those of C and D
  stage(s, window, 'quad', { vectors: 4, make: () => threefry(a, counter, key), kept: ([w0, w1, w2, w3]) => {
    const [first, second] = [interleaved(s, w0, w2), interleaved(s, w1, w3)];
    return [first[0], second[0], first[1], second[1]];
  } });
  // a pair of vectors of words is a pair of vectors of values: A0 A2 B0 B2 and A1 A3 B1 B3
  stage(s, window, 'pair', { vectors: 2, make: words => (family === 'normal' ? boxMuller(a, words(0), words(1)) : [uniform(a, words(0)), uniform(a, words(1))]), kept: ([v0, v1]) => interleaved(s, v0, v1) });
}

/** Four numbers side by side: so many vectors of the window are made from the expressions that `make` gives; `words` are the vectors that were there. */
interface Stage { readonly vectors: number; readonly make: (words: (i: number) => Expr) => readonly Expr[]; readonly kept: (made: readonly Local[]) => readonly Local[] }
/** A loop along the window, two such groups a turn. */
function stage(s: Scope, window: Local, axis: string, { vectors, make, kept }: Stage): void {
  const groups = 2;
  const at = newLocal(s, s.b.i32);
  put(s, s.frame, at, get(s, window));
  writeLoop(s, axis, 0, windowLength / vectors, 4 * groups, {}, () => {
    inRegion(s, { lane: axis, sides: [{ axis, count: groups, step: 4 }], turns: new Map() }, () => {
      const lanes = new Set([axis]);
      const places = positions(s, lanes);
      const words = (i: number): Expr => {
        const name = `word ${i}`;
        const locals = places.map((p, group): readonly [string, Local] => {
          const vector = newLocal(s, s.b.v128);
          put(s, s.frame, vector, s.m.v128.load(16 * (vectors * group + i), 16, get(s, at)));
          return [projection(p, lanes), vector];
        });
        s.names.set(name, { type: 'u32', deps: lanes, keys: lanes, locals: new Map(locals), depth: s.frame.depth, lane: axis });
        return { kind: 'ref', type: 'u32', name };
      };
      const lets = make(words).map((value, i) => ({ kind: 'let' as const, name: `${axis} value ${i}`, value }));
      const { body } = prepare({ name: s.name, buffers: [], axes: [], body: lets, origins: [] }, spells);
      writeBlock(s, body, { body, roles: new Map(), mayRepeat: true, shared: undefined, around: [], isLarge: false, panel: 0 });
      const made = places.flatMap(p => kept(lets.map(l => s.names.get(l.name)?.locals.get(projection(p, lanes)) ?? fail('a value is missing'))));
      made.forEach((vector, i) => { s.frame.out.push(s.m.v128.store(16 * i, 16, get(s, at), get(s, vector))); });
      put(s, s.frame, at, s.m.i32.add(get(s, at), s.m.i32.const(16 * made.length)));
    });
  });
}

function fail(message: string): never { throw new InternalError('wasm', message); }
