/**
 * What the targets that are text have in common. Imagine a kernel read aloud: one printer walks its statements and
 * expressions, and a `Dialect` says how each small thing is spelled. A dialect never sees the structure, the printer never
 * sees a spelling.
 */
import { InternalError } from '../diagnostics.ts';
import { parts } from '../6-kernels/index.ts';
import type { Atom, Axis, Condition, Dynamic, Expr, Fold, Index, Size, Stmt, Term } from '../6-kernels/kernel.ts';
import type { Op, ScalarType } from '../ops/names.ts';

/** How an operation is written, given its arguments as text. */
export type Spelling = (...args: readonly string[]) => string;

/** What WGSL and gpu.js disagree about. An index is text of a signed whole number; a value is text of a scalar. */
export interface Dialect {
  /** Operations this dialect can say; the others must have been expanded before. */
  readonly ops: Partial<Readonly<Record<Op, Spelling>>>;
  readonly literal: (type: ScalarType, value: number) => string;
  /** The same, where all arguments of an operation are literals: a compiler of the dialect may not work it out itself and refuse what comes out. */
  readonly hidden: (type: ScalarType, value: number) => string;
  readonly extent: (dynamic: Dynamic) => string;
  /** ⌊x / by⌋ and x mod by, for an index x >= 0. */
  readonly quotient: (x: string, by: number) => string;
  readonly remainder: (x: string, by: number) => string;
  /** An index as a u32 value, and a u32 value as an index. */
  readonly asValue: (index: string) => string;
  readonly asIndex: (value: string) => string;
  readonly choose: (condition: string, yes: string, no: string) => string;
  /** True where all of these comparisons hold. */
  readonly both: (comparisons: readonly string[]) => string;
  /** A bool as it is held in a variable, and read from one. */
  readonly hold: (condition: string) => string;
  readonly held: (name: string) => string;
  readonly declare: (name: string, value: string, mutable: boolean) => string;
  /** The line that opens a loop over `from <= name < to`. */
  readonly loop: (name: string, from: string, to: string) => string;
}

/** What a single kernel adds to the dialect: where its buffers and its scalars are. */
export interface Place {
  readonly load: (buffer: string, type: ScalarType, offset: string) => string;
  readonly store: (buffer: string, offset: string, value: string) => string;
  readonly scalar: (name: string, type: ScalarType) => string;
  readonly noise: (family: 'normal' | 'uniform', site: number, sample: string, element: string) => string;
}

export const infix = (sign: string): Spelling => (a, b) => `(${a} ${sign} ${b})`;
export const call = (name: string): Spelling => (...args) => `${name}(${args.join(', ')})`;

const positions = new WeakMap<readonly object[], ReadonlyMap<string, number>>();
/** Where a name is in a list of the schedule, or -1; a large model asks for each of thousands of buffers in thousands of kernels. */
export function positionIn(list: readonly { readonly name: string }[], name: string): number {
  const known = positions.get(list) ?? new Map(list.map((x, i) => [x.name, i] as const));
  positions.set(list, known);
  return known.get(name) ?? -1;
}

/**
 * Gives each name of the compiler an identifier, never the same one twice. One letter stays as it is; all others end in `_`,
 * as no keyword, type or built-in function of either dialect does, and nothing that the targets declare themselves.
 */
export function makeNames(): (name: string) => string {
  const given = new Map<string, string>();
  const taken = new Set<string>();
  return name => {
    const known = given.get(name);
    if (known !== undefined) return known;
    const plain = name.replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?![A-Za-z])/, 'n');
    let free = /^[A-Za-z]$/.test(plain) ? plain : `${plain.replace(/_$/, '')}_`;
    for (let i = 2; taken.has(free); i++) free = `${plain.replace(/_$/, '')}_${i}_`;
    taken.add(free);
    given.set(name, free);
    return free;
  };
}

/** Indices are signed 32-bit numbers in WGSL. */
const largestIndex = 2 ** 31 - 1;

/** Everything that can be printed of one kernel. */
export interface Printer {
  readonly expr: (e: Expr) => string;
  readonly index: (i: Index) => string;
  readonly extent: (e: Axis['extent']) => string;
  readonly size: (s: Size) => string;
  /** Statements as lines, indented by two blanks a level. */
  readonly block: (body: readonly Stmt[]) => readonly string[];
}

/** A printer for the body of one kernel; `names` spells its axes and variables. */
export function makePrinter(dialect: Dialect, place: Place, names: (name: string) => string): Printer {
  const size = (s: Size): string => {
    const { times, by } = parts(s);
    return [...(times === 1 && by.length ? [] : [String(times)]), ...by.map(dialect.extent)].join(' * ');
  };
  const extent = (e: Axis['extent']): string => (typeof e === 'number' ? String(e) : dialect.extent(e));

  const atom = (a: Atom): string => {
    switch (a.kind) {
      case 'axis': return names(a.name);
      case 'div': return dialect.quotient(group(a.index), a.by);
      case 'mod': return dialect.remainder(group(a.index), a.by);
      case 'value': return a.value.kind === 'lit' ? String(a.value.value) : dialect.asIndex(expr(a.value));
    }
  };
  /** A term without its sign, and whether it is subtracted. */
  const term = ({ coefficient, atom: a }: Term): { readonly negative: boolean; readonly text: string } => {
    const { times, by } = parts(coefficient);
    const factors = [size({ times: Math.abs(times), by }), atom(a)].filter(f => f !== '1');
    return { negative: times < 0, text: factors.join(' * ') || '1' };
  };
  const index = (i: Index): string => {
    const terms = i.terms.map(term);
    // The positive ones first, so that nothing starts with a sign.
    const [plus, minus] = [terms.filter(t => !t.negative), terms.filter(t => t.negative)];
    const ends = i.constant < 0 ? [...minus.map(t => t.text), String(-i.constant)] : minus.map(t => t.text);
    const starts = [...plus.map(t => t.text), ...(i.constant > 0 || plus.length === 0 ? [String(Math.max(0, i.constant))] : [])];
    return [starts.join(' + '), ...ends].join(' - ');
  };
  const group = (i: Index): string => (i.terms.length + (i.constant === 0 ? 0 : 1) > 1 ? `(${index(i)})` : index(i));

  const comparisons = ({ index: i, from, below }: Condition): readonly string[] => {
    const text = group(i);
    if (below === from + 1) return [`${text} == ${from}`];
    // A bound above all indices is no bound, and no whole number of a dialect.
    return typeof below === 'number' && below > largestIndex ? [`${text} >= ${from}`] : [`${text} >= ${from}`, `${text} < ${size(below)}`];
  };
  const guard = (conditions: readonly Condition[]): string =>
    conditions.length === 0 ? dialect.literal('bool', 1) : dialect.both(conditions.flatMap(comparisons));

  const expr = (e: Expr): string => {
    switch (e.kind) {
      case 'lit': return dialect.literal(e.type, e.value);
      case 'ref': return e.type === 'bool' ? dialect.held(names(e.name)) : names(e.name);
      case 'index': return dialect.asValue(index(e.index));
      case 'scalar': return place.scalar(e.name, e.type);
      case 'inside': return guard(e.guard);
      case 'noise': return place.noise(e.family, e.site, dialect.asValue(index(e.sample)), dialect.asValue(index(e.element)));
      case 'load': {
        const value = place.load(e.buffer, e.type, index(e.offset));
        return e.guard?.length ? dialect.choose(guard(e.guard), value, dialect.literal(e.type, e.fill ?? 0)) : value;
      }
      case 'op': {
        const spelling = dialect.ops[e.op];
        if (!spelling) throw new InternalError('targets', `no spelling for '${e.op}'`);
        const fixed = e.args.every(a => a.kind === 'lit');
        return spelling(...e.args.map(a => (fixed && a.kind === 'lit' ? dialect.hidden(a.type, a.value) : expr(a))));
      }
    }
  };

  const value = (e: Expr): string => (e.type === 'bool' ? dialect.hold(expr(e)) : expr(e));
  const fold = (s: Fold): readonly string[] => {
    const several = s.carries.length > 1;
    const next = (name: string): string => (several ? names(`${name} next`) : names(name));
    return [
      ...s.carries.map(c => dialect.declare(names(c.name), value(c.init), true)),
      dialect.loop(names(s.axis.name), s.bounds ? dialect.asIndex(expr(s.bounds[0])) : '0', s.bounds ? dialect.asIndex(expr(s.bounds[1])) : extent(s.axis.extent)),
      ...indent([
        ...block(s.body),
        // All carries change at once: with several, the new values are made before any old one is lost.
        ...s.carries.map(c => (several ? dialect.declare(next(c.name), value(c.next), false) : `${names(c.name)} = ${value(c.next)};`)),
        ...(several ? s.carries.map(c => `${names(c.name)} = ${next(c.name)};`) : []),
      ]),
      '}',
    ];
  };
  const stmt = (s: Stmt): readonly string[] => {
    switch (s.kind) {
      case 'let': return [dialect.declare(names(s.name), value(s.value), false)];
      case 'fold': return fold(s);
      case 'map': return [dialect.loop(names(s.axis.name), '0', extent(s.axis.extent)), ...indent(block(s.body)), '}'];
      case 'store': return [place.store(s.buffer, index(s.offset), expr(s.value))];
    }
  };
  const block = (body: readonly Stmt[]): readonly string[] => body.flatMap(stmt);
  return { expr, index, extent, size, block };
}

export const indent = (lines: readonly string[]): readonly string[] => lines.map(line => `  ${line}`);

/**
 * A f32 as the shortest decimal that reads back as it, with a point or an exponent. The value is rounded to f32 first: what is
 * too large becomes infinite, which the dialect must spell in its own way.
 */
export function decimal(value: number): string {
  const single = Math.fround(value);
  if (single !== 0 && Number.isInteger(single) && Math.abs(single) <= 2 ** 24) return `${single}.0`; // no shorter decimal reads back as it
  // String(-0) is '0', which would lose a sign.
  if (single === 0) return Object.is(single, -0) ? '-0.0' : '0.0';
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toPrecision(digits);
    // The largest f32 rounded up is one that WGSL refuses.
    if (Math.fround(Number(text)) === single && Math.abs(Number(text)) <= largest) return withPoint(String(Number(text)));
  }
  return withPoint(String(single));
}
/** The largest finite f32. */
const largest = 3.4028234663852886e38;
const withPoint = (text: string): string => (/[.e]/.test(text) ? text : `${text}.0`);
