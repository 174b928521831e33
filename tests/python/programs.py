"""A program with a fault in a model, for every host that shows its diagnosis."""

from __future__ import annotations

NET = """import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(12, 3))

    def forward(self, x):
        return self.body(x)
"""
FAULT = 8
"""The line of NET with the layer that does not fit."""
WRITTEN = "self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))"
"""That line as it must be."""
CAUSE = "in_features of body.2 is 12, but 16 arrive"
EDIT = f"     + {WRITTEN}\n"
