"""Arrays of a network as matrices in brackets, large ones by their first and last numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Equation, Line, Matrix, Span, Subject

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

MOST_ROWS = 8
MOST_COLUMNS = 6
"""Wider matrices show five columns and ⋯, which an equation does not narrow further."""

Shape = tuple[int, ...]
Part = str | Span | Matrix
"""A sign, a coloured word, or a matrix."""


def equation(*parts: Part, whole: bool = False) -> Equation:
    """Return an equation of signs and matrices; `whole`: no column may be left out."""
    return Equation(tuple((p, "") if isinstance(p, str) else p for p in parts), whole)


def shapes_line(
    name: str,
    shapes: tuple[Shape, Shape | None, Shape | None, Shape],
    *,
    sign: str = " · ",
    turned: bool = True,
    hang: int = 0,
) -> Line:
    """Return fc1 (4, 2048) · (128, 2048)ᵀ + (128) → (4, 128) of the shapes of x, W, b and y."""
    x, weight, bias, y = shapes
    spans: list[str | Span] = [(name, "strong"), (text.shape(x), "input")]
    if weight is not None:
        spans += [sign, (text.shape(weight) + ("ᵀ" if turned else ""), "weight")]
    if bias is not None:
        spans += [" + ", (text.shape(bias), "bias")]
    return Line.of(*spans, " → ", (text.shape(y), "output"), indent=2, hang=hang)


def formula_line(shape: tuple[int, ...], *, bias: bool, rows: int | None = None) -> Line:
    """Return y = W · x + b, or of a batch of some rows Y = X · Wᵀ + b, each with its shape.

    `shape` is that of W, (out_features, in_features).
    """
    m, n = shape
    plus: list[str | Span] = [" + ", (f"b ({m})", "bias")] if bias else []
    if rows is None:
        output, weight, x = f"y ({m})", f"W {text.matrix_shape((m, n))}", f"x ({n})"
        return Line.of((output, "output"), " = ", (weight, "weight"), " · ", (x, "input"), *plus)
    y, x, weight = (text.matrix_shape(sizes) for sizes in ((rows, m), (rows, n), (n, m)))
    left = (f"Y {y}", "output"), " = ", (f"X {x}", "input"), " · ", (f"Wᵀ {weight}", "weight")
    return Line.of(*left, *plus)


def affine_equation(
    weight: FloatArray,
    bias: FloatArray | None,
    x: FloatArray,
    y: FloatArray,
    of: tuple[Subject, Subject, Subject, Subject],
    precision: int,
    *,
    batched: bool,
    named: bool = False,
    names: Mapping[str, Sequence[int]] | None = None,
) -> Equation:
    """Return W x + b = y or, of a batch, X·Wᵀ + b = Y; x and y are (rows, features).

    `of` are the subjects of W, x, b and y, after which the matrices are called if `named`.
    """

    def make(values: FloatArray, subject: Subject, *, turned: bool = False) -> Matrix:
        name = subject.name if named else ""
        return matrix(values, subject, precision, turned=turned, name=name, names=names)

    w_of, x_of, b_of, y_of = of
    if batched:
        plus: list[Part] = [] if bias is None else ["+", make(bias[None, :], b_of)]
        left: list[Part] = [make(x, x_of), "·", make(weight.T, w_of, turned=True)]
        return equation(*left, *plus, "=", make(y, y_of))
    plus = [] if bias is None else ["+", make(bias[:, None], b_of, turned=True)]
    left = [make(weight, w_of), make(x.T, x_of, turned=True)]
    return equation(*left, *plus, "=", make(y.T, y_of, turned=True))


def matrix(
    values: FloatArray,
    of: Subject | str,
    precision: int,
    *,
    turned: bool = False,
    name: str = "",
    names: Mapping[str, Sequence[int]] | None = None,
) -> Matrix:
    """Return a two-dimensional array in brackets, ⋮ and ⋯ marking what is left out.

    `of` is its subject or, where nothing can be pointed at, its role; `turned` says that `values`
    are the transpose of the subject's. `names` has the indices along an axis that are not 0, 1, ….
    """
    height, width = values.shape
    rows = _ends(height, MOST_ROWS, MOST_ROWS)
    columns = _ends(width, MOST_COLUMNS, MOST_COLUMNS - 1)
    shown = [float(values[r, c]) for r in rows for c in columns if r >= 0 and c >= 0]
    write = writer(shown, precision)

    def cells(
        number: Callable[[float], str], below: str, beside: str, both: str
    ) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(
                number(float(values[r, c])) if r >= 0 and c >= 0
                else both if r < 0 and c < 0 else below if r < 0 else beside
                for c in columns
            )
            for r in rows
        )  # fmt: skip

    subject = None if isinstance(of, str) else of
    letters = letters_of(subject.axes, turned) if subject else ("", "")
    known = [(names or {}).get(letter) for letter in letters]
    labels = tuple(
        tuple(gap if k < 0 else str(k if name is None else name[k]) for k in places)
        for places, name, gap in zip((rows, columns), known, "⋮⋯", strict=True)
    )
    return Matrix(
        cells(write, "⋮", "⋯", "⋱"),
        of if isinstance(of, str) else of.role,
        None if height <= MOST_ROWS and width <= MOST_COLUMNS else (height, width),
        name,
        subject,
        turned,
        (labels[0], labels[1]),
        cells(repr, "", "", "") if subject else (),
    )


def letters_of(axes: str, turned: bool) -> tuple[str, str]:
    """Return the letters of a matrix's rows and columns, "" for a side that no axis runs along."""
    letters = axes.split()
    before, last = ["", "", *letters][-2:]
    return (last, before) if turned else (before, last)


def writer(values: Sequence[float], precision: int) -> Callable[[float], str]:
    """Return how numbers that stand together are written: a zero is a bare 0, to be seen as one."""
    write = text.writer(values, precision)
    return lambda value: "0" if value == 0 else write(value)


def numbers(values: Sequence[float], precision: int) -> list[str]:
    """Write the numbers of one column."""
    return list(map(writer(values, precision), values))


def _ends(count: int, whole: int, most: int) -> list[int]:
    """Return the indices shown of `count`: all of up to `whole`, else `most`, −1 for the gap."""
    return list(range(count)) if count <= whole else [*range(most - 1), -1, count - 1]
