"""Every mistake of the corpus, made with real torch: its cause is the first that is named."""

from __future__ import annotations

import ast

import pytest

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis
from tests.diagnosis.corpus import (
    Mistake,
    backward,
    construction,
    devices,
    dtypes,
    losses,
    optimizers,
    product,
    said,
    shape,
    state_dicts,
)

MISTAKES: tuple[Mistake, ...] = (
    *product.MISTAKES,
    *state_dicts.MISTAKES,
    *losses.MISTAKES,
    *dtypes.MISTAKES,
    *devices.MISTAKES,
    *backward.MISTAKES,
    *optimizers.MISTAKES,
    *construction.MISTAKES,
    *shape.MISTAKES,
)


def is_python(code: str) -> bool:
    """Whether a reader could paste the code: statements, or the head of one."""
    for text in (code, f"{code} pass", f"def f():\n    {code}"):
        try:
            ast.parse(text.replace("…", "0"))
        except SyntaxError:
            continue
        return True
    return False


LEAST_CASES = 120
LEAST_FIRST = 0.95
"""The share of messages whose cause must stand first; all must be among the first three."""


@pytest.mark.parametrize("whole", [False, True], ids=["message", "traceback"])
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.kind}-{m.name}")
def test_the_cause_is_among_the_first_three(mistake: Mistake, whole: bool) -> None:
    """The family knows what torch says, and names the cause with a fix."""
    text = said(mistake)[whole]
    found = diagnose(text)
    assert isinstance(found, Diagnosis), text
    assert found.kind == mistake.kind, text
    assert mistake.cause in [cause.name for cause in found.likely[:3]], (text, found)
    for cause in found.likely:
        assert cause.cause
        assert cause.cause.split()[0] not in {"a", "an", "the", "one", "what", "something"}, cause
        assert cause.fix
        words = (cause.cause, cause.evidence, cause.fix)
        assert "{" not in "".join(words).replace("{}", ""), cause
        assert not any(part.endswith(".") for part in words), cause
        if cause.code is not None:
            assert is_python(cause.code), cause


def test_nearly_always_the_cause_is_the_first() -> None:
    """At least 95 % of at least 120 messages, bare and in a traceback."""
    assert len({m.name for m in MISTAKES}) == len(MISTAKES) >= LEAST_CASES
    first = missed = 0
    wrong = []
    for mistake in MISTAKES:
        for text in said(mistake):
            found = diagnose(text)
            if isinstance(found, Diagnosis) and found.likely[0].name == mistake.cause:
                first += 1
            else:
                missed += 1
                wrong.append(mistake.name)
    assert first / (first + missed) >= LEAST_FIRST, wrong
