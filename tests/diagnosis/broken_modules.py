"""Modules that do not run, each with one mistake that people make."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """import torch
import torch.nn.functional as F
from torch import nn


"""


@dataclass(frozen=True)
class Broken:
    """A module of class Net that stops, and the cause that must stand first."""

    name: str
    cause: str
    inputs: tuple[str, ...]
    """As they are given to --input."""
    body: str
    """The source below the imports."""
    rows: int = 4
    """How many rows must come out of the mended module."""

    @property
    def source(self) -> str:
        """The whole file."""
        return HEAD + self.body


def net(made: str, forward: str, base: str = "nn.Module") -> str:
    """Return the source of a class with these lines in __init__ and forward."""
    lines = [f"class Net({base}):", "    def __init__(self):", "        super().__init__()"]
    lines += [f"        {line}" for line in made.strip().splitlines()]
    lines += ["", "    def forward(self, x):"]
    lines += [f"        {line}" for line in forward.strip().splitlines()]
    return "\n".join(lines) + "\n"


def convolutional(forward: str, first: str = "nn.Conv2d(3, 8, 3, padding=1)") -> str:
    """Return a small convolutional network whose layer expects 8·8·8 features."""
    return net(
        f"self.conv = {first}\nself.fc1 = nn.Linear(8 * 8 * 8, 16)\nself.fc2 = nn.Linear(16, 3)",
        f"x = F.max_pool2d(F.relu(self.conv(x)), 2)\n{forward}\n"
        "return self.fc2(F.relu(self.fc1(x)))",
    )


BROKEN = (
    Broken(
        "another-picture-size", "in-features", ("4,3,28,28",),
        convolutional("x = torch.flatten(x, 1)"),
    ),
    Broken(
        "flattened-from-0", "batch-flattened", ("4,3,16,16",), convolutional("x = torch.flatten(x)")
    ),
    Broken("flatten-method", "batch-flattened", ("4,3,16,16",), convolutional("x = x.flatten()")),
    Broken("view-of-all", "batch-flattened", ("4,3,16,16",), convolutional("x = x.view(-1)")),
    Broken(
        "view-of-another-size", "view-of-another-size", ("4,3,28,28",),
        convolutional("x = x.view(-1, 8 * 8 * 8)"),
    ),
    Broken("no-flatten", "flatten-missing", ("4,3,16,16",), convolutional("pass")),
    Broken(
        "no-flatten-and-another-size", "flatten-missing", ("4,3,12,12",), convolutional("pass")
    ),
    Broken(
        "strided-view", "view-of-strided", ("4,3,16,16",),
        convolutional("x = x.permute(0, 2, 3, 1)\nx = x.view(x.size(0), -1)"),
    ),
    Broken(
        "grey-pictures", "in-channels", ("4,1,16,16",), convolutional("x = torch.flatten(x, 1)")
    ),
    Broken(
        "channels-last", "channels-last", ("4,16,16,3",), convolutional("x = torch.flatten(x, 1)")
    ),
    Broken(
        "sequential-without-flatten", "flatten-missing", ("4,1,28,28",),
        "class Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))\n",
    ),
    Broken(
        "sequential-conv", "in-features", ("4,3,10,10",),
        "Net = nn.Sequential(\n    nn.Conv2d(3, 4, 3),\n    nn.Flatten(),\n"
        "    nn.Linear(100, 10),\n)\n",
    ),
    Broken(
        "flatten-module-from-0", "batch-flattened", ("4,3,10,10",),
        "def Net():\n    return nn.Sequential(\n"
        "        nn.Conv2d(3, 4, 3), nn.Flatten(0), nn.Linear(256, 10)\n    )\n",
    ),
    Broken(
        "swapped-widths", "weight-transposed", ("4,20",),
        net("self.fc = nn.Linear(7, 20)", "return self.fc(x)"),
    ),
    Broken(
        "keyword-width", "in-features", ("4,20",),
        net("self.fc = nn.Linear(in_features=30, out_features=3)", "return self.fc(x)"),
    ),
    Broken(
        "chain-of-widths", "in-features", ("4,20",),
        net("self.a = nn.Linear(10, 16)\nself.b = nn.Linear(20, 3)", "return self.b(self.a(x))"),
    ),
    Broken(
        "own-weight-in-out", "weight-transposed", ("4,6",),
        net("self.weight = nn.Parameter(torch.randn(6, 3))", "return F.linear(x, self.weight)"),
    ),
    Broken(
        "own-weight-out-in", "weight-transposed", ("4,6",),
        net("self.weight = nn.Parameter(torch.randn(3, 6))", "return x @ self.weight"),
    ),
    Broken(
        "own-weight-turned-twice", "weight-transposed", ("4,6",),
        net("self.weight = nn.Parameter(torch.randn(6, 3))",
            "return torch.matmul(x, self.weight.T)"),
    ),
    Broken(
        "features-by-batch", "input-transposed", ("10,4",),
        net("self.fc = nn.Linear(10, 3)", "return self.fc(x)"),
    ),
    Broken(
        "float64-input", "float64-input", ("4,10:float64",),
        net("self.fc = nn.Linear(10, 3)", "return self.fc(x)"),
    ),
    Broken(
        "integer-input", "integer-input", ("4,10:int64",),
        net("self.fc = nn.Linear(10, 3)", "return F.relu(self.fc(x))"),
    ),
    Broken(
        "float-tokens", "float-indices", ("4,7",),
        net("self.emb = nn.Embedding(50, 8)\nself.fc = nn.Linear(8, 3)",
            "x = self.emb(x)\nreturn self.fc(x.mean(1))"),
    ),
    Broken(
        "tuple-of-lstm", "tuple-from-rnn", ("4,12,10",),
        net("self.rnn = nn.LSTM(10, 8, batch_first=True)\nself.fc = nn.Linear(8, 3)",
            "x = self.rnn(x)\nreturn self.fc(x)"),
    ),
    Broken(
        "input-size-of-gru", "input-size", ("4,12,28",),
        net("self.rnn = nn.GRU(10, 8, batch_first=True)\nself.fc = nn.Linear(8, 3)",
            "out, h = self.rnn(x)\nreturn self.fc(out[:, -1])"),
    ),
    Broken(
        "batch-norm-width", "num-features", ("4,10",),
        net("self.fc = nn.Linear(10, 6)\nself.norm = nn.BatchNorm1d(8)",
            "return self.norm(self.fc(x))"),
    ),
    Broken(
        "batch-norm-rank", "batch-norm-rank", ("4,10",),
        net("self.fc = nn.Linear(10, 6)\nself.norm = nn.BatchNorm2d(6)",
            "return self.norm(self.fc(x))"),
    ),
    Broken(
        "layer-norm-width", "normalized-shape", ("4,10",),
        net("self.fc = nn.Linear(10, 6)\nself.norm = nn.LayerNorm(10)",
            "return self.norm(self.fc(x))"),
    ),
    Broken(
        "grey-pictures", "channels-missing", ("4,8,8",),
        net("self.conv = nn.Conv2d(1, 8, 3, padding=1)\nself.fc = nn.Linear(8 * 8 * 8, 3)",
            "x = F.relu(self.conv(x))\nreturn self.fc(x.flatten(1))"),
    ),
    Broken(
        "grey-pictures-in-sequential", "channels-missing", ("4,8,8",),
        "def Net():\n    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(),\n"
        "        nn.Flatten(), nn.Linear(8 * 8 * 8, 3))\n",
    ),
    Broken(
        "misspelt-layer", "misspelt-attribute", ("4,10",),
        net("self.fc1 = nn.Linear(10, 3)", "return self.fcl(x)"),
    ),
    Broken(
        "no-super-init", "no-super-init", ("4,10",),
        "class Net(nn.Module):\n    def __init__(self):\n        self.fc = nn.Linear(10, 3)\n\n"
        "    def forward(self, x):\n        return self.fc(x)\n",
    ),
    Broken(
        "late-super-init", "no-super-init", ("4,10",),
        'class Net(nn.Module):\n    def __init__(self):\n        """Ten to three."""\n'
        "        self.fc = nn.Linear(10, 3)\n        super().__init__()\n\n"
        "    def forward(self, x):\n        return self.fc(x)\n",
    ),
    Broken(
        "misspelt-forward", "forward-misspelt", ("4,10",),
        net("self.fc = nn.Linear(10, 3)", "return self.fc(x)").replace("def forward", "def foward"),
    ),
    Broken(
        "indented-forward", "forward-indented", ("4,10",),
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(10, 3)\n\n        def forward(self, x):\n"
        "            return self.fc(x)\n",
    ),
    Broken(
        "divided-width", "float-width", ("4,5",),
        net("self.fc = nn.Linear(10 / 2, 3)", "return self.fc(x)"),
    ),
    Broken(
        "misspelt-argument", "misspelt-argument", ("4,5",),
        net("self.fc = nn.Linear(in_feature=5, out_features=3)", "return self.fc(x)"),
    ),
    Broken(
        "function-in-sequential", "not-a-module", ("4,5",),
        "def Net():\n    return nn.Sequential(nn.Linear(5, 4), F.relu, nn.Linear(4, 2))\n",
    ),
    Broken(
        "class-in-sequential", "not-a-module", ("4,5",),
        "def Net():\n    return nn.Sequential(nn.Linear(5, 4), nn.ReLU, nn.Linear(4, 2))\n",
    ),
    Broken(
        "module-list-called", "module-list-called", ("4,5",),
        net("self.layers = nn.ModuleList([nn.Linear(5, 5), nn.Linear(5, 2)])",
            "x = self.layers(x)\nreturn x"),
    ),
    Broken(
        "two-faults", "in-features", ("4,3,28,28",),
        net("self.conv = nn.Conv2d(3, 8, 3, padding=1)\nself.fc1 = nn.Linear(512, 16)\n"
            "self.fc2 = nn.Linear(32, 3)",
            "x = torch.flatten(F.max_pool2d(self.conv(x), 2), 1)\nreturn self.fc2(self.fc1(x))"),
    ),
    Broken(
        "transposed-convolution", "in-channels", ("4,100",),
        net("self.fc = nn.Linear(100, 256)\nself.up = nn.ConvTranspose2d(128, 64, 4)",
            "return self.up(self.fc(x).view(-1, 16, 4, 4))"),
    ),
    Broken(
        "grouped-convolution", "in-channels", ("4,12,7,7",),
        net("self.conv = nn.Conv2d(8, 8, 3, groups=4)", "return self.conv(x)"),
    ),
    Broken(
        "time-before-channels", "channels-last", ("4,100,20",),
        net("self.conv = nn.Conv1d(20, 16, 5)\nself.fc = nn.Linear(16, 2)",
            "return self.fc(self.conv(x).mean(-1))"),
    ),
    Broken(
        "attention-width", "embed-dim", ("4,7,24",),
        net("self.attention = nn.MultiheadAttention(32, 4, batch_first=True)",
            "return self.attention(x, x, x)[0]"),
    ),
    Broken(
        "width-from-a-call", "in-features", ("4,20",),
        "def head(width, classes):\n    return nn.Linear(width, classes)\n\n\n"
        + net("self.head = head(30, 3)", "return self.head(x)"),
    ),
    Broken(
        "width-through-a-class", "in-features", ("4,20",),
        "class Head(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n"
        "        self.fc = nn.Linear(width, 3)\n\n    def forward(self, x):\n"
        "        return self.fc(x)\n\n\n"
        + net("self.head = Head(width=30)", "return self.head(x)"),
    ),
    Broken(
        "joined-along-the-batch", "joined-sizes", ("4,10",),
        net("self.a = nn.Linear(10, 8)\nself.b = nn.Linear(18, 3)",
            "return self.b(torch.cat([self.a(x), x]))"),
    ),
    Broken(
        "joined-along-time", "joined-sizes", ("4,7,10",),
        net("self.a = nn.Linear(10, 8)\nself.b = nn.Linear(18, 3)",
            "return self.b(torch.cat((self.a(x), x), dim=1))"),
    ),
    *(
        Broken(
            f"kernel-too-large-{number}", "shrunk-to-nothing", ("4,3,16,16",),
            net(f"self.a = nn.Conv2d(3, 8, 7)\nself.b = nn.Conv2d(8, 8, 7)\nself.c = {last}",
                "return self.c(self.b(self.a(x))).mean((2, 3))"),
        )
        for number, last in enumerate(
            ("nn.Conv2d(8, 2, 7)", "nn.Conv2d(8, 2, 7, padding=1)",
             "nn.Conv2d(8, 2, kernel_size=3, dilation=(2, 1))")
        )
    ),
    Broken(
        "width-by-default", "in-features", ("4,20",),
        net("self.fc = nn.Linear(width, 3)", "return self.fc(x)").replace(
            "__init__(self)", "__init__(self, width=30)", 1
        ),
    ),
    Broken(
        "one-width-of-a-chain", "in-features", ("4,20",),
        "Net = nn.Sequential(nn.Linear(20, 64), nn.Linear(32, 64), nn.Linear(64, 2))\n",
    ),
)  # fmt: skip
