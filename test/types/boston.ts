/**
 * The types of a generated module: what is right type-checks, what is wrong does not. The declarations are those of the
 * Boston example, kept beside this file and compared with what the compiler writes by `types.test.ts`.
 */
import type { Boston as Model } from './boston.bnn.js';
import { Boston } from './boston.bnn.js';

export async function right(): Promise<void> {
  const model: Model = await Boston.create({ backend: 'wasm', seed: 1 });
  const x = new Float32Array(26), y = [[1], [2]];
  await model.fit({ x, y }, { epochs: 1, klWeight: 'blundell', optimizer: { kind: 'sgd', momentum: 0.9 }, validation: { x, y } });
  const { p } = await model.predict({ x }, { samples: 10 });
  const lower: Float32Array = p.interval(0.9).lower.data;
  const gradients = await model.gradients({ x: { data: x, shape: [2, 13] }, y }, { klWeight: 1 });
  const shape: readonly number[] = gradients['linear1.w.mu'].shape;
  await model.setParameters({ 'linear2.b.rho': lower });
  const kind: 'exact' | 'sampled' | 'none' = Boston.kl['linear1.w'];
  void [shape, kind];
}

export async function wrong(model: Model): Promise<void> {
  const x = new Float32Array(26), y = new Float32Array(2);
  // @ts-expect-error -- a target is missing
  await model.fit({ x }, { epochs: 1 });
  // @ts-expect-error -- a name that the model does not have
  await model.step({ x, y, z: y }, { klWeight: 1 });
  // @ts-expect-error -- nested arrays of the wrong depth
  await model.predict({ x: [1, 2, 3] });
  // @ts-expect-error -- step has no default for the weight of the divergence
  await model.step({ x, y }, { samples: 3 });
  // @ts-expect-error -- an optimizer that does not exist
  await model.fit({ x, y }, { epochs: 1, optimizer: { kind: 'lion' } });
  const prediction = await model.predict({ x });
  // @ts-expect-error -- an output that the model does not have
  void prediction.q;
  const parameters = await model.parameters();
  // @ts-expect-error -- a weight is not a parameter: it has mu and rho
  void parameters['linear1.w'];
  // @ts-expect-error -- a path that the model does not have
  await model.setParameters({ 'linear3.w.mu': [1] });
  // @ts-expect-error -- a backend that does not exist
  await Boston.create({ backend: 'cuda' });
}
