from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from fcinspect.arithmetic.following import follow, parse_address
from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    Optimizer,
    optimizer_named,
)
from fcinspect.arithmetic.training import StepRequest
from fcinspect.bridge.step import run_steps
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.media.emit import rendered
from fcinspect.page.view import View
from fcinspect.reports.step.view import view_of_step
from fcinspect.verification.step import check_steps

SGD = optimizer_named("sgd", {})


def view(
    widths: tuple[int, ...] = (3, 5, 2),
    *,
    optimizer: Optimizer = SGD,
    loss: str = "mse",
    hidden: str = "relu",
    batch: tuple[int, ...] = (),
    steps: int = 1,
    parameter: str | None = None,
    x: Array | None = None,
) -> View:
    """Return the view of a seeded step."""
    last = "sigmoid" if loss == "bce" else "identity"
    activations = (*[hidden] * (len(widths) - 2), last)
    request = StepRequest(widths, activations, optimizer, loss, batch=batch, x=x)
    report = check_steps(run_steps(request, steps))
    followed = None if parameter is None else follow(report.last, parse_address(parameter))
    return view_of_step(report, followed, {}, notes=("seeded",))


def text_of(shown: View) -> str:
    """Return the page as a pipe gets it."""
    return rendered(shown, "txt", precision=4)


def data_of(shown: View) -> Any:
    """Return the JSON data."""
    return json.loads(rendered(shown, "json"))["data"]


def test_the_page_follows_the_numbers_from_top_to_bottom() -> None:
    """Forward, loss, backward, update, after the step, check: in this order."""
    page = text_of(view())
    headings = ["Forward", "Loss", "Backward", "Update", "After the step", "Check"]
    places = [page.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    backward = page[places[2] :]
    assert backward.index("fc2 ") < backward.index("fc1 ")


def test_the_relu_mask_and_the_zeros_it_makes_are_seen() -> None:
    """As bare zeros and ones."""
    page = text_of(view())
    assert "mask = φ′(z) = [" in page
    mask = page.split("mask = φ′(z) = [")[1].split("]")[0].split()
    assert set(mask) == {"0", "1"}


@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_every_loss_is_put_in_numbers(loss: str, batch: tuple[int, ...]) -> None:
    """Its terms, their sum, and what is made of it."""
    shown = view(loss=loss, batch=batch)
    page = text_of(shown)
    value = data_of(shown)["loss_before"]
    assert "loss = " in page
    line = next(line for line in page.splitlines() if line.strip().startswith("loss = "))
    assert line.rstrip().endswith(f"= {value:.4f}")
    sum_and_scale = line.split("=")[1].replace("½·", "0.5*").replace("·", "*")
    sum_and_scale = sum_and_scale.replace("(", "/").replace(")", "").replace("//", "/")
    number, *rest = sum_and_scale.replace("*", "/").split("/")
    if loss == "half_sum_squares":
        assert 0.5 * float(rest[0]) == pytest.approx(value, abs=2e-4)
    else:
        assert float(number) / np.prod([float(r) for r in rest]) == pytest.approx(value, abs=2e-4)


@pytest.mark.parametrize("hidden", ACTIVATION_NAMES)
def test_every_activation_has_its_page(hidden: str) -> None:
    """And its check."""
    page = text_of(view(hidden=hidden, batch=(2,)))
    assert "Within bound" in page
    assert hidden == "identity" or f"a = {hidden}(z) =" in page


@pytest.mark.parametrize("optimizer", OPTIMIZER_NAMES)
def test_every_optimizer_shows_its_formula(optimizer: str) -> None:
    """And the numbers of a followed parameter can be redone by hand."""
    options = {"momentum": 0.9} if optimizer == "sgd" else {}
    shown = view(
        optimizer=optimizer_named(optimizer, options), steps=2, parameter="fc2.weight[1,3]"
    )
    working = data_of(shown)["parameter"]["working"]
    assert working
    for line in working:
        expression = (
            line["numbers"].replace("−", "-").replace("·", "*").replace("^", "**")
            .replace("²", "**2").replace("√(", "np.sqrt(").replace("max(", "np.maximum(")
        )  # fmt: skip
        if "√" in expression:
            head, _, tail = expression.partition("√")
            number, _, rest = tail.partition(" ")
            expression = f"{head}np.sqrt({number}) {rest}"
        assert eval(expression) == pytest.approx(line["value"], rel=1e-7, abs=1e-300), line
    assert working[-1]["name"] == "update"
    assert "update = " in text_of(shown)


def test_the_terms_of_a_followed_weight_add_up_to_its_gradient() -> None:
    """Each row's G·x."""
    followed = data_of(view(batch=(2, 3), parameter="fc1.weight[2,1]"))["parameter"]
    assert len(followed["terms"]) == 6
    total = sum(term["grad_output"] * term["input"] for term in followed["terms"])
    assert total == pytest.approx(followed["grad"], rel=1e-6)
    assert followed["terms"][-1]["running_sum"] == pytest.approx(total, rel=1e-12)
    assert [term["row"] for term in followed["terms"]][3] == [1, 0]


def test_a_followed_bias_sums_the_gradients_that_arrive() -> None:
    """Its input is 1."""
    followed = data_of(view(batch=(3,), parameter="fc2.bias[1]"))["parameter"]
    assert {term["input"] for term in followed["terms"]} == {1.0}


def test_large_layers_say_what_they_leave_out() -> None:
    """Rows, columns, terms and numbers."""
    page = text_of(view((30, 40, 20), batch=(20,)))
    for said in ("of 40 columns", "of 20 rows", "of 400 terms", "of 1,200 numbers"):
        assert said in page, said


def test_many_steps_show_the_loss_of_each_and_leave_out_the_middle() -> None:
    """With all of them in JSON."""
    shown = view(steps=30)
    assert "showing 11 of 31" in text_of(shown)
    assert [entry["step"] for entry in data_of(shown)["losses"]] == list(range(31))
    assert "steps 1 to 29, checked the same way: within bound" in text_of(shown)


def test_json_holds_the_numbers_of_memory_exactly() -> None:
    """new − old in float64 is the difference of the two."""
    data = data_of(view())
    for layer in data["layers"]:
        for name in ("weight", "bias"):
            arrays = {k: np.array(layer[name][k]["values"]) for k in ("before", "update", "after")}
            assert (arrays["after"] - arrays["before"] == arrays["update"]).all()
    assert data["verdict"] == "within bound"
    assert {"name", "verdict", "max_ratio", "worst", "cause", "detail"} <= data["checks"][0].keys()


def test_csv_has_one_row_a_number_and_all_digits() -> None:
    """Titles first."""
    lines = rendered(view(), "csv").splitlines()
    assert lines[0] == "parameter,index,before,grad,update,after"
    assert len(lines) == 1 + 15 + 5 + 10 + 2
    before, update, after = (float(lines[1].split(",")[i]) for i in (2, 4, 5))
    assert before + update == after


def test_undecided_numbers_fail_and_stay_valid_json() -> None:
    """NaN in x."""
    shown = view(x=Array.of([float("nan"), 1.0, 2.0], "float32"))
    assert not shown.ok
    assert "Undecided" in text_of(shown)
    data = data_of(shown)
    assert data["verdict"] == "undecided"
    assert data["loss_before"] is None
    assert data["input"]["nonfinite"] == [{"index": [0], "value": "nan"}]


@pytest.mark.parametrize(
    "text", ["fc1.weight", "fc1.weight[]", "fc1.weight[-1,0]", "[1]", "fc1.weight[1,2,3]", ""]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(UsageError, match="expected a name and an index"):
        parse_address(text)


def test_the_page_fits_a_terminal_of_80_columns() -> None:
    """No line of the default example is wider."""
    import io

    from rich.console import Console

    from fcinspect.media.terminal import print_page

    console = Console(file=io.StringIO(), width=80, markup=False, highlight=False, emoji=False)
    print_page(view((3, 5, 4, 2)).page(4), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert "⋯" not in console.file.getvalue()
