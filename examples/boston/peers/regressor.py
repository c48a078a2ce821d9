"""BLiTZ's Boston regressor, as its README writes it. Needs torch and blitz on PYTHONPATH."""
import torch.nn as nn, torch.nn.functional as F
from blitz.modules import BayesianLinear
from blitz.utils import variational_estimator

@variational_estimator
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = BayesianLinear(13, 512), BayesianLinear(512, 1)
    def forward(self, x):
        return self.two(F.relu(self.one(x)))
