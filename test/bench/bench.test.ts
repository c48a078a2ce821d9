/** The bench on the smallest model, without peers: that it counts right and reports what it should. How fast anything is, no test says. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { exponents } from './exponents.ts';
import { mannWhitney } from './mann-whitney.ts';
import { run } from './run.ts';
import { showReport, spreadOf } from './report.ts';
import { tasks } from './tasks.ts';

const main = (...args: string[]): string => spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), new URL('./main.ts', import.meta.url).pathname, ...args], { encoding: 'utf8' }).stderr;

test('a run on boston: operations as counted by hand, finite numbers, a table', async t => {
  const report = await run({ tasks: tasks.filter(x => x.name === 'boston'), peers: [], rounds: 2, threads: [1], fused: true, slice: 10, budget: 1000, products: 1 });
  const [step, predict] = report.models;
  // 13 -> 512 -> 1, 16 rows: two layers forward and their two products for the weights' gradients; the one back to the 512 has one term a sum
  t.is(step?.counts.contracted, 2 * 3 * 16 * (13 * 512 + 512 * 1) * 2);
  t.is(predict?.counts.contracted, 2 * 25 * 16 * (13 * 512 + 512 * 1));
  t.is(report.products[0]?.operations, 2 * 384 ** 3);
  // mean and rho of 400 x 400, each with two moments that are read and written, and a gradient; one root and one division each
  t.true(Math.abs((report.updates[0]?.bytes ?? 0) / (2 * 400 * 400 * 7 * 4) - 1) < 1e-3);
  t.is(report.updates[0]?.roots, 2 * 2 * 400 * 400);
  t.deepEqual(report.models.map(m => [m.model, m.work, m.peers.length, m.ours.map(o => [o.backend, o.threads])[0]]), [['boston', 'step', 0, ['wasm', 1]], ['boston', 'predict', 0, ['wasm', 1]]]);
  const numbers = [
    ...report.machine.limits.flatMap(l => [l.flops, l.roots, l.bytes]), ...report.products.flatMap(p => [p.flops.median, p.flops.low, p.flops.high]),
    ...report.models.flatMap(m => m.ours.flatMap(o => [o.loss, o.flops, o.bytes, o.milliseconds.median, o.milliseconds.low, o.milliseconds.high])),
  ];
  t.true(numbers.every(x => Number.isFinite(x) && x > 0), JSON.stringify(report));
  t.deepEqual(JSON.parse(JSON.stringify(report)), report, 'the report is data');
  const shown = showReport(report);
  for (const word of ['boston', 'predict', 'GFLOP/s', '384 x 384', '400 x 400']) t.true(shown.includes(word), shown);
});
test('a spread is the median between the lowest and the highest', t => {
  t.deepEqual(spreadOf([3, 1, 2]), { median: 2, low: 1, high: 3, rounds: 3 });
  t.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, low: 1, high: 4, rounds: 4 });
});
test('an exponent is how steep a cost is from the size before', t => {
  const [first, linear, square, none] = exponents([{ size: 1, cost: 2 }, { size: 10, cost: 20 }, { size: 100, cost: 2000 }, { size: 1000, cost: 0 }]);
  t.is(first, undefined);
  t.true(Math.abs((linear ?? 0) - 1) < 1e-12 && Math.abs((square ?? 0) - 2) < 1e-12);
  t.is(none, undefined);
});
test('a wrong option says what is known', t => {
  t.regex(main('--only', 'bosten'), /There is no 'bosten' \(did you mean 'boston'\?\): boston, mnist400/);
  t.regex(main('--rounds', '0'), /A whole number from 1 on/);
});
test('Mann and Whitney: by hand, by the table, and for lists of one kind', t => {
  // of the 20 ways to deal six numbers into two hands of three, one in ten is as uneven as these
  t.is(mannWhitney([1, 2, 3], [4, 5, 6]), 0.1);
  t.is(mannWhitney([1, 3, 5], [2, 4, 6]), 0.7);
  // U of 127 is the last that a test at 5 % refuses for two lists of twenty (their table; critical values as printed everywhere since)
  const shifted = (u: number): readonly [number[], number[]] => {
    const b = Array.from({ length: 20 }, (_, i) => i);
    const a = b.map((_, i) => (i < Math.floor(u / 20) ? 100 : i === Math.floor(u / 20) ? u % 20 - 0.5 : -100 - i));
    return [a, b];
  };
  t.true(mannWhitney(...shifted(127)) <= 0.05 && mannWhitney(...shifted(128)) > 0.05);
  t.is(mannWhitney([], [1]), 1);
});
