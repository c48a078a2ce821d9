/**
 * WGSL, as a table of spellings. Natively spelled are only the operations that WGSL rounds well enough: its exp, log, tanh,
 * pow, sin and cos may be off by far more than 1e-5 (PEERS 3.3, 4.3), so they are left to their expansions.
 */
import { call, decimal, infix } from '../text.ts';
import type { Dialect } from '../text.ts';
import type { ScalarType } from '../../ops/names.ts';

export const dialect: Dialect = {
  ops: {
    add: infix('+'), sub: infix('-'), mul: infix('*'), div: infix('/'),
    min: call('min'), max: call('max'), floor: call('floor'), sqrt: call('sqrt'),
    lt: infix('<'), le: infix('<='), eq: infix('=='),
    and: infix('&&'), or: infix('||'), not: a => `!(${a})`,
    select: (condition, yes, no) => `select(${no}, ${yes}, ${condition})`,
    float: call('f32'),
    // By bits: an implementation may assume that no f32 is infinite or NaN, so that a comparison of floats proves nothing.
    finite: a => `((bitcast<u32>(${a}) & 0x7f800000u) != 0x7f800000u)`,
    ult: infix('<'), ueq: infix('=='),
    uadd: infix('+'), usub: infix('-'), uxor: infix('^'), uand: infix('&'), uor: infix('|'),
    ushl: infix('<<'), ushr: infix('>>'),
    ishr: (a, by) => `bitcast<u32>(bitcast<i32>(${a}) >> ${by})`,
    ifloat: a => `f32(bitcast<i32>(${a}))`,
    bits: call('bitcast<u32>'), unbits: call('bitcast<f32>'),
    neg: a => `(-${a})`, abs: call('abs'), sign: call('sign'),
  },
  literal,
  hidden: (type, value) => (type === 'f32' ? hidden(value) : literal(type, value)),
  extent: dynamic => dynamic,
  quotient: (x, by) => `(${x} / ${by})`,
  remainder: (x, by) => `(${x} % ${by})`,
  asValue: index => `u32(${index})`,
  asIndex: value => `i32(${value})`,
  choose: (condition, yes, no) => `select(${no}, ${yes}, ${condition})`,
  hold: condition => condition,
  // without short circuits: a branch for each condition of a window makes shaders that drivers take minutes to compile
  both: list => `(${list.map(c => (list.length > 1 ? `(${c})` : c)).join(' & ')})`,
  held: name => name,
  declare: (name, value, mutable) => `${mutable ? 'var' : 'let'} ${name} = ${value};`,
  loop: (name, from, to) => `for (var ${name} = ${from}; ${name} < ${to}; ${name}++) {`,
};

function literal(type: ScalarType, value: number): string {
  switch (type) {
    case 'bool': return value ? 'true' : 'false';
    case 'u32': return `${value >>> 0}u`;
    // WGSL has no literal for infinity and NaN, and refuses a constant expression that gives one.
    case 'f32': return Number.isFinite(Math.fround(value)) ? `${decimal(value)}f` : hidden(value);
  }
}
/** A f32 by its bits, through a function: what a function returns is never a constant expression. */
function hidden(value: number): string {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  return `hidden(0x${bits.toString(16)}u)`;
}
