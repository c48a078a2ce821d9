/** `--memory`, `--threads` and `--measure` on the command line: modules and their numbers, what explain says, and what is no plan. */
import test from 'ava';
import { desk } from '../support/cli.ts';

const { at, write, bnnc: said, clear } = desk('memory');
test.after.always(clear);
const model = write('wide.bnn', 'model Wide { input x: [batch, 2] target y: [batch, 1] p = x |> linear(300) |> tanh |> linear(300) |> tanh |> linear(1) output p observe y ~ normal(p, 0.1) }\n');
const table = write('wave.csv', `a,b,y\n${Array.from({ length: 80 }, (_, i) => `${Math.sin(i)},${Math.cos(3 * i)},${Math.sin(i) * Math.cos(3 * i)}`).join('\n')}\n`);

test.serial('explain: a small plan takes less, the same for any number of samples', t => {
  const memoryOf = (plan: string, samples: string): number => {
    const { status, out } = said('explain', model, '--memory', plan, '--samples', samples, '--threads', '1', '--json');
    t.is(status, 0);
    return (JSON.parse(out) as readonly { readonly models: readonly { readonly memory: { readonly total: number } }[] }[])[0]?.models[0]?.memory.total ?? NaN; // what explain prints
  };
  t.is(memoryOf('small', '1'), memoryOf('small', '10'));
  t.true(memoryOf('small', '10') < 0.5 * memoryOf('fast', '10'));
});
test.serial('a checkpoint of a small plan opens in a fast one, and predicts the same', t => {
  const trained = said('train', model, '--data', table, '--target', 'y', '--save', at('wide.safetensors'), '--epochs', '2', '--samples', '2', '--memory', 'small');
  t.is(trained.status, 0, trained.said);
  const predicted = (plan: string): readonly (readonly number[])[] => {
    const { status, out, said: why } = said('predict', model, '--data', table, '--checkpoint', at('wide.safetensors'), '--samples', '5', '--memory', plan);
    t.is(status, 0, why);
    return out.trim().split('\n').slice(1).map(l => l.split(',').map(Number));
  };
  const [fast, small] = [predicted('fast'), predicted('small')];
  t.is(fast.length, 80);
  fast.forEach((row, r) => { row.forEach((x, c) => { t.true(Math.abs(x - (small[r]?.[c] ?? NaN)) <= 1e-4 * Math.max(1, Math.abs(x)), `${r} ${c}: ${x} ${small[r]?.[c]}`); }); });
});
test.serial('explain --measure tells both times', t => {
  const { status, out } = said('explain', model, '--measure', '--rows', '8', '--threads', '1');
  t.is(status, 0);
  t.regex(out, /train_adam .* predicted, .* measured/);
});
for (const args of [['compile', model], ['explain', model], ['train', model, '--data', table, '--target', 'y', '--save', at('never.safetensors')]]) {
  test.serial(`${args[0] ?? ''}: what is no plan`, t => {
    const { status, said: why } = said(...args, '--memory', 'tiny');
    t.is(status, 1);
    t.regex(why, /--memory is fast or small, and this is 'tiny'/);
  });
}
test.serial('threads: the same model and predictions with one and with two, and a sentence where there are none', t => {
  const trained = (threads: string): string => {
    const save = at(`wide.${threads}.safetensors`);
    const { status, said: why } = said('train', model, '--data', table, '--target', 'y', '--save', save, '--epochs', '2', '--threads', threads);
    t.is(status, 0, why);
    const { out } = said('predict', model, '--data', table, '--checkpoint', save, '--samples', '5', '--threads', threads);
    return out;
  };
  t.is(trained('1'), trained('2'));
  for (const [threads, why] of [['0', /--threads is a whole number of at least 1, and this is '0'/], ['65', /--threads is 64 at most, and this is 65/]] as const) {
    for (const command of [['explain', model], ['train', model, '--data', table, '--target', 'y', '--save', at('never.safetensors')]]) t.regex(said(...command, '--threads', threads).said, why);
  }
  t.regex(said('train', model, '--data', table, '--target', 'y', '--save', at('never.safetensors'), '--backend', 'gpujs', '--threads', '2').said, /--threads is of WebAssembly, and the backend is gpujs/);
});
