"""Products of which the words, the code or other messages beside them decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from math import prod

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, shape_of
from fcinspect.diagnosis.rules.product import Numbers, numbers_of
from fcinspect.diagnosis.rules.state_dict_report import read_report

PRODUCTS = re.compile(
    r"(?:cannot be multiplied \(|size mismatch, m1: \[)(\d{1,9}) ?[x×] ?(\d{1,9})"
    r"(?: and |\], m2: \[)(\d{1,9}) ?[x×] ?(\d{1,9})"
)
MOST_PRODUCTS = 20
WRITTEN = re.compile(r"Linear\(\s*(?:in_features ?= ?)?(\d{1,6}(?: ?\* ?\d{1,6}){2})\s*,")
TRAINED = re.compile(
    r"downloaded|checkpoint|trained (?:model|weight|net)"
    r"|load_state_dict|from_pretrained",
    re.IGNORECASE,
)
SIZE = re.compile(r"(?:torch\.)?Size\(\[([\d, ]{1,60})\]\)|\[(\d{1,7}(?:, ?\d{1,7}){2,5})\]")
WHOLE_FLATTEN = re.compile(r"nn\.Flatten\((?:start_dim ?= ?)?0\)|\.flatten\((?:0)?\)")
JOINED = re.compile(r"torch\.cat\([^\n]{1,80}?,\s*(?:dim ?= ?|axis ?= ?)?0\)")


def _mine(facts: Facts) -> Numbers | None:
    found = numbers_of(facts)
    return None if found is None or 0 in found else found


def others(facts: Facts) -> Iterator[Numbers]:
    """Yield the numbers of the other products that do not fit in the text."""
    mine = _mine(facts)
    for found in islice(PRODUCTS.finditer(facts.flat_text), MOST_PRODUCTS):
        rows, width, wanted, out = map(int, found.groups())
        if (rows, width, wanted, out) != mine and width != wanted and min(rows, width):
            yield rows, width, wanted, out


def channels_as_rows(facts: Facts) -> Decision | None:
    """One image without a batch, of which nn.Flatten keeps the channels as rows."""
    mine = _mine(facts)
    if mine is None or 1 in mine[:2]:
        return None
    rows, width, wanted, _ = mine
    for again in others(facts):
        if again[:2] == (rows, width) and again[2] == rows * width:
            return Decision("unbatched/told", rows=rows, width=width, whole=again[2], wanted=wanted)
    return None


def left_unused(new: str, old: str, call: str, facts: Facts) -> Decision | None:
    """A flattened tensor under a name that nothing reads."""
    mine = _mine(facts)
    if mine is None or new == old or len(re.findall(rf"\b{new}\b", facts.text)) > 1:
        return None
    rows, width, wanted, _ = mine
    if not re.search(rf"\w\({old}[,)]", facts.text) or rows * width % wanted:
        return None
    one = re.match(r"(?:view|reshape)\(1, ?-1\)|flatten\((?:0)?\)", call)
    also = f"; {call} would put the whole batch into one row" if one else ""
    return Decision(
        "flattened-name-unused", new=new, old=old, call=call, also=also,
        counted=f"{rows:,}·{width:,} = {rows * width // wanted}·{wanted:,}",
    )  # fmt: skip


def each_unflattened(facts: Facts) -> Decision | None:
    """Several models or layers, each with images that are not flattened."""
    mine = _mine(facts)
    every = [] if mine is None else [mine, *others(facts)]
    told = []
    for rows, width, wanted, _ in dict.fromkeys(every):
        channels, rest = divmod(wanted, width * width)
        if rest or not channels or rows % (channels * width):
            return None
        batch = rows // (channels * width)
        told.append(f"{wanted:,} = {channels}·{width}·{width}, and {rows:,} rows are {batch} such")
    if len(told) < 2:
        return None
    return Decision("flatten-missing/each", count=len(told), told="; ".join(told))


def joined_along_batch(facts: Facts) -> Decision | None:
    """Code in the text that flattens the batch, or joins parts along it."""
    mine = _mine(facts)
    flat, joined = WHOLE_FLATTEN.search(facts.text), JOINED.search(facts.text)
    if mine is None or mine[0] != 1 or not (flat or joined):
        return None
    done, mend = [], []
    if flat:
        done.append(f"{flat[0]} flattens the batch dimension, too")
        mend.append("flatten from dimension 1: nn.Flatten(1), or nn.Identity() where it is flat")
    if joined:
        done.append(f"{joined[0]} joins along it")
        mend.append("join the parts of each sample side by side: torch.cat(…, dim=1)")
    return Decision(
        "batch-flattened/told", width=mine[1], wanted=mine[2], times=mine[1] // mine[2],
        done=" and ".join(done), mend=", and ".join(mend),
    )  # fmt: skip


def trained_size(facts: Facts) -> Decision | None:
    """A trained layer behind feature maps whose sizes stand in the code."""
    mine = _mine(facts)
    if mine is None or not TRAINED.search(facts.text):
        return None
    _, width, wanted, _ = mine
    for written in WRITTEN.findall(facts.text):
        channels, height, across = (int(n) for n in written.split("*"))
        if channels * height * across == wanted and width % channels == 0:
            area = width // channels
            other = [n for n in (height, across) if area % n == 0]
            arriving = f"{area // other[-1]}·{other[-1]}" if other else f"{area} places"
            return Decision(
                "image-size-of-trained-layer", channels=channels, width=width, wanted=wanted,
                made=f"{channels}·{height}·{across}", arriving=f"{channels}·{arriving}",
            )  # fmt: skip
    return None


def nothing_squeezed(facts: Facts) -> Decision | None:
    """squeeze() of a dimension that is not 1 leaves it where it is."""
    mine = _mine(facts)
    if mine is None:
        return None
    rows, width, wanted, _ = mine
    for found in SIZE.finditer(facts.text):
        shape = shape_of(found[1] or found[2])
        if prod(shape) == rows * width and wanted in shape[1:] and width in shape and width > 1:
            at = shape.index(width)
            return Decision(
                "squeeze-of-nothing", shape=list(shape), width=width, wanted=wanted, at=at
            )
    return None


def cell(facts: Facts) -> Decision | None:
    """A recurrent cell multiplies features and hidden state side by side."""
    mine = _mine(facts)
    if mine is None:
        return None
    _, width, wanted, out = mine
    hidden = next((n for n in (out, out // 2, out // 3, out // 4) if 0 < n < min(width, wanted)), 0)
    made, given = wanted - hidden, width - hidden
    named = re.search(rf"\b(\w+)\((\w+) ?= ?{made}\)", facts.text)
    stands = re.search(rf"(?<![\d.]){made}(?![\d.])", PRODUCTS.sub("", facts.flat_text))
    if not hidden or made == given or not stands:
        return None
    code = None
    if named is not None:
        code = f"{named[1]}({named[2]}={given})"
    return Decision(
        "features-of-another-data-set", made=made, given=given, hidden=hidden, width=width,
        wanted=wanted, code=code,
    )  # fmt: skip


def graph(layer: str, first: str, rest: str, facts: Facts) -> Decision | None:
    """The input width of a layer for graphs is that of one node."""
    mine = _mine(facts)
    if mine is None or mine[0] != mine[2]:
        return None
    rows, width, _, _ = mine
    bound = re.search(rf"([\w.]+ ?= ?)?(?:\w+\.)*{layer}\({re.escape(first)}", facts.text)
    start = bound[1] or "" if bound else ""
    code = f"{start}{layer}({width}{rest})"
    return Decision("in-channels-are-nodes", layer=layer, rows=rows, width=width, code=code)


def part_of_another_width(facts: Facts) -> Decision | None:
    """Mismatches of a state dict above the product name the part that is too wide."""
    mine = _mine(facts)
    if mine is None:
        return None
    _, width, wanted, _ = mine
    for found in read_report(facts.text).mismatches:
        if (wanted, width) in zip(found.saved, found.wanted, strict=False):
            part = re.split(r"\.(?:encoder|layers?|blocks?|embeddings|final)\b", found.key)[0]
            return Decision(
                "part-of-another-width", part=part, key=found.key, width=width, wanted=wanted
            )
    return None
