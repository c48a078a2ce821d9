/** The file that `tune` writes and `compile --tuning` reads. */
import { existsSync, statSync } from 'node:fs';
import type { Tuning } from '../7-targets/wgsl/tuning.ts';
import { readText, UserError } from './output.ts';

/** What `tune` wrote. A sentence for everything else. */
export function readTuning(path: string): Tuning {
  if (existsSync(path) && statSync(path).isDirectory()) throw new UserError(`${path} is a directory: name the file that bnnc tune wrote`);
  const text = readText(path);
  const refuse = (): never => { throw new UserError(`${path} is nothing that bnnc tune wrote`); };
  let found: unknown;
  try { found = JSON.parse(text); } catch { return refuse(); }
  const { device, forms } = (found ?? {}) as Partial<Tuning>;
  const isPair = (x: unknown): boolean => Array.isArray(x) && x.length === 2 && x.every(n => Number.isInteger(n));
  const isForm = (f: Tuning['forms'][string] | null): boolean => f === 'plain' || (typeof f === 'object' && f !== null && isPair(f.lanes) && isPair(f.block) && Number.isInteger(f.chunk) && Number.isInteger(f.depth));
  return typeof device === 'string' && typeof forms === 'object' && forms !== null && !Array.isArray(forms) && Object.values(forms).every(isForm) ? { device, forms } : refuse();
}
/** What was measured on a GPU, where a file is named. */
export const tuningOf = (path: string | undefined): { readonly tuning?: Tuning } => (path === undefined ? {} : { tuning: readTuning(path) });
