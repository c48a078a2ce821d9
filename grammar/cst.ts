/**
 * The concrete tree: for each rule of `parser.ts` the children a node of it may have, by rule or token name. Imagine the
 * grammar turned into types. Written by `cst-types.ts`; don't edit.
 */
import type { CstNode, IToken } from "chevrotain";

export interface ExprCstNode extends CstNode {
  name: "expr";
  children: ExprCstChildren;
}

export type ExprCstChildren = {
  chain: (ChainCstNode)[];
  IfWord?: IToken[];
  ElseWord?: IToken[];
};

export interface ChainCstNode extends CstNode {
  name: "chain";
  children: ChainCstChildren;
}

export type ChainCstChildren = {
  operand: (OperandCstNode)[];
  Operator?: IToken[];
  Pipe?: IToken[];
};

export interface OperandCstNode extends CstNode {
  name: "operand";
  children: OperandCstChildren;
}

export type OperandCstChildren = {
  Minus?: IToken[];
  NotWord?: IToken[];
  NumberLiteral?: IToken[];
  TrueWord?: IToken[];
  FalseWord?: IToken[];
  NoneWord?: IToken[];
  StringLiteral?: IToken[];
  fill?: FillCstNode[];
  scan?: ScanCstNode[];
  paren?: ParenCstNode[];
  use?: UseCstNode[];
  postfix?: PostfixCstNode[];
};

export interface UseCstNode extends CstNode {
  name: "use";
  children: UseCstChildren;
}

export type UseCstChildren = {
  Name: IToken[];
  args?: ArgsCstNode[];
  settings?: SettingsCstNode[];
  AsWord?: IToken[];
  Label?: IToken[];
  AgainWord?: IToken[];
};

export interface ArgsCstNode extends CstNode {
  name: "args";
  children: ArgsCstChildren;
}

export type ArgsCstChildren = {
  LeftParen?: IToken[];
  argument?: (ArgumentCstNode)[];
  Comma?: (IToken)[];
  RightParen?: IToken[];
  FoldedParens?: IToken[];
};

export interface ArgumentCstNode extends CstNode {
  name: "argument";
  children: ArgumentCstChildren;
}

export type ArgumentCstChildren = {
  AnyWord?: IToken[];
  Colon?: IToken[];
  expr: ExprCstNode[];
};

export interface ParenCstNode extends CstNode {
  name: "paren";
  children: ParenCstChildren;
}

export type ParenCstChildren = {
  LeftParen?: IToken[];
  expr?: (ExprCstNode)[];
  Comma?: (IToken)[];
  RightParen?: IToken[];
  FoldedParens?: IToken[];
};

export interface FillCstNode extends CstNode {
  name: "fill";
  children: FillCstChildren;
}

export type FillCstChildren = {
  ZerosWord?: IToken[];
  OnesWord?: IToken[];
  sizes: SizesCstNode[];
};

export interface SizesCstNode extends CstNode {
  name: "sizes";
  children: SizesCstChildren;
}

export type SizesCstChildren = {
  LeftBracket?: IToken[];
  expr?: (ExprCstNode)[];
  Comma?: (IToken)[];
  RightBracket?: IToken[];
  FoldedBrackets?: IToken[];
};

export interface PostfixCstNode extends CstNode {
  name: "postfix";
  children: PostfixCstChildren;
}

export type PostfixCstChildren = {
  Dot?: IToken[];
  AnyWord?: IToken[];
  index?: IndexCstNode[];
};

export interface IndexCstNode extends CstNode {
  name: "index";
  children: IndexCstChildren;
}

export type IndexCstChildren = {
  LeftBracket?: IToken[];
  indexItem?: (IndexItemCstNode)[];
  Comma?: (IToken)[];
  RightBracket?: IToken[];
  FoldedBrackets?: IToken[];
};

export interface IndexItemCstNode extends CstNode {
  name: "indexItem";
  children: IndexItemCstChildren;
}

export type IndexItemCstChildren = {
  Rest?: IToken[];
  from?: ExprCstNode[];
  sliceEnd?: (SliceEndCstNode)[];
};

export interface SliceEndCstNode extends CstNode {
  name: "sliceEnd";
  children: SliceEndCstChildren;
}

export type SliceEndCstChildren = {
  Colon: (IToken)[];
  to?: ExprCstNode[];
  step?: ExprCstNode[];
};

export interface ScanCstNode extends CstNode {
  name: "scan";
  children: ScanCstChildren;
}

export type ScanCstChildren = {
  ScanWord: IToken[];
  Name: IToken[];
  Comma?: (IToken)[];
  OverWord: IToken[];
  expr: ExprCstNode[];
  AxisWord: IToken[];
  axisNumber: AxisNumberCstNode[];
  ReverseWord?: IToken[];
  WithWord: IToken[];
  carry: CarryCstNode[];
  body: BodyCstNode[];
};

export interface AxisNumberCstNode extends CstNode {
  name: "axisNumber";
  children: AxisNumberCstChildren;
}

export type AxisNumberCstChildren = {
  Minus?: IToken[];
  NumberLiteral: IToken[];
};

export interface CarryCstNode extends CstNode {
  name: "carry";
  children: CarryCstChildren;
}

export type CarryCstChildren = {
  Name: IToken[];
  Equals: IToken[];
  expr: ExprCstNode[];
};

export interface ProgramCstNode extends CstNode {
  name: "program";
  children: ProgramCstChildren;
}

export type ProgramCstChildren = {
  model?: ModelCstNode[];
  layer?: LayerCstNode[];
  familyItem?: FamilyItemCstNode[];
  imported?: ImportedCstNode[];
};

export interface ModelCstNode extends CstNode {
  name: "model";
  children: ModelCstChildren;
}

export type ModelCstChildren = {
  ModelWord: IToken[];
  Name: IToken[];
  Equals?: IToken[];
  Of?: IToken[];
  args?: ArgsCstNode[];
  parameters?: ParametersCstNode[];
  body?: BodyCstNode[];
};

export interface LayerCstNode extends CstNode {
  name: "layer";
  children: LayerCstChildren;
}

export type LayerCstChildren = {
  LayerWord: IToken[];
  Name: IToken[];
  parameters: ParametersCstNode[];
  Arrow?: IToken[];
  tensorType?: TensorTypeCstNode[];
  body: BodyCstNode[];
};

export interface ImportedCstNode extends CstNode {
  name: "imported";
  children: ImportedCstChildren;
}

export type ImportedCstChildren = {
  ImportWord: IToken[];
  StringLiteral: IToken[];
};

export interface FamilyItemCstNode extends CstNode {
  name: "familyItem";
  children: FamilyItemCstChildren;
}

export type FamilyItemCstChildren = {
  FamilyWord: IToken[];
  Name: IToken[];
  familyParameters: FamilyParametersCstNode[];
  methods: MethodsCstNode[];
};

export interface FamilyParametersCstNode extends CstNode {
  name: "familyParameters";
  children: FamilyParametersCstChildren;
}

export type FamilyParametersCstChildren = {
  LeftParen?: IToken[];
  familyParameter?: (FamilyParameterCstNode)[];
  Comma?: (IToken)[];
  RightParen?: IToken[];
  FoldedParens?: IToken[];
};

export interface FamilyParameterCstNode extends CstNode {
  name: "familyParameter";
  children: FamilyParameterCstChildren;
}

export type FamilyParameterCstChildren = {
  Name: IToken[];
  Equals?: IToken[];
  expr?: ExprCstNode[];
};

export interface MethodsCstNode extends CstNode {
  name: "methods";
  children: MethodsCstChildren;
}

export type MethodsCstChildren = {
  LeftBrace?: IToken[];
  method?: MethodCstNode[];
  RightBrace?: IToken[];
  FoldedBraces?: IToken[];
};

export interface MethodCstNode extends CstNode {
  name: "method";
  children: MethodCstChildren;
}

export type MethodCstChildren = {
  Called?: (IToken)[];
  LeftParen: IToken[];
  Name: IToken[];
  RightParen: IToken[];
  Equals: IToken[];
  expr: ExprCstNode[];
};

export interface ParametersCstNode extends CstNode {
  name: "parameters";
  children: ParametersCstChildren;
}

export type ParametersCstChildren = {
  LeftParen?: IToken[];
  parameter?: (ParameterCstNode)[];
  Comma?: (IToken)[];
  RightParen?: IToken[];
  FoldedParens?: IToken[];
};

export interface ParameterCstNode extends CstNode {
  name: "parameter";
  children: ParameterCstChildren;
}

export type ParameterCstChildren = {
  Name: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
  Equals?: IToken[];
  expr?: ExprCstNode[];
};

export interface TypeCstNode extends CstNode {
  name: "type";
  children: TypeCstChildren;
}

export type TypeCstChildren = {
  tensorType?: TensorTypeCstNode[];
  Name?: IToken[];
};

export interface TensorTypeCstNode extends CstNode {
  name: "tensorType";
  children: TensorTypeCstChildren;
}

export type TensorTypeCstChildren = {
  ClassWord?: IToken[];
  classes?: ClassesCstNode[];
  dims: DimsCstNode[];
};

export interface ClassesCstNode extends CstNode {
  name: "classes";
  children: ClassesCstChildren;
}

export type ClassesCstChildren = {
  LeftParen?: IToken[];
  expr?: ExprCstNode[];
  RightParen?: IToken[];
  FoldedParens?: IToken[];
};

export interface DimsCstNode extends CstNode {
  name: "dims";
  children: DimsCstChildren;
}

export type DimsCstChildren = {
  LeftBracket?: IToken[];
  dim?: (DimCstNode)[];
  Comma?: (IToken)[];
  RightBracket?: IToken[];
  FoldedBrackets?: IToken[];
};

export interface DimCstNode extends CstNode {
  name: "dim";
  children: DimCstChildren;
}

export type DimCstChildren = {
  Rest?: IToken[];
  expr?: ExprCstNode[];
};

export interface BodyCstNode extends CstNode {
  name: "body";
  children: BodyCstChildren;
}

export type BodyCstChildren = {
  LeftBrace?: IToken[];
  statement?: StatementCstNode[];
  RightBrace?: IToken[];
  FoldedBraces?: IToken[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  port?: PortCstNode[];
  weight?: WeightCstNode[];
  param?: ParamCstNode[];
  output?: OutputCstNode[];
  loss?: LossCstNode[];
  observe?: ObserveCstNode[];
  returned?: ReturnedCstNode[];
  yielded?: YieldedCstNode[];
  DefaultWord?: IToken[];
  setting?: SettingCstNode[];
  state?: StateCstNode[];
  update?: UpdateCstNode[];
  draw?: DrawCstNode[];
  repeat?: RepeatCstNode[];
  definition?: DefinitionCstNode[];
};

export interface PortCstNode extends CstNode {
  name: "port";
  children: PortCstChildren;
}

export type PortCstChildren = {
  InputWord?: IToken[];
  TargetWord?: IToken[];
  Name: IToken[];
  Colon: IToken[];
  tensorType: TensorTypeCstNode[];
};

export interface WeightCstNode extends CstNode {
  name: "weight";
  children: WeightCstChildren;
}

export type WeightCstChildren = {
  WeightWord: IToken[];
  Name: IToken[];
  Colon: IToken[];
  dims: DimsCstNode[];
  Tilde?: IToken[];
  prior?: FamilyCstNode[];
  ByWord?: IToken[];
  posterior?: FamilyCstNode[];
  condition?: ConditionCstNode[];
};

export interface ParamCstNode extends CstNode {
  name: "param";
  children: ParamCstChildren;
}

export type ParamCstChildren = {
  ParamWord: IToken[];
  Name: IToken[];
  Colon: IToken[];
  dims: DimsCstNode[];
  Equals?: IToken[];
  chain?: ChainCstNode[];
  condition?: ConditionCstNode[];
};

export interface StateCstNode extends CstNode {
  name: "state";
  children: StateCstChildren;
}

export type StateCstChildren = {
  StateWord: IToken[];
  Name: IToken[];
  Colon: IToken[];
  dims: DimsCstNode[];
  Equals?: IToken[];
  chain?: ChainCstNode[];
  condition?: ConditionCstNode[];
};

export interface UpdateCstNode extends CstNode {
  name: "update";
  children: UpdateCstChildren;
}

export type UpdateCstChildren = {
  UpdateWord: IToken[];
  Name: IToken[];
  Equals: IToken[];
  expr: ExprCstNode[];
};

export interface DrawCstNode extends CstNode {
  name: "draw";
  children: DrawCstChildren;
}

export type DrawCstChildren = {
  DrawWord: IToken[];
  Always?: IToken[];
  Name: IToken[];
  Colon: IToken[];
  dims: DimsCstNode[];
  Tilde: IToken[];
  family: FamilyCstNode[];
};

export interface RepeatCstNode extends CstNode {
  name: "repeat";
  children: RepeatCstChildren;
}

export type RepeatCstChildren = {
  RepeatWord: IToken[];
  NumberLiteral?: IToken[];
  Count?: IToken[];
  classes?: ClassesCstNode[];
  AsWord?: IToken[];
  Name?: IToken[];
  body: BodyCstNode[];
};

export interface ConditionCstNode extends CstNode {
  name: "condition";
  children: ConditionCstChildren;
}

export type ConditionCstChildren = {
  IfWord: IToken[];
  expr: ExprCstNode[];
};

export interface OutputCstNode extends CstNode {
  name: "output";
  children: OutputCstChildren;
}

export type OutputCstChildren = {
  OutputWord: IToken[];
  Name: IToken[];
  Equals?: IToken[];
  expr?: ExprCstNode[];
};

export interface LossCstNode extends CstNode {
  name: "loss";
  children: LossCstChildren;
}

export type LossCstChildren = {
  LossWord: IToken[];
  expr: ExprCstNode[];
};

export interface ObserveCstNode extends CstNode {
  name: "observe";
  children: ObserveCstChildren;
}

export type ObserveCstChildren = {
  ObserveWord: IToken[];
  Name: IToken[];
  Tilde: IToken[];
  family: FamilyCstNode[];
};

export interface ReturnedCstNode extends CstNode {
  name: "returned";
  children: ReturnedCstChildren;
}

export type ReturnedCstChildren = {
  ReturnWord: IToken[];
  expr: ExprCstNode[];
  Comma?: (IToken)[];
  WithWord?: IToken[];
  returnedField?: ReturnedFieldCstNode[];
};

export interface ReturnedFieldCstNode extends CstNode {
  name: "returnedField";
  children: ReturnedFieldCstChildren;
}

export type ReturnedFieldCstChildren = {
  AnyWord: IToken[];
  Colon: IToken[];
  expr: ExprCstNode[];
};

export interface YieldedCstNode extends CstNode {
  name: "yielded";
  children: YieldedCstChildren;
}

export type YieldedCstChildren = {
  YieldWord: IToken[];
  expr: ExprCstNode[];
};

export interface DefinitionCstNode extends CstNode {
  name: "definition";
  children: DefinitionCstChildren;
}

export type DefinitionCstChildren = {
  Name: IToken[];
  Comma?: IToken[];
  Equals: IToken[];
  expr: ExprCstNode[];
};

export interface SettingCstNode extends CstNode {
  name: "setting";
  children: SettingCstChildren;
}

export type SettingCstChildren = {
  PriorWord?: IToken[];
  family?: (FamilyCstNode)[];
  PosteriorWord?: IToken[];
  KlWord?: IToken[];
  Name?: IToken[];
  FrozenWord?: IToken[];
  FixedWord?: IToken[];
  EstimatorWord?: IToken[];
};

export interface SettingsCstNode extends CstNode {
  name: "settings";
  children: SettingsCstChildren;
}

export type SettingsCstChildren = {
  LeftBrace?: IToken[];
  entry?: EntryCstNode[];
  Comma?: IToken[];
  RightBrace?: IToken[];
  FoldedBraces?: IToken[];
};

export interface EntryCstNode extends CstNode {
  name: "entry";
  children: EntryCstChildren;
}

export type EntryCstChildren = {
  Weight?: IToken[];
  Colon?: IToken[];
  setting?: (SettingCstNode)[];
};

export interface FamilyCstNode extends CstNode {
  name: "family";
  children: FamilyCstChildren;
}

export type FamilyCstChildren = {
  Name: IToken[];
  args?: ArgsCstNode[];
};
