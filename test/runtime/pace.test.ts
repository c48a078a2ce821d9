/** When a program runs on all threads: a stopwatch that is told made-up times. */
import test from 'ava';
import { isForAll, isTimed, newPace, ranOnAll, ranOnOne, wantsThreads } from '../../runtime/pace.ts';
import type { Pace } from '../../runtime/pace.ts';

/** So many runs of a program that takes so long on one thread, and on all. How many of them were on all. */
function runs(p: Pace, count: number, one: number, all: number): number {
  let together = 0;
  for (let i = 0; i < count; i++) {
    if (isForAll(p)) { ranOnAll(p, all); together++; } else if (isTimed(p)) ranOnOne(p, one); else ranOnOne(p);
  }
  return together;
}

test('what takes long runs on all threads after its first run, what is shorter after four, what is tiny never', t => {
  t.is(runs(newPace(), 100, 30, 16), 99);
  t.is(runs(newPace(), 100, 1, 0.6), 96);
  t.is(runs(newPace(), 100, 0.04, 0.02), 0);
});
test('the first runs, when code is new, are not what later ones are measured by', t => {
  const p = newPace();
  for (const cold of [9.8, 3, 0.5]) ranOnOne(p, cold);
  ranOnOne(p, 0.42);
  // threads that take 2 are late by the best of them
  t.is(runs(p, 20, 0.42, 2), 3);
});
test('threads are wanted at once by what is long, by what is shorter after four runs', t => {
  const [long, short] = [newPace(), newPace()];
  ranOnOne(long, 25);
  t.true(wantsThreads(long));
  ranOnOne(short, 3);
  t.false(wantsThreads(short));
  for (let i = 0; i < 3; i++) ranOnOne(short, 3);
  t.true(wantsThreads(short));
  t.false(isTimed(short));
});
test('where threads wait for a core that is busy one runs alone, but for three runs every 100 ms', t => {
  const p = newPace();
  t.is(runs(p, 4, 1, 3), 0);
  // three late, three tried, a hundred milliseconds alone
  t.is(runs(p, 106, 1, 3), 3);
  t.is(runs(p, 106, 1, 3), 3);
  // the other process has gone
  t.is(runs(p, 100, 1, 0.6), 100);
});
test('where the whole machine becomes slower threads stay', t => {
  const p = newPace();
  runs(p, 10, 1, 0.6);
  // twice as slow: late by what one thread took before, three runs show that it would take longer now
  t.is(runs(p, 100, 2, 1.3), 97);
  // and once more, until it is as it was
  t.is(runs(p, 100, 5, 2.6), 97);
  t.is(runs(p, 100, 1, 0.6), 100);
});
test('a run that is late now and then changes nothing', t => {
  const p = newPace();
  runs(p, 10, 1, 0.6);
  for (let i = 0; i < 20; i++) { ranOnAll(p, 9); ranOnAll(p, 9); t.is(runs(p, 1, 1, 0.6), 1); }
});
