"""The layers of a scan as pictures: their spectra where it computes them, else their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Table
from fcinspect.pictures.charts.curves import Series, curves
from fcinspect.pictures.charts.histogram import edge_labels, histogram, not_counted
from fcinspect.reports.scan.remarks import name_in

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, Spectrum
    from fcinspect.layers.statistics import Distribution

MOST_CURVES = 4
"""Spectra in one chart of text: so many strokes can be told apart."""
MOST_PANELS = 12
"""Layers whose numbers are told in text, and panels of a figure."""
ROLES = ("weight", "output", "input", "bias")
UNDECIDED = "undecided, as numbers are not finite"


@dataclass(frozen=True)
class ScanPictures:
    """What the charts and the figure of a scan show."""

    report: ScanReport
    """The scan."""
    distributions: tuple[Distribution, ...] = ()
    """Of the first MOST_PANELS layers of the report, where the scan computes no spectra."""

    @property
    def shows_spectra(self) -> bool:
        """Whether the pictures are of singular values."""
        return any(layer.singular.wanted.spectrum for layer in self.report.layers)

    def named(self, layer: ScannedLayer) -> str:
        """Return the name of a layer as the report writes it, "" where it has none."""
        return name_in(self.report, layer)

    def blocks(self) -> list[Block]:
        """Return the pictures in text, under their title."""
        if not self.report.layers:
            return [Heading("Charts"), Line.of("no linear layer: there is nothing to draw")]
        if self.shows_spectra:
            return list(self._spectra())
        return list(self._numbers())

    def _spectra(self) -> Iterator[Block]:
        layers = self.report.layers
        shown = [layer for layer in layers if layer.singular.spectrum is not None][:MOST_CURVES]
        yield Heading("Singular values")
        if shown:
            series = [
                spectrum_series(_shown(self.named(layer)), layer.singular.spectrum, ROLES[k])
                for k, layer in enumerate(shown)
                if layer.singular.spectrum is not None
            ]
            chart = curves(series, x_title="number of the singular value", y_title="σ")
            if len(shown) == 1:
                yield Line.of(series[0].name)
            yield chart
        for layer in shown:
            if layer.singular.spectrum is not None and below(layer.singular.spectrum):
                yield Line.of(f"{_shown(self.named(layer))}: {below(layer.singular.spectrum)}")
        lost = [layer for layer in layers if layer.singular.spectrum is None]
        for layer in lost[:MOST_CURVES]:
            yield Line.of((f"{_shown(self.named(layer))}: {UNDECIDED}", "unsure"))
        yield from told_of(len(shown) + len(lost[:MOST_CURVES]), len(layers))

    def _numbers(self) -> Iterator[Block]:
        layers = self.report.layers[: len(self.distributions)]
        yield Heading("Numbers of the weights" if len(layers) > 1 else "Numbers of W")
        if len(layers) == 1:
            yield histogram(self.distributions[0])
        else:
            yield _table([_shown(self.named(layer)) for layer in layers], self.distributions)
            for layer, found in zip(layers, self.distributions, strict=True):
                if not_counted(found):
                    yield Line.of((f"{_shown(self.named(layer))}: {not_counted(found)}", "unsure"))
        yield from told_of(len(layers), len(self.report.layers))
        if layers:
            yield Line.of(("--spectrum draws their singular values", "faint"))


def _shown(name: str) -> str:
    return name or text.NAMELESS


def spectrum_series(name: str, found: Spectrum, role: str = "") -> Series:
    """Return the singular values above the resolution, counted from 1."""
    return Series(name, range(1, found.rank + 1), found.values[: found.rank].tolist(), role)


def below(found: Spectrum) -> str:
    """Say how many singular values are not told from 0, and so not drawn; "" for none."""
    count = len(found.values) - found.rank
    if not count:
        return ""
    are = "value is" if count == 1 else "values are"
    return f"{text.count(count)} of {text.count(len(found.values))} {are} not told from 0"


def showing(shown: int, layers: int) -> str:
    """Say that not all layers are in a picture; "" where they are."""
    return f"showing {shown} of {text.count(layers)} layers" if shown < layers else ""


def told_of(shown: int, layers: int) -> Iterator[Line]:
    """Yield what says that not all layers are in the picture."""
    if words := showing(shown, layers):
        yield Line.of((f"{words}; --only and --sort choose others", "faint"))


def _table(names: Sequence[str], found: Sequence[Distribution]) -> Table:
    """Return a row for each layer: its bars between the first edge and the last."""
    rows = []
    for name, one in zip(names, found, strict=True):
        ends = edge_labels((one.edges[0], one.edges[-1])) if one.counts else ["–", "–"]
        rows.append((name, ends[0], text.bars(one.counts), ends[1], text.count(one.finite)))
    columns = (
        Column("layer", right=False, folds=True),
        Column("from"),
        Column("distribution", "weight", right=False),
        Column("to"),
        Column("finite numbers"),
    )
    return Table(columns, tuple(rows))
