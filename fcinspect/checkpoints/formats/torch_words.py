"""What is said of the files of torch.save that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.rounding.formats import FORMATS

INSTEAD = "save the state dict alone: torch.save(model.state_dict(), 'weights.pt')"

SMALL = 1 << 26
"""Unpacked bytes below which an archive is no bomb."""
MOST_PACKED = 100
"""Times that numbers are packed at most: weights hardly shrink, zeros a thousand times."""
MOST_DIGITS = 30


def pickled_objects(source: str, name: str) -> InputError:
    """Return the refusal of a file whose pickle names what would have to be run."""
    shown = name if re.fullmatch(r"[\w.]{1,100}", name) else repr(name[:60])
    return InputError(
        f"{source} holds pickled objects ({shown}), which are never loaded", hint=INSTEAD
    )


def torchscript(source: str) -> InputError:
    """Return the refusal of an archive of torch.jit.save."""
    return InputError(
        f"{source} is a TorchScript archive, which holds code",
        hint="save its numbers: torch.save(torch.jit.load('m.pt').state_dict(), 'weights.pt')",
    )


def no_tensors(source: str) -> InputError:
    """Return the refusal of a file that holds other data only."""
    return InputError(f"{source} holds no tensors", hint=INSTEAD)


def damaged(source: str) -> InputError:
    """Return the refusal of a file that ends too early."""
    return InputError(f"{source} is truncated or damaged")


def not_torch(source: str, why: str) -> InputError:
    """Return the refusal of a file of another kind."""
    return InputError(f"{source} is not a file of torch.save: {why}")


def claims_more(name: str, source: str, numbers: int, held: int) -> InputError:
    """Return the refusal of a tensor that repeats the few numbers of its storage."""
    text = str(numbers) if numbers < 10**MOST_DIGITS else f"more than 10^{MOST_DIGITS}"
    return InputError(
        f"{name!r} of {source} claims {text} numbers, its storage holds {held}: refused"
    )


def without_numbers(kind: str) -> str:
    """Say why nothing is read from a sparse, quantized, nested or meta tensor."""
    return f"is a {kind} tensor, without plain numbers"


def no_layer(dtype: str) -> str:
    """Say why no layer is read from numbers of another format."""
    if dtype.startswith("float"):
        return f"holds {dtype}: layers are read from {', '.join(FORMATS)}"
    return f"holds {dtype}: layers are floating-point"


def check_members(source: str, members: Iterable[tuple[str, int, int]]) -> None:
    """Raise InputError for an archive of code or one that unpacks to far more than it is.

    `members` are (name, packed bytes, unpacked bytes).
    """
    names, packed_sizes, sizes = [list(each) for each in zip(*members, strict=True)] or [[], [], []]
    if any(str(name).endswith("/constants.pkl") for name in names):
        raise torchscript(source)
    packed, unpacked = sum(map(int, packed_sizes)), sum(map(int, sizes))
    if unpacked > SMALL and unpacked > MOST_PACKED * packed:
        raise InputError(
            f"{source} would unpack {packed} bytes to {unpacked}, more than"
            f" {MOST_PACKED} times as many: refused"
        )
    if unpacked > packed:
        require_free(2 * unpacked, f"unpacking {source}", refusal=InputError)
