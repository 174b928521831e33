"""What the bridge takes of torch beyond its documentation; each says what is lost without it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fcinspect.bridge.trace.tensors import storage
from tests.diagnosis.corpus import BEFORE_2_13

TRACED = """
import sys
from fcinspect.bridge.traced import Traced
from fcinspect.shapes.steps import Tensor
inputs = [Tensor((4, 3), "float32", "")]
found = Traced("fcinspect.examples:MLP", {}).trace(inputs, None, False, None)
assert found.failure is None and found.device == "meta"
sys.exit("torch._dynamo" in sys.modules)
"""


def test_operators_are_seen() -> None:
    """TorchDispatchMode stands in a module with an underscore: torch documents no other place."""
    seen = []

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(func.overloadpacket)
            return func(*args, **(kwargs or {}))

    with Watch():  # type: ignore[no-untyped-call]
        torch.ones(2) + 1
    assert torch.ops.aten.add in seen


def test_a_trace_does_not_import_the_compiler() -> None:
    """_should_skip_dynamo sees to that in newer versions, where each trace takes seconds longer."""
    assert hasattr(TorchDispatchMode, "_should_skip_dynamo") or BEFORE_2_13
    subprocess.run([sys.executable, "-c", TRACED], check=True)


def test_the_compiler_has_the_name_that_is_imported_in_advance() -> None:
    """torch.optim's classes import torch._dynamo: no part of the time that foreign code has."""
    assert importlib.util.find_spec("torch._dynamo") is not None


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_storages_are_told_apart(device: str) -> None:
    """_cdata is the address of a storage; data_ptr() is 0 for all on the meta device."""
    one, other = (torch.empty(2, 3, device=device) for _ in range(2))
    assert storage(one) == storage(one.t()) == storage(one[0])
    assert storage(one) != storage(other)
    assert one.untyped_storage()._cdata == storage(one)
