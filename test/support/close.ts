/** Comparison of what a device computed with what it should have: by tensor, near enough, with a message that can be acted on. */
import type { ExecutionContext } from 'ava';
import type { Memory } from './plan.ts';

/** Fails where a value is further from the expected than `tolerance` times the larger of it and `floor`; not-a-number and infinity must be the same. */
export function closeTo(t: ExecutionContext, got: Memory, expected: Memory, tolerance: number, floor = 1): void {
  for (const [name, values] of Object.entries(expected)) {
    const found = got[name] ?? [];
    t.is(found.length, values.length, `${name}: number of values`);
    const wrong = values.map((e, i) => ({ i, e, g: found[i] ?? NaN })).filter(({ e, g }) => !near(g, e, tolerance, floor));
    t.is(wrong.length, 0, `${name}: ${wrong.slice(0, 5).map(({ i, e, g }) => `[${i}] is ${g}, not ${e}`).join('; ')}`);
  }
}
const near = (g: number, e: number, tolerance: number, floor: number): boolean =>
  Object.is(g, e) || g === e || Math.abs(g - e) <= tolerance * Math.max(floor, Math.abs(e));
