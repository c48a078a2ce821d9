/**
 * The kernel that makes a batch. Imagine a data set as lines in a buffer of its own, behind the order in which they are picked;
 * each invocation copies one word of one line to where the model reads it. Words are words: numbers and classes alike.
 */
import { linesOf } from '../../5-schedule/lines.ts';
import type { Schedule } from '../../5-schedule/schedule.ts';
import { positionIn } from '../text.ts';

/**
 * WGSL with entry point `main`, and `data` at binding 2: a word a line for the order, then the lines. What is the first workgroup
 * to other kernels is here the first place of the order. Nothing where the model has no inputs with rows.
 * @param word How a word of the record is read.
 */
export function printPick(schedule: Pick<Schedule, 'record' | 'buffers'>, word: (i: number) => string, workgroupSize: number): readonly string[] {
  const { record, buffers } = schedule;
  const lines = linesOf(schedule);
  const width = lines.reduce((n, l) => n + l.each, 0);
  if (width === 0) return [];
  let before = 0;
  const stores = lines.map(({ buffer, each }) => {
    const column = before === 0 ? 'column' : `(column - ${before}u)`;
    before += each;
    return `  ${before === width ? '' : `if (column < ${before}u) `}{ arena[${word(record.length + buffer)} + row * ${each}u + ${column}] = value; return; }`;
  });
  return [`// pick
@group(0) @binding(0) var<uniform> record: array<vec4<u32>, ${Math.ceil((record.length + buffers.length + 1) / 4)}>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<storage, read> data: array<u32>;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * ${workgroupSize}u + lane;
  if (at >= ${word(positionIn(record, 'rows'))} * ${width}u) { return; }
  let row = at / ${width}u;
  let column = at % ${width}u;
  let lines = arrayLength(&data) / ${width + 1}u;
  let value = data[lines + data[${word(record.length + buffers.length)} + row] * ${width}u + column];
${stores.join('\n')}
}
`];
}
