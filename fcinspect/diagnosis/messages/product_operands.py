"""Products whose operands are no two matrices: vectors, stacks, a bias, a single number."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages.own_line import OwnProduct, own_product
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported


def _vector(match: Match[str], reported: Reported) -> Diagnosis | None:
    """A matrix times a vector: "size mismatch, got input (5), mat (5x3), vec (4)"."""
    rows, width, size = (int(match[name]) for name in ("rows", "width", "size"))
    turned = rows == size
    own = own_product(reported) or OwnProduct("y = ", "matrix", "x")
    cause = Cause(
        "vector-length",
        "The vector has another length than the matrix has columns",
        f"the matrix is {rows}×{width}, the vector has {size} numbers"
        + (f": as many as the matrix has rows, {rows}" if turned else ""),
        "multiply by the transposed matrix" if turned else f"give a vector of {width} numbers",
        own.line(left="{}.T") if turned else None,
    )
    if turned:
        cause = Cause("weight-transposed", "The matrix lies the other way round", *_rest(cause))
    happened = f"A matrix of {rows}×{width} is multiplied by a vector of {size} numbers."
    return Diagnosis("product", one_line(match.group()), happened, (cause,))


def _rest(cause: Cause) -> tuple[str, str, str | None]:
    return cause.evidence, cause.fix, cause.code


def _batched(match: Match[str], reported: Reported) -> Diagnosis | None:
    """torch.bmm: the two matrices of each row of the batch."""
    wanted, got = ([int(n) for n in match[name].split(",")] for name in ("wanted", "got"))
    own = own_product(reported) or OwnProduct("y = ", "a", "b")
    causes = []
    if wanted[0] != got[0]:
        one = 1 in (wanted[0], got[0])  # only a single matrix is broadcast
        causes.append(
            Cause(
                "batches-differ",
                "The two operands have different batches",
                f"{wanted[0]} matrices on the left, {got[0]} on the right",
                "use @, which takes the single matrix for all"
                if one
                else "find out where one of them lost or gained rows: both must have as many,"
                " with @ too",
                own.line() if one else None,
            )
        )
    if wanted[1] != got[1]:
        causes.append(
            Cause(
                "inner-sizes-differ",
                "The right operand lies the other way round, or has another inner size",
                f"the left has {wanted[1]} columns, the right {got[1]} rows",
                "transpose the last two dimensions of the right operand",
                own.line(right="{}.transpose(-2, -1)"),
            )
        )
    happened = f"The right operand should be {wanted[0]} matrices of {wanted[1]} rows; it is {got}."
    return Diagnosis("product", one_line(match.group()), happened, tuple(causes))


def _bias(match: Match[str], reported: Reported) -> Diagnosis | None:
    """A bias that is not as long as the layer has outputs."""
    target = [int(n) for n in match["target"].split(",")]
    held = [int(n) for n in match["held"].split(",")]
    linear = "linear" in reported.text or "addmm" in reported.text or len(reported.frames) == 0
    if len(target) != 2 or len(held) != 1 or not linear:
        return None
    return Diagnosis(
        "product",
        one_line(match.group()),
        f"The output is {target[0]}×{target[1]}; a bias of {held[0]} numbers is added to its rows.",
        (
            Cause(
                "bias-length",
                "The bias has another length than the layer has outputs",
                f"out_features is {target[1]}, and the bias has {held[0]} numbers",
                f"give the bias the shape ({target[1]},)",
                f"bias = torch.zeros({target[1]})",
            ),
        ),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "size mismatch, got",
        r"size mismatch, got (?:input|vec|self)? ?\(?\d+\)?, mat \(?(?P<rows>\d+) ?x"
        r" ?(?P<width>\d+)\)?,"
        r" vec \(?(?P<size>\d+)\)?",
        _vector,
    ),
    Pattern(
        "first two dimensions of batch2",
        r"first two dimensions of batch2 tensor to be: \[(?P<wanted>\d+, \d+)\]"
        r" but got: \[(?P<got>\d+, \d+)\]",
        _batched,
    ),
    Pattern(
        "Target sizes",
        r"The expanded size of the tensor \(\d+\) must match the existing size \(\d+\) at"
        r" non-singleton dimension \d+\.\s+Target sizes: \[(?P<target>[\d, ]+)\]\."
        r"\s+Tensor sizes: \[(?P<held>[\d, ]+)\]",
        _bias,
    ),
    known(
        "product",
        "mat2 must be a matrix",
        r"mat2 must be a matrix, got (?P<rank>\d)-D tensor",
        "The right operand has {rank} dimensions; a product of matrices takes two.",
        Cause(
            "weight-rank",
            "The weight is no matrix",
            "it has {rank} dimensions, and a linear layer's weight is (out_features, in_features)",
            "give the weight two dimensions",
            "weight = weight.unsqueeze(0)  # (1, in_features): one output",
        ),
    ),
    known(
        "product",
        "t() expects a tensor with <= 2 dimensions",
        r"t\(\) expects a tensor with <= 2 dimensions, but self is (?P<rank>\d+)D",
        "A tensor of {rank} dimensions is transposed with t(), which takes matrices; F.linear does"
        " so with its weight.",
        Cause(
            "weight-rank",
            "The weight is no matrix",
            "it has {rank} dimensions, and a linear layer's weight is (out_features, in_features)",
            "give the weight two dimensions, or multiply stacks of matrices with torch.matmul",
            "y = torch.matmul(x, weight.transpose(-2, -1))",
        ),
    ),
    known(
        "product",
        "need to be at least 1D",
        r"both arguments to (?P<function>\w+) need to be at least 1D,"
        r" but they are (?P<a>\d)D and (?P<b>\d)D",
        "{function} got a tensor of {a} and one of {b} dimensions; a single number (0D) has no"
        " features.",
        Cause(
            "scalar-input",
            "A single number is given where a row of features is expected",
            "one operand has 0 dimensions",
            "give it a dimension of features: shape (1,), or (1, 1) for a batch of one",
            "{argument} = {argument}.reshape(1)",
        ),
    ),
    known(
        "product",
        "inconsistent tensor size",
        r"inconsistent tensor size, expected tensor \[(?P<a>\d+)\] and src \[(?P<b>\d+)\]",
        "The dot product of vectors of {a} and {b} numbers is not defined.",
        Cause(
            "vector-length",
            "The two vectors have different lengths",
            "{a} and {b} numbers",
            "give both the same features",
        ),
    ),
    known(
        "product",
        "must have same number of batches",
        r"batch1 and batch2 must have same number of batches, got (?P<a>\d+) and (?P<b>\d+)",
        "{a} matrices are multiplied by {b} matrices, one by one.",
        Cause(
            "batches-differ",
            "The two operands have different batches",
            "{a} matrices on the left, {b} on the right",
            "expand the one that is the same for all, or use torch.matmul, which broadcasts",
            "y = torch.matmul(a, b)",
        ),
    ),
)
