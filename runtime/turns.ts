/**
 * A program without its loops. Imagine the film of a run: every dispatch in order, each with the values that the counters of the
 * loops around it have at that moment.
 */
import type { StepManifest } from './manifest.ts';

/** One state of the loop counters, by name. */
export type Turn = Readonly<Record<string, number>>;

export interface Film {
  /** Which kernel, and at which of the turns. */
  readonly dispatches: readonly { readonly kernel: number; readonly turn: number }[];
  /** The first is the one outside of all loops. */
  readonly turns: readonly Turn[];
}

/** Unrolls the steps of a program. Loops count from 0 up, or downwards when they are reversed. @param draws Turns of a loop over samples. */
export function film(steps: readonly StepManifest[], draws = 1): Film {
  const turns: Turn[] = [{}];
  const dispatches: { kernel: number; turn: number }[] = [];
  const play = (body: readonly StepManifest[], turn: number): void => {
    for (const step of body) {
      if (typeof step === 'number') { dispatches.push({ kernel: step, turn }); continue; }
      const extent = step.extent === 'draws' ? draws : step.extent;
      for (let i = 0; i < extent; i++) {
        turns.push({ ...turns[turn], [step.counter]: step.reverse ? extent - 1 - i : i });
        play(step.body, turns.length - 1);
      }
    }
  };
  play(steps, 0);
  return { dispatches, turns };
}
