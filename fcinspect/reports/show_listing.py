"""The report of `show` on several layers; a file's other arrays, grouped by reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Table, of_words
from fcinspect.page.view import View
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, SkippedTensor

MOST_GROUPS, MOST_PROBLEMS = 12, 12
"""Most reasons or remarks, and problems of shards, that are shown; JSON has them all."""


def view_of_listing(checkpoint: Checkpoint, asked: dict[str, Any]) -> View:
    """Return the view of the layers of a file."""
    return View(
        command="show",
        asked=asked,
        data=lambda full: document(checkpoint),
        page=lambda precision: page(checkpoint),
        rows=partial(rows, checkpoint),
        warnings=(*notes_on(checkpoint), *layer_remarks(checkpoint)),
    )


def document(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents.core import ListedLayerDocument as Listed
    from fcinspect.reports.documents.core import ListingDocument

    layers = [written(la, Listed, bias=la.bias is not None) for la in checkpoint.layers]
    total = sum(layer.parameters for layer in checkpoint.layers)
    return written(checkpoint, ListingDocument, layers=layers, parameters=total)


def rows(checkpoint: Checkpoint) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: the layers, then what was skipped and why."""
    yield ("name", "in_features", "out_features", "dtype", "bias", "parameters", "skipped")
    for layer in checkpoint.layers:
        widths = (layer.in_features, layer.out_features)
        has_bias = "true" if layer.bias is not None else "false"
        yield (layer.name, *widths, layer.dtype, has_bias, layer.parameters, "")
    for skip in checkpoint.skipped:
        yield (skip.name, "", "", "", "", "", skip.reason)


def page(checkpoint: Checkpoint) -> Page:
    """Return the page; a listing holds whole numbers only."""
    built = PageBuilder()
    total = sum(layer.parameters for layer in checkpoint.layers)
    counted = text.plural(len(checkpoint.layers), "linear layer")
    built.add(
        Heading(text.safe(checkpoint.source), level=1),
        Line.of(f"{counted}, {text.plural(total, 'parameter')}; name one to see its numbers"),
    )
    built.group(_layers(checkpoint, total))
    if checkpoint.skipped:
        built.group(*skipped_blocks(checkpoint))
    return built.page()


def _layers(checkpoint: Checkpoint, total: int) -> Table:
    layer_column, widths = Column("layer", right=False, folds=True), map(Column, ("in", "out"))
    columns = (layer_column, *widths, *of_words("bias", "dtype"), Column("parameters"))
    body = []
    for layer in checkpoint.layers:
        name = text.safe(layer.name) or "weight"  # what chooses a layer without a name
        sizes = (text.count(layer.in_features), text.count(layer.out_features))
        bias = "yes" if layer.bias is not None else "no"
        body.append((name, *sizes, bias, layer.dtype, text.count(layer.parameters)))
    sums = ("total", "", "", "", "", text.count(total))
    return Table(columns, (*body, sums), rule_before=frozenset({len(body)}))


def notes_on(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the words on how a checkpoint was found: its problems, then its notes."""
    told, count = list(checkpoint.problems[:MOST_PROBLEMS]), len(checkpoint.problems)
    if count > MOST_PROBLEMS:
        told.append(f"showing {MOST_PROBLEMS} of {count} problems; the listing's --json has all")
    return tuple(map(text.safe, (*told, *checkpoint.notes)))


def skipped_blocks(checkpoint: Checkpoint) -> Iterable[Line | Table]:
    """Return the blocks on the arrays that are not linear layers: how many for each reason."""
    groups = _by_reason(checkpoint)
    said = f"the file also holds {text.plural(len(checkpoint.skipped), 'array')}"
    if gone := sum(skip.missing for skip in checkpoint.skipped):
        said = said.replace("file also holds", "index also names")
        said += f", {text.count(gone)} of them missing"
    yield Line.of(f"{said}:")
    first = Column("first array", right=False, folds=True)
    yield Table(
        (Column("arrays"), *of_words(why(checkpoint.skipped)), first),
        tuple(
            (text.count(len(names)), text.safe(reason), text.safe(names[0]))
            for reason, names in groups[:MOST_GROUPS]
        ),
    )
    more = f"showing {MOST_GROUPS} of {text.plural(len(groups), 'reason')}; "
    more = more if len(groups) > MOST_GROUPS else ""
    yield Line.of((f"{more}--json lists every array", "faint"))


def why(skipped: Iterable[SkippedTensor]) -> str:
    """Return the title of the column with the reasons."""
    return "why" if any(skip.missing for skip in skipped) else "why not a linear layer"


def skipped_notes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the words on skipped arrays when the file's only layer is shown."""
    groups = _by_reason(checkpoint)
    missing = {skip.reason for skip in checkpoint.skipped if skip.missing}
    notes = [
        f"the {'index also names' if reason in missing else 'file also holds'} {_named(names)}:"
        f" {text.safe(reason)}"
        for reason, names in groups[:MOST_GROUPS]
    ]
    if len(groups) > MOST_GROUPS:
        rest = sum(len(names) for _, names in groups[MOST_GROUPS:])
        notes.append(f"the file also holds {text.plural(rest, 'more array')} outside linear layers")
    return tuple(notes)


def layer_remarks(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Return the remarks on the layers, each once with the layers that it applies to.

    Remarks on the whole checkpoint are left out.
    """
    whole = {*checkpoint.problems, *checkpoint.notes}
    pairs = [(words, layer.name) for layer in checkpoint.layers for words in layer.warnings]
    groups = list(text.grouped(pair for pair in pairs if pair[0] not in whole).items())
    told = [f"{_named(names)}: {text.safe(words)}" for words, names in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        rest = text.plural(len(groups) - MOST_GROUPS, "more remark")
        told.append(f"{rest}: --json has them all")
    return tuple(told)


def _by_reason(checkpoint: Checkpoint) -> list[tuple[str, list[str]]]:
    return list(text.grouped((s.reason, s.name) for s in checkpoint.skipped).items())


def _named(names: Sequence[str]) -> str:
    more = f" and {text.count(len(names) - 1)} more" if len(names) > 1 else ""
    return f"{names[0]!r}{more}" if names[0] else f"{text.NAMELESS}{more}"
