/**
 * Texts for devices with subgroups and for those without. Imagine lines behind a mark that makes them comments: a runtime whose device
 * has the feature wipes the marks off, and what stood there before is shadowed by what they declare.
 */

/** Makes a comment of the rest of its line. `runtime/webgpu.ts` knows it too. */
const mark = '//subgroups ';

/** A line for devices with subgroups alone. */
export const ofSubgroups = (line: string): string => mark + line;
export const usesSubgroups = (lines: readonly string[]): boolean => lines.some(line => line.includes(mark));

/** What a kernel declares that uses them: how many lanes a subgroup has, 1 where there are none, and where in it a lane is. */
export const enabled = ofSubgroups('enable subgroups;');
export const withoutThem = 'const subgroup = 1u;';
/** Parameters of `main`: the first shadows the constant. */
export const places = ofSubgroups(', @builtin(subgroup_size) subgroup: u32, @builtin(subgroup_invocation_id) place: u32');
