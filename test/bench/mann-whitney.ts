/**
 * Whether two lists of numbers could be of one kind (Mann and Whitney 1947). Imagine every way of dealing all numbers into two hands of these
 * sizes, and how many of them are as uneven as the one at hand.
 */

/**
 * The two-sided p-value, exact: under the hypothesis every order of the numbers is as likely as any other. Equal numbers count half in
 * the statistic, which makes it a little too large where there are many. @returns 1 where either list is empty.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const u = a.reduce((sum, x) => sum + b.reduce((n, y) => n + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0);
  const ways = countsOf(a.length, b.length);
  const all = ways.reduce((s, n) => s + n, 0);
  const least = Math.min(u, a.length * b.length - u);
  return Math.min(1, (2 * ways.slice(0, Math.floor(least) + 1).reduce((s, n) => s + n, 0)) / all);
}

/**
 * How many deals of n and m numbers have each value of U, from 0 to n m: of the last number either it is in the first hand, above all m of the
 * other, or in the second (their equation 1).
 */
function countsOf(n: number, m: number): readonly number[] {
  let rows = Array.from({ length: m + 1 }, () => [1]); // of no number in the first hand
  for (let i = 1; i <= n; i++) {
    const next: number[][] = [[1]];
    for (let j = 1; j <= m; j++) {
      const [above, below] = [rows[j] ?? [], next[j - 1] ?? []];
      next.push(Array.from({ length: i * j + 1 }, (_, u) => (above[u - j] ?? 0) + (below[u] ?? 0)));
    }
    rows = next;
  }
  return rows[m] ?? [1];
}
