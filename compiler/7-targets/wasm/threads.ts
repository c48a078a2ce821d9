/**
 * Threads. Imagine every thread running the whole program: of a large kernel it takes its share of the tiles, a small one is left
 * to the first thread, and where one kernel reads what another thread wrote all wait for each other at a barrier, a function that
 * the runtime gives. The last quarter of the tiles is given out in small shares, to whoever is done first: cores are of two kinds on
 * many machines, and shared with others on most. Shares are whole tiles, so no element is computed in another way than by one thread alone.
 */
import type binaryen from 'binaryen';
import type { Axis, Kernel, Stmt } from '../../6-kernels/kernel.ts';
import { extentNode } from './address.ts';
import { nominal, nominalOf } from './cost.ts';
import type { Costed } from './plan.ts';
import type { Scope } from './scope.ts';
import type { Module, Node } from './spellings.ts';

/** Bytes of the control block, which is the runtime's; two of its words say where panels whose length varies are, and how many bytes a thread has for them. */
export const controlBytes = 64;
const panelsAt = { start: 24, each: 28 } as const;
/** A word that is ours: how many small shares are gone, of all kernels together. */
const goneAt = 32;
/** Where the panels of this thread are. */
export const panelsOf = (m: Module, b: typeof binaryen, control: number): Node =>
  m.i32.add(m.i32.load(control + panelsAt.start, 4, m.i32.const(0)), m.i32.mul(mine(m, b, 'thread'), m.i32.load(control + panelsAt.each, 4, m.i32.const(0))));
/** Work is told in so many of the planner's instructions. */
const unit = 512;
/** Instructions from which on a kernel is cut: some 2 µs; and from which on small shares are worth asking for. */
export const worthwhile = 32 * unit;
const worthAsking = 8 * worthwhile;
/** Instructions of a tile that are worth a share. */
const muchOfTile = 4096;
/** Small shares for each thread. */
const shares = 4;
/** Turns for each thread from which on there are small shares: always, where each turn begins with something that is then done twice in one of a few, and more than memory has room for. */
const fromTurns = { always: 0, few: 8, never: 2 ** 24 } as const;

/** Instructions of a kernel for given extents: `each` times rows, samples, both, or neither. */
export interface Amount { readonly each: number; readonly rows: boolean; readonly samples: boolean }

/** What a kernel takes, from the planner's cost for nominal extents. */
export function amountOf(kernel: Kernel, cost: number): Amount {
  const extents = new Set([...kernel.axes, ...loopAxes(kernel.body)].map(a => a.extent));
  const [rows, samples] = [extents.has('rows'), extents.has('samples')];
  return { each: cost / ((rows ? nominal.rows : 1) * (samples ? nominal.samples : 1)), rows, samples };
}
const loopAxes = (body: readonly Stmt[]): readonly Axis[] => body.flatMap(s => ('axis' in s ? [s.axis, ...loopAxes(s.body)] : []));

/** Globals that each thread has for itself, and how they begin; its scratch memory begins behind the control block. */
const own = {
  // its number; how many run this program
  thread: 0, active: 1,
  // its piece of this kernel: where it begins and ends along the shared axis, in which turn of the loops around
  from: 0, to: 0, turn: 0,
  // its share: the next tile, and the one after the last, counted through all turns
  next: 0, end: 0,
  // whether it has had a share of this kernel; the small shares of the kernels before it
  asked: 0, before: 0,
} as const;
export const mine = (m: Module, b: typeof binaryen, name: keyof typeof own | 'scratch'): Node => m.global.get(name, b.i32);

/** Adds the globals of a thread. @param control Where the control block is; scratch memory of the threads follows, in the order of their numbers. */
export function addThreads(m: Module, b: typeof binaryen, control: number): void {
  for (const [name, first] of Object.entries({ ...own, scratch: control + controlBytes })) m.addGlobal(name, b.i32, true, m.i32.const(first));
  for (const name of ['thread', 'active', 'scratch']) m.addGlobalExport(name, name);
}

/**
 * Adds `share`, by which a kernel asks again and again for a piece: tiles of some width that follow each other in one turn of the loops around the
 * shared one, given its work, those turns, and the tiles of each; it says whether there are none left. Each thread gets a part of the first tiles of all
 * turns, then, where there are `few` turns for each thread, small shares of the last ones. Small shares of all kernels are counted as one row: as many as those of the kernels
 * before are gone when a thread comes to this one, since it left them when there were no more.
 * @param control Where the control block is.
 */
export function addShare(m: Module, b: typeof binaryen, control: number): void {
  const { i32 } = m;
  const number = (x: number): Node => i32.const(x);
  // how many threads share the kernel, tiles of all turns, those that go into small shares, how many of these; then what part of how many tiles it is, and after which
  const names = ['work', 'turns', 'tiles', 'width', 'few', 'parts', 'total', 'rest', 'count', 'gone', 'part', 'of', 'all', 'after'] as const;
  const local = (name: typeof names[number]): Node => m.local.get(names.indexOf(name), b.i32);
  const set = (name: typeof names[number], value: Node): Node => m.local.set(names.indexOf(name), value);
  const own = (name: Parameters<typeof mine>[2]): Node => mine(m, b, name);
  const least = (x: () => Node, y: () => Node): Node => m.select(i32.lt_u(x(), y()), x(), y());
  // the first parts have one tile more, where they are not equal; no product here is more than all tiles
  const part = (next: number) => (): Node => i32.add(local('part'), number(next));
  const edge = (next: number): Node => i32.add(local('after'), i32.add(i32.mul(part(next)(), i32.div_u(local('all'), local('of'))), least(part(next), () => i32.rem_u(local('all'), local('of')))));
  const first = (): Node => i32.sub(local('total'), local('rest'));
  const nextShare = [
    set('parts', m.select(i32.ge_u(local('work'), number(worthwhile / unit)), own('active'), number(1))),
    m.if(i32.ge_u(own('thread'), local('parts')), m.return(number(1))),
    set('total', i32.mul(local('turns'), local('tiles'))),
    set('rest', m.select(i32.and(i32.ge_u(local('turns'), i32.mul(local('few'), local('parts'))), i32.and(i32.gt_u(local('parts'), number(1)), i32.ge_u(local('work'), number(worthAsking / unit)))), i32.shr_u(local('total'), number(2)), number(0))),
    set('count', i32.mul(local('parts'), number(shares))),
    m.if(i32.lt_u(local('rest'), local('count')), set('count', local('rest'))),
    m.loop('again', m.block(null, [
      m.if(own('asked'), m.block(null, [
        // a load, as a sum with nothing: binaryen's `dealign` takes the alignment from loads that are called loads, and engines insist on it here
        set('gone', i32.atomic.rmw.add(control + goneAt, number(0), number(0))),
        set('part', i32.sub(local('gone'), own('before'))),
        m.if(i32.ge_u(local('part'), local('count')), m.block(null, [
          m.global.set('asked', number(0)),
          m.global.set('before', i32.add(own('before'), local('count'))),
          m.return(number(1)),
        ])),
        m.br_if('again', i32.ne(local('gone'), i32.atomic.rmw.cmpxchg(control + goneAt, number(0), local('gone'), i32.add(local('gone'), number(1))))),
        set('of', local('count')), set('all', local('rest')), set('after', first()),
      ]), m.block(null, [
        m.global.set('asked', number(1)),
        set('part', own('thread')), set('of', local('parts')), set('all', first()),
      ])),
      m.global.set('next', edge(0)), m.global.set('end', edge(1)),
      m.br_if('again', i32.eq(own('next'), own('end'))),
    ])),
  ];
  m.addFunction('share', b.createType([b.i32, b.i32, b.i32, b.i32, b.i32]), b.i32, names.slice(5).map(() => b.i32), m.block(null, [
    m.if(i32.eq(own('next'), own('end')), m.block(null, nextShare)),
    m.global.set('turn', i32.div_u(own('next'), local('tiles'))),
    set('part', i32.sub(own('next'), i32.mul(own('turn'), local('tiles')))),
    set('all', i32.sub(least(() => i32.add(local('part'), i32.sub(own('end'), own('next'))), () => local('tiles')), local('part'))),
    m.global.set('next', i32.add(own('next'), local('all'))),
    m.global.set('from', i32.mul(local('part'), local('width'))),
    m.global.set('to', i32.mul(i32.add(local('part'), local('all')), local('width'))),
    number(0),
  ], b.i32));
}

/**
 * Whether small shares are worth asking for: turns of all loops around are given out with the tiles, or of some where there is no noise, or a tile is much by
 * itself. Else what a share begins with would be done again in each of those turns, and windows of noise be drawn that are used in part.
 */
function isWorthAsking({ body, shared, around, roles, cost }: Costed, draws: boolean): boolean {
  if (around.length > 0 && !draws) return true;
  let parts = 1;
  for (let [loop] = body; loop?.kind === 'map'; [loop] = loop.body) {
    const role = roles.get(loop);
    parts *= Math.ceil(nominalOf(loop.axis.extent) / ((role?.count ?? 1) * (role?.kind === 'lanes' ? 4 : 1)));
    if (loop === shared) return loop === body[0] || around.at(-1)?.body[0] === loop || cost / parts >= muchOfTile;
  }
  return false;
}
/**
 * Which kernels have small shares. @param draws Whether it draws noise. @param laysDown Something is laid down before the loop that threads share, and would
 * be once more for each small share; in each turn, where turns are given out.
 */
export const smallShares = (plan: Costed, draws: boolean, laysDown: boolean): keyof typeof fromTurns =>
  (!isWorthAsking(plan, draws) ? 'never' : !laysDown ? 'always' : plan.around.length > 0 ? 'few' : 'never');

/** How many tiles of which width a loop has. */
export interface Tiles { readonly count: Node; readonly width: Node }
/**
 * How a kernel begins, again and again where it is shared: a thread for which no tiles are left leaves. Of one that is not shared, all but the first do.
 * @param around Loops whose turns are given out with the tiles. @param small Whether there are small shares.
 */
export function leave(s: Scope, amount: Amount, around: readonly Tiles[], tiles: Tiles | undefined, small: keyof typeof fromTurns): Node {
  const { m, b } = s;
  // to a power of two: nobody needs to know better, and a page downloads it
  const each = 2 ** Math.max(0, Math.round(Math.log2(amount.each / unit)));
  const work = (['rows', 'samples'] as const).filter(d => amount[d]).reduce((n, d) => m.i32.mul(n, extentNode(s, d)), m.i32.const(each));
  const turns = around.reduce<Node | undefined>((n, { count }) => (n === undefined ? count : m.i32.mul(n, count)), undefined) ?? m.i32.const(1);
  return m.if(tiles === undefined ? mine(m, b, 'thread') : m.call('share', [work, turns, tiles.count, tiles.width, m.i32.const(fromTurns[small])], b.i32), m.return());
}
