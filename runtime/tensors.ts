/** Data in: nested arrays, typed arrays, or `{ data, shape }` become flat arrays of whole rows, checked before anything runs. */
import { fail } from './errors.ts';
import type { PortManifest } from './manifest.ts';

export interface Tensor { readonly data: Float32Array; readonly shape: readonly number[] }
export interface FlatTensor { readonly data: ArrayLike<number>; readonly shape: readonly number[] }
type Nested = number | readonly Nested[];
export type TensorLike = FlatTensor | ArrayLike<number> | readonly Nested[] | number;

/** One port's data: `rows` is undefined when its shape has no batch. */
export interface Rows { readonly data: Float32Array; readonly rows: number | undefined; readonly each: number }

const isFlat = (v: unknown): v is FlatTensor => typeof v === 'object' && v !== null && 'data' in v && 'shape' in v;
/** How many elements a shape has, an open batch as one. */
export const product = (shape: readonly (number | null)[]): number => shape.reduce<number>((n, d) => n * (d ?? 1), 1);
const show = (s: readonly (number | null)[]): string => `[${s.map(d => d ?? 'batch').join(', ')}]`;

/** Checks and flattens the value of an input or target. Throws `Shape` or `Value` errors that name it. */
export function toRows(port: PortManifest, value: TensorLike | undefined): Rows {
  const { name, shape } = port;
  if (value === undefined || value === null) return fail('Name', `'${name}' is missing: it is a tensor ${show(shape)}`);
  const each = product(shape);
  const batch = shape.indexOf(null);
  let data: Float32Array;
  let given: readonly number[] | undefined;
  if (ArrayBuffer.isView(value)) data = new Float32Array(value as ArrayLike<number>); // a view here is a typed array
  else if (isFlat(value)) { data = Float32Array.from(value.data); given = value.shape; } else if (typeof value === 'number') { data = Float32Array.of(value); given = []; }
  else if (Array.isArray(value) && Array.isArray(value[0])) { const flat: number[] = []; given = flatten(name, value as readonly Nested[], flat); data = new Float32Array(flat); } else if (Array.isArray(value)) { data = new Float32Array(value as readonly number[]); if (shape.length === 1) given = [data.length]; } else return fail('Value', `'${name}' is no tensor: give nested arrays, a typed array, or { data, shape }`);
  if (given) {
    const fits = given.length === shape.length && given.every((d, i) => shape[i] === null || shape[i] === d) && product(given) === data.length;
    if (!fits) return fail('Shape', `'${name}' is ${show(shape)}, and this is ${show(given)}${product(given) === data.length ? '' : ` with ${data.length} values`}`);
  }
  if (batch < 0 ? data.length !== each : data.length % each !== 0) return fail('Shape', `'${name}' is ${show(shape)}, ${batch < 0 ? each : `a multiple of ${each}`} values, and this has ${data.length}`);
  const rows = batch < 0 ? undefined : data.length / each;
  if (rows === 0) return fail('Value', `'${name}' is empty`);
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? NaN;
    if (!Number.isFinite(v)) return fail('Value', `'${name}' has ${v} at ${i} (row ${Math.floor(i / each)})`);
    if (port.type === 'class' && !(Number.isInteger(v) && v >= 0 && v < (port.classes ?? Infinity))) return fail('Value', `'${name}' has ${v} at ${i}: a class is a whole number from 0 to ${(port.classes ?? 1) - 1}`);
  }
  return { data, rows, each };
}

function flatten(name: string, value: readonly Nested[], out: number[]): readonly number[] {
  const inner = value.map(v => (typeof v === 'number' ? (out.push(v), [] as readonly number[]) : Array.isArray(v) ? flatten(name, v as readonly Nested[], out) : fail('Value', `'${name}' holds something that is no number`)));
  const [first = []] = inner;
  if (inner.some(s => s.length !== first.length || s.some((d, i) => d !== first[i]))) return fail('Shape', `'${name}' is ragged: its rows differ in length`);
  return [value.length, ...first];
}

/** All ports of a record; every port of one batch has equally many rows. Unknown names are errors. */
export function toBatch(ports: readonly PortManifest[], record: Readonly<Record<string, TensorLike>>, known: readonly PortManifest[] = ports): { readonly tensors: ReadonlyMap<string, Rows>; readonly rows: number } {
  if (typeof record !== 'object' || record === null) return fail('Value', `data is a record { ${ports.map(p => p.name).join(', ')} }`);
  for (const name of Object.keys(record)) if (!known.some(p => p.name === name)) return fail('Name', `there is no input or target '${name}': the model has ${known.map(p => p.name).join(', ')}`);
  const tensors = new Map<string, Rows>();
  let first = '', rows: number | undefined;
  for (const p of ports) {
    const t = toRows(p, record[p.name]);
    tensors.set(p.name, t);
    if (t.rows !== undefined && rows !== undefined && t.rows !== rows) return fail('Shape', `'${first}' has ${rows} rows and '${p.name}' has ${t.rows}`);
    if (rows === undefined) [first, rows] = [p.name, t.rows];
  }
  return { tensors, rows: rows ?? 1 };
}
