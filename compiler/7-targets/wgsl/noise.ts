/**
 * Noise in WGSL as a function that kernels call (E10). Imagine one invocation that wants one number: it computes the four
 * words of its counter, picks its pair of them before the Box-Muller transform, and its half of the pair after it.
 */
import { InternalError } from '../../diagnostics.ts';
import type { Expr, Kernel } from '../../6-kernels/kernel.ts';
import { exprAlgebra as a } from '../../ops/exprs.ts';
import type { ScalarType } from '../../ops/names.ts';
import { boxMuller, threefry, uniform } from '../../ops/noise.ts';
import { prepare } from '../prepare.ts';
import { indent, makeNames, makePrinter } from '../text.ts';
import { dialect } from './dialect.ts';

type Family = 'normal' | 'uniform';

const parameters = ['site', 'sample', 'element'] as const;
const parameter = (name: (typeof parameters)[number]): Expr => ({ kind: 'ref', type: 'u32', name });
const field = (name: string): Expr => ({ kind: 'scalar', type: 'u32', name });

/** Element `element` of a sample, as DECISIONS 1.4 lays out counter and key. */
function draw(family: Family): Expr {
  const element = parameter('element');
  const w = threefry(a,
    [a.op('ushr', element, a.word(2)), a.op('uadd', parameter('sample'), field('sampleBase')), field('countLo'), field('countHi')],
    [field('seedLo'), field('seedHi'), field('purpose'), parameter('site')]);
  const bit = (n: number): Expr => a.op('ueq', a.op('uand', a.op('ushr', element, a.word(n)), a.word(1)), a.word(1));
  const [first, second] = [a.op('select', bit(1), w[2], w[0]), a.op('select', bit(1), w[3], w[1])];
  if (family === 'uniform') return uniform(a, a.op('select', bit(0), second, first));
  const [cosine, sine] = boxMuller(a, first, second);
  return a.op('select', bit(0), sine, cosine);
}

/** `fn normal_noise(site, sample, element) -> f32`, or `uniform_noise`; `scalar` spells a field of the record. */
export function printNoise(family: Family, scalar: (name: string, type: ScalarType) => string): string {
  // The parameters are what its axes are to a kernel: names that are known from the start.
  const source: Kernel = { name: family, buffers: [], axes: parameters.map(name => ({ name, extent: 1 })), origins: [], body: [{ kind: 'let', name: 'value', value: draw(family) }] };
  const names = makeNames();
  const arithmetic = (): never => { throw new InternalError('targets', 'noise is arithmetic on words alone'); };
  const list = parameters.map(p => `${names(p)}: u32`).join(', ');
  const body = makePrinter(dialect, { scalar, load: arithmetic, store: arithmetic, noise: arithmetic }, names).block(prepare(source, op => op in dialect.ops).body);
  return [`fn ${family}_noise(${list}) -> f32 {`, ...indent([...body, `return ${names('value')};`]), '}'].join('\n');
}
