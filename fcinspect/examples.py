"""Small networks to try `fcinspect trace` and `fcinspect diagnose` on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MLP(nn.Module):
    """The network 3-5-4-2 with ReLU: x (batch, 3) → (batch, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 5)
        self.fc2 = nn.Linear(5, 4)
        self.fc3 = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last layer."""
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        scores: Tensor = self.fc3(x)
        return scores


class CNN(nn.Module):
    """Channels 3 → 16 → 32 with two pools: x (batch, 3, 32, 32) → (batch, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 8 * 8, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each of ten classes."""
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        scores: Tensor = self.fc2(x)
        return scores


class RNN(nn.Module):
    """A recurrent layer whose last step is classified: x (batch, time, 28) → (batch, 10)."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.rnn = nn.RNN(28, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return a score for each of ten classes."""
        output, _ = self.rnn(x)
        scores: Tensor = self.fc(output[:, -1])
        return scores


class Regression(nn.Sequential):
    """The network 10-64-1 for one number: x (batch, 10) → (batch, 1)."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))


def classifier(features: int = 20, hidden: int = 64, classes: int = 3) -> nn.Sequential:
    """Return the network 20-64-3: x (batch, features) → (batch, classes)."""
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))
