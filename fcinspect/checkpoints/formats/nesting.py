"""The tensors of nested dicts and lists, as training scripts save them, under dotted names."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from fcinspect.errors import InputError

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "network", "weights")
"""Keys under which a training script keeps the state dict, left out of the layers' names."""

MOST_LEVELS = 50
MOST_VISITS = 300_000
"""Containers and tensors looked at: one that is referred to twice is looked at twice."""
MOST_CHARACTERS = 1 << 24
"""Characters of all names."""

Tensor = TypeVar("Tensor")
Path = tuple[str, ...]


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
                raise InputError(f"{source} nests or repeats its containers endlessly: refused")
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
