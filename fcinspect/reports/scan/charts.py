"""The layers of a scan as charts: their spectra where it computes them, else their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Table, by_columns, showing
from fcinspect.pictures.charts.curves import Series, curves
from fcinspect.pictures.charts.weight import edge_labels, histogram, not_counted
from fcinspect.reports.scan.page import name_in, title_of
from fcinspect.reports.scan.singular import UNDECIDED

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.findings import ScanReport
    from fcinspect.checkpoints.scan.records import ScannedLayer, Spectrum
    from fcinspect.layers.statistics import Distribution
    from fcinspect.pictures.figures.weight import Panel

MOST_CURVES = 4
"""Most spectra in one text chart: this many strokes can be told apart."""
MOST_PANELS = 12
"""Most layers whose values are shown in text or in a figure."""
ROLES = ("weight", "output", "input", "bias")
OTHERS = "--only and --sort select others"


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

    def blocks(self) -> list[Block]:
        """Return the pictures in text, under their title."""
        if not self.report.layers:
            return [Heading("Charts"), Line.of("no linear layers: nothing to draw")]
        return list(self._spectra() if self.shows_spectra else self._numbers())

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        from fcinspect.pictures.figures.weight import panels_bytes

        return panels_bytes(ending, self.title, self.panels())

    @property
    def title(self) -> str:
        """What the figure shows, of which files, and how much of it."""
        what = "Singular values" if self.shows_spectra else "Values of the weights"
        layers = self.report.layers
        left = showing(MOST_PANELS, len(layers), "layers")
        notes = [line.text for line in left] if layers else ["no linear layers"]
        return "; ".join([f"{what} of {title_of(self.report)}", *notes])

    def panels(self) -> list[Panel]:
        """Return what the figure shows of each of the first layers."""
        from fcinspect.pictures.figures.weight import Panel

        layers = self.report.layers[:MOST_PANELS]
        names = [name_in(self.report, layer) or "W" for layer in layers]
        if not self.shows_spectra:
            return list(map(Panel, names, self.distributions))
        panels = []
        for name, found in zip(names, (layer.singular.spectrum for layer in layers), strict=True):
            drawn = Panel(name, None, note=UNDECIDED)
            if found is not None:
                series = spectrum_series(name, found)
                drawn = Panel(name, None, series, len(found.values), below(found))
            panels.append(drawn)
        return panels

    def _spectra(self) -> Iterator[Block]:
        named = [(self._shown(layer), layer.singular.spectrum) for layer in self.report.layers]
        shown = [(name, found) for name, found in named if found is not None][:MOST_CURVES]
        lost = [name for name, found in named if found is None][:MOST_CURVES]
        yield Heading("Singular values")
        if len(shown) == 1:
            yield Line.of(shown[0][0])
        if shown:
            pairs = zip(shown, ROLES, strict=False)
            series = [spectrum_series(name, found, role) for (name, found), role in pairs]
            yield curves(series, x_title="index of the singular value", y_title="σ")
        for name, found in shown:
            if words := below(found):
                yield Line.of(f"{name}: {words}")
        for name in lost:
            yield Line.of((f"{name}: {UNDECIDED}", "unsure"))
        yield from showing(len(shown) + len(lost), len(named), f"layers; {OTHERS}")

    def _numbers(self) -> Iterator[Block]:
        layers = self.report.layers[: len(self.distributions)]
        yield Heading("Values of the weights" if len(layers) > 1 else "Values of W")
        if len(layers) == 1:
            yield histogram(self.distributions[0])
        else:
            names = list(map(self._shown, layers))
            yield _distribution_table(names, self.distributions)
            for name, found in zip(names, self.distributions, strict=True):
                if words := not_counted(found):
                    yield Line.of((f"{name}: {words}", "unsure"))
        yield from showing(len(layers), len(self.report.layers), f"layers; {OTHERS}")
        if layers:
            yield Line.of(("use --spectrum to draw their singular values", "faint"))

    def _shown(self, layer: ScannedLayer) -> str:
        return name_in(self.report, layer) or text.NAMELESS


def spectrum_series(name: str, found: Spectrum, role: str = "") -> Series:
    """Return the singular values above the resolution, counted from 1."""
    return Series(name, range(1, found.rank + 1), found.values[: found.rank].tolist(), role)


def below(found: Spectrum) -> str:
    """Say how many singular values are indistinguishable from 0, so not drawn; "" for none."""
    count = len(found.values) - found.rank
    are = "value is" if count == 1 else "values are"
    said = f"{text.count(count)} of {text.count(len(found.values))} {are} indistinguishable from 0"
    return said if count else ""


def _distribution_table(names: Sequence[str], found: Sequence[Distribution]) -> Table:
    """Return a row for each layer: its bars between the first edge and the last."""
    ends = [edge_labels((f.edges[0], f.edges[-1])) if f.counts else ["–", "–"] for f in found]
    lows, highs = zip(*ends, strict=True)
    return by_columns(
        [
            (Column("layer", right=False, folds=True), names),
            (Column("from"), lows),
            (Column("distribution", "weight", right=False), [text.bars(f.counts) for f in found]),
            (Column("to"), highs),
            (Column("finite numbers"), [text.count(f.finite) for f in found]),
        ]
    )
