"""BLiTZ as a contender, written as its README and examples are: sample_elbo, backward, Adam; predictions are the mean and spread of
forwards without gradients. Needs torch, and blitz on PYTHONPATH. First line in: the task; then one request a line."""
import json, sys, time

task = json.loads(sys.stdin.readline())
def say(**message):
    print(json.dumps(message), flush=True)
try:
    import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
    from blitz.modules import BayesianConv2d, BayesianLinear, BayesianLSTM
    from blitz.modules.weight_sampler import TrainableRandomDistribution
    from blitz.utils import variational_estimator
except ImportError as e:
    say(missing=f"{sys.executable} has no {e.name}: pip install torch, put BLiTZ's source (github.com/piEsposito/blitz-bayesian-deep-learning) on PYTHONPATH, and name another python in PYTHON")
    sys.exit()

sizes, own = task["sizes"], dict(prior_sigma_1=task["prior"], prior_pi=1, posterior_rho_init=task["rho"])

@variational_estimator
class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(BayesianLinear(a, b, **own) for a, b in zip(sizes, sizes[1:]))
    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = F.relu(layer(x))
        return last(x)

@variational_estimator
class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        a, b, c, d, e = sizes
        self.conv1, self.conv2 = BayesianConv2d(1, a, (5, 5), **own), BayesianConv2d(a, b, (5, 5), **own)
        self.fc1, self.fc2, self.fc3 = BayesianLinear(16 * b, c, **own), BayesianLinear(c, d, **own), BayesianLinear(d, e, **own)
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

@variational_estimator
class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        features, hidden, out = sizes
        self.lstm, self.linear = BayesianLSTM(features, hidden, **own), BayesianLinear(hidden, out, **{**own, "posterior_rho_init": -7})
    def forward(self, x):
        states, _ = self.lstm(x)
        return self.linear(states[:, -1, :])

def create(seed):
    torch.manual_seed(seed)
    made = dict(dense=Dense, lenet=LeNet, lstm=Lstm)[task["kind"]]()
    return made, torch.optim.Adam(made.parameters(), lr=task["learningRate"])
model, optimizer = create(1)
classes = task["loss"] == "categorical"
criterion = nn.CrossEntropyLoss() if classes else nn.MSELoss()
x = torch.tensor(task["x"]).view(task["batch"], *task["shape"])
y = torch.tensor(task["y"]) if classes else torch.tensor(task["y"]).view(-1, 1)

def elbo(model, x, y, samples):
    return model.sample_elbo(inputs=x, labels=y, criterion=criterion, sample_nbr=samples, complexity_cost_weight=1 / task["rows"])
def update(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = elbo(model, x, y, task["samples"])
    loss.backward()
    optimizer.step()
    return loss
def step():
    return update(model, optimizer, x, y)
def predict():
    with torch.no_grad():
        draws = torch.stack([model(x) for _ in range(task["predictSamples"])])
        if classes:
            draws = F.softmax(draws, dim=-1)
        return draws.mean(0), draws.std(0)

def keep_noise(self):
    """BLiTZ fills one buffer with the noise of each sample in turn, behind autograd's back: with several samples a step, the gradient of rho is
    taken with the noise of the last one for all of them. Here each sample has a tensor of its own."""
    self.sigma = torch.log1p(torch.exp(self.rho))
    self.w = self.mu + self.sigma * torch.randn_like(self.mu)
    return self.w
def train(seed, x, y, steps, samples):
    """The loss of all rows after so many steps, each on the next batch of them. x and y are files of numbers in the machine's own format."""
    TrainableRandomDistribution.sample = keep_noise
    model, optimizer = create(seed)
    x = torch.from_numpy(np.fromfile(x, dtype=np.float32)).view(-1, task["batch"], *task["shape"])
    y = torch.from_numpy(np.fromfile(y, dtype=np.int32)).long().view(-1, task["batch"]) if classes else torch.from_numpy(np.fromfile(y, dtype=np.float32)).view(-1, task["batch"], 1)
    for i in range(steps):
        update(model, optimizer, x[i % len(x)], y[i % len(x)])
    # judged by the objective without what BLiTZ does differently (it takes a half off each log density, and mixes 1e-6 into the prior's)
    tensors = dict(model.named_parameters())
    with torch.no_grad():
        kl = sum(float(normal_kl(mu, tensors[name[:-2] + "rho"], task["prior"])) for name, mu in tensors.items() if name.endswith("_mu"))
        likelihood = sum(float(criterion(model(a), b)) for a, b in zip(x, y) for _ in range(samples)) / samples / len(x)
    return likelihood + kl / task["rows"]
def normal_kl(mu, rho, prior):
    sigma = F.softplus(rho.double())
    return (torch.log(prior / sigma) + (sigma ** 2 + mu.double() ** 2) / (2 * prior ** 2) - 0.5).sum()

say(version=f"torch {torch.__version__}", loss=float(step()))
for line in sys.stdin:
    request = json.loads(line)
    if torch.get_num_threads() != request["threads"]:
        torch.set_num_threads(request["threads"])
    if request["work"] == "train":
        say(loss=train(**request["given"]))
        continue
    work = dict(step=step, predict=predict)[request["work"]]
    start = time.perf_counter()
    for _ in range(request["times"]):
        work()
    say(milliseconds=(time.perf_counter() - start) / request["times"] * 1000)
