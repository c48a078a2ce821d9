/** Code -> files: the module, its types, and one file a target when there are several. */
import { deflateRawSync } from 'node:zlib';
import Handlebars from 'handlebars';
import type { Model, Port } from '../2-check/model.ts';
import type { ModelManifest, PlanManifest } from '../../runtime/manifest.ts';
import type { TargetName } from '../7-targets/target.ts';
import { version } from '../version.ts';
import { manifestOf } from './manifest.ts';
import { moduleTemplate, targetTemplate, typesTemplate } from './templates.ts';

/** A model with its plan and code for each target. */
export interface Compiled { readonly model: Model; readonly targets: readonly { readonly name: TargetName; readonly plan: PlanManifest; readonly code: Uint8Array | readonly string[] }[] }
export interface File { readonly name: string; readonly text: string }

/** JSON that is safe inside a script: no line separators, no end of a script tag. */
const json = (value: unknown): string => JSON.stringify(value).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029').replaceAll('</', '<\\/');
const handlebars = Handlebars.create();
handlebars.registerHelper('json', json);
const options = { noEscape: true, strict: true, knownHelpersOnly: true, knownHelpers: { json: true } } as const;
/** Handlebars compiles a template when it is first rendered; here that is when the compiler is loaded, with nothing to show. */
function template(text: string): (view: object) => string {
  const render = handlebars.compile(text, options);
  render({ version, target: '', inline: [], parts: [], models: [] });
  return render;
}
const [moduleText, typesText, targetText] = [template(moduleTemplate), template(typesTemplate), template(targetTemplate)];

/** @param base `boston.bnn`: the files are `boston.bnn.js`, `boston.bnn.d.ts`, and `boston.bnn.wasm.js` … */
export function emit(base: string, compiled: readonly Compiled[]): readonly File[] {
  const names = compiled[0]?.targets.map(t => t.name) ?? [];
  const single = names.length === 1;
  const alias = (target: string): string => `${target}Backend`;
  const printed = new Map(names.map(name => [name, codesOf(compiled.flatMap(c => c.targets.flatMap(t => (t.name === name ? [t.code] : []))))]));
  const models = compiled.map((c, i) => ({
    name: c.model.name, manifest: manifestOf(c.model),
    targets: c.targets.map(t => ({ target: t.name, inline: single, alias: alias(t.name), plan: t.plan, code: printed.get(t.name)?.codes[i] ?? '', file: `./${base}.${t.name}.js`, model: c.model.name })),
  }));
  const types = compiled.map((c, i) => typesOf(c.model, models[i]?.manifest ?? manifestOf(c.model)));
  return [
    { name: `${base}.js`, text: moduleText({ version, inline: single ? names.map(target => ({ target, alias: alias(target) })) : [], parts: single ? printed.get(names[0] ?? 'wasm')?.parts ?? [] : [], models }) },
    { name: `${base}.d.ts`, text: typesText({ version, models: types }) },
    ...(single ? [] : names.map(target => ({
      name: `${base}.${target}.js`,
      text: targetText({ version, target, parts: printed.get(target)?.parts ?? [], models: models.flatMap(m => m.targets.filter(t => t.target === target).map(t => ({ name: m.name, target, plan: t.plan, code: t.code }))) }),
    }))),
  ];
}
/** Without spaces that mean nothing: kernels are for machines, and `explain` shows them. A text with quotes stays as it is; `a - -b` keeps its middle. */
const tight = (text: string): string => (/["'`]/.test(text) ? text : text.replaceAll(/^ +/gm, '').replaceAll(/ ([*+=<>&|^?:-]+) (?![+-])/g, '$1'));

/** The codes of all models for one target, as JavaScript; and what several of them say, which they refer to by name. */
interface Codes { readonly codes: readonly string[]; readonly parts: readonly { readonly name: string; readonly text: string }[] }

/**
 * Bytes are deflated before they become base64: a page that is served compressed could not compress them afterwards. Of texts, functions
 * that stand in several (noise) are written once: gzip finds nothing again that is more than 32 kB away.
 */
function codesOf(codes: readonly (Uint8Array | readonly string[])[]): Codes {
  const cut = codes.map(code => (code instanceof Uint8Array ? deflateRawSync(code, { level: 9 }).toString('base64') : code.map(text => tight(text).split(/^(?=fn )|(?<=^\}\n)/m))));
  const count = new Map<string, number>();
  for (const part of cut.flatMap(code => (typeof code === 'string' ? [] : code.flatMap(text => [...new Set(text)])))) if (part.startsWith('fn ')) count.set(part, (count.get(part) ?? 0) + 1);
  const names = new Map([...count].flatMap(([part, times]) => (times > 1 ? [part] : [])).map((part, i) => [part, `$part${i}`]));
  /** Neighbours that have no names are one string. No model's name has a `$`. */
  const expression = (text: readonly string[]): string => text.reduce<string[]>((terms, part) => {
    const [name, last] = [names.get(part), terms.at(-1)];
    if (name === undefined && last !== undefined && !names.has(last)) terms[terms.length - 1] = last + part; else terms.push(part);
    return terms;
  }, []).map(term => names.get(term) ?? json(term)).join(' + ');
  return {
    codes: cut.map(code => (typeof code === 'string' ? json(code) : `[${code.map(expression).join(', ')}]`)),
    parts: [...names].map(([text, name]) => ({ name, text })),
  };
}

/** A documentation comment's text: it can't end the comment. */
const comment = (text: string | undefined): string | false => (text === undefined ? false : text.replaceAll('*/', '*\u200b/').split('\n').join('\n * '));
const union = (names: readonly string[]): string => (names.length === 0 ? 'never' : names.map(n => json(n)).join(' | '));

function typesOf(model: Model, m: ModelManifest): object {
  const port = (p: Port): object => ({ name: p.name, rank: p.shape.length, doc: comment(p.doc), shape: `[${p.shape.join(', ')}]${p.type === 'class' ? ` of whole numbers below ${p.classes}` : ''}` });
  return {
    name: model.name, doc: comment(model.doc), inputs: model.inputs.map(port), targets: model.targets.map(port),
    outputs: union(m.outputs.map(o => o.name)), parameters: union(m.parameters.map(p => p.path)), weights: union(m.weights.map(w => w.path)),
  };
}
