"""Mistakes that people make around linear layers: each runs torch and meets its message."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.torch_version import TorchVersion

BEFORE_2_13 = torch.__version__ < TorchVersion("2.13")
"""Torch before 2.13 has other words for some mistakes, and none for others."""


@dataclass(frozen=True)
class Mistake:
    """A piece of code that torch answers with an error or a warning."""

    name: str
    make: Callable[[], object]
    """Runs the mistake: it raises, or warns."""
    cause: str
    """The name of the cause that a diagnosis must put first."""
    kind: str
    """The family that must know the message."""


class NoMessage(AssertionError):
    """Torch let the mistake pass without a word."""


def said(mistake: Mistake) -> tuple[str, str]:
    """Return the message as one pastes it, alone and as the end of a whole traceback."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            mistake.make()
        except Exception as error:
            whole = "".join(traceback.format_exception(error))
            return f"{type(error).__name__}: {error}", whole
    for warning in caught:
        line = (
            f"{warning.filename}:{warning.lineno}: {warning.category.__name__}: {warning.message}"
        )
        return str(warning.message), f"{line}\n  some_code(x)\n"
    raise NoMessage(mistake.name)
