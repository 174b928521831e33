"""The part of a scan's report on singular values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from fcinspect.checkpoints.scan.records import RELIABLE_CONDITION
from fcinspect.page import text
from fcinspect.page.blocks import Column, Line, Table, by_columns

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.records import ScannedLayer, Spectrum

Found = TypeVar("Found")

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
ELSEWHERE = "see --json or --format csv"
UNDECIDED = "undecided, because some numbers are not finite"


def table_of(layers: Sequence[ScannedLayer], names: Sequence[str], precision: int) -> Table:
    """Return a row for each layer, by these names, with what was found of its singular values."""
    wanted = layers[0].singular.wanted
    largest = [layer.singular.largest for layer in layers]
    columns = [
        (Column("layer", right=False, folds=True), [name or text.NAMELESS for name in names]),
        (Column("σ₁"), _cells(largest, lambda sigma: text.statistic(sigma, precision))),
    ]
    leading = [layer.singular.leading for layer in layers]
    spectra = [layer.singular.spectrum for layer in layers]
    if wanted.leading:
        columns.append((Column("residual"), _cells(leading, lambda one: f"{one.residual:.1e}")))
    if wanted.leading and not wanted.spectrum:
        ranks = _cells(leading, lambda one: text.significant(one.stable_rank, precision))
        columns.append((Column("stable rank"), ranks))
    if wanted.spectrum:
        columns += [(Column(title), _cells(spectra, write)) for title, write in SPECTRUM]
        histograms = [None if found is None else found.histogram for found in spectra]
        bars = _cells(histograms, lambda one: text.bars(one.counts), none="")
        columns.append((Column("distribution", right=False, spare="see --json"), bars))
    return by_columns(columns)


def _cells(
    found: Iterable[Found | None], write: Callable[[Found], str], none: str = "–"
) -> list[str]:
    return [none if one is None else write(one) for one in found]


def _condition(found: Spectrum) -> str:
    """Write the condition number, or that it is too large to be reliable."""
    if found.condition_number is None:
        return "–"
    if not found.condition_is_reliable:
        return f"> {RELIABLE_CONDITION:.0e}".replace("e+0", "e")
    return text.significant(found.condition_number, 4)


SPECTRUM: tuple[tuple[str, Callable[[Spectrum], str]], ...] = (
    ("rank", lambda found: f"{found.rank} of {len(found.values)}"),
    ("stable", lambda found: text.significant(found.stable_rank, 4)),
    ("condition", _condition),
)


def in_full(layer: ScannedLayer, precision: int) -> Iterator[Line]:
    """Yield what was found of the singular values of one layer."""
    found = layer.singular
    leading, spectrum = found.leading, found.spectrum
    if leading is None and spectrum is None:
        yield Line.of(f"singular values: {UNDECIDED}", indent=2)
        return
    digits = precision + 2
    if leading is not None:
        sure = f"a singular value is within {leading.error_bound:.1e} of it"
        if not leading.converged:
            sure = "a lower bound, not converged"
        sigma = text.significant(leading.sigma, digits)
        steps = text.plural(leading.steps, "step")
        rank = text.significant(leading.stable_rank, precision)
        said = f"σ₁ = {sigma} after {steps}: {sure}; stable rank {rank}"
        yield Line.of(said, indent=2, hang=2)
    if spectrum is not None and len(spectrum.values):
        yield Line.of(_ranks(spectrum, digits, precision), indent=2, hang=2)
        if (bins := spectrum.histogram) is not None:
            low, high = (text.significant(bins.edges[end], precision) for end in (0, -1))
            scale = ", log scale" if bins.scale == "log" else ""
            yield Line.of(f"{low} {text.bars(bins.counts)} {high}{scale}", indent=2, hang=2)


def _ranks(found: Spectrum, digits: int, precision: int) -> str:
    count = len(found.values)
    first, last = (text.significant(v, digits) for v in (found.largest, found.smallest))
    ranks = (found.stable_rank, found.effective_rank)
    stable, effective = (text.significant(rank, precision) for rank in ranks)
    return (
        f"σ₁ … σ{str(count).translate(SUBSCRIPTS)} = {first} … {last}: rank {found.rank:,} of"
        f" {count:,}, stable rank {stable}, effective rank {effective}, condition number"
        f" {_condition(found)}"
    )
