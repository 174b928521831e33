from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fcinspect.bridge.linear import create_layer, run_layer, to_array, to_tensor
from fcinspect.errors import UsageError
from fcinspect.layers.linear import INITIALISERS, LinearRequest
from fcinspect.reports.scripts import seeded_layer

DTYPES = ("float64", "float32", "bfloat16", "float16")


def plain(request: LinearRequest) -> nn.Linear:
    """Make the layer as a user of PyTorch would."""
    torch.manual_seed(request.seed)
    layer = nn.Linear(
        request.in_features,
        request.out_features,
        bias=request.bias,
        dtype=getattr(torch, request.dtype),
    )
    if request.init != "default":
        getattr(nn.init, f"{request.init}_")(layer.weight)
    return layer


REQUESTS = st.builds(
    LinearRequest,
    in_features=st.integers(1, 20),
    out_features=st.integers(1, 20),
    bias=st.booleans(),
    seed=st.integers(0, 2**53 - 1),
    dtype=st.sampled_from(DTYPES),
    init=st.sampled_from(INITIALISERS),
).filter(lambda r: r.init != "orthogonal" or r.dtype in ("float64", "float32"))


@given(REQUESTS)
@settings(max_examples=200, deadline=None)
def test_numbers_equal_a_pytorch_script_bit_for_bit(request: LinearRequest) -> None:
    """Every dtype and initialiser gives the numbers of the three lines a user would write."""
    ours, theirs = create_layer(request), plain(request)
    assert torch.equal(to_tensor(ours.weight), theirs.weight)
    assert ours.dtype == request.dtype
    assert (ours.bias is None) == (theirs.bias is None)
    if ours.bias is not None:
        assert torch.equal(to_tensor(ours.bias), theirs.bias)


@given(REQUESTS, st.sampled_from([(), (3,), (2, 3), (0,)]))
@settings(max_examples=60, deadline=None)
def test_input_and_output_equal_a_pytorch_script(
    request: LinearRequest, batch: tuple[int, ...]
) -> None:
    """The input is drawn after the layer, and the output is torch's own."""
    _, x, y = run_layer(request, batch)
    module = plain(request)
    given = torch.randn(*batch, request.in_features, dtype=getattr(torch, request.dtype))
    assert torch.equal(to_tensor(x), given)
    with torch.no_grad():
        assert torch.equal(to_tensor(y), module(given))


@pytest.mark.parametrize("init", INITIALISERS)
def test_the_script_that_is_shown_gives_the_same_numbers(init: str) -> None:
    """Running the text of --show-code makes the same weight."""
    request = LinearRequest(5, 3, seed=7, dtype="float64", init=init)
    names: dict[str, nn.Linear] = {}
    exec(seeded_layer(request), names)
    assert torch.equal(names["layer"].weight, to_tensor(create_layer(request).weight))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_are_copied_exactly_both_ways(dtype: str) -> None:
    """Infinities, negative zero and subnormals survive, and no memory is shared."""
    special = [0.0, -0.0, 1 / 3, float("inf"), float("-inf"), 1e-45]
    tensor = torch.tensor(special, dtype=getattr(torch, dtype))
    back = to_tensor(to_array(tensor))
    assert torch.equal(back, tensor)
    assert back.data_ptr() != tensor.data_ptr()
    assert np.signbit(to_array(tensor).values[1])


def test_what_torch_cannot_initialise_is_a_usage_error() -> None:
    """Torch's own errors never reach the user as a crash."""
    for request in (
        LinearRequest(0, 0, init="xavier_uniform"),
        LinearRequest(2, 2, dtype="float16", init="orthogonal"),
    ):
        with pytest.raises(UsageError, match="torch cannot initialize"):
            create_layer(request)


def test_width_0_is_made_without_a_warning() -> None:
    """The report says that nothing was initialised; torch need not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = create_layer(LinearRequest(0, 3))
    assert (layer.in_features, layer.out_features) == (0, 3)


def test_a_process_of_its_own_gives_the_same_numbers() -> None:
    """The oracle runs in a process that has never seen fcinspect."""
    script = (
        "import torch; torch.manual_seed(0); w = torch.nn.Linear(4, 2).weight;print(w.tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == str(create_layer(LinearRequest(4, 2)).weight.values.tolist())
