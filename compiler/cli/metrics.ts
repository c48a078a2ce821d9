/** How good predictions are, in the target's own units. */
export interface Metrics {
  readonly rows: number;
  /** Of numbers. */
  readonly rmse?: number;
  /** Of classes: the share that the largest probability names. */
  readonly accuracy?: number;
  /** -mean over rows of log mean over draws of p(y | w), in the target's units; absent where the model observes nothing. */
  readonly nll?: number;
  /** Share of rows inside the central intervals, by the share that they should hold. */
  readonly coverage?: Readonly<Record<string, number>>;
  /** What the intervals tell: `predictive` where the model has a likelihood, else only how sure the mean is. */
  readonly intervals?: 'predictive' | 'uncertainty of the mean only';
}

export const rmseOf = (truth: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  Math.sqrt(Array.from(truth).reduce((s, y, i) => s + (y - (predicted[i] ?? NaN)) ** 2, 0) / truth.length);
export const insideOf = (truth: ArrayLike<number>, lower: ArrayLike<number>, upper: ArrayLike<number>): number =>
  Array.from(truth).filter((y, i) => y >= (lower[i] ?? NaN) && y <= (upper[i] ?? NaN)).length / truth.length;

/** -mean over rows of log mean over draws of p, from log p of [draws, rows]. `shift` is added to each log p: the logarithm of a change of units. */
export function nllOf(logDensity: ArrayLike<number>, draws: number, rows: number, shift: number): number {
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    let most = -Infinity;
    for (let s = 0; s < draws; s++) most = Math.max(most, logDensity[s * rows + r] ?? NaN);
    let total = 0;
    for (let s = 0; s < draws; s++) total += Math.exp((logDensity[s * rows + r] ?? NaN) - most);
    sum += most + Math.log(total / draws) + shift;
  }
  return -sum / rows;
}

export function showMetrics(m: Metrics): readonly string[] {
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
  return [
    ...(m.rmse === undefined ? [] : [`RMSE ${m.rmse.toPrecision(4)}`]),
    ...(m.accuracy === undefined ? [] : [`accuracy ${percent(m.accuracy)}`]),
    ...(m.nll === undefined ? [] : [`negative log-likelihood ${m.nll.toPrecision(4)} nats a row`]),
    ...(m.coverage === undefined ? [] : [`inside the ${Object.keys(m.coverage).join(' / ')} % intervals: ${Object.values(m.coverage).map(percent).join(' / ')}${m.intervals === 'predictive' ? '' : ` (${m.intervals ?? ''}: the model has no likelihood)`}`]),
  ];
}
