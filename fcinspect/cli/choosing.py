"""Which layer of a checkpoint is meant by a name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fcinspect.checkpoints.pairing.naming import module_path, split
from fcinspect.checkpoints.records import Checkpoint, SkippedTensor, StoredLinear
from fcinspect.errors import InputError, did_you_mean

MOST_LISTED = 8


def choose_layer(checkpoint: Checkpoint, name: str | None) -> StoredLinear:
    """Return the layer of that name ("fc1" or "fc1.weight"), or the only one for None.

    Raises InputError for a name that the file does not hold, with those that are near.
    """
    from fcinspect.page.text import safe as escaped

    layers = checkpoint.layers
    if not layers:
        raise InputError(f"{checkpoint.source} holds no linear layer{_why_not(checkpoint)}")
    if name is None:
        if len(layers) > 1:
            raise InputError(
                f"{checkpoint.source} holds {len(layers)} layers: name one of"
                f" {_listed([layer.name for layer in layers])}"
            )
        return layers[0]
    for wanted in _spellings(name):
        # a name that was shown with escapes may be typed with them
        found = [layer for layer in layers if wanted in (layer.name, escaped(layer.name))]
        if found:
            return found[0]
    skip = _skipped(checkpoint, name)
    if skip is not None:
        raise InputError(f"{skip.name!r} of {checkpoint.source} is not read: {skip.reason}")
    names = [layer.name for layer in layers]
    hint = _stack_hint(_spellings(name)[-1], names) or did_you_mean(name, names)
    raise InputError(
        f"{checkpoint.source} holds no layer {name!r}",
        hint=hint or f"it holds {_listed(names) if any(names) else 'one layer, without a name'}",
    )


def _spellings(name: str) -> Sequence[str]:
    """Return what a layer may be called: by its path or its weight; "w1.3" for expert "w1[3]"."""
    path = module_path(name)
    return (name, path, re.sub(r"[.](\d+)$", r"[\1]", path))


def _skipped(checkpoint: Checkpoint, name: str) -> SkippedTensor | None:
    """Return what was skipped under a name: the array itself, or the weight of a module."""
    own = [skip for skip in checkpoint.skipped if name in (skip.name, module_path(skip.name))]
    parts = [skip for skip in checkpoint.skipped if split(skip.name)[0][:-1] == name]
    # of the parts of a packed weight, the one that tells the layer's widths
    telling = [skip for skip in parts if "→" in skip.reason]
    return next(iter((*own, *telling, *parts)), None)


def _stack_hint(name: str, names: Sequence[str]) -> str | None:
    """Return which experts a stack has, if the name is that of a stack or of a missing expert."""
    stack = re.sub(r"\[\d*\]$", "", name)
    experts = [other for other in names if other.startswith(f"{stack}[")]
    if not experts:
        return None
    return (
        f"{stack!r} is a stack of {len(experts)} experts: name one of {experts[0]!r}"
        f" to {experts[-1]!r}"
    )


def _why_not(checkpoint: Checkpoint) -> str:
    if not checkpoint.skipped:
        return ""
    first, rest = checkpoint.skipped[0], len(checkpoint.skipped) - 1
    more = f"; {rest} more {'was' if rest == 1 else 'were'} skipped" if rest else ""
    return f": {first.name!r} was skipped ({first.reason}){more}"


def _listed(names: list[str]) -> str:
    # a layer without a name of its own is chosen by that of its weight
    shown = ", ".join(repr(name or "weight") for name in names[:MOST_LISTED])
    return shown + (f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else "")
