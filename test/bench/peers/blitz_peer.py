"""BLiTZ as a contender, written as its README and examples are: sample_elbo, backward, Adam; predictions are the mean and spread of
forwards without gradients. Needs torch, and blitz on PYTHONPATH. First line in: the task; then one request a line."""
import json, sys, time

task = json.loads(sys.stdin.readline())
def say(**message):
    print(json.dumps(message), flush=True)
try:
    import torch, torch.nn as nn, torch.nn.functional as F
    from blitz.modules import BayesianConv2d, BayesianLinear, BayesianLSTM
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

torch.manual_seed(1)
model = dict(dense=Dense, lenet=LeNet, lstm=Lstm)[task["kind"]]()
classes = task["loss"] == "categorical"
criterion = nn.CrossEntropyLoss() if classes else nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=task["learningRate"])
x = torch.tensor(task["x"]).view(task["batch"], *task["shape"])
y = torch.tensor(task["y"]) if classes else torch.tensor(task["y"]).view(-1, 1)

def step():
    optimizer.zero_grad()
    loss = model.sample_elbo(inputs=x, labels=y, criterion=criterion, sample_nbr=task["samples"], complexity_cost_weight=1 / task["rows"])
    loss.backward()
    optimizer.step()
    return loss
def predict():
    with torch.no_grad():
        draws = torch.stack([model(x) for _ in range(task["predictSamples"])])
        if classes:
            draws = F.softmax(draws, dim=-1)
        return draws.mean(0), draws.std(0)

say(version=f"torch {torch.__version__}", loss=float(step()))
for line in sys.stdin:
    request = json.loads(line)
    if torch.get_num_threads() != request["threads"]:
        torch.set_num_threads(request["threads"])
    work = dict(step=step, predict=predict)[request["work"]]
    start = time.perf_counter()
    for _ in range(request["times"]):
        work()
    say(milliseconds=(time.perf_counter() - start) / request["times"] * 1000)
