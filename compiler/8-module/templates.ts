/** The texts of generated files, with holes. Every inserted value passes through `json` or is a checked name; `code` is an expression made of such. */

export const moduleTemplate = `// Made by bnnc {{json version}}. Do not edit.
import { defineModel } from 'bnnc/runtime'
{{#each inline}}
import * as {{alias}} from 'bnnc/runtime/{{target}}'
{{/each}}
{{#each parts}}
const {{name}} = {{json text}}
{{/each}}
{{#each models}}

export const {{name}} = defineModel({{json manifest}}, {
{{#each targets}}
{{#if inline}}
  {{target}}: async () => ({ target: {{json target}}, open: {{alias}}.open, plan: {{json plan}}, code: {{code}} }),
{{else}}
  {{target}}: async () => (await import({{json file}})).{{model}},
{{/if}}
{{/each}}
})
{{/each}}
`;

export const targetTemplate = `// Made by bnnc {{json version}}. Do not edit.
import { open } from 'bnnc/runtime/{{target}}'
{{#each parts}}
const {{name}} = {{json text}}
{{/each}}
{{#each models}}

export const {{name}} = { target: {{json target}}, open, plan: {{json plan}}, code: {{code}} }
{{/each}}
`;

export const typesTemplate = `// Made by bnnc {{json version}}. Do not edit.
import type { Input, Model, ModelClass } from 'bnnc/runtime'
{{#each models}}

/** Names and kinds of {{name}}. */
export interface {{name}}Types {
  readonly inputs: {
{{#each inputs}}
{{#if doc}}
    /** {{doc}} */
{{/if}}
    /** {{shape}} */
    readonly {{json name}}: Input<{{rank}}>
{{/each}}
  }
  readonly targets: {
{{#each targets}}
{{#if doc}}
    /** {{doc}} */
{{/if}}
    /** {{shape}} */
    readonly {{json name}}: Input<{{rank}}>
{{/each}}
  }
  readonly outputs: {{outputs}}
  readonly parameters: {{parameters}}
  readonly weights: {{weights}}
}
{{#if doc}}
/** {{doc}} */
{{/if}}
export declare const {{name}}: ModelClass<{{name}}Types>
{{#if doc}}
/** {{doc}} */
{{/if}}
export type {{name}} = Model<{{name}}Types>
{{/each}}
`;
