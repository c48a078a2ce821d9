/** Models that between them use every part of the language and of the graph. */
export const models: Readonly<Record<string, string>> = {
  'a regressor': 'model M { input x: [batch, 5] target y: [batch, 2] p = x |> linear(7) |> relu |> linear(2) output p loss mse(p, y) }',
  'predicted noise': 'model M { input x: [batch, 3] target y: [batch, 1] h = x |> linear(6) |> tanh m = h |> linear(1) s = 0.1 + softplus(h |> linear(1)) observe y ~ normal(m, s) }',
  'a classifier with a sampled divergence': 'model M { prior scale_mixture(0.5, 1.0, 0.1) input x: [batch, 4] target c: class(3)[batch] z = x |> linear(5) |> silu |> linear(3) output q = softmax(z) observe c ~ categorical(logits: z) }',
  'shared weights and point layers': 'model M { input a: [batch, 4] input b: [batch, 4] target y: [batch, 1] d = (a |> linear(3) as enc) - (b |> linear(3) as enc again) p = square(d) |> linear(1) { posterior point } output p observe y ~ bernoulli(logits: p) }',
  'a learned prior scale, frozen and fixed weights': 'model M { input x: [batch, 3] target y: [batch, 2] param tau: [] = 0.3 weight w: [2, 3] ~ normal(0, softplus(tau)) by normal(mu: normal(0, 0.2), rho: -3) p = x @ w.T + (x |> linear(2) { frozen }) + (x |> linear(2) { fixed }) output p loss mae(p, y) }',
  'a recurrent layer': `
    layer lstm(x: [batch, time, n], hidden: int) -> [batch, time, hidden] {
      weight wi: [n, 4 * hidden]
      weight wh: [hidden, 4 * hidden]
      weight b:  [4 * hidden]
      steps = scan xt over x axis 1 with h = zeros[batch, hidden], c = zeros[batch, hidden] {
        i, f, g, o = split(xt @ wi + h @ wh + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        yield h
      }
      return steps with h: steps.h, c: steps.c
    }
    model M { input x: [batch, 4, 3] target y: [batch, 2] s = x |> lstm(3) p = s.h |> linear(2) output p loss mse(p, y) }`,
  'a residual block with layer norm, and attention': `
    layer norm(x: [..., n]) -> [..., n] {
      param g: [n] = 1.0
      param s: [n] = 0.0
      return (x - mean(x, axis: -1, keep: true)) / sqrt(variance(x, axis: -1, keep: true) + 1e-5) * g + s
    }
    layer attend(x: [batch, t, d]) -> [batch, t, d] {
      q = x |> linear(d) as q
      k = x |> linear(d) as k
      v = x |> linear(d) as v
      return softmax(q @ k.T / d ** 0.5) @ v
    }
    layer block(x: [..., n]) -> [..., n] {
      y = x |> norm |> linear(n) |> gelu
      return x + y
    }
    model M { input x: [batch, 3, 4] target c: class(2)[batch] z = x |> attend |> block |> flatten |> linear(2) output q = softmax(z) loss cross_entropy(z, c) }`,
};
