/**
 * The function that draws noise. Imagine a window of sixteen values in scratch memory: four counters of Threefry side by side
 * in the lanes, their words turned into values, and those transposed into the order of elements. Whoever asks for elements
 * that the window still holds gets them without a draw.
 */
import type binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Expr, Stmt } from '../../6-kernels/kernel.ts';
import { exprAlgebra } from '../../ops/exprs.ts';
import { noiseQuad } from '../../ops/noise.ts';
import { prepare } from '../prepare.ts';
import { empty, get, inFrame, newLocal, newScope, put } from './scope.ts';
import type { Local, Memory, Scope } from './scope.ts';
import { spells } from './spellings.ts';
import type { Module } from './spellings.ts';
import { writeBlock } from './statements.ts';

/** Bytes of scratch for one family: sixteen values, then the element, sample and site of the first. */
export const windowBytes = 128;
const keyAt = { element: 64, sample: 68, site: 72 } as const;
/** No element is less than sixteen after this one. */
export const nowhere = 0x80000000;
export const windowKey = keyAt.element;

/**
 * Adds the function `name(element, sample, site, count) -> address of count values`. `count` is at most 16 when the element is
 * a multiple of four, else at most 13. The values stay until the next call.
 */
export function addNoise(m: Module, b: typeof binaryen, memory: Memory, name: string, family: 'normal' | 'uniform', window: number): void {
  const s = newScope(m, b, name, empty, memory, 4);
  const [element, sample, site, count] = [0, 1, 2, 3].map((index): Local => ({ index, type: b.i32 })) as [Local, Local, Local, Local]; // of four
  const i32 = (x: number): number => m.i32.const(x | 0);
  const kept = (at: number): number => m.i32.load(window + at, 4, i32(0));

  const values = drawing(s, family, { element, sample, site });
  const same = [
    m.i32.eq(get(s, sample), kept(keyAt.sample)), m.i32.eq(get(s, site), kept(keyAt.site)),
    // from element - start on, count values must lie inside
    m.i32.le_u(m.i32.sub(get(s, element), kept(keyAt.element)), m.i32.sub(i32(16), get(s, count))),
  ].reduce((x, y) => m.i32.and(x, y));
  const rows = transposed(s, values);
  const keep = (at: number, value: number): number => m.i32.store(window + at, 4, i32(0), value);
  const body = m.block(null, [
    m.if(same, m.return(m.i32.add(i32(window), m.i32.shl(m.i32.sub(get(s, element), kept(keyAt.element)), i32(2))))),
    keep(keyAt.element, m.i32.and(get(s, element), i32(-4))), keep(keyAt.sample, get(s, sample)), keep(keyAt.site, get(s, site)),
    ...s.top.out,
    ...rows.map((row, i) => m.v128.store(window + 16 * i, 16, i32(0), get(s, row))),
    m.i32.add(i32(window), m.i32.shl(m.i32.and(get(s, element), i32(3)), i32(2))),
  ], b.i32);
  m.addFunction(name, b.createType([b.i32, b.i32, b.i32, b.i32]), b.i32, s.locals, body);
}

/** Four vectors: value j of four neighbouring quads in vector j. */
function drawing(s: Scope, family: 'normal' | 'uniform', given: Readonly<Record<'element' | 'sample' | 'site', Local>>): readonly Local[] {
  const a = exprAlgebra;
  const parameter = (name: keyof typeof given): Expr => {
    s.names.set(name, { type: 'u32', deps: empty, keys: empty, locals: new Map([[',', given[name]]]), depth: 0, lane: undefined });
    return { kind: 'ref', type: 'u32', name };
  };
  const field = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });
  const quad = a.op('uadd', a.op('ushr', parameter('element'), a.word(2)), { kind: 'index', type: 'u32', index: { constant: 0, terms: [{ coefficient: 1, atom: { kind: 'axis', name: 'quad' } }] } });
  const counter = [quad, a.op('uadd', parameter('sample'), field('sampleBase')), field('countLo'), field('countHi')] as const;
  const key = [field('seedLo'), field('seedHi'), field('purpose'), parameter('site')] as const;
  const values = noiseQuad(a, family, counter, key);
  const lets = values.map((value, i): Stmt => ({ kind: 'let', name: `value ${i}`, value }));
  const { body } = prepare({ name: s.name, buffers: [], axes: [], body: lets, origins: [] }, spells);

  const found: Local[] = [];
  const frame = inFrame(s, { mayBeEmpty: false }, () => {
    s.axes.set('quad', { frame: s.frame, counter: undefined, base: 0, multiple: 4 });
    s.region = { lane: 'quad', sides: [{ axis: 'quad', count: 1, step: 4 }], turns: new Map() };
    writeBlock(s, body, { body, roles: new Map(), mayRepeat: true });
    for (const l of lets) found.push([...s.names.get(l.kind === 'let' ? l.name : '')?.locals.values() ?? []][0] ?? fail('a value is missing'));
  });
  s.top.out.push(...frame.out);
  return found;
}

/** Rows of a 4x4 block as columns. */
function transposed(s: Scope, rows: readonly Local[]): readonly Local[] {
  const words = (...w: readonly number[]): number[] => w.flatMap(x => [4 * x, 4 * x + 1, 4 * x + 2, 4 * x + 3]);
  const shuffle = (x: Local | undefined, y: Local | undefined, mask: readonly number[]): Local => {
    if (!x || !y) return fail('a row is missing');
    const l = newLocal(s, s.b.v128);
    put(s, s.top, l, s.m.i8x16.shuffle(get(s, x), get(s, y), mask));
    return l;
  };
  const [low, high] = [words(0, 4, 1, 5), words(2, 6, 3, 7)];
  const [a, b, c, d] = [shuffle(rows[0], rows[1], low), shuffle(rows[0], rows[1], high), shuffle(rows[2], rows[3], low), shuffle(rows[2], rows[3], high)];
  const [first, second] = [words(0, 1, 4, 5), words(2, 3, 6, 7)];
  return [shuffle(a, c, first), shuffle(a, c, second), shuffle(b, d, first), shuffle(b, d, second)];
}

function fail(message: string): never { throw new InternalError('wasm', message); }
