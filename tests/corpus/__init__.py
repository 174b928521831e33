"""Planted faults: what people get wrong about linear layers, each as code that does it."""

from __future__ import annotations

from tests.corpus.arithmetic import ALL_FORWARD
from tests.corpus.faults import KINDS, Fault, Kind
from tests.corpus.gradients import GRADIENTS
from tests.corpus.initialisation import INITIALISATION
from tests.corpus.loops import LOOPS
from tests.corpus.losses import LOSS_FAULTS
from tests.corpus.optimizers import OPTIMIZERS

CORPUS: tuple[Fault, ...] = (
    *ALL_FORWARD, *GRADIENTS, *LOSS_FAULTS, *OPTIMIZERS, *INITIALISATION, *LOOPS,
)  # fmt: skip
"""All planted faults."""

__all__ = ["CORPUS", "KINDS", "Fault", "Kind", "of_kind"]


def of_kind(kind: Kind) -> tuple[Fault, ...]:
    """Return the faults of one kind."""
    return tuple(fault for fault in CORPUS if fault.kind == kind)
