/** Compiles a model and opens it as an app would, without files: the generated target module is put together in memory. */
import { checkText } from '../../compiler/compile.ts';
import { arranged, programsOf } from '../../compiler/4-diff/programs.ts';
import { schedule } from '../../compiler/5-schedule/plan.ts';
import type { MemoryPlan } from '../../compiler/5-schedule/schedule.ts';
import type { Target } from '../../compiler/7-targets/target.ts';
import { wasm } from '../../compiler/7-targets/wasm/index.ts';
import { manifestOf, planOf } from '../../compiler/8-module/manifest.ts';
import type { OpenBackend } from '../../runtime/backend.ts';
import type { ModelManifest, PlanManifest } from '../../runtime/manifest.ts';
import { defineModel } from '../../runtime/model.ts';
import type { ModelClass } from '../../runtime/types.ts';
import { open as openWasm } from '../../runtime/wasm.ts';
import type { TensorLike } from '../../runtime/tensors.ts';

/** Any model: names are not known to the types here. */
export interface AnyModel { readonly inputs: Record<string, TensorLike>; readonly targets: Record<string, TensorLike>; readonly outputs: string; readonly parameters: string; readonly weights: string }

interface Compiled { readonly manifest: ModelManifest; readonly plan: PlanManifest; readonly code: string | readonly string[] }
const known = new Map<string, Compiled>();
function compiled(text: string, target: Target, memory: MemoryPlan): Compiled {
  const model = checkText(text, { file: 'test.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const cut = schedule(arranged(programsOf(model, undefined, memory).programs, target.capabilities), target.capabilities, memory);
  const code = target.print(cut);
  return { manifest: manifestOf(model), plan: planOf(cut, target), code: code instanceof Uint8Array ? Buffer.from(code).toString('base64') : code };
}

/** The first model of a text, for one backend. */
export function moduleOf(text: string, target: Target = wasm, open: OpenBackend = openWasm, memory: MemoryPlan = 'fast'): ModelClass<AnyModel> {
  const key = `${target.name} ${memory} ${text}`;
  const { manifest, plan, code } = known.get(key) ?? compiled(text, target, memory);
  known.set(key, { manifest, plan, code });
  return defineModel<AnyModel>(manifest, { [target.name]: async () => ({ target: target.name, open, plan, code }) });
}
