/**
 * Graphs -> Schedule: the programs of a model for one target. Each graph is cut into kernels (`fuse`, `emit`), put in order,
 * and laid out in memory; equal kernels of different programs are one.
 */
import { InternalError } from '../diagnostics.ts';
import { addIndex, offsetOf, scaleIndex, sizeOf, valueIndex, zero } from '../6-kernels/index.ts';
import type { Kernel, Size } from '../6-kernels/kernel.ts';
import { recordFields } from '../6-kernels/kernel.ts';
import type { Graph, Loop, NodeId, Plain, Shape } from '../3-graph/graph.ts';
import { clusterKey } from './cluster-key.ts';
import { buffersOf, emit } from './emit.ts';
import { fuse, gridOf, identity, mostStores } from './fuse.ts';
import type { Item } from './fuse.ts';
import { mayFollowInPlace, placesTaken, renamed } from './in-place.ts';
import { ofOneSample, sizeOfOne } from './one-sample.ts';
import { kernelKey } from '../6-kernels/kernel-key.ts';
import { mapBuffers } from '../6-kernels/map.ts';
import { inParts, storing } from './results.ts';
import { planMemory } from './memory.ts';
import type { PhasedPlan } from './memory.ts';
import { digests, numbers } from './names.ts';
import { kernelsOf, turnsOf } from './schedule.ts';
import type { Buffer, Capabilities, MemoryPlan, ProgramPlan, Role, Schedule, Step } from './schedule.ts';
import { splitReductions } from './split.ts';
import type { Split } from './split.ts';
import { nominalSize } from './unit.ts';
import type { Place, Unit } from './unit.ts';
import { unguardWindows } from './windows.ts';
import { order } from './work.ts';
import type { Work } from './work.ts';

/**
 * A program by name: outputs `update:<variable>` are written to the variable, all others are results. What runs `before` its graph
 * updates variables alone, among them sums.
 */
export interface Program {
  readonly name: string; readonly graph: Graph<Plain>; readonly before?: readonly Phase[];
  /** How often it runs beside others, if less: what its code costs weighs more then. */
  readonly often?: number;
}
/** `each`: once for each sample of the call (field `draws`), `sampleBase` counting them; its samples axis has one element. */
export interface Phase { readonly graph: Graph<Plain>; readonly each: boolean }

/** Loops of different lengths side by side make the threads of a GPU wait for each other. */
const boundsFolds = (c: Capabilities): boolean => c.integers && c.innerLoops === 'cheap';

/** Products are stored as a processor's caches want them: in a small plan nothing is stored that need not be, gpu.js stores one result a kernel. */
const cutsProducts = (c: Capabilities, memory: MemoryPlan): boolean => boundsFolds(c) && c.results === 'many' && memory !== 'small';

type Named = Omit<Buffer, 'slot'>;

export function schedule(programs: readonly Program[], capabilities: Capabilities, memory: MemoryPlan = 'fast'): Schedule {
  const buffers = new Map<string, Named>();
  const kernels: Kernel[] = [];
  const kernelAtKey = new Map<string, number>();
  /** Clusters that were written out before. */
  const emitted = new Map<string, Omit<Work, 'needs'>>();
  const short = new Map<string, string>();
  const scalars = new Set<string>();
  const turns = new Set<string>();
  /** Values that a program planned before keeps in memory. */
  const kept = new Set<string>();
  const number = numbers();
  const cut = programs.map(p => ({
    name: p.name,
    phases: [...p.before ?? [], { graph: p.graph, each: false }].map(({ graph, each }) => {
      const split = splitReductions(unguardWindows(graph, boundsFolds(capabilities)), capabilities.innerLoops, cutsProducts(capabilities, memory));
      return { each, split, digest: digests(split.graph, number, () => p.name) };
    }),
  }));
  const resultCount = new Map<string, number>();
  for (const { split: { graph }, digest } of cut.flatMap(p => p.phases)) {
    for (const [output, id] of graph.outputs) if (!output.startsWith('update:')) { const d = digest[id] ?? ''; resultCount.set(d, (resultCount.get(d) ?? 0) + 1); }
  }
  const drafted = cut.map(({ name, phases }): PhasedPlan => {
    const inPhases = phases.length > 1;
    if (inPhases) turns.add('draws');
    const made = phases.map(p => ({ each: p.each, ...planPhase(name, p.split, p.digest, inPhases) }));
    return { name, phases: made.map(p => (p.each ? [loopOverSamples(p.steps)] : p.steps)), results: made.at(-1)?.results ?? {}, swaps: made.flatMap(p => p.swaps) };
  });
  const planned = withoutUnused(kernels, drafted.map(readAlone));
  const plans = planned.map(({ phases, ...p }): ProgramPlan => ({ ...p, steps: phases.flat() }));
  // values take the place of others: less to hold, and what was just read is near when it is written
  const taken = capabilities.inPlace ? placesTaken([...buffers.values()], kernels, planned) : new Map<string, string>();
  if (taken.size > 0) kernels.forEach((k, i) => { kernels[i] = renamed(k, taken); });
  if (memory === 'small') {
    kernels.forEach((k, i) => { kernels[i] = ofOneSample(k); });
    buffers.forEach((b, name) => { buffers.set(name, { ...b, shape: b.shape.map(d => (d === 'samples' ? 1 : d)), size: sizeOfOne(b.size) }); });
  }
  const turnsIn = plans.map((p, i) => turnsOf(p.steps, programs[i]?.often));
  kernels.forEach((k, i) => { const times = Math.max(...turnsIn.map(t => t.get(i) ?? 0)); if (times !== 1) kernels[i] = { ...k, turns: times }; });
  const used = new Set([...kernels.flatMap(k => k.buffers.map(b => b.name)), ...plans.flatMap(p => [...Object.values(p.results), ...p.swaps.flat()])]);
  return {
    memory, kernels,
    buffers: planMemory([...buffers.values()].filter(b => used.has(b.name)), kernels, planned),
    programs: plans,
    record: [...[...recordFields, ...[...turns].sort()].map(name => ({ name, type: 'u32' as const })), ...[...scalars].sort().map(name => ({ name, type: 'f32' as const }))],
  };

  /** @param inPhases More comes after it: where a target can't update in place, what it updates is copied back. */
  function planPhase(name: string, { graph, partials, parts }: Split, digest: readonly string[], inPhases: boolean): ProgramPlan {
    const roots = new Map<NodeId, readonly Place[]>([...partials, ...parts].map(id => [id, []]));
    const swaps: [string, string][] = [];
    for (const [output, id] of graph.outputs) {
      const seen = roots.get(id) ?? [];
      if (!output.startsWith('update:')) { roots.set(id, seen); continue; }
      const variable = output.slice('update:'.length);
      const shape = graph.nodes[id]?.shape ?? [];
      const role: Role = variable.startsWith('sum/') ? 'sum' : variable.includes('/') ? 'moment' : 'parameter';
      const own = declare(variable, shape, role);
      if (capabilities.inPlace) roots.set(id, [...seen, own]);
      else {
        const next = declare(`${variable}'`, shape, role);
        swaps.push([variable, next.buffer]);
        roots.set(id, [...seen, next]);
      }
    }
    const digestAt = (id: NodeId): string => digest[id] ?? `${name}${id}`;
    const nameAt = (id: NodeId): string => nameOf(digestAt(id));
    const unit: Unit = { graph, roots, isPart: id => parts.has(id), digest: digestAt, name: nameAt, isKept: id => kept.has(nameAt(id)), bucket: (id, extent) => bucketOf(graph, id, extent), timesResult: id => resultCount.get(digest[id] ?? '') ?? 0, leaf: id => leafPlace(graph, digest, id) };
    const { works, place } = planUnit(unit, 0);
    const ordered = inOrder(works);
    const copies = inPhases ? swaps.splice(0).map(([to, from]) => copy(placeOf(from), placeOf(to))) : [];
    const results = Object.fromEntries([...graph.outputs].filter(([o]) => !o.startsWith('update:')).map(([o, id]) => {
      const buffer = place(id).buffer;
      const b = buffers.get(buffer);
      if (b?.role === 'temporary') buffers.set(buffer, { ...b, role: 'result' });
      return [o, buffer];
    }));
    return { name, steps: [...ordered, ...copies], results, swaps };
  }

  /**
   * Kernels that several programs share store what any of them reads. Where that is much that a program does not read, it has a kernel of its own,
   * with what it reads itself; kernels that are left with nothing it has not.
   */
  function readAlone(program: PhasedPlan): PhasedPlan {
    const lasting = new Set([...buffers.values()].flatMap(b => (b.role === 'temporary' || b.role === 'result' ? [] : [b.name])));
    for (let phases = program.phases; ;) {
      const run = [...new Set(phases.flatMap(kernelsOf))];
      const read = new Set([...Object.values(program.results), ...program.swaps.flat(), ...run.flatMap(k => [...touched(kernelAt(k)).reads])]);
      const isRead = (buffer: string): boolean => lasting.has(buffer) || read.has(buffer);
      const own = new Map(run.flatMap(k => {
        const writes = [...touched(kernelAt(k)).writes];
        const unread = writes.filter(b => !isRead(b)).reduce((n, b) => n + nominalSize(buffers.get(b)?.shape ?? []), 0);
        if (writes.some(isRead) && unread * capabilities.cost.store < muchUnread) return [];
        return [[k, writes.some(isRead) ? keep(storing(kernelAt(k), s => isRead(s.buffer), sizeOfBuffer)) : undefined] as const];
      }));
      if (own.size === 0) return { ...program, phases };
      const kept = (s: Step): readonly Step[] => {
        if (s.kind === 'run') { const kernel = own.has(s.kernel) ? own.get(s.kernel) : s.kernel; return kernel === undefined ? [] : [{ ...s, kernel }]; }
        const body = s.body.flatMap(kept);
        return body.length > 0 ? [{ ...s, body }] : [];
      };
      phases = phases.map(steps => steps.flatMap(kept));
    }
  }

  /** Persistent buffers are overwritten after their last reader; where that is a cycle, the new value waits in a buffer of its own. */
  function inOrder(works: readonly Work[]): readonly Step[] {
    const persistent = new Set([...buffers.values()].filter(b => b.role === 'parameter' || b.role === 'moment' || b.role === 'sum').map(b => b.name));
    const first = order(works, persistent, memory === 'small');
    if ('ordered' in first) return first.ordered.flatMap(w => w.steps);
    const late: Step[] = [];
    const parted = works.map(w => {
      const written = first.cycle.includes(w) ? [...w.writes].filter(b => persistent.has(b)) : [];
      if (written.length === 0) return w;
      const aside = new Map(written.map(b => [b, `${b} next`] as const));
      aside.forEach((next, b) => { const old = buffers.get(b); if (old) { buffers.set(next, { ...old, name: next, role: 'temporary' }); late.push(copy(placeOf(next), placeOf(b))); } });
      const steps = w.steps.map(s => (s.kind === 'run' ? { ...s, kernel: keep(storingAside(kernelAt(s.kernel), aside)) } : s));
      return { ...w, steps, writes: new Set([...w.writes].map(b => aside.get(b) ?? b)) };
    });
    // the pieces refer to each other by identity: needs of a piece that was replaced point to its replacement
    const replacement = new Map(works.map((w, i) => [w, parted[i] ?? w] as const));
    const relinked = new Map<Work, Work>();
    const relink = (w: Work): Work => {
      const seen = relinked.get(w);
      if (seen) return seen;
      const made: Work = { ...(replacement.get(w) ?? w), needs: w.needs.map(relink) };
      relinked.set(w, made);
      return made;
    };
    const second = order(works.map(relink), persistent, memory === 'small');
    if (!('ordered' in second)) return fail('kernels wait for each other');
    return [...second.ordered.flatMap(w => w.steps), ...late];
  }

  // ── one graph, or one loop's body ───────────────────────────────────────────────────────────

  function planUnit(unit: Unit, depth: number): { readonly works: readonly Work[]; readonly place: (id: NodeId) => Place } {
    for (const n of unit.graph.nodes) if (n.kind === 'scalar' && n.name !== 'rows' && n.name !== 'samples') scalars.add(n.name);
    const fusion = fuse(unit, capabilities, memory);
    // a value may be both yielded and carried on
    const carried = new Set([...unit.graph.outputs].filter(([o]) => o.startsWith('next:')).map(([, id]) => id));
    // what a loop stacks is read from the stack, but for what it carries on, which is made where the carry is
    const stacked = (id: NodeId): Place | undefined => (carried.has(id) ? undefined : unit.roots.get(id)?.find(p => p.buffer.startsWith('yield')));
    const stored = (id: NodeId): Place | undefined => (fusion.home.has(id) ? stacked(id) ?? ownPlace(unit, id) : undefined);
    const place = (id: NodeId): Place => unit.leaf(id) ?? stored(id) ?? fail(`node ${id} is not in memory`);
    const outputs = new Set([...unit.graph.outputs].filter(([o]) => !o.startsWith('update:')).map(([, id]) => id));
    if (depth === 0) for (const id of [...fusion.loaded, ...outputs]) kept.add(unit.name(id));
    const targets = (id: NodeId): readonly Place[] => {
      const others = unit.roots.get(id) ?? [];
      const needsOwn = unit.leaf(id) === undefined && stacked(id) === undefined && (fusion.loaded.has(id) || carried.has(id) || outputs.has(id) || others.length === 0);
      return needsOwn ? [ownPlace(unit, id), ...others] : others;
    };
    const works = new Map<Item, Work>();
    for (const item of fusion.items) {
      const needs = item.needs.map(n => works.get(n) ?? fail('order'));
      if (item.kind === 'cluster') {
        const key = clusterKey(unit, item, id => fusion.home.has(id), targets);
        const made = emitted.get(key) ?? work(emit(unit, item, stored, targets, sizeOfBuffer, boundsFolds(capabilities), capabilities.results === 'many'));
        emitted.set(key, made);
        works.set(item, { ...made, needs });
      } else works.set(item, planLoop(unit, item.node, place, depth, needs));
    }
    return { works: [...works.values()], place };
  }

  function work(kernel: Kernel): Omit<Work, 'needs'> {
    const isLong = kernel.body.some(s => s.kind === 'fold'); // which no two kernels should do
    const parts = inParts(kernel, capabilities.results === 'one' ? 1 : isLong ? Infinity : mostStores, sizeOfBuffer);
    return { steps: parts.map(k => ({ kind: 'run', kernel: keep(k) })), ...touched(kernel) };
  }

  function ownPlace(unit: Unit, id: NodeId): Place {
    const n = unit.graph.nodes[id] ?? fail(`no node ${id}`);
    return declare(unit.name(id), n.shape, 'temporary', n.type === 'u32' ? 'u32' : 'f32');
  }

  /** Initial carries are copied, the body runs once a turn into buffers of its own, and the carries are moved on at its end. */
  function planLoop(unit: Unit, id: NodeId, place: (id: NodeId) => Place, depth: number, needs: readonly Work[]): Work {
    const n = unit.graph.nodes[id];
    if (n?.kind !== 'loop') return fail('not a loop');
    const counter = `turn${depth}`;
    turns.add(counter);
    const name = unit.name(id);
    const carries = n.init.map((x, i) => declare(carryName(name, i), unit.graph.nodes[x]?.shape ?? [], 'temporary'));
    const turn = valueIndex({ kind: 'scalar', type: 'u32', name: counter });
    const roots = new Map<NodeId, readonly Place[]>();
    const body = n.body;
    const output = (o: string): NodeId => body.outputs.get(o) ?? fail(o);
    for (let k = 0; k < n.yields; k++) {
      const at = output(`yield:${k}`);
      const shape = body.nodes[at]?.shape ?? [];
      const stacked = declare(yieldName(name, k), [n.extent, ...shape], 'temporary');
      roots.set(at, [...(roots.get(at) ?? []), { ...stacked, shape, offset: scaleIndex(turn, sizeOf(shape)) }]);
    }
    n.init.forEach((_, i) => { const at = output(`next:${i}`); roots.set(at, roots.get(at) ?? []); });
    const digest = digests(body, number, a => `${name} ${a.what}${a.index}`);
    const leaf = (x: NodeId): Place | undefined => {
      const a = body.nodes[x];
      if (a?.kind !== 'argument') return leafPlace(body, digest, x);
      if (a.what === 'carry') return carries[a.index];
      const outer = place([...n.sequences, ...n.captured][a.index] ?? fail('argument'));
      return a.index < n.sequences.length ? { ...outer, shape: outer.shape.slice(1), offset: addIndex(outer.offset, scaleIndex(turn, sizeOf(outer.shape.slice(1)))) } : outer;
    };
    const digestAt = (x: NodeId): string => `${name} ${digest[x] ?? x}`;
    const inner = planUnit({ graph: body, roots, leaf, isPart: () => false, isKept: () => false, bucket: () => undefined, timesResult: () => 0, digest: digestAt, name: x => nameOf(digestAt(x)) }, depth + 1);
    // a next value that is another carry must be read before that carry is moved on
    const swapped = n.init.some((_, i) => carries.some((c, j) => j !== i && inner.place(output(`next:${i}`)).buffer === c.buffer));
    if (swapped) return fail('a carry that takes the place of another');
    const ordered = order(inner.works, new Set());
    if (!('ordered' in ordered)) return fail('kernels of a loop wait for each other');
    const turnSteps = ordered.ordered.flatMap(w => w.steps);
    const run = kernelsOf(turnSteps).map(kernelAt);
    // the next value of a carry is made where the carry is, or moved there at the end of the turn
    const direct = new Map<string, string>();
    const moved = n.init.flatMap((_, i) => {
      const from = inner.place(output(`next:${i}`));
      const to = carries[i] ?? fail('carry');
      if (from.buffer === to.buffer) return [];
      const isOwn = from.offset.terms.length === 0 && buffers.get(from.buffer)?.role === 'temporary' && !direct.has(from.buffer);
      if (capabilities.inPlace && isOwn && turnSteps.every(s => s.kind === 'run') && mayFollowInPlace(run, from.buffer, to.buffer)) { direct.set(from.buffer, to.buffer); return []; }
      return [{ from, to }];
    });
    const here = (p: Place): Place => ({ ...p, buffer: direct.get(p.buffer) ?? p.buffer });
    const moves = moved.map(({ from, to }) => copy(here(from), to));
    const made = direct.size === 0 ? turnSteps : turnSteps.map(s => (s.kind === 'run' ? { ...s, kernel: keep(renamed(kernelAt(s.kernel), direct)) } : s));
    const start = n.init.map((x, i) => copy(place(x), carries[i] ?? fail('carry')));
    const steps: Step[] = [...start, { kind: 'loop', counter, extent: n.extent, reverse: n.reverse, body: [...made, ...moves] }];
    const all = kernelsOf(steps).map(k => touched(kernelAt(k)));
    return { steps, needs, reads: new Set(all.flatMap(a => [...a.reads])), writes: new Set(all.flatMap(a => [...a.writes])) };
  }

  /** Sorting pays where comparing every class with every position is much work; only an input is known to the runtime. */
  function bucketOf(graph: Graph<Plain>, id: NodeId, extent: number): { readonly order: Place; readonly start: Place } | undefined {
    const n = graph.nodes[id];
    if (n?.kind !== 'input' || n.type !== 'u32' || !capabilities.integers || n.shape.lastIndexOf('rows') > 0 || nominalSize(n.shape) * extent < manyComparisons) return undefined;
    const made = (part: 'order' | 'start', shape: Shape): Place => declare(`${n.name} ${part} of ${extent}`, shape, 'input', 'u32', undefined, { of: n.name, extent, part });
    return { order: made('order', n.shape), start: made('start', [extent + 1]) };
  }

  function leafPlace(graph: Graph<Plain>, digest: readonly string[], id: NodeId): Place | undefined {
    const n = graph.nodes[id];
    switch (n?.kind) {
      case 'input': return declare(n.name, n.shape, 'input', n.type === 'u32' ? 'u32' : 'f32');
      case 'variable': return declare(n.name, n.shape, n.role);
      case 'noise': return capabilities.integers ? undefined : declare(`noise:${n.path}`, n.shape, 'noise', 'f32', { family: n.family, site: n.site });
      case 'result': {
        const loop = graph.nodes[n.loop] as Loop; // a result reads a loop
        const name = nameOf(digest[n.loop] ?? fail('loop'));
        return declare(n.index < loop.init.length ? carryName(name, n.index) : yieldName(name, n.index - loop.init.length), n.shape, 'temporary');
      }
      default: return undefined;
    }
  }

  // ── tables ──────────────────────────────────────────────────────────────────────────────────

  function declare(name: string, shape: Shape, role: Role, type: 'f32' | 'u32' = 'f32', noise?: Buffer['noise'], bucket?: Buffer['bucket']): Place {
    if (!buffers.has(name)) buffers.set(name, { name, type, shape, size: sizeOf(shape), role, ...(noise ? { noise } : {}), ...(bucket ? { bucket } : {}) });
    return placeOf(name);
  }
  function placeOf(name: string): Place { const b = buffers.get(name) ?? fail(`no buffer ${name}`); return { buffer: name, type: b.type, shape: b.shape, offset: zero }; }
  function sizeOfBuffer(name: string): Size { return (buffers.get(name) ?? fail(`no buffer ${name}`)).size; }
  function nameOf(digest: string): string {
    const seen = short.get(digest);
    if (seen !== undefined) return seen;
    const made = `t${short.size}`;
    short.set(digest, made);
    return made;
  }
  function keep(kernel: Kernel): number {
    const key = kernelKey(kernel);
    const seen = kernelAtKey.get(key);
    if (seen !== undefined) return seen;
    const at = kernels.push({ ...kernel, name: `k${kernels.length}` }) - 1;
    kernelAtKey.set(key, at);
    return at;
  }
  function kernelAt(i: number): Kernel { return kernels[i] ?? fail(`no kernel ${i}`); }
  function copy(from: Place, to: Place): Step & { kind: 'run' } {
    const at = identity(from.shape);
    const body = [{ kind: 'store' as const, buffer: to.buffer, offset: addIndex(to.offset, offsetOf(at, to.shape)), value: { kind: 'load' as const, type: from.type, buffer: from.buffer, offset: addIndex(from.offset, offsetOf(at, from.shape)) } }];
    return { kind: 'run', kernel: keep({ name: 'copy', axes: gridOf(from.shape), body, buffers: buffersOf(body, sizeOfBuffer), origins: [] }) };
  }
}

/** Takes kernels that no step runs any more, since others took their place, out of a list; the programs with the places that the others have then. */
function withoutUnused(kernels: Kernel[], programs: readonly PhasedPlan[]): readonly PhasedPlan[] {
  const used = [...new Set(programs.flatMap(p => p.phases.flatMap(kernelsOf)))].sort((a, b) => a - b);
  const at = new Map(used.map((k, i) => [k, i] as const));
  const moved = (s: Step): Step => (s.kind === 'run' ? { ...s, kernel: at.get(s.kernel) ?? fail('a kernel is missing') } : { ...s, body: s.body.map(moved) });
  kernels.splice(0, kernels.length, ...used.flatMap((k, i) => { const kernel = kernels[k]; return kernel ? [{ ...kernel, name: `k${i}` }] : []; }));
  return programs.map(p => ({ ...p, phases: p.phases.map(steps => steps.map(moved)) }));
}

const loopOverSamples = (body: readonly Step[]): Step => ({ kind: 'loop', counter: 'sampleBase', extent: 'draws', reverse: false, body });
/** Nanoseconds of stores that nobody reads from which on a kernel without them is worth its code. */
const muchUnread = 1000;
/** Comparisons from which on positions are sorted by class instead. */
const manyComparisons = 2 ** 16;
const carryName = (loop: string, i: number): string => `carry ${loop}.${i}`;
const yieldName = (loop: string, i: number): string => `yield ${loop}.${i}`;
const touched = (k: Kernel): { readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string> } => ({
  reads: new Set(k.buffers.filter(b => b.access !== 'write').map(b => b.name)), writes: new Set(k.buffers.filter(b => b.access !== 'read').map(b => b.name)),
});
/** The kernel storing to other buffers: the old ones are only read. */
function storingAside(k: Kernel, aside: ReadonlyMap<string, string>): Kernel {
  const body = mapBuffers(k.body, name => name, name => aside.get(name) ?? name);
  const size = new Map(k.buffers.map(b => [b.name, b.size] as const));
  const back = new Map([...aside].map(([b, next]) => [next, b] as const));
  return { ...k, body, buffers: buffersOf(body, name => size.get(back.get(name) ?? name) ?? 0) };
}

function fail(message: string): never { throw new InternalError('schedule', message); }
