"""Reading a pickle of torch.save without running anything in it.

Python's own unpickler in its pure form (the one in C allocates for what a memo index claims), with
every instruction overridden that calls, builds or fills: classes and functions are stand-ins from
a list, and only plain dicts and lists are filled.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from fcinspect.checkpoints.formats.allowed import named
from fcinspect.checkpoints.formats.bounded_pickle import BoundedUnpickler
from fcinspect.checkpoints.formats.pickle_stream import Stream
from fcinspect.checkpoints.formats.stand_ins import (
    ITEMSIZE,
    STORAGES,
    Inert,
    Named,
    SavedStorage,
    Unsound,
    require_key,
)
from fcinspect.checkpoints.formats.torch_words import pickled_objects
from fcinspect.errors import InputError

Sizes = Callable[[str], int | None]
"""The key of a storage -> the bytes that the file may hold for it, None where it holds none."""


@dataclass(frozen=True)
class Unpickled:
    """What a pickle holds."""

    content: object
    """Plain dicts, lists, tuples and records of tensors."""
    storages: Mapping[str, SavedStorage]
    """The storages that it names, by their keys."""


def read_pickle(stream: Stream, source: str, sizes: Sizes) -> Unpickled:
    """Return the content of the next pickle of a stream.

    Raises InputError for a pickle that names any other class or function or is damaged.
    """
    try:
        unpickler = _Unpickler(stream, source, sizes)
        return Unpickled(unpickler.load(), unpickler.storages)
    except (InputError, MemoryError):
        raise
    except EOFError:
        raise InputError(f"{source} is truncated or damaged: its pickle has no end") from None
    except Unsound as error:
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    except Exception as error:  # any other is what a damaged pickle makes of Python's unpickler
        reason = _line(error)
    raise InputError(f"{source} is no sound file of torch.save: {reason}")


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return f"its pickle is damaged ({type(error).__name__}: {text!a})" if text else "damaged"


class _Unpickler(BoundedUnpickler):
    """The bounded unpickler that makes stand-ins."""

    def __init__(self, stream: Stream, source: str, sizes: Sizes) -> None:
        super().__init__(stream)
        self._source, self._sizes = source, sizes
        self.storages: dict[str, SavedStorage] = {}

    def find_class(self, module: str, name: str) -> Named:
        """Return the stand-in of a class or function; raises InputError for all others."""
        found = named(module, name)
        if found is None:
            raise pickled_objects(self._source, f"{module}.{name}")
        return found

    def persistent_load(self, pid: object) -> SavedStorage:
        """Return the storage that ("storage", class, key, location, number of numbers) names."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise Unsound("a storage is not described by its class, key, location and size")
        kind, key, numbers = pid[1], pid[2], pid[4]
        if not isinstance(kind, Named) or not isinstance(key, str) or type(numbers) is not int:
            raise Unsound("a storage is not described by its class, key, location and size")
        if not 0 <= numbers < 2**63:
            raise Unsound(f"its storage {key[:60]!r} has a number of numbers that is none")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key):
            raise Unsound(f"a storage has the key {key[:60]!r}")
        dtype = kind.dtype if kind.words.removeprefix("torch.") in STORAGES else None
        if dtype is None and kind.words != "torch.storage.UntypedStorage":
            raise Unsound(f"a storage is of the class {kind.words}")
        if len(pid) > 5 and pid[5] is not None:
            raise Unsound(f"its storage {key!r} is a part of another one, as before torch 0.4")
        nbytes = numbers * ITEMSIZE[dtype or "uint8"]
        held = self._sizes(key)
        if held is None:
            raise Unsound(f"its storage {key!r} is missing")
        if nbytes > held:
            raise Unsound(f"its storage {key!r} has {held} bytes, its pickle says {nbytes}")
        if key not in self.storages:
            self._stream.grant_storage()
        known = self.storages.setdefault(key, SavedStorage(key, dtype, nbytes))
        if (known.dtype, known.nbytes) != (dtype, nbytes):
            raise Unsound(f"its storage {key!r} is described in two ways")
        return known

    def _called(self, function: object, arguments: object) -> None:
        if not isinstance(function, Named) or not isinstance(arguments, tuple):
            raise Unsound("it calls what is no class or function")
        self._stream.spend(sum(len(each) for each in arguments if isinstance(each, list | tuple)))
        try:
            self.append(function.make(arguments))
        except (IndexError, ValueError):
            raise Unsound(f"{function.words} lacks arguments") from None

    def _instantiate(self, function: object, arguments: list[Any]) -> None:
        self._called(function, tuple(arguments))

    def get_extension(self, code: int) -> NoReturn:
        """Refuse a class that is named by a number of this process's registry."""
        raise pickled_objects(self._source, f"extension {code}")

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        self._called(self.stack.pop(), arguments)

    def _load_newobj_ex(self) -> None:
        self.stack.pop()  # arguments by name
        self._load_reduce()

    def _load_build(self) -> None:
        """Forget the state of a record; OrderedDict's is the _metadata of a state dict."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict | Inert):
            raise Unsound("it sets the attributes of what has none")

    def _load_set(self) -> None:
        self.append(Inert("set"))

    def _load_frozenset(self) -> None:
        self.pop_mark()
        self.append(Inert("frozenset"))

    def _load_additems(self) -> None:
        self.pop_mark()
        if not isinstance(self.stack[-1], Inert):
            raise Unsound("it adds items to what is no set")

    def _load_append(self) -> None:
        self._extend([self.stack.pop()])

    def _load_appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[Any]) -> None:
        # an inert record may be a subclass of list
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(items)
        elif not isinstance(self.stack[-1], Inert):
            raise Unsound("it appends to what is no list")

    def _load_setitem(self) -> None:
        value = self.stack.pop()
        self._update([self.stack.pop(), value])

    def _load_setitems(self) -> None:
        self._update(self.pop_mark())

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._update(items)

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            if isinstance(target, Inert):
                return
            raise Unsound("it sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            require_key(key)
            target[key] = value

    dispatch = {  # noqa: RUF012  # declared by the base class
        **BoundedUnpickler.dispatch,
        **{
            code[0]: method  # type: ignore[misc]  # declared for the unpickler in C
            for code, method in (
                (pickle.REDUCE, _load_reduce), (pickle.NEWOBJ, _load_reduce),
                (pickle.NEWOBJ_EX, _load_newobj_ex), (pickle.BUILD, _load_build),
                (pickle.EMPTY_SET, _load_set),
                (pickle.FROZENSET, _load_frozenset), (pickle.ADDITEMS, _load_additems),
                (pickle.APPEND, _load_append), (pickle.APPENDS, _load_appends),
                (pickle.SETITEM, _load_setitem), (pickle.SETITEMS, _load_setitems),
                (pickle.DICT, _load_dict),
            )
        },
    }  # fmt: skip
