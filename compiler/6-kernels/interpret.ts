/**
 * Runs a kernel in double precision, position by position, in the plainest order: the oracle that every target is compared
 * with. It becomes JavaScript text once, so that a whole training step takes a fraction of a second.
 */
import { InternalError } from '../diagnostics.ts';
import { ops } from '../ops/table.ts';
import { boxMuller, noiseWords } from '../../runtime/noise.ts';
import { parts } from './index.ts';
import type { Condition, Expr, Index, Kernel, Size, Stmt } from './kernel.ts';
import { shareKernel } from './share.ts';

/** Arrays by buffer name: double precision for f32, whole numbers for u32. */
export type Memory = Readonly<Record<string, Float64Array>>;
/** The step record; `rows` and `samples` are the live extents. */
export type StepRecord = Readonly<Record<string, number>>;

type Run = (memory: Memory, record: StepRecord, noise: NoiseAt, meaning: typeof meanings, wrong: (what: string) => never) => void;
type NoiseAt = (family: 'normal' | 'uniform', site: number, sample: number, element: number) => number;

const meanings = Object.fromEntries(Object.entries(ops).map(([name, record]) => [name, record.eval]));
const compiled = new WeakMap<Kernel, Run>();

/** Runs `kernel` once over its whole grid, in place. Throws on a load or store outside of a buffer. */
export function interpret(kernel: Kernel, memory: Memory, record: StepRecord): void {
  const run = compiled.get(kernel) ?? compile(kernel);
  compiled.set(kernel, run);
  run(memory, record, noiseOf(record), meanings, what => { throw new InternalError('interpret', `kernel ${kernel.name}: ${what}`); });
}

/** Noise in double precision, one counter kept: neighbours share it. */
function noiseOf(record: StepRecord): NoiseAt {
  const field = (name: string): number => record[name] ?? 0;
  const stream = { seed: field('seedLo') + field('seedHi') * 2 ** 32, purpose: field('purpose'), count: field('countLo') + field('countHi') * 2 ** 32 };
  let key = '';
  let values: readonly number[] = [];
  return (family, site, sample, element) => {
    const quad = Math.floor(element / 4);
    const wanted = `${family}${site},${sample},${quad}`;
    if (wanted !== key) {
      const w = noiseWords(stream, site, sample + field('sampleBase'), quad);
      values = family === 'normal' ? [...boxMuller(w[0], w[1]), ...boxMuller(w[2], w[3])] : w.map(x => (x >>> 8) * 2 ** -24 + 2 ** -25);
      key = wanted;
    }
    return values[element % 4] ?? NaN;
  };
}

function compile(source: Kernel): Run {
  const kernel = shareKernel(source);
  const name = (n: string): string => `v_${n.replaceAll(/[^\w]/g, c => `_${c.codePointAt(0) ?? 0}_`)}`;
  const size = (s: Size): string => [String(parts(s).times), ...parts(s).by.map(d => `R.${d}`)].join('*');
  const index = (i: Index): string => [String(i.constant), ...i.terms.map(({ coefficient, atom }) => {
    const a = atom.kind === 'axis' ? name(atom.name) : atom.kind === 'value' ? expr(atom.value)
      : atom.kind === 'div' ? `Math.floor((${index(atom.index)})/${atom.by})` : `((${index(atom.index)})%${atom.by})`;
    return `${size(coefficient)}*${a}`;
  })].join('+');
  const guard = (g: readonly Condition[]): string => g.map(c => `(${index(c.index)})>=${c.from}&&(${index(c.index)})<${size(c.below)}`).join('&&');
  const buffer = (b: string): string => `M[${JSON.stringify(b)}]`;
  const expr = (e: Expr): string => {
    switch (e.kind) {
      case 'lit': return Object.is(e.value, -0) ? '-0' : `(${e.value})`;
      case 'ref': return name(e.name);
      case 'scalar': return `R[${JSON.stringify(e.name)}]`;
      case 'index': return `(${index(e.index)})`;
      case 'inside': return `+(${guard(e.guard)})`;
      case 'load': { const load = `at(${buffer(e.buffer)},${index(e.offset)},${JSON.stringify(e.buffer)})`; return e.guard ? `((${guard(e.guard)})?${load}:${e.fill ?? 0})` : load; }
      case 'noise': return `noise(${JSON.stringify(e.family)},${e.site},${index(e.sample)},${index(e.element)})`;
      case 'op': return e.op === 'select' ? `(${expr(e.args[0] ?? zeroLit)}?${expr(e.args[1] ?? zeroLit)}:${expr(e.args[2] ?? zeroLit)})` : arithmetic[e.op]?.(e.args.map(expr)) ?? `O.${e.op}(${e.args.map(expr).join()})`;
    }
  };
  const loop = (axis: { readonly name: string; readonly extent: number | string }, body: string, from = '0', to = typeof axis.extent === 'number' ? String(axis.extent) : `R.${axis.extent}`): string =>
    `for(let ${name(axis.name)}=${from};${name(axis.name)}<${to};${name(axis.name)}++){${body}}`;
  const stmt = (s: Stmt): string => {
    switch (s.kind) {
      case 'let': return `const ${name(s.name)}=${expr(s.value)};`;
      case 'store': return `put(${buffer(s.buffer)},${index(s.offset)},${expr(s.value)},${JSON.stringify(s.buffer)});`;
      case 'map': return loop(s.axis, s.body.map(stmt).join(''));
      case 'fold': {
        const next = s.carries.map((x, i) => `const n${i}=${expr(x.next)};`).join('') + s.carries.map((x, i) => `${name(x.name)}=n${i};`).join('');
        const start = s.carries.map(x => `let ${name(x.name)}=${expr(x.init)};`).join('');
        return start + loop(s.axis, s.body.map(stmt).join('') + next, ...(s.bounds ? s.bounds.map(expr) : []));
      }
    }
  };
  const body = kernel.axes.reduceRight((inner, a) => loop(a, inner), kernel.body.map(stmt).join(''));
  const text = `const at=(b,i,n)=>i>=0&&i<b.length?b[i]:wrong('reads '+n+'['+i+'] of '+b.length);const put=(b,i,v,n)=>{if(!(i>=0&&i<b.length))wrong('writes '+n+'['+i+'] of '+b.length);b[i]=v;};{${body}}`;
  // the text is made from numbers and names of this compiler alone, and is never part of what it ships
  return new Function('M', 'R', 'noise', 'O', 'wrong', text) as Run;
}
const zeroLit: Expr = { kind: 'lit', type: 'f32', value: 0 };
/** Spelled as JavaScript operators for speed; all others are called by their meaning. */
const arithmetic: Readonly<Record<string, ((a: readonly string[]) => string) | undefined>> = Object.fromEntries(
  [['add', '+'], ['sub', '-'], ['mul', '*'], ['div', '/']].map(([op, sign]) => [op, (a: readonly string[]) => `(${a.join(sign)})`]),
);
