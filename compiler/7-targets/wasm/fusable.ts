/**
 * Products where the runtime can fuse them with the sums that they are part of. Imagine the bytes of a module read as a list of instructions: a
 * product waits on the stack until what is added to it has been computed. Here it is made last instead, right before the sum, with the other
 * part in a local meanwhile: `mul, local.get, add` is what `runtime/fused.ts` looks for. binaryen can't say it, since it puts back into a
 * tree what is used once. Nothing is computed in another order but the product itself.
 */
import { InternalError } from '../../diagnostics.ts';

const [mul, add] = [[0xfd, 0xe6, 1], [0xfd, 0xe4, 1]] as const;

/** The module with its products moved. Functions with an instruction that is not known here stay as they are. */
export function readyToFuse(module: Uint8Array): Uint8Array {
  const sections = sectionsOf(module);
  const types = readTypes(sections.get(1));
  const functions = [...importedTypes(sections.get(2)), ...indicesIn(sections.get(3))].map(t => types[t] ?? fail('a type is missing'));
  const imported = functions.length - indicesIn(sections.get(3)).length;
  const code = sections.get(10);
  if (!code) return module;
  const r = reader(code);
  const bodies = Array.from({ length: r.number() }, (_, i) => body(r.take(r.number()), functions, functions[imported + i] ?? fail('a function has no type')));
  return join([module.subarray(0, 8), ...[...sections].map(([id, content]): Code => {
    const made = id === 10 ? join([leb(bodies.length), ...bodies.map((b): Code => [leb(b.length), b])]) : content;
    return [Uint8Array.of(id), leb(made.length), made];
  })]);
}

// ── a function ────────────────────────────────────────────────────────────────────────────────

interface Type { readonly takes: number; readonly gives: number }
/** Bytes from `at` on that are left out, and what stands there instead. */
interface Edit { readonly at: number; readonly remove: number; readonly insert: readonly number[] }

function body(bytes: Uint8Array, functions: readonly Type[], own: Type): Uint8Array {
  if (!bytes.some((_, i) => isAt(bytes, i, add))) return bytes;
  const r = reader(bytes);
  let locals = own.takes;
  for (let groups = r.number(); groups > 0; groups--) { locals += r.number(); r.take(1); }
  const begin = r.at;
  const { edits, temporaries } = editsOf(bytes, r, functions, locals);
  if (edits.length === 0) return bytes;
  const declared = reader(bytes);
  const groups = declared.number();
  const parts: Code[] = [temporaries === 0 ? bytes.subarray(0, begin) : [leb(groups + 1), bytes.subarray(declared.at, begin), leb(temporaries), Uint8Array.of(0x7b)]];
  let at = begin;
  for (const e of edits.sort((x, y) => x.at - y.at || x.remove - y.remove)) { parts.push(bytes.subarray(at, e.at), Uint8Array.from(e.insert)); at = e.at + e.remove; }
  return join([parts, bytes.subarray(at)]);
}

/** What an instruction leaves on the stack: where its code begins and ends, where the product is that it ends with, which local it is; -1 for neither. */
interface Value { readonly start: number; readonly end: number; readonly product: number; readonly local: number }
/** A block: how many values are below it, whether it leaves one, and whether nothing reaches what comes. */
interface Frame { readonly height: number; readonly gives: number; readonly start: number; isOver: boolean }

/** What to change in the code that a reader has before it, and how many locals that needs; nothing where there is an instruction that is not known here. */
function editsOf(bytes: Uint8Array, r: Reader, functions: readonly Type[], locals: number): { readonly edits: Edit[]; readonly temporaries: number } {
  const edits: Edit[] = [];
  const stack: Value[] = [];
  const frames: Frame[] = [{ height: 0, gives: 0, start: r.at, isOver: false }];
  /** Where locals are set, and where temporaries are used, in order. */
  const sets: { readonly at: number; readonly local: number }[] = [];
  const uses: { readonly at: number; readonly level: number }[] = [];
  let temporaries = 0;
  const named = (op: number, level: number): readonly number[] => [op, ...leb(locals + level)];
  const use = (at: number, level: number): void => { uses.push({ at, level }); temporaries = Math.max(temporaries, level + 1); };
  /** A product right before the sum at this place, where one of the two is a product. */
  const sum = (x: Value, y: Value, at: number): void => {
    if (x.product >= 0) {
      if (y.local >= 0 && x.end === y.start) return;
      edits.push({ at: x.product, remove: 3, insert: [] }, { at, remove: 0, insert: [...named(0x21, 0), ...mul, ...named(0x20, 0)] });
      use(at, 0);
    } else if (y.product >= 0) {
      const isChanged = sets.some(s => s.local === x.local && s.at >= x.end);
      if (x.local >= 0 && !isChanged) { edits.push({ at: x.start, remove: x.end - x.start, insert: [] }, { at, remove: 0, insert: [...bytes.subarray(x.start, x.end)] }); return; }
      // what is in the product must not use the local that waits around it
      const level = uses.reduce((most, u) => (u.at >= x.end ? Math.max(most, u.level + 1) : most), 1);
      edits.push({ at: x.end, remove: 0, insert: named(0x21, level) }, { at, remove: 0, insert: named(0x20, level) });
      use(x.end, level);
    }
  };
  for (;;) {
    const start = r.at;
    const frame = frames.at(-1) ?? fail('a block ends twice');
    if (!readInstruction(r, functions)) return { edits: [], temporaries: 0 };
    const end = r.at;
    const { kind, pops, pushes, local } = read;
    let first = start;
    let [x, y]: [Value | undefined, Value | undefined] = [undefined, undefined];
    for (let n = 0; n < pops; n++) {
      if (stack.length === frame.height) { if (frame.isOver) break; fail('the stack is empty'); }
      y = x;
      x = stack.pop();
      first = x?.start ?? first;
    }
    switch (kind) {
      case 'block': frames.push({ height: stack.length, gives: pushes, start: first, isOver: false }); break;
      case 'else': stack.length = frame.height; frame.isOver = false; break;
      case 'end':
        stack.length = frame.height;
        frames.pop();
        if (frames.length === 0) return { edits, temporaries };
        if (frame.gives > 0) stack.push({ start: frame.start, end, product: -1, local: -1 });
        break;
      case 'leave': frame.isOver = true; break;
      case 'plain': {
        if (local >= 0 && pops > 0) sets.push({ at: start, local });
        if (pushes === 0) break;
        if (x && y && isAt(bytes, start, add)) sum(x, y, start);
        stack.push({ start: first, end, product: x && y && isAt(bytes, start, mul) ? start : -1, local: pops === 0 ? local : -1 });
      }
    }
  }
}

// ── one instruction ───────────────────────────────────────────────────────────────────────────

/** The instruction that was read last, in one place, since there are tens of thousands: what it takes from the stack and leaves there, and the local that it gets or sets. After 'leave' nothing is reached. */
const read = { kind: 'plain' as 'plain' | 'block' | 'else' | 'end' | 'leave', pops: 0, pushes: 0, local: -1 };
function is(kind: typeof read.kind, pops: number, pushes: number, local = -1): true { read.kind = kind; read.pops = pops; read.pushes = pushes; read.local = local; return true; }
const plain = (pops: number, pushes: number): true => is('plain', pops, pushes);

/** Reads one instruction; false where it is not known. */
function readInstruction(r: Reader, functions: readonly Type[]): boolean {
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

// ── bytes ─────────────────────────────────────────────────────────────────────────────────────

interface Reader { readonly at: number; byte(): number; /** LEB128, of a signed one no more than where it ends. */ number(): number; take(count: number): Uint8Array }
function reader(bytes: Uint8Array): Reader {
  let at = 0;
  return {
    get at() { return at; },
    byte: () => bytes[at++] ?? fail('the module ends too soon'),
    number() { let [x, by] = [0, 1]; for (;;) { const b = bytes[at++] ?? fail('the module ends too soon'); x += (b & 127) * by; if (b < 128) return x; by *= 128; } },
    take(count) { at += count; return bytes.subarray(at - count, at); },
  };
}
function leb(x: number): Uint8Array {
  const out: number[] = [];
  for (; x > 127; x = Math.floor(x / 128)) out.push((x % 128) | 128);
  return Uint8Array.from([...out, x]);
}
const isAt = (bytes: Uint8Array, at: number, what: readonly [number, number, number]): boolean => bytes[at] === what[0] && bytes[at + 1] === what[1] && bytes[at + 2] === what[2];

/** Code in parts. */
type Code = Uint8Array | readonly Code[];
/** All parts in order. */
function join(code: Code): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const left: Code[] = [code];
  for (let c = left.pop(); c !== undefined; c = left.pop()) if (c instanceof Uint8Array) parts.push(c); else for (let i = c.length - 1; i >= 0; i--) left.push(c[i] ?? []);
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) { out.set(p, at); at += p.length; }
  return out;
}

// ── sections ──────────────────────────────────────────────────────────────────────────────────

/** By their numbers, in order. */
function sectionsOf(module: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const r = reader(module);
  r.take(8);
  const out = new Map<number, Uint8Array>();
  while (r.at < module.length) { const id = r.byte(); out.set(id, r.take(r.number())); }
  return out;
}
function readTypes(section: Uint8Array | undefined): readonly Type[] {
  if (!section) return [];
  const r = reader(section);
  return Array.from({ length: r.number() }, () => { r.take(1); const takes = r.number(); r.take(takes); const gives = r.number(); r.take(gives); return { takes, gives }; });
}
/** Types of the functions that a module imports. */
function importedTypes(section: Uint8Array | undefined): readonly number[] {
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
function indicesIn(section: Uint8Array | undefined): readonly number[] {
  if (!section) return [];
  const r = reader(section);
  return Array.from({ length: r.number() }, () => r.number());
}

function fail(message: string): never { throw new InternalError('wasm', message); }
