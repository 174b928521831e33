"""Losses: which one was called, and inputs, targets and labels that do not fit one another."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import zip_longest
from math import prod

from fcinspect.diagnosis.facts import NAME, Facts
from fcinspect.diagnosis.recognising import groups_of
from fcinspect.diagnosis.records import Cause, Decision, Pick, Shape, pick, shape_of
from fcinspect.diagnosis.rules.operands import operands

MANY_PIXELS = 20_000
"""No batch has so many samples."""
SIDES = (224, 256, 299, 384, 512, 320, 448, 640, 128, 192, 160, 112, 96, 64, 48, 32, 28)
"""Of usual images, the likeliest first."""
MOST_MAPS = 1024
SOFTMAX = {"softmax", "log_softmax", "softmin", "gumbel_softmax"}
CALLS = re.compile(r"\b(\w*loss|\w*cross_entropy\w*|kl_div|criterion|\w*Loss\(.*\))\(")
"""A call of a loss in a line of the reader's own."""
SIZE = r"(?:torch\.Size\()?\[?([\d, ]*)\]?\)?"
WARNING = rf"Using a target size \({SIZE}\) that is different to the input size \({SIZE}\)"
FLATTENED = re.compile(r"([A-Za-z_][\w.]*)\.(?:view|reshape|flatten)\(")
MOST_CLASSES = 1000
"""Of labels beyond it, too few outputs are likelier than counting from 1."""


def through_loss(facts: Facts) -> str | None:
    """Return the function of torch.nn.functional that the error passed through, or None.

    "loss" stands for a loss module whose function has no frame of its own.
    """
    for frame in reversed(facts.frames):
        file = frame.file.replace("\\", "/")
        loss = re.search(r"loss|cross_entropy|^kl_div$", frame.function)
        if file.endswith("nn/functional.py") and loss:
            return frame.function
        if file.endswith(("nn/modules/loss.py", "nn/_reduction.py")):
            return "loss"
    return None


def through_softmax(facts: Facts) -> str | None:
    """Return the softmax function that the error passed through, or None."""
    for frame in reversed(facts.frames):
        in_torch = frame.file.replace("\\", "/").endswith("nn/functional.py")
        if in_torch and frame.function in SOFTMAX:
            return frame.function
    called = re.search(r"\b(log_softmax|softmax)\(", facts.own_place.code)
    return None if called is None else called[1]


def elsewhere(facts: Facts) -> bool:
    """Whether a traceback shows that no loss was on the way to the error."""
    if not facts.frames or through_loss(facts) is not None:
        return False
    return CALLS.search(facts.own_place.code) is None


def named(causes: tuple[Cause, ...], facts: Facts) -> tuple[Cause, ...]:
    """Return the causes with the reader's own names in their code, where their line has them.

    From `loss = criterion(out, labels)` pred becomes out, and y becomes labels.
    """
    if CALLS.search(facts.own_place.code) is None and through_loss(facts) is None:
        return causes
    given = operands(facts)[:2]
    pairs = zip(("pred", "y"), given if len(given) == 2 else (), strict=False)
    names = {usual: name for usual, name in pairs if NAME.match(name)}
    return tuple(_renamed(cause, names) for cause in causes)


def _renamed(cause: Cause, names: dict[str, str]) -> Cause:
    if cause.code is None:
        return cause
    code = re.sub(r"\b(pred|y)\b", lambda m: names.get(m[1], m[1]), cause.code)
    return replace(cause, code=code)


def warned(target: Shape, given: Shape, refused: str) -> Decision:
    """The warning of MSELoss, L1Loss, SmoothL1Loss and HuberLoss; the error of BCELoss."""
    return _differ(given, target, equal_only=refused != "")


def refused(target: Shape, given: Shape) -> Decision:
    """The error of BCEWithLogitsLoss."""
    return _differ(given, target, equal_only=True)


def in_a_loss(a: int, b: int, dimension: int, facts: Facts) -> Decision | None:
    """The broadcast that fails inside a loss; a warning before it gives the whole shapes."""
    function = through_loss(facts)
    for warning in re.finditer(WARNING, facts.text):
        target, given = shape_of(warning[1]), shape_of(warning[2])
        if {a, b} <= {*target, *given} and broadcast(given, target) is None:
            return _differ(given, target, equal_only=False)
    if function is None:
        return None
    if function == "binary_cross_entropy_with_logits":
        # input and target were found equal before, so only pos_weight is left
        happened = f"pos_weight has {a} entries, but the input has {b} columns."
        return Decision("class-weights-count", happened=happened)
    called = "the loss" if function == "loss" else function
    cause = "batch-differs/alone" if dimension == 0 else "out-features-differ/alone"
    return Decision(cause, called=called)


def soft_margin(given: Shape, formed: Shape, facts: Facts) -> Decision | None:
    """output with shape [8] doesn't match the broadcast shape [8, 8]"""
    return None if through_loss(facts) is None else Decision("target-broadcast/formed")


def broadcast(first: Shape, second: Shape) -> Shape | None:
    """Return the shape both broadcast to, or None where they do not."""
    pairs = list(zip_longest(first[::-1], second[::-1], fillvalue=1))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return None
    return tuple(b if a == 1 else a for a, b in reversed(pairs))


def _differ(given: Shape, target: Shape, *, equal_only: bool) -> Decision:
    happened = f"The input has shape {given} and the target {target}"
    formed = broadcast(given, target)
    if equal_only:
        happened += "; this loss takes only equal shapes."
    elif formed is None:
        happened += "; these cannot be broadcast, so no differences can be formed."
    else:
        happened += f". Broadcast together they give {formed}: {prod(formed)} differences"
        happened += (
            f" would be formed instead of {prod(given)}."
            if prod(given) == prod(target)
            else f"; the input holds {prod(given)} numbers and the target {prod(target)}."
        )
    causes = _causes(given, target)
    return Decision(*causes, happened=happened, given=given, target=target, held=prod(given))


def _causes(given: Shape, target: Shape) -> tuple[str | Pick, ...]:
    if _without_ones(given) == _without_ones(target) and given != target:
        return _ones(given, target)
    if prod(given) == prod(target) and target:
        return (_rearranged(given, target),)
    if not target:
        return ("target-is-one-number",)
    if given and given[0] != target[0]:
        return _batches(given, target)
    if len(target) == 1 and len(given) == 2:
        of_each = {"outputs": given[1]}
        return Pick("labels-need-cross-entropy", of_each), Pick("too-many-outputs", of_each)
    if len(given) == len(target) > 2 and given[1] != target[1] and given[2:] == target[2:]:
        cause = "mask-in-colours" if (given[1], target[1]) == (1, 3) else "channels-differ"
        return (pick(cause, outputs=given[1], wanted=target[1]),)
    return (pick("out-features-differ", outputs=given[-1], columns=target[-1]),)


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _inserted(longer: Shape, shorter: Shape) -> int | None:
    """Return where a dimension of 1 in `longer` makes the difference, seen from the end."""
    for place in reversed(range(len(longer))):
        if longer[place] == 1 and longer[:place] + longer[place + 1 :] == shorter:
            return place
    return None


def _ones(given: Shape, target: Shape) -> tuple[str | Pick, ...]:
    place = _inserted(given, target)
    if place is not None:
        return pick("target-broadcast/lacks", place=place), pick("output-not-squeezed", place=place)
    if not given:
        return ("output-squeezed/scalar",)
    place = _inserted(target, given)
    if place is not None:
        return pick("target-broadcast/has", place=place), pick("output-squeezed", place=place)
    return ("target-transposed" if len(given) == len(target) == 2 else "target-broadcast/ones",)


def _rearranged(given: Shape, target: Shape) -> str:
    if len(given) == 2 and target == given[::-1]:
        return "target-transposed"
    if given[0] == target[0] and len(given) == 2:
        return "target-not-flattened"
    if given[0] == target[0] and len(target) == 2:
        return "output-not-flattened"
    return "shapes-differ"


def _batches(given: Shape, target: Shape) -> tuple[Pick, ...]:
    rows = {"rows": given[0], "labels": target[0]}
    other = Pick("batch-differs", rows)
    images = _as_maps(given), _as_maps(target)
    if all(images) and len(given) == len(target) == 1:
        values = rows | {"output": images[0], "mask": images[1]}
        return (Pick("image-sizes-differ", values),)
    more, less = max(given[0], target[0]), min(given[0], target[0])
    if not less or more % less:
        return (other,)
    changed = {"more": more, "times": more // less, "less": less}
    return Pick("view-changed-batch", rows | changed), other


def _as_maps(shape: Shape) -> str:
    """Return a flat number of pixels as maps of a usual side: "60·224·224"; "" of a small one."""
    size = shape[0]
    fitting = (side for side in SIDES if size >= MANY_PIXELS and size % side**2 == 0)
    side = next((side for side in fitting if size // side**2 <= MOST_MAPS), 0)
    return f"{size // side**2}·{side}·{side}" if side else ""


def out_of_bounds(label: int) -> Decision:
    """Target 10 is out of bounds."""
    causes: tuple[str, ...]
    if label < 0:
        shifted = ("labels-minus-one-and-one", "labels-shifted") if label == -1 else ()
        causes = ("negative-label", *shifted)
    elif label == 1:
        causes = ("single-output", "labels-start-at-one/1", "too-few-outputs")
    elif label == 255:
        causes = ("void-label", "too-few-outputs", "labels-start-at-one")
    elif label <= MOST_CLASSES:
        causes = ("labels-start-at-one", "too-few-outputs", "no-class-labels")
    else:
        causes = ("too-few-outputs", "no-class-labels", "labels-start-at-one")
    return Decision(*causes, before=label - 1, after=label + 1)


def target_size(expected: Shape, got: Shape) -> Decision:
    """Expected target size [4, 10], got [4, 8]"""
    if len(got) == len(expected) + 1 and got[1] == 1:
        return Decision("column-labels/channel")
    last = pick("classes-not-in-dimension-1/more")
    if len(expected) == 2:
        left_out = "the expected size leaves out dimension 1 of the input"
        if len(got) == 2:
            last_of = (got[0], got[1], expected[1])
            left_out = f"an input of {last_of} with the classes last leads to this message"
        last = pick("classes-not-in-dimension-1", left_out=left_out)
    return Decision(last, "lengths-differ/cut")


def rows_and_labels(facts: Facts) -> tuple[int, int] | None:
    """Return how many rows a loss got, and how many labels; None where the message is another."""
    said = groups_of("losses", "losses.rows", facts)
    if said is None or not said["input"].isdigit():
        return None
    return int(said["input"]), int(said["target"])


def rows(input: str, target: str, facts: Facts) -> Decision:
    """Expected input batch_size (4) to match target batch_size (8)."""
    count, labels = shape_of(input)[0], (shape_of(target) or (0,))[0]
    if labels == 0:
        happened = (
            f"The input has {count} rows in dimension 0, but the target has a batch size of 0."
        )
        return Decision("target-without-batch", happened=happened)
    return Decision(*_label_batches(count, labels, facts), rows=count, labels=labels)


def _label_batches(rows: int, labels: int, facts: Facts) -> tuple[str | Pick, ...]:
    whole, left = divmod(max(rows, labels), max(min(rows, labels), 1))
    if rows == 1:
        return "flatten-took-the-batch", "input-transposed"
    view = pick("view-changed-batch/rows", share=f"{rows / labels:.4g}")
    if not left:
        cause = "positions-as-rows" if rows > labels else "target-flattened-alone"
        return view, pick(cause, whole=whole), "input-transposed"
    shifted = _shifted(rows, labels, facts)
    if not shifted:
        return view, "input-transposed", "batch-differs/rows"
    usual = max(rows, labels) >= 8 and max(rows, labels).bit_count() == 1
    if usual and not _flattened(facts):
        return "batch-differs/rows", *shifted, "input-transposed"
    return *shifted, "batch-differs/rows", "input-transposed"


def _flattened(facts: Facts) -> dict[str, str]:
    """Return what the reader's line flattens: pred and y -> their names in it."""
    given = zip(("pred", "y"), operands(facts), strict=False)
    found = ((usual, FLATTENED.match(operand)) for usual, operand in given)
    return {usual: match[1] for usual, match in found if match}


def _shifted(rows: int, labels: int, facts: Facts) -> tuple[Pick, ...]:
    """Return the cause that one of both sides lacks a position of each sequence, where it fits."""
    samples = abs(rows - labels)
    if samples < 2 or rows % samples or labels % samples:
        return ()
    names = _flattened(facts)
    pred, y = names.get("pred", "pred"), names.get("y", "y")
    pred, y = (pred, f"{y}[:, 1:]") if rows < labels else (f"{pred}[:, :-1]", y)
    length = min(rows, labels) // samples
    each = {"of_rows": rows // samples, "of_labels": labels // samples}
    return (pick("lengths-differ", samples=samples, length=length, pred=pred, y=y, **each),)


def spatial(size: Shape, listed: str) -> Decision:
    """only batches of spatial targets supported (3D tensors) but got targets of dimension: 4"""
    dimensions = len(size) if listed or len(size) > 1 else size[0]
    shown = f"{size}" if len(size) > 1 or listed else f"{dimensions} dimensions"
    causes: tuple[str, ...] = ("column-labels/masks", "mask-is-an-image")
    if dimensions == 1:
        causes = ("input-not-pooled",)
    elif len(size) == 4 and size[1] > 1:
        causes = ("mask-is-an-image",)
    return Decision(*causes, dimensions=dimensions, shown=shown)
