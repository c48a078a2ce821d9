/**
 * Products where the runtime can fuse them with the sums that they are part of. Imagine the bytes of a module read as a list of instructions: a
 * product waits on the stack until what is added to it has been computed. Here it is made last instead, right before the sum, with the other
 * part in a local meanwhile: `mul, local.get, add` is what `runtime/fused.ts` looks for. binaryen can't say it, since it puts back into a
 * tree what is used once. Nothing is computed in another order but the product itself.
 */
import { InternalError } from '../../diagnostics.ts';
import { importedTypes, indicesIn, join, leb, read, reader, readInstruction, readTypes, sectionsOf } from './binary.ts';
import type { Code, Reader, Type } from './binary.ts';

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

const isAt = (bytes: Uint8Array, at: number, what: readonly [number, number, number]): boolean => bytes[at] === what[0] && bytes[at + 1] === what[1] && bytes[at + 2] === what[2];
function fail(message: string): never { throw new InternalError('wasm', message); }
