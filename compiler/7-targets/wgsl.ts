/**
 * The WebGPU target. Imagine one invocation for each position of a kernel's grid, all memory of the model as one array of
 * words, and a small uniform record that says, for this run, how many rows and samples live and where each buffer begins.
 * Two bindings whatever the model, so no limit on buffers is ever met, and no two bindings can overlap.
 */
import { InternalError } from '../diagnostics.ts';
import type { Schedule } from '../5-schedule/schedule.ts';
import type { Kernel } from '../6-kernels/kernel.ts';
import type { ScalarType } from '../ops/names.ts';
import { prepare } from './prepare.ts';
import type { Target } from './target.ts';
import { indent, makeNames, makePrinter, positionIn } from './text.ts';
import type { Place } from './text.ts';
import { dialect } from './wgsl-dialect.ts';
import { printNoise } from './wgsl-noise.ts';
import { printPick } from './wgsl-pick.ts';

/** Invocations of one workgroup: a whole number of subgroups on every GPU, and allowed everywhere. The runtime has the same number. */
const workgroupSize = 64;

/** What the words of the record mean: fields of the step first, then where each buffer of the schedule begins; one more is the first workgroup of a dispatch that is a part. */
type Words = Pick<Schedule, 'record' | 'buffers'>;

/** A word of the record. */
const word = (i: number): string => `record[${i >> 2}].${'xyzw'[i & 3] ?? ''}`;

/**
 * One WGSL text for a kernel of a schedule; its entry point is `main`. @param noises Functions of noise by their family, the same
 * in all kernels of a schedule: those that are missing are added.
 */
export function printWgsl(source: Kernel, { record, buffers }: Words, noises = new Map<string, string>()): string {
  const kernel = prepare(source, op => op in dialect.ops);
  const names = makeNames();
  // What is used is declared at the top of main: noted while the body is printed.
  const header = new Map<string, string>();
  const functions = new Map<string, string>();

  const field = (name: string, type: ScalarType): string => {
    const i = positionIn(record, name);
    const known = record[i];
    if (!known) throw new InternalError('targets', `kernel ${kernel.name} reads '${name}', which is not in the record`);
    const value = known.type === 'f32' ? `bitcast<f32>(${word(i)})` : word(i);
    return known.type === type ? value : `${type}(${value})`;
  };
  const declare = (name: string, value: string): string => {
    header.set(name, `let ${name} = ${value};`);
    return name;
  };
  const scalar = (name: string, type: ScalarType): string => declare(names(`${name} of record ${type === 'f32' ? '' : type}`), field(name, type));
  const begin = (buffer: string): string => {
    const known = names(`${buffer} at`);
    if (header.has(known)) return known;
    const i = positionIn(buffers, buffer);
    if (i < 0) throw new InternalError('targets', `kernel ${kernel.name} uses '${buffer}', which is not in the schedule`);
    return declare(known, word(record.length + i));
  };
  const typeOf = (buffer: string): 'f32' | 'u32' => kernel.buffers.find(b => b.name === buffer)?.type ?? 'f32';
  const place: Place = {
    scalar,
    // The arena holds u32: small whole numbers would be subnormal as f32, and a GPU may flush those to zero.
    load: (buffer, type, offset) => (type === 'f32' ? `bitcast<f32>(arena[${begin(buffer)} + u32(${offset})])` : `arena[${begin(buffer)} + u32(${offset})]`),
    store: (buffer, offset, value) => `arena[${begin(buffer)} + u32(${offset})] = ${typeOf(buffer) === 'f32' ? `bitcast<u32>(${value})` : value};`,
    noise: (family, site, sample, element) => {
      const text = noises.get(family) ?? printNoise(family, field);
      noises.set(family, text);
      functions.set(family, text);
      return `${family}_noise(${site >>> 0}u, ${sample}, ${element})`;
    },
  };

  const printer = makePrinter(dialect, place, names);
  const body = printer.block(kernel.body);
  const count = kernel.axes.map(a => printer.extent(a.extent)).join(' * ') || '1';
  const axes = [...kernel.axes].reverse().flatMap((a, i) => [
    `let ${names(a.name)} = ${i === kernel.axes.length - 1 ? 'rest' : `rest % ${printer.extent(a.extent)}`};`,
    ...(i === kernel.axes.length - 1 ? [] : [`rest = rest / ${printer.extent(a.extent)};`]),
  ]);
  const text = [...body, ...axes, count].join('\n');
  for (const extent of ['rows', 'samples']) if (new RegExp(`\\b${extent}\\b`).test(text)) declare(extent, `i32(${field(extent, 'u32')})`);

  return [
    `// ${kernel.name.replace(/[^\w.:/ -]/g, '_')}`,
    `@group(0) @binding(0) var<uniform> record: array<vec4<u32>, ${Math.ceil((record.length + buffers.length + 1) / 4)}>;`,
    '@group(0) @binding(1) var<storage, read_write> arena: array<u32>;',
    ...functions.values(),
    ...([...functions.values(), text].some(t => t.includes('hidden(')) ? ['fn hidden(bits: u32) -> f32 { return bitcast<f32>(bits); }'] : []),
    `@compute @workgroup_size(${workgroupSize})`,
    'fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {',
    ...indent([
      ...header.values(),
      `${kernel.axes.length > 1 ? 'var' : 'let'} rest = i32((group.y * groups.x + group.x + ${word(record.length + buffers.length)}) * ${workgroupSize}u + lane);`,
      `if (rest >= ${count}) { return; }`,
      ...axes,
      ...body,
    ]),
    '}',
    '',
  ].join('\n');
}

/**
 * Costs are of a GPU with a thousand lanes busy at a nanosecond an instruction: noise is 60 to 70 of them, a word from memory
 * about 65 when no cache has it (PEERS 3.4), a dispatch 10 to 70 microseconds (PEERS 2.1). By hand, not measured.
 */
export const webgpu: Target = {
  name: 'webgpu',
  capabilities: {
    results: 'many', inPlace: true, integers: true, innerLoops: 'dear', loops: true,
    cost: { arithmetic: 0.001, transcendental: 0.015, noise: 0.065, load: 0.03, store: 0.065, launch: 10_000 },
  },
  print: schedule => {
    const noises = new Map<string, string>();
    return [...schedule.kernels.map(kernel => printWgsl(kernel, schedule, noises)), ...printPick(schedule, word, workgroupSize)];
  },
};
