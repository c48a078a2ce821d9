/** Which backends work here, and why the others don't: each is really tried. */
import { availableParallelism } from 'node:os';
import pc from 'picocolors';
import { hasFusedMultiplyAdd } from '../../runtime/fused.ts';
import { adapterHere, nameOf } from './gpu.ts';

interface Finding { readonly name: string; readonly works: boolean; readonly detail: string }

const attempt = async (name: string, f: () => Promise<string>): Promise<Finding> => {
  try { return { name, works: true, detail: await f() }; } catch (e) { return { name, works: false, detail: e instanceof Error ? e.message : String(e) }; }
};
const major = Number(process.versions.node.split('.')[0]);

// (func (result v128) i32.const 0 i8x16.splat): the smallest module that needs SIMD
const simd = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

export async function doctorCommand({ json }: { readonly json?: boolean }): Promise<void> {
  const findings = [
    await attempt('Node.js', async () => { if (major < 20) throw new Error(`${process.version}: 20.19 or newer is needed`); return process.version; }),
    await attempt('wasm', async () => { if (!WebAssembly.validate(simd)) throw new Error('WebAssembly without SIMD'); return `WebAssembly with SIMD, ${Math.min(8, availableParallelism())} threads, multiply-adds ${hasFusedMultiplyAdd() ? 'fused' : 'not fused (relaxed SIMD: Node 22 and later, or an app that is started as node --experimental-wasm-relaxed-simd)'}`; }),
    await attempt('webgpu', async () => nameOf(await adapterHere())),
    await attempt('gpujs', async () => {
      try { await import('gpu.js'); } catch { throw new Error("the npm package gpu.js is not installed: npm install gpu.js"); }
      return 'gpu.js, modes cpu and webasm';
    }),
  ];
  if (json) { process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`); return; }
  for (const f of findings) process.stdout.write(`${f.works ? pc.green('works  ') : pc.yellow('missing')} ${f.name.padEnd(8)} ${f.detail}\n`);
}
