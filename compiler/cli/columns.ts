/** Columns of a table as the tensors of a model. Imagine the names and scales that a checkpoint remembers laid over a table: what falls through is numbers that the model was trained on. */
import { parse } from 'csv-parse/sync';
import type { Opened } from './open-model.ts';
import { UserError } from './output.ts';
import { columnOf, hasNumbers, numbersOf, scaleOf, wordsOf } from './table.ts';
import type { Scale, Table } from './table.ts';

/** What a checkpoint says of its table. Scales are of the training rows. */
export interface Columns { readonly inputs: readonly string[]; readonly targets: readonly string[]; readonly inputScales: readonly Scale[]; readonly targetScales: readonly Scale[]; readonly classes?: readonly string[] }
export interface Rows { readonly x: Float32Array; readonly y: Float32Array | Uint32Array; readonly count: number }

/** Names between commas, as one line of CSV: a name that has a comma is quoted. */
export function namesOf(option: string, text: string): readonly string[] {
  let lines: string[][];
  try { lines = parse(text, { trim: true, relax_column_count: true }); } catch { throw new UserError(`--${option} takes names of columns between commas, and this is '${text}'`); }
  const names = lines.flat().filter(s => s !== '');
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new UserError(`--${option} names '${twice}' twice`);
  if (names.length === 0) throw new UserError(`--${option} names no column`);
  return names;
}
/** The columns to learn from, and those left out because they are words. No target is among them: the model would be told the answer. */
export function chooseInputs(table: Table, targets: readonly string[], asked: string | undefined): { readonly inputs: readonly string[]; readonly words: readonly string[] } {
  if (asked === undefined) {
    const others = table.columns.filter(c => !targets.includes(c));
    return { inputs: others.filter(c => hasNumbers(table, c)), words: others.filter(c => !hasNumbers(table, c)) };
  }
  const inputs = namesOf('inputs', asked);
  inputs.forEach(c => columnOf(table, c));
  const told = inputs.find(c => targets.includes(c));
  if (told !== undefined) throw new UserError(`'${told}' is a target and among --inputs: the model would be told the answer`);
  return { inputs, words: [] };
}
/** Throws where the columns are not as many as the model takes. */
export function fits({ checked, input, target }: Opened, table: Table, inputs: readonly string[], targets: readonly string[]): void {
  const wanted = input.shape[1];
  if (inputs.length !== wanted) throw new UserError(`${checked.name} takes ${String(wanted)} numbers a row, and ${table.file} has ${inputs.length} columns beside the target: ${inputs.join(', ')}. Choose with --inputs, or change the model`);
  const many = target.type === 'class' ? 1 : target.shape[1] ?? 1;
  if (targets.length !== many) throw new UserError(`the target '${target.name}' of ${checked.name} is ${String(many)} column${many === 1 ? '' : 's'}, and --target names ${targets.length}`);
}
/** Families that a change of units leaves what they are: their targets are standardised, those of others (0 or 1, counts) stay as they are. */
const scalable = ['normal', 'laplace', 'cauchy', 'student_t'];
/** What observes the target; undefined where a loss does. */
export const familyOf = ({ checked, target }: Opened): string | undefined => checked.observations.find(x => x.target === target.name)?.distribution.family;

/** What the checkpoint will remember; scales are those of `rows`. */
export function columnsOf(opened: Opened, table: Table, inputs: readonly string[], targets: readonly string[], rows: readonly number[]): Columns {
  const { target } = opened;
  const scales = (names: readonly string[]): readonly Scale[] => names.map(n => { const all = numbersOf(table, n); return scaleOf(rows.map(r => all[r] ?? NaN)); });
  if (target.type !== 'class') {
    const family = familyOf(opened);
    if (family === 'bernoulli') targets.forEach(n => { numbersOf(table, n).forEach((v, r) => { if (v !== 0 && v !== 1) throw new UserError(`${table.file}, row ${table.places[r] ?? 0}: bernoulli observes 0 or 1, and '${n}' is ${v}`); }); });
    return { inputs, targets, inputScales: scales(inputs), targetScales: family === undefined || scalable.includes(family) ? scales(targets) : targets.map(() => ({ mean: 0, sd: 1 })) };
  }
  const words = [...new Set(wordsOf(table, targets[0] ?? ''))].sort((a, b) => (Number.isFinite(Number(a)) && Number.isFinite(Number(b)) ? Number(a) - Number(b) : a < b ? -1 : 1));
  if (words.length > (target.classes ?? 0)) throw new UserError(`'${targets[0] ?? ''}' has ${words.length} classes, ${words.slice(0, 6).join(', ')}${words.length > 6 ? ', …' : ''}, and the model has room for ${target.classes ?? 0}`);
  return { inputs, targets, inputScales: scales(inputs), targetScales: [], classes: words };
}
/** The inputs of some rows, [rows, columns], standardised. */
export function inputsOf(table: Table, columns: Columns, rows: readonly number[]): Float32Array {
  const data = columns.inputs.map(n => numbersOf(table, n));
  return Float32Array.from({ length: rows.length * data.length }, (_, i) => { const c = i % data.length; const s = columns.inputScales[c] ?? { mean: 0, sd: 1 }; return ((data[c]?.[rows[Math.floor(i / data.length)] ?? 0] ?? NaN) - s.mean) / s.sd; });
}
/** Inputs and targets of some rows, standardised; a class as its number. */
export function rowsOf({ target }: Opened, table: Table, columns: Columns, rows: readonly number[]): Rows {
  const x = inputsOf(table, columns, rows);
  if (target.type !== 'class') {
    const data = columns.targets.map(n => numbersOf(table, n));
    return { x, count: rows.length, y: Float32Array.from({ length: rows.length * data.length }, (_, i) => { const c = i % data.length; const s = columns.targetScales[c] ?? { mean: 0, sd: 1 }; return ((data[c]?.[rows[Math.floor(i / data.length)] ?? 0] ?? NaN) - s.mean) / s.sd; }) };
  }
  const words = wordsOf(table, columns.targets[0] ?? '');
  return { x, count: rows.length, y: Uint32Array.from(rows, r => { const at = columns.classes?.indexOf(words[r] ?? '') ?? -1; if (at < 0) throw new UserError(`${table.file}, row ${table.places[r] ?? 0}: the class '${words[r] ?? ''}' was not among those of the training: ${columns.classes?.join(', ') ?? ''}`); return at; }) };
}
/** By the names of the model. */
export const dataOf = ({ input, target }: Opened, rows: Rows): Record<string, Float32Array | Uint32Array> => ({ [input.name]: rows.x, [target.name]: rows.y });
