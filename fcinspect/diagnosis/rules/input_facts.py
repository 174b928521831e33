"""What a text shows of the input of a layer: images, environments, joined and flattened parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isqrt

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Diagnosis
from fcinspect.diagnosis.rules.image_sizes import channels_in, same_channels
from fcinspect.diagnosis.rules.losses import rows_and_labels
from fcinspect.diagnosis.rules.product import numbers_of
from fcinspect.diagnosis.rules.shapes import viewed

FLATTENED = {25088: (512, 7), 9216: (256, 6), 50176: (1024, 7), 400: (16, 5)}
"""What usual networks flatten: VGG and ArcFace, AlexNet, LeNet: channels and side."""
MEMBERS_OUTER = {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}
MOST_TEXT = 20000
SIZE_TOLD = re.compile(
    r"(?:image|img|input|crop)[_ -]?(?:size|res)|resolution"
    r"|\b\d\d\d? ?[x×*] ?\d\d\d?\b(?![^\n]*multiplied)"
    r"|\b(?:224|256|384|512|1024)\b[^\n]{0,40}\b(?:works?|OK|ok|fine)\b",
    re.IGNORECASE,
)
"""A size of images in the words of a reader; or one that works."""
AGENT = re.compile(
    r"(?<![\w./\\])(?:obs|observations?|gym|gymnasium|rewards?)(?![\w/\\])|env\.(?:reset|step)"
    r"|d3rlpy|stable_baselines|custom env",
    re.IGNORECASE,
)
"""What speaks of an agent in an environment; a folder of that name does not."""
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
PARTS = r"inputs|views|crops|frames|branches|streams|modalities|augmentations|segments|cameras"


def maps_of(wanted: int, facts: Facts) -> tuple[int, int] | None:
    """Return the channels and the side of the maps that a number of features is made of.

    Those of the text's own convolutions, or of a usual network; None where neither fits.
    """
    for channels in channels_in(facts.text):
        side = isqrt(wanted // channels) if channels and wanted % channels == 0 else 0
        if side > 1 and side * side * channels == wanted:
            return channels, side
    return FLATTENED.get(wanted)


def image_size(facts: Facts) -> Decision | None:
    """Features of maps of another size, in a text that tells a size of images that works."""
    found = numbers_of(facts)
    told = SIZE_TOLD.search(facts.text.replace(facts.message, ""))
    if found is None or told is None:
        return None
    _, width, wanted, _ = found
    maps = maps_of(wanted, facts)
    both = same_channels(width, wanted)
    if maps is not None and width % maps[0] == 0:
        channels, side = maps
        arriving = isqrt(width // channels)
    elif both:
        channels, arriving, side = both[0]
    else:
        return None
    if arriving < 2 or arriving * arriving * channels != width or arriving == side:
        return None
    return Decision(
        "image-size-of-the-network",
        channels=channels, side=side, arriving=arriving, width=width, wanted=wanted,
    )  # fmt: skip


def viewed_maps(found: Diagnosis, facts: Facts) -> Decision | None:
    """shape '[-1, 400]' is invalid for input of size 384, below convolutions with 16 channels"""
    said = viewed(facts)
    if said is None or len(said[0]) != 2 or said[0][0] != -1:
        return None
    (_, fixed), size = said
    maps = maps_of(fixed, facts)
    if maps is None or size % maps[0]:
        return None
    channels, side = maps
    left = size // channels
    fitting = [n for n in range(2, 65) if left % (n * n) == 0 and n != side]
    told = re.findall(r"(?:randn?\(\s*|batch_size ?= ?)(\d+)", facts.text)
    given = {int(number) for number in told}
    fitting = [n for n in fitting if left // (n * n) in given] or fitting
    if not fitting:
        return None
    at = re.search(r"^[\s\d>-]*(\w+) = \1\.(?:view|reshape)\(", facts.text, re.MULTILINE)
    name = at[1] if at else "x"
    many = [n for n in fitting if left // (n * n) > 1]
    arriving = (many or fitting)[-1]
    features = f"{channels}·{arriving}·{arriving} = {channels * arriving**2}"
    example = ""
    if len(fitting) > 1:
        example, features = "for example ", f"{name}.shape[1]"
    return Decision(
        "image-size-of-the-network/view",
        channels=channels, side=side, arriving=arriving, batch=left // arriving**2,
        size=size, fixed=fixed, features=features, name=name, example=example,
        usual=": 32×32 for this LeNet" if fixed == 400 else "",
    )  # fmt: skip


def small_images(facts: Facts) -> Decision | None:
    """A network of torchvision made for 224×224, and a data set of small images."""
    found = numbers_of(facts)
    if found is not None and found[2] not in {25088, 9216}:
        return None
    made = re.search(r"models\.((?:vgg|alexnet)\w*)", facts.text)
    data = re.search(r"CIFAR[ -]?\d*|Fashion[ -]?MNIST|MNIST|SVHN|32 ?[x×*] ?32", facts.text)
    if made is None or data is None:
        return None
    wanted = 9216 if made[1] == "alexnet" else 25088
    channels, side = FLATTENED[wanted]
    size = 28 if "MNIST" in data[0] else 32
    return Decision(
        "images-too-small-for-the-network",
        model=made[1], data=data[0], wanted=wanted, side=side, channels=channels, size=size,
    )  # fmt: skip


def observation(found: Diagnosis, facts: Facts) -> Decision | None:
    """The network of an agent, and observations of another shape."""
    said = numbers_of(facts)
    if said is None or found.likely[0].name not in {"batch-flattened", "in-features"}:
        return None
    rows, width, wanted, _ = said
    if width < 2 or AGENT.search(facts.text) is None:
        return None
    factor, rest = divmod(width, wanted)
    told = f" = {factor}·{wanted:,}" if rest == 0 else ""
    kind = "; a history or window of steps, or an array that is flattened, gives a multiple"
    return Decision(
        "observation-of-another-shape",
        width=width, wanted=wanted, told=told, kind=kind if told else "",
        rows="one row" if rows == 1 else f"{rows:,} rows",
    )  # fmt: skip


def joined_as_rows(facts: Facts) -> Decision | None:
    """torch.cat([a, b, c]) without a dimension, before a layer that takes all of them."""
    found = numbers_of(facts)
    if found is None:
        return None
    _, width, wanted, _ = found
    count, rest = divmod(wanted, max(width, 1))
    if rest or count < 2 or width < 2:
        return None
    for name, members, end in _joins(facts.text[-MOST_TEXT:]):
        by_rows = re.match(r"\s*,?\s*(?:(?:dim|axis)\s*=\s*0|0)?\s*,?\s*\)", end)
        if len(members) == count and by_rows:
            plain = [re.sub(r"\.squeeze\(0\)", "", member) for member in members]
            kept = [re.sub(r"\.mean\((?:dim=)?0\)", ".mean(1)", member) for member in plain]
            lost = plain != members or kept != plain
            also = " and squeeze(0) or mean(0) drop or average the batch" if lost else ""
            return Decision(
                "joined-as-rows",
                count=count, width=width, wanted=wanted, also=also,
                code=f"{name}torch.cat([{', '.join(kept)}], dim=1)",
            )  # fmt: skip
    return None


def _joins(text: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield what is bound, the members, and what follows, of each torch.cat([…]) of a text."""
    for call in re.finditer(r"(?:(\w+) = )?torch\.(?:cat|concat|concatenate)\(\s*[\[(]", text):
        depth, members, start = 1, [], call.end()
        for place in range(call.end(), min(len(text), call.end() + 1000)):
            depth += MEMBERS_OUTER.get(text[place], 0)
            if depth == 0 or (depth == 1 and text[place] == ","):
                members.append(" ".join(text[start:place].split()))
                start = place + 1
            if depth == 0:
                name = f"{call[1]} = " if call[1] else ""
                yield name, [m for m in members if m], text[place + 1 : place + 40]
                break


def inputs_as_rows(facts: Facts) -> Decision | None:
    """Expected input batch_size (60) to match target batch_size (10), of a model of six inputs."""
    said = rows_and_labels(facts)
    if said is None or said[1] == 0 or said[0] % said[1]:
        return None
    rows, labels = said
    times = rows // labels
    told = re.search(
        rf"\b(\d+|{'|'.join(COUNTS)})[ -](?:\w+[ -])?({PARTS})\b", facts.flat_text, re.I
    )
    if told is None or times < 2:
        return None
    count = COUNTS.get(told[1].lower()) or (int(told[1]) if told[1].isdigit() else 0)
    if count != times:
        return None
    return Decision("joined-as-rows/labels", times=times, rows=rows, labels=labels, parts=told[2])
