/**
 * The library's layers are PyTorch's, forwards and backwards. Imagine a row a layer: the numbers are in torch.json, made by
 * torch_cases.py under our names; the model that gives them is here.
 */
import test from 'ava';
import { close, predicted, read, trained } from './numbers.ts';
import type { Case } from './numbers.ts';

/** A model around `y`, whose loss weighs each of its elements, as in torch_cases.py. */
const weighed = (x: string, k: string, y: string, more = ''): string => `model M { posterior point input x: [batch, ${x}] input k: [batch, ${k}] y = x |> ${y} output y ${more} loss sum(k * y) }`;

const texts: Readonly<Record<string, string>> = {
  'conv1d with groups, stride, padding and dilation': weighed('4, 9', '6, 6', 'conv1d(6, kernel: 3, stride: 2, padding: 3, dilation: 2, groups: 2) as l'),
  'conv2d with groups, stride, padding and dilation': weighed('4, 5, 6', '4, 3, 6', 'conv2d(4, kernel: (2, 3), stride: (2, 1), padding: (1, 2), dilation: (1, 2), groups: 2) as l'),
  'conv3d with groups, stride, padding and dilation': weighed('2, 3, 4, 3', '2, 3, 2, 4', 'conv3d(2, kernel: 2, stride: (1, 2, 1), padding: (1, 0, 1), dilation: (2, 1, 1), groups: 2) as l'),
  'max_pool1d with stride': weighed('2, 8', '2, 3', 'max_pool1d(3, stride: 2)'),
  'max_pool2d with padding, and equal elements': weighed('3, 5, 6', '3, 3, 7', 'max_pool2d((3, 2), stride: (2, 1), padding: 1)'),
  'max_pool3d with padding': weighed('2, 2, 3, 3', '2, 3, 4, 4', 'max_pool3d(2, stride: 1, padding: 1)'),
  'average_pool1d with padding': weighed('2, 8', '2, 4', 'average_pool1d(3, stride: 2, padding: 1)'),
  'average_pool2d with padding': weighed('2, 4, 5', '2, 4, 2', 'average_pool2d((3, 2), stride: (1, 2), padding: (1, 0))'),
  'average_pool3d with padding': weighed('2, 2, 3, 3', '2, 3, 4, 4', 'average_pool3d(2, stride: 1, padding: 1)'),
  'batch_norm of rank 2 in training': weighed('3', '3', 'batch_norm as n'),
  'batch_norm of rank 2 in prediction': weighed('3', '3', 'batch_norm as n'),
  'batch_norm of rank 4 in training': weighed('3, 4, 2', '3, 4, 2', 'batch_norm as n'),
  'batch_norm of rank 4 in prediction': weighed('3, 4, 2', '3, 4, 2', 'batch_norm as n'),
  'layer_norm': weighed('3, 4', '3, 4', 'layer_norm as n'),
  'lstm': 'model M { posterior point input x: [batch, 4, 2] input h0: [batch, 3] input c0: [batch, 3] input k: [batch, 4, 3] y = x |> lstm(3, h0: h0, c0: c0) as l output y output h = y.h output c = y.c loss sum(k * y) + sum(y.c * h0) }',
  'gru': 'model M { posterior point input x: [batch, 4, 2] input h0: [batch, 3] input k: [batch, 4, 3] y = x |> gru(3, h0: h0) as l output y output h = y.h loss sum(k * y) }',
  'embedding': 'model M { posterior point input i: class(5)[batch, 3] input k: [batch, 3, 3] y = i |> embedding(3) as e output y loss sum(k * y) }',
  'cross_entropy': 'model M { posterior point input x: [batch, 5] target t: class(5)[batch] loss cross_entropy(x, t) }',
};

interface Numbers { readonly rows: number; readonly arrays: Readonly<Record<string, readonly number[]>>; readonly want: Case }
const cases = read('torch') as unknown as Readonly<Record<string, Numbers>>; // as torch_cases.py writes them

test('each case of PyTorch has a model', t => { t.deepEqual(Object.keys(texts).sort(), Object.keys(cases).sort()); });

for (const [name, text] of Object.entries(texts)) {
  test(`${name}: PyTorch's numbers`, t => {
    const c = cases[name];
    if (!c) return t.fail();
    const now = (name.endsWith('in prediction') ? predicted : trained)(text, { arrays: c.arrays, rows: c.rows });
    for (const [key, want] of Object.entries(c.want)) t.true(close(want as readonly number[], now.get(key)), `${key}: ${String(want)} and ${String(now.get(key))}`); // flat in these cases
  });
}
