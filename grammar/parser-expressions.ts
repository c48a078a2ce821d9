/**
 * The grammar of expressions. Imagine operands and signs taken as one flat row: what binds tighter is decided when the row
 * becomes a tree, so a long sum is no deep tree, and only brackets nest.
 */
import { GroupParser, type Rule } from './parser-base.ts';
import * as t from './tokens.ts';

/** The rules of expressions. */
export abstract class ExpressionParser extends GroupParser {
  /** The body of a scan, and the settings of a use: statements, defined with those. */
  abstract readonly body: Rule;
  abstract readonly settings: Rule;

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
  protected readonly chain: Rule = this.RULE('chain', () => {
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
}
