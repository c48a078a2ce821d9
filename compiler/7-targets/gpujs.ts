/**
 * The gpu.js target. Imagine one small JavaScript function for each kernel, in the part of the language that gpu.js
 * translates: it reads flat arrays, finds its position from `this.thread.x`, and returns one number. Everything is a
 * float: whole numbers are exact below 2^24, a condition in a variable is 0 or 1.
 *
 * Parameters are named for the runtime: `…_b3` is buffer 3 of the plan, `…_r9` field 9 of its record. The live extents are
 * `this.constants.rows` and `.samples`, since gpu.js cuts a loop whose bound is an argument at `loopMaxIterations`. Where the
 * result is a part of its buffer, as a turn of a loop yields it, a first line says from which element on.
 */
import { InternalError } from '../diagnostics.ts';
import type { Schedule } from '../5-schedule/schedule.ts';
import { addIndex, axisIndex, offsetOf, parts, scaleIndex } from '../6-kernels/index.ts';
import type { Index, Kernel, Stmt } from '../6-kernels/kernel.ts';
import { prepare } from './prepare.ts';
import type { Target } from './target.ts';
import { call, decimal, indent, infix, makeNames, makePrinter, positionIn } from './text.ts';
import type { Dialect, Place } from './text.ts';

/** Largest finite f32. A float is finite where its size is at most this: true of neither infinity nor NaN. */
const largest = '3.4028234663852886e38';

/** gpu.js knows no word for infinity: a power that overflows f32 and the doubles of its mode cpu. */
const infinite = 'Math.pow(10.0, 400.0)';

const math = (name: string) => call(`Math.${name}`);

/** What Math has is exact to half a unit in both modes of Node: `webasm` calls the very functions of JavaScript. */
const dialect: Dialect = {
  ops: {
    add: infix('+'), sub: infix('-'), mul: infix('*'), div: infix('/'),
    min: math('min'), max: math('max'), floor: math('floor'), sqrt: math('sqrt'),
    lt: infix('<'), le: infix('<='), eq: infix('==='),
    and: infix('&&'), or: infix('||'), not: a => `!(${a})`,
    select: (condition, yes, no) => `(${condition} ? ${yes} : ${no})`,
    float: a => a,
    finite: a => `(Math.abs(${a}) <= ${largest})`,
    ult: infix('<'), ueq: infix('==='),
    neg: a => `(-${a})`, abs: math('abs'), sign: math('sign'),
    exp: math('exp'), log: math('log'), log1p: math('log1p'), expm1: math('expm1'), tanh: math('tanh'),
    sin: math('sin'), cos: math('cos'), pow: math('pow'), pow2: k => `Math.pow(2.0, ${k})`,
  },
  literal: (type, value) => {
    switch (type) {
      case 'bool': return value ? '(1 > 0)' : '(0 > 1)';
      case 'u32': return String(value >>> 0);
      case 'f32': return Number.isNaN(value) ? `(${infinite} - ${infinite})` : Number.isFinite(Math.fround(value)) ? decimal(value) : value < 0 ? `(-${infinite})` : infinite;
    }
  },
  hidden: (type, value) => dialect.literal(type, value),
  extent: dynamic => `this.constants.${dynamic}`,
  quotient: (x, by) => `Math.floor(${x} / ${by})`,
  remainder: (x, by) => `(${x} % ${by})`,
  // Math.floor turns what gpu.js may hold as an integer into a float, so that no arithmetic on it is done in whole numbers.
  asValue: index => `Math.floor(${index})`,
  asIndex: value => value,
  choose: (condition, yes, no) => `(${condition} ? ${yes} : ${no})`,
  both: list => `(${list.join(' && ')})`,
  hold: condition => `(${condition} ? 1 : 0)`,
  held: name => `(${name} > 0)`,
  declare: (name, value, mutable) => `${mutable ? 'let' : 'const'} ${name} = ${value};`,
  loop: (name, from, to) => `for (let ${name} = ${from}; ${name} < ${to}; ${name}++) {`,
};

/** One JavaScript function for a kernel with one store, at the row-major position of its grid. */
export function printGpujs(source: Kernel, { record, buffers }: Pick<Schedule, 'record' | 'buffers'>): string {
  const kernel = prepare(source, op => op in dialect.ops);
  const bug = (what: string): never => { throw new InternalError('targets', `kernel ${kernel.name} ${what}, which gpu.js can't`); };
  const last = kernel.body.at(-1);
  if (last?.kind !== 'store' || kernel.body.slice(0, -1).some(hasStore)) return bug('has another form than one store at its end');
  const names = makeNames();
  const parameters = new Map<string, string>();
  const parameter = (name: string, kind: 'b' | 'r', i: number): string => {
    if (i < 0) bug(`uses '${name}', of which the schedule has nothing`);
    // The kind and the number come last: the runtime reads them.
    const text = `${names(name).replace(/_$/, '')}_${kind}${i}`;
    parameters.set(`${kind}${i}`, text);
    return text;
  };
  const buffer = (name: string): string => parameter(name, 'b', positionIn(buffers, name));
  // Every buffer that is read is a parameter, in the kernel's order.
  for (const b of kernel.buffers) {
    if (b.access === 'read') buffer(b.name);
    if (b.access === 'update') bug(`updates '${b.name}' in place`);
  }
  const place: Place = {
    load: (name, _type, offset) => `${buffer(name)}[${offset}]`,
    store: (_name, _offset, value) => `return ${value};`,
    scalar: name => (name === 'rows' || name === 'samples' ? dialect.extent(name) : parameter(name, 'r', positionIn(record, name))),
    noise: () => bug('draws noise'),
  };
  const printer = makePrinter(dialect, place, names);
  const body = printer.block(kernel.body);
  // `rest1` is what is left of the position without the innermost axis, and so on.
  const axes = [...kernel.axes].reverse().flatMap(({ name, extent }, i) => {
    const [rest, size] = [i === 0 ? 'this.thread.x' : `rest${i}`, printer.extent(extent)];
    if (i === kernel.axes.length - 1) return [`const ${names(name)} = ${rest};`];
    return [`const ${names(name)} = ${rest} % ${size};`, `const rest${i + 1} = Math.floor(${rest} / ${size});`];
  });
  // What is added to the position: a sum of products of literals, live extents, and fields of the record, as the runtime reads it.
  const own = offsetOf(kernel.axes.map(a => axisIndex(a.name)), kernel.axes.map(a => a.extent));
  const from: Index = addIndex(last.offset, scaleIndex(own, -1));
  const terms = from.terms.map(({ coefficient, atom }) => {
    const { times, by } = parts(coefficient);
    if (atom.kind !== 'value') return bug('stores at another place than its own');
    if (atom.value.kind === 'lit') return [times * atom.value.value, ...by];
    if (atom.value.kind !== 'scalar') return bug('stores at a loaded place');
    return [times, ...by, atom.value.name];
  });
  const whole = from.terms.length === 0 && from.constant === 0;
  return [
    ...(whole ? [] : [`// from ${JSON.stringify([[from.constant], ...terms])}`]),
    `function kernel(${[...parameters.values()].join(', ')}) {`,
    ...indent([...axes, ...body]),
    '}',
    '',
  ].join('\n');
}
const hasStore = (s: Stmt): boolean => s.kind === 'store' || s.kind === 'map' || (s.kind === 'fold' && s.body.some(hasStore));

/** Costs are nanoseconds of mode webasm in Node on one core, from kernels of 65,536 values; an exponential is a call out of WebAssembly. */
export const gpujs: Target = {
  name: 'gpujs',
  capabilities: {
    results: 'one', inPlace: false, integers: false, innerLoops: 'dear', loops: true,
    cost: { arithmetic: 0.1, transcendental: 30, noise: 50, load: 1, store: 2, launch: 7000 },
  },
  print: schedule => schedule.kernels.map(kernel => printGpujs(kernel, schedule)),
};
