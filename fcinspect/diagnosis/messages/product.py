"""Products of shapes that do not fit: "mat1 and mat2 shapes cannot be multiplied"."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from re import Match

from fcinspect.diagnosis.factors import same_channels
from fcinspect.diagnosis.messages import product_attention, product_flattening, product_operands
from fcinspect.diagnosis.messages.own_line import operands, own_product
from fcinspect.diagnosis.messages.product_numbers import Product
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, one_line
from fcinspect.diagnosis.reported import Reported

TEXT_WIDTHS = {512, 768, 1024, 1280, 1536, 2048, 2432, 3072, 4096}
"""Widths of text encoders: CLIP ViT-L has 768, OpenCLIP bigG 1280, both together 2048."""
TOKENS = 77
"""Tokens of a CLIP text encoder's output."""
PACKED = 2**16
"""A weight of one column with so many numbers is a packed one."""


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
    if 0 in (product.rows, product.width, product.wanted):
        yield _in_features(product)
        return
    if product_attention.in_attention(product.reported):
        yield from product_attention.causes(product.width, product.wanted, product.reported)
        return
    yield from _packed(product)
    yield from _text_encoder(product)
    yield from _transposed_weight(product)
    yield from product_flattening.batch_flattened(product)
    yield from product_flattening.one_sample(product)
    yield from product_flattening.not_flattened(product)
    yield from _transposed_input(product)
    yield _in_features(product)
    yield from product_flattening.or_not_flattened(product)
    yield from _features_not_last(product)
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
        own = own_product(p.reported)
        given = operands(p.reported)
        weight = given[1] if len(given) > 1 else "weight"
        code = own.line(right="{}.T") if own is not None else f"{weight}.T"
    else:
        code = p.reported.replaced(f"nn.Linear({p.out}, {p.wanted})")
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


def _transposed_input(p: Product) -> Iterator[Cause]:
    if p.rows != p.wanted:
        return
    yield Cause(
        "input-transposed",
        "The input lies the other way round: (features, batch)",
        f"it has {p.rows:,} rows, and in_features is {p.wanted:,}",
        "transpose it, so that each row is one sample",
        p.given("{}.T"),
    )


def _features_not_last(p: Product) -> Iterator[Cause]:
    """As convolutions give them: (batch, features, places)."""
    batch, rest = divmod(p.rows, p.wanted)
    if rest or batch < 2 or p.functional or min(p.width, p.wanted) == 1:
        return
    yield Cause(
        "features-not-last",
        "The features lie in dimension 1, if the input has three dimensions or more",
        f"{p.rows:,} rows are {batch}·{p.wanted:,}, and in_features is {p.wanted:,}: as of an input"
        f" of ({batch}, {p.wanted}, {p.width})",
        "bring the features to the last dimension",
        p.given("{}.movedim(1, -1)"),
    )


def _in_features(p: Product) -> Cause:
    evidence = f"{p.width:,} features arrive, and in_features is {p.wanted:,}"
    both = same_channels(p.width, p.wanted)
    if both:
        pairs = ", or ".join(
            f"{p.width:,} = {channels}·{side}·{side} and {p.wanted:,} ="
            f" {channels}·{expected}·{expected}"
            for channels, side, expected in both
        )
        example = "for example " if len(both) > 1 else ""
        evidence += f"; {example}{pairs} (channels × height × width)"
    code = (
        f"the weight's shape must be ({p.out}, {p.width})"
        if p.functional
        else p.reported.replaced(f"nn.Linear({p.width}, {p.out})")
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
    if not both:
        return
    _, side, expected = both[0]
    sizes = ", or ".join(
        f"{channels} channels of {side}×{side} instead of {expected}×{expected}"
        for channels, side, expected in both
    )
    pools = " or ".join(f"to {expected}×{expected}" for _, _, expected in both)
    code = f"x = nn.functional.adaptive_avg_pool2d(x, {expected})"
    if len(both) > 1:
        code += f"  # where there are {both[0][0]} channels"
    smaller = "; a convolution without padding makes them smaller, too" if side < expected else ""
    yield Cause(
        "pool-to-fit",
        "The pictures have another size than the layer was made for",
        f"what was flattened may be {sizes}{smaller}",
        f"resize the pictures, or pool {pools} before flattening: all weights keep their shapes",
        code,
    )


def _applied_twice(p: Product) -> Iterator[Cause]:
    if p.out == p.width:
        yield Cause(
            "layer-applied-twice",
            "The layer is applied to its own output",
            f"{p.width:,} features arrive, as many as it gives",
            "call the next layer, or call this one once",
        )


NUMBERS = r"(\d+) ?[x×] ?(\d+)"
GIVEN_AND_EXPECTED = (
    (
        "shapes cannot be multiplied",
        rf"(?:[\w.():]{{1,99}} and [\w.]+ )?shapes cannot be multiplied"
        rf" \({NUMBERS} and {NUMBERS}\)",
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
    *product_operands.PATTERNS,
)
