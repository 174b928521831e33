"""One hostile checkpoint, and the pieces that pickles are put together of."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

CANARY = "hostile_canary"
"""What a pickle that is run would make in the working folder."""

Content = bytes | Callable[[], bytes]


@dataclass(frozen=True)
class Hostile:
    """A checkpoint of one file or several."""

    name: str
    """What is wrong with it."""
    contents: Mapping[str, Content]
    """Name -> content, or what makes it; some take long."""
    opened: str
    """The file that is given to fcinspect."""
    layerless: bool = False
    """Whether it may be opened, and is refused because it holds no linear layer."""

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """Name -> content."""
        return {
            name: content if isinstance(content, bytes) else content()
            for name, content in self.contents.items()
        }


def one_file(name: str, content: Content, ending: str, *, layerless: bool = False) -> Hostile:
    """Return a checkpoint of a single file."""
    file = f"m.{ending}"
    return Hostile(f"{ending}: {name}", {file: content}, file, layerless)


@dataclass(frozen=True)
class G:
    """A class or function by its name."""

    module: str
    name: str


@dataclass(frozen=True)
class R:
    """A call."""

    function: object
    arguments: object


@dataclass(frozen=True)
class Pid:
    """A reference to a storage."""

    value: object


@dataclass(frozen=True)
class Raw:
    """Instructions as they are."""

    code: bytes


def code(value: Any) -> bytes:
    """Return the instructions that put a value on the unpickler's stack."""
    match value:
        case Raw():
            return value.code
        case G():
            return f"c{value.module}\n{value.name}\n".encode()
        case R():
            return code(value.function) + code(value.arguments) + b"R"
        case Pid():
            return code(value.value) + b"Q"
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8b" + len(data).to_bytes(4, "little") + data
        case float():
            return b"F%r\n" % value
        case str():
            text = value.encode()
            return b"X" + len(text).to_bytes(4, "little") + text
        case tuple():
            return b"(" + b"".join(map(code, value)) + b"t"
        case list():
            return b"](" + b"".join(map(code, value)) + b"e"
        case dict():
            return b"}(" + b"".join(code(k) + code(v) for k, v in value.items()) + b"u"
    raise TypeError(type(value))


def pickled(value: object, protocol: int = 2) -> bytes:
    """Return a whole pickle."""
    return b"\x80" + bytes([protocol]) + code(value) + b"."


def storage(
    key: object = "0", numbers: object = 6, kind: object = G("torch", "FloatStorage")
) -> Pid:
    """Return a reference to a storage of six numbers, or to what claims to be one."""
    return Pid(("storage", kind, key, "cpu", numbers))


def tensor(
    held: object = None, offset: object = 0, size: object = (2, 3), stride: object = (3, 1),
    *more: object,
) -> R:  # fmt: skip
    """Return a matrix of 2×3, or what claims to be one."""
    rest = more or (False, R(G("collections", "OrderedDict"), ()))
    arguments = (storage() if held is None else held, offset, size, stride, *rest)
    return R(G("torch._utils", "_rebuild_tensor_v2"), arguments)


WEIGHT = {"weight": tensor()}
"""A sound state dict."""


def archive(
    content: bytes,
    members: Mapping[str, bytes] | None = None,
    *,
    root: str = "m",
    packed: bool = False,
) -> bytes:
    """Return a zip file as torch.save writes it, around any pickle."""
    file = io.BytesIO()
    way = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    given = {"data/0": b"\0" * 24} if members is None else members
    with zipfile.ZipFile(file, "w", way) as target:
        for name, data in {
            "data.pkl": content,
            "byteorder": b"little",
            "version": b"3",
            **given,
        }.items():
            target.writestr(f"{root}/{name}", data)
    return file.getvalue()


def torch_file(name: str, content: object, *, layerless: bool = False) -> Hostile:
    """Return a .pt file around a value or a whole pickle."""
    data = content if isinstance(content, bytes) else pickled(content)
    return one_file(name, archive(data), "pt", layerless=layerless)
