"""How a name may be written: in any case, as torch calls it, or by its usual short form; and lists.

``MSELoss``, ``nn.MSELoss()`` and ``mse`` are one loss; ``bf16`` and ``torch.bfloat16`` one dtype.
Each list of known names stays where it belongs; here stands only what else may be typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

PREFIX = re.compile(r"(torch\.)?((nn|optim|functional|init|f)\.)*", re.IGNORECASE)
"""What may stand before a name: torch., nn., torch.optim., nn.functional., F., nn.init."""
JOINED = re.compile(r"[\s_,-]+")
"""What may stand between the words of a name, or be left out."""

ALIASES = {
    # dtypes
    "half": "float16",
    "fp16": "float16",
    "f16": "float16",
    "bf16": "bfloat16",
    "float": "float32",
    "single": "float32",
    "fp32": "float32",
    "f32": "float32",
    "double": "float64",
    "fp64": "float64",
    "f64": "float64",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "byte": "uint8",
    "boolean": "bool",
    # losses
    "mae": "l1",
    "ce": "cross_entropy",
    "binarycrossentropy": "bce",
    # activations
    "lrelu": "leaky_relu",
    "linear": "identity",
    "none": "identity",
    "logistic": "sigmoid",
    # initialisers
    "glorotuniform": "xavier_uniform",
    "glorotnormal": "xavier_normal",
    "heuniform": "kaiming_uniform",
    "henormal": "kaiming_normal",
    # formats
    "txt": "text",
    "plain": "text",
    "markdown": "md",
    "tex": "latex",
    "jsonl": "ndjson",
    "gv": "dot",
    "graphviz": "dot",
    "mmd": "mermaid",
    # shells
    "pwsh": "powershell",
}
"""Other names, in small letters and without what joins their words."""


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
    """Return names as repr writes them, with commas; at most so many.

    `rest` says that others are left out; {} in it stands for how many.
    """
    left = len(names) - most
    return ", ".join(map(repr, names[:most])) + (rest.format(left) if left > 0 else "")


def _folded(name: str) -> str:
    return JOINED.sub("", name).casefold()
