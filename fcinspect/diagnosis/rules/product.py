"""Products of shapes that do not fit: "mat1 and mat2 shapes cannot be multiplied"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.rules.operands import operands, own_product

USUAL_CHANNELS = (
    16, 32, 64, 128, 256, 512, 1024, 2048, 6, 8, 12, 20, 24, 48, 50, 96, 192, 384, 3, 1,
)  # fmt: skip
"""Channels of usual networks, the commonest first."""
MOST_SIDE = 64
TEXT_WIDTHS = {512, 768, 1024, 1280, 1536, 2048, 2432, 3072, 4096}
"""Widths of text encoders: CLIP ViT-L has 768, OpenCLIP bigG 1280, both together 2048."""
TOKENS = 77
"""Tokens of a CLIP text encoder's output."""
PACKED = 2**16
"""A weight of one column with so many numbers is a packed one."""
LEAST_SIDE = 5
"""Nothing tells narrower images from a few features."""
MOST_BATCH = 1024
"""More rows than that are those of sequences or images, not of a batch alone."""


@dataclass(frozen=True)
class Product:
    """A matrix (rows × width) times one (wanted × out), whose inner sizes differ."""

    rows: int
    width: int
    wanted: int
    out: int
    facts: Facts

    def given(self, form: str) -> str:
        """Return the line that gives the layer its input in another form, e.g. "{}.T"."""
        names = self.facts.names()
        if self.facts.inside and self.facts.call is not None:
            within = self.facts.call.function
            return f"x = {form.format('x')}  # before the layer inside {within}"
        return f"{names['target']} = {names['layer']}({form.format(self.facts.argument)})"

    @property
    def functional(self) -> bool:
        """Whether the reader multiplies by a matrix of their own, not by a layer's weight."""
        if self.facts.passed_through("modules/linear.py"):
            return False
        return self.facts.own_frame is not None


def layer(rows: int, width: int, wanted: int, out: int, facts: Facts) -> Decision | None:
    """mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"""
    if width == wanted:
        return None
    happened = (
        f"The input has {_count(rows, 'row')} of {_count(width, 'feature')} each. The layer's"
        f" weight expects {_count(wanted, 'feature')} and gives {out:,}."
    )
    return Decision(*_causes(Product(rows, width, wanted, out, facts)), happened=happened)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _causes(p: Product) -> Iterator[Pick]:
    """Yield the causes that the numbers speak for, the most telling first."""
    if 0 in (p.rows, p.width, p.wanted):
        yield _in_features(p)
        return
    if in_attention(p.facts):
        yield from _attention(p)
        return
    yield from _packed(p)
    if p.rows % TOKENS == 0 and {p.width, p.wanted} <= TEXT_WIDTHS:
        yield pick("wrong-text-encoder", batch=p.rows // TOKENS, tokens=TOKENS)
    if p.out == p.width:
        yield _transposed_weight(p)
    yield from _batch(p)
    yield from _not_flattened(p)
    if p.rows == p.wanted:
        yield pick("input-transposed", code=p.given("{}.T"))
    yield _in_features(p)
    if _divisible(p) and _unflattened_picture(p) is None and not _rows_of_sequences(p):
        yield _perhaps_not_flattened(p)
    batch, rest = divmod(p.rows, p.wanted)
    if rest == 0 and batch > 1 and not p.functional and min(p.width, p.wanted) > 1:
        # as convolutions give them: (batch, features, places)
        yield pick("features-not-last", batch=batch, code=p.given("{}.movedim(1, -1)"))
    yield from _another_picture(p)
    if p.out == p.width:
        yield pick("layer-applied-twice")


def in_attention(facts: Facts) -> bool:
    """Whether the product is one with the weight that projects queries, keys and values."""
    return any(frame.function == "multi_head_attention_forward" for frame in facts.frames)


def _attention(p: Product) -> tuple[Pick, Pick]:
    """Keys and values of nn.MultiheadAttention have another width than its embed_dim.

    Queries of another width, and keys and values of two, meet other messages of torch.
    """
    told = p.facts.replaced(
        f"nn.MultiheadAttention({p.wanted}, num_heads, kdim={p.width}, vdim={p.width})"
    )
    given = operands(p.facts)
    memory = given[1] if len(given) > 1 and NAME.match(given[1]) else "memory"
    key = pick("key-width", told=told)
    projected = pick("memory-not-projected", memory=memory)
    # a layer of a transformer makes its attention itself, and takes no kdim
    return (projected, key) if p.facts.inside else (key, projected)


def _packed(p: Product) -> Iterator[Pick]:
    """A weight of 4-bit numbers, two in a byte, which only its own layer can multiply by."""
    packed = next((n for n in (p.wanted, p.out) if n >= PACKED), None)
    if packed is None or 1 not in (p.wanted, p.out):
        return
    numbers = 2 * packed
    factor = ""
    if isqrt(numbers) ** 2 == numbers:
        factor = f" = {isqrt(numbers):,}²"
    elif numbers % p.width == 0:
        factor = f" = {p.width:,}·{numbers // p.width:,}"
    yield pick("packed-weight", packed=packed, numbers=numbers, factor=factor)


def _transposed_weight(p: Product) -> Pick:
    if not p.functional:
        code = p.facts.replaced(f"nn.Linear({p.out}, {p.wanted})")
        return pick("weight-transposed", code=code)
    own, given = own_product(p.facts), operands(p.facts)
    weight = given[1] if len(given) > 1 else "weight"
    code = own.line(right="{}.T") if own is not None else f"{weight}.T"
    return pick("weight-transposed/functional", code=code)


def _batch(p: Product) -> Iterator[Pick]:
    """All rows in one, by view(-1) or flatten() without a dimension; or a picture without batch."""
    if p.rows == 1 and p.width % p.wanted == 0:
        yield pick("batch-flattened", batch=p.width // p.wanted)
    if p.rows * p.width == p.wanted and p.rows != 1:
        side = isqrt(p.width)
        square = side * side == p.width
        shape = f"{p.rows}×{side}×{side}" if square else f"{p.rows}×{p.width}"
        yield pick("unbatched", shape=shape)


def _not_flattened(p: Product) -> Iterator[Pick]:
    """A picture that goes in as it is: in_features are its channels × height × width."""
    image = _unflattened_picture(p)
    if image is not None:
        channels, side = image
        batch, code = p.rows // (channels * side), _flattening(p)
        yield pick("flatten-missing", channels=channels, side=side, batch=batch, code=code)
    elif _rows_of_sequences(p):
        yield _perhaps_not_flattened(p)


def _unflattened_picture(p: Product) -> tuple[int, int] | None:
    """Return the channels and the side of the pictures that the rows are lines of.

    Of narrow pictures, and of powers of two alone, the numbers could as well be a layer's widths.
    """
    channels, rest = divmod(p.wanted, p.width**2)
    widths = channels == 1 and power_of_two(p.width)
    if rest or channels not in USUAL_CHANNELS or p.width < LEAST_SIDE or widths:
        return None
    return None if p.rows % (channels * p.width) else (channels, p.width)


def _rows_of_sequences(p: Product) -> bool:
    """Whether the rows are more than a batch has, and in_features a whole number of them."""
    return p.rows > MOST_BATCH and _divisible(p) and not power_of_two(p.wanted // p.width)


def _divisible(p: Product) -> bool:
    lines, rest = divmod(p.wanted, p.width)
    return p.width > 1 and lines > 1 and rest == 0 and p.rows % lines == 0


def _perhaps_not_flattened(p: Product) -> Pick:
    """Only divisibility speaks for it: the input may as well have just two dimensions."""
    lines, code = p.wanted // p.width, _flattening(p)
    return pick("flatten-missing/perhaps", lines=lines, batch=p.rows // lines, code=code)


def _flattening(p: Product) -> str:
    call = p.facts.call
    if p.facts.inside and p.facts.passed_through("modules/container.py") and call is not None:
        return f"nn.Flatten(),  # before the nn.Linear inside {call.function}"
    return p.given("torch.flatten({}, 1)")


def _in_features(p: Product) -> Pick:
    pictures = ""
    both = same_channels(p.width, p.wanted)
    if both:
        pairs = ", or ".join(
            f"{p.width:,} = {channels}·{side}·{side} and {p.wanted:,} ="
            f" {channels}·{expected}·{expected}"
            for channels, side, expected in both
        )
        example = "for example " if len(both) > 1 else ""
        pictures = f"; {example}{pairs} (channels × height × width)"
    code = p.facts.replaced(f"nn.Linear({p.width}, {p.out})")
    if p.functional:
        code = f"# the weight's shape must be ({p.out}, {p.width})"
    return pick("in-features", pictures=pictures, code=code)


def _another_picture(p: Product) -> Iterator[Pick]:
    """A picture of another size: the weights could stay."""
    both = same_channels(p.width, p.wanted)
    if not both:
        return
    channels, side, expected = both[0]
    sizes = ", or ".join(f"{c} channels of {s}×{s} instead of {e}×{e}" for c, s, e in both)
    pools = " or ".join(f"to {e}×{e}" for _, _, e in both)
    code = f"x = nn.functional.adaptive_avg_pool2d(x, {expected})"
    if len(both) > 1:
        code += f"  # where there are {channels} channels"
    smaller = "; a convolution without padding also makes them smaller" if side < expected else ""
    yield pick("pool-to-fit", sizes=sizes, smaller=smaller, pools=pools, code=code)


def as_image(features: int, channels: int | None = None) -> tuple[int, int, int] | None:
    """Return (channels, side, side) of a number of features, or None if it is none of the usual.

    With `channels` given, just these are tried.
    """
    for count in USUAL_CHANNELS if channels is None else (channels,):
        side = isqrt(features // count) if count and features % count == 0 else 0
        if 1 < side <= MOST_SIDE and side * side * count == features:
            return count, side, side
    return None


def same_channels(arriving: int, expected: int, most: int = 2) -> list[tuple[int, int, int]]:
    """Return (channels, side that arrives, side that is expected), where both may be pictures.

    1568 and 2048 are 32·7·7 and 32·8·8, or 8·14·14 and 8·16·16: the commonest come first. Widths
    that layers have without any picture are none.
    """
    if _usual_width(arriving) and _usual_width(expected):
        return []
    found = []
    for count in USUAL_CHANNELS:
        one, other = as_image(arriving, count), as_image(expected, count)
        if one is not None and other is not None and count > 1:
            found.append((count, one[1], other[1]))
    return found[:most]


def _usual_width(features: int) -> bool:
    """Whether it is a small number, or 2ⁿ or 3·2ⁿ as 512 and 768 are."""
    third, rest = divmod(features, 3)
    return features < 100 or power_of_two(features) or (rest == 0 and power_of_two(third))


def power_of_two(number: int) -> bool:
    """Whether the number is 1, 2, 4, 8, …"""
    return number.bit_count() == 1
