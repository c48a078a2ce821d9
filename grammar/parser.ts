/**
 * The grammar of items and statements, as rules of a Chevrotain parser; read it beside `reference.md`. Imagine it walking
 * the words once and hanging each on a concrete tree (`cst.ts`).
 */
import type { CstNode, IToken } from 'chevrotain';
import { countErrorsAnew, type GroupRule, type Rule } from './parser-base.ts';
import { ExpressionParser } from './parser-expressions.ts';
import * as t from './tokens.ts';

class BnnParser extends ExpressionParser {
  // ── items ──────────────────────────────────────────────────────────────────────────────────────
  readonly program: Rule = this.RULE('program', () => {
    this.MANY(() => this.OR([
      { ALT: () => this.SUBRULE(this.model) },
      { ALT: () => this.SUBRULE(this.layer) },
      { ALT: () => this.SUBRULE(this.familyItem) },
      { ALT: () => this.SUBRULE(this.imported) },
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

  private readonly imported: Rule = this.RULE('imported', () => { this.CONSUME(t.Import); this.CONSUME(t.StringLiteral); });

  private readonly familyItem: Rule = this.RULE('familyItem', () => {
    this.CONSUME(t.Family);
    this.CONSUME(t.Name);
    this.SUBRULE(this.familyParameters);
    this.SUBRULE(this.methods);
  });

  readonly familyParameters: Rule = this.RULE('familyParameters', () => {
    this.list('familyParameters', t.parens, () => this.SUBRULE(this.familyParameter), () => this.SUBRULE2(this.familyParameter));
  });

  private readonly familyParameter: Rule = this.RULE('familyParameter', () => {
    this.CONSUME(t.Name);
    this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.expr); });
  });

  readonly methods: Rule = this.RULE('methods', () => {
    this.group('methods', t.braces, () => this.MANY(() => this.SUBRULE(this.method)));
  });

  /** `log_density(x) = …`; `draw` is a word of the language, and a method here. */
  private readonly method: Rule = this.RULE('method', () => {
    this.OR([{ ALT: () => this.CONSUME(t.Name, { LABEL: 'Called' }) }, { ALT: () => this.CONSUME(t.Draw, { LABEL: 'Called' }) }]);
    this.CONSUME(t.LeftParen);
    this.CONSUME2(t.Name);
    this.CONSUME(t.RightParen);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
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
      { ALT: () => this.SUBRULE(this.state) },
      { ALT: () => this.SUBRULE(this.update) },
      { ALT: () => this.SUBRULE(this.draw) },
      { ALT: () => this.SUBRULE(this.repeat) },
      // a name that defines nothing is a surprise here, where more can be said of it than inside of a definition
      { GATE: () => this.LA(2).tokenType === t.Equals || this.LA(2).tokenType === t.Comma, ALT: () => this.SUBRULE(this.definition) },
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

  private readonly state: Rule = this.RULE('state', () => {
    this.CONSUME(t.State);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.dims);
    this.OPTION(() => { this.CONSUME(t.Equals); this.SUBRULE(this.chain); });
    this.OPTION2(() => this.SUBRULE(this.condition));
  });

  private readonly update: Rule = this.RULE('update', () => {
    this.CONSUME(t.Update);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  /** `draw mask: [batch, n] ~ bernoulli(0.9)`, `draw always …`. */
  private readonly draw: Rule = this.RULE('draw', () => {
    this.CONSUME(t.Draw);
    this.OPTION({ GATE: () => this.LA(1).image === 'always' && this.LA(2).tokenType !== t.Colon, DEF: () => this.CONSUME(t.Name, { LABEL: 'Always' }) });
    this.CONSUME2(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.dims);
    this.CONSUME(t.Tilde);
    this.SUBRULE(this.family);
  });

  private readonly repeat: Rule = this.RULE('repeat', () => {
    this.CONSUME(t.Repeat);
    // a number, a name, or anything in brackets: `n as stage` would read as the use of a layer
    this.OR([
      { ALT: () => this.CONSUME(t.NumberLiteral) },
      { ALT: () => this.CONSUME(t.Name, { LABEL: 'Count' }) },
      { ALT: () => this.SUBRULE(this.classes) },
    ]);
    this.OPTION(() => { this.CONSUME(t.As); this.CONSUME2(t.Name); });
    this.SUBRULE(this.body);
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
      { ALT: () => { this.CONSUME(t.Estimator); this.SUBRULE3(this.family); } },
    ]);
  });

  readonly settings: Rule = this.RULE('settings', () => {
    this.group('settings', t.braces, () => this.MANY(() => { this.SUBRULE(this.entry); this.OPTION(() => this.CONSUME(t.Comma)); }));
  });

  private readonly entry: Rule = this.RULE('entry', () => {
    this.OR([
      { GATE: () => this.LA(2).tokenType === t.Colon, ALT: () => { this.CONSUME(t.Name, { LABEL: 'Weight' }); this.CONSUME(t.Colon); this.SUBRULE(this.setting); } },
      { ALT: () => this.SUBRULE2(this.setting) },
    ]);
  });

  private readonly family: Rule = this.RULE('family', () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  constructor(isChecked: boolean) {
    super(isChecked);
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

const parser = new BnnParser(false);

/** The one parser, made when the compiler is loaded: its analysis of itself costs more than reading a file. */
export function theParser(): BnnParser {
  countErrorsAnew();
  return parser;
}
/** Throws where the grammar is ambiguous or refers to itself on its left. */
export function verifyGrammar(): void { new BnnParser(true); }
