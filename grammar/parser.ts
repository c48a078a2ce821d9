/**
 * The grammar, as rules of a Chevrotain parser; read it beside `reference.md`. Imagine it walking the words once and
 * hanging each on a concrete tree (`cst.ts`). Operators are taken as a flat row, since precedence is the syntax stage's
 * business: so a long sum is no deep tree, and only brackets nest.
 */
import { CstParser, type IParserErrorMessageProvider, type IToken, type ParserMethod, type CstNode } from 'chevrotain';
import * as t from './tokens.ts';

type Rule = ParserMethod<[], CstNode>;

/** What a parser error carries in its message, as JSON: what could have stood there. */
export interface Expectation { readonly rule: string; readonly expected: readonly string[] }

/** Thrown out of the parser when a text is not worth reading on: after `maximumErrors` errors. */
export class TooManyErrors extends Error {}
/** A text of garbage gives an error every few characters, and each costs a stack trace. */
export const maximumErrors = 400;

/** The rules that stand in brackets. */
export type GroupRule = 'skipped' | 'parameters' | 'classes' | 'dims' | 'body' | 'settings' | 'args' | 'paren' | 'sizes' | 'index';
/** A group that was deeper than the parser goes in one piece, and the rule to read it with. */
export interface Folded { readonly rule: GroupRule; readonly token: IToken }

const say = (e: Expectation): string => JSON.stringify(e);

class BnnParser extends CstParser {
  /** True where `{` opens a scan's body, so that a call takes no settings (DECISIONS 1.8). */
  private plain = false;
  /** The folded groups met, each with the rule that met it. */
  folded: Folded[] = [];

  // ── items ──────────────────────────────────────────────────────────────────────────────────────
  readonly program: Rule = this.RULE('program', () => {
    this.MANY(() => this.OR([
      { ALT: () => this.SUBRULE(this.model) },
      { ALT: () => this.SUBRULE(this.layer) },
      { ALT: () => this.SUBRULE(this.laterItem) },
    ]));
  });

  private readonly model: Rule = this.RULE('model', () => {
    this.CONSUME(t.Model);
    this.CONSUME(t.Name);
    this.OR([
      { ALT: () => {
        this.CONSUME(t.Equals);
        this.CONSUME2(t.Name, { LABEL: 'Of' });
        this.OPTION(() => this.SUBRULE(this.args));
      } },
      { ALT: () => {
        this.OPTION2(() => this.SUBRULE(this.parameters));
        this.SUBRULE(this.body);
      } },
    ]);
  });

  private readonly layer: Rule = this.RULE('layer', () => {
    this.CONSUME(t.Layer);
    this.CONSUME(t.Name);
    this.SUBRULE(this.parameters);
    this.OPTION(() => { this.CONSUME(t.Arrow); this.SUBRULE(this.tensorType); });
    this.SUBRULE(this.body);
  });

  /** `family f(x) { … }`, `import "…"`: read over, then answered with 'not yet'. */
  private readonly laterItem: Rule = this.RULE('laterItem', () => {
    this.OR([
      { ALT: () => { this.CONSUME(t.Import); this.CONSUME(t.StringLiteral); } },
      { ALT: () => {
        this.CONSUME(t.Family);
        this.CONSUME(t.Name);
        this.MANY({ GATE: () => this.LA(1).tokenType !== t.Model && this.LA(1).tokenType !== t.Layer, DEF: () => this.CONSUME(t.Inside) });
        this.SUBRULE(this.skipped);
      } },
    ]);
  });

  readonly skipped: Rule = this.RULE('skipped', () => {
    this.group('skipped', t.braces, () => this.MANY(() => this.OR([{ ALT: () => this.CONSUME(t.Inside) }, { ALT: () => this.SUBRULE(this.skipped) }])));
  });

  readonly parameters: Rule = this.RULE('parameters', () => {
    this.list('parameters', t.parens, () => this.SUBRULE(this.parameter), () => this.SUBRULE2(this.parameter));
  });

  private readonly parameter: Rule = this.RULE('parameter', () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
    this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.expr); });
  });

  private readonly type: Rule = this.RULE('type', () => {
    this.OR([{ ALT: () => this.SUBRULE(this.tensorType) }, { ALT: () => this.CONSUME(t.Name) }]);
  });

  private readonly tensorType: Rule = this.RULE('tensorType', () => {
    this.OPTION(() => { this.CONSUME(t.Class); this.SUBRULE(this.classes); });
    this.SUBRULE(this.dims);
  });

  readonly classes: Rule = this.RULE('classes', () => this.group('classes', t.parens, () => this.SUBRULE(this.expr)));

  readonly dims: Rule = this.RULE('dims', () => {
    this.list('dims', t.brackets, () => this.SUBRULE(this.dim), () => this.SUBRULE2(this.dim));
  });

  private readonly dim: Rule = this.RULE('dim', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Rest) }, { ALT: () => this.SUBRULE(this.expr) }]);
  });

  // ── statements ─────────────────────────────────────────────────────────────────────────────────
  readonly body: Rule = this.RULE('body', () => {
    this.group('body', t.braces, () => this.MANY(() => this.SUBRULE(this.statement)));
  });

  private readonly statement: Rule = this.RULE('statement', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.port) },
      { ALT: () => this.SUBRULE(this.weight) },
      { ALT: () => this.SUBRULE(this.param) },
      { ALT: () => this.SUBRULE(this.output) },
      { ALT: () => this.SUBRULE(this.loss) },
      { ALT: () => this.SUBRULE(this.observe) },
      { ALT: () => this.SUBRULE(this.returned) },
      { ALT: () => this.SUBRULE(this.yielded) },
      { ALT: () => { this.OPTION(() => this.CONSUME(t.Default)); this.SUBRULE(this.setting); } },
      { ALT: () => this.SUBRULE(this.laterStatement) },
      { ALT: () => this.SUBRULE(this.definition) },
    ]);
  });

  private readonly port: Rule = this.RULE('port', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Input) }, { ALT: () => this.CONSUME(t.Target) }]);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.tensorType);
  });

  private readonly weight: Rule = this.RULE('weight', () => {
    this.CONSUME(t.Weight);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.dims);
    this.OPTION(() => { this.CONSUME(t.Tilde); this.SUBRULE(this.family, { LABEL: 'prior' }); });
    this.OPTION2(() => { this.CONSUME(t.By); this.SUBRULE2(this.family, { LABEL: 'posterior' }); });
    this.OPTION3(() => this.SUBRULE(this.condition));
  });

  private readonly param: Rule = this.RULE('param', () => {
    this.CONSUME(t.Param);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.dims);
    this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.chain); });
    this.OPTION2(() => this.SUBRULE(this.condition));
  });

  private readonly condition: Rule = this.RULE('condition', () => { this.CONSUME(t.If); this.SUBRULE(this.expr); });

  private readonly output: Rule = this.RULE('output', () => {
    this.CONSUME(t.Output);
    this.CONSUME(t.Name);
    this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.expr); });
  });

  private readonly loss: Rule = this.RULE('loss', () => { this.CONSUME(t.Loss); this.SUBRULE(this.expr); });

  private readonly observe: Rule = this.RULE('observe', () => {
    this.CONSUME(t.Observe);
    this.CONSUME(t.Name);
    this.CONSUME(t.Tilde);
    this.SUBRULE(this.family);
  });

  private readonly returned: Rule = this.RULE('returned', () => {
    this.CONSUME(t.Return);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expr) });
    this.OPTION(() => {
      this.CONSUME(t.With);
      this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => this.SUBRULE(this.returnedField) });
    });
  });

  private readonly returnedField: Rule = this.RULE('returnedField', () => {
    this.CONSUME(t.AnyWord);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.expr);
  });

  private readonly yielded: Rule = this.RULE('yielded', () => { this.CONSUME(t.Yield); this.SUBRULE(this.expr); });

  private readonly definition: Rule = this.RULE('definition', () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  private readonly setting: Rule = this.RULE('setting', () => {
    this.OR([
      { ALT: () => { this.CONSUME(t.Prior); this.SUBRULE(this.family); } },
      { ALT: () => { this.CONSUME(t.Posterior); this.SUBRULE2(this.family); } },
      { ALT: () => { this.CONSUME(t.Kl); this.CONSUME(t.Name); } },
      { ALT: () => this.CONSUME(t.Frozen) },
      { ALT: () => this.CONSUME(t.Fixed) },
    ]);
  });

  readonly settings: Rule = this.RULE('settings', () => {
    this.group('settings', t.braces, () => this.MANY(() => { this.SUBRULE(this.entry); this.OPTION(() => this.CONSUME(t.Comma)); }));
  });

  private readonly entry: Rule = this.RULE('entry', () => {
    this.OR([
      { ALT: () => { this.CONSUME(t.Estimator); this.CONSUME3(t.Name); } },
      { ALT: () => {
        this.OPTION(() => { this.CONSUME(t.Name, { LABEL: 'Weight' }); this.CONSUME(t.Colon); });
        this.SUBRULE(this.setting);
      } },
    ]);
  });

  private readonly family: Rule = this.RULE('family', () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  /** The statements of later versions, in the forms that the design gives them. */
  private readonly laterStatement: Rule = this.RULE('laterStatement', () => {
    this.OR([
      { ALT: () => { this.CONSUME(t.Estimator); this.CONSUME(t.Name); } },
      { ALT: () => {
        this.CONSUME(t.State);
        this.CONSUME2(t.Name);
        this.CONSUME(t.Colon);
        this.SUBRULE(this.dims);
        this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.chain); });
        this.OPTION2(() => this.SUBRULE(this.condition));
      } },
      { ALT: () => { this.CONSUME(t.Update); this.CONSUME3(t.Name); this.CONSUME2(t.Equals); this.SUBRULE(this.expr); } },
      { ALT: () => {
        this.CONSUME(t.Draw);
        this.AT_LEAST_ONE(() => this.CONSUME4(t.Name));
        this.OPTION3(() => { this.CONSUME2(t.Colon); this.SUBRULE2(this.dims); });
        this.CONSUME(t.Tilde);
        this.SUBRULE(this.family);
      } },
      { ALT: () => {
        this.CONSUME(t.Repeat);
        this.SUBRULE2(this.chain);
        this.OPTION4(() => { this.CONSUME(t.As); this.CONSUME5(t.Name); });
        this.SUBRULE(this.body);
      } },
    ]);
  });

  // ── expressions ────────────────────────────────────────────────────────────────────────────────
  readonly expr: Rule = this.RULE('expr', () => {
    this.SUBRULE(this.chain);
    this.MANY(() => {
      this.CONSUME(t.If);
      this.SUBRULE2(this.chain);
      this.CONSUME(t.Else);
      this.SUBRULE3(this.chain);
    });
  });

  /** Operands and operators in the order of the text. */
  private readonly chain: Rule = this.RULE('chain', () => {
    this.SUBRULE(this.operand);
    this.MANY(() => this.OR([
      { ALT: () => { this.CONSUME(t.Operator); this.SUBRULE2(this.operand); } },
      { ALT: () => { this.CONSUME(t.Pipe); this.SUBRULE3(this.operand); } },
    ]));
  });

  private readonly operand: Rule = this.RULE('operand', () => {
    this.MANY(() => this.OR([{ ALT: () => this.CONSUME(t.Minus) }, { ALT: () => this.CONSUME(t.Not) }]));
    this.OR2([
      { ALT: () => this.CONSUME(t.NumberLiteral) },
      { ALT: () => this.CONSUME(t.True) },
      { ALT: () => this.CONSUME(t.False) },
      { ALT: () => this.CONSUME(t.None) },
      { ALT: () => this.CONSUME(t.StringLiteral) },
      { ALT: () => this.SUBRULE(this.fill) },
      { ALT: () => this.SUBRULE(this.scan) },
      { ALT: () => this.SUBRULE(this.paren) },
      { ALT: () => this.SUBRULE(this.use) },
    ]);
    this.MANY2(() => this.SUBRULE(this.postfix));
  });

  private readonly use: Rule = this.RULE('use', () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.args));
    this.OPTION2({ GATE: () => !this.plain, DEF: () => this.SUBRULE(this.settings) });
    this.OPTION3(() => {
      this.CONSUME(t.As);
      this.CONSUME2(t.Name, { LABEL: 'Label' });
      this.OPTION4(() => this.CONSUME(t.Again));
    });
  });

  readonly args: Rule = this.RULE('args', () => {
    this.list('args', t.parens, () => this.SUBRULE(this.argument), () => this.SUBRULE2(this.argument));
  });

  private readonly argument: Rule = this.RULE('argument', () => {
    this.OPTION(() => { this.CONSUME(t.AnyWord); this.CONSUME(t.Colon); });
    this.SUBRULE(this.expr);
  });

  readonly paren: Rule = this.RULE('paren', () => {
    this.group('paren', t.parens, () => {
      this.SUBRULE(this.expr);
      this.MANY({ GATE: () => this.LA(2).tokenType !== t.RightParen, DEF: () => { this.CONSUME(t.Comma); this.SUBRULE2(this.expr); } });
      this.OPTION(() => this.CONSUME2(t.Comma));
    });
  });

  private readonly fill: Rule = this.RULE('fill', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Zeros) }, { ALT: () => this.CONSUME(t.Ones) }]);
    this.SUBRULE(this.sizes);
  });

  readonly sizes: Rule = this.RULE('sizes', () => {
    this.list('sizes', t.brackets, () => this.SUBRULE(this.expr), () => this.SUBRULE2(this.expr));
  });

  private readonly postfix: Rule = this.RULE('postfix', () => {
    this.OR([
      { ALT: () => { this.CONSUME(t.Dot); this.CONSUME(t.AnyWord); } },
      { ALT: () => this.SUBRULE(this.index) },
    ]);
  });

  readonly index: Rule = this.RULE('index', () => {
    this.list('index', t.brackets, () => this.SUBRULE(this.indexItem), () => this.SUBRULE2(this.indexItem));
  });

  private readonly indexItem: Rule = this.RULE('indexItem', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Rest) },
      { ALT: () => { this.SUBRULE(this.expr, { LABEL: 'from' }); this.OPTION(() => this.SUBRULE(this.sliceEnd)); } },
      { ALT: () => this.SUBRULE2(this.sliceEnd) },
    ]);
  });

  private readonly sliceEnd: Rule = this.RULE('sliceEnd', () => {
    this.CONSUME(t.Colon);
    this.OPTION(() => this.SUBRULE(this.expr, { LABEL: 'to' }));
    this.OPTION2(() => { this.CONSUME2(t.Colon); this.OPTION3(() => this.SUBRULE2(this.expr, { LABEL: 'step' })); });
  });

  private readonly scan: Rule = this.RULE('scan', () => {
    this.CONSUME(t.Scan);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
    this.CONSUME(t.Over);
    this.AT_LEAST_ONE_SEP2({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expr) });
    this.CONSUME(t.Axis);
    this.SUBRULE(this.axisNumber);
    this.OPTION(() => this.CONSUME(t.Reverse));
    this.CONSUME(t.With);
    this.AT_LEAST_ONE_SEP3({ SEP: t.Comma, DEF: () => this.SUBRULE(this.carry) });
    this.SUBRULE(this.body);
  });

  private readonly axisNumber: Rule = this.RULE('axisNumber', () => {
    this.OPTION(() => this.CONSUME(t.Minus));
    this.CONSUME(t.NumberLiteral);
  });

  private readonly carry: Rule = this.RULE('carry', () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.within(true, () => this.SUBRULE(this.expr));
  });

  /** `a, b, c` in brackets, with an optional comma at the end; may be empty. */
  private list(rule: GroupRule, brackets: t.Brackets, first: () => unknown, more: () => unknown): void {
    this.group(rule, brackets, () => this.OPTION7(() => {
      first();
      this.MANY7({ GATE: () => this.LA(2).tokenType !== brackets.close, DEF: () => { this.CONSUME7(t.Comma); more(); } });
      this.OPTION8(() => this.CONSUME8(t.Comma));
    }));
  }

  /** What stands in brackets, or the token that holds its place until it is read by itself. */
  private group(rule: GroupRule, brackets: t.Brackets, content: () => unknown): void {
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

  private within(plain: boolean, rule: () => unknown): void {
    const before = this.plain;
    this.plain = plain;
    try { rule(); } finally { this.plain = before; }
  }

  constructor(errorMessageProvider: IParserErrorMessageProvider) {
    super([...t.tokens], { recoveryEnabled: true, maxLookahead: 2, nodeLocationTracking: 'full', errorMessageProvider });
    this.performSelfAnalysis();
  }

  /** Reads a text, or a folded group of one, from the rule named; errors are left in `errors`. */
  read(rule: 'program' | GroupRule, input: readonly IToken[]): CstNode {
    this.plain = false;
    this.folded = [];
    this.input = [...input];
    return this[rule]();
  }
}

let parser: BnnParser | undefined;
let errorsSeen = 0;

function counted(e: Expectation): string {
  errorsSeen++;
  if (errorsSeen > maximumErrors) throw new TooManyErrors();
  return say(e);
}

const provider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => counted({ rule: ruleName, expected: [expected.name] }),
  buildNotAllInputParsedMessage: ({ ruleName }) => counted({ rule: ruleName, expected: [] }),
  buildNoViableAltMessage: ({ expectedPathsPerAlt, ruleName }) =>
    counted({ rule: ruleName, expected: [...new Set(expectedPathsPerAlt.flatMap(alt => alt.flatMap(path => path[0] ? [path[0].name] : [])))] }),
  buildEarlyExitMessage: ({ expectedIterationPaths, ruleName }) =>
    counted({ rule: ruleName, expected: [...new Set(expectedIterationPaths.flatMap(path => path[0] ? [path[0].name] : []))] }),
};

/** The parser is made on first use, once: its analysis of itself costs more than reading a file. */
export function theParser(): BnnParser {
  errorsSeen = 0;
  return parser ??= new BnnParser(provider);
}
