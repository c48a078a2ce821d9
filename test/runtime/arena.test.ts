/** Where buffers lie: slots are shared, what persists never moves. */
import test from 'ava';
import { countOf, layout } from '../../runtime/arena.ts';
import type { BufferManifest, PlanManifest } from '../../runtime/manifest.ts';

const buffer = (name: string, slot: number, size: BufferManifest['size'], role: BufferManifest['role']): BufferManifest => ({ name, slot, size, role });
const plan: PlanManifest = {
  buffers: [
    buffer('hidden', 0, { times: 3, by: ['rows', 'samples'] }, 'temporary'),
    buffer('w', 1, 5, 'parameter'),
    buffer('loss', 0, 1, 'result'),
    buffer('x', 2, { times: 2, by: ['rows'] }, 'input'),
    buffer('w/m', 3, 5, 'moment'),
  ],
  programs: {}, record: [], integers: 0, kernels: [],
};

test('persistent slots first, every slot at a multiple of four words, buffers of one slot at one place', t => {
  t.deepEqual(layout(plan, 3, 2), { offsets: [16, 0, 16, 36, 8], words: 44, persistent: 16 });
});

test('with more rows only what does not persist moves', t => {
  t.deepEqual(layout(plan, 100, 10), { offsets: [16, 0, 16, 3016, 8], words: 3216, persistent: 16 });
});

test('a slot is as long as its longest buffer, also with no rows at all', t => {
  t.deepEqual(layout(plan, 0, 0), { offsets: [16, 0, 16, 20, 8], words: 20, persistent: 16 });
});

test('sizes are products', t => {
  t.is(countOf(7, 3, 2), 7);
  t.is(countOf({ times: 4, by: ['rows', 'rows', 'samples'] }, 3, 2), 72);
});
