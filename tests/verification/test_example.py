from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, VerificationReport, carried_out
from fcinspect.verification.example import plan_of
from fcinspect.verification.examples import shipped
from tests.verification.example_by_torch import Document, Problem, written

EXAMPLES = Path(shipped.__file__).parent


def verified(document: Document) -> VerificationReport:
    """Return the report on a worked example."""
    return carried_out(plan_of(document, "the example"))


def outside(report: VerificationReport) -> dict[str, Check]:
    """Return what is wrong, by its place."""
    return {
        check.name.removeprefix("printed/"): check
        for check in report.checks
        if check.verdict is not Verdict.WITHIN
    }


def published(name: str) -> Any:
    """Return one of the published examples."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_published_examples(path: Path) -> None:
    """What is known to be wrong is found wrong, and nothing else."""
    document = json.loads(path.read_text(encoding="utf-8"))
    known = document.pop("known_wrong", {})
    assert set(outside(verified(document))) == set(known)


@pytest.mark.parametrize(
    ("name", "place", "cause", "right"),
    [
        ("cs231n_linear_3_4", "output[0][2]", "the bias of layers.0 is forgotten", "60.75"),
        (
            "mazur_2_2_2",
            "loss_after",
            "the hidden gradient is propagated through already updated weights",
            "0.291027774",
        ),
        (
            "single_neuron_gradient",
            "layers.0.bias.after[0]",
            "the bias of layers.0 is updated with the gradient of the weight",
            "4.0",
        ),
    ],
)
def test_the_slip_is_named(name: str, place: str, cause: str, right: str) -> None:
    """The words for the slip, and the right number with the printed decimals."""
    check = outside(verified(published(name)))[place]
    assert check.cause == cause
    assert check.detail.endswith(f"{right} is right")


def test_known_wrong_decides_nothing() -> None:
    """A note says where it disagrees; the findings stay."""
    document = published("cs231n_linear_3_4")
    document["known_wrong"] = {"output[0][0]": "said"}
    report = verified(document)
    assert set(outside(report)) == {"output[0][2]"}
    assert "known_wrong names output[0][0]: but it is consistent" in report.notes
    assert "known_wrong does not name output[0][2], which is wrong" in report.notes


SETTINGS = [
    *({"activations": (name, "identity")} for name in ("relu", "sigmoid", "leaky_relu", "gelu")),
    *({"loss": name} for name in ("l1", "half_sum_squares", "half_mean_squares")),
    *({"loss": name} for name in ("cross_entropy", "bce_with_logits")),
    {"activations": ("tanh", "sigmoid"), "loss": "bce"},
    {"activations": ("relu", "softmax"), "loss": "cross_entropy"},
    {"activations": ("relu", "softmax"), "loss": "mse"},
    {"options": {"lr": "0.1", "momentum": "0.9", "nesterov": True, "weight_decay": "0.01"}},
    {"options": {"lr": "0.1", "maximize": True}},
    {"optimizer": "adam", "options": {"lr": "0.1", "betas": ["0.8", "0.99"]}},
    {"optimizer": "adam", "options": {"lr": "0.1", "weight_decay": "0.1", "amsgrad": True}},
    {"optimizer": "adamw", "options": {"lr": "0.1", "eps": "0.01"}},
    {"optimizer": "rmsprop"},
    {"optimizer": "rmsprop", "options": {"lr": "0.1", "centered": True, "momentum": "0.5"}},
    {"optimizer": "adagrad", "options": {"lr": "0.1", "initial_accumulator_value": "0.1"}},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_torch_is_consistent(settings: Document, seed: int) -> None:
    """Every number of torch's, to twelve decimals, with every activation, loss and optimizer."""
    problem = Problem(**settings, seed=seed)
    report = verified(problem.document(problem.right(12)))
    assert outside(report) == {}
    assert len(report.checks) == 100


def test_rounded_intermediates_explain() -> None:
    """An output from a pre-activation as it is printed is explained, and only with that."""
    document: Document = {
        "layers": [{"weight": [["100.44"]], "bias": ["0"], "activation": "identity"}] * 2,
        "input": [["1"]],
        "printed": {"layers.0.activation": [["100"]], "output": [["10044.00"]]},
    }
    report = verified(document)
    assert outside(report) == {}
    assert report.checks[1].detail.startswith("consistent with rounded intermediates")
    del document["printed"]["layers.0.activation"]
    assert set(outside(verified(document))) == {"output[0][0]"}


def test_what_follows_from_a_wrong_number() -> None:
    """The first wrong number has a cause of its own, the next follows from it."""
    problem = Problem()
    printed = problem.right(6)
    z = printed["layers.0.pre_activation"]
    z[0][0] = f"{float(z[0][0]) + 0.37:.6f}"
    a = torch.tanh(torch.tensor([[float(n) for n in row] for row in z], dtype=torch.float64))
    printed = {
        "layers.0.pre_activation": z,
        "output": written(a @ problem.weights[1].T + problem.biases[1], 5),
    }
    found = outside(verified(problem.document(printed)))
    assert set(found) == {"layers.0.pre_activation[0][0]", "output[0][0]", "output[0][1]"}
    for j in range(2):
        cause = found[f"output[0][{j}]"].cause
        assert cause == "it follows from the wrong layers.0.pre_activation[0][0]"


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("-0.7512", "its sign is reversed"),
        ("0.7513", "it is rounded wrongly, off by one in the last place"),
        ("0.7521", "two of its digits are swapped: 0.7512"),
        ("7.512", "its decimal point is misplaced"),
        ("0.07512", "its decimal point is misplaced"),
        ("1.5024", "it is twice the right value"),
        ("0.3756", "it is half the right value"),
        ("0.9999", None),
    ],
)
def test_slips_of_the_pen(printed: str, cause: str | None) -> None:
    """Each is named, and what no slip explains is wrong without a cause."""
    document: Document = {
        "layers": [{"weight": [["0.7512"]]}],
        "input": [["1"]],
        "printed": {"output": [[printed]]},
    }
    found = outside(verified(document))
    assert found["output[0][0]"].cause == cause


def test_cut_off_numbers() -> None:
    """0.77 for 0.7789 is wrong where numbers are rounded, and right where they are cut off."""
    document: Document = {
        "layers": [{"weight": [["0.7789"]]}],
        "input": [["1"]],
        "printed": {"output": [["0.77"]]},
    }
    cause = outside(verified(document))["output[0][0]"].cause
    assert cause is not None
    assert cause.startswith("its digits are truncated, not rounded")
    assert outside(verified({**document, "truncated": True})) == {}
    document["printed"] = {"output": [["0.76"]]}
    assert set(outside(verified({**document, "truncated": True}))) == {"output[0][0]"}


def test_rounded_inputs_widen() -> None:
    """The radius is |w|h_x + |x|h_w + h_x·h_w + h_b, and half a unit of the printed number."""
    document: Document = {
        "layers": [{"weight": [["2.0"]], "bias": ["1.0"]}],
        "input": [["3.0"]],
        "printed": {"output": [["7.35250"]]},
        "inputs_rounded": True,
    }
    # 2·0.05 + 3·0.05 + 0.05² + 0.05 = 0.3025: 7.3025 is the largest output
    assert set(outside(verified(document))) == {"output[0][0]"}
    document["printed"] = {"output": [["7.3025"]]}
    assert outside(verified(document)) == {}
    document["printed"] = {"output": [["7.3026"]]}
    assert set(outside(verified(document))) == {"output[0][0]"}
    document["inputs_rounded"] = False
    document["printed"] = {"output": [["7.3025"]]}
    assert set(outside(verified(document))) == {"output[0][0]"}


def test_the_layout_of_weights() -> None:
    """With in,out the weight, its gradient and its successor are all held so."""
    problem = Problem(widths=(3, 2), activations=("tanh",))
    document = problem.document(problem.right())
    turned = json.loads(json.dumps(document))
    turned["layout"] = "in,out"
    for holder, key in (
        (turned["layers"][0], "weight"),
        (turned["printed"], "layers.0.weight.grad"),
        (turned["printed"], "layers.0.weight.after"),
    ):
        holder[key] = [list(column) for column in zip(*holder[key], strict=True)]
    assert outside(verified(turned)) == {}
    turned["printed"]["layers.0.weight.after"][2][1] = "9.5"
    assert set(outside(verified(turned))) == {"layers.0.weight.after[2][1]"}


def test_one_vector() -> None:
    """An input without rows has outputs without rows."""
    document = published("cs231n_linear_3_4")
    del document["known_wrong"]
    document["input"] = document["input"][0]
    document["printed"]["output"] = document["printed"]["output"][0]
    assert set(outside(verified(document))) == {"output[2]"}


def test_no_value_is_undecided() -> None:
    """The logarithm of a probability that underflows to 0 has no value."""
    document: Document = {
        "layers": [{"weight": [["1"], ["0"]], "activation": "softmax"}],
        "input": [["90000"]],
        "target": [1],
        "loss": "cross_entropy",
        "printed": {"output": [["1", "0"]], "loss": "90000"},
    }
    report = verified(document)
    assert [check.verdict for check in report.checks] == ["within bound"] * 2 + ["undecided"]
    assert report.checks[2].cause == "the loss cross_entropy needs outputs above 0 and below 1"
