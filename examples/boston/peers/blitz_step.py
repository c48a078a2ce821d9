"""Times BLiTZ's Boston step as its README writes it: sample_elbo with 3 samples, backward, Adam. One line a request:
reads a number of steps, prints milliseconds a step. Needs torch and blitz on PYTHONPATH."""
import sys, time
import torch, torch.nn as nn, torch.nn.functional as F
from blitz.modules import BayesianLinear
from blitz.utils import variational_estimator

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

@variational_estimator
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = BayesianLinear(13, 512), BayesianLinear(512, 1)
    def forward(self, x):
        return self.two(F.relu(self.one(x)))

model, criterion = Regressor(), nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
x, y = torch.randn(16, 13), torch.randn(16, 1)
def step():
    optimizer.zero_grad()
    loss = model.sample_elbo(inputs=x, labels=y, criterion=criterion, sample_nbr=3, complexity_cost_weight=1 / 379)
    loss.backward()
    optimizer.step()
for _ in range(20): step()
print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    n = int(line)
    start = time.perf_counter()
    for _ in range(n): step()
    print((time.perf_counter() - start) / n * 1000, flush=True)
