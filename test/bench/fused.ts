/**
 * Multiply-adds that are rounded once. Engines from Node 22 and Chrome 114 on have them, Node 20's when it is told so at the start: the bench and
 * whom it starts are told, as an app is that runs as `node --experimental-wasm-relaxed-simd app.js`.
 */
import { setFlagsFromString } from 'node:v8';
import { hasFusedMultiplyAdd } from '../../runtime/fused.ts';

const flag = '--experimental-wasm-relaxed-simd';
/** What Node is started with. */
export const nodeFlags: readonly string[] = hasFusedMultiplyAdd() ? [] : [flag];
for (const f of nodeFlags) setFlagsFromString(f);
