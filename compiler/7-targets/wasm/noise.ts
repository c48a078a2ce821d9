/**
 * The functions that draw. Imagine sixteen neighbouring elements: four counters in the lanes of a vector go through Threefry
 * at once, each gives four values, and a transposition puts them into the order of the elements.
 */
import binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Expr, Kernel } from '../../6-kernels/kernel.ts';
import { expandKernel } from '../../6-kernels/expand.ts';
import { shareKernel } from '../../6-kernels/share.ts';
import { exprAlgebra } from '../../ops/exprs.ts';
import type { BitOp, CoreOp } from '../../ops/names.ts';
import { noiseQuad } from '../../ops/noise.ts';
import { laneSpellings, scalarSpellings } from './spell.ts';
import type { Code, Native } from './spell.ts';

type Family = 'normal' | 'uniform';
const lanesOf4 = [0, 1, 2, 3] as const;

/** The four values of one counter as named expressions; `quad`, `sample` and `site` are names of u32 values. */
function quadKernel(family: Family): Kernel {
  const ref = (name: string): Expr => ({ kind: 'ref', type: 'u32', name });
  const field = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });
  const values = noiseQuad(exprAlgebra, family,
    [ref('quad'), exprAlgebra.op('uadd', ref('sample'), field('sampleBase')), field('countLo'), field('countHi')],
    [field('seedLo'), field('seedHi'), field('purpose'), ref('site')]);
  const kernel: Kernel = { name: family, axes: [], buffers: [], origins: [], body: values.map((value, i) => ({ kind: 'let', name: `value${i}`, value })) };
  return shareKernel(expandKernel(kernel, { spells: op => op === 'neg' || op === 'abs', keepsNoise: true }));
}

/** Straight-line code: a local for every name. Returns the statements and the locals of the four values. */
function straight(m: binaryen.Module, kernel: Kernel, lanes: 1 | 4, local: (type: binaryen.Type) => number, given: Readonly<Record<string, number>>, field: (name: string) => number):
  { readonly code: Code[]; readonly values: readonly number[] } {
  const spell = lanes === 4 ? laneSpellings(m) : scalarSpellings(m);
  const scalarType = (e: Expr): binaryen.Type => (e.type === 'f32' ? binaryen.f32 : binaryen.i32);
  const typeOf = (e: Expr): binaryen.Type => (lanes === 4 ? binaryen.v128 : scalarType(e));
  const named = new Map(Object.entries(given));
  const splat = (x: Code, e: Expr): Code => (lanes === 1 ? x : e.type === 'f32' ? m.f32x4.splat(x) : m.i32x4.splat(x));
  const expr = (e: Expr): Code => {
    switch (e.kind) {
      case 'lit': return splat(e.type === 'f32' ? m.f32.const(e.value) : m.i32.const(e.value | 0), e);
      case 'ref': return m.local.get(named.get(e.name) ?? fail(e.name), typeOf(e));
      case 'scalar': return splat(m.i32.load(field(e.name), 4, m.i32.const(0)), e);
      case 'op': {
        const op = e.op as CoreOp | BitOp | Native; // expansion has left only these
        const by = e.args[1];
        if (op === 'ushl' || op === 'ushr' || op === 'ishr') return spell[op](expr(e.args[0] ?? fail(op)), m.i32.const(by?.kind === 'lit' ? by.value : fail('a shift by what is not a literal')));
        return spell[op](...e.args.map(expr));
      }
      default: return fail(e.kind);
    }
  };
  const code = kernel.body.map(s => {
    if (s.kind !== 'let') return fail(s.kind);
    const value = expr(s.value);
    const at = local(typeOf(s.value));
    named.set(s.name, at);
    return m.local.set(at, value);
  });
  return { code, values: lanesOf4.map(i => named.get(`value${i}`) ?? fail('value')) };
}

export const oneName = (family: Family): string => `${family} one`;
export const sixteenName = (family: Family): string => `${family} sixteen`;

/** Adds both functions of a family. `field`: the address of a field of the record. */
export function addNoise(m: binaryen.Module, family: Family, field: (name: string) => number): void {
  const kernel = quadKernel(family);
  const { i32, f32, v128 } = binaryen;

  // (site, sample, element) -> f32
  const locals: binaryen.Type[] = [];
  const local = (type: binaryen.Type): number => 3 + locals.push(type) - 1;
  const quad = local(i32);
  const one = straight(m, kernel, 1, local, { site: 0, sample: 1, quad }, field);
  const lane = (): Code => m.i32.and(m.local.get(2, i32), m.i32.const(3));
  const value = (i: number): Code => m.local.get(one.values[i] ?? fail('value'), f32);
  const chosen = m.select(m.i32.lt_u(lane(), m.i32.const(2)), m.select(m.i32.eqz(lane()), value(0), value(1)), m.select(m.i32.eq(lane(), m.i32.const(2)), value(2), value(3)));
  m.addFunction(oneName(family), binaryen.createType([i32, i32, i32]), f32, locals, m.block(null, [m.local.set(quad, m.i32.shr_u(m.local.get(2, i32), m.i32.const(2))), ...one.code, chosen], f32));

  // (site, sample, element, address): sixteen values from a multiple of four on
  const wide: binaryen.Type[] = [];
  const wideLocal = (type: binaryen.Type): number => 4 + wide.push(type) - 1;
  const [quads, sites, samples] = [wideLocal(v128), wideLocal(v128), wideLocal(v128)];
  const four = straight(m, kernel, 4, wideLocal, { site: sites, sample: samples, quad: quads }, field);
  const ramp = m.v128.const([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
  const get = (at: number): Code => m.local.get(at, v128);
  const [a, b, c, d] = four.values;
  const pairs = lanesOf4.map(() => wideLocal(v128));
  // words of 4 bytes, of the first vector 0-3 and of the second 4-7
  const shuffle = (x: number | undefined, y: number | undefined, ...order: readonly number[]): Code => m.i8x16.shuffle(get(x ?? fail('x')), get(y ?? fail('y')), order.flatMap(w => lanesOf4.map(byte => 4 * w + byte)));
  const [p, q, r, s] = pairs;
  const rows = [shuffle(p, q, 0, 1, 4, 5), shuffle(p, q, 2, 3, 6, 7), shuffle(r, s, 0, 1, 4, 5), shuffle(r, s, 2, 3, 6, 7)];
  const body = [
    m.local.set(sites, m.i32x4.splat(m.local.get(0, i32))), m.local.set(samples, m.i32x4.splat(m.local.get(1, i32))),
    m.local.set(quads, m.i32x4.add(m.i32x4.splat(m.i32.shr_u(m.local.get(2, i32), m.i32.const(2))), ramp)),
    ...four.code,
    m.local.set(p ?? 0, shuffle(a, b, 0, 4, 1, 5)), m.local.set(q ?? 0, shuffle(c, d, 0, 4, 1, 5)),
    m.local.set(r ?? 0, shuffle(a, b, 2, 6, 3, 7)), m.local.set(s ?? 0, shuffle(c, d, 2, 6, 3, 7)),
    ...rows.map((x, i) => m.v128.store(16 * i, 4, m.local.get(3, i32), x)),
  ];
  m.addFunction(sixteenName(family), binaryen.createType([i32, i32, i32, i32]), binaryen.none, wide, m.block(null, body));
}

function fail(message: string): never { throw new InternalError('wasm', `noise: ${message}`); }
