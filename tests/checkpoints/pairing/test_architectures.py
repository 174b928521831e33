from __future__ import annotations

import random
from dataclasses import replace

import pytest

from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.places import FilePlace
from fcinspect.checkpoints.records import StoredTensor, unreadable
from fcinspect.checkpoints.storage import Stamp
from fcinspect.rounding.formats import FORMATS
from tests.checkpoints.pairing.architecture import Architecture
from tests.checkpoints.pairing.packed_models import PACKED
from tests.checkpoints.pairing.plain_models import PLAIN

ARCHITECTURES = {**PLAIN, **PACKED}
NOWHERE = Stamp(0)


def tensors(architecture: Architecture) -> list[StoredTensor]:
    """Return the tensors without numbers: pairing reads none."""
    shapes = {**architecture.layers, **architecture.biases}
    for group in architecture.skipped.values():
        assert not shapes.keys() & group.keys()
        shapes |= group
    found = []
    for number, (name, shape) in enumerate(shapes.items()):
        ends = [end for end in architecture.dtypes if name.endswith(end)]
        dtype = architecture.dtypes[max(ends, key=len)] if ends else "float32"
        known = dtype.islower()  # in our words
        place = FilePlace("x", NOWHERE, dtype, number, shape) if known else None
        tensor = unreadable(name, dtype, shape, f"holds {dtype}", place)
        found.append(replace(tensor, problem=None) if dtype in FORMATS else tensor)
    return found


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_published_models_are_told_apart(name: str, shuffled: bool) -> None:
    """Exactly the linear layers are found, and every other tensor has its own reason."""
    architecture = ARCHITECTURES[name]
    stored = tensors(architecture)
    if shuffled:
        random.Random(0).shuffle(stored)
    found = pair(stored, name)
    assert {f"{layer.name}.weight": layer.weight.shape for layer in found.layers} == dict(
        architecture.layers
    )
    assert {v.bias.name: v.bias.shape for v in found.layers if v.bias is not None} == dict(
        architecture.biases
    )
    reasons = {skip.name: skip.reason for skip in found.skipped}
    expected = {key: words for words, group in architecture.skipped.items() for key in group}
    assert reasons.keys() == expected.keys()
    wrong = {k: (reasons[k], words) for k, words in expected.items() if words not in reasons[k]}
    assert wrong == {}
    warned = {layer.name: " | ".join(layer.warnings) for layer in found.layers if layer.warnings}
    assert warned.keys() == architecture.named.keys()
    assert all(words in warned[layer] for layer, words in architecture.named.items())
