"""What JSON takes when it is parsed, counted before.

An empty list takes fifty times its two characters, an object a hundred times; numbers in rows take
about ten times theirs.
"""

from __future__ import annotations

from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free

COSTS = {"[": 100, "{": 360, '"': 40, ",": 24, "null": 150}
"""Bytes of a list, an object, half a text, a number, and a number that JSON has not."""
ALWAYS = 1 << 26
"""Bytes that every text may take."""
TIMES = 16
"""Times its own bytes that a longer text may take."""


def require_proportionate(text: str | bytes | bytearray, source: str) -> None:
    """Raise InputError for JSON that takes far more memory, and so time, than its length tells."""
    needed = cost_of(text)
    if needed > max(ALWAYS, TIMES * len(text)):
        raise InputError(
            f"{source} has too many short lists, objects or texts for its {len(text)} bytes: parsed"
            f" they would take {needed // len(text)} times as many",
            hint="write large layers as .safetensors or .npz",
        )
    require_free(needed, f"reading {source}", refusal=InputError)


def cost_of(text: str | bytes | bytearray) -> int:
    """Return about how many bytes a JSON text takes when it is parsed."""
    if isinstance(text, str):
        return sum(text.count(mark) * cost for mark, cost in COSTS.items())
    return sum(text.count(mark.encode()) * cost for mark, cost in COSTS.items())
