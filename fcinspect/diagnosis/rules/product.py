"""Products of shapes that do not fit: "mat1 and mat2 shapes cannot be multiplied"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import Decision, Pick, counted, pick
from fcinspect.diagnosis.rules.image_sizes import (
    USUAL_CHANNELS,
    as_image,
    channels_in,
    power_of_two,
    same_channels,
    usual_width,
)
from fcinspect.diagnosis.rules.operands import operands, own_product

BACKBONES = {
    *(320, 512, 576, 640, 960, 1024, 1280, 1408, 1536, 1664, 1792, 1920, 2048, 2208, 2304, 2560),
}
"""Channels that usual networks for images end with, before they are pooled."""
WIDTHS = {512, 768, 1024, 2048, 4096}
"""Numbers of features that are as usual as pooled ones."""
PACKED = 2**16
"""A weight of one column with so many numbers is a packed one."""
LEAST_SIDE = 5
"""Nothing tells narrower images from a few features."""
MOST_BATCH = 1024
"""More rows than that are those of sequences or images, not of a batch alone."""


OWN_WEIGHT = re.compile(
    r"\b(?:linear|addmm|baddbmm|matmul|mm|bmm|einsum|chain_matmul|multi_dot)\(| @ "
)
"""A product in which the weight is the reader's own tensor."""
GATE = re.compile(r"\.(?:view|reshape)\([^()]*,\s*1\s*,\s*1\s*\)")
"""One number for each channel: what a squeeze-excitation multiplies images by."""
FEATURES = re.compile(r"feat|resnet|backbone|encoder|im(?:g|age)|conv|pool", re.IGNORECASE)
"""What speaks of features of images."""
MOST_PLANES = 512
"""A bottleneck block has no more planes; wider ones are backbones."""
PARTS = re.compile(r"multi|concat|\bcat\b|stack|fus|joint|merged", re.IGNORECASE)
"""Names of what is made of several parts side by side."""
CALLED_WITH = re.compile(r"self\.\w{1,60}\((\w{1,60})\)")
IN_LIBRARY = re.compile(r"(?:torchvision|timm)/models/")
"""Files of networks for images, whose last layer readers replace."""
MOST_TEXT = 10_000


Numbers = tuple[int, int, int, int]


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
        return self.facts.near.code != "" and OWN_WEIGHT.search(self.facts.near.code) is not None


def numbers_of(facts: Facts) -> Numbers | None:
    """Return rows, width, wanted and out of a product that does not fit."""
    said = groups_of("product", "product.layer", facts)
    if said is None:
        return None
    return int(said["rows"]), int(said["width"]), int(said["wanted"]), int(said["out"])


def layer(rows: int, width: int, wanted: int, out: int, facts: Facts) -> Decision | None:
    """mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"""
    if width == wanted:
        return None
    happened = (
        f"The input has {counted(rows, 'row')} of {counted(width, 'feature')} each. The layer's"
        f" weight expects {counted(wanted, 'feature')} and gives {out:,}."
    )
    return Decision(*_causes(Product(rows, width, wanted, out, facts)), happened=happened)


def _causes(p: Product) -> Iterator[Pick]:
    """Yield the causes that the numbers speak for, the most telling first."""
    if 0 in (p.wanted, p.out):
        yield pick("sharded-weight/product", shape=f"{p.wanted}×{p.out}")
        yield _in_features(p)
        return
    if 0 in (p.rows, p.width):
        yield pick("empty-input")
        yield _in_features(p)
        return
    if in_attention(p.facts):
        yield from _attention(p)
        return
    packed = list(_packed(p))
    if packed:
        yield from packed
        return
    yield from _of_one_layer(p)


def _of_one_layer(p: Product) -> Iterator[Pick]:
    """Yield the causes of a product with the weight of a plain linear layer."""
    gate = list(_gate(p))
    yield from gate
    if gate and GATE.search(p.facts.near.code):
        return
    single = p.width == 1 < p.wanted and p.rows != p.wanted
    yield from _one_feature(p) if single and p.out == 1 else ()
    parts = list(_parts(p))
    yield from parts
    if p.out == p.width and not single and not parts:
        yield _transposed_weight(p)
    pooled = list(_not_pooled(p))
    image = _unflattened_picture(p)
    first = not (pooled and _in_library(p))
    maps = p.rows == 1 and bool(pooled) and FEATURES.search(p.facts.text) is not None
    if maps:
        yield from pooled
    elif image is None and first:
        yield from _batch(p)
    yield from _not_flattened(p)
    if image is not None:
        yield from _batch(p)
    certain = image is not None or (p.rows == 1 and gate)
    yield from () if maps else pooled
    if p.rows == p.wanted and not p.facts.passed_through("torch_geometric"):
        column = "input-transposed/column" if p.width == 1 else "input-transposed"
        yield pick(column, code=p.given("{}.T"))
    square = not pooled and _square(p)
    if square:
        yield _wrong_input(p)
    yield from _twice(p)
    if not certain:
        yield _in_features(p, withheld=bool(square or pooled or gate or parts))
    if _divisible(p) and image is None and not _rows_of_sequences(p):
        yield _perhaps_not_flattened(p)
    batch, rest = divmod(p.rows, p.wanted)
    if rest == 0 and batch > 1 and not p.functional and min(p.width, p.wanted) > 1:
        # as convolutions give them: (batch, features, places)
        yield pick("features-not-last", batch=batch, code=p.given("{}.movedim(1, -1)"))
    yield from _another_picture(p)
    if p.out == p.width and not single and not parts:
        yield pick("layer-applied-twice")


def _in_library(p: Product) -> bool:
    return any(IN_LIBRARY.search(frame.file.replace("\\", "/")) for frame in p.facts.frames)


def _gate(p: Product) -> Iterator[Pick]:
    """The squeeze of a squeeze-excitation, made for the planes of a block, not for its output."""
    factor, rest = divmod(p.width, p.wanted)
    shaped = GATE.search(p.facts.near.code) is not None
    squeeze = p.wanted % p.out == 0 and p.wanted // p.out in (4, 8, 16)
    squeeze = squeeze and 32 <= p.wanted <= MOST_PLANES
    if rest == 0 and factor > 1 and (shaped or (squeeze and factor == 4 and p.rows <= MOST_BATCH)):
        told = "; the frame gives the result the shape (n, c, 1, 1)" if shaped else ""
        yield pick("gate-of-other-channels", factor=factor, told=told)


def _one_feature(p: Product) -> Iterator[Pick]:
    """One column where several are wanted, of a layer with one output."""
    powers = ", ".join(["x", *(f"x**{power}" for power in range(2, min(p.wanted, 5) + 1))])
    more = ", …" if p.wanted > 5 else ""
    yield pick("features-missing", powers=powers + more)


def _parts(p: Product) -> Iterator[Pick]:
    """Several inputs side by side are wanted, and one arrives."""
    count, rest = divmod(p.wanted, p.width)
    code = p.facts.near.code or " ".join(CALLED_WITH.findall(p.facts.text[-MOST_TEXT:]))
    if rest == 0 and 1 < count <= 8 and PARTS.search(code) and p.width >= 32:
        yield pick("parts-to-concatenate", count=count, argument=p.facts.argument)


def _not_pooled(p: Product) -> Iterator[Pick]:
    """Images of channels × height × width where one number for each channel is wanted; or not."""
    for side in range(2, 33):
        area = side * side
        usual = side == 2 and p.width in WIDTHS
        if p.wanted in BACKBONES and p.width == p.wanted * area and not usual:
            yield pick("pooling-missing", side=side, code=_pooling(p))
        if p.width in BACKBONES and p.wanted == p.width * area and side > 2 and p.rows % area:
            yield pick("already-pooled", side=side)


def _pooling(p: Product) -> str:
    if _in_library(p):
        return "model.avgpool = nn.AdaptiveAvgPool2d(1)"
    return "x = torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)  # x: (batch, C, H, W)"


def _square(p: Product) -> bool:
    """Whether the layer keeps a width, and what arrives is no image of another size."""
    if p.wanted != p.out or p.functional or p.rows == p.wanted:
        return False
    return as_image(p.width) is None or p.width % p.wanted == 0 or p.width < 100


def _wrong_input(p: Product) -> Pick:
    call = p.facts.call
    layer = p.facts.names()["layer"] if call is not None else "the layer"
    argument = p.facts.argument if call is not None else "the input"
    factor, rest = divmod(p.width, p.wanted)
    multiple = f"; {p.width:,} = {factor}·{p.wanted:,}" if rest == 0 and factor > 1 else ""
    small = p.width if p.width < 100 and p.rows > p.width else 0
    scores = ", as many as scores or labels of so many classes have" if small else ""
    print_ = p.facts.argument if call is not None else "x"
    return pick(
        "input-of-another-width",
        layer=layer,
        argument=argument,
        multiple=multiple,
        scores=scores,
        shown=print_,
    )


def _twice(p: Product) -> Iterator[Pick]:
    """Two parts side by side where one is wanted: a gate and what it multiplies."""
    ratio = p.wanted / p.out
    if p.width == 2 * p.wanted and p.out >= 256 and 2.3 < ratio < 4.1 and p.width > 1024:
        yield pick("gated-activation-missing")


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
    if p.rows * p.width == p.wanted and 1 not in (p.rows, p.width):
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
    if not rest and channels > 1 and channels in channels_in(p.facts.text):
        return None if p.rows % (channels * p.width) else (channels, p.width)
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


def _in_features(p: Product, *, withheld: bool = False) -> Pick:
    """Return that in_features differs; without code where something else is likelier."""
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
    if withheld:
        return pick("in-features/either", pictures=pictures, code=None)
    if _in_library(p):
        return _head(p)
    maps = as_image(p.width) is not None and p.width >= 400 and not usual_width(p.width)
    pooled, rest = divmod(p.width, max(p.wanted, 1))
    if rest == 0 and pooled in (4, 9, 16, 25, 36, 49) and p.wanted >= 64 and not p.facts.near.code:
        side = isqrt(pooled)
        pictures += f"; {p.width:,} = {p.wanted}·{side}·{side}, too: channels that are not pooled"
        return pick("in-features/either", pictures=pictures, code=f"{code}  # after print(x.shape)")
    if both or maps or p.facts.near.code:
        return pick("in-features", pictures=pictures, code=code)
    return pick("in-features/either", pictures=pictures, code=f"{code}  # after print(x.shape)")


def _head(p: Product) -> Pick:
    """A layer of a model of torchvision or timm: most likely a head that was put in."""
    files = [frame.file.replace("\\", "/") for frame in p.facts.frames]
    place = max(n for n, file in enumerate(files) if IN_LIBRARY.search(file))
    name = p.facts.frames[place].layer or "fc"
    return pick("in-features/head", head=name, code=f"model.{name} = nn.Linear({p.width}, {p.out})")


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
