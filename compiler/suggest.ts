/**
 * "Did you mean": the nearest of a few known words. Imagine the author's word laid beside each candidate and the typing
 * mistakes between them counted: a letter too many, too few, another one, or two neighbours swapped.
 */

/**
 * The candidate with the smallest distance to `word`, if that is close enough to be a typing mistake: at most a third of
 * the longer word's letters, at least one. Case counts half, so `Linear` is near `linear`. The first of equals wins.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (candidate === word || Math.abs(candidate.length - word.length) > limit) continue;
    const exact = editDistance(word, candidate);
    const folded = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const distance = (exact + folded) / 2;
    if (folded <= limit && folded < Math.max(word.length, candidate.length) && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** The optimal string alignment distance (Damerau-Levenshtein without edits inside a swap), O(|a|·|b|). */
export function editDistance(a: string, b: string): number {
  let previous: number[] = [];
  let current: number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const beforeLast = previous;
    previous = current;
    current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, at(beforeLast, j - 2) + 1);
      current.push(d);
    }
  }
  return at(current, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Infinity;
