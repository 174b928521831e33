"""From the content of a pickle to named tensors that are read by their places in the file.

Training scripts save tensors in nested dicts and lists: they get dotted names.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from fcinspect.checkpoints.formats.allowed import INSTEAD, ITEMSIZE, SavedStorage, SavedTensor
from fcinspect.checkpoints.places import Extent, FilePlace, claim
from fcinspect.checkpoints.records import StoredTensor, unreadable
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import masked_name
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.checkpoints.storage import Storage
    from fcinspect.rounding.arrays import FloatArray

FEW_TENSORS = 1000
"""Names of tensors that every file may have."""
BYTES_A_TENSOR = 64
"""A larger file may have one more for so many bytes: its name, its record and its numbers."""
FEW_BYTES = 1 << 26
"""Bytes that the tensors of every file may show."""
MOST_SHOWN = 100
"""Times that the tensors of a larger file may show its bytes: tied weights show them again."""
WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
"""Keys under which a training script keeps the state dict, left out of the layers' names."""

MOST_LEVELS = 50
MOST_VISITS = 300_000
"""Containers and tensors looked at: one that is referred to twice is looked at twice."""
MOST_CHARACTERS = 1 << 24
"""Characters of all names."""
MOST_DIGITS = 30

Tensor = TypeVar("Tensor")
Path = tuple[str, ...]
Runs = Mapping[str, int | Callable[[], bytes]]
"""The key of a storage -> the byte of the file where its numbers begin, or what unpacks it."""


def damaged(source: str) -> InputError:
    """Return the refusal of a file that ends too early."""
    return InputError(f"{source} is truncated or damaged")


def not_torch(source: str, why: str) -> InputError:
    """Return the refusal of a file of another kind."""
    return InputError(f"{source} is not a torch.save file: {why}")


def checked_tensors(content: object, source: str) -> dict[str, SavedTensor]:
    """Return the tensors of a file by their dotted names, in their order.

    Raises InputError as `named_tensors`, for views that repeat the numbers of their storage or
    reach beyond them, and where there is no tensor.
    """
    found = named_tensors(content, SavedTensor, source)
    if not found:
        raise InputError(f"{source} holds no tensors", hint=INSTEAD)
    for name, tensor in found.items():
        if tensor.storage is not None:
            _check_bounds(f"{name!r} of {source}", tensor, tensor.storage)
    return found


def named_tensors(content: object, kind: type[Tensor], source: str) -> dict[str, Tensor]:
    """Return the tensors of nested containers by their dotted names, in their order.

    The first keys of a path are left out where they only wrap the state dict and the names stay
    different. Raises InputError for names that are the same, and for containers that are nested
    or shared beyond what any training script saves.
    """
    found = list(_walked(content, kind, source))
    short = {".".join(_unwrapped(path)): tensor for path, tensor in found}
    if len(short) == len(found):
        return short
    full = {".".join(path): tensor for path, tensor in found}
    if len(full) < len(found):
        ((twice, _),) = Counter(".".join(path) for path, _ in found).most_common(1)
        raise InputError(f"{source} holds two tensors named {twice!r}")
    return full


def _check_bounds(what: str, tensor: SavedTensor, storage: SavedStorage) -> None:
    too_wide = claim(tensor.shape)
    if too_wide is not None:
        raise InputError(f"{what} {too_wide}: refused")
    held = storage.nbytes // ITEMSIZE[tensor.dtype]
    numbers = math.prod(tensor.shape)
    if numbers > held:
        text = str(numbers) if numbers < 10**MOST_DIGITS else f"more than 10^{MOST_DIGITS}"
        raise InputError(f"{what} claims {text} numbers, but its storage holds {held}: refused")
    if numbers and tensor.offset + _span_of(tensor.shape, tensor.strides) > held:
        raise InputError(f"{what} extends beyond its storage, which holds {held} numbers: refused")


def stored_tensors(
    found: Mapping[str, SavedTensor], file: Storage, runs: Runs
) -> tuple[StoredTensor, ...]:
    """Return the tensors that a pickle describes; raises InputError where they are far too many."""
    source, size = repr(masked_name(file.uri)), file.stamp.size
    most = FEW_TENSORS + size // BYTES_A_TENSOR
    if len(found) > most:
        told = f"names {len(found)} tensors in {size} bytes: at most {most} are read"
        raise InputError(f"{source} {told}")
    placed = [tensor for tensor in found.values() if tensor.storage is not None]
    shown = sum(math.prod(tensor.shape) * ITEMSIZE[tensor.dtype] for tensor in placed)
    # what takes far more to read than to store: one storage under many names
    if shown > max(FEW_BYTES, MOST_SHOWN * size):
        raise InputError(
            f"the tensors of {source} take {shown} bytes, more than {MOST_SHOWN} times the"
            f" {size} bytes of the file: refused"
        )
    return tuple(_tensor(name, tensor, file, runs) for name, tensor in found.items())


def _tensor(name: str, tensor: SavedTensor, file: Storage, runs: Runs) -> StoredTensor:
    dtype, shape = tensor.dtype, tensor.shape
    if tensor.kind is not None or tensor.storage is None:
        problem = f"is a {tensor.kind or 'meta'} tensor, without plain numbers"
        return unreadable(name, dtype, shape, problem)
    run = runs[tensor.storage.key]
    if isinstance(run, int):
        return _in_file(name, tensor, file, run + tensor.offset * ITEMSIZE[dtype])
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, _no_layer(dtype))
    what = f"reading {name!r} of {masked_name(file.uri)!r}"

    def numbers(first: int, length: int) -> FloatArray:
        from fcinspect.rounding.arrays import from_bytes

        itemsize, begin = ITEMSIZE[dtype], tensor.offset + first
        return from_bytes(run()[begin * itemsize : (begin + length) * itemsize], dtype)

    return StoredTensor(name, dtype, shape, partial(_read_strided, numbers, tensor, what))


def _no_layer(dtype: str) -> str:
    if dtype.startswith("float"):
        return f"holds {dtype}: expected {', '.join(FORMATS)}"
    return f"holds {dtype}: expected a floating-point dtype"


def _read_strided(
    numbers: Callable[[int, int], FloatArray],
    tensor: SavedTensor,
    what: str,
    rows: Sequence[int] | None,
) -> FloatArray:
    """Return a view, or these rows of it; `numbers(first, length)` reads from the view's run."""
    import numpy as np
    from numpy.lib.stride_tricks import as_strided

    first, inner, strides = 0, tensor.shape, tensor.strides
    if rows is not None:
        first = min(rows, default=0)
        inner = (max(rows, default=-1) + 1 - first, *inner[1:])
    length = _span_of(inner, strides)
    # a bfloat16 is held in four bytes, and its copy too
    require_free(8 * (length + math.prod(inner)), what, refusal=InputError)
    held = numbers(first * strides[0] if strides else 0, length)
    view = as_strided(held, inner, [n * held.itemsize for n in strides], writeable=False)
    wanted = view if rows is None else view[[row - first for row in rows]]
    return np.ascontiguousarray(wanted).reshape(wanted.shape)


def _span_of(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Return the numbers from the first to the last of a view, 0 for one without numbers."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def _in_file(name: str, tensor: SavedTensor, file: Storage, begin: int) -> StoredTensor:
    """Return a tensor whose first number lies at the byte `begin`."""
    from fcinspect.rounding.arrays import ITEMSIZES

    dtype, shape, by_rows = tensor.dtype, tensor.shape, _is_by_rows(tensor)
    if dtype not in ITEMSIZES:
        size = math.prod(shape) * ITEMSIZE[dtype]
        extent = Extent(file.uri, file.stamp, begin, size) if by_rows else None
        return unreadable(name, dtype, shape, _no_layer(dtype), extent=extent)
    flipped = SavedTensor(dtype, shape[::-1], strides=tensor.strides[::-1])
    turned = len(shape) == 2 and not by_rows and _is_by_rows(flipped)
    place = None
    if turned or by_rows:
        place = FilePlace(file.uri, file.stamp, dtype, begin, shape, turned)
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, _no_layer(dtype), place)
    if place is not None:
        return StoredTensor(name, dtype, shape, place.read, place=place)
    run = FilePlace(file.uri, file.stamp, dtype, begin, (_span_of(shape, tensor.strides),))
    what = f"reading {masked_name(file.uri)!r}"

    def numbers(first: int, length: int) -> FloatArray:
        return replace(run, begin=begin + first * ITEMSIZE[dtype], shape=(length,)).read()

    return StoredTensor(name, dtype, shape, partial(_read_strided, numbers, tensor, what))


def _is_by_rows(tensor: SavedTensor) -> bool:
    """Whether the numbers lie one after the other, the last dimension first."""
    expected = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if size != 1 and stride != expected:
            return 0 in tensor.shape
        expected *= size
    return True


def _unwrapped(path: Path) -> Path:
    while len(path) > 1 and path[0] in WRAPPERS:
        path = path[1:]
    return path


def _walked(content: object, kind: type[Tensor], source: str) -> Iterator[tuple[Path, Tensor]]:
    """Yield every tensor with the keys that lead to it; raises InputError after too many."""
    fertile = _leading_to(content, kind)
    visits = characters = 0
    # what is open, from the outermost: the key of each, its id, and what is left of its items
    path: list[str] = []
    opened: list[int] = []
    pending: list[Iterator[tuple[str, Any]]] = [iter([("", content)])]
    while pending:
        for key, value in pending[-1]:
            is_tensor = isinstance(value, kind)
            if not is_tensor and id(value) not in fertile:
                continue
            visits += 1
            if is_tensor:
                names = (*path, key)[1:]
                characters += sum(map(len, names))
                yield names or ("weight",), value
            if visits > MOST_VISITS or characters > MOST_CHARACTERS or len(path) > MOST_LEVELS:
                raise InputError(f"{source} nests or repeats its containers without end: refused")
            # a container that holds itself is left out where it comes back
            if not is_tensor and id(value) not in opened:
                path.append(key)
                opened.append(id(value))
                pending.append(_items(value))
                break
        else:
            pending.pop()
            if path:
                path.pop()
                opened.pop()


def _items(container: object) -> Iterator[tuple[str, Any]]:
    if isinstance(container, Mapping):
        return ((str(key), value) for key, value in container.items())
    if isinstance(container, list | tuple):
        return ((str(number), value) for number, value in enumerate(container))
    return iter(())


def _leading_to(content: object, kind: type[Tensor]) -> set[int]:
    """Return the ids of the containers in which a tensor lies, however deep."""
    above: dict[int, list[int]] = {}
    waiting = deque([content])
    seen = {id(content)}
    fertile: deque[int] = deque()
    while waiting:
        container = waiting.popleft()
        for value in _values(container):
            if isinstance(value, kind):
                fertile.append(id(container))
            elif any(isinstance(held, kind | Mapping | list | tuple) for held in _values(value)):
                above.setdefault(id(value), []).append(id(container))
                if id(value) not in seen:
                    seen.add(id(value))
                    waiting.append(value)
    found: set[int] = set()
    while fertile:
        container_id = fertile.popleft()
        if container_id not in found:
            found.add(container_id)
            fertile.extend(above.get(container_id, ()))
    return found


def _values(container: object) -> Iterable[object]:
    if isinstance(container, Mapping):
        return container.values()
    return container if isinstance(container, list | tuple) else ()
