"""Times BLiTZ's Boston step as its README writes it: sample_elbo with 3 samples, backward, Adam. One line a request:
reads a number of steps, prints milliseconds a step. Needs torch and blitz on PYTHONPATH."""
import sys, time
import torch, torch.nn as nn
from regressor import Regressor

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

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
