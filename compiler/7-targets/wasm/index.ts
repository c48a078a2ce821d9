/**
 * The WebAssembly SIMD target. Imagine one module for a whole plan: a function for each kernel, a function for each program
 * that calls them in order, and one imported memory that begins with the step record and the address of every buffer.
 *
 *   byte 0            the step record, one 32-bit word a field
 *   then              the byte address of each buffer of the schedule, one word each
 *   next multiple of 64   `scratchBytes` (an exported global) for the module's own use; the arena comes after it
 */
import binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Schedule, Step } from '../../5-schedule/schedule.ts';
import type { Expr, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { childrenOf } from '../../6-kernels/map.ts';
import { prepare } from '../prepare.ts';
import type { Target } from '../target.ts';
import { collapse } from './collapse.ts';
import { addNoise, forget, noiseBytes } from './noise.ts';
import { makePlan } from './plan.ts';
import { newScope } from './scope.ts';
import type { Memory } from './scope.ts';
import { spells } from './spellings.ts';
import type { Module, Node } from './spellings.ts';
import { writeBlock } from './statements.ts';

/** What a module may use: all of it is in Node 20 and in every browser since 2023. */
const features = binaryen.Features.SIMD128 | binaryen.Features.BulkMemory | binaryen.Features.SignExt | binaryen.Features.NontrappingFPToInt | binaryen.Features.MutableGlobals;
const passes = ['simplify-locals-nostructure', 'coalesce-locals', 'vacuum', 'reorder-locals'];

/** The bytes of a module. */
export function printWasm(schedule: Schedule): Uint8Array {
  const m = new binaryen.Module();
  try {
    m.setFeatures(features);
    m.setMemory(1, 65536, null, [], false);
    m.addMemoryImport('0', 'env', 'memory', false);
    let spilled = 0;
    const windows = new Map<'normal' | 'uniform', number>();
    const scratch = Math.ceil((4 * (schedule.record.length + schedule.buffers.length)) / 64) * 64;
    const memory: Memory = {
      ...placesOf(schedule),
      noise: family => {
        const name = `noise ${family}`;
        if (!windows.has(family)) {
          const window = scratch + noiseBytes * windows.size;
          windows.set(family, window);
          addNoise(m, binaryen, memory, name, family, window);
        }
        return name;
      },
      scratch: bytes => { spilled = Math.max(spilled, bytes); return scratch + 2 * noiseBytes; },
    };
    schedule.kernels.forEach((kernel, i) => { addKernel(m, `kernel ${i}`, kernel, memory); });
    for (const program of schedule.programs) {
      const labels = { next: 0, locals: 0 };
      const body = m.block(null, [...[...windows.values()].flatMap(at => forget(m, at)), ...stepNodes(m, program.steps, memory, labels)]);
      m.addFunction(`program ${program.name}`, binaryen.none, binaryen.none, Array.from({ length: labels.locals }, () => binaryen.i32), body);
      m.addFunctionExport(`program ${program.name}`, program.name);
    }
    m.addGlobal('scratchBytes', binaryen.i32, false, m.i32.const(spilled > 0 ? 2 * noiseBytes + spilled : noiseBytes * windows.size));
    m.addGlobalExport('scratchBytes', 'scratchBytes');
    m.runPasses(passes);
    return m.emitBinary();
  } finally {
    m.dispose();
  }
}

/** Where the record's fields and the buffers' addresses are. */
function placesOf({ record, buffers }: Schedule): Pick<Memory, 'field' | 'bufferWord'> {
  const fields = new Map(record.map((f, i) => [f.name, { at: 4 * i, type: f.type }]));
  const words = new Map(buffers.map((b, i) => [b.name, 4 * (record.length + i)]));
  return { field: name => fields.get(name) ?? fail(`'${name}' is not in the record`), bufferWord: name => words.get(name) ?? fail(`'${name}' is not in the schedule`) };
}

function addKernel(m: Module, name: string, source: Kernel, memory: Memory): void {
  const kernel = prepare(collapse(source), spells);
  const { reads, writes } = accesses(kernel.body);
  const s = newScope(m, binaryen, kernel.name, writes, memory, 0);
  const plan = makePlan(kernel, ![...writes].some(b => reads.has(b)));
  writeBlock(s, plan.body, plan);
  m.addFunction(name, binaryen.none, binaryen.none, s.locals, m.block(null, s.top.out));
}

/** Buffers that a body loads from and stores to. */
function accesses(body: readonly Stmt[]): { readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string> } {
  const [reads, writes] = [new Set<string>(), new Set<string>()];
  const expr = (e: Expr): void => { if (e.kind === 'load') reads.add(e.buffer); childrenOf(e).forEach(expr); };
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
  return { reads, writes };
}

/** Steps in order; a loop sets its counter's field of the record before each turn. */
function stepNodes(m: Module, steps: readonly Step[], memory: Memory, labels: { next: number; locals: number }): readonly Node[] {
  return steps.map(step => {
    if (step.kind === 'run') return m.call(`kernel ${step.kernel}`, [], binaryen.none);
    if (step.extent <= 0) return m.nop();
    const label = `loop ${labels.next++}`;
    const turn = labels.locals++;
    const i = (): Node => m.local.get(turn, binaryen.i32);
    return m.block(null, [
      m.local.set(turn, m.i32.const(0)),
      m.loop(label, m.block(null, [
        m.i32.store(memory.field(step.counter).at, 4, m.i32.const(0), step.reverse ? m.i32.sub(m.i32.const(step.extent - 1), i()) : i()),
        ...stepNodes(m, step.body, memory, labels),
        m.local.set(turn, m.i32.add(i(), m.i32.const(1))),
        m.br_if(label, m.i32.lt_u(i(), m.i32.const(step.extent))),
      ])),
    ]);
  });
}

/** Costs are of one core of an x86-64 machine, by the values that come out of a vectorised loop. */
export const wasm: Target = {
  name: 'wasm',
  capabilities: {
    results: 'many', inPlace: true, integers: true, innerLoops: 'cheap', loops: true,
    cost: { arithmetic: 0.15, transcendental: 1.5, noise: 2.5, load: 0.3, store: 0.3, launch: 30 },
  },
  print: printWasm,
};

function fail(message: string): never { throw new InternalError('wasm', message); }
