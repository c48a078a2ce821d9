/** Probabilities where logits are wanted: a softmax of a softmax still trains, and never becomes sure. */
import type { Observation, Value, ValueId } from './model.ts';
import type { Report } from './report.ts';

/** What makes probabilities of logits. */
const makers = ['softmax', 'sigmoid'];

export function warnOfProbabilities(report: Report, values: readonly Value[], observations: readonly Observation[]): void {
  const makerOf = (id: ValueId | undefined): string | undefined => { const v = id === undefined ? undefined : values[id]; return v?.kind === 'apply' && makers.includes(v.fn) ? v.fn : undefined; };
  const warn = (who: string, maker: string, span: Parameters<Report['warn']>[2]): void => { report.warn('W002', `${who} takes logits, and this is already a ${maker}`, span, { suggestion: `give it the values before the ${maker}` }); };
  for (const v of values) {
    const maker = v.kind === 'apply' && v.fn === 'cross_entropy' ? makerOf(v.args[0]) : undefined;
    if (maker !== undefined && v.origin[0]) warn('cross_entropy', maker, v.origin[0]);
  }
  for (const { distribution: { family, parameters, span } } of observations) {
    const { logits } = parameters;
    const maker = (family === 'categorical' || family === 'bernoulli') && typeof logits === 'object' ? makerOf(logits.value) : undefined;
    if (maker !== undefined) warn(family, maker, span);
  }
}
