/** Small helpers of the examples: standardising, NumPy's shuffle, normal noise. */

export interface Scale { readonly mean: number; readonly sd: number }

/** Columns of a table with mean 0 and standard deviation 1 (the population's, as scikit-learn's StandardScaler). */
export function standardise(table: readonly (readonly number[])[]): { readonly table: number[][]; readonly scales: readonly Scale[] } {
  const scales = (table[0] ?? []).map((_, j): Scale => {
    const column = table.map(r => r[j] ?? NaN);
    const mean = column.reduce((s, x) => s + x, 0) / column.length;
    return { mean, sd: Math.sqrt(column.reduce((s, x) => s + (x - mean) ** 2, 0) / column.length) };
  });
  return { table: table.map(r => r.map((x, j) => (x - (scales[j]?.mean ?? 0)) / (scales[j]?.sd ?? 1))), scales };
}

/** MT19937 (Matsumoto and Nishimura 1998), seeded as NumPy's RandomState is. */
export function mersenne(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) { const p = state[i - 1] ?? 0; state[i] = Math.imul(1812433253, p ^ (p >>> 30)) + i; }
  let at = 624;
  return () => {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const y = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % 624] ?? 0) & 0x7fffffff);
        state[i] = (state[(i + 397) % 624] ?? 0) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** `numpy.random.RandomState(seed).permutation(n)`: the split that scikit-learn's train_test_split makes with that seed. */
export function permutation(n: number, seed: number): number[] {
  const next = mersenne(seed);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const mask = 2 ** Math.ceil(Math.log2(i + 1)) - 1;
    let j = next() & mask;
    while (j > i) j = next() & mask;
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

/** Standard normals by Box and Muller, from a seed. */
export function normals(seed: number): () => number {
  const next = mersenne(seed);
  return () => Math.sqrt(-2 * Math.log((next() + 1) / 2 ** 32)) * Math.cos((2 * Math.PI * next()) / 2 ** 32);
}

/** How many of `truth` lie between `lower` and `upper`, as a share. */
export const share = (truth: readonly number[], lower: ArrayLike<number>, upper: ArrayLike<number>): number =>
  truth.filter((y, i) => y >= (lower[i] ?? NaN) && y <= (upper[i] ?? NaN)).length / truth.length;
