"""Shapes that numpy refuses: products, sums, joined and reshaped arrays."""

from __future__ import annotations

from math import prod
from re import Match

from fcinspect.diagnosis.messages.own_line import OwnProduct, own_product
from fcinspect.diagnosis.messages.shape_channels import numbers
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

SHAPE = r"\((?:\d+(?:, ?\d+)*,?)?\)"
"""A shape as numpy writes it: (3,4), (5,), ()."""


def _shape(text: str) -> tuple[int, ...]:
    return tuple(numbers(text.strip("()")))


def _written(shape: tuple[int, ...]) -> str:
    return str(shape).replace(" ", "")


def _not_aligned(match: Match[str], reported: Reported) -> Diagnosis:
    """shapes (3,4) and (5,2) not aligned: 4 (dim 1) != 5 (dim 0)"""
    left, right = _shape(match["left"]), _shape(match["right"])
    width, rows = int(match["width"]), int(match["rows"])
    own = own_product(reported) or OwnProduct("y = ", "x", "W")
    causes = []
    if len(right) == 2 and right[1] == width:
        causes.append(_turned_weight(f"the right operand is {_written(right)}", width, own))
    if len(left) == 2 and left[0] == rows:
        causes.append(
            Cause(
                "input-transposed",
                "The input is transposed: (features, batch)",
                f"the left operand is {_written(left)}: its first dimension is {rows}",
                "transpose it, so that each row is one sample",
                own.line(left="{}.T"),
            )
        )
    causes.append(_inner_sizes(width, rows, right))
    return Diagnosis(
        "product",
        one_line(match.group()),
        f"The left operand {_written(left)} has {width} numbers in each row, and the right one"
        f" {_written(right)} takes {rows}.",
        tuple(causes),
    )


def _turned_weight(evidence: str, width: int, own: OwnProduct) -> Cause:
    return Cause(
        "weight-transposed",
        "The weight is transposed: torch stores (out, in)",
        f"{evidence}: its other side is {width}",
        "transpose the weight",
        own.line(right="{}.T"),
    )


def _inner_sizes(width: int, rows: int, right: tuple[int, ...]) -> Cause:
    if len(right) == 1:
        return Cause(
            "vector-length",
            "The right operand has another length than the left one has columns",
            f"{width} columns meet {rows} numbers",
            f"give a vector of {width} numbers",
        )
    return Cause(
        "inner-sizes-differ",
        "The weight is made for another number of features",
        f"{width} features arrive, and the weight takes {rows}",
        f"make the weight {width} rows high, or give an input of {rows} features",
        f"W = rng.normal(size=({width}, {right[-1]}))  # (in, out)" if len(right) == 2 else None,
    )


def _core(match: Match[str], reported: Reported) -> Diagnosis:
    """matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature …"""
    function = match["function"] or "matmul"
    wanted, got = int(match["wanted"]), int(match["got"])
    causes: tuple[Cause, ...]
    if function != "matmul":
        causes = (
            Cause(
                "inner-sizes-differ",
                f"The two operands of {function} do not belong together",
                f"one has {wanted} where the other has {got}; its signature is"
                f" {match['signature']}",
                "give both the same size there",
                "print(a.shape, b.shape)",
            ),
        )
        happened = f"numpy's {function}: the first operand has {wanted}, the second {got}."
    else:
        own = own_product(reported) or OwnProduct("y = ", "x", "W")
        causes = (
            Cause(
                "weight-transposed",
                "Most often the weight is transposed: torch stores (out, in)",
                f"the inner sizes are {wanted} and {got}",
                "transpose the weight",
                own.line(right="{}.T"),
            ),
            Cause(
                "inner-sizes-differ",
                "Or the weight is made for another number of features",
                f"{wanted} features arrive, and the weight takes {got}",
                f"make the weight {wanted} rows high, or give an input of {got} features",
                f"print({own.left}.shape, {own.right}.shape)",
            ),
        )
        happened = (
            f"numpy's matmul: the left operand has {wanted} columns, the right one {got} rows."
        )
    return Diagnosis("product", one_line(match.group()), happened, causes)


def _broadcast(match: Match[str], reported: Reported) -> Diagnosis | None:
    """operands could not be broadcast together with shapes (3,4) (5,)"""
    shapes = [_shape(text) for text in match["shapes"].replace(")", ") ").split()]
    if len(shapes) < 2:
        return None
    left, right = shapes[:2]
    long, short = (left, right) if len(left) >= len(right) else (right, left)
    causes: list[Cause] = []
    if len(short) == 1 and len(long) > 1:
        if long[-2] == short[0]:
            causes.append(
                Cause(
                    "vector-along-rows",
                    "The vector holds one number for each row, and numpy puts it along the columns",
                    f"{_written(long)} has {short[0]} rows, and {short[0]} numbers are added",
                    "make it a column",
                    "b = b[:, None]",
                )
            )
        causes.append(
            Cause(
                "bias-length",
                "The bias has another length than the rows that it is added to",
                f"each row of {_written(long)} has {long[-1]} numbers, the bias {short[0]}",
                f"give the bias the shape ({long[-1]},), one number for each output",
                f"b = np.zeros({long[-1]})",
            )
        )
    elif len(left) == len(right) == 2 and left == right[::-1]:
        causes.append(
            Cause(
                "operand-transposed",
                "One of the two arrays is transposed",
                f"{_written(left)} is {_written(right)} read the other way round",
                "transpose one of them, e.g. a gradient that is to have the shape of its weight",
                "a + b.T",
            )
        )
    else:
        causes.append(_sizes_differ(left, right))
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"Arrays of {' and '.join(map(_written, shapes))} are combined number by number.",
        tuple(causes),
    )


def _sizes_differ(left: tuple[int, ...], right: tuple[int, ...]) -> Cause:
    """Return the cause of two arrays whose sizes differ, counted from the last dimension."""
    pairs = zip(left[::-1], right[::-1], strict=False)
    differing = next(((a, b) for a, b in pairs if a != b and 1 not in (a, b)), None)
    first = len(left) == len(right) and left[1:] == right[1:]
    evidence = f"{_written(left)} and {_written(right)}"
    if differing is not None:
        evidence += f": {differing[0]} meets {differing[1]}, and neither is 1"
    return Cause(
        "sizes-differ",
        "The two arrays have different batches" if first else "The two arrays differ in size",
        evidence,
        "take both from the same batch" if first else "give both the same shape, or 1 there",
        "print(a.shape, b.shape)",
    )


def _reshaped(match: Match[str], reported: Reported) -> Diagnosis:
    """cannot reshape array of size 12 into shape (5,2)"""
    size = int(match["size"])
    wanted = [int(part) for part in match["shape"].replace("newaxis", "-1").split(",") if part]
    fixed = prod(n for n in wanted if n >= 0)
    shown = ", ".join(str(n) for n in wanted)
    evidence = f"{size:,} numbers are no whole number of rows of {fixed:,}"
    if -1 not in wanted:
        evidence = f"the shape asks for {fixed:,} numbers, and there are {size:,}"
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"An array of {size:,} numbers cannot become ({shown}).",
        (
            Cause(
                "view-of-another-size",
                "The number of features is written down, and the input gives another",
                evidence,
                "keep the rows and let numpy count the rest",
                "x = x.reshape(len(x), -1)",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "not aligned",
        rf"shapes (?P<left>{SHAPE}) and (?P<right>{SHAPE}) not aligned: (?P<width>\d+)"
        r" \(dim \d+\) != (?P<rows>\d+) \(dim \d+\)",
        _not_aligned,
    ),
    Pattern(
        "mismatch in its core dimension",
        r"(?:(?P<function>\w+): )?(?:Input o|O)perand \d+ has a mismatch in its core dimension \d+,"
        r"(?: with gufunc signature (?P<signature>\S{1,99}))?.*?\(size (?P<got>\d+) is different"
        r" from (?P<wanted>\d+)\)",
        _core,
    ),
    known(
        "product",
        "does not have enough dimensions",
        r"(?P<function>\w+): Input operand (?P<place>\d) does not have enough dimensions \(has"
        r" (?P<rank>\d), gufunc core with signature \S+ requires (?P<wanted>\d)\)",
        "Operand {place} of numpy's {function} has {rank} dimensions, and it takes {wanted} or"
        " more.",
        Cause(
            "scalar-input",
            "A single number is given where a row of features is expected",
            "operand {place} has {rank} dimensions",
            "give it a dimension of features, or multiply by a number with *",
            "x = np.atleast_1d(x)",
        ),
    ),
    Pattern(
        "could not be broadcast together with shapes",
        rf"operands could not be broadcast together with shapes (?P<shapes>{SHAPE}"
        rf"(?: ?{SHAPE}){{1,9}})",
        _broadcast,
    ),
    known(
        "shape",
        "could not be broadcast together with remapped shapes",
        r"operands could not be broadcast together with remapped shapes \[original->remapped\]:"
        r" (?P<shapes>[^\n]{1,200}?)(?: +and requested shape (?P<asked>\([\d, ]*\)))?\s*(?=\n|$)",
        "Arrays of {shapes} do not fit together; -> is how numpy lines their dimensions up.",
        Cause(
            "batches-differ",
            "The arrays differ in a dimension where their sizes must be equal, or 1: the dimensions"
            " before the matrices of a product, the letters of an einsum",
            "{shapes}",
            "give them the same size there, or 1",
            "print(a.shape, b.shape)",
        ),
    ),
    known(
        "shape",
        "non-broadcastable output operand",
        r"non-broadcastable output operand with shape (?P<held>\([\d, ]*\)) doesn't match the"
        r" broadcast shape (?P<made>\([\d, ]*\))",
        "What is computed has the shape {made}, and is written into an array of {held}.",
        Cause(
            "output-too-small",
            "An operation in place, such as W -= lr * grad, gives more numbers than the array has",
            "{held} is to hold {made}",
            "give the other operand the array's shape: a gradient has that of its parameter, summed"
            " over the batch",
            "print(a.shape, b.shape)  # of a -= b",
        ),
    ),
    known(
        "shape",
        "could not broadcast input array",
        r"could not broadcast input array from shape (?P<given>\([\d, ]*\)) into shape"
        r" (?P<held>\([\d, ]*\))",
        "An array of {given} is written into a place of {held}.",
        Cause(
            "sizes-differ",
            "What is assigned has another shape than the place that it is assigned to",
            "{given} against {held}",
            "give it the shape {held}, or assign to another part of the array",
        ),
    ),
    Pattern(
        "cannot reshape array of size",
        r"cannot reshape array of size (?P<size>\d+) into shape"
        r" \(?(?P<shape>(?:\d+|newaxis)(?:, ?(?:\d+|newaxis))*),?\)?",
        _reshaped,
    ),
    known(
        "shape",
        "dimensions except for the concatenation axis",
        r"dimensions except for the concatenation axis must match exactly, but along dimension"
        r" (?P<axis>\d+), the array at index (?P<i>\d+) has size (?P<a>\d+) and the array at index"
        r" (?P<j>\d+) has size (?P<b>\d+)",
        "Arrays are joined that differ in dimension {axis}: {a} and {b}.",
        Cause(
            "joined-sizes",
            "They are joined along the wrong axis, or come from different batches",
            "array {i} has {a} in dimension {axis}, array {j} has {b}",
            "join along the axis that differs, or make the others alike",
            "np.concatenate(arrays, axis={axis})",
        ),
    ),
    known(
        "shape",
        "arrays must have same number of dimensions",
        r"arrays must have same number of dimensions, but the array at index (?P<i>\d+) has"
        r" (?P<a>\d+) dimension\(s\) and the array at index (?P<j>\d+) has (?P<b>\d+)",
        "Arrays of {a} and {b} dimensions are joined.",
        Cause(
            "joined-ranks",
            "One of the arrays lacks a dimension",
            "array {i} has {a} dimensions, array {j} has {b}",
            "give it one more, e.g. as a single row",
            "np.concatenate([a, b[None]])",
        ),
    ),
    known(
        "shape",
        "all input arrays must have the same shape",
        r"all input arrays must have the same shape",
        "Arrays of different shapes are stacked.",
        Cause(
            "samples-differ",
            "The samples of the batch have different shapes",
            "np.stack makes one array of them, which needs one shape",
            "resize or pad them to one shape",
            "print({a.shape for a in arrays})",
        ),
    ),
    known(
        "shape",
        "too many indices for array",
        r"too many indices for array: array is (?P<rank>\d+)-dimensional, but (?P<given>\d+) were"
        r" indexed",
        "An array of {rank} dimensions is indexed with {given}.",
        Cause(
            "missing-dimension",
            "The array has fewer dimensions than the index names: most often its batch is missing",
            "it has {rank}, and {given} are named",
            "give it a batch of one, or index what it has",
            "x = x[None]",
        ),
    ),
    known(
        "shape",
        "is out of bounds for array of dimension",
        r"axis (?P<axis>-?\d+) is out of bounds for array of dimension (?P<rank>\d+)",
        "Axis {axis} is named, and the array has {rank} dimensions.",
        Cause(
            "missing-dimension",
            "The array has fewer dimensions than the code expects: most often its batch is missing",
            "axes are counted from 0, and it has {rank}",
            "give it a batch of one, or name an axis that it has",
            "x = x[None]",
        ),
    ),
)
