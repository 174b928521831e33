"""What a file holds besides linear layers, and what is remarked on those: grouped by the words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Column, Line, Table

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, SkippedTensor

MOST_GROUPS = 12
"""Reasons and remarks that are told; the JSON of a listing has them all, layer by layer."""


def skipped_blocks(checkpoint: Checkpoint) -> Iterable[Line | Table]:
    """Return what is said of the arrays that are no linear layers: how many for which reason."""
    groups = _grouped((skip.reason, skip.name) for skip in checkpoint.skipped)
    said = text.plural(len(checkpoint.skipped), "array")
    gone = sum(skip.missing for skip in checkpoint.skipped)
    if gone:
        said = f"the index names {said}, {text.count(gone)} of them missing"
    else:
        said = f"the file holds {said}"
    yield Line.of(f"besides, {said}:")
    yield Table(
        (
            Column("arrays"),
            Column(why(checkpoint.skipped), right=False),
            Column("the first", right=False, folds=True),
        ),
        tuple(
            (text.count(len(names)), text.safe(reason), text.safe(names[0]))
            for reason, names in groups[:MOST_GROUPS]
        ),
    )
    more = f"showing {MOST_GROUPS} of {text.plural(len(groups), 'reason')}; "
    names = "--json names every array"
    yield Line.of(((more if len(groups) > MOST_GROUPS else "") + names, "faint"))


def why(skipped: Iterable[SkippedTensor]) -> str:
    """Return the title of the column with the reasons."""
    return "why" if any(skip.missing for skip in skipped) else "why no linear layer"


def skipped_notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what is said of skipped arrays where the file's only layer is shown."""
    groups = _grouped((skip.reason, skip.name) for skip in checkpoint.skipped)
    missing = {skip.reason for skip in checkpoint.skipped if skip.missing}
    notes = [
        f"the {'index also names' if reason in missing else 'file also holds'} {_named(names)}:"
        f" {text.safe(reason)}"
        for reason, names in groups[:MOST_GROUPS]
    ]
    if len(groups) > MOST_GROUPS:
        rest = sum(len(names) for _, names in groups[MOST_GROUPS:])
        notes.append(f"the file also holds {text.plural(rest, 'more array')} that are no layer")
    return tuple(notes)


def layer_remarks(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what is remarked on the layers, each remark once with the layers that it is on.

    What is said of the whole checkpoint is left out.
    """
    whole = {*checkpoint.problems, *checkpoint.notes}
    pairs = (
        (words, layer.name)
        for layer in checkpoint.layers
        for words in layer.warnings
        if words not in whole
    )
    groups = _grouped(pairs)
    told = [f"{_named(names)}: {text.safe(words)}" for words, names in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        rest = text.plural(len(groups) - MOST_GROUPS, "more remark")
        told.append(f"{rest}: --json has them all")
    return tuple(told)


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return (words, names) of (words, name), in the order in which the words first occur."""
    groups: dict[str, list[str]] = {}
    for words, name in pairs:
        groups.setdefault(words, []).append(name)
    return list(groups.items())


def _named(names: Sequence[str]) -> str:
    more = f" and {text.count(len(names) - 1)} more" if len(names) > 1 else ""
    return f"{names[0]!r}{more}" if names[0] else f"{text.NAMELESS}{more}"
