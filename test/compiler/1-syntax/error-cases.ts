/**
 * Wrong texts and what their authors see. Imagine a wall of small mishaps; `errors.test.ts` reads it.
 */
interface Case { readonly name: string; readonly source: string; readonly expected: string }

/** A case written as source, a line of dashes, and the expected text. */
const written = (name: string, text: string): Case => {
  const [source = '', expected = ''] = text.slice(1, -1).split('\n----\n');
  return { name, source, expected };
};

export const cases: readonly Case[] = [
written('S001: a sign that means nothing', `
model A { x = a ? b : c }
----
a.bnn:1:17: error S001: \`?\` means nothing in the language
  1 | model A { x = a ? b : c }
    |                 ^
  help: write \`a if condition else b\`
`),
written('S001: an odd character in a value', `
model A { x = a + § }
----
a.bnn:1:19: error S001: \`§\` means nothing in the language
  1 | model A { x = a + § }
    |                   ^
`),
written('S002: a text without an end', `
model A {
  x = einsum("ij,jk, a, b)
  y = 2
}
----
a.bnn:2:14: error S002: this text has no end on its line
  2 |   x = einsum("ij,jk, a, b)
    |              ^^^^^^^^^^^^^
  help: close it with \`"\`
`),
written('S003: odd numbers', `
model A {
  a = .5
  b = 1__000
  c = 0x1f
  d = 2n
  e = 3.
}
----
a.bnn:2:7: error S003: this is not a number
  2 |   a = .5
    |       ^^
  help: write \`0.5\`
a.bnn:3:7: error S003: this is not a number
  3 |   b = 1__000
    |       ^^^^^^
  help: write \`1_000\`
a.bnn:4:7: error S003: this is not a number
  4 |   c = 0x1f
    |       ^^^^
  help: write \`31\`
a.bnn:5:7: error S003: this is not a number
  5 |   d = 2n
    |       ^^
  help: write \`2 * n\`
a.bnn:6:7: error S003: this is not a number
  6 |   e = 3.
    |       ^^
  help: write \`3.0\`
`),
written('S004: statements need no sign between them', `
model A {
  a = 1;
  b = 2;
}
----
a.bnn:2:8: error S004: line ends and \`;\` mean nothing here
  2 |   a = 1;
    |        ^
  help: remove the \`;\`
a.bnn:3:8: error S004: line ends and \`;\` mean nothing here
  3 |   b = 2;
    |        ^
  help: remove the \`;\`
`),
written('S005: spellings from other languages', `
# a comment
model A {
  a = linear(3, bias: True)
  b = x && !y
  c = x ^ 2 /* two */
  d = einsum('ij->ji', x)
  e = null
}
----
a.bnn:1:1: error S005: a comment begins with \`//\`
  1 | # a comment
    | ^^^^^^^^^^^
  help: write \`// a comment\`
a.bnn:3:23: error S005: this is spelled \`true\` here
  3 |   a = linear(3, bias: True)
    |                       ^^^^
  help: write \`true\`
a.bnn:4:9: error S005: this is spelled \`and\` here
  4 |   b = x && !y
    |         ^^
  help: write \`and\`
a.bnn:4:12: error S005: this is spelled \`not\` here
  4 |   b = x && !y
    |            ^
  help: write \`not\`
a.bnn:5:9: error S005: this is spelled \`**\` here
  5 |   c = x ^ 2 /* two */
    |         ^
  help: write \`**\`
a.bnn:5:13: error S005: a comment is a line that begins with \`//\`
  5 |   c = x ^ 2 /* two */
    |             ^^^^^^^^^
  help: begin each line of it with \`//\`
a.bnn:6:14: error S005: a text stands in double quotes
  6 |   d = einsum('ij->ji', x)
    |              ^^^^^^^^
  help: write \`"ij->ji"\`
a.bnn:7:7: error S005: this is spelled \`none\` here
  7 |   e = null
    |       ^^^^
  help: write \`none\`
`),
written('S010: something else was expected', `
layer f(x, n: int) { return x }
----
a.bnn:1:10: error S010: expected \`:\` after \`x\`, found \`,\`
  1 | layer f(x, n: int) { return x }
    |          ^
`),
written('S010: a conditional value without `else`', `
model A { x = a if b }
----
a.bnn:1:22: error S010: a conditional value needs \`else\`, found \`}\`
  1 | model A { x = a if b }
    |                      ^
  help: write \`a if condition else b\`
`),
written('S010: a scan without its parts', `
model A {
  x = scan a over b with h = 3 { yield h }
}
----
a.bnn:2:21: error S010: expected \`axis\` after \`b\`, found \`with\`
  2 |   x = scan a over b with h = 3 { yield h }
    |                     ^^^^
`),
written('S010: an operand is missing', `
model A { x = a |> }
----
a.bnn:1:20: error S010: expected a value after \`|>\`, found \`}\`
  1 | model A { x = a |> }
    |                    ^
`),
written('S010: a setting is misspelt', `
model A { x = y |> linear(3) { posterir point } }
----
a.bnn:1:32: error S010: expected a setting, found \`posterir\`
  1 | model A { x = y |> linear(3) { posterir point } }
    |                                ^^^^^^^^
  help: did you mean \`posterior\`
`),
written('S010: a weight with an initial value', `
model A { weight w: [3] = normal(0, 1) }
----
a.bnn:1:25: error S010: unexpected \`=\` after \`]\`
  1 | model A { weight w: [3] = normal(0, 1) }
    |                         ^
  help: a weight has a prior: write \`~ normal(0, 1)\`; a plain trained tensor is a \`param\`
`),
written('S010: a param with a prior', `
model A { param w: [3] ~ normal(0, 1) }
----
a.bnn:1:24: error S010: unexpected \`~\` after \`]\`
  1 | model A { param w: [3] ~ normal(0, 1) }
    |                        ^
  help: a param has an initial value: write \`= normal(0, 1)\`; a tensor with a prior is a \`weight\`
`),
written('S010: an observation with `=`', `
model A { observe y = normal(0, 1) }
----
a.bnn:1:21: error S010: expected \`~\` after \`y\`, found \`=\`
  1 | model A { observe y = normal(0, 1) }
    |                     ^
  help: write \`observe y ~ normal(mean, sd)\`
`),
written('S010: two outputs at once', `
model A { output p, q }
----
a.bnn:1:19: error S010: unexpected \`,\` after \`p\`
  1 | model A { output p, q }
    |                   ^
  help: write \`output\` before each of them
`),
written('S010: statements outside of a model', `
x = 3
----
a.bnn:1:1: error S010: expected \`model\` or \`layer\`, found \`x\`
  1 | x = 3
    | ^
  help: statements stand inside \`model Name { … }\` or \`layer name(…) { … }\`
`),
written('S011: a missing `}`', `
model A {
  x = 3

model B {
  y = 4
}
----
a.bnn:1:9: error S011: nothing closes this \`{\`
  1 | model A {
    |         ^
  note: a.bnn:4:1: missed here
  4 | model B {
    | ^^^^^
  help: write \`}\` before \`model\`
`),
written('S011: a missing `)`', `
model A {
  x = f(3
  y = 4
}
----
a.bnn:2:8: error S011: nothing closes this \`(\`
  2 |   x = f(3
    |        ^
  note: a.bnn:3:3: missed here
  3 |   y = 4
    |   ^
  help: write \`)\` before \`y\`
`),
written('S012: a `}` too many', `
model A { x = 3 } }
----
a.bnn:1:19: error S012: nothing opens this \`}\`
  1 | model A { x = 3 } }
    |                   ^
  help: remove it, or open it before
`),
written('S013: a misspelt word', `
model A {
  wieght w: [3]
  ouput p
}
----
a.bnn:2:3: error S013: \`wieght\` is not a word of the language
  2 |   wieght w: [3]
    |   ^^^^^^
  help: did you mean \`weight\`
`),
written('S013: a word from another language', `
def f(x: [n]) { return x }
----
a.bnn:1:1: error S013: \`def\` is not a word of the language
  1 | def f(x: [n]) { return x }
    | ^^^
  help: did you mean \`layer\`
`),
written('S013: `let`', `
model A { let x = 3 }
----
a.bnn:1:11: error S013: \`let\` is not a word of the language
  1 | model A { let x = 3 }
    |           ^^^
  help: write \`x = …\`
`),
written('S014: `=` for `:`', `
model Wide = Mlp(hidden = 1024)
----
a.bnn:1:25: error S014: here stands \`:\`, not \`=\`
  1 | model Wide = Mlp(hidden = 1024)
    |                         ^
  help: write \`hidden: …\`
`),
written('S014: `:` for `=`', `
model A { x: 3 }
----
a.bnn:1:11: error S014: a statement can't begin with \`x:\`
  1 | model A { x: 3 }
    |           ^
  help: write \`x = …\`, or say what it is: \`input x: …\`
`),
written('S014: `=` for `:` in a parameter', `
model A(n = 3) { x = n }
----
a.bnn:1:11: error S014: here stands \`:\`, not \`=\`
  1 | model A(n = 3) { x = n }
    |           ^
  help: write \`n: …\`
`),
written('S015: a statement that starts with a bracket', `
model A { (a) }
----
a.bnn:1:11: error S015: no statement starts with \`(\`
  1 | model A { (a) }
    |           ^
  help: give the value a name: \`y = …\`
`),
written('S015: a value alone', `
model A {
  x |> relu
}
----
a.bnn:2:3: error S015: a value alone is no statement
  2 |   x |> relu
    |   ^
  help: give the value a name: \`y = …\`
`),
written('S020: a word of the language as a name', `
model A { loss = mse(p, y) }
----
a.bnn:1:11: error S020: \`loss\` is a word of the language and can't be a name
  1 | model A { loss = mse(p, y) }
    |           ^^^^
  help: write \`loss value\` without \`=\`
`),
written('S020: a word of the language as a value', `
model A { x = input + 3 }
----
a.bnn:1:15: error S020: \`input\` is a word of the language and can't be a name
  1 | model A { x = input + 3 }
    |               ^^^^^
  help: choose another name, such as \`input_\`
`),
written('S020: a word that begins a statement as a name', `
model A { state = 3 }
----
a.bnn:1:11: error S020: \`state\` is a word of the language and can't be a name
  1 | model A { state = 3 }
    |           ^^^^^
  help: write \`state name: [10] = 0\`
`),
written('S022: a sign after a piped use', `
model A {
  x = h |> linear(8) + h
  y = h |> split[0]
}
----
a.bnn:2:22: error S022: \`+\` right after a piped use has two readings
  2 |   x = h |> linear(8) + h
    |                      ^^^
  help: write \`(h |> linear(8)) + h\`
a.bnn:3:17: error S022: \`[\` right after a piped use has two readings
  3 |   y = h |> split[0]
    |                 ^^^
  help: write \`(h |> split)[0]\`
`),
written('S023: chained comparisons', `
model A { x = a < b < c }
----
a.bnn:1:21: error S023: comparisons can't be chained
  1 | model A { x = a < b < c }
    |                     ^
  note: a.bnn:1:17: the comparison before it
  1 | model A { x = a < b < c }
    |                 ^
  help: write \`a < b and b < c\`
`),
written('S024: `not` after a tighter sign', `
model A { x = a == not b }
----
a.bnn:1:20: error S024: \`not\` binds looser than \`==\` before it
  1 | model A { x = a == not b }
    |                    ^^^
  help: put brackets around it: \`(not …)\`
`),
written('S025: a value right of a pipe', `
model A { x = a |> 3 }
----
a.bnn:1:20: error S025: right of \`|>\` stands the name of a function or layer
  1 | model A { x = a |> 3 }
    |                    ^
  help: write \`x |> name\` or \`x |> name(arguments)\`; give another value a name of its own first
`),
written('S026: `kl` with another word', `
model A { kl sample }
----
a.bnn:1:14: error S026: \`kl\` is \`sampled\` or \`exact\`, not \`sample\`
  1 | model A { kl sample }
    |              ^^^^^^
  help: write \`kl sampled\`
`),
written('S027: a misspelt type', `
layer f(x: [n], k: itn) { return x }
----
a.bnn:1:20: error S027: \`itn\` is not a type: there are \`int\`, \`ints\`, \`float\`, \`bool\` and shapes such as \`[batch, 13]\`
  1 | layer f(x: [n], k: itn) { return x }
    |                    ^^^
  help: did you mean \`int\`
`),
written('S028: settings on a value', `
model A { x = h as enc }
----
a.bnn:1:15: error S028: \`h\` alone is a value; only a use has a name
  1 | model A { x = h as enc }
    |               ^^^^^^^^
  help: write \`h(…)\`
`),
written('S029: the axis of a scan', `
model A { x = scan a over b axis 1.5 with h = c { yield h } }
----
a.bnn:1:34: error S029: the axis of a scan is a small whole number
  1 | model A { x = scan a over b axis 1.5 with h = c { yield h } }
    |                                  ^^^
`),
written('S031: `return` in a model', `
model A { return x }
----
a.bnn:1:11: error S031: a model has no \`return\`
  1 | model A { return x }
    |           ^^^^^^^^
  help: write \`output name\` for what it predicts
`),
written('S032: a layer without `return`', `
layer f(x: [n]) { y = x }
----
a.bnn:1:7: error S032: the layer \`f\` has no \`return\`
  1 | layer f(x: [n]) { y = x }
    |       ^
  help: end its body with \`return value\`
`),
written('S033: statements after `return`', `
layer f(x: [n]) {
  return x
  y = x
}
----
a.bnn:2:3: error S033: \`return\` stands last in its layer
  2 |   return x
    |   ^^^^^^^^
`),
written('S034: statements after `yield`', `
model A {
  x = scan a over b axis 1 with h = c {
    yield h
    h = a
  }
}
----
a.bnn:4:5: error S034: \`yield\` stands once, as the last of its scan
  4 |     h = a
    |     ^^^^^
  note: a.bnn:3:11: the first \`yield\`
  3 |     yield h
    |           ^
`),
written('S035: a scan without `yield`', `
model A { x = scan a over b axis 1 with h = c { h = a } }
----
a.bnn:1:15: error S035: this scan has no \`yield\`
  1 | model A { x = scan a over b axis 1 with h = c { h = a } }
    |               ^^^^
  help: end its body with \`yield value\`
`),
written('S036: `yield` outside of a scan', `
model A { yield x }
----
a.bnn:1:11: error S036: \`yield\` stands only in a scan
  1 | model A { yield x }
    |           ^^^^^^^
`),
written('S037: a list', `
model A { x = reshape(a, [1, 2]) }
----
a.bnn:1:26: error S037: there are no lists
  1 | model A { x = reshape(a, [1, 2]) }
    |                          ^
  help: a tuple of numbers is \`(1, 2)\`; tensors are joined with \`concat(a, b)\`
`),
written('S037: an empty `()`', `
model A { x = () }
----
a.bnn:1:16: error S037: an empty \`()\` is no value
  1 | model A { x = () }
    |                ^
`),
written('S037: `if` before its value', `
model A { x = if a else b }
----
a.bnn:1:15: error S037: \`if\` stands behind the value that it chooses
  1 | model A { x = if a else b }
    |               ^^
  help: write \`a if condition else b\`
`),
written('several statements, each with an error of its own', `
model A {
  x = = 3
  y = 4
  weight w [3]
  loss mse(p,, y)
  z = f(
}
----
a.bnn:2:7: error S010: expected a value after \`=\`, found \`=\`
  2 |   x = = 3
    |       ^
a.bnn:4:12: error S010: expected \`:\` after \`w\`, found \`[\`
  4 |   weight w [3]
    |            ^
a.bnn:5:14: error S010: expected a value after \`,\`, found \`,\`
  5 |   loss mse(p,, y)
    |              ^
a.bnn:6:8: error S011: nothing closes this \`(\`
  6 |   z = f(
    |        ^
  help: write \`)\` at its end
`),
written('several mishaps in lists', `
model A {
  a = f(1, [2])
  b = (1, , 2)
  c = x[0, ]]
}
layer g(x: [n], [3]) { return x }
----
a.bnn:2:12: error S037: there are no lists
  2 |   a = f(1, [2])
    |            ^
  help: a tuple of numbers is \`(1, 2)\`; tensors are joined with \`concat(a, b)\`
a.bnn:3:11: error S010: expected a value after \`,\`, found \`,\`
  3 |   b = (1, , 2)
    |           ^
a.bnn:4:13: error S012: nothing opens this \`]\`
  4 |   c = x[0, ]]
    |             ^
  help: remove it, or open it before
a.bnn:6:17: error S010: expected a name after \`,\`, found \`[\`
  6 | layer g(x: [n], [3]) { return x }
    |                 ^
`),
];
