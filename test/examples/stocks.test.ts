/** What examples/stocks reads and makes: prices from CSV, and windows that say nothing of the days to come. */
import test from 'ava';
import { cutWindows, makePrices, readPrices } from '../../examples/stocks/data.ts';

test('prices are read by the names of the columns; days without one are left out', t => {
  const csv = 'Date,Open,High,Low,Close,Volume,Name\r\n2006-01-03,82.45,82.55,80.81,82.06,11715200,IBM\r\n2006-01-04,82.20,82.50,81.33,,9840600,IBM\r\n2006-01-05,81.40,82.90,81.00,82.50,7213500,IBM\r\n';
  t.deepEqual(readPrices(csv), [{ date: '2006-01-03', close: 82.06 }, { date: '2006-01-05', close: 82.5 }]);
  t.throws(() => readPrices('Date,Open\n2006-01-03,82.45\n'), { message: 'the file needs the columns Date and Close, and has Date, Open' });
});
test('made-up prices fall on weekdays and are the same for the same seed', t => {
  const days = makePrices(100, 7);
  t.deepEqual(days, makePrices(100, 7));
  t.notDeepEqual(days, makePrices(100, 8));
  t.is(days.length, 100);
  for (const { date, close } of days) { t.false([0, 6].includes(new Date(date).getUTCDay()), date); t.true(close > 0); }
});
test('a window ends the day before its answer, and no training window sees a test price', t => {
  const days = makePrices(60, 3);
  const { train, test: held, scale } = cutWindows(days, 21, 0.75);
  t.deepEqual([train.window.length, held.window.length], [29, 10]);
  t.deepEqual(held.next, Array.from({ length: 10 }, (_, i) => 50 + i));
  const price = (i: number): number => days[i]?.close ?? NaN;
  held.next.forEach((day, i) => {
    t.is(held.window[i]?.length, 21);
    t.is(held.window[i]?.[20]?.[0], 0);
    t.true(Math.abs((held.window[i]?.[0]?.[0] ?? NaN) * scale - Math.log(price(day - 21) / price(day - 1))) < 1e-12);
    t.true(Math.abs((held.close[i]?.[0] ?? NaN) * scale - Math.log(price(day) / price(day - 1))) < 1e-12);
  });
  const other = days.map((d, i) => (i < 50 ? d : { ...d, close: 2 * d.close }));
  t.deepEqual(cutWindows(other, 21, 0.75).train, train);
});
