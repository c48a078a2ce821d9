/**
 * A model's numbers in double precision, from its text. Imagine the objective written out, with every noise a tensor that is
 * given (`eps:<path>`), and derivatives for the inputs as well as for the parameters.
 */
import { readFileSync } from 'node:fs';
import { evaluate } from '../../compiler/3-graph/evaluate.ts';
import type { Graph, Plain } from '../../compiler/3-graph/graph.ts';
import { differentiate } from '../../compiler/4-diff/differentiate.ts';
import { programsOf } from '../../compiler/4-diff/programs.ts';
import { checkText } from '../../compiler/compile.ts';
import { difference, given } from '../support/graphs.ts';

export type Nested = number | readonly Nested[];
export type Case = Readonly<Record<string, Nested>>;
export const flat = (x: Nested): number[] => (typeof x === 'number' ? [x] : x.flatMap(flat));

/** One file of numbers. */
export const read = (name: string): Case => JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as Case; // the files' shape
/** The tensor of a name, row-major. */
export const at = (c: Case | undefined, name: string): number[] => flat(c?.[name] ?? []);
/** Records inside of a file's record. */
export const records = (c: Case, name: string): readonly Case[] => [c[name] as unknown as Case | readonly Case[]].flat(); // one record or several, in these cases

export const close = (expected: readonly number[], actual: ArrayLike<number> | undefined, tolerance = 1e-10): boolean => expected.length > 0 && difference(expected, actual ?? []) < tolerance;

export interface Given { readonly arrays: Readonly<Record<string, ArrayLike<number>>>; readonly rows: number; readonly klWeight?: number; readonly live?: 0 | 1 }

/** The graph with every noise, and every input of numbers, a tensor to differentiate by. */
const opened = (graph: Graph<Plain>): Graph<Plain> => ({
  ...graph, nodes: graph.nodes.map((n): Plain =>
    n.kind === 'noise' ? { kind: 'variable', name: `eps:${n.path}`, role: 'parameter', shape: n.shape, type: n.type, origin: n.origin }
    : n.kind === 'input' && n.type === 'f32' ? { kind: 'variable', name: n.name, role: 'parameter', shape: n.shape, type: n.type, origin: n.origin } : n),
});
const numbersOf = (graph: Graph<Plain>, g: Given): ReadonlyMap<string, Float64Array> =>
  evaluate(graph, given(graph, { arrays: g.arrays, rows: g.rows, samples: 1, scalars: { klWeight: g.klWeight ?? 0, live: g.live ?? 1 } }));

/** As the first model trains: outputs, `loss`, `likelihood`, `complexity`, `state:` after the step, and `gradient:` of parameters and inputs. */
export function trained(text: string, g: Given): ReadonlyMap<string, Float64Array> {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  if (!model) throw new Error('no model');
  const graph = opened(programsOf(model).objective);
  const names = new Set(graph.nodes.flatMap(n => (n.kind === 'variable' && !n.name.startsWith('eps:') ? [n.name] : [])));
  return numbersOf(differentiate(graph, 'loss', [...names]), g);
}
/** As the first model predicts: `output:` and `location:`. */
export function predicted(text: string, g: Given): ReadonlyMap<string, Float64Array> {
  const model = checkText(text, { file: 'm.bnn' }).models[0];
  const graph = model && programsOf(model).programs.find(p => p.name === 'predict')?.graph;
  if (!graph) throw new Error('no prediction');
  return numbersOf(opened(graph), g);
}
