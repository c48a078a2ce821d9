/**
 * Fused multiply-adds, where the engine has them (relaxed SIMD: Node 22, Chrome 114 and later). A module is compiled without, since
 * an engine that does not know the instruction refuses the whole of it; in its bytes, three instructions become three others.
 */

/** (func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd …)): valid where the instruction is known. */
const probe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11);
export const hasFusedMultiplyAdd = (): boolean => WebAssembly.validate(probe);

/**
 * Turns `f32x4.mul, local.get, f32x4.add` into `nop, local.get, f32x4.relaxed_madd`, in place, and says how often. Nothing else reads
 * as these bytes: after `FD E6 01` as a number comes no `local.get` and `f32x4.add` that would be valid, since offsets into memory are
 * multiples of four and no function has 29,565 locals.
 */
export function fuse(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i + 8 <= bytes.length; i++) {
    if (bytes[i] !== 0xfd || bytes[i + 1] !== 0xe6 || bytes[i + 2] !== 1 || bytes[i + 3] !== 0x20) continue;
    let add = i + 4;
    while ((bytes[add] ?? 0) > 127) add++;
    add++;
    if (bytes[add] !== 0xfd || bytes[add + 1] !== 0xe4 || bytes[add + 2] !== 1) continue;
    bytes.fill(1, i, i + 3);
    bytes[add + 1] = 0x85;
    bytes[add + 2] = 2;
    count++;
  }
  return count;
}
