"""Which loss an error came from, as far as the frames of its traceback tell."""

from __future__ import annotations

import re
from dataclasses import replace

from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.reported import NAME, Reported
from fcinspect.diagnosis.rules.own_line import operands

SOFTMAX = {"softmax", "log_softmax", "softmin", "gumbel_softmax"}
CALLS = re.compile(r"\b(\w*loss|\w*cross_entropy\w*|kl_div|criterion|\w*Loss\(.*\))\(")
"""A call of a loss in a line of the reader's own."""


def through_loss(reported: Reported) -> str | None:
    """Return the function of torch.nn.functional that the error passed through, or None.

    "loss" stands for a loss module whose function has no frame of its own.
    """
    for frame in reversed(reported.frames):
        file = frame.file.replace("\\", "/")
        if file.endswith("nn/functional.py") and _is_loss(frame.function):
            return frame.function
        if file.endswith(("nn/modules/loss.py", "nn/_reduction.py")):
            return "loss"
    return None


def through_softmax(reported: Reported) -> str | None:
    """Return the softmax function that the error passed through, or None."""
    for frame in reversed(reported.frames):
        in_torch = frame.file.replace("\\", "/").endswith("nn/functional.py")
        if in_torch and frame.function in SOFTMAX:
            return frame.function
    own = reported.own_frame
    called = None if own is None else re.search(r"\b(log_softmax|softmax)\(", own.code)
    return None if called is None else called[1]


def elsewhere(reported: Reported) -> bool:
    """Whether a traceback shows that no loss was on the way to the error."""
    if not reported.frames or through_loss(reported) is not None:
        return False
    own = reported.own_frame
    return own is None or CALLS.search(own.code) is None


def named(causes: tuple[Cause, ...], reported: Reported) -> tuple[Cause, ...]:
    """Return the causes with the reader's own names in their code, where their line has them.

    From `loss = criterion(out, labels)` pred becomes out, and y becomes labels.
    """
    own = reported.own_frame
    if own is None or (CALLS.search(own.code) is None and through_loss(reported) is None):
        return causes
    given = operands(reported)[:2]
    pairs = zip(("pred", "y"), given if len(given) == 2 else (), strict=False)
    names = {usual: name for usual, name in pairs if NAME.match(name)}
    return tuple(_renamed(cause, names) for cause in causes)


def _renamed(cause: Cause, names: dict[str, str]) -> Cause:
    if cause.code is None:
        return cause
    code = re.sub(r"\b(pred|y)\b", lambda m: names.get(m[1], m[1]), cause.code)
    return replace(cause, code=code)


def _is_loss(function: str) -> bool:
    return "loss" in function or "cross_entropy" in function or function == "kl_div"
