/**
 * What all rules of the grammar are made with: lists, groups in brackets, and errors that carry what was expected. Imagine
 * the toolbox beside the grammar; the rules are in `parser-expressions.ts` and `parser.ts`.
 */
import type { CstNode, IParserErrorMessageProvider, IToken, ParserMethod } from 'chevrotain';
import { CstParser } from './chevrotain.ts';
import * as t from './tokens.ts';

/** A rule without parameters. */
export type Rule = ParserMethod<[], CstNode>;

/** What a parser error carries in its message, as JSON: what could have stood there. */
export interface Expectation { readonly rule: string; readonly expected: readonly string[] }

/** Thrown out of the parser when a text is not worth reading on: after `maximumErrors` errors. */
export class TooManyErrors extends Error {}
/** A text of garbage gives an error every few characters, and each costs a stack trace. */
export const maximumErrors = 400;

/** The rules that stand in brackets. */
export type GroupRule = 'familyParameters' | 'methods' | 'parameters' | 'classes' | 'dims' | 'body' | 'settings' | 'args' | 'paren' | 'sizes' | 'index';
/** A group that was deeper than the parser goes in one piece, and the rule to read it with. */
export interface Folded { readonly rule: GroupRule; readonly token: IToken }

let errorsSeen = 0;
/** Errors are counted from here on. */
export function countErrorsAnew(): void { errorsSeen = 0; }

function counted(e: Expectation): string {
  errorsSeen++;
  if (errorsSeen > maximumErrors) throw new TooManyErrors();
  return JSON.stringify(e);
}

const provider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => counted({ rule: ruleName, expected: [expected.name] }),
  buildNotAllInputParsedMessage: ({ ruleName }) => counted({ rule: ruleName, expected: [] }),
  buildNoViableAltMessage: ({ expectedPathsPerAlt, ruleName }) =>
    counted({ rule: ruleName, expected: [...new Set(expectedPathsPerAlt.flatMap(alt => alt.flatMap(path => path[0] ? [path[0].name] : [])))] }),
  buildEarlyExitMessage: ({ expectedIterationPaths, ruleName }) =>
    counted({ rule: ruleName, expected: [...new Set(expectedIterationPaths.flatMap(path => path[0] ? [path[0].name] : []))] }),
};

/** Lists and groups; a class because Chevrotain wants its rules to be members of one. */
export abstract class GroupParser extends CstParser {
  /** True where `{` opens a scan's body, so that a call takes no settings (DECISIONS 1.8). */
  protected plain = false;
  /** The folded groups met, each with the rule that met it. */
  folded: Folded[] = [];

  /** `a, b, c` in brackets, with an optional comma at the end; may be empty. */
  protected list(rule: GroupRule, brackets: t.Brackets, first: () => unknown, more: () => unknown): void {
    this.group(rule, brackets, () => this.OPTION7(() => {
      first();
      this.MANY7({ GATE: () => this.LA(2).tokenType !== brackets.close, DEF: () => { this.CONSUME7(t.Comma); more(); } });
      this.OPTION8(() => this.CONSUME8(t.Comma));
    }));
  }

  /** What stands in brackets, or the token that holds its place until it is read by itself. */
  protected group(rule: GroupRule, brackets: t.Brackets, content: () => unknown): void {
    this.OR9([
      { ALT: () => {
        this.CONSUME9(brackets.open);
        this.within(false, content);
        this.CONSUME9(brackets.close);
      } },
      { ALT: () => {
        const token = this.CONSUME9(brackets.folded);
        this.ACTION(() => { this.folded.push({ rule, token }); });
      } },
    ]);
  }

  protected within(plain: boolean, rule: () => unknown): void {
    const before = this.plain;
    this.plain = plain;
    try { rule(); } finally { this.plain = before; }
  }

  /** @param isChecked Whether Chevrotain looks for ambiguities in the grammar, which takes longer than reading a file. */
  constructor(isChecked: boolean) {
    super([...t.tokens], { skipValidations: !isChecked, recoveryEnabled: true, maxLookahead: 2, nodeLocationTracking: 'full', errorMessageProvider: provider });
  }
}
