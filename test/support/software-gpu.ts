/**
 * WebGPU for the tests, on a machine with nothing but Node. Imagine two devices: one that checks WGSL and draws nothing
 * (Dawn's null backend), and one that really computes, slowly, on the processor (SwiftShader, as it is shipped inside an npm
 * package of Chromium).
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { extract } from 'tar';
import { create } from 'webgpu';

/** What `create` gives must live as long as the process: if it is collected while a device lives, the process dies. */
const kept: GPU[] = [];
function keep(gpu: GPU): GPU {
  kept.push(gpu);
  return gpu;
}
// A module's variable could be thought unused after the last test; the global object is not.
Object.assign(globalThis, { keptByWebgpuTests: kept });

let validator: Promise<GPUDevice> | undefined;
async function openValidator(): Promise<GPUDevice> {
  const adapter = await keep(create(['backend=null'])).requestAdapter();
  if (!adapter) throw new Error("Dawn's null backend gave no adapter");
  return adapter.requestDevice();
}

/** What Dawn says against WGSL texts, each made into a compute pipeline with entry `main`: `text 0: …`. Empty when all are valid. */
export async function validateWgsl(texts: readonly string[]): Promise<readonly string[]> {
  validator ??= openValidator();
  const device = await validator;
  const messages: string[] = [];
  for (const [i, code] of texts.entries()) {
    // Pushed and popped without a pause: other tests use the same stack of scopes.
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code });
    device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
    const error = await device.popErrorScope();
    const { messages: found } = await module.getCompilationInfo();
    messages.push(...found.map(m => `text ${i}:${m.lineNum}:${m.linePos}: ${m.type}: ${m.message}`));
    if (error && found.length === 0) messages.push(`text ${i}: ${error.message}`);
  }
  return messages;
}

/** A device of SwiftShader, with the limits that are asked for. Rejects where there is none: that is a failure of the machine's set-up, not a reason to skip. */
export async function softwareDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
  const requestAdapter = await softwareGpu();
  return (await requestAdapter()).requestDevice(descriptor);
}

let instance: GPU | undefined;

/** Loads SwiftShader once; what it gives asks for a fresh adapter each time, as an adapter makes one device only. */
export async function softwareGpu(): Promise<() => Promise<GPUAdapter>> {
  const folder = await unpackSwiftShader();
  const icd = join(folder, 'vk_swiftshader_icd.json');
  process.env['VK_DRIVER_FILES'] = icd;
  process.env['VK_ICD_FILENAMES'] = icd;
  try {
    // 0x1000 is RTLD_NODELETE: the loader is no Node addon, so this throws, but it stays mapped and Dawn finds it.
    process.dlopen({ exports: {} }, join(folder, 'libvulkan.so.1'), constants.dlopen.RTLD_NOW | 0x1000);
  } catch { /* As expected. */ }
  instance ??= keep(create([]));
  const gpu = instance;
  return async () => {
    const found = await gpu.requestAdapter();
    if (!found) throw new Error('no WebGPU adapter: SwiftShader could not be loaded (BNNC_NO_WEBGPU=1 leaves these tests out)');
    return found;
  };
}

/** Where SwiftShader's Vulkan driver lies; unpacked once, under node_modules/.cache. */
async function unpackSwiftShader(): Promise<string> {
  const resolved = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const archive = up(dirname(resolved), folder => join(folder, 'bin', 'swiftshader.tar.br'));
  const cache = join(up(dirname(archive), folder => join(folder, 'node_modules')), '.cache');
  const target = join(cache, 'swiftshader');
  if (existsSync(join(target, 'vk_swiftshader_icd.json'))) return target;
  mkdirSync(cache, { recursive: true });
  // Another test process may be unpacking too: each unpacks aside, and the first to finish gives its folder the name.
  const aside = mkdtempSync(join(cache, 'swiftshader-'));
  await pipeline(Readable.from([readFileSync(archive)]), createBrotliDecompress(), extract({ cwd: aside }));
  try { renameSync(aside, target); } catch { rmSync(aside, { recursive: true, force: true }); }
  return target;
}

/** The first path that exists among those of this folder and the ones above it. */
function up(folder: string, path: (folder: string) => string): string {
  if (existsSync(path(folder))) return path(folder);
  if (dirname(folder) === folder) throw new Error(`nothing found above ${import.meta.url}`);
  return up(dirname(folder), path);
}
