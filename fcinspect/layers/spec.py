"""The words of a layer or a fully connected network: its widths, or a call of nn.Linear.

Grammar::

    spec      = widths | call
    widths    = width, {separator, width}
    separator = "-" | "," | "->" | "→"      (one kind throughout, blanks around it ignored)
    width     = whole number >= 1, decimal digits only
    call      = ["torch."], ["nn."], "Linear(", arguments of Python, ")"

The arguments of a call are those of nn.Linear, by position or by name: in_features, out_features,
bias. Its other arguments, dtype and device, are options of the command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.errors import SpecError, UsageError

if TYPE_CHECKING:
    import ast

LARGEST_WIDTH = 10**15
"""Widths beyond this are taken for typing mistakes."""

LARGEST_SEED = 2**53 - 1
"""Larger seeds would be rounded by readers of the JSON output."""

EXPECTED = "expected widths such as 3-5-4-2, 3,5,4,2 or '3 -> 5 -> 4 -> 2', or 'nn.Linear(4, 2)'"
CALL = re.compile(r"\s*(torch\.)?(nn\.)?linear\s*\(.*", re.IGNORECASE | re.DOTALL)
WIDTHS = re.compile(r"[\s,→>-]*\d[\d\s,→>-]*")
LONGEST_CALL = 1000
PARAMETERS = ("in_features", "out_features", "bias")
"""Of nn.Linear, in their order."""


@dataclass(frozen=True)
class Spec:
    """The content of a specification."""

    widths: tuple[int, ...]
    bias: bool | None = None
    """Whether its layers have a bias; None where the words do not say."""

    def bias_beside(self, option: bool | None) -> bool:
        """Return whether there is a bias; raises UsageError if `option` contradicts the words."""
        if option is not None and self.bias is not None and option is not self.bias:
            flag = "--bias" if option else "--no-bias"
            raise UsageError(
                f"{flag} contradicts bias={self.bias} of nn.Linear: use only one of them"
            )
        found = self.bias if option is None else option
        return found is not False


def is_spec(text: str) -> bool:
    """Whether a text is meant as the words of a layer or network, rightly written or not."""
    return CALL.fullmatch(text) is not None or WIDTHS.fullmatch(text) is not None


def parse_spec(text: str) -> Spec:
    """Return what the words of a network say; raises SpecError naming what is wrong where."""
    return _called(text) if CALL.fullmatch(text) else Spec(parse_widths(text))


def parse_widths(text: str) -> tuple[int, ...]:
    """Return the widths of a specification, e.g. ``(3, 5, 4, 2)``; SpecError names a faulty one."""
    if not text.strip():
        raise SpecError(f"the network specification is empty: {EXPECTED}")
    separators = set(re.findall(r"->|→|,|-", text))
    if len(separators) > 1:
        shown = " and ".join(repr(s) for s in sorted(separators))
        raise SpecError(f"mixed separators {shown} in {text!r}: {EXPECTED}")
    separator = separators.pop() if separators else "-"
    parts = [part.strip() for part in text.split(separator)]
    widths = tuple(
        _width(part, f"at position {position} of {text!r}")
        for position, part in enumerate(parts, start=1)
    )
    if len(widths) < 2:
        raise SpecError(
            f"{text!r} has one width: a layer needs two, in_features and out_features, e.g. 4-2"
        )
    return widths


def _width(part: str, where: str) -> int:
    if not part:
        raise SpecError(f"a width is missing {where}: {EXPECTED}")
    if not (part.isascii() and part.isdigit()):
        raise SpecError(f"width {part!r} {where}: widths are whole numbers >= 1")
    if len(part.lstrip("0")) > len(str(LARGEST_WIDTH)) or int(part) > LARGEST_WIDTH:
        raise SpecError(f"width {part} {where}: widths go up to 10^15")
    if int(part) == 0:
        raise SpecError(f"width 0 {where}: widths are whole numbers >= 1")
    return int(part)


def _called(text: str) -> Spec:
    """Return what a call such as "nn.Linear(4, 2, bias=False)" says."""
    given = _arguments(text.strip())
    missing = [name for name in PARAMETERS[:2] if name not in given]
    if missing:
        raise SpecError(f"{text!r} has no {missing[0]}: expected nn.Linear(in_features, ...)")
    widths = tuple(_width(given[name], f"as {name} of {text!r}") for name in PARAMETERS[:2])
    bias = given.get("bias")
    if bias not in (None, "True", "False"):
        raise SpecError(f"bias={bias} in {text!r}: expected True or False")
    return Spec(widths, None if bias is None else bias == "True")


def _arguments(text: str) -> dict[str, str]:
    call = _parsed(text)
    if len(call.args) > len(PARAMETERS):
        raise SpecError(f"{text!r} has {len(call.args)} arguments: expected in, out and bias")
    given = list(zip(PARAMETERS, call.args, strict=False))
    found: dict[str, str] = {}
    for name, value in [*given, *((k.arg or "**", k.value) for k in call.keywords)]:
        if name in ("dtype", "device"):
            raise SpecError(f"{name} in {text!r}: use the option --{name}, if there is one")
        if name not in PARAMETERS:
            raise SpecError(f"{name!r} in {text!r} is not an argument of nn.Linear: {EXPECTED}")
        if name in found:
            raise SpecError(f"{name} is given twice in {text!r}")
        found[name] = text[value.col_offset : value.end_col_offset]
    return found


def _parsed(text: str) -> ast.Call:
    """Return the call; raises SpecError for what Python does not read as one."""
    import ast

    if len(text) > LONGEST_CALL or "\n" in text or not text.isascii():
        raise SpecError(f"{text[:60]!r} is not a call of nn.Linear: {EXPECTED}")
    try:
        parsed = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SpecError(f"{text!r} is not a call of nn.Linear: {EXPECTED}") from None
    if not isinstance(parsed, ast.Call) or isinstance(parsed.func, ast.Call):
        raise SpecError(f"{text!r} is not a call of nn.Linear: {EXPECTED}")
    return parsed


def format_widths(widths: tuple[int, ...]) -> str:
    """Return the specification of these widths, e.g. ``3-5-4-2``."""
    return "-".join(str(width) for width in widths)
