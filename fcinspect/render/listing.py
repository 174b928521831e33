"""The picture of a file that holds several layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.render import text
from fcinspect.render.page import Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.render.view import View

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint
    from fcinspect.render.documents import ListingDocument

MOST_SKIPPED = 12
"""Skipped arrays shown on the page; JSON and CSV have them all."""


def view_of_listing(checkpoint: Checkpoint, asked: dict[str, Any]) -> View:
    """Return the view of the layers of a file."""
    return View(
        command="show",
        asked=asked,
        data=lambda full: dict(document(checkpoint)),
        page=partial(page, checkpoint),
        rows=partial(rows, checkpoint),
        warnings=notes_on(checkpoint),
    )


def document(checkpoint: Checkpoint) -> ListingDocument:
    """Return the JSON data."""
    return {
        "source": checkpoint.source,
        "layers": [
            {
                "name": layer.name,
                "in_features": layer.in_features,
                "out_features": layer.out_features,
                "dtype": layer.dtype,
                "bias": layer.bias is not None,
                "parameters": layer.parameters,
            }
            for layer in checkpoint.layers
        ],
        "parameters": sum(layer.parameters for layer in checkpoint.layers),
        "skipped": [{"name": skip.name, "reason": skip.reason} for skip in checkpoint.skipped],
        "problems": list(checkpoint.problems),
    }


def rows(checkpoint: Checkpoint) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: the layers, then what was skipped and why."""
    yield ("name", "in_features", "out_features", "dtype", "bias", "parameters", "skipped")
    for layer in checkpoint.layers:
        widths = (layer.in_features, layer.out_features)
        has_bias = "true" if layer.bias is not None else "false"
        yield (text.safe(layer.name), *widths, layer.dtype, has_bias, layer.parameters, "")
    for skip in checkpoint.skipped:
        yield (text.safe(skip.name), "", "", "", "", "", text.safe(skip.reason))


def page(checkpoint: Checkpoint, precision: int = 4) -> Page:
    """Return the page."""
    del precision  # a listing holds whole numbers only
    built = PageBuilder()
    total = sum(layer.parameters for layer in checkpoint.layers)
    counted = text.plural(len(checkpoint.layers), "linear layer")
    built.add(
        Heading(text.safe(checkpoint.source), level=1),
        Line.of(f"{counted}, {text.plural(total, 'parameter')}; name one to see its numbers"),
    )
    built.group(_layers(checkpoint, total))
    if checkpoint.skipped:
        built.group(*_skipped(checkpoint))
    return built.page()


def _layers(checkpoint: Checkpoint, total: int) -> Table:
    columns = (
        Column("layer", right=False),
        Column("in"),
        Column("out"),
        Column("bias", right=False),
        Column("dtype", right=False),
        Column("parameters"),
    )
    body = [
        (
            text.safe(layer.name) or "''",
            text.count(layer.in_features),
            text.count(layer.out_features),
            "yes" if layer.bias is not None else "no",
            layer.dtype,
            text.count(layer.parameters),
        )
        for layer in checkpoint.layers
    ]
    sums = ("total", "", "", "", "", text.count(total))
    return Table(columns, (*body, sums), rule_before=frozenset({len(body)}))


def _skipped(checkpoint: Checkpoint) -> Iterable[Line | Table]:
    shown = checkpoint.skipped[:MOST_SKIPPED]
    count = len(checkpoint.skipped)
    yield Line.of(f"besides, the file holds {text.plural(count, 'array')}:")
    yield Table(
        (Column("array", right=False), Column("why it is no linear layer", right=False)),
        tuple((text.safe(skip.name), text.safe(skip.reason)) for skip in shown),
    )
    if count > len(shown):
        yield Line.of((f"showing {len(shown)} of {count}; --json has them all", "faint"))


def notes_on(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what is said of how a checkpoint was found: its problems, then its notes."""
    told = [text.safe(problem) for problem in checkpoint.problems[:MOST_SKIPPED]]
    if len(checkpoint.problems) > MOST_SKIPPED:
        count = len(checkpoint.problems)
        told.append(f"showing {MOST_SKIPPED} of {count} problems; the list's --json has them all")
    return (*told, *map(text.safe, checkpoint.notes))


def skipped_notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return what is said of skipped arrays where the file's only layer is shown."""
    count = len(checkpoint.skipped)
    notes = [
        f"the file also holds {skip.name!r}: {text.safe(skip.reason)}"
        for skip in checkpoint.skipped[:MOST_SKIPPED]
    ]
    if count > MOST_SKIPPED:
        notes.append(f"showing {MOST_SKIPPED} of {text.plural(count, 'array')} that are no layer")
    return tuple(notes)
