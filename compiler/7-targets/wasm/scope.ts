/**
 * What is being written: a function as a stack of open loops. Imagine each loop as a sheet of paper with statements on it; what
 * does not change inside a loop is written on the sheet around it, which is still open, so it comes before the loop.
 */
import type binaryen from 'binaryen';
import type { Axis, Condition, Expr, Index, Size } from '../../6-kernels/kernel.ts';
import { eachChild } from '../../6-kernels/map.ts';
import { union } from '../../6-kernels/sets.ts';
import type { ScalarType } from '../../ops/names.ts';
import type { Module, Node } from './spellings.ts';

export interface Local { readonly index: number; readonly type: binaryen.Type }

/** A loop or a branch that is open. */
export interface Frame {
  readonly depth: number;
  readonly parent: Frame | undefined;
  /** Statements so far. */
  readonly out: Node[];
  /** Statements at the end of each turn. */
  readonly after: Node[];
  /** What was computed here and does not change until the frame is closed. */
  readonly cache: Map<string, Local>;
  /** For a loop: the axis it runs over and where it starts. */
  readonly axis?: { readonly name: string; readonly from: number | Local; /** Added each turn; undefined when the last step may be shorter. */ readonly step: number | undefined };
  /** Its body may not run at all: nothing is read before it on its behalf. */
  readonly mayBeEmpty: boolean;
}

/** Where an axis stands: in a loop's counter, plus a literal. */
export interface AxisPlace {
  readonly frame: Frame;
  /** Absent where the axis stands still for one turn. */
  readonly counter: Local | undefined;
  readonly base: number;
  /** Counter plus base is a multiple of this. */
  readonly multiple: number;
}

/** One of the elements that are computed side by side: the offset along each axis, and the axis whose four neighbours are in the lanes. */
export interface Position { readonly lane: string | undefined; readonly offsets: ReadonlyMap<string, number> }

/** Axes along which several elements are computed side by side: `count` of them, `step` apart (4 for the axis in the lanes). */
export interface Side { readonly axis: string; readonly count: number; readonly step: number }
export interface Region { readonly lane: string | undefined; readonly sides: readonly Side[]; /** Turns of a loop written out: their offsets. */ readonly turns: ReadonlyMap<string, number>; /** Only lanes from this one on are stored: the others have been done. */ readonly fresh?: number }

/** A `let`, a carry or a parameter: a local for each place it differs at. */
export interface Binding {
  readonly type: ScalarType;
  /** Axes it varies along. */
  readonly deps: ReadonlySet<string>;
  /** Axes that it has one local each for. */
  readonly keys: ReadonlySet<string>;
  readonly locals: Map<string, Local>;
  readonly depth: number;
  /** The axis in its lanes. */
  readonly lane: string | undefined;
  /** It is nothing but another expression. */
  readonly alias?: Expr;
}

/** What an expression needs. */
export interface Needs {
  readonly deps: ReadonlySet<string>;
  /** Depth of the frame at which all of it is known. */
  readonly depth: number;
  readonly reads: boolean;
  /** Reads a buffer that this kernel writes. */
  readonly moves: boolean;
}

/** What a module has for all its functions. */
export interface Memory {
  /** Byte address of a record field, and of the word that holds a buffer's address. */
  readonly field: (name: string) => { readonly at: number; readonly type: 'u32' | 'f32' };
  readonly bufferWord: (name: string) => number;
  /** The name of the function that gives noise of a family: see `noise.ts`. */
  readonly noise: (family: 'normal' | 'uniform') => string;
  /** The name of the function that turns rows over into a panel: see `panels.ts`. */
  readonly turnOver: () => string;
  /** Its functions take the row of a tile too. */
  readonly apart: boolean;
  /** Where the control block is: see `threads.ts`. */
  readonly control: number;
  /** Where a kernel's part of a thread's scratch memory begins; all kernels have the same. */
  readonly scratch: number;
}

/** Numbers of the parameters by which one function serves kernels that differ in their buffers and their noise alone. */
export interface Given { readonly buffers: ReadonlyMap<string, number>; readonly sites: ReadonlyMap<number, number> }
const nothing: Given = { buffers: new Map(), sites: new Map() };

/** Everything that the writer of one function knows. */
export interface Scope {
  readonly m: Module;
  readonly b: typeof binaryen;
  /** Of the kernel. */
  readonly name: string;
  /** Buffers that it writes. */
  readonly written: ReadonlySet<string>;
  readonly memory: Memory;
  /** Locals beyond the parameters. */
  readonly locals: binaryen.Type[];
  readonly parameters: number;
  readonly given: Given;
  readonly top: Frame;
  readonly names: Map<string, Binding>;
  readonly axes: Map<string, AxisPlace>;
  /** The innermost open frame, and its region. */
  frame: Frame;
  region: Region;
  /** Values used several times by one statement. */
  shared: Map<string, Local>;
  /** Axes of loops of positions that are open, by name. */
  readonly gridAxes: Map<string, Axis>;
  /** Folds that are open, the depth of the frame each stands in, and whether several turns of it are written out. */
  folds: readonly { readonly axis: Axis; readonly depth: number; readonly isWrittenOut: boolean }[];
  /** Panels filled in a frame, by what is in them; and where each is: tiles along `axis` one after the other, each position of the axis taking `each` elements, or one tile alone (0). */
  readonly panels: WeakMap<Frame, Map<string, string>>;
  readonly panelPlaces: Map<string, { readonly offset: number; readonly isLiteral: boolean; readonly axis: string; readonly each: Size }>;
  /** Axes of loops of positions before which a panel was filled that has all of what they need. */
  readonly laysDownBefore: Set<string>;
  /** So many bytes of scratch memory, of this kernel alone. */
  readonly allocate: (bytes: number) => number;
  /** Bytes of scratch memory so far. */
  readonly allocated: () => { readonly scratch: number; readonly panels: number };
  /** So many bytes for each row and sample, of this kernel alone. */
  readonly allocatePanel: (bytes: number) => number;
  needs: Map<Expr, Needs>;
  /** The frame inside of which all noise is one expression, if there is one: nobody else moves its window there. */
  oneNoise: Frame | undefined;
  labels: number;
}

/** @param given Parameters that tell where buffers begin, and which noise: see `Given`. */
export function newScope(m: Module, b: typeof binaryen, name: string, written: ReadonlySet<string>, memory: Memory, parameters: number, given: Given = nothing): Scope {
  let used = memory.scratch, panels = 0;
  const top: Frame = { depth: 0, parent: undefined, out: [], after: [], cache: new Map(), mayBeEmpty: false };
  return {
    m, b, name, written, memory, parameters, given, top, locals: [], names: new Map(), axes: new Map(), frame: top,
    region: { lane: undefined, sides: [], turns: new Map() }, shared: new Map(), needs: new Map(), oneNoise: undefined, labels: 0,
    gridAxes: new Map(), folds: [], panels: new WeakMap(), panelPlaces: new Map(), laysDownBefore: new Set(), allocated: () => ({ scratch: used, panels }),
    allocatePanel: bytes => { const at = panels; panels += bytes; return at; },
    allocate: bytes => { const at = used; used = Math.ceil((used + bytes) / 64) * 64; return at; },
  };
}

export const empty: ReadonlySet<string> = new Set();

export function newLocal(s: Scope, type: binaryen.Type): Local {
  s.locals.push(type);
  return { index: s.parameters + s.locals.length - 1, type };
}
export const get = (s: Scope, l: Local): Node => s.m.local.get(l.index, l.type);
export const put = (s: Scope, frame: Frame, l: Local, value: Node): void => { frame.out.push(s.m.local.set(l.index, value)); };

export const frameAt = (s: Scope, depth: number): Frame => {
  let f = s.frame;
  while (f.depth > depth && f.parent) f = f.parent;
  return f;
};

/** A value computed once in a frame. */
export function cached(s: Scope, frame: Frame, key: string, type: binaryen.Type, make: () => Node): Local {
  const seen = frame.cache.get(key);
  if (seen) return seen;
  const inner = s.frame;
  s.frame = frame;
  const value = make();
  s.frame = inner;
  const l = newLocal(s, type);
  put(s, frame, l, value);
  frame.cache.set(key, l);
  return l;
}

/** Opens a frame, lets `body` write into it, closes it, and gives its statements. */
export function inFrame(s: Scope, frame: Omit<Frame, 'depth' | 'parent' | 'out' | 'after' | 'cache'>, body: () => void): Frame {
  const outer = { frame: s.frame, shared: s.shared };
  const made: Frame = { ...frame, depth: s.frame.depth + 1, parent: s.frame, out: [], after: [], cache: new Map() };
  s.frame = made;
  s.shared = new Map();
  s.needs = new Map();
  body();
  s.frame = outer.frame;
  s.shared = outer.shared;
  s.needs = new Map();
  return made;
}

/** The same position seen by something that varies along `deps` only: equal where it is equal. */
export function projection(p: Position, deps: ReadonlySet<string>): string {
  const parts: string[] = [];
  for (const [axis, offset] of p.offsets) if (deps.has(axis)) parts.push(`${axis}${offset}`);
  if (parts.length > 1) parts.sort();
  return (p.lane !== undefined && deps.has(p.lane) ? `~${p.lane},` : ',') + parts.join();
}

/** All places of the region that differ for something that varies along `deps`. */
export function positions(s: Scope, deps: ReadonlySet<string> | undefined): readonly Position[] {
  let all: ReadonlyMap<string, number>[] = [s.region.turns];
  for (const side of s.region.sides) {
    if (deps && !deps.has(side.axis)) continue;
    all = all.flatMap(o => Array.from({ length: side.count }, (_, i) => new Map([...o, [side.axis, i * side.step]])));
  }
  return all.map(offsets => ({ lane: s.region.lane, offsets }));
}

/** How many places of the region share one value. */
export const sharers = (s: Scope, deps: ReadonlySet<string>): number => s.region.sides.reduce((n, side) => (deps.has(side.axis) ? n : n * side.count), 1);

export const valueType = (s: Scope, type: ScalarType, inLanes: boolean): binaryen.Type => (inLanes ? s.b.v128 : type === 'f32' ? s.b.f32 : s.b.i32);

// ── what expressions need ─────────────────────────────────────────────────────────────────────

export function needsOf(s: Scope, e: Expr): Needs {
  const seen = s.needs.get(e);
  if (seen) return seen;
  if (e.kind === 'ref') {
    const b = s.names.get(e.name);
    if (b?.alias) return needsOf(s, b.alias);
  }
  let deps = empty;
  let depth = 0, reads = false, moves = false;
  const need = (names: ReadonlySet<string>, at: number): void => { deps = union(deps, names); depth = Math.max(depth, at); };
  const index = (i: Index): void => {
    for (const { atom } of i.terms) if (atom.kind === 'axis') need(new Set([atom.name]), s.axes.get(atom.name)?.frame.depth ?? 0); else if (atom.kind !== 'value') index(atom.index);
  };
  const guard = (g: readonly Condition[] | undefined): void => g?.forEach(c => index(c.index));
  switch (e.kind) {
    case 'ref': { const b = s.names.get(e.name); need(b?.deps ?? empty, b?.depth ?? 0); break; }
    case 'load': index(e.offset); guard(e.guard); reads = true; moves = s.written.has(e.buffer); break;
    case 'index': index(e.index); break;
    case 'inside': guard(e.guard); break;
    case 'noise': index(e.sample); index(e.element); break;
    case 'lit': case 'scalar': case 'op': break;
  }
  eachChild(e, c => {
    const n = needsOf(s, c);
    need(n.deps, n.depth);
    reads ||= n.reads;
    moves ||= n.moves;
  });
  if (moves) depth = s.frame.depth;
  if (reads) for (let f: Frame | undefined = s.frame; f && f.depth > depth; f = f.parent) if (f.mayBeEmpty) { depth = f.depth; break; }
  const made = { deps, depth, reads, moves };
  s.needs.set(e, made);
  return made;
}
