"""How options are declared and their values read, and those that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from fcinspect.errors import FcinspectError, did_you_mean
from fcinspect.layers.spec import LARGEST_SEED
from fcinspect.names import canonical

LARGEST_COUNT = 10**15
LONGEST_TITLE = 200
"""Characters of a figure's title."""
MOST_DIMENSIONS = 30
"""Of a batch: torch and numpy exchange arrays of up to 32."""
BYTES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
DTYPES = tuple(BYTES)


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
            f"invalid {what} {text!r}: expected one of {', '.join(known)}"
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
            f"invalid batch {text!r}: expected whole numbers >= 0 such as 3 or 2,3"
        )
    if any(len(part.lstrip("0")) > len(str(LARGEST_COUNT)) for part in parts):
        raise typer.BadParameter(f"{text!r} is too large: expected at most {LARGEST_COUNT}")
    if len(parts) > MOST_DIMENSIONS:
        raise typer.BadParameter(
            f"{text!r} has {len(parts)} dimensions: expected at most {MOST_DIMENSIONS}"
        )
    return tuple(map(int, parts))


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
        raise typer.BadParameter(f"invalid title {text[:60]!r}: expected a line of printable text")
    if len(line) > LONGEST_TITLE:
        raise typer.BadParameter(
            f"{line[:60]!r}… has {len(line)} characters: expected at most {LONGEST_TITLE}"
        )
    return line


def option(words: str, help: str, parser: Callable[[Any], object] | None = None) -> Any:
    """Return an option with a value, "--top K"; without a `parser` that is its text."""
    flag, metavar = words.split()
    return typer.Option(flag, parser=parser, metavar=metavar, help=help)


def choice(words: str, help: str, known: Sequence[str], what: str = "") -> Any:
    """Return an option with one of the known names; errors call them `what`."""
    flag, metavar = words.split()
    return typer.Option(
        flag,
        parser=one_of(what or flag.removeprefix("--"), known),
        autocompletion=completion_of(known),
        metavar=metavar,
        help=help,
    )


def switch(flag: str, help: str) -> Any:
    """Return an option without a value, "--plot", or one with its opposite, "--bias/--no-bias"."""
    return typer.Option(flag, help=help)


def argument(metavar: str, help: str) -> Any:
    """Return an argument that stands for itself."""
    return typer.Argument(metavar=metavar, help=help)


def dtype_option(words: str) -> Any:
    """Return the option that names a number format, of which help says `words`."""
    return choice("--dtype DTYPE", words, DTYPES)


def only_option(what: str) -> Any:
    """Return the option that chooses names, `what` saying of what."""
    return option("--only GLOB", f"{what} matching this glob, e.g. 'encoder.*' (repeatable).")


def timeout_option(what: str) -> Any:
    """Return the option that bounds how long foreign code may take."""
    words = f"Time limit for {what}."
    return option("--timeout SECONDS", words, real_number(0.0, above=True))


def seed_option(words: str) -> Any:
    """Return the option that names a seed, of which help says `words`."""
    return option("--seed S", words, whole_number(0, LARGEST_SEED))


Seed = Annotated[int, seed_option("Seed for torch.manual_seed, 0 to 2^53-1.")]
Batch = Annotated[
    Any,
    option(
        "--batch B",
        "Leading dimensions of the input, 3 or 2,3; without it, one vector.",
        batch_shape,
    ),
]
Dtype = Annotated[str, dtype_option("Number format: float32, float64, bfloat16 or float16.")]
JsonDtype = Annotated[
    str | None, dtype_option("Format of plain JSON numbers: float32, float64, bfloat16 or float16.")
]
Bias = Annotated[bool | None, switch("--bias/--no-bias", "With a bias b (default), or without.")]
Plot = Annotated[bool, switch("--plot", "Add charts below the report; JSON and CSV are unchanged.")]
ShowCode = Annotated[
    bool, switch("--show-code", "Print a PyTorch script that computes the same numbers.")
]
