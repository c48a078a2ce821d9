import test from 'ava';
import fc from 'fast-check';
import { lexer } from '../../../grammar/tokens.ts';
import { parse } from '../../../compiler/1-syntax/parse.ts';
import { printProgram } from '../../../compiler/1-syntax/print.ts';
import { anyProgram, withoutSpans } from './programs.ts';

const format = (source: string): string => printProgram(parse(source, 'a.bnn'));
const runs = 300;

test('parse(print(x)) = x, print(parse(print(x))) = print(x)', t => {
  fc.assert(fc.property(anyProgram, program => {
    const text = printProgram(program);
    const again = parse(text, 'a.bnn');
    t.deepEqual(withoutSpans(again), withoutSpans(program), text);
    t.is(printProgram(again), text);
  }), { numRuns: runs });
});

/** A program's text with comments and empty lines strewn between its words. */
const strewn = fc.tuple(anyProgram, fc.infiniteStream(fc.nat({ max: 11 }))).map(([program, dice]) => {
  const text = printProgram(program);
  let out = '';
  let at = 0;
  let count = 0;
  for (const token of lexer.tokenize(text).tokens) {
    out += text.slice(at, token.startOffset);
    at = token.startOffset;
    // `3.` is a mistyped number, so nothing is put between a dot and its word.
    const face = out.endsWith('.') ? 11 : Number(dice.next().value ?? 0);
    if (face === 0) out += ` // c${count++}\n`;
    if (face === 1) out += `\n// c${count++}  \n`;
    if (face === 2) out += '\n\n\n';
  }
  return { program, text: `${out}${text.slice(at)}`, count };
});

test('comments between any two words survive, in their order, and printing settles at once', t => {
  fc.assert(fc.property(strewn, ({ program, text, count }) => {
    const read = parse(text, 'a.bnn');
    const comments = read.comments.map(c => c.text);
    t.deepEqual(comments, Array.from({ length: count }, (_, i) => `// c${i}`));
    const printed = printProgram(read);
    const again = parse(printed, 'a.bnn');
    t.deepEqual(again.comments.map(c => c.text), comments, text);
    t.deepEqual(withoutSpans({ ...again, comments: [] }), withoutSpans(program), text);
    t.is(printProgram(again), printed);
  }), { numRuns: runs });
});

test('a crowded program is set out', t => {
  t.is(format(`// boston.bnn
model Boston{input x:[batch,13] target y:[batch,1]


h=x|>linear(512)|>relu // hidden
p=h|>linear(1)
output p loss mse(p,y)}
/// Dense.
layer linear(x:[...,n],out:int,bias:bool=true)->[...,out]{weight w:[out,n]
weight bias_:[out] if bias
return x@w.T+(bias_ if bias else 0)}`), `// boston.bnn
model Boston {
  input  x: [batch, 13]
  target y: [batch, 1]

  h = x |> linear(512) |> relu  // hidden
  p = h |> linear(1)
  output p
  loss   mse(p, y)
}

/// Dense.
layer linear(x: [..., n], out: int, bias: bool = true) -> [..., out] {
  weight w:     [out, n]
  weight bias_: [out] if bias
  return x @ w.T + (bias_ if bias else 0)
}
`);
});

test('a long pipe is broken, one use a line; a scan keeps its body', t => {
  t.is(format(`model A {
  logits = image |> conv2d(6, kernel: 5) |> relu |> max_pool2d(2) |> conv2d(16, kernel: 5) |> relu |> flatten |> linear(10) as head
  s = scan a over x axis -1 reverse with h = (zero(n) { frozen }) { h = a + h yield h } |> linear(1)
}`), `model A {
  logits = image
    |> conv2d(6, kernel: 5)
    |> relu
    |> max_pool2d(2)
    |> conv2d(16, kernel: 5)
    |> relu
    |> flatten
    |> linear(10) as head
  s = scan a over x axis -1 reverse with h = (zero(n) { frozen }) {
    h = a + h
    yield h
  } |> linear(1)
}
`);
});

test('comments keep their places', t => {
  const text = `// the file

// the model
model A {  // begins
  // first
  x = 1  // one

  // before two
  /// documented
  y = scan a over b axis 0 with h = c {  // the body
    // inside
    yield h
    // after
  }
  // last
}  // ends

// the end
`;
  t.is(format(text), text);
});

test('documentation that documents nothing becomes a comment', t => {
  t.is(format('model A { x = 1 /// one\n /// two\n prior point }'), 'model A {\n  x = 1  // one\n  // two\n  prior point\n}\n');
});

test('brackets stand only where precedence needs them', t => {
  const line = (expr: string): string => format(`model A { x = ${expr} }`).split('\n')[1]?.slice('  x = '.length) ?? '';
  for (const [written, printed] of [
    ['((a + b)) * (c * d)', '(a + b) * (c * d)'],
    ['(a * b) + (c ** d)', 'a * b + c ** d'],
    ['a ** (b ** c)', 'a ** b ** c'],
    ['(a ** b) ** c', '(a ** b) ** c'],
    ['(-a) ** b', '(-a) ** b'],
    ['-(a ** b)', '-a ** b'],
    ['2 ** (-a)', '2 ** -a'],
    ['(a + b) |> f', 'a + b |> f'],
    ['(a |> f) + b', '(a |> f) + b'],
    ['(a |> f) > b', 'a |> f > b'],
    ['not (a == b)', 'not a == b'],
    ['(not a) == b', '(not a) == b'],
    ['(a and b) or c', 'a and b or c'],
    ['a and (b or c)', 'a and (b or c)'],
    ['(a if b else c) if d else (e if f else g)', '(a if b else c) if d else e if f else g'],
    ['(a + b).T[0]', '(a + b).T[0]'],
    ['f((a), (b, c), (d,))', 'f(a, (b, c), (d,))'],
  ] as const) t.is(line(written), printed);
});

test('an empty program is an empty text', t => { t.is(format('\n\n'), ''); });
