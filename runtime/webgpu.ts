/**
 * Runs a plan on WebGPU. Imagine one large buffer with everything in it, one small uniform buffer with a record for each turn
 * of the loops, one bind group over both, and a list of dispatches: a run writes the records and submits the list.
 */
import { layout } from './arena.ts';
import { logCapacity } from './backend.ts';
import type { Backend, OpenBackend, Scalars } from './backend.ts';
import type { PlanManifest } from './manifest.ts';
import { film } from './turns.ts';
import type { Film, Turn } from './turns.ts';
import { givenDevice, requestDevice, usage } from './webgpu-device.ts';

/** Invocations of a workgroup, as the kernels are compiled. */
const workgroupSize = 64;
/** Dispatches of one submit at most: a submit should not keep a device busy for a second (PEERS 4.2). */
const dispatchesPerSubmit = 1024;

/** Rejects when there is no device, or when it refuses a kernel. */
export const open: OpenBackend = async (code, plan, options) => {
  if (typeof code === 'string') throw new Error('webgpu: this module has no WGSL');
  const device = options.device === undefined ? await requestDevice() : givenDevice(options.device);
  try {
    const { pipelines, bindings } = await compile(device, plan, code);
    return start(device, plan, pipelines, bindings, options.device === undefined);
  } catch (error) {
    if (options.device === undefined) device.destroy();
    throw error;
  }
};

/** Words of one record: the fields of the step, then where each buffer begins. */
const recordWords = (plan: PlanManifest): number => Math.ceil((plan.record.length + plan.buffers.length) / 4) * 4;

async function compile(device: GPUDevice, plan: PlanManifest, code: readonly string[]) {
  const bytes = 4 * recordWords(plan);
  if (bytes > device.limits.maxUniformBufferBindingSize) {
    throw new Error(`webgpu: this model has ${plan.buffers.length} buffers; their places need ${bytes} bytes of a uniform buffer, and this device gives ${device.limits.maxUniformBufferBindingSize}`);
  }
  const visibility = 0x4; // GPUShaderStage.COMPUTE
  const bindings = device.createBindGroupLayout({ entries: [
    { binding: 0, visibility, buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: bytes } },
    { binding: 1, visibility, buffer: { type: 'storage' } },
  ] });
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  // A text that is not WGSL shows twice, in its module and in its pipeline: the scope takes the first, the second is told below.
  device.pushErrorScope('validation');
  // All at once: drivers compile in parallel. And all awaited, even when one fails.
  const asked = code.map(text => device.createComputePipelineAsync({ layout: pipelineLayout, compute: { module: device.createShaderModule({ code: text }), entryPoint: 'main' } }));
  const [made] = await Promise.all([Promise.allSettled(asked), device.popErrorScope()]);
  const pipelines = made.map((result, i) => {
    if (result.status === 'rejected') throw new Error(`webgpu: this device refuses the kernel '${plan.kernels[i]?.name ?? i}': ${String(result.reason)}`);
    return result.value;
  });
  return { pipelines, bindings };
}

/** Buffers and the group that binds them; made anew when either must grow. */
interface Room { readonly arena: GPUBuffer; readonly records: GPUBuffer; readonly group: GPUBindGroup }

function start(device: GPUDevice, plan: PlanManifest, pipelines: readonly GPUComputePipeline[], bindings: GPUBindGroupLayout, owned: boolean): Backend {
  const words = recordWords(plan);
  const recordStride = Math.ceil(4 * words / device.limits.minUniformBufferOffsetAlignment) * device.limits.minUniformBufferOffsetAlignment;
  const indices = new Map(plan.buffers.map((b, i) => [b.name, i]));
  const values = new Map<string, number>();

  let capacity = { rows: 0, samples: 0 };
  let places = layout(plan, 0, 0);
  let room: Room | undefined;
  /** Programs that ran since the last change of the room: only the first run of each is watched for errors. */
  let watched = new Set<string>();
  /** What went wrong on the device, and everything that may still tell so. */
  let failure: string | undefined;
  let pending: Promise<void> = Promise.resolve();
  let disposed = false;

  device.lost.then(info => { if (!disposed) failure ??= `webgpu: the device was lost (${info.reason || 'unknown'}): ${info.message}`; }, () => undefined);

  const check = (): void => {
    if (disposed) throw new Error('webgpu: the model is disposed');
    if (failure !== undefined) throw new Error(failure);
  };
  const watch = <T>(filter: GPUErrorFilter, explain: (message: string) => string, act: () => T): T => {
    device.pushErrorScope(filter);
    try {
      return act();
    } finally {
      const scope = device.popErrorScope();
      pending = pending.then(() => scope).then(error => { if (error) failure ??= explain(error.message); }, (error: unknown) => { failure ??= `webgpu: ${String(error)}`; });
    }
  };
  const indexOf = (buffer: string): number => {
    const i = indices.get(buffer);
    if (i === undefined) throw new Error(`webgpu: this model has no buffer '${buffer}'`);
    return i;
  };

  const films = new Map<string, Film>();
  const filmOf = (program: string): Film => {
    const draws = values.get('draws') ?? 1;
    const key = `${program} ${draws}`;
    const known = films.get(key) ?? film(plan.programs[program]?.steps ?? [], draws);
    films.set(key, known);
    return known;
  };

  /** Allocates what is missing; an arena that grows keeps its persistent part. */
  const makeRoom = (arenaWords: number, turns: number): Room => {
    const [arenaBytes, recordBytes] = [4 * Math.max(4, arenaWords), recordStride * turns];
    if (room && room.arena.size >= arenaBytes && room.records.size >= recordBytes) return room;
    const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
    if (arenaBytes > limit) throw new RangeError(`webgpu: ${capacity.rows} rows and ${capacity.samples} samples need ${arenaBytes} bytes, and this device gives at most ${limit} to one buffer: ask for fewer rows or samples at once`);
    const old = room;
    const explain = (message: string): string => `webgpu: the device has no room for ${arenaBytes} bytes: ${message}`;
    room = watch('out-of-memory', explain, () => {
      const make = (reuse: GPUBuffer | undefined, size: number, use: number): GPUBuffer => (reuse && reuse.size >= size ? reuse : device.createBuffer({ size, usage: use }));
      const arena = make(old?.arena, arenaBytes, usage.storage | usage.copySource | usage.copyDestination);
      const records = make(old?.records, recordBytes, usage.uniform | usage.copyDestination);
      const group = device.createBindGroup({ layout: bindings, entries: [
        { binding: 0, resource: { buffer: records, size: 4 * words } },
        { binding: 1, resource: { buffer: arena } },
      ] });
      if (old && arena !== old.arena && places.persistent > 0) {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(old.arena, 0, arena, 0, 4 * places.persistent);
        device.queue.submit([encoder.finish()]);
      }
      return { arena, records, group };
    });
    if (old && old.arena !== room.arena) old.arena.destroy();
    if (old && old.records !== room.records) old.records.destroy();
    watched = new Set();
    return room;
  };

  /** The words of a record at one turn of the loops. */
  const fill = (target: DataView, at: number, turn: Turn): void => {
    plan.record.forEach((name, i) => {
      const value = turn[name] ?? values.get(name) ?? 0;
      if (i >= plan.integers) target.setFloat32(at + 4 * i, value, true); else target.setUint32(at + 4 * i, value, true);
    });
    places.offsets.forEach((offset, i) => { target.setUint32(at + 4 * (plan.record.length + i), offset, true); });
  };

  const submit = (program: string): void => {
    const extents = { rows: values.get('rows') ?? 0, samples: values.get('samples') ?? 0 };
    const { dispatches, turns } = filmOf(program);
    const { group, records } = makeRoom(places.words, turns.length);
    const data = new DataView(new ArrayBuffer(recordStride * turns.length));
    turns.forEach((turn, i) => { fill(data, i * recordStride, turn); });
    device.queue.writeBuffer(records, 0, data.buffer);
    for (let first = 0; first < dispatches.length; first += dispatchesPerSubmit) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const { kernel, turn } of dispatches.slice(first, first + dispatchesPerSubmit)) {
        const positions = (plan.kernels[kernel]?.grid ?? []).reduce<number>((n, e) => n * (typeof e === 'number' ? e : extents[e]), 1);
        const [x, y] = fold(Math.ceil(positions / workgroupSize), device.limits.maxComputeWorkgroupsPerDimension);
        const pipeline = pipelines[kernel];
        if (x === 0 || !pipeline) continue;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group, [turn * recordStride]);
        pass.dispatchWorkgroups(x, y);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
  };

  /** Words of a buffer, when the device has come so far. */
  const fetchWords = async (from: GPUBuffer, at: number, count: number): Promise<ArrayBuffer> => {
    const staging = device.createBuffer({ size: 4 * count, usage: usage.mapRead | usage.copyDestination });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 4 * at, staging, 0, 4 * count);
    device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(1);
      await pending;
    } catch (error) {
      // A lost device rejects the mapping; `lost` tells why, a moment later.
      await Promise.race([device.lost, new Promise(resolve => { setTimeout(resolve, 100); })]);
      check();
      throw error;
    }
    const bits = staging.getMappedRange().slice(0);
    staging.destroy();
    check();
    return bits;
  };
  /** Losses of steps that are still on their way. */
  let history: GPUBuffer | undefined;
  let kept = 0;

  return {
    name: 'webgpu',
    plan,
    reserve(rows, samples) {
      check();
      if (room && rows <= capacity.rows && samples <= capacity.samples) return;
      const wanted = layout(plan, rows, samples);
      const before = capacity;
      capacity = { rows, samples };
      try { makeRoom(wanted.words, 1); } catch (error) { capacity = before; throw error; }
      places = wanted;
    },
    write(buffer, data, at = 0) {
      check();
      const i = indexOf(buffer);
      const { arena } = makeRoom(places.words, 1);
      const words = plan.buffers[i]?.type === 'u32' ? new Uint32Array(data) : new Float32Array(data);
      device.queue.writeBuffer(arena, 4 * ((places.offsets[i] ?? 0) + at), words);
    },
    async read(buffer, count) {
      check();
      const i = indexOf(buffer);
      const { arena } = makeRoom(places.words, 1);
      if (count === 0) return new Float32Array(0);
      const bits = await fetchWords(arena, places.offsets[i] ?? 0, count);
      return plan.buffers[i]?.type === 'u32' ? Float32Array.from(new Uint32Array(bits)) : new Float32Array(bits);
    },
    log(buffers) {
      check();
      const { arena } = makeRoom(places.words, 1);
      history ??= device.createBuffer({ size: 4 * logCapacity, usage: usage.copySource | usage.copyDestination });
      const encoder = device.createCommandEncoder();
      for (const b of buffers) {
        if (kept >= logCapacity) throw new RangeError(`webgpu: the log holds ${logCapacity} numbers`);
        encoder.copyBufferToBuffer(arena, 4 * (places.offsets[indexOf(b)] ?? 0), history, 4 * kept++, 4);
      }
      device.queue.submit([encoder.finish()]);
    },
    async logged() {
      check();
      const count = kept;
      kept = 0;
      return history && count > 0 ? new Float32Array(await fetchWords(history, 0, count)) : new Float32Array(0);
    },
    run(program, scalars: Scalars) {
      check();
      if (!plan.programs[program]) throw new Error(`webgpu: this model has no program '${program}'`);
      for (const [name, value] of Object.entries(scalars)) values.set(name, value);
      if (watched.has(program)) { submit(program); return; }
      watch('validation', message => `webgpu: the device refuses '${program}': ${message}`, () => { submit(program); });
      watched.add(program);
    },
    get bytes() { return room ? room.arena.size + room.records.size + (history?.size ?? 0) : 0; },
    dispose() {
      if (disposed) return;
      disposed = true;
      room?.arena.destroy();
      room?.records.destroy();
      history?.destroy();
      if (owned) device.destroy();
    },
  };
}

/** `n` workgroups in two dimensions of at most `limit` each. */
function fold(n: number, limit: number): readonly [number, number] {
  const rows = Math.ceil(n / limit);
  return rows <= 1 ? [n, 1] : [Math.ceil(n / rows), rows];
}
