/**
 * The WebAssembly target: a schedule as one module. Memory is imported as `env.memory`. It begins with the step record, one
 * word a field; then one word a buffer, its address; then, from the next multiple of 64, `scratchBytes` of scratch; the arena
 * comes after. Each program is an exported function without arguments.
 */
import binaryen from 'binaryen';
import { InternalError } from '../../diagnostics.ts';
import type { Capabilities, Schedule, Step } from '../../5-schedule/schedule.ts';
import { expandKernel } from '../../6-kernels/expand.ts';
import type { Expr, Kernel } from '../../6-kernels/kernel.ts';
import { childrenOf, mapStmts } from '../../6-kernels/map.ts';
import { shareKernel } from '../../6-kernels/share.ts';
import type { Target } from '../target.ts';
import { collapse } from './collapse.ts';
import { addKernel } from './kernel.ts';
import { addNoise, oneName, sixteenName } from './noise.ts';

/** Nanoseconds a value on one core of 2023, measured with `npm run bench`'s loops; only their ratios matter. */
const capabilities: Capabilities = {
  results: 'many', inPlace: true, integers: true, innerLoops: 'cheap', loops: true,
  cost: { arithmetic: 0.1, transcendental: 1.2, noise: 2.5, load: 0.25, store: 0.3, launch: 30 },
};

export const wasm: Target = { name: 'wasm', capabilities, print };

/** Areas of 64 bytes in which a kernel keeps the noise of one tile, one a site. */
const areas = 16;

function print(schedule: Schedule): Uint8Array {
  const m = new binaryen.Module();
  const { Features } = binaryen;
  m.setFeatures(Features.SIMD128 | Features.NontrappingFPToInt | Features.BulkMemory | Features.SignExt | Features.MutableGlobals);
  m.setMemory(1, 65_536, null, []);
  m.addMemoryImport('0', 'env', 'memory');
  const scratch = Math.ceil((4 * (schedule.record.length + schedule.buffers.length)) / 64) * 64;
  m.addGlobal('scratchBytes', binaryen.i32, false, m.i32.const(64 * areas));
  m.addGlobalExport('scratchBytes', 'scratchBytes');

  const fields = new Map(schedule.record.map((f, i) => [f.name, { address: 4 * i, type: f.type }] as const));
  const buffers = new Map(schedule.buffers.map((b, i) => [b.name, 4 * (schedule.record.length + i)] as const));
  const field = (name: string): { readonly address: number; readonly type: 'u32' | 'f32' } => fields.get(name) ?? fail(`no field ${name} in the record`);
  const families = new Set<'normal' | 'uniform'>();
  const prepared = schedule.kernels.map(prepare);
  prepared.forEach(k => familiesOf(k).forEach(f => families.add(f)));
  for (const family of families) addNoise(m, family, name => field(name).address);
  prepared.forEach((k, i) => addKernel(m, k, `kernel ${i}`, {
    field, buffer: name => buffers.get(name) ?? fail(`no buffer ${name}`),
    noise: { one: oneName, sixteen: sixteenName, scratch: area => scratch + 64 * (area < areas ? area : fail('too many sites in one kernel')) },
  }));

  let labels = 0;
  const steps = (list: readonly Step[]): binaryen.ExpressionRef[] => list.map(s => {
    if (s.kind === 'run') return m.call(`kernel ${s.kernel}`, [], binaryen.none);
    const at = field(s.counter).address;
    const counter = (): binaryen.ExpressionRef => m.i32.load(at, 4, m.i32.const(0));
    const set = (x: binaryen.ExpressionRef): binaryen.ExpressionRef => m.i32.store(at, 4, m.i32.const(0), x);
    const label = `turn${labels++}`;
    const more = s.reverse ? m.i32.ge_s(counter(), m.i32.const(0)) : m.i32.lt_s(counter(), m.i32.const(s.extent));
    return m.block(null, [
      set(m.i32.const(s.reverse ? s.extent - 1 : 0)),
      m.loop(label, m.block(null, [...steps(s.body), set(m.i32.add(counter(), m.i32.const(s.reverse ? -1 : 1))), m.br(label, more)])),
    ]);
  });
  for (const p of schedule.programs) {
    m.addFunction(p.name, binaryen.none, binaryen.none, [], m.block(null, steps(p.steps)));
    m.addFunctionExport(p.name, p.name);
  }
  if (!m.validate()) throw new InternalError('wasm', 'the module is not valid');
  const bytes = m.emitBinary();
  m.dispose();
  return bytes;
}

/** Only what the instruction set has, shared subexpressions named, flat loops where they fit. */
const prepare = (kernel: Kernel): Kernel => shareKernel(expandKernel(collapse(kernel), { spells: op => op === 'neg' || op === 'abs', keepsNoise: true }));

function familiesOf(kernel: Kernel): ReadonlySet<'normal' | 'uniform'> {
  const out = new Set<'normal' | 'uniform'>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): Expr => {
    if (seen.has(e)) return e;
    seen.add(e);
    if (e.kind === 'noise') out.add(e.family);
    childrenOf(e).forEach(visit);
    return e;
  };
  mapStmts(kernel.body, visit);
  return out;
}

function fail(message: string): never { throw new InternalError('wasm', message); }
