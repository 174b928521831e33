"""What a scan says of singular values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fcinspect.checkpoints.scan.records import RELIABLE_CONDITION
from fcinspect.page import text
from fcinspect.page.blocks import Column, Line, Table

if TYPE_CHECKING:
    from fcinspect.checkpoints.scan.records import Histogram, ScannedLayer, Spectrum

ELSEWHERE = "see --json or --format csv"


def append(
    columns: list[Column], body: list[list[str]], column: Column, cells: Iterable[str]
) -> None:
    """Append a column and its cell to each row."""
    columns.append(column)
    for row, cell in zip(body, cells, strict=True):
        row.append(cell)


def table_of(layers: Sequence[ScannedLayer], names: Sequence[str], precision: int) -> Table:
    """Return a row for each layer, by these names, with what was found of its singular values."""
    wanted = layers[0].singular.wanted
    columns = [Column("layer", right=False, folds=True), Column("σ₁")]
    body = [
        [name or text.NAMELESS, _sigma(layer.singular.largest, precision)]
        for layer, name in zip(layers, names, strict=True)
    ]
    if wanted.leading:
        leading = [layer.singular.leading for layer in layers]
        append(columns, body, Column("residual"), (
            "–" if found is None else f"{found.residual:.1e}" for found in leading
        ))  # fmt: skip
        if not wanted.spectrum:
            append(columns, body, Column("stable rank"), (
                "–" if found is None else text.significant(found.stable_rank, precision)
                for found in leading
            ))  # fmt: skip
    if wanted.spectrum:
        spectra = [layer.singular.spectrum for layer in layers]
        for title, write in SPECTRUM:
            append(columns, body, Column(title), (
                "–" if found is None else write(found) for found in spectra
            ))  # fmt: skip
        append(columns, body, Column("distribution", right=False, spare="see --json"), (
            "" if found is None or found.histogram is None else text.bars(found.histogram.counts)
            for found in spectra
        ))  # fmt: skip
    return Table(tuple(columns), tuple(map(tuple, body)))


def _sigma(value: float | None, precision: int) -> str:
    return "–" if value is None else text.statistic(value, precision)


def _condition(found: Spectrum) -> str:
    """Write the condition number, or that it is beyond what can be told."""
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
        yield Line.of("singular values: undecided, as numbers are not finite", indent=2)
        return
    digits = precision + 2
    if leading is not None:
        sure = (
            f"within {leading.error_bound:.1e} of it is a singular value"
            if leading.converged
            else "a lower bound: it has not converged"
        )
        sigma = text.significant(leading.sigma, digits)
        steps = text.plural(leading.steps, "step")
        rank = text.significant(leading.stable_rank, precision)
        said = f"σ₁ = {sigma} after {steps}: {sure}; stable rank {rank}"
        yield Line.of(said, indent=2, hang=2)
    if spectrum is not None and len(spectrum.values):
        yield Line.of(_ranks(spectrum, digits, precision), indent=2, hang=2)
        if spectrum.histogram is not None:
            yield Line.of(_drawn(spectrum.histogram, precision), indent=2, hang=2)


def _ranks(found: Spectrum, digits: int, precision: int) -> str:
    count = len(found.values)
    first, last = (text.significant(v, digits) for v in (found.largest, found.smallest))
    stable, effective = (
        text.significant(v, precision) for v in (found.stable_rank, found.effective_rank)
    )
    return (
        f"σ₁ … σ{_subscript(count)} = {first} … {last}: rank {found.rank:,} of {count:,}, stable"
        f" rank {stable}, effective rank {effective}, condition number {_condition(found)}"
    )


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _drawn(histogram: Histogram, precision: int) -> str:
    low, high = (text.significant(v, precision) for v in (histogram.edges[0], histogram.edges[-1]))
    scale = ", in logarithms" if histogram.scale == "log" else ""
    return f"{low} {text.bars(histogram.counts)} {high}{scale}"
