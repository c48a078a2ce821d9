/** A table from a CSV file: columns by name, numbers where numbers are wanted, and errors that name the row and the column. */
import { parse } from 'csv-parse/sync';
import { nearest } from '../suggest.ts';
import { readText, UserError } from './output.ts';

export interface Table {
  readonly file: string; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[];
  /** The number of each row as a spreadsheet counts: from 1, with the header and empty lines. */
  readonly places: readonly number[];
}

/** Reads a CSV file with a header row. Throws a UserError that says what is wrong and where. */
export function readTable(file: string): Table {
  const text = readText(file);
  let records: string[][];
  try { records = parse(text, { bom: true, trim: true, relax_column_count: true }); } catch (e) {
    throw new UserError(`${file} is not a CSV file that reads: ${e instanceof Error ? e.message : String(e)}`);
  }
  const filled = records.map((cells, i) => ({ cells, place: i + 1 })).filter(r => r.cells.some(c => c !== '') || r.cells.length > 1);
  const [columns, ...rows] = filled.map(r => r.cells);
  const places = filled.slice(1).map(r => r.place);
  if (!columns || columns.length === 0) throw new UserError(`${file} has no header row`);
  if (columns.every(isNumber)) throw new UserError(`${file} has no header row: its first line is numbers. Give each column a name on the first line`);
  const twice = columns.find((c, i) => columns.indexOf(c) !== i);
  if (twice !== undefined) throw new UserError(`${file} has two columns called '${twice}'`);
  const odd = rows.findIndex(r => r.length !== columns.length);
  if (odd >= 0) throw new UserError(`${file}, row ${places[odd] ?? 0}: ${rows[odd]?.length ?? 0} cells for ${columns.length} columns`);
  if (rows.length === 0) throw new UserError(`${file} has a header and no rows`);
  return { file, columns, rows, places };
}

/** Where a column is. */
export function columnOf(table: Table, name: string): number {
  const at = table.columns.indexOf(name);
  if (at >= 0) return at;
  const near = nearest(name, table.columns);
  throw new UserError(`${table.file} has no column '${name}'${near === undefined ? '' : ` (did you mean '${near}'?)`}: it has ${table.columns.join(', ')}`);
}

/** The numbers of a column. */
export function numbersOf(table: Table, name: string): Float64Array {
  const at = columnOf(table, name);
  return Float64Array.from(table.rows, (row, i) => {
    const cell = row[at] ?? '';
    if (!isNumber(cell)) throw new UserError(`${table.file}, row ${table.places[i] ?? 0}, column '${name}': ${cell === '' ? 'the cell is empty' : `'${cell}' is no number`}`);
    return Number(cell);
  });
}
/** A finite decimal number: no `0x10`, which JavaScript would read. */
const isNumber = (cell: string): boolean => /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(cell) && Number.isFinite(Number(cell));
/** Whether a column has numbers: one among words is a wrong cell, none is a column of words. */
export const hasNumbers = (table: Table, name: string): boolean => { const at = columnOf(table, name); return table.rows.some(r => isNumber(r[at] ?? '')); };
/** The words of a column. */
export function wordsOf(table: Table, name: string): readonly string[] {
  const at = columnOf(table, name);
  return table.rows.map((row, i) => {
    const cell = row[at] ?? '';
    if (cell === '') throw new UserError(`${table.file}, row ${table.places[i] ?? 0}, column '${name}': the cell is empty`);
    return cell;
  });
}

/** Mean and standard deviation of a column, of the population; a column that never changes has 1. */
export interface Scale { readonly mean: number; readonly sd: number }
export function scaleOf(values: ArrayLike<number>): Scale {
  const list = Array.from(values);
  // by its values, since a mean of 0.1s is not 0.1: the rounding would be taken for a spread
  const [first = 0] = list;
  if (list.every(x => x === first)) return { mean: first, sd: 1 };
  const mean = list.reduce((s, x) => s + x, 0) / list.length;
  const sd = Math.sqrt(list.reduce((s, x) => s + (x - mean) ** 2, 0) / list.length);
  return { mean, sd: sd > 0 ? sd : 1 };
}
