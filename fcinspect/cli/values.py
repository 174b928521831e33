"""From the text of one option to its value; a refusal names the text and the expected form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import typer

from fcinspect.errors import FcinspectError, UsageError, did_you_mean
from fcinspect.names import canonical

LARGEST_COUNT = 10**15
LONGEST_TITLE = 200
"""Characters of a figure's title."""
MOST_DIMENSIONS = 30
"""Of a batch: torch and numpy exchange arrays of up to 32."""


def whole_number(least: int, most: int = LARGEST_COUNT) -> Callable[[str | int], int]:
    """Return a parser of whole numbers from `least` to `most`, in decimal digits only."""

    def parse(text: str | int) -> int:
        written = str(text).strip()
        digits = written.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 4000):
            raise typer.BadParameter(f"{written!r} is not a whole number >= {least}")
        value = int(written)
        if value < least:
            raise typer.BadParameter(f"{written} is not a whole number >= {least}")
        if value > most:
            raise typer.BadParameter(f"{written} is too large: expected at most {most}")
        return value

    parse.__name__ = "whole number"
    return parse


def real_number(
    least: float = -math.inf, *, above: bool = False, below: float = math.inf
) -> Callable[[str | float], float]:
    """Return a parser of finite numbers >= least (> least if `above`) and < below."""
    bounds = []
    if math.isfinite(least):
        bounds.append(f" {'>' if above else '>='} {least:g}")
    if math.isfinite(below):
        bounds.append(f" < {below:g}")
    expected = "a finite number" + " and".join(bounds)

    def parse(text: str | float) -> float:
        written = str(text).strip()
        try:
            value = float(written) if "_" not in written else math.nan
        except ValueError:
            value = math.nan
        inside = value > least if above else value >= least
        if not (math.isfinite(value) and inside and value < below):
            raise typer.BadParameter(f"{written!r} is not {expected}")
        return value

    parse.__name__ = "number"
    return parse


def one_of(what: str, known: Sequence[str]) -> Callable[[str], str]:
    """Return a parser of the known names, however they are written; it suggests the nearest."""

    def parse(text: str) -> str:
        found = canonical(text, known)
        if found is not None:
            return found
        hint = did_you_mean(text, known)
        raise typer.BadParameter(
            f"{text!r} is no {what}: expected one of {', '.join(known)}"
            + (f" ({hint})" if hint else "")
        )

    parse.__name__ = "name"
    return parse


def completion_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return the completion of one of the known names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in known if name.startswith(incomplete)]

    return complete


def batch_shape(text: str | tuple[int, ...]) -> tuple[int, ...]:
    """Return the leading dimensions written ``3`` or ``2,3``."""
    if isinstance(text, tuple):
        return text
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise typer.BadParameter(
            f"{text!r} is not a batch: expected whole numbers >= 0 such as 3 or 2,3"
        )
    if any(len(part.lstrip("0")) > len(str(LARGEST_COUNT)) for part in parts):
        raise typer.BadParameter(f"{text!r} is too large: expected at most {LARGEST_COUNT}")
    if len(parts) > MOST_DIMENSIONS:
        raise typer.BadParameter(
            f"{text!r} has {len(parts)} dimensions: expected at most {MOST_DIMENSIONS}"
        )
    return tuple(map(int, parts))


def betas_of(text: str | tuple[float, float]) -> tuple[float, float]:
    """Return β1 and β2 of "0.9,0.999"."""
    if isinstance(text, tuple):
        return text
    parts = text.split(",")
    if len(parts) != 2:
        raise UsageError(f"{text!r} is not two numbers such as 0.9,0.999")
    parse = real_number(0, below=1)
    try:
        return parse(parts[0]), parse(parts[1])
    except typer.BadParameter as error:
        raise UsageError(f"{error.message}, in {text!r}") from error


def parsed_by(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Return a parser of a domain room as an option's parser: its refusal names the option."""

    def checked(text: str) -> object:
        try:
            return parse(text)
        except FcinspectError as error:
            raise typer.BadParameter(error.message) from error

    return checked


def title_line(text: str) -> str:
    """Return the title of a figure: a line that is not empty."""
    line = text.strip()
    if not line or not line.isprintable():
        raise typer.BadParameter(f"{text[:60]!r} is no title: expected a line of printable text")
    if len(line) > LONGEST_TITLE:
        raise typer.BadParameter(
            f"{line[:60]!r}… has {len(line)} characters: expected at most {LONGEST_TITLE}"
        )
    return line
