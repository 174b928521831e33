"""Products of shapes that do not fit: "mat1 and mat2 shapes cannot be multiplied"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from re import Match

from fcinspect.diagnosis.factors import images, same_channels
from fcinspect.diagnosis.messages.own_line import operands
from fcinspect.diagnosis.reading import Reported
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line

TEXT_WIDTHS = {512, 768, 1024, 1280, 1536, 2048, 2432, 3072, 4096}
"""Widths of text encoders: CLIP ViT-L has 768, OpenCLIP bigG 1280, both together 2048."""
TOKENS = 77
"""Tokens of a CLIP text encoder's output."""
PACKED = 2**16
"""A weight of one column with so many numbers is a packed one."""
MOST_SIDE = 1024


@dataclass(frozen=True)
class Product:
    """A matrix (rows × width) times one (wanted × out), whose inner sizes differ."""

    rows: int
    width: int
    wanted: int
    out: int
    reported: Reported

    @property
    def layer(self) -> str:
        """The layer in the reader's own line."""
        return self.reported.names()["layer"]

    @property
    def argument(self) -> str:
        """What enters it there."""
        return self.reported.names()["argument"]

    @property
    def functional(self) -> bool:
        """Whether the reader multiplies by a matrix of their own, not by a layer's weight."""
        if self.reported.passed_through("modules/linear.py"):
            return False
        return self.reported.own_frame is not None


def _explain(match: Match[str], reported: Reported) -> Diagnosis | None:
    rows, width, wanted, out = map(int, match.groups())
    if width == wanted:
        return None
    product = Product(rows, width, wanted, out, reported)
    return Diagnosis(
        "product",
        one_line(match.group()),
        f"The input has {_count(rows, 'row')} of {_count(width, 'feature')} each. The layer's"
        f" weight expects {_count(wanted, 'feature')} and gives {out:,}.",
        tuple(_causes(product)),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _causes(product: Product) -> Iterator[Cause]:
    """Yield the causes that the numbers speak for, the most telling first."""
    yield from _packed(product)
    yield from _text_encoder(product)
    yield from _transposed_weight(product)
    yield from _batch_flattened(product)
    yield from _one_sample(product)
    yield from _not_flattened(product)
    yield from _transposed_input(product)
    yield _in_features(product)
    yield from _another_picture(product)
    yield from _applied_twice(product)


def _packed(p: Product) -> Iterator[Cause]:
    """A weight of 4-bit numbers, two in a byte, which only its own layer can multiply by."""
    packed = next((n for n in (p.wanted, p.out) if n >= PACKED), None)
    if packed is None or 1 not in (p.wanted, p.out):
        return
    numbers = 2 * packed
    square = f" = {isqrt(numbers):,}²" if isqrt(numbers) ** 2 == numbers else ""
    factor = (
        f" = {p.width:,}·{numbers // p.width:,}" if not square and numbers % p.width == 0 else ""
    )
    yield Cause(
        "packed-weight",
        "The weight is packed to 4 bits, and is used as if it were a plain matrix",
        f"it is {p.wanted}×{p.out}: {packed:,} bytes hold 2·{packed:,} ="
        f" {numbers:,}{square}{factor} numbers",
        "call the quantised layer itself, or dequantise its weight before you multiply",
        f"y = {p.layer}(x)  # not F.linear(x, {p.layer}.weight)",
    )


def _text_encoder(p: Product) -> Iterator[Cause]:
    if p.rows % TOKENS or not {p.width, p.wanted} <= TEXT_WIDTHS:
        return
    batch = p.rows // TOKENS
    yield Cause(
        "wrong-text-encoder",
        "The text embeddings are those of another text encoder than the model was trained with",
        f"{p.rows} = {batch}·{TOKENS} tokens of {p.width} numbers arrive, the model's attention"
        f" takes {p.wanted}",
        f"load the text encoder, LoRA or ControlNet that belongs to this model: one of width"
        f" {p.wanted}",
    )


def _transposed_weight(p: Product) -> Iterator[Cause]:
    if p.out != p.width:
        return
    if p.functional:
        given = operands(p.reported)
        weight = given[1] if len(given) > 1 else "weight"
        code = f"{weight}.T"
    else:
        code = f"{p.layer} = nn.Linear({p.out}, {p.wanted})"
    yield Cause(
        "weight-transposed",
        "The weight lies the other way round, or the two widths of the layer are swapped",
        f"{p.width:,} features arrive, and the weight's other side is {p.out:,}",
        "transpose the weight"
        if p.functional
        else f"write in_features first: nn.Linear({p.out}, {p.wanted}); a weight stored as"
        " (in, out) needs .T",
        code,
    )


def _batch_flattened(p: Product) -> Iterator[Cause]:
    if p.rows != 1 or p.width % p.wanted or p.width == p.wanted:
        return
    batch = p.width // p.wanted
    yield Cause(
        "batch-flattened",
        "The rows of the batch are flattened into one another",
        f"one row of {p.width:,} = {batch}·{p.wanted:,}: {batch} rows of in_features numbers each",
        "keep the first dimension: flatten from dimension 1",
        "x = torch.flatten(x, 1)",
    )


def _one_sample(p: Product) -> Iterator[Cause]:
    """All that arrives is one row: a picture without a batch."""
    if p.rows * p.width != p.wanted or p.rows == 1:
        return
    side = isqrt(p.width)
    shape = f"{p.rows}×{side}×{side}" if side * side == p.width else f"{p.rows}×{p.width}"
    yield Cause(
        "unbatched",
        "The input is one sample without a batch dimension",
        f"{p.rows}·{p.width:,} = {p.wanted:,}: all that arrives is one row, e.g. a picture {shape}",
        "give it a batch of one before it enters the network",
        f"{p.argument} = {p.argument}.unsqueeze(0)  # of the network's input",
    )


def _not_flattened(p: Product) -> Iterator[Cause]:
    if p.wanted % p.width or p.width == 1:
        return
    lines = p.wanted // p.width
    if p.rows % lines:
        return
    batch = p.rows // lines
    call = f"{p.layer}(torch.flatten({p.argument}, 1))"
    yield Cause(
        "flatten-missing",
        "The input is not flattened",
        f"{p.wanted:,} = {lines}·{p.width}, and {p.rows:,} rows are {batch}·{lines}: a batch of"
        f" {batch}, each {lines}×{p.width}",
        "flatten it from dimension 1, behind the batch",
        f"{p.reported.names()['target']} = {call}",
    )


def _transposed_input(p: Product) -> Iterator[Cause]:
    if p.rows != p.wanted:
        return
    yield Cause(
        "input-transposed",
        "The input lies the other way round: (features, batch)",
        f"it has {p.rows:,} rows, and in_features is {p.wanted:,}",
        "transpose it, so that each row is one sample",
        f"{p.reported.names()['target']} = {p.layer}({p.argument}.T)",
    )


def _in_features(p: Product) -> Cause:
    evidence = f"{p.width:,} features arrive, and in_features is {p.wanted:,}"
    both = same_channels(p.width, p.wanted)
    if both is not None:
        channels, side, expected = both
        evidence += (
            f"; {p.width:,} = {channels}·{side}·{side} and {p.wanted:,} ="
            f" {channels}·{expected}·{expected} (channels × height × width): the picture is"
            f" {side}×{side} where {expected}×{expected} was expected"
        )
    else:
        found = images(p.width)
        if found:
            written = " or ".join("×".join(map(str, image)) for image in found)
            evidence += f"; {p.width:,} = {written} (channels × height × width)"
    code = (
        f"the weight's shape must be ({p.out}, {p.width})"
        if p.functional
        else f"{p.layer} = nn.Linear({p.width}, {p.out})"
    )
    return Cause(
        "in-features",
        f"in_features must be {p.width:,}",
        evidence,
        f"make in_features {p.width}",
        f"# {code}" if p.functional else code,
    )


def _another_picture(p: Product) -> Iterator[Cause]:
    """A picture of another size: the weights could stay."""
    both = same_channels(p.width, p.wanted)
    if both is None:
        return
    channels, side, expected = both
    yield Cause(
        "pool-to-fit",
        "The pictures have another size than the network was made for",
        f"{channels} channels of {side}×{side} arrive where {expected}×{expected} were expected, as"
        f" if pictures of {4 * side}×{4 * side} came in place of {4 * expected}×{4 * expected}"
        " before two pools",
        f"resize the pictures, or pool to {expected}×{expected} before flattening: all weights keep"
        " their shapes",
        f"x = nn.functional.adaptive_avg_pool2d(x, {expected})",
    )


def _applied_twice(p: Product) -> Iterator[Cause]:
    if p.out == p.width:
        yield Cause(
            "layer-applied-twice",
            "The layer is applied to its own output",
            f"{p.width:,} features arrive, as many as it gives",
            "call the next layer, or call this one once",
        )


def _vector(match: Match[str], reported: Reported) -> Diagnosis | None:
    """A matrix times a vector: "size mismatch, got input (5), mat (5x3), vec (4)"."""
    rows, width, size = (int(match[name]) for name in ("rows", "width", "size"))
    turned = rows == size
    cause = Cause(
        "vector-length",
        "The vector has another length than the matrix has columns",
        f"the matrix is {rows}×{width}, the vector has {size} numbers"
        + (f": as many as the matrix has rows, {rows}" if turned else ""),
        "multiply by the transposed matrix" if turned else f"give a vector of {width} numbers",
        "y = matrix.T @ x" if turned else None,
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
    causes = []
    if wanted[0] != got[0]:
        causes.append(
            Cause(
                "batches-differ",
                "The two operands have different batches",
                f"{wanted[0]} matrices on the left, {got[0]} on the right",
                "expand the one that is the same for all, or use torch.matmul, which broadcasts",
                "y = torch.matmul(a, b)",
            )
        )
    if wanted[1] != got[1]:
        causes.append(
            Cause(
                "inner-sizes-differ",
                "The right operand lies the other way round, or has another inner size",
                f"the left has {wanted[1]} columns, the right {got[1]} rows",
                "transpose the last two dimensions of the right operand",
                "y = torch.bmm(a, b.transpose(1, 2))",
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


NUMBERS = r"(\d+) ?x ?(\d+)"
GIVEN_AND_EXPECTED = (
    (
        "shapes cannot be multiplied",
        rf"(?:[\w.():]+ and [\w.]+ )?shapes cannot be multiplied \({NUMBERS} and {NUMBERS}\)",
    ),
    ("size mismatch, m1", rf"size mismatch, m1: \[{NUMBERS}\], m2: \[{NUMBERS}\]"),
    (
        "must have same reduction dim",
        r"(?:\w+ and \w+ )?must have same reduction dim, but got \[(\d+), (\d+)\] X \[(\d+),"
        r" (\d+)\]",
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    *(Pattern(marker, pattern, _explain) for marker, pattern in GIVEN_AND_EXPECTED),
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
            "{target} = {layer}({argument}.reshape(1))",
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
        "mismatch in its core dimension",
        r"mismatch in its core dimension (?P<axis>\d).*?\(size (?P<b>\d+) is different from"
        r" (?P<a>\d+)\)",
        "numpy's matmul: the left operand has {a} columns, the right one {b} rows.",
        Cause(
            "weight-transposed",
            "Most often the weight lies the other way round: torch stores (out, in)",
            "the inner sizes are {a} and {b}",
            "transpose the weight",
            "y = x @ W.T + b",
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
