/** What options mean that several commands have: text in, values out, or a sentence. */
import { targetNames } from '../7-targets/targets.ts';
import type { TargetName } from '../7-targets/target.ts';
import type { MemoryPlan } from '../5-schedule/schedule.ts';
import { nearest } from '../suggest.ts';
import { mostThreads } from '../../runtime/threads.ts';
import { UserError } from './output.ts';

export interface CommonOptions { readonly set?: readonly string[]; readonly memory?: string; readonly json?: boolean }

/** `wasm,webgpu` -> names, each known. */
export function parseTargets(text: string | undefined): readonly TargetName[] {
  if (text === undefined) return targetNames;
  return text.split(',').map(t => t.trim()).map(t => targetNames.find(n => n === t) ?? fail(`there is no target '${t}'${hint(t, targetNames)}: ${targetNames.join(', ')}`));
}
/** The plan of a name. */
export function parseMemory(text = 'fast'): MemoryPlan {
  return text === 'fast' || text === 'small' ? text : fail(`--memory is fast or small, and this is '${text}'`);
}
/** `Mlp.hidden=256` -> a record. */
export function parseSet(list: readonly string[] = []): Readonly<Record<string, number | boolean>> {
  return Object.fromEntries(list.map(s => {
    const match = /^([A-Za-z]\w*\.[A-Za-z]\w*)=(.+)$/.exec(s) ?? fail(`--set takes Model.argument=value, and this is '${s}'`);
    const [, key = '', text = ''] = match;
    const value = text === 'true' ? true : text === 'false' ? false : Number(text);
    if (typeof value === 'number' && !Number.isFinite(value)) fail(`'${text}' is neither a number nor true or false`);
    return [key, value];
  }));
}
/** A whole number that an option gives. */
export function whole(name: string, text: string | undefined, otherwise: number, least = 1): number {
  const n = text === undefined ? otherwise : Number(text);
  return Number.isSafeInteger(n) && n >= least ? n : fail(`--${name} is a whole number of at least ${least}, and this is '${text ?? ''}'`);
}
/** Threads of WebAssembly that are asked for. */
export function wholeThreads(text: string): number {
  const threads = whole('threads', text, 1);
  return threads <= mostThreads ? threads : fail(`--threads is ${mostThreads} at most, and this is ${threads}`);
}
const fail = (message: string): never => { throw new UserError(message); };
const hint = (word: string, known: readonly string[]): string => { const n = nearest(word, known); return n === undefined ? '' : ` (did you mean '${n}'?)`; };
