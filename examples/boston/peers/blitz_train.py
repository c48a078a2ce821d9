"""Trains BLiTZ's Boston regressor with given seeds on given data and prints the held-out RMSE of each, in standardised units.
Reads one JSON object { train: {x, y}, test: {x, y}, seeds, epochs } on stdin. Needs torch and blitz on PYTHONPATH."""
import json, sys
import torch, torch.nn as nn
from regressor import Regressor

torch.set_num_threads(1)
task = json.load(sys.stdin)
x, y, xt, yt = (torch.tensor(task[part][name], dtype=torch.float32) for part in ('train', 'test') for name in ('x', 'y'))

for seed in task['seeds']:
    torch.manual_seed(seed)
    model, criterion = Regressor(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(task['epochs']):
        order = torch.randperm(len(x))
        for start in range(0, len(x), 16):
            rows = order[start:start + 16]
            optimizer.zero_grad()
            loss = model.sample_elbo(inputs=x[rows], labels=y[rows], criterion=criterion, sample_nbr=3, complexity_cost_weight=1 / len(x))
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        mean = torch.stack([model(xt) for _ in range(100)]).mean(0)
    print(float(((mean - yt) ** 2).mean().sqrt()), flush=True)
