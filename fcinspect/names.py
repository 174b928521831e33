"""How a name may be written: in any case, as torch does, or in short; lists and ordinals.

``MSELoss``, ``nn.MSELoss()`` and ``mse`` are one loss; ``bf16`` and ``torch.bfloat16`` one dtype.
Each list of known names stays where it belongs; here is only what else may be typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

PREFIX = re.compile(r"(torch\.)?((nn|optim|functional|init|f)\.)*", re.IGNORECASE)
"""What may stand before a name: torch., nn., torch.optim., nn.functional., F., nn.init."""
JOINED = re.compile(r"[\s_,-]+")
"""What may stand between the words of a name, or be left out."""

NAMED = {
    "float16": "half fp16 f16",
    "bfloat16": "bf16",
    "float32": "float single fp32 f32",
    "float64": "double fp64 f64",
    "int64": "long",
    "int32": "int",
    "int16": "short",
    "uint8": "byte",
    "bool": "boolean",
    "l1": "mae",
    "cross_entropy": "ce",
    "bce": "binarycrossentropy",
    "leaky_relu": "lrelu",
    "identity": "linear none",
    "sigmoid": "logistic",
    "xavier_uniform": "glorotuniform",
    "xavier_normal": "glorotnormal",
    "kaiming_uniform": "heuniform",
    "kaiming_normal": "henormal",
    "text": "txt plain",
    "md": "markdown",
    "latex": "tex",
    "ndjson": "jsonl",
    "dot": "gv graphviz",
    "mermaid": "mmd",
    "powershell": "pwsh",
}
"""By known name: its other ones, in small letters and without what joins their words."""
ALIASES = {other: name for name, others in NAMED.items() for other in others.split()}


def canonical(text: str, known: Iterable[str]) -> str | None:
    """Return which of the known names a text writes, None where it writes none of them."""
    names = tuple(known)
    if text in names:
        return text
    bare = PREFIX.sub("", text.strip(), count=1).removesuffix("()")
    folded = {_folded(name): name for name in names}
    for word in (_folded(bare), _folded(bare).removesuffix("loss")):
        found = folded.get(word) or ALIASES.get(word)
        if found in names:
            return found
    return None


def listed(names: Sequence[object], most: int, rest: str = " and {} more") -> str:
    """Return at most so many names as repr writes them; `rest` counts the others in {}."""
    left = len(names) - most
    return ", ".join(map(repr, names[:most])) + (rest.format(left) if left > 0 else "")


def _folded(name: str) -> str:
    return JOINED.sub("", name).casefold()


def ordinal(number: int) -> str:
    """Return "1st", "2nd", "3rd", "4th", "11th"."""
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
