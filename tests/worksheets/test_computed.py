"""Worksheets that a program fills in: rounding of float32 and float64 is no slip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import nn

from fcinspect.worksheets.answers import Answer, read_answer
from fcinspect.worksheets.grading import Grade, Mark, grade
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import KINDS, Problem, SheetOptions
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.working import without_noise
from tests.worksheets.pupil import worked_out

FULL = (Mark.RIGHT, Mark.ROUNDED)


def in_torch(problem: Problem, dtype: torch.dtype) -> dict[str, float]:
    """Return the results as a script with nn.Linear, backward() and torch.optim.SGD prints them."""

    def tensor(values: Sequence[Any]) -> torch.Tensor:
        return torch.tensor([float(v) for v in values], dtype=dtype)

    found: dict[str, float] = {}

    def note(place: str, value: torch.Tensor | None) -> None:
        assert value is not None
        for at in torch.cartesian_prod(*map(torch.arange, value.shape)).reshape(-1, value.ndim):
            where = ",".join(map(str, at.tolist()))
            found[f"{place}[{where}]"] = value[tuple(at)].item()

    linears = []
    for layer in problem.layers:
        linear = nn.Linear(layer.shape[1], layer.shape[0], layer.bias is not None, dtype=dtype)
        linear.weight.data = torch.stack([tensor(row) for row in layer.weight])
        if layer.bias is not None:
            linear.bias.data = tensor(layer.bias)
        linears.append(linear)
    seen, a = [], tensor(problem.x)
    for layer, linear in zip(problem.layers, linears, strict=True):
        z = linear(a)
        a = torch.relu(z) if layer.activation == "relu" else z
        z.retain_grad()
        a.retain_grad()
        seen.append((z, a))
    loss = nn.functional.mse_loss(a, tensor(problem.target))
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    parameters = [p for linear in linears for p in linear.parameters()]
    grads = [[(n, p.grad) for n, p in linear.named_parameters()] for linear in linears]
    torch.optim.SGD(parameters, lr=float(problem.learning_rate)).step()
    for layer, linear, (z, b), its in zip(problem.layers, linears, seen, grads, strict=True):
        note(f"{layer.name}.z", z)
        note(f"{layer.name}.a", b)
        note(f"{layer.name}.grad_output", z.grad)
        note(f"{layer.name}.grad_activation", b.grad)
        for name, gradient in its:
            note(f"{layer.name}.{name}.grad", gradient)
        for name, parameter in linear.named_parameters():
            note(f"{layer.name}.{name}.after", parameter)
    y = tensor(problem.x)
    for k, linear in enumerate(linears):
        y = linear(torch.relu(y) if k else y)
    note("output_after", y)
    found["loss"] = loss.item()
    found["loss_after"] = nn.functional.mse_loss(y, tensor(problem.target)).item()
    return found


def in_floats(problem: Problem) -> Mapping[str, object]:
    """Return the results of plain loops over Python's floats."""

    def row(values: Sequence[Fraction]) -> Any:
        return tuple(map(float, values))

    layers = tuple(
        replace(
            layer,
            weight=tuple(map(row, layer.weight)),
            bias=None if layer.bias is None else row(layer.bias),
        )
        for layer in problem.layers
    )
    rate: Any = float(problem.learning_rate)
    made = replace(
        problem, layers=layers, x=row(problem.x), target=row(problem.target), learning_rate=rate
    )
    return {name: float(value) for name, value in worked_out(made).items()}


def graded(problem: Problem, results: Mapping[str, object]) -> Grade:
    """Return the grade of a sheet filled in with these."""
    blanks = Sheet(problem).blanks
    return grade(problem, {blank.id: read_answer(results[blank.id]) for blank in blanks})


@pytest.mark.parametrize("widths", [(3, 2, 2), (2, 3, 1), (2, 2, 2, 2)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_has_all_right(kind: str, widths: tuple[int, ...]) -> None:
    """Whatever float32 and float64 make of a result, it is right or right up to rounding."""
    noisy = 0
    for seed in range(6):
        problem = make(SheetOptions(kind, widths, seed))
        sheets = {
            "float32": in_torch(problem, torch.float32),
            "float64": in_torch(problem, torch.float64),
            "floats": in_floats(problem),
        }
        for how, results in sheets.items():
            found = graded(problem, results)
            missed = [item for item in found.items if item.mark not in FULL]
            assert not missed, (how, seed, missed)
            noisy += found.count(Mark.ROUNDED)
    assert noisy > 20 or kind not in ("step", "all")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_slips_of_a_program_show(dtype: torch.dtype) -> None:
    """A result beyond the rounding of float32 is wrong, and what comes from it follows."""
    for seed in range(6):
        problem = make(SheetOptions("all", (3, 2, 2), seed))
        results: dict[str, object] = dict(in_torch(problem, dtype))
        right = results["fc1.weight.after[0,0]"]
        assert isinstance(right, float)
        results["fc1.weight.after[0,0]"] = right + 1.0000123e-4
        found = {item.id: item for item in graded(problem, results).items}
        assert found["fc1.weight.after[0,0]"].mark is Mark.WRONG


def test_many_digits_by_hand() -> None:
    """A number with more digits than it needs is right up to rounding; with fewer it is wrong."""
    problem = make(SheetOptions("step", (3, 2, 2), 7))
    right = next(b for b in Sheet(problem).blanks if b.answer == Fraction(1, 5))
    marks = {}
    for text in ("0.2", "0.20000000000000018", "0.2000001", "0.20001", "0.20001234", "0.201"):
        items = graded(problem, {**in_floats(problem), right.id: text}).items
        marks[text] = next(item.mark for item in items if item.id == right.id)
    assert marks == {
        "0.2": Mark.RIGHT,
        "0.20000000000000018": Mark.ROUNDED,
        "0.2000001": Mark.ROUNDED,
        "0.20001": Mark.WRONG,
        "0.20001234": Mark.WRONG,
        "0.201": Mark.WRONG,
    }


def test_zero_with_noise() -> None:
    """What should be 0 may be as far from it as the terms' rounding, which is said."""
    problem = make(SheetOptions("forward", (3, 2, 2), 0))
    name = next(blank.id for blank in Sheet(problem).blanks)

    def sure(text: str) -> Fraction | None:
        answer = read_answer(text)
        assert isinstance(answer, Answer)
        return without_noise(problem, {name: answer})[name].unit

    assert sure("5.9605e-08") == sure("4.440892098500626e-16") == Fraction(1, 10**5)
    assert sure("0.001") == Fraction(1, 1000)
    assert sure("1234567") is None
