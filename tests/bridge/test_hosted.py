from __future__ import annotations

from typing import Any

import pytest

from fcinspect.bridge.hosted import Hosted, host
from fcinspect.bridge.subject import InProcess
from fcinspect.errors import InputError, Misbehaved
from fcinspect.verification.subject import LayerCall
from tests.bridge.test_subject import B, G, W, X, Y


def found(
    name: str,
    kind: str | None = None,
    dtype: str | None = None,
    **arguments: Any,
) -> InProcess:
    """Return an object of the examples as the other process would see it."""
    return host(f"tests.subjects.{name}", kind, dtype, "cpu", arguments)


@pytest.mark.parametrize(
    ("name", "kind", "dtype", "described"),
    [
        ("correct:Own", None, None, ("factory", "float32", None, None, True)),
        ("correct:Own", "module", "float64", ("factory", "float64", None, None, True)),
        ("correct:by_numpy", None, "float16", ("kernel", "float16", None, None, True)),
        ("correct:ready", None, None, ("module", "float32", 20, 10, True)),
        ("correct:ready", "module", "float32", ("module", "float32", 20, 10, True)),
        ("correct:ready_without_bias", None, None, ("module", "float32", 7, 7, False)),
        ("correct:half", None, None, ("module", "bfloat16", 20, 10, True)),
        ("correct:lacking_widths", None, None, ("module", "float32", None, None, False)),
    ],
)
def test_an_object_is_described_without_being_called(
    name: str, kind: str | None, dtype: str | None, described: tuple[Any, ...]
) -> None:
    """Its kind, its dtype, and a ready module's own widths and bias."""
    seen = found(name, kind, dtype).describe()
    assert (seen.kind, seen.dtype, seen.in_features, seen.out_features, seen.bias) == described


@pytest.mark.parametrize(
    ("name", "kind", "dtype", "words"),
    [
        ("correct:Onw", None, None, "has no object 'Onw'"),
        ("faulty_kernels:not_callable", None, None, "is an int: expected an nn.Module"),
        ("faulty_kernels:not_callable", "kernel", None, "is an int: expected an nn.Module"),
        ("correct:Own", "kernel", None, "--kind kernel: .* is a module class"),
        ("correct:ready", "kernel", None, "--kind kernel: .* is a ready module"),
        ("correct:ready", "factory", None, "--kind factory: .* is a ready module"),
        ("correct:ready", None, "float64", "--dtype float64: .* holds float32"),
        ("correct:half", None, "float32", "--dtype float32: .* holds bfloat16"),
    ],
)
def test_what_cannot_be_taken_so_is_refused(
    name: str, kind: str | None, dtype: str | None, words: str
) -> None:
    """The refusal names the option or the object, and what it is."""
    with pytest.raises(InputError, match=words):
        found(name, kind, dtype)


def test_arguments_are_for_factories() -> None:
    """They reach the factory, and are refused for a kernel."""
    call = LayerCall(X, W, B)
    made = host("tests.subjects.correct:factory", None, None, "cpu", {"device": "cpu"})
    assert made.call(call).output.shape == Y.shape
    with pytest.raises(Misbehaved, match="unexpected keyword argument 'unknown'"):
        found("correct:factory", unknown=1).call(call)
    with pytest.raises(InputError, match="--arg is for module factories"):
        found("correct:by_torch", unknown=1)


@pytest.mark.parametrize(("name", "only"), [("by_numpy", True), ("by_torch", False)])
def test_kernels_on_numpy_alone_are_recognised(name: str, only: bool) -> None:
    """They have no bfloat16."""
    assert found(f"correct:{name}", dtype="bfloat16").takes_only_numpy() == only


def test_the_other_process_answers_as_this_one() -> None:
    """The same numbers come back from there."""
    hosted = Hosted("tests.subjects.correct:with_backward", None, None, "cpu", {}, 60.0)
    try:
        assert (hosted.kind, hosted.takes, hosted.differentiable) == ("kernel", "numpy", True)
        answer = hosted.call(LayerCall(X, W, B, grad_output=G))
        assert answer.output.values.tolist() == Y.tolist()
        assert answer.grad_bias is not None
        assert answer.grad_bias.values.tolist() == G.values.sum(axis=0).tolist()
    finally:
        hosted.close()
