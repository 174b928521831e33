"""With which blanks each blank of a worksheet is computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fcinspect.worksheets.problem import Problem

LAYERED = re.compile(r"(\w+)\.([a-z_.]+)\[(\d+)(?:,(\d+))?\]", re.ASCII)


def operands(problem: Problem, name: str) -> tuple[str, ...]:
    """Return the ids of the results with which one is computed directly.

    Behind the last layer y = z.
    """
    if name == "loss":
        return _outputs(problem)
    if name == "loss_after":
        return tuple(f"output_after[{j}]" for j in range(problem.widths[-1]))
    if name.startswith("output_after"):
        return tuple(_parameters_after(problem))
    match = LAYERED.fullmatch(name)
    assert match is not None
    layer, place, j, i = match.groups()
    k = [one.name for one in problem.layers].index(layer)
    return _OF_PLACE[place](problem, k, int(j), int(i or 0))


def _outputs(problem: Problem) -> tuple[str, ...]:
    return tuple(f"{problem.layers[-1].name}.z[{j}]" for j in range(problem.widths[-1]))


def _parameters_after(problem: Problem) -> Iterator[str]:
    for layer in problem.layers:
        outputs, inputs = layer.shape
        for j in range(outputs):
            for i in range(inputs):
                yield f"{layer.name}.weight.after[{j},{i}]"
            if layer.bias is not None:
                yield f"{layer.name}.bias.after[{j}]"


def _of_z(problem: Problem, k: int, j: int, i: int) -> tuple[str, ...]:
    del j, i
    if k == 0:
        return ()
    return tuple(f"{problem.layers[k - 1].name}.a[{m}]" for m in range(problem.widths[k]))


def _of_grad_output(problem: Problem, k: int, j: int, i: int) -> tuple[str, ...]:
    del i
    name = problem.layers[k].name
    if k == len(problem.layers) - 1:
        return (f"{name}.z[{j}]",)
    # the derivative of relu is that at z, the others' is computed from a
    place = "z" if problem.activation == "relu" else "a"
    return f"{name}.grad_activation[{j}]", f"{name}.{place}[{j}]"


def _of_grad_activation(problem: Problem, k: int, j: int, i: int) -> tuple[str, ...]:
    del j, i
    name, count = problem.layers[k + 1].name, problem.widths[k + 2]
    return tuple(f"{name}.grad_output[{m}]" for m in range(count))


def _of_weight_grad(problem: Problem, k: int, j: int, i: int) -> tuple[str, ...]:
    inputs = (f"{problem.layers[k - 1].name}.a[{i}]",) if k else ()
    return (f"{problem.layers[k].name}.grad_output[{j}]", *inputs)


_OF_PLACE: Mapping[str, Callable[[Problem, int, int, int], tuple[str, ...]]] = {
    "z": _of_z,
    "a": lambda problem, k, j, i: (f"{problem.layers[k].name}.z[{j}]",),
    "grad_activation": _of_grad_activation,
    "grad_output": _of_grad_output,
    "weight.grad": _of_weight_grad,
    "bias.grad": lambda problem, k, j, i: (f"{problem.layers[k].name}.grad_output[{j}]",),
    "weight.after": lambda problem, k, j, i: (f"{problem.layers[k].name}.weight.grad[{j},{i}]",),
    "bias.after": lambda problem, k, j, i: (f"{problem.layers[k].name}.bias.grad[{j}]",),
}
