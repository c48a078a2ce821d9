/** How good and how sure a classifier is, from the probabilities that draws of its weights give: tables of numbers in, numbers out. */
import type { Tensor } from 'bnnc/runtime';

/** Probabilities of classes, a row an image, flat. */
export interface Probabilities { readonly data: ArrayLike<number>; readonly classes: number }

/** The probabilities of each row. */
export const rowsOf = ({ data, classes }: Probabilities): number[][] =>
  Array.from({ length: data.length / classes }, (_, row) => Array.from({ length: classes }, (_, c) => data[row * classes + c] ?? NaN));

/** The class with most probability. */
export const likeliest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/** The share of rows whose likeliest class is the true one. */
export function accuracy(probabilities: Probabilities, truth: ArrayLike<number>): number {
  const rows = rowsOf(probabilities);
  return rows.filter((row, i) => likeliest(row) === truth[i]).length / rows.length;
}

const entropyOf = (row: readonly number[]): number => row.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
/** The entropy of each row in nats, -sum p log p: 0 where one class is certain, log(classes) where all are equal. */
export const entropies = (probabilities: Probabilities): number[] => rowsOf(probabilities).map(entropyOf);

/**
 * How much a label would tell about the weights, in nats: the entropy of the mean less the mean of the draws' entropies (Houlsby et al.
 * 2011). Large where draws are sure but disagree. `draws` is [samples, rows, classes].
 */
export function mutualInformation(mean: Probabilities, draws: Tensor): number[] {
  const total = entropies(mean);
  const samples = draws.shape[0] ?? 1;
  const each = entropies({ data: draws.data, classes: mean.classes });
  return total.map((entropy, row) => {
    let inside = 0;
    for (let s = 0; s < samples; s++) inside += (each[s * total.length + row] ?? NaN) / samples;
    return entropy - inside;
  });
}

/** The chance that a score of `high` is above one of `low`, a tie counted half: the area under the ROC curve, from ranks (Mann and Whitney). */
export function auroc(low: readonly number[], high: readonly number[]): number {
  const all = [...low.map(score => ({ score, isHigh: false })), ...high.map(score => ({ score, isHigh: true }))].sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    while (to < all.length && all[to]?.score === all[from]?.score) to++;
    const rank = (from + 1 + to) / 2; // of equal scores each has the mean of their ranks
    ranks += rank * all.slice(from, to).filter(a => a.isHigh).length;
    from = to;
  }
  return (ranks - (high.length * (high.length + 1)) / 2) / (low.length * high.length);
}

/** Predictions of about the same confidence: their confidence and accuracy on average. */
export interface Bin { readonly from: number; readonly to: number; readonly count: number; readonly confidence: number; readonly accuracy: number }

/** Predictions sorted by confidence, the probability of the likeliest class, into bins of equal width; only bins that hold some. */
export function calibration(probabilities: Probabilities, truth: ArrayLike<number>, bins = 15): Bin[] {
  const rows = rowsOf(probabilities).map((row, i) => ({ confidence: Math.max(...row), isRight: likeliest(row) === truth[i] }));
  return Array.from({ length: bins }, (_, b): Bin => {
    const inside = rows.filter(r => Math.min(bins - 1, Math.floor(r.confidence * bins)) === b);
    return {
      from: b / bins, to: (b + 1) / bins, count: inside.length,
      confidence: inside.reduce((sum, r) => sum + r.confidence, 0) / inside.length, accuracy: inside.filter(r => r.isRight).length / inside.length,
    };
  }).filter(bin => bin.count > 0);
}

/** The expected calibration error: |accuracy - confidence| of a bin, on average over predictions (Guo et al. 2017, equation 3). */
export function calibrationError(bins: readonly Bin[]): number {
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  return bins.reduce((sum, bin) => sum + (bin.count / count) * Math.abs(bin.accuracy - bin.confidence), 0);
}
