/** Budgets and parts: every workgroup is in exactly one part, and a budget follows the device. */
import test from 'ava';
import fc from 'fast-check';
import { adjusted, firstBudget, fold, parts } from '../../runtime/webgpu-work.ts';

const count = fc.integer({ min: 0, max: 3000 });
test('parts follow each other, end where the dispatch ends, and none has workgroups of the next', t => {
  fc.assert(fc.property(count, fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 70 }), (groups, each, budget, limit) => {
    let end = 0;
    const list = parts(groups, each, budget, limit);
    list.forEach(([first, n], i) => {
      const [x, y] = fold(n, limit);
      t.is(first, end);
      t.true(n > 0 && (n === 1 || n * each <= budget));
      t.true(x <= limit && x * y >= n);
      if (i < list.length - 1) t.is(x * y, n, 'a part that is not the last is whole rows');
      end = first + n;
    });
    t.is(end, groups);
  }));
});

test('a dispatch within the budget is one part', t => {
  t.deepEqual(parts(1000, 64, 64_000, 65_535), [[0, 1000]]);
  t.deepEqual(parts(1000, 64, 32_000, 65_535), [[0, 500], [500, 500]]);
  t.deepEqual(parts(3, 1e12, 1e6, 65_535), [[0, 1], [1, 1], [2, 1]]);
});

/** A device that does so many instructions a millisecond, and answers after so many more. */
const after = (speed: number, latency: number, submits: number): number => {
  let budget = firstBudget;
  for (let i = 0; i < submits; i++) budget = adjusted(budget, budget, budget / speed + latency);
  return budget / speed;
};
test('a budget comes to what a device does in some tens of milliseconds, fast or slow', t => {
  for (const speed of [1e3, 1e5, 1e6, 1e8, 1e10]) {
    const busy = after(speed, 5, 40);
    t.true(speed * busy === 1e6 || (busy > 20 && busy <= 50), `${speed} a millisecond: busy for ${busy} ms`);
  }
});
test('a page that was busy itself costs little, and a small answer proves nothing against a device', t => {
  t.is(adjusted(1e9, 1000, 10), 1e9);
  t.is(adjusted(1e9, 1000, 400), 2.5e8);
  t.is(adjusted(1e9, 1e9, 100), 5e8);
  t.is(adjusted(1e9, 2e9, 50), 2e9);
});
