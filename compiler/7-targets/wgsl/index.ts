/**
 * The WebGPU target. Imagine all memory of the model as one array of words, and a small uniform record that says, for this run, how
 * many rows and samples live and where each buffer begins: two bindings whatever the model, so no limit on buffers is ever met, and no
 * two bindings can overlap. A kernel is one invocation for each position of its grid (`plain.ts`), or, where that is quicker (`form.ts`),
 * workgroups that share their work: tiles of products (`contract.ts`) and long sums dealt out to lanes (`sum.ts`).
 */
import { linesOf } from '../../5-schedule/lines.ts';
import type { Kernel } from '../../6-kernels/kernel.ts';
import type { Target } from '../target.ts';
import { costOf } from './costs.ts';
import { trafficOf } from './count.ts';
import { formOf, tilesOf } from './form.ts';
import type { Form } from './form.ts';
import { makeFrame, word } from './frame.ts';
import type { Words } from './frame.ts';
import { printPick } from './pick.ts';
import { printPlain, workgroupSize } from './plain.ts';
import { printTogether } from './together.ts';

/** Which form a kernel takes; undefined is the plain one. */
export type Choice = (kernel: Kernel) => Form | undefined;

/**
 * One WGSL text for a kernel of a schedule; its entry point is `main`. @param noises Functions of noise by their family, the same
 * in all kernels of a schedule: those that are missing are added.
 */
export function printWgsl(kernel: Kernel, words: Words, noises = new Map<string, string>(), choice: Choice = formOf): string {
  const form = choice(kernel);
  const frame = makeFrame(kernel, words, noises);
  return form ? printTogether(kernel, form, frame) : printPlain(kernel, frame);
}

/**
 * Costs are of a GPU with a thousand lanes busy at a nanosecond an instruction: noise is 60 to 70 of them, a word from memory
 * about 65 when no cache has it (PEERS 3.4), a dispatch 10 to 70 microseconds (PEERS 2.1). By hand, not measured.
 */
const capabilities: Target['capabilities'] = {
  results: 'many', inPlace: true, integers: true, innerLoops: 'dear', loops: true,
  cost: { arithmetic: 0.001, transcendental: 0.015, noise: 0.065, load: 0.03, store: 0.065, launch: 10_000 },
};

/** The target with forms chosen in another way: for tests, whose kernels are small. */
export const webgpuWith = (choice: Choice): Target => ({
  name: 'webgpu', capabilities,
  print: schedule => {
    const noises = new Map<string, string>();
    return [...schedule.kernels.map(kernel => printWgsl(kernel, schedule, noises, choice)), ...printPick(schedule, word, workgroupSize)];
  },
  details: schedule => {
    const lines = linesOf(schedule);
    return { costs: schedule.kernels.map(costOf), ...(lines.length > 0 ? { lines } : {}) };
  },
  tiles: kernel => { const form = choice(kernel); return form && tilesOf(form); },
  traffic: (kernel, extents) => trafficOf(kernel, choice(kernel), extents),
});
export const webgpu: Target = webgpuWith(formOf);
