/**
 * What stands around the arithmetic of a kernel in WGSL. Imagine an empty page with two bindings, on which functions are written one
 * after the other: each of them says at its top what it reads of the step record, and only that.
 */
import { InternalError } from '../../diagnostics.ts';
import type { Schedule } from '../../5-schedule/schedule.ts';
import type { Kernel, Stmt } from '../../6-kernels/kernel.ts';
import type { ScalarType } from '../../ops/names.ts';
import { prepare } from '../prepare.ts';
import { indent, makeNames, makePrinter, positionIn } from '../text.ts';
import type { Place, Printer } from '../text.ts';
import { dialect } from './dialect.ts';
import { printNoise } from './noise.ts';
import { enabled, places, usesSubgroups, withoutThem } from './subgroups.ts';

/** What the words of the record mean: fields of the step first, then where each buffer of the schedule begins; one more is the first workgroup of a dispatch that is a part. */
export type Words = Pick<Schedule, 'record' | 'buffers'>;

/** One function while it is being written. */
export interface Section extends Printer {
  /** Lines of statements, with operations that WGSL lacks expanded and with names for what occurs twice. Values may refer to names that are declared before. */
  readonly statements: (body: readonly Stmt[]) => readonly string[];
  /** The lines with what they read of the record declared before them. */
  readonly complete: (lines: readonly string[]) => readonly string[];
}

/** The text of one kernel while it is being written. */
export interface Frame {
  /** The identifier of a name of the kernel: one letter, or ending in `_`, so that all others are free for what is written by hand. */
  readonly names: (name: string) => string;
  readonly section: () => Section;
  /** The number of the workgroup, as text of type u32. */
  readonly group: string;
  /** The whole text. @param functions What stands before `main`: workgroup memory, functions. */
  readonly text: (functions: readonly string[], main: readonly string[], lanes: number) => string;
}

/** A word of the record. */
export const word = (i: number): string => `record[${i >> 2}].${'xyzw'[i & 3] ?? ''}`;
export const spells = (op: string): boolean => op in dialect.ops;

/** @param noises Functions of noise by their family, the same in all kernels of a schedule: those that are missing are added. */
export function makeFrame(kernel: Kernel, { record, buffers }: Words, noises: Map<string, string>): Frame {
  const names = makeNames();
  const functions = new Map<string, string>();
  const types = new Map(kernel.buffers.map(b => [b.name, b.type] as const));
  const field = (name: string, type: ScalarType): string => {
    const i = positionIn(record, name);
    const known = record[i];
    if (!known) throw new InternalError('targets', `kernel ${kernel.name} reads '${name}', which is not in the record`);
    const value = known.type === 'f32' ? `bitcast<f32>(${word(i)})` : word(i);
    return known.type === type ? value : `${type}(${value})`;
  };

  const section = (): Section => {
    const header = new Map<string, string>();
    const declare = (name: string, value: string): string => {
      header.set(name, `let ${name} = ${value};`);
      return name;
    };
    const begin = (buffer: string): string => {
      const known = names(`${buffer} at`);
      if (header.has(known)) return known;
      const i = positionIn(buffers, buffer);
      if (i < 0) throw new InternalError('targets', `kernel ${kernel.name} uses '${buffer}', which is not in the schedule`);
      return declare(known, word(record.length + i));
    };
    const place: Place = {
      scalar: (name, type) => declare(names(`${name} of record ${type === 'f32' ? '' : type}`), field(name, type)),
      // The arena holds u32: small whole numbers would be subnormal as f32, and a GPU may flush those to zero.
      load: (buffer, type, offset) => (type === 'f32' ? `bitcast<f32>(arena[${begin(buffer)} + u32(${offset})])` : `arena[${begin(buffer)} + u32(${offset})]`),
      store: (buffer, offset, value) => `arena[${begin(buffer)} + u32(${offset})] = ${types.get(buffer) === 'u32' ? value : `bitcast<u32>(${value})`};`,
      noise: (family, site, sample, element) => {
        const text = noises.get(family) ?? printNoise(family, field);
        noises.set(family, text);
        functions.set(family, text);
        return `${family}_noise(${site >>> 0}u, ${sample}, ${element})`;
      },
    };
    const printer = makePrinter(dialect, place, names);
    return {
      ...printer,
      statements: body => printer.block(prepare({ ...kernel, body }, spells).body),
      complete: lines => {
        const text = lines.join('\n');
        for (const extent of ['rows', 'samples']) if (new RegExp(`\\b${extent}\\b`).test(text)) declare(extent, `i32(${field(extent, 'u32')})`);
        return [...header.values(), ...lines];
      },
    };
  };

  const text = (before: readonly string[], main: readonly string[], lanes: number): string => {
    const all = [...functions.values(), ...before];
    const shares = usesSubgroups(main);
    return [
      ...(shares ? [enabled] : []),
      `// ${kernel.name.replace(/[^\w.:/ -]/g, '_')}`,
      `@group(0) @binding(0) var<uniform> record: array<vec4<u32>, ${Math.ceil((record.length + buffers.length + 1) / 4)}>;`,
      '@group(0) @binding(1) var<storage, read_write> arena: array<u32>;',
      ...(shares ? [withoutThem] : []),
      ...all,
      ...([...all, ...main].some(t => t.includes('hidden(')) ? ['fn hidden(bits: u32) -> f32 { return bitcast<f32>(bits); }'] : []),
      `@compute @workgroup_size(${lanes})`,
      `fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32${shares ? `\n${places}\n` : ''}) {`,
      ...indent(main),
      '}',
      '',
    ].join('\n');
  };
  return { names, section, text, group: `group.y * groups.x + group.x + ${word(record.length + buffers.length)}` };
}
