/** The whole difference between scalar and SIMD arithmetic: one row an op. In lanes, u32 and bool are v128 too, a bool being all bits. */
import type binaryen from 'binaryen';
import type { BitOp, CoreOp } from '../../ops/names.ts';

export type Code = binaryen.ExpressionRef;
/** Derived ops that WebAssembly has an instruction for. */
export type Native = 'neg' | 'abs';
type Spelling = (...args: Code[]) => Code;
export type Spellings = Readonly<Record<CoreOp | BitOp | Native, Spelling>>;

/** `by` of a shift is a literal, given as its number. */
type Shift = (x: Code, by: Code) => Code;

export function scalarSpellings(m: binaryen.Module): Spellings {
  const { f32, i32 } = m;
  const shift = (f: Shift): Spelling => (x, by) => f(need(x), need(by));
  const two = (f: (x: Code, y: Code) => Code): Spelling => (x, y) => f(need(x), need(y));
  const one = (f: (x: Code) => Code): Spelling => x => f(need(x));
  const mask = 0x7f800000;
  return {
    add: two(f32.add), sub: two(f32.sub), mul: two(f32.mul), div: two(f32.div), min: two(f32.min), max: two(f32.max), floor: one(f32.floor), sqrt: one(f32.sqrt),
    neg: one(f32.neg), abs: one(f32.abs),
    lt: two(f32.lt), le: two(f32.le), eq: two(f32.eq), and: two(i32.and), or: two(i32.or), not: one(i32.eqz),
    select: (c, x, y) => m.select(need(c), need(x), need(y)),
    float: one(f32.convert_u.i32), ifloat: one(f32.convert_s.i32),
    finite: one(x => i32.ne(i32.and(i32.reinterpret(x), i32.const(mask)), i32.const(mask))),
    ult: two(i32.lt_u), ueq: two(i32.eq),
    uadd: two(i32.add), usub: two(i32.sub), uxor: two(i32.xor), uand: two(i32.and), uor: two(i32.or),
    ushl: shift(i32.shl), ushr: shift(i32.shr_u), ishr: shift(i32.shr_s),
    bits: one(i32.reinterpret), unbits: one(f32.reinterpret),
  };
}

export function laneSpellings(m: binaryen.Module): Spellings {
  const { f32x4, i32x4, v128 } = m;
  const two = (f: (x: Code, y: Code) => Code): Spelling => (x, y) => f(need(x), need(y));
  const one = (f: (x: Code) => Code): Spelling => x => f(need(x));
  return {
    add: two(f32x4.add), sub: two(f32x4.sub), mul: two(f32x4.mul), div: two(f32x4.div), min: two(f32x4.min), max: two(f32x4.max), floor: one(f32x4.floor), sqrt: one(f32x4.sqrt),
    neg: one(f32x4.neg), abs: one(f32x4.abs),
    lt: two(f32x4.lt), le: two(f32x4.le), eq: two(f32x4.eq), and: two(v128.and), or: two(v128.or), not: one(v128.not),
    select: (c, x, y) => v128.bitselect(need(x), need(y), need(c)),
    float: one(f32x4.convert_i32x4_u), ifloat: one(f32x4.convert_i32x4_s),
    finite: one(x => v128.not(i32x4.eq(v128.and(x, i32x4.splat(m.i32.const(0x7f800000))), i32x4.splat(m.i32.const(0x7f800000))))),
    ult: two(i32x4.lt_u), ueq: two(i32x4.eq),
    uadd: two(i32x4.add), usub: two(i32x4.sub), uxor: two(v128.xor), uand: two(v128.and), uor: two(v128.or),
    // shifts take one scalar distance for all lanes
    ushl: two(i32x4.shl), ushr: two(i32x4.shr_u), ishr: two(i32x4.shr_s),
    // reinterpretation is free: a v128 has no type of element
    bits: one(x => x), unbits: one(x => x),
  };
}

function need(x: Code | undefined): Code { if (x === undefined) throw new Error('an operand is missing'); return x; }
