/**
 * Whether a program runs on all threads or on one. Imagine somebody with a stopwatch beside it: where another process has a core, threads wait
 * for one that does not run, and some programs have too little between barriers. Then one thread is quicker, for a while.
 */

/** Milliseconds on one thread from which on a program runs on all of them; and from which on threads are started where nobody asked for them, after one run and after several. */
const worthwhile = { program: 0.05, asking: 20, always: 2 } as const;
/** Runs on one thread that are timed at first: code is slow when it is new. */
const trials = 4;
/**
 * When so many runs in a row took so many times what one thread needed, as many are tried on one thread, since the machine may have become slower
 * as a whole; if it is quicker now, the program stays there for so many milliseconds.
 */
const late = { runs: 3, times: 1.2, alone: 100 } as const;

/** What is known of a program, for its rows and samples. */
export interface Pace {
  /** Runs on one thread that were timed, and the milliseconds of the best. */
  runs: number; best: number;
  /** Runs in a row on all threads that were late, and the best of them. */
  late: number; quickest: number;
  /** Runs left on one thread; the best of them, while they are a trial. */
  alone: number; trial: number | undefined;
}
export const newPace = (): Pace => ({ runs: 0, best: Infinity, late: 0, quickest: Infinity, alone: 0, trial: undefined });

/** What takes long does not wait for more trials. */
const isKnown = (p: Pace): boolean => p.runs >= trials || p.runs > 0 && p.best > worthwhile.asking;
/** Whether the next run is for all threads. */
export const isForAll = (p: Pace): boolean => isKnown(p) && p.best > worthwhile.program && p.alone === 0;
/** Whether the next run on one thread is to be timed. */
export const isTimed = (p: Pace): boolean => p.runs < trials || p.trial !== undefined;
/** Whether threads are worth starting. */
export const wantsThreads = (p: Pace): boolean => p.best > (p.runs < trials ? worthwhile.asking : worthwhile.always);

/** Takes down what a run took. */
export function ranOnAll(p: Pace, milliseconds: number): void {
  if (milliseconds <= late.times * p.best) { [p.late, p.quickest] = [0, Infinity]; return; }
  p.late++;
  p.quickest = Math.min(p.quickest, milliseconds);
  if (p.late === late.runs) [p.alone, p.trial] = [late.runs, Infinity];
}
/** @param milliseconds Of a run that `isTimed`. */
export function ranOnOne(p: Pace, milliseconds?: number): void {
  if (p.alone === 0) {
    if (milliseconds === undefined) return;
    p.best = Math.min(p.best, milliseconds);
    p.runs++;
    return;
  }
  p.alone--;
  if (p.trial === undefined) return;
  p.trial = Math.min(p.trial, milliseconds ?? Infinity);
  if (p.alone > 0) return;
  p.best = p.trial;
  if (p.trial < p.quickest) p.alone = Math.ceil(late.alone / p.best);
  [p.late, p.quickest, p.trial] = [0, Infinity, undefined];
}
