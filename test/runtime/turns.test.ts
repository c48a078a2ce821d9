/** Programs without their loops: what runs, in order, with the counters it sees. */
import test from 'ava';
import { film } from '../../runtime/turns.ts';

/** `kernel@counter=value,…` for each dispatch. */
const show = (steps: Parameters<typeof film>[0]): string => {
  const { dispatches, turns } = film(steps);
  return dispatches.map(d => `${d.kernel}@${Object.entries(turns[d.turn] ?? {}).map(([k, v]) => `${k}=${v}`).join(',')}`).join(' ');
};

test('without loops: the steps, at one turn', t => { t.is(show([2, 0, 1]), '2@ 0@ 1@'); });

test('a loop runs its body once a turn', t => {
  t.is(show([0, { counter: 't', extent: 3, reverse: false, body: [1, 2] }, 3]), '0@ 1@t=0 2@t=0 1@t=1 2@t=1 1@t=2 2@t=2 3@');
});

test('backwards, and inside of another', t => {
  t.is(show([{ counter: 'a', extent: 2, reverse: true, body: [{ counter: 'b', extent: 2, reverse: false, body: [7] }, 8] }]),
    '7@a=1,b=0 7@a=1,b=1 8@a=1 7@a=0,b=0 7@a=0,b=1 8@a=0');
});
