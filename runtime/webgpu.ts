/**
 * Runs a plan on WebGPU. Imagine one large buffer with everything in it, one tape of records, one for each turn of the loops,
 * a bind group over both, and a list of dispatches: runs are put on the tape and on the list, and go to the device together.
 */
import { countOf, layout } from './arena.ts';
import type { Backend, OpenBackend, Scalars } from './backend.ts';
import type { Dynamic, KernelManifest, PlanManifest } from './manifest.ts';
import { film } from './turns.ts';
import type { Film, Turn } from './turns.ts';
import { holdOn } from './webgpu-data.ts';
import { givenDevice, healthOf, requestDevice, usage } from './webgpu-device.ts';
import { queueOf } from './webgpu-queue.ts';
import { fold, leastGroups, parts, workOf } from './webgpu-work.ts';

/** Invocations of a workgroup, as the kernels are compiled. */
const workgroupSize = 64;

/** Rejects when there is no device, or when it refuses a kernel. */
export const open: OpenBackend = async (code, plan, options) => {
  const device = options.device === undefined ? await requestDevice() : givenDevice(options.device);
  try {
    const bytes = 4 * recordWords(plan);
    if (bytes > device.limits.maxUniformBufferBindingSize) {
      throw new Error(`${plan.buffers.length} buffers need ${bytes} bytes of a uniform buffer, and this device gives ${device.limits.maxUniformBufferBindingSize}`);
    }
    const bindings = layoutOf(device, bytes);
    return start(device, plan, await compile(device, plan, [code].flat(), bindings), bindings, options.device === undefined);
  } catch (error) {
    if (options.device === undefined) device.destroy();
    throw error;
  }
};

/** Words of one record: the fields of the step, where each buffer begins, and the first workgroup of a dispatch that is a part. */
const recordWords = (plan: PlanManifest): number => Math.ceil((plan.record.length + plan.buffers.length + 1) / 4) * 4;

/** Binds the tape, with a dynamic offset; the arena; and a data set, if there is one. */
function layoutOf(device: GPUDevice, recordBytes: number): GPUBindGroupLayout {
  const buffers: readonly GPUBufferBindingLayout[] = [{ type: 'uniform', hasDynamicOffset: true, minBindingSize: recordBytes }, { type: 'storage' }, { type: 'read-only-storage' }];
  return device.createBindGroupLayout({ entries: buffers.map((buffer, binding) => ({ binding, visibility: 0x4, buffer })) }); // GPUShaderStage.COMPUTE
}

/** A pipeline for each text. */
async function compile(device: GPUDevice, plan: PlanManifest, code: readonly string[], bindings: GPUBindGroupLayout): Promise<readonly GPUComputePipeline[]> {
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [bindings] });
  // A text that is not WGSL shows twice, in its module and in its pipeline: the scope takes the first, the second is told below.
  device.pushErrorScope('validation');
  // Lines for subgroups are comments to a device that has none; where they have several sizes, what is told may not be what is run.
  const { features, adapterInfo: info } = device;
  const texts = features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize ? code.map(text => text.replaceAll('//subgroups ', '')) : code;
  // All at once: drivers compile in parallel. And all awaited, even when one fails.
  const asked = texts.map(text => device.createComputePipelineAsync({ layout: pipelineLayout, compute: { module: device.createShaderModule({ code: text }), entryPoint: 'main' } }));
  const [made] = await Promise.all([Promise.allSettled(asked), device.popErrorScope()]);
  return made.map((result, i) => {
    if (result.status === 'rejected') throw new Error(`this device refuses the kernel '${plan.kernels[i]?.name ?? i}': ${String(result.reason)}`);
    return result.value;
  });
}

/** The arena, and the group that binds it together with a data set; made anew when the one must grow or the other changes. */
interface Room { readonly arena: GPUBuffer; readonly data: GPUBuffer; readonly group: GPUBindGroup }

function start(device: GPUDevice, plan: PlanManifest, pipelines: readonly GPUComputePipeline[], bindings: GPUBindGroupLayout, owned: boolean): Backend {
  const words = recordWords(plan);
  const { limits } = device;
  const align = limits.minUniformBufferOffsetAlignment / 4;
  const indices = new Map(plan.buffers.map((b, i) => [b.name, i]));
  const values = new Map<string, number>();
  const health = healthOf(device);

  let capacity = { rows: 0, samples: 0 };
  let places = layout(plan, 0, 0);
  let room: Room | undefined;
  /** Programs that ran since the last change of the room, and those that are to run for the first time: those are watched for errors. */
  let watched = new Set<string>();
  let fresh: string[] = [];
  const queue = queueOf(device, health, act => {
    if (fresh.length === 0) { act(); return; }
    const names = fresh.join("', '");
    fresh = [];
    health.watch('validation', message => `webgpu: the device refuses '${names}': ${message}`, act);
  });

  /** The data set that batches are picked from; without one, something that can be bound. */
  let data = queue.tape;

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
  const makeRoom = (arenaWords = places.words, { rows, samples } = capacity): Room => {
    const bytes = 4 * Math.max(4, arenaWords);
    const old = room;
    if (old && old.arena.size >= bytes && old.data === data) return old;
    const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    if (bytes > limit) throw new RangeError(`webgpu: ${rows} rows and ${samples} samples need ${bytes} bytes, and this device gives at most ${limit} to one buffer: ask for fewer at once`);
    queue.flush();
    room = health.watch('out-of-memory', message => `webgpu: the device has no room for ${bytes} bytes: ${message}`, () => {
      const arena = old && old.arena.size >= bytes ? old.arena : device.createBuffer({ size: bytes, usage: usage.storage | usage.copySource | usage.copyDestination });
      const resources: readonly GPUBufferBinding[] = [{ buffer: queue.tape, size: 4 * words }, { buffer: arena }, { buffer: data }];
      if (old && arena !== old.arena && places.persistent > 0) queue.copy(old.arena, arena, 4 * places.persistent);
      return { arena, data, group: device.createBindGroup({ layout: bindings, entries: resources.map((resource, binding) => ({ binding, resource })) }) };
    });
    if (old && old.arena !== room.arena) { queue.flush(); old.arena.destroy(); }
    watched = new Set();
    return room;
  };

  /** Puts the record of one turn of the loops on the tape. @param first Workgroups before those of this part. */
  const record = (turn: Turn, first: number): number => {
    const at = queue.place(words, align);
    plan.record.forEach((name, i) => { (i < plan.integers ? queue.words : queue.floats)[at + i] = turn[name] ?? values.get(name) ?? 0; });
    queue.words.set(places.offsets, at + plan.record.length);
    queue.words[at + plan.record.length + plan.buffers.length] = first;
    return at;
  };

  const dispatch = (pipeline: number, group: GPUBindGroup, at: number, groups: number, work: number): void => {
    const [x, y] = fold(groups, limits.maxComputeWorkgroupsPerDimension);
    const made = pipelines[pipeline];
    if (made) queue.dispatch({ pipeline: made, group, record: at, x, y, work });
  };

  const enqueue = (program: string): void => {
    const { group } = makeRoom();
    const extents = { rows: values.get('rows') ?? 0, samples: values.get('samples') ?? 0 };
    const { dispatches, turns } = filmOf(program);
    let [known, sent] = [new Map<number, number>(), queue.sent];
    /** The record of a turn, as long as the tape is not sent; a new one may be what it is sent for. */
    const recordOf = (turn: number): number => {
      const seen = sent === queue.sent ? known.get(turn) : undefined;
      const at = seen ?? record(turns[turn] ?? {}, 0);
      if (sent !== queue.sent) [known, sent] = [new Map<number, number>(), queue.sent];
      known.set(turn, at);
      return at;
    };
    for (const { kernel, turn } of dispatches) {
      const of = plan.kernels[kernel];
      const positions = positionsOf(of, extents);
      const groups = workgroupsOf(of, extents);
      const workOfGroup = (workOf(plan.costs?.[kernel], extents) * positions) / groups;
      for (const [first, count] of parts(groups, workOfGroup, queue.budget, limits.maxComputeWorkgroupsPerDimension)) {
        dispatch(kernel, group, first === 0 ? recordOf(turn) : record(turns[turn] ?? {}, first), count, Math.max(count, leastGroups) * workOfGroup);
      }
    }
  };

  return {
    name: 'webgpu',
    plan,
    reserve(rows, samples) {
      health.check();
      if (room && rows <= capacity.rows && samples <= capacity.samples) return;
      const wanted = layout(plan, rows, samples);
      makeRoom(wanted.words, { rows, samples });
      capacity = { rows, samples };
      places = wanted;
    },
    write(buffer, data, at = 0) {
      health.check();
      const i = indexOf(buffer);
      queue.write(makeRoom().arena, (places.offsets[i] ?? 0) + at, plan.buffers[i]?.type === 'u32' ? new Uint32Array(data) : new Float32Array(data));
    },
    async read(buffer, count) {
      health.check();
      const i = indexOf(buffer);
      const { arena } = makeRoom();
      if (count === 0) return new Float32Array(0);
      const bits = await queue.read(arena, places.offsets[i] ?? 0, count);
      return plan.buffers[i]?.type === 'u32' ? Float32Array.from(new Uint32Array(bits)) : new Float32Array(bits);
    },
    hold(tensors) {
      health.check();
      return holdOn(device, plan, tensors, {
        write(to, order) { data = to; queue.write(to, 0, order); },
        pick(_, first, count, width) {
          const { group } = makeRoom();
          values.set('rows', count);
          dispatch(plan.kernels.length, group, record({}, first), Math.ceil(count * width / workgroupSize), 20 * count * width);
        },
        free(old) {
          data = queue.tape;
          if (!health.disposed) queue.flush();
          old.destroy();
        },
      });
    },
    get full() { return queue.full; },
    run(program, scalars: Scalars) {
      health.check();
      if (!plan.programs[program]) throw new Error(`webgpu: this model has no program '${program}'`);
      for (const [name, value] of Object.entries(scalars)) values.set(name, value);
      if (!watched.has(program)) { watched.add(program); fresh.push(program); }
      enqueue(program);
    },
    get bytes() { return room ? room.arena.size + queue.tape.size : 0; },
    dispose() {
      if (health.disposed) return;
      health.dispose();
      queue.dispose();
      room?.arena.destroy();
      if (owned) device.destroy();
    },
  };
}

type Extents = Readonly<Record<Dynamic, number>>;
const positionsOf = (kernel: KernelManifest | undefined, extents: Extents): number =>
  (kernel?.grid ?? []).reduce<number>((n, e) => n * (typeof e === 'number' ? e : extents[e]), 1);
/** Workgroups of a kernel: those of its tiles, or as many as give each position an invocation. */
const workgroupsOf = (kernel: KernelManifest | undefined, extents: Extents): number =>
  (kernel?.tiles ? kernel.tiles.reduce((n, [size, each]) => n * Math.ceil(countOf(size, extents.rows, extents.samples) / each), 1) : Math.ceil(positionsOf(kernel, extents) / workgroupSize));
