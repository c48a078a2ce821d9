/**
 * Families and settings, from the concrete tree to the plain one: `prior normal(0, 1)`, `b: posterior point`, `frozen`.
 */
import type * as cst from '../../grammar/cst.ts';
import { nearest } from '../suggest.ts';
import type { FamilyUse, Setting, SettingStatement } from './ast.ts';
import { buildArgs } from './build-expr.ts';
import { nameFrom, opened, rangeOf, rangeOfNode, spanFrom, the, type BuildContext } from './build-context.ts';

/** The entries of `{ … }` after a use. */
export function buildSettings(c: BuildContext, node: cst.SettingsCstNode): readonly SettingStatement[] {
  const entries: SettingStatement[] = [];
  for (const entry of opened(c, node).children.entry ?? []) {
    const { Weight: [weight] = [], setting } = entry.children;
    entries.push({
      kind: 'setting', setting: buildSetting(c, the(setting)), isDefault: false, ...(weight ? { weight: nameFrom(c, weight) } : {}),
      span: spanFrom(c, rangeOfNode(entry)),
    });
  }
  return entries;
}

export function buildSetting(c: BuildContext, node: cst.SettingCstNode): Setting {
  const { PriorWord, PosteriorWord, KlWord, FrozenWord, EstimatorWord, family, Name } = node.children;
  const span = spanFrom(c, rangeOfNode(node));
  if (PriorWord) return { kind: 'prior', family: buildFamily(c, the(family)), span };
  if (PosteriorWord) return { kind: 'posterior', family: buildFamily(c, the(family)), span };
  if (EstimatorWord) return { kind: 'estimator', family: buildFamily(c, the(family)), span };
  if (!KlWord) return { kind: FrozenWord ? 'frozen' : 'fixed', span };
  const how = the(Name);
  if (how.image !== 'sampled' && how.image !== 'exact') {
    const meant = nearest(how.image, ['sampled', 'exact']);
    c.report({
      code: 'S026', message: `\`kl\` is \`sampled\` or \`exact\`, not \`${how.image}\``, span: spanFrom(c, rangeOf(how)),
      ...(meant ? { suggestion: `write \`kl ${meant}\`` } : {}),
    });
  }
  return { kind: 'kl', how: how.image === 'exact' ? 'exact' : 'sampled', span };
}

export function buildFamily(c: BuildContext, node: cst.FamilyCstNode): FamilyUse {
  const { Name, args: [args] = [] } = node.children;
  return { kind: 'family', name: nameFrom(c, the(Name)), args: args ? buildArgs(c, args) : [], span: spanFrom(c, rangeOfNode(node)) };
}
