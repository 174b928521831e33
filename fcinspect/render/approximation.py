"""The views of `approximate`: one hidden layer for any function, or sawtooth layers for x²."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fcinspect.render import approximation_document as documents
from fcinspect.render import approximation_page, depth_page
from fcinspect.render.view import View
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.grid import GridCheck
    from fcinspect.approximation.interval import Interval
    from fcinspect.approximation.report import Approximation


def view_of_approximation(
    found: Approximation, checks: Sequence[GridCheck], asked: dict[str, Any]
) -> View:
    """Return the view of a network with one hidden layer."""
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: dict(documents.document(found, checks, full=full)),
        page=lambda precision: approximation_page.page(found, checks, precision),
        rows=lambda: documents.rows(found),
        ok=_hold(checks),
    )


def view_of_depth(
    made: Sawtooth,
    interval: Interval,
    tolerance: Fraction | None,
    checks: Sequence[GridCheck],
    asked: dict[str, Any],
) -> View:
    """Return the view of a network of sawtooth layers."""
    return View(
        command="approximate",
        asked=asked,
        data=lambda full: dict(
            documents.depth_document(made, interval, tolerance, checks, full=full)
        ),
        page=lambda precision: depth_page.page(made, tolerance, checks, precision),
        rows=lambda: documents.depth_rows(made.network),
        ok=_hold(checks),
    )


def _hold(checks: Sequence[GridCheck]) -> bool:
    return all(check.verdict is Verdict.WITHIN for check in checks)
