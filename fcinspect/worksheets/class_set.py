"""A class set: for each pupil a worksheet of the same widths with other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fcinspect.errors import InputError, SpecError
from fcinspect.layers.spec import LARGEST_SEED, format_widths
from fcinspect.worksheets.checking import KeyCheck
from fcinspect.worksheets.filled import LONGEST_NAME
from fcinspect.worksheets.making import make
from fcinspect.worksheets.problem import LARGEST_CLASS, Problem, SheetOptions
from fcinspect.worksheets.sheet import Sheet

SEEDS_A_SHEET = 10
"""How many seeds are looked at for each sheet, before a network has too few problems."""


@dataclass(frozen=True)
class Seat:
    """Whose sheet one of a class set is."""

    number: int
    """From 1."""
    total: int
    pupil: str = ""
    """The name, or "" for a line to write it on."""


@dataclass(frozen=True)
class Copy:
    """One sheet of a class set."""

    sheet: Sheet
    check: KeyCheck
    seat: Seat


def class_problems(options: SheetOptions, count: int) -> list[Problem]:
    """Return problems of the seed and those after it, no two with the same network and input.

    The seeds do not depend on the kind. Raises SpecError where there are not so many.
    """
    last = min(options.seed + SEEDS_A_SHEET * count, LARGEST_SEED)
    found: dict[object, Problem] = {}
    for seed in range(options.seed, last + 1):
        problem = make(replace(options, seed=seed))
        found.setdefault((problem.layers, problem.x), problem)
        if len(found) == count:
            return list(found.values())
    plain = "" if options.bias else " without bias"
    raise SpecError(
        f"{format_widths(options.widths)}{plain} has {len(found)} different problems in the seeds"
        f" from {options.seed} to {last}: expected a class of at most so many, or larger widths"
    )


def names_in(text: bytes | bytearray, source: str) -> tuple[str, ...]:
    """Return the names of a class, one from each line that is not empty.

    `source` says in words where the text comes from. Raises InputError for what holds no names,
    too many or one that is too long.
    """
    try:
        lines = text.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source} is not text in UTF-8 (byte {error.start}): expected a name on each line"
        ) from None
    names = tuple(_names(lines, source))
    if not names:
        raise InputError(f"{source} holds no name: expected one on each line")
    if len(names) > LARGEST_CLASS:
        raise InputError(f"{source} holds {len(names)} names: expected at most {LARGEST_CLASS}")
    return names


def _names(lines: list[str], source: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        name = " ".join(line.split())
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"line {number} of {source} has {len(name)} characters: expected a name of at most"
                f" {LONGEST_NAME}"
            )
        if name:
            yield name
