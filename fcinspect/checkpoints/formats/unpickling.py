"""Reading a pickle of torch.save without running anything in it.

Python's own unpickler in its pure form (the one in C allocates for what a memo index claims), with
every instruction overridden that calls, builds or fills: classes and functions are stand-ins from
a list, and only plain dicts and lists are filled. What plain values take is bounded: a pickle of a
megabyte can make a million lists, one of some hundred can be a single text, which is read, decoded
and kept. Neither is in any file of tensors.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn

from fcinspect.checkpoints.formats import allowed
from fcinspect.errors import InputError

Sizes = Callable[[str], int | None]
"""The key of a storage -> the bytes that the file may hold for it, None where it holds none."""
LARGEST_PICKLE = 1 << 26
"""Bytes; what is no number of a tensor is never as much."""
LARGEST_PACKED = 1 << 25
"""Bytes of one that is packed, which is unpacked before it is read."""
FEW_STEPS = 1_500_000
"""Reads that every pickle may take; a tensor takes about fifty-five."""
STEPS_A_STORAGE = 60
"""Reads that a pickle may take more for every storage that it names."""
LONGEST_LINE = 1 << 20
"""Bytes of a line, in which the oldest pickles give names and numbers."""
BYTES_A_STEP = 50
"""A longer pickle may take one more for so many bytes."""
LONGEST_INTEGER = 1024
"""Bytes of one whole number."""
UNDESCRIBED = "a storage is not described by its class, key, location and size"
STEPS_FOR_MEMORY = 3
"""Reads as which a container or a place of the memo counts: it takes a hundred bytes or more."""


class Stream:
    """Pickles that follow one another in a file; reading is counted and bounded."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        """Read `file`, which has `size` bytes, from where it stands."""
        self._file, self._size = file, size
        self._left = FEW_STEPS + min(size, LARGEST_PICKLE) // BYTES_A_STEP
        self.position = 0

    def spend(self, steps: int) -> None:
        """Count work; raises Unsound for more than any file of tensors needs."""
        self._left -= steps
        if self._left < 0:
            raise allowed.Unsound("it has more objects than a file of tensors needs")

    def read(self, length: int) -> bytes:
        """Return that many bytes; raises EOFError where fewer are left."""
        self.spend(1)
        self._advance(length)
        data = self._file.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def readline(self) -> bytes:
        """Return what is left of the line and its end; raises EOFError where it has none."""
        self.spend(1)
        line = self._file.readline(LONGEST_LINE)
        self._advance(len(line))
        if not line.endswith(b"\n"):
            if len(line) == LONGEST_LINE:
                raise allowed.Unsound(f"it has a line of more than {LONGEST_LINE} bytes")
            raise EOFError
        return line

    def skip(self, length: int) -> None:
        """Go past that many bytes; raises EOFError where fewer are left."""
        self.spend(1)
        self._advance(length)
        self._file.seek(length, io.SEEK_CUR)

    def _advance(self, length: int) -> None:
        """Count bytes before they are read: nothing is made for more than the file has."""
        self.position += length
        if self.position > self._size:
            raise EOFError
        if self.position > LARGEST_PICKLE:
            raise allowed.Unsound(f"its pickle has more than {LARGEST_PICKLE} bytes")


def read_pickle(
    stream: Stream, source: str, sizes: Sizes
) -> tuple[object, Mapping[str, allowed.SavedStorage]]:
    """Return the plain content of the next pickle, and its storages by key; raises InputError."""
    try:
        unpickler = _Unpickler(stream, source, sizes)
        return unpickler.load(), unpickler.storages
    except (InputError, MemoryError):
        raise
    except EOFError:
        raise InputError(f"{source} is truncated or damaged: its pickle has no end") from None
    except allowed.Unsound as error:
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    except Exception as error:  # any other is what a damaged pickle makes of Python's unpickler
        text = " ".join(str(error).split())[:120]
        kind = type(error).__name__
        reason = f"its pickle is damaged ({kind}: {text!a})" if text else "its pickle is damaged"
    raise InputError(f"{source} is not a valid torch.save file: {reason}")


def _pickled_objects(source: str, name: str) -> InputError:
    """Return the refusal of a file whose pickle names what would have to be run."""
    shown = name if re.fullmatch(r"[\w.]{1,100}", name) else repr(name[:60])
    words = f"holds pickled objects ({shown}), which are never loaded"
    return InputError(f"{source} {words}", hint=allowed.INSTEAD)


def _sized(load: Callable[[_Unpickler, int], None], width: int) -> Callable[[_Unpickler], None]:
    """Return an instruction whose value follows its length, a number of so many bytes."""
    return lambda unpickler: load(unpickler, int.from_bytes(unpickler.read(width), "little"))


class _Unpickler(pickle._Unpickler):
    """The unpickler in its pure form: makes stand-ins, passes over or refuses what is large.

    It has no public name. The public one, in C, neither lets instructions be overridden nor bounds
    what it allocates.
    """

    # what the base class sets, which is not declared for mypy
    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: Stream, source: str, sizes: Sizes) -> None:
        super().__init__(stream, encoding="utf-8", errors="backslashreplace")
        self._stream, self._source, self._sizes = stream, source, sizes
        self.storages: dict[str, allowed.SavedStorage] = {}

    def find_class(self, module: str, name: str) -> allowed.NamedGlobal:
        found = allowed.named(module, name)
        if found is None:
            raise _pickled_objects(self._source, f"{module}.{name}")
        return found

    def persistent_load(self, pid: object) -> allowed.SavedStorage:
        """Return the storage that ("storage", class, key, location, number of numbers) names."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise allowed.Unsound(UNDESCRIBED)
        kind, key, numbers = pid[1], pid[2], pid[4]
        described = isinstance(kind, allowed.NamedGlobal) and isinstance(key, str)
        if not described or type(numbers) is not int:
            raise allowed.Unsound(UNDESCRIBED)
        if not 0 <= numbers < 2**63:
            raise allowed.Unsound(f"its storage {key[:60]!r} has an invalid number of elements")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key):
            raise allowed.Unsound(f"a storage has the invalid key {key[:60]!r}")
        dtype = kind.dtype if kind.words.removeprefix("torch.") in allowed.STORAGES else None
        if dtype is None and kind.words != "torch.storage.UntypedStorage":
            raise allowed.Unsound(f"a storage has the unknown class {kind.words}")
        if len(pid) > 5 and pid[5] is not None:
            raise allowed.Unsound(
                f"its storage {key!r} is part of another one, as before torch 0.4"
            )
        nbytes = numbers * allowed.ITEMSIZE[dtype or "uint8"]
        held = self._sizes(key)
        if held is None:
            raise allowed.Unsound(f"its storage {key!r} is missing")
        if nbytes > held:
            raise allowed.Unsound(f"its storage {key!r} has {held} bytes, its pickle says {nbytes}")
        if key not in self.storages:
            self._stream.spend(-STEPS_A_STORAGE)
        known = self.storages.setdefault(key, allowed.SavedStorage(key, dtype, nbytes))
        if (known.dtype, known.nbytes) != (dtype, nbytes):
            raise allowed.Unsound(f"its storage {key!r} is described in two ways")
        return known

    def _called(self, function: object, arguments: object) -> None:
        if not isinstance(function, allowed.NamedGlobal) or not isinstance(arguments, tuple):
            raise allowed.Unsound("it calls something that is not a class or function")
        self._stream.spend(sum(len(each) for each in arguments if isinstance(each, list | tuple)))
        try:
            self.append(function.make(arguments))
        except (IndexError, ValueError):
            raise allowed.Unsound(f"{function.words} lacks arguments") from None

    def _instantiate(self, function: object, arguments: list[Any]) -> None:
        self._called(function, tuple(arguments))

    def get_extension(self, code: int) -> NoReturn:
        # a class that is named by a number of this process's registry
        raise _pickled_objects(self._source, f"extension {code}")

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        self._called(self.stack.pop(), arguments)

    def _load_newobj_ex(self) -> None:
        self.stack.pop()  # arguments by name
        self._load_reduce()

    def _load_build(self) -> None:
        """Forget the state of a record; OrderedDict's is the _metadata of a state dict."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict | allowed.Inert):
            raise allowed.Unsound("it sets attributes of an object that has none")

    def _load_frozenset(self) -> None:
        self.pop_mark()
        self.append(allowed.Inert("frozenset"))

    def _load_additems(self) -> None:
        self.pop_mark()
        if not isinstance(self.stack[-1], allowed.Inert):
            raise allowed.Unsound("it adds items to something that is not a set")

    def _extend(self, items: list[Any]) -> None:
        # an inert record may be a subclass of list
        if type(self.stack[-1]) is list:
            self.stack[-1].extend(items)
        elif not isinstance(self.stack[-1], allowed.Inert):
            raise allowed.Unsound("it appends to something that is not a list")

    def _load_setitem(self) -> None:
        value = self.stack.pop()
        self._update([self.stack.pop(), value])

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._update(items)

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            if isinstance(target, allowed.Inert):
                return
            raise allowed.Unsound("it sets items of something that is not a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            allowed.require_key(key)
            target[key] = value

    def _load_long4(self) -> None:
        (length,) = struct.unpack("<i", self.read(4))
        if not 0 <= length <= LONGEST_INTEGER:
            raise allowed.Unsound(f"it has an integer of {length} bytes")
        self.append(int.from_bytes(self.read(length), "little", signed=True))

    def _load_bytearray8(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        self._stream.skip(length)
        self.append(allowed.Inert("bytearray"))

    def _load_old_text(self) -> None:
        (length,) = struct.unpack("<i", self.read(4))
        if not 0 <= length <= allowed.LONGEST_TEXT:
            raise allowed.Unsound(f"it has a string of {length} bytes")
        self.append(self.read(length).decode("utf-8", "backslashreplace"))

    def _text(self, length: int) -> None:
        if self._is_kept(length, allowed.LONG):
            self.append(self.read(length).decode("utf-8", "surrogatepass"))

    def _bytes(self, length: int) -> None:
        if self._is_kept(length, allowed.Inert("bytes")):
            self.append(self.read(length))

    def _is_kept(self, length: int, instead: allowed.Inert) -> bool:
        """Whether a text of so many bytes is read; else it is passed over."""
        if length > allowed.LONGEST_TEXT:
            self._stream.skip(length)
            self.append(instead)
        return length <= allowed.LONGEST_TEXT

    dispatch = {  # noqa: RUF012  # declared by the base class
        **pickle._Unpickler.dispatch,
        **{
            code[0]: method  # type: ignore[misc]  # declared for the unpickler in C
            for code, method in (
                # a frame only says how much to read ahead
                (pickle.FRAME, lambda unpickler: unpickler.read(8)), (pickle.LONG4, _load_long4),
                (pickle.BYTEARRAY8, _load_bytearray8), (pickle.BINSTRING, _load_old_text),
                (pickle.BINUNICODE, _sized(_text, 4)), (pickle.BINUNICODE8, _sized(_text, 8)),
                (pickle.BINBYTES, _sized(_bytes, 4)), (pickle.BINBYTES8, _sized(_bytes, 8)),
                (pickle.REDUCE, _load_reduce), (pickle.NEWOBJ, _load_reduce),
                (pickle.NEWOBJ_EX, _load_newobj_ex), (pickle.BUILD, _load_build),
                (pickle.EMPTY_SET, lambda unpickler: unpickler.append(allowed.Inert("set"))),
                (pickle.FROZENSET, _load_frozenset), (pickle.ADDITEMS, _load_additems),
                (pickle.APPEND, lambda unpickler: unpickler._extend([unpickler.stack.pop()])),
                (pickle.APPENDS, lambda unpickler: unpickler._extend(unpickler.pop_mark())),
                (pickle.SETITEM, _load_setitem),
                (pickle.SETITEMS, lambda unpickler: unpickler._update(unpickler.pop_mark())),
                (pickle.DICT, _load_dict),
            )
        },
    }  # fmt: skip


def _charged(load: Callable[[Any], None]) -> Callable[[_Unpickler], None]:
    """Return an instruction that counts what it takes of memory before it is carried out."""

    def counted(unpickler: _Unpickler) -> None:
        unpickler._stream.spend(STEPS_FOR_MEMORY)
        load(unpickler)

    return counted


for _code in (
    pickle.MEMOIZE, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.EMPTY_LIST,
    pickle.EMPTY_DICT, pickle.LIST, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
):  # fmt: skip
    _load = _Unpickler.dispatch[_code[0]]
    # declared for the unpickler in C
    _Unpickler.dispatch[_code[0]] = _charged(_load)  # type: ignore[assignment]
