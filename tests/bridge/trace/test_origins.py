"""Parameters are followed to where they are used, and counted once, however they get there."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from fcinspect.bridge.traced import Traced
from fcinspect.shapes.steps import Device, ModuleTrace, Tensor

FILE = Path(__file__).with_name("unusual_modules.py")


def traced(name: str, *shape: int, device: Device | None = None) -> ModuleTrace:
    """Return the trace of one of the modules in the file."""
    found = Traced(f"{FILE}:{name}", {}).trace([Tensor(shape, "")], None, False, device)
    assert found.failure is None, found.failure
    return found


EVERY = {
    "Queries": (4, 7, 6), "Prototypes": (4, 8), "FirstState": (4, 7, 6), "Normed": (4, 6),
    "LowRank": (4, 6), "Fast": (4, 6), "WritesInto": (4, 6), "BilinearScore": (4, 6),
    "compiled": (4, 6),
}  # fmt: skip


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", EVERY)
def test_every_parameter_is_used_and_counts_once(name: str, device: Device | None) -> None:
    """Those that enter a layer, that a weight is made of, or that are written into."""
    found = traced(name, *EVERY[name], device=device)
    assert found.unused == ()
    assert found.parameters == sum(step.count for step in found.steps) > 0
    assert found.unregistered == 0


def test_a_parameter_that_is_returned_is_used() -> None:
    """Though no step took it together with the input."""
    assert traced("Scaled", 4, 6).unused == ()


def test_a_parameter_that_enters_a_layer_is_one_of_the_step() -> None:
    """By its own name, beside those of the layer."""
    attention = next(s for s in traced("Queries", 4, 7, 6).steps if s.path == "attention")
    assert attention.parameters[-1].name == "queries"
    assert attention.parameters[-1].shape == (10, 8)


def test_products_of_parameters_alone_are_steps() -> None:
    """They multiply as any other; the layer that takes the product is linear, they are not."""
    product, layer = traced("LowRank", 4, 6).steps
    assert (product.kind, product.linear, product.macs) == ("matmul", False, 5 * 2 * 6)
    assert [p.name for p in product.parameters] == ["up", "down"]
    assert (layer.kind, layer.linear, layer.macs) == ("linear", True, 4 * 6 * 5)
    assert [(p.name, p.new) for p in layer.parameters] == [
        ("weight", True), ("up", False), ("down", False),
    ]  # fmt: skip
    fc, *others = traced("Prototypes", 4, 8).steps
    assert (fc.path, fc.linear, fc.macs) == ("fc", True, 10 * 8 * 8)
    assert [step.kind for step in others] == ["relu", "t", "matmul"]


def test_a_made_weight_is_a_weight() -> None:
    """Of a linear layer with parametrizations, however torch makes it."""
    linear = [step for step in traced("Normed", 4, 6).steps if step.linear]
    assert [(s.path, s.weight, s.bias) for s in linear] == [
        ("a", (5, 6), (5,)), ("b", (5, 5), (5,)), ("c", (5, 5), (5,)), ("d", (2, 5), (2,)),
    ]  # fmt: skip


def test_a_weight_may_be_a_vector_or_made_of_the_input() -> None:
    """It is the weight all the same, and no bias."""
    vector, *_, computed = traced("Weighs", 4, 6).steps
    assert (vector.kind, vector.linear, vector.weight, vector.bias) == ("matmul", True, (6,), None)
    assert (computed.kind, computed.weight, computed.bias) == ("linear", (3, 6), (3,))
    assert computed.macs == 4 * 6 * 3


@pytest.mark.parametrize(("name", "first"), [("WritesInto", ["add"]), ("SetsPart", ["getitem"])])
def test_what_is_written_into_a_copy_of_a_parameter_is_followed(
    name: str, first: list[str]
) -> None:
    """From then on the copy is no longer made of the parameter alone."""
    assert [step.kind for step in traced(name, 4, 6).steps] == [*first, "relu", "tanh"]


@pytest.mark.parametrize("lead", [(4,), (4, 7), ()])
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_bilinear_layer_multiplies_twice(lead: tuple[int, ...], device: Device) -> None:
    """x₁ᵀ·A is 6·4 products for each output, and times x₂ 4 more; it is no linear layer."""
    fc, score = traced("BilinearScore", *lead, 6, device=device).steps
    assert fc.linear
    assert not score.linear
    assert score.macs == prod(lead) * 5 * (6 * 4 + 4)


def test_hidden_layers_have_a_path_and_are_said_to_be_unregistered() -> None:
    """In objects, in attributes with an underscore, and past torch's own bookkeeping."""
    found = traced("Hides", 4, 6)
    assert [step.path for step in found.steps] == ["bag.fc", "_layers[0]", "out"]
    assert (found.parameters, found.unregistered) == (0, 28 + 20 + 10)


def test_layers_that_a_run_makes_say_so() -> None:
    """One that is registered counts with the module, one that is not does not."""
    kept, lost = traced("MakesLayers", 4, 6).steps
    assert (kept.path, kept.note, kept.made_in_run) == ("fc", "made in forward", True)
    assert [p.name for p in kept.parameters] == ["fc.weight", "fc.bias"]
    assert lost.note == "made in forward"
    assert lost.made is not None
    assert lost.made.function == "forward"
    assert [p.name for p in lost.parameters] == ["", ""]
    found = traced("MakesLayers", 4, 6)
    assert (found.parameters, found.unregistered) == (28, 10)


def test_a_compiled_module_is_one_step() -> None:
    """Its parts are not called from Python; its products are counted all the same."""
    (step,) = traced("compiled", 4, 6).steps
    assert step.path == ""
    assert step.macs == 4 * 6 * 4 + 4 * 4 * 2
    assert [p.name for p in step.parameters] == ["a.weight", "a.bias", "b.weight", "b.bias"]
