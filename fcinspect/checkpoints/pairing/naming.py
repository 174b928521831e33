"""What the name of a tensor is made of, and what kind of number its dtype is."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase

WEIGHT = re.compile(r"(?s)(?:(?P<path>.*)(?P<separator>[./]))?(?P<leaf>weight|kernel)")
SHORT_WEIGHTS = ("W", "w")
"""What formulas call a weight; its bias is b."""
BIAS = re.compile(r"(?s)(?:.*[./])?bias")
WHOLE = re.compile(r"(?i)u?int\d*|[ui]\d+|q?u?int\d+|quint\dx\d|bool")
"""Integer formats, in torch's words and in those of safetensors."""


LONGEST_JUDGED = 256
"""Letters; nobody gives longer names, and a pattern may take the square of a name's length."""


def match(pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    """Return how a whole name fits a pattern, None where it does not or is absurdly long."""
    return pattern.fullmatch(words) if len(words) <= LONGEST_JUDGED else None


def module_path(key: str) -> str:
    """Return the layer that a state-dict key belongs to: "fc1" for "fc1.weight"."""
    found = WEIGHT.fullmatch(key)
    return key if found is None else found["path"] or ""


def spelled_out(keys: Collection[str]) -> dict[str, str]:
    """Return "fc1.weight" for "fc1.W" or "fc1.w", and "fc1.bias" for the "fc1.b" beside it.

    A key whose long name stands there as well keeps its own, and so does a "b" without a weight.
    """
    found = {}
    for key in keys:
        path, last = split(key)
        if last in SHORT_WEIGHTS and f"{path}weight" not in keys:
            found[key] = f"{path}weight"
    for path in [split(key)[0] for key in found]:
        if f"{path}b" in keys and f"{path}bias" not in keys:
            found[f"{path}b"] = f"{path}bias"
    return found


def split(name: str) -> tuple[str, str]:
    """Return all but the last part of a name, its separator included, and the last part."""
    last = last_part(name)
    return name[: len(name) - len(last)], last


def last_part(name: str) -> str:
    """Return what stands after the last dot or slash."""
    return name.rpartition(".")[2].rpartition("/")[2]


def is_whole(dtype: str) -> bool:
    """Whether a dtype holds integers."""
    return WHOLE.fullmatch(dtype) is not None


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern of a shell, or is that very text: experts[3]."""
    return name == pattern or fnmatchcase(name, pattern)
