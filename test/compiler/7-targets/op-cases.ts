/**
 * Every scalar operation as a kernel of its own: y[i] = op(a[i], b[i], …) over a grid of values, and what it means in double
 * precision. A loop over the table: a new operation is tested on every target by being in it.
 */
import { axisIndex } from '../../../compiler/6-kernels/index.ts';
import type { BufferUse, Expr, Kernel } from '../../../compiler/6-kernels/kernel.ts';
import type { BitOp, Op, ScalarType } from '../../../compiler/ops/names.ts';
import { bits, ops } from '../../../compiler/ops/table.ts';
import type { Memory } from '../../support/plan.ts';

export interface OpCase {
  readonly op: Op;
  /** Needs 32-bit integers. */
  readonly integers: boolean;
  readonly kernel: Kernel;
  readonly inputs: Memory;
  /** Words as their low and high halves. */
  readonly expected: Memory;
}

const floats = [0, 1, -1, 0.5, -0.5, 2, 3, -3, 0.1, 1 / 3, -0.75, 1.5, 7.25, -12.5, 20, -20, 30.5, 80, -80, 1e-3, -1e-3, 1e-6, -1e-6, 1e-12, 1e-20, 1e5, -1e5, 1e10, 1e20, -1e20]
  .map(Math.fround);
const wholes = [0, 1, 2, 31, 255, 1000, 2 ** 16, 2 ** 23 + 1, 2 ** 24 - 1];
const words = [...wholes, 2 ** 31 - 1, 2 ** 31, 0x1bd11bda, 2 ** 32 - 1];

/** Where an operation has a meaning that single precision can hold: elsewhere targets may differ (WGSL 15.7). */
const domains: Partial<Record<Op, (...x: readonly number[]) => boolean>> = {
  sqrt: x => x >= 0, log: x => x > 0, log1p: x => x > -1, pow: x => x > 0,
  sin: x => Math.abs(x) <= 1e4, cos: x => Math.abs(x) <= 1e4,
  pow2: x => Number.isInteger(x) && Math.abs(x) <= 126,
};
const shifts: readonly Op[] = ['ushl', 'ushr', 'ishr'];
const isBit = (op: Op): op is BitOp => op in bits;

function caseOf(op: Op): OpCase {
  const record = ops[op];
  const types = record.args.map(a => (a === 'T' ? 'f32' : a));
  const result: ScalarType = record.result === 'same' ? 'f32' : record.result;
  const shift = shifts.includes(op) ? 7 : undefined;
  const free = shift === undefined ? types : types.slice(0, 1);
  const all = product(free.map(t => (t === 'f32' ? floats : t === 'bool' ? [0, 1] : isBit(op) ? words : wholes)));
  const tuples = all.map(x => (shift === undefined ? x : [...x, shift])).filter(x => (domains[op]?.(...x) ?? true) && tellable(record.eval(...x)));
  const buffers: BufferUse[] = free.map((t, i) => ({ name: `x${i}`, type: t === 'u32' ? 'u32' : 'f32', size: tuples.length, access: 'read' }));
  const args = types.map((t, i): Expr => {
    if (i === 1 && shift !== undefined) return { kind: 'lit', type: 'u32', value: shift };
    const load: Expr = { kind: 'load', type: t === 'u32' ? 'u32' : 'f32', buffer: `x${i}`, offset: axisIndex('i') };
    return t === 'bool' ? { kind: 'op', op: 'lt', type: 'bool', args: [{ kind: 'lit', type: 'f32', value: 0.5 }, load] } : load;
  });
  const plain: Expr = { kind: 'op', op, type: result, args };
  const value: Expr = result === 'bool' ? { kind: 'op', op: 'select', type: 'f32', args: [plain, { kind: 'lit', type: 'f32', value: 1 }, { kind: 'lit', type: 'f32', value: 0 }] } : plain;
  const half = (name: 'uand' | 'ushr', by: number): Expr => ({ kind: 'op', op: name, type: 'u32', args: [value, { kind: 'lit', type: 'u32', value: by }] });
  // A backend gives what it reads as f32, which holds half of a word exactly.
  const results: Readonly<Record<string, Expr>> = result === 'u32' ? { low: half('uand', 0xffff), high: half('ushr', 16) } : { y: value };
  const values = tuples.map(x => record.eval(...x));
  return {
    op, integers: isBit(op),
    kernel: {
      name: `op ${op}`, origins: [], axes: [{ name: 'i', extent: tuples.length }],
      buffers: [...buffers, ...Object.keys(results).map((name): BufferUse => ({ name, type: result === 'u32' ? 'u32' : 'f32', size: tuples.length, access: 'write' }))],
      body: Object.entries(results).map(([buffer, e]) => ({ kind: 'store', buffer, offset: axisIndex('i'), value: e })),
    },
    inputs: Object.fromEntries(free.map((_, i) => [`x${i}`, tuples.map(x => x[i] ?? 0)])),
    expected: result === 'u32' ? { low: values.map(y => y % 2 ** 16), high: values.map(y => Math.floor(y / 2 ** 16)) } : { y: values },
  };
}

/** Normal numbers and zero: what is infinite, or too small to have all its bits, is not compared. */
const tellable = (y: number): boolean => y === 0 || (Math.abs(y) >= 2 ** -126 && Math.abs(y) < 2 ** 128 * (1 - 2 ** -25));

function product(sets: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const [first, ...rest] = sets;
  if (!first) return [[]];
  // Three arguments in full would be many thousands: the third takes every seventh value.
  const tails = product(rest.map((r, i) => (i === 1 ? r.filter((_, k) => k % 7 === 0) : r)));
  return first.flatMap(x => tails.map(tail => [x, ...tail]));
}

/** One case an operation; those that shift have a literal as their second argument. */
export const opCases: readonly OpCase[] = (Object.keys(ops) as Op[]).map(caseOf); // the keys of a record of all ops
