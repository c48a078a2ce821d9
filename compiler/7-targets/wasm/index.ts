/**
 * The WebAssembly SIMD target. Imagine one module for a whole plan: a function for each kernel (equal layers share one, which is told
 * where its buffers are), a function for each program that calls them in order, and one imported memory that begins with the step
 * record and the address of every buffer.
 *
 *   byte 0            the step record, one 32-bit word a field
 *   then              the byte address of each buffer of the schedule, one word each
 *   next multiple of 64   the control block of the threads: see `threads.ts`
 *   then              `scratchBytes` (an exported global) for each thread; the arena comes after them
 *   after the arena   `panelBytes` of the program that runs (an exported global `panelBytes NAME`, if any) for each thread, row and sample
 *
 * The memory is imported as one that is not shared; the runtime turns one bit of the module where it has threads.
 */
import binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { MemoryPlan, Schedule } from '../../5-schedule/schedule.ts';
import type { Expr, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { kernelShape } from '../../6-kernels/kernel-key.ts';
import type { KernelShape } from '../../6-kernels/kernel-key.ts';
import { childrenOf } from '../../6-kernels/map.ts';
import { prepare } from '../prepare.ts';
import type { Target } from '../target.ts';
import { collapse } from './collapse.ts';
import { ownExpansions } from './expansions.ts';
import { readyToFuse } from './fusable.ts';
import { addNoise, forget, noiseBytes } from './noise.ts';
import { addTurnOver, panelBytes } from './panels.ts';
import { makePlan, usual } from './plan.ts';
import type { Costed, Large } from './plan.ts';
import { nanoseconds } from './predict.ts';
import { addPrograms, panelsName } from './program.ts';
import type { Call } from './program.ts';
import { newScope } from './scope.ts';
import type { Memory, Scope } from './scope.ts';
import { spells } from './spellings.ts';
import { samplesTogether } from './together.ts';
import type { Module, Node } from './spellings.ts';
import { tilesOf, writeBlock } from './statements.ts';
import { addShare, addThreads, amountOf, leave, smallShares } from './threads.ts';

/** What a module may use: all of it is in Node 20 and in every browser since 2023. */
const features = binaryen.Features.SIMD128 | binaryen.Features.Atomics | binaryen.Features.BulkMemory | binaryen.Features.SignExt | binaryen.Features.NontrappingFPToInt | binaryen.Features.MutableGlobals;
/** Chosen for the size of the module, deflated, and for their time: `rse` takes a fifth of all passes for half a percent, and where locals are put in order of use the module deflates less well. */
const passes = ['simplify-locals-nostructure', 'coalesce-locals', 'vacuum', 'dealign'];

/** The bytes of a module. @param large Which kernels count as large: for tests. */
export function printWasm(schedule: Schedule, large: Large = largeIn(schedule.memory)): Uint8Array {
  const m = new binaryen.Module();
  try {
    m.setFeatures(features);
    m.setMemory(1, 65536, null, [], false);
    m.addMemoryImport('0', 'env', 'memory', false);
    m.addFunctionImport('barrier', 'env', 'barrier', binaryen.none, binaryen.none);
    let [spilled, turns] = [0, false];
    const windows = new Map<'normal' | 'uniform', number>();
    const control = Math.ceil((4 * (schedule.record.length + schedule.buffers.length)) / 64) * 64;
    // a fast plan stores what several kernels draw; a small one draws wherever a draw is needed
    const apart = schedule.memory === 'small';
    const memory: Memory = {
      ...placesOf(schedule),
      noise: family => {
        const name = `noise ${family}`;
        if (!windows.has(family)) {
          const window = noiseBytes * windows.size;
          windows.set(family, window);
          addNoise(m, binaryen, memory, name, family, window, apart);
        }
        return name;
      },
      turnOver: () => {
        if (!turns) addTurnOver(m, binaryen, memory, 'turn over');
        turns = true;
        return 'turn over';
      },
      apart, scratch: 2 * noiseBytes,
      control,
    };
    // equal layers have equal kernels: one function serves them all
    const functions = new Map<string, Printed>();
    const shapes = schedule.kernels.map(kernelShape);
    const turnsOf = (i: number): number => schedule.kernels[i]?.turns ?? 1;
    // printed as the one that runs most often is best served
    const alike = new Map<string, { readonly count: number; readonly first: number }>();
    shapes.forEach(({ key }, i) => {
      const { count, first } = alike.get(key) ?? { count: 0, first: i };
      alike.set(key, { count: count + 1, first: turnsOf(i) > turnsOf(first) ? i : first });
    });
    const calls = shapes.map((shape, i): Call => {
      const { count = 1, first = i } = alike.get(shape.key) ?? {};
      const isOwn = count === 1 || shape.buffers.length + shape.sites.length > mostParameters;
      const key = isOwn ? `kernel ${i}` : shape.key;
      const printed = isOwn ? i : first;
      const made = functions.get(key) ?? addKernel(m, `kernel ${printed}`, schedule.kernels[printed] ?? fail(`there is no kernel ${printed}`), isOwn ? nothing : shapes[printed] ?? shape, memory, large);
      functions.set(key, made);
      spilled = Math.max(spilled, made.used.scratch);
      return {
        isShared: made.isShared, panels: made.used.panels,
        node: () => m.call(made.name, isOwn ? [] : [...shape.buffers.map(b => m.i32.load(memory.bufferWord(b), 4, m.i32.const(0))), ...shape.sites.map(x => m.i32.const(x | 0))], binaryen.none),
      };
    });
    const scratchBytes = Math.ceil((spilled > 2 * noiseBytes ? spilled : noiseBytes * windows.size) / 64) * 64;
    addPrograms(m, binaryen, schedule, calls, memory, () => [...windows.values()].flatMap(at => forget(m, binaryen, at)));
    addThreads(m, binaryen, control);
    addShare(m, binaryen, control);
    m.addGlobal('scratchBytes', binaryen.i32, false, m.i32.const(scratchBytes));
    m.addGlobalExport('scratchBytes', 'scratchBytes');
    m.runPasses(passes);
    return readyToFuse(m.emitBinary());
  } finally {
    m.dispose();
  }
}

const largeIn = (memory: MemoryPlan = 'fast'): Large => ({ ...usual, panel: panelBytes[memory] });

/** Where the record's fields and the buffers' addresses are. */
function placesOf({ record, buffers }: Schedule): Pick<Memory, 'field' | 'bufferWord'> {
  const fields = new Map(record.map((f, i) => [f.name, { at: 4 * i, type: f.type }]));
  const words = new Map(buffers.map((b, i) => [b.name, 4 * (record.length + i)]));
  return { field: name => fields.get(name) ?? fail(`'${name}' is not in the record`), bufferWord: name => words.get(name) ?? fail(`'${name}' is not in the schedule`) };
}

/** Parameters that a function has at most; WebAssembly allows a thousand. */
const mostParameters = 200;
const nothing: Pick<KernelShape, 'buffers' | 'sites'> = { buffers: [], sites: [] };
/** A function of a kernel; whether threads share it, and where the memory that it uses ends. */
interface Printed { readonly name: string; readonly isShared: boolean; readonly used: ReturnType<Scope['allocated']> }

/** @param given What its parameters are: where buffers begin, and which noise. */
function addKernel(m: Module, name: string, source: Kernel, given: Pick<KernelShape, 'buffers' | 'sites'>, memory: Memory, large: Large): Printed {
  const [buffers, sites] = [new Map(given.buffers.map((b, i) => [b, i])), new Map(given.sites.map((x, i) => [x, given.buffers.length + i]))];
  const parameters = Array.from({ length: buffers.size + sites.size }, () => binaryen.i32);
  const { kernel, writes, noises, plan } = planned(source, large);
  const write = (p: Costed): { readonly s: Scope; readonly body: readonly Node[] } => {
    const s = newScope(m, binaryen, kernel.name, writes, memory, parameters.length, { buffers, sites });
    s.oneNoise = noises === 1 ? s.top : undefined;
    // made for all ways, before the body, so that extents are read before it: which way it is the body says, by what it lays down
    const begins = (['always', 'few', 'never'] as const).map(small => [small, leave(s, amountOf(kernel, p.cost), p.around.map(loop => tilesOf(s, loop, p)), p.shared && tilesOf(s, p.shared, p), small)] as const);
    const begin = s.top.out.length;
    writeBlock(s, p.body, p);
    const small = smallShares(p, noises > 0, p.shared !== undefined && s.laysDownBefore.has(p.shared.axis.name));
    s.top.out.splice(begin, 0, ...begins.flatMap(([way, node]) => (way === small ? [node] : [])));
    return { s, body: s.top.out };
  };
  // what is laid down for all turns of a loop stays, and so does the loop: written once to see that, and thrown away but for functions that it calls, which the second one calls too
  const laid = plan.isLarge && plan.around.length > 0 ? write({ ...plan, around: [] }).s.laysDownBefore : new Set<string>();
  const kept = plan.around.findIndex(({ axis }) => laid.has(axis.name));
  const { s, body } = write({ ...plan, around: kept < 0 ? plan.around : plan.around.slice(0, kept) });
  m.addFunction(name, binaryen.createType(parameters), binaryen.none, s.locals, plan.shared ? m.loop('shares', m.block(null, [...body, m.br('shares')])) : m.block(null, [...body]));
  return { name, isShared: plan.shared !== undefined, used: s.allocated() };
}

/** A kernel as it is printed, what it writes, and how it is walked. */
interface Planned { readonly kernel: Kernel; readonly writes: ReadonlySet<string>; /** How many expressions draw noise. */ readonly noises: number; readonly plan: Costed }
/** Choosing a plan is most of the work of printing: who predicts a time asks for the same one. */
const plans = new WeakMap<Kernel, Map<string, Planned>>();
function planned(source: Kernel, large: Large): Planned {
  const known = plans.get(source) ?? new Map<string, Planned>();
  plans.set(source, known);
  const key = `${large.memory} ${large.blocks} ${large.panel}`;
  const made = known.get(key) ?? makePlanned(source, large);
  known.set(key, made);
  return made;
}
function makePlanned(source: Kernel, large: Large): Planned {
  const kernel = prepare(collapse(source), spells, ownExpansions);
  const { reads, writes, noises } = accesses(kernel.body);
  return { kernel, writes, noises: noises.size, plan: makePlan(kernel, ![...writes].some(b => reads.has(b)), large) };
}

/** Buffers that a body loads from and stores to, and its noise. */
function accesses(body: readonly Stmt[]): { readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string>; readonly noises: ReadonlySet<Expr> } {
  const [reads, writes, noises] = [new Set<string>(), new Set<string>(), new Set<Expr>()];
  const expr = (e: Expr): void => { if (e.kind === 'load') reads.add(e.buffer); else if (e.kind === 'noise') noises.add(e); childrenOf(e).forEach(expr); };
  const walk = (stmts: readonly Stmt[]): void => {
    for (const s of stmts) {
      switch (s.kind) {
        case 'let': expr(s.value); break;
        case 'store': writes.add(s.buffer); expr(s.value); childrenOf({ kind: 'index', type: 'u32', index: s.offset }).forEach(expr); break;
        case 'map': walk(s.body); break;
        case 'fold': s.bounds?.forEach(expr); s.carries.forEach(c => { expr(c.init); expr(c.next); }); walk(s.body); break;
      }
    }
  };
  walk(body);
  return { reads, writes, noises };
}

/** What a module says of itself in its globals. */
function ownMemory(code: Uint8Array): { readonly scratch: number; readonly panels: number } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(code)), { env: { memory, barrier: () => undefined } });
  const global = (name: string): number => ((exports[name] as WebAssembly.Global | undefined)?.value ?? 0) as number; // i32 globals
  return { scratch: global('scratchBytes'), panels: Math.max(0, ...Object.keys(exports).filter(name => name.startsWith(panelsName(''))).map(global)) };
}

/** Costs are of one core of an x86-64 machine, by the values that come out of a vectorised loop. */
export const wasm: Target = {
  name: 'wasm', runsSteps: true,
  capabilities: {
    results: 'many', inPlace: true, integers: true, innerLoops: 'cheap', loops: true,
    cost: { arithmetic: 0.15, transcendental: 1.5, noise: 2, load: 0.3, store: 0.3, launch: 30 },
  },
  print: schedule => printWasm(schedule),
  details: schedule => { const samples = samplesTogether(schedule); return samples === undefined ? {} : { samples }; },
  predict(source, extents, threads, memory) {
    const { kernel, plan } = planned(source, largeIn(memory));
    return nanoseconds(kernel, plan, extents, threads);
  },
  ownMemory,
};

function fail(message: string): never { throw new InternalError('wasm', message); }
