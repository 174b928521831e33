"""Faults that give no message: each is planted, found, and gone once the lines are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fcinspect.bridge.traced import Traced
from fcinspect.cli.module import parse_input
from fcinspect.diagnosis.observations import Observations
from fcinspect.diagnosis.recognising import PUT_IN
from fcinspect.diagnosis.silent.judging import SilentReport, judge
from fcinspect.errors import InputError
from fcinspect.shapes.steps import ModuleTrace, Tensor
from tests.diagnosis.broken_modules import HEAD, net


def searched(
    source: str, folder: Path, shape: str, optimizer: str | None = None, weights: str | None = None
) -> SilentReport:
    """Return what is found in the object Net of a file with this source."""
    file = folder / "searched.py"
    file.write_text(HEAD + source, encoding="utf-8")
    traced = Traced(f"{file}:Net", {})
    inputs = [parse_input(one) for one in shape.split(";")]
    run = traced.trace(inputs, None, False, None)
    assert run.failure is None, run.failure

    def unused(trace: ModuleTrace) -> set[str]:
        return {p.name for p in trace.unused}

    def retry(texts: Mapping[str, str], given: Sequence[Tensor]) -> ModuleTrace | None:
        return traced.trace_edited(texts, given, False)

    def observe(trace: ModuleTrace, texts: Mapping[str, str]) -> Observations | None:
        return traced.observe(trace.inputs, False, unused(trace), None, None, texts)

    seen = traced.observe(run.inputs, False, unused(run), optimizer, weights, {})
    assert seen is not None
    report = judge(run, seen, retry, observe)
    for cause in report.likely:
        assert PUT_IN.search(f"{cause.cause} {cause.evidence} {cause.fix}") is None
    return report


def of_two(source: str) -> str:
    """Return the source with a forward that takes x and y."""
    return source.replace("forward(self, x)", "forward(self, x, y)")


SOUND = {
    "mlp": (net("self.fc = nn.Linear(10, 20)\nself.out = nn.Linear(20, 3)",
                "return self.out(F.relu(self.fc(x)))"), "4,10"),
    "cnn": (net("self.conv = nn.Conv2d(3, 8, 3)\nself.fc = nn.Linear(8 * 36, 3)",
                "return self.fc(F.relu(self.conv(x)).flatten(1))"), "4,3,8,8"),
    "batch-norm": (net("self.fc = nn.Linear(10, 20)\nself.norm = nn.BatchNorm1d(20)",
                       "return self.norm(self.fc(x))"), "4,10"),
    "lstm": (net("self.rnn = nn.LSTM(10, 8, batch_first=True)\nself.fc = nn.Linear(8, 3)",
                 "return self.fc(self.rnn(x)[0][:, -1])"), "4,7,10"),
    "time-first": (net("self.rnn = nn.GRU(10, 8)\nself.fc = nn.Linear(8, 3)",
                       "return self.fc(self.rnn(x)[0][-1])"), "7,4,10"),
    "rows-of-a-sequence": (net("self.fc = nn.Linear(10, 3)",
                               "y = self.fc(x.view(-1, 10))\nreturn y.view(x.size(0), -1, 3)"),
                           "4,7,10"),
    "embedding": (net("self.emb = nn.Embedding(50, 8)\nself.fc = nn.Linear(8, 3)",
                      "return self.fc(self.emb(x).mean(1))"), "4,7:int64"),
    "attention": ("Net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)\n", "4,7,8"),
    "residual": (net("self.a = nn.Linear(8, 8)\nself.b = nn.Linear(8, 8)",
                     "return x + self.b(F.relu(self.a(x)))"), "4,8"),
    "dropout": ("Net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(), nn.Linear(16, 2))\n", "4,8"),
    "own-weight": (net("self.weight = nn.Parameter(torch.randn(3, 6))\n"
                       "self.bias = nn.Parameter(torch.zeros(3))",
                       "return x @ self.weight.T + self.bias"), "4,6"),
    "one-time-step": (net("self.rnn = nn.GRU(10, 8, batch_first=True)\nself.fc = nn.Linear(8, 3)",
                          "return self.fc(self.rnn(x)[0][:, -1])"), "4,1,10"),
    "low-rank": (net("self.fc = nn.Linear(10, 3)\nself.a = nn.Parameter(torch.randn(2, 10))\n"
                     "self.b = nn.Parameter(torch.zeros(3, 2))",
                     "return self.fc(x) + x @ (self.b @ self.a).T"), "4,10"),
    "rezero": (net("self.fc = nn.Linear(8, 8)\nself.scale = nn.Parameter(torch.zeros(1))",
                   "return x + self.scale * self.fc(x)"), "4,8"),
    "siamese": (net("self.fc = nn.Linear(8, 5)", "return self.fc(x) - self.fc(x.flip(1))"), "4,8"),
    "as-many-classes-as-rows": (net("self.fc = nn.Linear(8, 4)", "return self.fc(x)"), "4,8"),
    "training-head": (net("self.fc = nn.Linear(8, 4)\nself.more = nn.Linear(8, 2)",
                          "y = self.fc(x)\nreturn (y, self.more(x)) if self.training else y"),
                      "4,8"),
    "positions": (net("self.fc = nn.Linear(8, 8)",
                      "t = torch.arange(4.0).unsqueeze(1)\nf = torch.arange(4.0)\n"
                      "return self.fc(x + (t * f).mean())"), "4,8"),
    "pairs-of-features": (net("self.fc = nn.Linear(8, 4)",
                              "y = self.fc(x)\nreturn y.unsqueeze(2) - y.unsqueeze(1)"), "4,8"),
    "frozen-teacher": (net("self.fc = nn.Linear(8, 4)\n"
                           "self.teacher = [nn.Linear(8, 4).requires_grad_(False)]",
                           "return self.fc(x) - self.teacher[0](x)"), "4,8"),
    "object-without-layers": ("class Config:\n    def __init__(self):\n        self.width = 8\n"
                              "        self.again = self\n\n\n"
                              + net("self.config = Config()\nself.fc = nn.Linear(8, 4)",
                                    "return self.fc(x)"), "4,8"),
    "normed": (net("self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(8, 4))\n"
                   "self.state = nn.Parameter(torch.zeros(1, 1, 4))\n"
                   "self.rnn = nn.GRU(4, 4, batch_first=True)",
                   "s = self.state.expand(1, x.size(0), 4).contiguous()\n"
                   "return self.rnn(self.fc(x), s)[0][:, -1]"), "5,3,8"),
    "not-a-number": (net("self.fc = nn.Linear(8, 4)",
                         "return torch.cat([self.fc(x), x * float('nan')], 1)"), "3,8"),
    "routing": (net("self.gate = nn.Linear(16, 4)\n"
                    "self.experts = nn.ModuleList([nn.Linear(16, 16) for _ in range(4)])",
                    "chosen = self.gate(x).argmax(1)\nout = torch.zeros_like(x)\n"
                    "for n, expert in enumerate(self.experts):\n"
                    "    out[chosen == n] = expert(x[chosen == n])\n"
                    "return out + self.gate(x).sum(1, keepdim=True)"), "8,16"),
    "one-sequence": (net("self.emb = nn.Embedding(9, 6)\nself.rnn = nn.LSTM(6, 5)",
                         "e = self.emb(x)\n"
                         "return self.rnn(e.view(len(x), 1, -1))[0].view(len(x), -1)"), "7:int64"),
    "distributions": (net("self.fc = nn.Linear(8, 2)\nself.std = nn.Parameter(torch.zeros(2))",
                          "loc = self.fc(x)\nreturn torch.distributions.Independent("
                          "torch.distributions.Normal(loc, self.std.exp().expand_as(loc)), 1)"),
                      "4,8"),
    "empty": (net("self.fc = nn.Linear(8, 2)", "return self.fc(x)[x[:, 0] > 1e9]"), "4,8"),
    "used-elsewhere": (net("self.fc = nn.Linear(8, 2)\nself.std = nn.Parameter(torch.zeros(2))",
                           "return self.fc(x)")
                       + "\n    def evaluate(self, x):\n        return self(x) / self.std\n",
                   "4,8"),
    "packed": (net("self.rnn = nn.LSTM(8, 5, batch_first=True)",
                   "lengths = torch.full((x.shape[0],), x.shape[1])\n"
                   "rows = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)\n"
                   "out = nn.utils.rnn.pad_packed_sequence(self.rnn(rows)[0], batch_first=True)\n"
                   "return out[0][:, -1]"), "4,7,8"),
    "dropout-in-training": (net("self.fc = nn.Linear(8, 2)",
                                "return F.dropout(self.fc(x), 0.5, training=self.training)"),
                            "4,8"),
    "lazy": (net("self.fc = nn.LazyLinear(4)", "return self.fc(x)"), "3,8"),
    "batch-as-wide-as-the-layer": (net("self.a = nn.Linear(8, 8)\nself.b = nn.Linear(8, 8)",
                                       "return self.b(self.a(x).relu())"), "8,8"),
}  # fmt: skip
"""Modules without a fault."""


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_module_raises_no_alarm(name: str, tmp_path: Path) -> None:
    """Nothing is found, and it is said what was looked for and what was not."""
    source, shape = SOUND[name]
    report = searched(source, tmp_path, shape)
    assert report.likely == ()
    assert ("rows of the batch that depend on one another" in report.checked) != any(
        what.startswith(("rows of the batch", "whether dimension 0"))
        for what in report.not_exercised
    )
    assert any("optimizer" in what for what in report.not_exercised)


PLANTED = {
    "view": (
        "batch-changed-by-view", "4,3,8,8",
        net("self.fc = nn.Linear(3 * 16, 3)", "return self.fc(x.view(-1, 3 * 16))"),
    ),
    "batch-first": (
        "batch-first-forgotten", "4,7,10",
        net("self.rnn = nn.LSTM(10, 8)\nself.fc = nn.Linear(8, 3)",
            "out, _ = self.rnn(x)\nreturn self.fc(out[:, -1])"),
    ),
    "batch-first-keyword": (
        "batch-first-forgotten", "4,4,10",
        net("self.rnn = nn.GRU(input_size=10, hidden_size=8, batch_first=False)\n"
            "self.fc = nn.Linear(8, 3)", "out, _ = self.rnn(x)\nreturn self.fc(out[:, -1])"),
    ),
    "attention-batch-first": (
        "batch-first-forgotten", "4,7,8",
        net("self.layer = nn.TransformerEncoderLayer(8, 2, 16)\nself.fc = nn.Linear(8, 3)",
            "return self.fc(self.layer(x)[:, -1])"),
    ),
    "stack-of-layers": (
        "batch-first-forgotten", "4,7,8",
        net("layer = nn.TransformerEncoderLayer(8, 2, 16)\n"
            "self.stack = nn.TransformerEncoder(layer, 2)\nself.fc = nn.Linear(8, 3)",
            "return self.fc(self.stack(x)[:, -1])"),
    ),
    "softmax": ("softmax-over-batch", "4,10",
                net("self.fc = nn.Linear(10, 3)", "return torch.softmax(self.fc(x), dim=0)")),
    "softmax-without-a-dimension": ("softmax-over-batch", "4,7,10",
                                    net("self.fc = nn.Linear(10, 3)",
                                        "return F.softmax(self.fc(x))")),
    "softmax-module": ("softmax-over-batch", "4,10",
                       net("self.fc = nn.Linear(10, 3)\nself.weigh = nn.Softmax(0)",
                           "return self.weigh(self.fc(x))")),
    "outer-of-the-batch": ("operands-broadcast", "4,10;4",
                           of_two(net("self.fc = nn.Linear(10, 1)",
                                      "return (self.fc(x) - y) ** 2"))),
    "loss-of-other-shapes": ("target-broadcast", "4,10;4",
                             of_two(net("self.fc = nn.Linear(10, 1)",
                                        "return F.mse_loss(self.fc(x), y)"))),
    "loss-module": ("target-broadcast", "4,10;4",
                    of_two(net("self.fc = nn.Linear(10, 1)\nself.loss = nn.SmoothL1Loss()",
                               "return self.loss(self.fc(x), y)"))),
    "plain-list": (
        "unregistered-layers", "4,8",
        net("self.layers = [nn.Linear(8, 8) for _ in range(3)]\nself.out = nn.Linear(8, 2)",
            "for layer in self.layers:\n    x = layer(x)\nreturn self.out(x)"),
    ),
    "plain-dict": (
        "unregistered-layers", "4,8",
        net("self.heads = {'a': nn.Linear(8, 2)}\nself.fc = nn.Linear(8, 8)",
            "return self.heads['a'](self.fc(x))"),
    ),
}  # fmt: skip
"""Faults that one line mends."""


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_mended(name: str, tmp_path: Path) -> None:
    """The fault is named, its line is proposed, and with it the fault is gone."""
    cause, shape, source = PLANTED[name]
    report = searched(source, tmp_path, shape)
    first = report.likely[0]
    assert first.name == cause
    assert first.changes
    assert first.trial is not None
    assert first.trial.runs, first
    mended = source
    for change in first.changes:
        assert change.before in mended
        mended = mended.replace(change.before, change.after)
    assert cause not in [found.name for found in searched(mended, tmp_path, shape).likely]


UNMENDED = {
    "mean-of-batch": ("rows-mixed", "4,10",
                      net("self.fc = nn.Linear(10, 3)",
                          "y = self.fc(x)\nreturn y - y.mean(0, keepdim=True)")),
    "never-used": ("layer-never-used", "4,10",
                   net("self.fc = nn.Linear(10, 3)\nself.more = nn.Linear(3, 3)",
                       "return self.fc(x)")),
    "detached": ("layer-detached", "4,10",
                 net("self.a = nn.Linear(10, 5)\nself.b = nn.Linear(5, 3)",
                     "return self.b(self.a(x).detach())")),
    "dead": ("layer-dead", "4,10",
             net("self.a = nn.Linear(10, 5)\nself.b = nn.Linear(5, 3)\n"
                 "nn.init.constant_(self.a.bias, -1000)", "return self.b(F.relu(self.a(x)))")),
    "column-along-batch": ("bias-column", "4,10",
                           net("self.weight = nn.Parameter(torch.randn(4, 10))\n"
                               "self.bias = nn.Parameter(torch.zeros(4, 1))",
                               "return x @ self.weight.T + self.bias")),
    "outer-difference": ("operands-broadcast", "4,10",
                         net("self.fc = nn.Linear(10, 1)", "return self.fc(x) - x.sum(1)")),
    "last-row-for-all": ("rows-mixed", "4,10",
                         net("self.fc = nn.Linear(10, 3)",
                             "y = self.fc(x)\nreturn y[-1].expand(x.size(0), -1)")),
    "made-in-forward": ("layer-made-in-forward", "4,10",
                        net("self.fc = nn.Linear(10, 3)", "return nn.Linear(3, 2)(self.fc(x))")),
    "made-by-the-first-call": ("layer-made-in-first-forward", "4,10",
                               net("self.fc = None",
                                   "if self.fc is None:\n    self.fc = nn.Linear(10, 3)\n"
                                   "return self.fc(x)")),
    "nothing-returned": ("no-tensor-returned", "4,10",
                         net("self.fc = nn.Linear(10, 3)", "self.fc(x)")),
    "underscored-list": ("unregistered-layers", "4,10",
                         net("self._layers = [nn.Linear(10, 3)]", "return self._layers[0](x)")),
    "past-the-module": ("unregistered-layers", "4,10",
                        net("self.__dict__['fc'] = nn.Linear(10, 3)", "return self.fc(x)")),
    "object-with-layers": ("unregistered-layers", "4,10",
                           "class Bag:\n    def __init__(self):\n"
                           "        self.fc = nn.Linear(10, 3)\n\n\n"
                           + net("self.bag = Bag()", "return self.bag.fc(x)")),
    "softmax-over-one": ("softmax-over-one", "4,8",
                         net("self.fc = nn.Linear(8, 1)", "return F.softmax(self.fc(x), dim=1)")),
    "softmax-over-one-of-one-row": ("softmax-over-one", "1,8",
                                    net("self.fc = nn.Linear(8, 1)",
                                        "return F.softmax(self.fc(x), dim=1)")),
    "attention-to-one-key": ("layer-dead", "4,7,8",
                             net("self.q = nn.Linear(8, 8)\nself.k = nn.Linear(8, 8)",
                                 "m = self.k(x.mean(1, keepdim=True))\n"
                                 "return F.scaled_dot_product_attention(self.q(x), m, m)")),
    "weighed-alone": ("softmax-over-one", "4,7,8",
                      net("self.score = nn.Linear(8, 1)\nself.fc = nn.Linear(8, 2)",
                          "a = self.score(x).softmax(-1)\nreturn self.fc((a * x).sum(1))")),
    "dropout-in-evaluation": ("dropout-in-evaluation", "4,8",
                              net("self.fc = nn.Linear(8, 2)",
                                  "return F.dropout(self.fc(x), 0.5)")),
    "zeros-everywhere": ("layer-dead", "4,8",
                         net("self.a = nn.Linear(8, 6)\nself.b = nn.Linear(6, 2)\n"
                             "for p in self.parameters():\n    nn.init.zeros_(p)",
                             "return self.b(F.relu(self.a(x)))")),
    "never-used-beside-a-namesake": ("layer-never-used", "4,8",
                                     net("self.fc = nn.Linear(8, 2)\nself.more = nn.Linear(8, 2)",
                                         "return self.fc(x)")
                                     + "\n\nclass Other(nn.Module):\n"
                                       "    def encode(self, x):\n        return self.more(x)\n"),
    "result-not-used": ("layer-detached", "4,8",
                        net("self.a = nn.Linear(8, 6)\nself.b = nn.Linear(8, 2)",
                            "h = self.a(x)\nreturn self.b(x)")),
    "optimizer-of-a-twin": ("optimizer-other-parameters", "4,8",
                            "Net, other = nn.Linear(8, 2), nn.Linear(8, 2)\n"
                            "optimizer = torch.optim.SGD(other.parameters(), lr=0.1)\n"),
    "another-optimizer": ("optimizer-other-parameters", "4,8",
                          "Net = nn.Linear(8, 2)\n"
                          "optimizer = torch.optim.SGD(nn.Linear(8, 2).parameters(), lr=0.1)\n"),
    "optimizer-of-one-layer": ("optimizer-lacks-parameters", "4,8",
                               "Net = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))\n"
                               "optimizer = torch.optim.Adam(Net[1].parameters())\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNMENDED)
def test_a_planted_fault_is_named(name: str, tmp_path: Path) -> None:
    """The fault is the first that is named, with numbers as evidence and a fix."""
    cause, shape, source = UNMENDED[name]
    first = searched(source, tmp_path, shape).likely[0]
    assert first.name == cause
    assert first.evidence
    assert first.fix


def test_a_sequence_without_a_batch_is_no_fault(tmp_path: Path) -> None:
    """Its first dimension is time: that steps depend on one another is said to be open."""
    source = net("self.rnn = nn.LSTM(10, 8)", "return self.rnn(x)[0]")
    report = searched(source, tmp_path, "7,10")
    assert report.likely == ()
    assert any("a sequence without a batch" in what for what in report.not_exercised)


def test_the_nodes_of_a_graph_are_no_batch(tmp_path: Path) -> None:
    """With an adjacency matrix beside them rows are meant to depend on one another."""
    source = net("self.fc = nn.Linear(10, 3)", "return adjacency @ self.fc(x)")
    source = source.replace("forward(self, x)", "forward(self, x, adjacency)")
    report = searched(source, tmp_path, "7,10;7,7")
    assert report.likely == ()
    assert any("as for the nodes of a graph" in what for what in report.not_exercised)


def test_where_rows_meet_first_is_told(tmp_path: Path) -> None:
    """The function, its file and line, and what stands there; later layers are not blamed."""
    source = net("self.a = nn.Linear(10, 5)\nself.b = nn.Linear(5, 3)",
                 "x = self.a(x)\nx = x - x.mean(0)\nreturn self.b(x)")  # fmt: skip
    evidence = searched(source, tmp_path, "4,10").likely[0].evidence
    line = (HEAD + source).split("\n").index("        x = x - x.mean(0)") + 1
    assert f"this begins in sub (searched.py:{line}: x = x - x.mean(0))" in evidence


def test_a_shared_memory_is_no_batch(tmp_path: Path) -> None:
    """Rows of one input enter all rows, those of the other do not: only that is said."""
    source = of_two(net("self.fc = nn.Linear(10, 3)", "return self.fc(x) + self.fc(y).mean(0)"))
    report = searched(source, tmp_path, "4,10;4,10")
    assert report.likely == ()
    assert any("each row of input 2 affects all rows" in what for what in report.not_exercised)


def test_a_copied_network_needs_no_optimizer(tmp_path: Path) -> None:
    """A target network has the numbers of the one that is trained."""
    source = (
        "Net, other = nn.Linear(8, 2), nn.Linear(8, 2)\nNet.load_state_dict(other.state_dict())\n"
        "optimizer = torch.optim.SGD(other.parameters(), lr=0.1)\n"
    )
    assert searched(source, tmp_path, "4,8").likely == ()


@pytest.mark.parametrize("skipped", [False, True])
def test_an_expert_that_is_seldom_chosen_is_alive(skipped: bool, tmp_path: Path) -> None:
    """About one row in 44 chooses it: the first 32 rows may not."""
    skip = "if chosen.any():\n    out[chosen] = self.seldom(x[chosen])\nreturn out"
    always = "out[chosen] = self.seldom(x[chosen])\nreturn out"
    source = net(
        "self.fc = nn.Linear(8, 8)\nself.seldom = nn.Linear(8, 8)",
        f"out, chosen = self.fc(x), x[:, 0] > 2\n{skip if skipped else always}",
    )
    assert searched(source, tmp_path, "4,8").likely == ()


def test_an_expert_that_no_row_reaches_is_not_dead(tmp_path: Path) -> None:
    """It is called with no rows, whatever the input: that is said, and not judged."""
    source = net(
        "self.fc = nn.Linear(8, 8)\nself.never = nn.Linear(8, 8)",
        "out, chosen = self.fc(x), x[:, 0] > 1e9\nout[chosen] = self.never(x[chosen])\nreturn out",
    )
    report = searched(source, tmp_path, "4,8")
    assert report.likely == ()
    words = "never.weight, never.bias: no row of random inputs reaches it"
    assert any(what.startswith(words) for what in report.not_exercised)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one-time-step", "rnn.weight_hh_l0: the gradient is 0 on this input"),
        ("low-rank", "a: the gradient is 0 only at the start"),
        ("rezero", "fc.weight, fc.bias: the gradient is 0 only at the start"),
        ("siamese", "fc.bias: the gradient is 0 on this input"),
        ("training-head", "more.weight, more.bias: used in training mode, but not in this run"),
    ],
)
def test_what_has_no_gradient_for_a_reason_is_said(name: str, words: str, tmp_path: Path) -> None:
    """It is no fault, and the reader learns why it could have looked like one."""
    source, shape = SOUND[name]
    assert any(what.startswith(words) for what in searched(source, tmp_path, shape).not_exercised)


def test_a_parameter_of_a_living_layer_is_named_alone(tmp_path: Path) -> None:
    """A layer whose weight is used is not said to be unused."""
    source = net("self.fc = nn.Linear(10, 3)", "return x @ self.fc.weight.T")
    (cause,) = searched(source, tmp_path, "4,10").likely
    assert (cause.name, cause.cause) == ("layer-never-used", "forward never uses fc.bias")


def test_a_missing_return_is_the_one_fault(tmp_path: Path) -> None:
    """That no gradient reaches the layers follows from it."""
    source = net("self.fc = nn.Linear(10, 3)", "self.fc(x)")
    assert [cause.name for cause in searched(source, tmp_path, "4,10").likely] == [
        "no-tensor-returned"
    ]


def test_a_time_first_output_may_be_meant(tmp_path: Path) -> None:
    """Inputs are given batch first: that is a fault, and what would make it none is said."""
    source = net("self.rnn = nn.GRU(8, 5)", "return self.rnn(x)[0]")
    (cause,) = searched(source, tmp_path, "4,7,8").likely
    assert cause.name == "batch-first-forgotten"
    assert "if 7 is the batch and 4 is time, nothing is wrong" in cause.evidence
    scrambled = net("self.rnn = nn.GRU(8, 5)", "return self.rnn(x)[0].flip(1).cumsum(1)")
    assert "nothing is wrong" not in searched(scrambled, tmp_path, "4,7,8").likely[0].evidence


def test_a_time_first_input_is_said_to_be_read_so(tmp_path: Path) -> None:
    """The output has as many rows as dimension 1: that decides, and is not hidden."""
    source, shape = SOUND["time-first"]
    report = searched(source, tmp_path, shape)
    assert any("7 steps of a batch of 4" in what for what in report.not_exercised)
    assert "rows of the batch that depend on one another" not in report.checked


def test_rows_that_are_compared_with_each_other_are_not_judged(tmp_path: Path) -> None:
    """A number for each pair of rows, as of contrastive losses, is meant to depend on both."""
    source = net("self.fc = nn.Linear(10, 3)", "y = self.fc(x)\nreturn y @ y.T")
    report = searched(source, tmp_path, "4,10")
    assert report.likely == ()
    assert any("compares each row with every row" in what for what in report.not_exercised)


def test_rows_of_words_are_no_fault(tmp_path: Path) -> None:
    """(batch, time, features) as batch·time rows of features keeps what belongs together."""
    source = net("self.emb = nn.Embedding(9, 8)\nself.fc = nn.Linear(8, 9)",
                 "return self.fc(self.emb(x)).view(-1, 9)")  # fmt: skip
    report = searched(source, tmp_path, "4,7:int64")
    assert report.likely == ()
    assert any(
        "the input has 4 rows, but the output is (28, 9)" in what for what in report.not_exercised
    )
    assert "rows of the batch that depend on one another" not in report.checked


def test_queries_of_length_one_are_undecided(tmp_path: Path) -> None:
    """A softmax over one number lets no gradient through."""
    source = net(
        "self.q = nn.Linear(8, 8)\nself.k = nn.Linear(8, 8)\nself.v = nn.Linear(8, 8)",
        "return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x))[:, 0]",
    )
    report = searched(source, tmp_path, "4,1,8")  # fmt: skip
    assert report.likely == ()
    assert any("a softmax over one number" in what for what in report.not_exercised)
    assert searched(source, tmp_path, "4,3,8").not_exercised != report.not_exercised


GAN = (
    "class D(nn.Sequential):\n    pass\n\n\n"
    "Net = nn.Sequential(nn.Linear(8, 4))\ncritic = D(nn.Linear(4, 1))\n"
)
BESIDE = {
    "gan": GAN + "a = torch.optim.SGD(Net.parameters())\n"
           "b = torch.optim.SGD(critic.parameters())\n",
    "halves": "Net = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))\n"
              "a = torch.optim.SGD(Net[0].parameters())\n"
              "b = torch.optim.Adam(Net[1].parameters())\n",
    "joint": GAN + "a = torch.optim.SGD([*Net.parameters(), *critic.parameters()])\n",
    "with-a-scale": "Net = nn.Linear(8, 4)\nscale = nn.Parameter(torch.zeros(1))\n"
                    "a = torch.optim.SGD([*Net.parameters(), scale])\n",
    "of-another": GAN + "b = torch.optim.SGD(critic.parameters())\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_optimizers_that_share_modules_are_no_fault(name: str, tmp_path: Path) -> None:
    """Two that hold the halves, one that holds more, and those of other modules."""
    report = searched(BESIDE[name], tmp_path, "4,8")
    assert report.likely == ()
    assert (name == "of-another") == any("of other objects" in w for w in report.not_exercised)


def test_optimizers_that_share_a_module_and_leave_some_out(tmp_path: Path) -> None:
    """What is missing is what neither holds; a layer that was replaced left its parameters."""
    source = (
        "Net = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 4), nn.Linear(4, 2))\n"
        "a = torch.optim.SGD(Net[0].parameters())\nb = torch.optim.SGD(Net[2].parameters())\n"
    )
    (cause,) = searched(source, tmp_path, "4,8").likely
    assert cause.name == "optimizer-lacks-parameters"
    assert "1.weight, 1.bias" in cause.evidence
    replaced = "a = torch.optim.SGD(Net.parameters())\nNet[2] = nn.Linear(4, 3)\n"
    (cause,) = searched(source + replaced, tmp_path, "4,8").likely
    assert "of 6, it lacks 2.weight, 2.bias; it holds 2 that are not the module's" in cause.evidence


def test_an_optimizer_of_the_module_is_no_fault(tmp_path: Path) -> None:
    """The parameters are compared one by one, not by their number."""
    source = "Net = nn.Linear(8, 2)\noptimizer = torch.optim.SGD(Net.parameters(), lr=0.1)\n"
    report = searched(source, tmp_path, "4,8")
    assert report.likely == ()
    assert "whether optimizer holds the module's parameters" in report.checked


def test_an_optimizer_is_made_by_a_named_function(tmp_path: Path) -> None:
    """--optimizer may name a function that takes the module."""
    body = net("self.a = nn.Linear(8, 4)\nself.b = nn.Linear(4, 2)", "return self.b(self.a(x))")
    make = "\n\ndef make(model):\n    return torch.optim.SGD(model.a.parameters(), lr=0.1)\n"
    report = searched(body + make, tmp_path, "4,8", optimizer="make")
    assert report.likely[0].name == "optimizer-lacks-parameters"
    assert "b.weight, b.bias" in report.likely[0].evidence
    with pytest.raises(InputError, match="--optimizer maek"):
        searched(body + make, tmp_path, "4,8", optimizer="maek")


SQUARE = net(
    "self.a = nn.Linear(6, 6)\nself.b = nn.Linear(6, 3)", "return self.b(F.relu(self.a(x)))"
)


def saved(folder: Path, **tensors: torch.Tensor) -> str:
    """Write a state dict; return its file."""
    file = folder / "weights.safetensors"
    save_file({key.replace("__", "."): t.contiguous() for key, t in tensors.items()}, file)
    return str(file)


def test_square_weights_of_a_file_that_lies_in_out(tmp_path: Path) -> None:
    """The other weights give the layout away: the square one is transposed, too."""
    weights = saved(
        tmp_path, a__weight=torch.randn(6, 6), a__bias=torch.zeros(6),
        b__weight=torch.randn(6, 3), b__bias=torch.zeros(3),
    )  # fmt: skip
    report = searched(SQUARE, tmp_path, "4,6", weights=weights)
    assert report.likely[0].name == "square-weight-transposed"
    assert "a" in report.likely[0].cause


def test_square_weights_are_compared_with_those_of_a_ready_module(tmp_path: Path) -> None:
    """Just the module's numbers, transposed, are recognised."""
    torch.manual_seed(0)
    weight = torch.randn(6, 6)
    torch.save({"weight": weight, "bias": torch.zeros(6)}, tmp_path / "own.pt")
    source = (
        f"Net = nn.Linear(6, 6)\nNet.load_state_dict(torch.load({str(tmp_path / 'own.pt')!r}))\n"
    )
    turned = saved(tmp_path, weight=weight.T, bias=torch.zeros(6))
    report = searched(source, tmp_path, "4,6", weights=turned)
    assert report.likely[0].name == "square-weight-transposed"
    right = saved(tmp_path, weight=weight, bias=torch.zeros(6))
    assert searched(source, tmp_path, "4,6", weights=right).likely == ()


def test_square_weights_that_nothing_tells_of_are_undecided(tmp_path: Path) -> None:
    """With square weights only, neither way is claimed."""
    source = net("self.a = nn.Linear(6, 6)\nself.b = nn.Linear(6, 6)", "return self.b(self.a(x))")
    weights = saved(tmp_path, a__weight=torch.randn(6, 6), a__bias=torch.zeros(6),
                    b__weight=torch.randn(6, 6), b__bias=torch.zeros(6))  # fmt: skip
    report = searched(source, tmp_path, "4,6", weights=weights)
    assert report.likely == ()
    assert any("are transposed: square" in what for what in report.not_exercised)


def test_a_right_state_dict_is_no_fault(tmp_path: Path) -> None:
    """Weights as the module has them raise no alarm, and are no open question."""
    weights = saved(
        tmp_path, a__weight=torch.randn(6, 6), a__bias=torch.zeros(6),
        b__weight=torch.randn(3, 6), b__bias=torch.zeros(3),
    )  # fmt: skip
    report = searched(SQUARE, tmp_path, "4,6", weights=weights)
    assert report.likely == ()
    assert not any("transposed" in what for what in report.not_exercised)


def test_a_state_dict_that_does_not_load_is_diagnosed(tmp_path: Path) -> None:
    """What load_state_dict would say is read as if it had been pasted."""
    weights = saved(
        tmp_path, module__a__weight=torch.randn(6, 6), module__a__bias=torch.zeros(6),
        module__b__weight=torch.randn(3, 6), module__b__bias=torch.zeros(3),
    )  # fmt: skip
    report = searched(SQUARE, tmp_path, "4,6", weights=weights)
    assert report.likely[0].name == "module-prefix"


CUTS = {
    "detach": ("h = self.a(x).detach()\nreturn self.b(h)", ".detach()", "h = self.a(x).detach()"),
    "data": ("h = self.a(x)\nreturn self.b(h.data)", ".data", "return self.b(h.data)"),
    "numbers": (
        "h = self.a(x)\nh = torch.tensor(h.tolist())\nreturn self.b(h)",
        "torch.tensor(…)",
        "h = torch.tensor(h.tolist())",
    ),
    "no-grad": (
        "with torch.no_grad():\n    h = self.a(x)\nreturn self.b(h)",
        "with torch.no_grad()",
        "with torch.no_grad():",
    ),
    "behind-an-innocent-one": (
        "m = x.detach().mean(1, keepdim=True)\nh = self.a(x - m)\nreturn self.b(h.data)",
        ".data",
        "return self.b(h.data)",
    ),
}


@pytest.mark.parametrize("name", CUTS)
def test_the_line_that_cuts_the_graph_is_named(name: str, tmp_path: Path) -> None:
    """The call and its line stand in the cause; what can be taken out is tried."""
    forward, call, line = CUTS[name]
    text = net("self.a = nn.Linear(10, 5)\nself.b = nn.Linear(5, 3)", forward)
    cause = searched(text, tmp_path, "4,10").likely[0]
    assert cause.name == "layer-detached"
    assert call in cause.cause
    assert line in cause.evidence
    if call in (".detach()", ".data"):
        assert cause.trial is not None
        assert cause.trial.runs


def test_what_is_cut_for_a_log_is_not_blamed(tmp_path: Path) -> None:
    """A number that is only kept or printed does not stand on the way to the output."""
    forward = (
        "h = self.a(x)\nself.seen = h.detach()\nk = h.mean().item()\nprint(k)\nreturn self.b(x)"
    )
    text = net("self.a = nn.Linear(10, 5)\nself.b = nn.Linear(10, 3)", forward)
    cause = searched(text, tmp_path, "4,10").likely[0]
    assert cause.name == "layer-detached"
    assert "cuts the graph" not in cause.cause


def test_a_head_that_shares_the_embedding_raises_no_alarm(tmp_path: Path) -> None:
    """The weight of lm_head is that of wte, as in GPT: one parameter, which both use."""
    made = (
        "self.wte = nn.Embedding(50, 16)\nself.fc = nn.Linear(16, 16)\n"
        "self.lm_head = nn.Linear(16, 50, bias=False)\nself.lm_head.weight = self.wte.weight"
    )
    text = net(made, "return self.lm_head(F.relu(self.fc(self.wte(x))))")
    assert not searched(text, tmp_path, "3,5:int64").likely
