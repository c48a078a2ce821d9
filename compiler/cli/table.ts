/** A table from a CSV file: columns by name, numbers where numbers are wanted, and errors that name the row and the column. */
import { parse } from 'csv-parse/sync';
import { nearest } from '../suggest.ts';
import { readText, UserError } from './output.ts';

export interface Table { readonly file: string; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }

/** Reads a CSV file with a header row. Throws a UserError that says what is wrong and where. */
export function readTable(file: string): Table {
  const text = readText(file);
  let records: string[][];
  try { records = parse(text, { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true }); } catch (e) {
    throw new UserError(`${file} is not a CSV file that reads: ${e instanceof Error ? e.message : String(e)}`);
  }
  const [columns, ...rows] = records;
  if (!columns || columns.length === 0) throw new UserError(`${file} has no header row`);
  if (columns.every(c => c !== '' && Number.isFinite(Number(c)))) throw new UserError(`${file} has no header row: its first line is numbers. Give each column a name on the first line`);
  const twice = columns.find((c, i) => columns.indexOf(c) !== i);
  if (twice !== undefined) throw new UserError(`${file} has two columns called '${twice}'`);
  const odd = rows.findIndex(r => r.length !== columns.length);
  if (odd >= 0) throw new UserError(`${file}, row ${odd + 2}: ${rows[odd]?.length ?? 0} cells for ${columns.length} columns`);
  if (rows.length === 0) throw new UserError(`${file} has a header and no rows`);
  return { file, columns, rows };
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
    const n = cell === '' ? NaN : Number(cell);
    if (!Number.isFinite(n)) throw new UserError(`${table.file}, row ${i + 2}, column '${name}': ${cell === '' ? 'the cell is empty' : `'${cell}' is no number`}`);
    return n;
  });
}
/** The words of a column. */
export const wordsOf = (table: Table, name: string): readonly string[] => { const at = columnOf(table, name); return table.rows.map(r => r[at] ?? ''); };

/** Mean and standard deviation of a column, of the population; a column that never changes has 1. */
export interface Scale { readonly mean: number; readonly sd: number }
export function scaleOf(values: ArrayLike<number>): Scale {
  const list = Array.from(values);
  const mean = list.reduce((s, x) => s + x, 0) / list.length;
  const sd = Math.sqrt(list.reduce((s, x) => s + (x - mean) ** 2, 0) / list.length);
  return { mean, sd: sd > 0 ? sd : 1 };
}
