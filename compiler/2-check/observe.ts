/** `observe y ~ family`: the parameters broadcast to the target, the target never (DECISIONS 1.17). */
import type { Span } from '../1-syntax/ast.ts';
import type { Distribution, Observation, Port, Shape, ValueId } from './model.ts';
import type { Report } from './report.ts';
import { sameShape } from './shapes.ts';
import { showShape } from './values.ts';

export function observed(report: Report, target: Port, d: Distribution, shapeOf: (id: ValueId) => Shape, span: Span): Observation | undefined {
  if ((d.family === 'categorical') !== (target.type === 'class')) {
    return report.error('B012', d.family === 'categorical' ? `categorical observes a class target, and '${target.name}' holds floats` : `'${target.name}' is a class target, which ${d.family} can't observe`, span, {
      notes: [{ message: 'the target is here', span: target.span }], suggestion: d.family === 'categorical' ? `target ${target.name}: class(10)[batch]` : 'observe it with categorical(logits: …)',
    });
  }
  for (const [name, p] of Object.entries(d.parameters)) {
    if (typeof p === 'number') { if (d.family === 'categorical') return report.error('B006', "'logits' of categorical is a tensor with one logit a class", d.span); continue; }
    const shape = shapeOf(p.value);
    if (d.family === 'categorical') {
      if (!sameShape(shape.slice(0, -1), target.shape) || (target.classes !== undefined && shape.at(-1) !== target.classes)) return wrong(name, shape, [...target.shape, target.classes ?? 1]);
    } else if (shape.length > target.shape.length || shape.some((e, i) => e !== 1 && e !== target.shape[i + target.shape.length - shape.length])) return wrong(name, shape, target.shape);
  }
  return { target: target.name, distribution: d, span };

  function wrong(name: string, shape: Shape, wanted: Shape): undefined {
    return report.error('B030', `'${name}' of ${d.family} is ${showShape(shape)}, and has to broadcast to ${showShape(wanted)}`, d.span, { notes: [{ message: `the target '${target.name}' is ${showShape(target.shape)}`, span: target.span }] });
  }
}
