/** Checkpoints: the safetensors format, an 8-byte length, a JSON header, then the numbers. Everything is checked before anything is used. */
import { fail } from './errors.ts';

export interface Stored { readonly shape: readonly number[]; readonly data: Float32Array }

export function writeSafetensors(tensors: ReadonlyMap<string, Stored>, metadata: Readonly<Record<string, string>>): Uint8Array {
  let at = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const [name, t] of tensors) { header[name] = { dtype: 'F32', shape: t.shape, data_offsets: [at, at + 4 * t.data.length] }; at += 4 * t.data.length; }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
  const head = new TextEncoder().encode(text);
  const out = new Uint8Array(8 + head.length + at);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  let to = 8 + head.length;
  for (const t of tensors.values()) { const view = new DataView(out.buffer, to); for (let i = 0; i < t.data.length; i++) view.setFloat32(4 * i, t.data[i] ?? 0, true); to += 4 * t.data.length; }
  return out;
}

export function readSafetensors(bytes: Uint8Array): { readonly tensors: ReadonlyMap<string, Stored>; readonly metadata: Readonly<Record<string, string>> } {
  const bad = (why: string): never => fail('Checkpoint', `this is no checkpoint that can be read: ${why}`);
  if (!(bytes instanceof Uint8Array)) return bad('it is not a Uint8Array');
  if (bytes.length < 8) return bad(`it has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (!(length > 1 && length <= 1e8)) return bad('it does not begin like a safetensors file');
  if (8 + length > bytes.length) return bad('it is cut short in its header');
  let header: unknown;
  try { header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length))); } catch { header = null; }
  if (typeof header !== 'object' || header === null) return bad('its header is no JSON');
  const tensors = new Map<string, Stored>();
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>; // no prototype: keys come from a file
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') { for (const [k, v] of Object.entries(entry as object)) metadata[k] = String(v); continue; }
    const { dtype, shape, data_offsets: at } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown }; // checked in the next lines
    if (dtype !== 'F32' || !Array.isArray(shape) || !Array.isArray(at) || at.length !== 2) return bad(`'${name}' is not made of F32 numbers`);
    const [from, to] = at.map(Number);
    const count = shape.reduce((n: number, d) => n * Number(d), 1);
    if (from === undefined || to === undefined || !(from >= 0 && to - from === 4 * count)) return bad(`'${name}' has offsets that do not fit its shape`);
    if (8 + length + to > bytes.length) return bad(`it is cut short: '${name}' is missing ${8 + length + to - bytes.length} bytes`);
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) data[i] = view.getFloat32(8 + length + from + 4 * i, true);
    tensors.set(name, { shape: shape.map(Number), data });
  }
  return { tensors, metadata };
}
