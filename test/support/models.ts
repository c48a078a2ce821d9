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
  'draws beside something else': 'model M { input x: [batch, 3] target y: [batch, 8] draw always m: [batch, 5] ~ normal(0, 1) weight b: [5] by normal(mu: 0, rho: 0) p = concat(x, m * 2, axis: 1) + concat(zeros[batch, 3], zeros[batch, 5] + b, axis: 1) output p loss mse(p, y) }',
  'convolutions with batch norm and pooling': 'model M { input x: [batch, 4, 5, 6] target y: [batch, 2] h = x |> conv2d(4, kernel: (2, 3), stride: (2, 1), padding: (1, 2), dilation: (1, 2), groups: 2) |> batch_norm |> tanh |> max_pool2d(2, stride: 1, padding: 1) |> average_pool2d((2, 3), stride: (1, 2)) p = h |> global_average_pool |> linear(2) output p loss mse(p, y) }',
  'one and three dimensions': 'model M { input x: [batch, 2, 7] input v: [batch, 1, 3, 3, 4] target y: [batch, 2] a = x |> conv1d(3, kernel: 3, stride: 2, padding: 1, bias: false) |> max_pool1d(2) |> flatten |> linear(2) b = v |> conv3d(2, kernel: (2, 2, 3), padding: (0, 1, 0)) |> relu |> max_pool3d((1, 2, 2)) |> global_max_pool p = a + b output p loss mse(p, y) }',
  'estimators': 'model M { input x: [batch, 3] input i: [batch, 1, 4, 4] target y: [batch, 2] a = x |> linear(4) { estimator local } |> tanh |> linear(2) { estimator flipout } b = i |> conv2d(2, kernel: 1) |> conv2d(2, kernel: 3) { estimator flipout } |> relu |> conv2d(2, kernel: 2) { estimator local(approximate) } |> flatten p = a + b observe y ~ normal(p, 0.5) }',
  'embedding, GRU and a peephole LSTM': 'model M { input words: class(6)[batch, 3] target c: class(2)[batch] h = words |> embedding(3, padding: 0) g = h |> gru(3) l = h |> lstm(2, peephole: true, h0: g.h[:, 0:2]) z = concat(g.h, l.c) |> linear(2) observe c ~ categorical(logits: z) }',
  'an embedding of many words': 'model M { input words: class(800)[batch, 5] target y: [batch, 1] e = words |> embedding(3, padding: 2) p = mean(e, axis: 1) |> linear(1) output p loss mse(p, y) }',
  'families of its own, radial weights, draws, states and repeats': `
    family my_laplace(loc, scale = 0.5) {
      log_density(x) = -log(2 * scale) - abs(x - loc) / scale
      draw(eps) = loc + scale * eps
    }
    model M {
      prior my_laplace(0, 0.3)
      input x: [batch, 3]
      target y: [batch, 1]
      state steps: [] = 0
      weight scale: [1] ~ student_t(3, 0, 1) by radial(mu: 0.5, rho: -2)
      h = x
      repeat 2 as stage { h = h |> linear(4) { posterior radial(rho: -2) } |> tanh |> dropout(0.4) |> layer_norm }
      update steps = steps + 1
      m = h |> linear(1) { prior laplace(0, 1), b: prior cauchy(0, 1) }
      output m
      observe y ~ my_laplace(m, 1 + exp(scale))
    }`,
  'priors with an anchor, and one draw for prediction too': 'model M { prior normal(mean: anchor, sd: 0.5) input x: [batch, 3] target y: [batch, 2] p = x |> linear(3) |> dropout(0.2, always: true) |> linear(2) { prior uniform(-9, 9) } output p loss mse(p, y) }',
};
