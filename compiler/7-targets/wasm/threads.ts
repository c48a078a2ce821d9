/**
 * Threads. Imagine every thread running the whole program: of a large kernel it takes its share of the tiles, a small one is left
 * to the first thread, and where one kernel reads what another thread wrote all wait for each other at a barrier, a function that
 * the runtime gives. Shares are whole tiles, so no element is computed in another way than by one thread alone.
 */
import type binaryen from 'binaryen';
import type { Axis, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { extentNode } from './address.ts';
import { nominal } from './cost.ts';
import type { Scope } from './scope.ts';
import type { Module, Node } from './spellings.ts';

/** Bytes of the control block, which is the runtime's; two of its words say where panels whose length varies are, and how many bytes a thread has for them. */
export const controlBytes = 64;
const panelsAt = { start: 24, each: 28 } as const;
/** Where the panels of this thread are. */
export const panelsOf = (m: Module, b: typeof binaryen, control: number): Node =>
  m.i32.add(m.i32.load(control + panelsAt.start, 4, m.i32.const(0)), m.i32.mul(mine(m, b, 'thread'), m.i32.load(control + panelsAt.each, 4, m.i32.const(0))));
/** Work is told in so many of the planner's instructions. */
const unit = 512;
/** Instructions from which on a kernel is cut: some 2 µs. */
export const worthwhile = 32 * unit;

/** Instructions of a kernel for given extents: `each` times rows, samples, both, or neither. */
export interface Amount { readonly each: number; readonly rows: boolean; readonly samples: boolean }

/** What a kernel takes, from the planner's cost for nominal extents. */
export function amountOf(kernel: Kernel, cost: number): Amount {
  const extents = new Set([...kernel.axes, ...loopAxes(kernel.body)].map(a => a.extent));
  const [rows, samples] = [extents.has('rows'), extents.has('samples')];
  return { each: cost / ((rows ? nominal.rows : 1) * (samples ? nominal.samples : 1)), rows, samples };
}
const loopAxes = (body: readonly Stmt[]): readonly Axis[] => body.flatMap(s => ('axis' in s ? [s.axis, ...loopAxes(s.body)] : []));

/**
 * Globals that each thread has for itself: its number, how many run this program, where its share of this kernel begins
 * and ends along the shared axis, where its scratch memory begins.
 */
export const mine = (m: Module, b: typeof binaryen, name: 'thread' | 'active' | 'from' | 'to' | 'scratch'): Node => m.global.get(name, b.i32);

/** Adds the globals of a thread. @param control Where the control block is; scratch memory of the threads follows, in the order of their numbers. */
export function addThreads(m: Module, b: typeof binaryen, control: number): void {
  for (const [name, first] of [['thread', 0], ['active', 1], ['from', 0], ['to', 0], ['scratch', control + controlBytes]] as const) m.addGlobal(name, b.i32, true, m.i32.const(first));
  for (const name of ['thread', 'active', 'scratch']) m.addGlobalExport(name, name);
}

/** Adds `cut`, by which a kernel asks for its share of tiles of some width, given its work; it says whether there is none. */
export function addCut(m: Module, b: typeof binaryen): void {
  const [work, tiles, width, parts] = [0, 1, 2, 3].map(i => (): Node => m.local.get(i, b.i32)) as [() => Node, () => Node, () => Node, () => Node]; // of four
  const edge = (next: number): Node => m.i32.mul(m.i32.div_u(m.i32.mul(m.i32.add(mine(m, b, 'thread'), m.i32.const(next)), tiles()), parts()), width());
  m.addFunction('cut', b.createType([b.i32, b.i32, b.i32]), b.i32, [b.i32], m.block(null, [
    m.local.set(3, m.select(m.i32.ge_u(work(), m.i32.const(worthwhile / unit)), mine(m, b, 'active'), m.i32.const(1))),
    m.if(m.i32.ge_u(mine(m, b, 'thread'), parts()), m.return(m.i32.const(1))),
    m.global.set('from', edge(0)),
    m.global.set('to', edge(1)),
    m.i32.eq(mine(m, b, 'from'), mine(m, b, 'to')),
  ], b.i32));
}

/** How many tiles of which width a loop has. */
export interface Tiles { readonly count: Node; readonly width: Node }
/** How a kernel begins: a thread that has no share of its tiles leaves; of one that is not shared, all but the first do. */
export function leave(s: Scope, amount: Amount, tiles: Tiles | undefined): Node {
  const { m, b } = s;
  // to a power of two: nobody needs to know better, and a page downloads it
  const each = 2 ** Math.max(0, Math.round(Math.log2(amount.each / unit)));
  const work = (['rows', 'samples'] as const).filter(d => amount[d]).reduce((n, d) => m.i32.mul(n, extentNode(s, d)), m.i32.const(each));
  return m.if(tiles === undefined ? mine(m, b, 'thread') : m.call('cut', [work, tiles.count, tiles.width], b.i32), m.return());
}
