"""The views of `approximate`: one hidden layer for any function, or sawtooth layers for x²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcinspect.page.blocks import Page
from fcinspect.page.view import View
from fcinspect.reports.approximate import depth as depth_page
from fcinspect.reports.approximate import document as documents
from fcinspect.reports.approximate import page as approximation_page
from fcinspect.reports.approximate.page import short
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.approximation.building import Approximation
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.grid import GridCheck
    from fcinspect.approximation.interval import Interval

MOST_MARKED = 8
"""Layers of sawteeth whose knots are marked."""


def view_of_approximation(
    found: Approximation, checks: Sequence[GridCheck], asked: dict[str, Any], *, charts: bool
) -> View:
    """Return the view of a network with one hidden layer; `charts` draws them below it."""
    knots = [float(knot) for knot in found.built.stored.knots]
    drawn = _Drawn(checks[0], knots, found.network.layers[0].linear.source, found.tolerance)
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: dict(documents.document(found, checks, full=full)),
        page=lambda precision: _with_charts(
            approximation_page.page(found, checks, precision), drawn if charts else None
        ),
        rows=lambda: documents.rows(found),
        figure=drawn.figure,
        ok=_hold(checks),
    )


def view_of_depth(
    made: Sawtooth,
    interval: Interval,
    tolerance: Fraction | None,
    checks: Sequence[GridCheck],
    asked: dict[str, Any],
    *,
    charts: bool,
) -> View:
    """Return the view of a network of sawtooth layers; `charts` draws them below it."""
    segments = 2**made.layers
    knots = [k / segments for k in range(segments + 1)] if made.layers < MOST_MARKED else [0.0, 1.0]
    drawn = _Drawn(checks[0], knots, "x² on [0, 1]", tolerance or made.error.total)
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: dict(
            documents.depth_document(made, interval, tolerance, checks, full=full)
        ),
        page=lambda precision: _with_charts(
            depth_page.page(made, tolerance, checks, precision), drawn if charts else None
        ),
        rows=lambda: documents.depth_rows(made.network),
        figure=drawn.figure,
        ok=_hold(checks),
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What the charts and the figure show."""

    check: GridCheck
    knots: list[float]
    title: str
    tolerance: Fraction

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        import numpy as np

        from fcinspect.pictures.figures.curves import approximation_bytes

        title = f"{self.title}: a ReLU network within {short(self.tolerance)}"
        return approximation_bytes(
            ending, self.check, np.array(self.knots), title, float(self.tolerance)
        )


def _with_charts(page: Page, drawn: _Drawn | None) -> Page:
    if drawn is None:
        return page
    from fcinspect.reports.approximate.charts import charts

    upper, lower = charts(drawn.check, drawn.knots, float(drawn.tolerance))
    return Page((*page.groups, upper, lower))


def _hold(checks: Sequence[GridCheck]) -> bool:
    return all(check.verdict is Verdict.WITHIN for check in checks)
