/**
 * The bytes of a WebAssembly module, read: its sections, the types of its functions, and one instruction after the other. Of each it is known
 * what it takes from the stack and leaves there, if it is one of those that we emit.
 */
import { InternalError } from '../../diagnostics.ts';

export interface Reader { readonly at: number; byte(): number; /** LEB128, of a signed one no more than where it ends. */ number(): number; take(count: number): Uint8Array }
export function reader(bytes: Uint8Array): Reader {
  let at = 0;
  return {
    get at() { return at; },
    byte: () => bytes[at++] ?? fail('the module ends too soon'),
    number() { let [x, by] = [0, 1]; for (;;) { const b = bytes[at++] ?? fail('the module ends too soon'); x += (b & 127) * by; if (b < 128) return x; by *= 128; } },
    take(count) { at += count; return bytes.subarray(at - count, at); },
  };
}
export function leb(x: number): Uint8Array {
  const out: number[] = [];
  for (; x > 127; x = Math.floor(x / 128)) out.push((x % 128) | 128);
  return Uint8Array.from([...out, x]);
}

/** Code in parts. */
export type Code = Uint8Array | readonly Code[];
/** All parts in order. */
export function join(code: Code): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const left: Code[] = [code];
  for (let c = left.pop(); c !== undefined; c = left.pop()) if (c instanceof Uint8Array) parts.push(c); else for (let i = c.length - 1; i >= 0; i--) left.push(c[i] ?? []);
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) { out.set(p, at); at += p.length; }
  return out;
}

// ── sections ──────────────────────────────────────────────────────────────────────────────────

/** How many values a function takes and gives. */
export interface Type { readonly takes: number; readonly gives: number }
/** By their numbers, in order. */
export function sectionsOf(module: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const r = reader(module);
  r.take(8);
  const out = new Map<number, Uint8Array>();
  while (r.at < module.length) { const id = r.byte(); out.set(id, r.take(r.number())); }
  return out;
}
export function readTypes(section: Uint8Array | undefined): readonly Type[] {
  if (!section) return [];
  const r = reader(section);
  return Array.from({ length: r.number() }, () => { r.take(1); const takes = r.number(); r.take(takes); const gives = r.number(); r.take(gives); return { takes, gives }; });
}
/** Types of the functions that a module imports. */
export function importedTypes(section: Uint8Array | undefined): readonly number[] {
  if (!section) return [];
  const r = reader(section);
  return Array.from({ length: r.number() }, () => {
    r.take(r.number()); r.take(r.number());
    const kind = r.byte();
    if (kind === 0) return [r.number()];
    if (kind === 2) { const limits = r.byte(); r.number(); if (limits & 1) r.number(); return []; }
    return fail('an import that is neither a function nor a memory');
  }).flat();
}
export function indicesIn(section: Uint8Array | undefined): readonly number[] {
  if (!section) return [];
  const r = reader(section);
  return Array.from({ length: r.number() }, () => r.number());
}

// ── one instruction ───────────────────────────────────────────────────────────────────────────

/** The instruction that was read last, in one place, since there are tens of thousands: what it takes from the stack and leaves there, and the local that it gets or sets. After 'leave' nothing is reached. */
export const read = { kind: 'plain' as 'plain' | 'block' | 'else' | 'end' | 'leave', pops: 0, pushes: 0, local: -1 };
function is(kind: typeof read.kind, pops: number, pushes: number, local = -1): true { read.kind = kind; read.pops = pops; read.pushes = pushes; read.local = local; return true; }
const plain = (pops: number, pushes: number): true => is('plain', pops, pushes);

/** Reads one instruction; false where it is not known. */
export function readInstruction(r: Reader, functions: readonly Type[]): boolean {
  const op = r.byte();
  switch (op) {
    case 0x00: return is('leave', 0, 0);
    case 0x01: return plain(0, 0);
    case 0x02: case 0x03: case 0x04: {
      const type = r.byte(); // empty, or one value
      return (type === 0x40 || type >= 0x7b && type <= 0x7f) && is('block', op === 4 ? 1 : 0, type === 0x40 ? 0 : 1);
    }
    case 0x05: return is('else', 0, 0);
    case 0x0b: return is('end', 0, 0);
    case 0x0c: r.number(); return is('leave', 0, 0);
    case 0x0d: r.number(); return plain(1, 0);
    case 0x0f: return is('leave', 0, 0);
    case 0x10: { const f = functions[r.number()]; return f !== undefined && plain(f.takes, f.gives); }
    case 0x1a: return plain(1, 0);
    case 0x1b: return plain(3, 1);
    case 0x20: return is('plain', 0, 1, r.number());
    case 0x21: return is('plain', 1, 0, r.number());
    case 0x22: return is('plain', 1, 1, r.number());
    case 0x23: r.number(); return plain(0, 1);
    case 0x24: r.number(); return plain(1, 0);
    case 0x41: case 0x42: r.number(); return plain(0, 1);
    case 0x43: r.take(4); return plain(0, 1);
    case 0x44: r.take(8); return plain(0, 1);
    case 0xfc: {
      const more = r.number();
      if (more < 8) return plain(1, 1);
      if (more !== 10 && more !== 11) return false;
      r.take(more === 10 ? 2 : 1);
      return plain(3, 0);
    }
    case 0xfd: return readVector(r);
    default:
      if (op >= 0x28 && op <= 0x35) { place(r); return plain(1, 1); }
      if (op >= 0x36 && op <= 0x3e) { place(r); return plain(2, 0); }
      return op >= 0x45 && op <= 0xc4 && plain(isOfOne(op) ? 1 : 2, 1);
  }
}
/** Scalars: tests for zero, clz and its like, signs and roundings, conversions. */
const isOfOne = (op: number): boolean => op === 0x45 || op === 0x50 || (op >= 0x67 && op <= 0x69) || (op >= 0x79 && op <= 0x7b) || (op >= 0x8b && op <= 0x91) || (op >= 0x99 && op <= 0x9f) || op >= 0xa7;
/** Vectors: not, any_true, abs and neg of each type, all_true, extensions, roundings and roots, conversions. */
const ofOne = new Set([[77, 77], [83, 83], [0x5e, 0x64], [0x67, 0x6a], [0x74, 0x75], [0x7a, 0x7a], [0x7c, 0x81], [0x83, 0x84], [0x87, 0x8a], [0x94, 0x94], [0xa0, 0xa4], [0xa7, 0xaa], [0xc0, 0xca], [0xe0, 0xe3], [0xec, 0xef], [0xf8, 0xff]]
  .flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)));
function readVector(r: Reader): boolean {
  const op = r.number();
  if (op <= 10 || op === 92 || op === 93) { place(r); return plain(1, 1); }
  if (op === 11) { place(r); return plain(2, 0); }
  if (op === 12) { r.take(16); return plain(0, 1); }
  if (op === 13) { r.take(16); return plain(2, 1); }
  if (op >= 15 && op <= 20) return plain(1, 1);
  if (op >= 21 && op <= 34) { r.take(1); return plain(op === 23 || op === 26 || (op >= 28 && op % 2 === 0) ? 2 : 1, 1); }
  if (op === 82) return plain(3, 1);
  if (op >= 84 && op <= 91) { place(r); r.take(1); return plain(2, op < 88 ? 1 : 0); }
  return op <= 0xff && plain(ofOne.has(op) ? 1 : 2, 1);
}
/** Alignment and offset. */
const place = (r: Reader): void => { r.number(); r.number(); };

function fail(message: string): never { throw new InternalError('wasm', message); }
