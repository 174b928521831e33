"""Hostile zip files around a sound pickle."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial

from tests.checkpoints.formats.hostile.cases import (
    WEIGHT,
    Content,
    Hostile,
    archive,
    one_file,
    pickled,
)  # fmt: skip

SOUND = archive(pickled(WEIGHT))
NUMBERS = b"\0" * 24
Members = Iterable[tuple[str, bytes]]


def zipped(members: Members, way: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file of these members, also of the same names."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands there twice
        with zipfile.ZipFile(file, "w", way) as target:
            for name, content in members:
                target.writestr(name, content)
    return file.getvalue()


PICKLE = ("m/data.pkl", pickled(WEIGHT))
DATA = ("m/data/0", NUMBERS)


def archives() -> Iterator[Hostile]:
    """Yield zip files that are cut, that lie of their members or unpack to far more."""
    for name, content in {**_of_members(), **_of_lies()}.items():
        yield one_file(f"zip {name}", content, "pt")
    for cut, where in _boundaries().items():
        for at in (cut, cut - 1):
            if 4 <= at < len(SOUND):
                yield one_file(f"zip cut at byte {at}, {where}", SOUND[:at], "pt")


def _of_members() -> dict[str, Content]:
    code = ("m/code/__torch__.py", b"import os")
    zeros, many = b"\0" * (70 << 20), range(1, 9999)
    packed = zipfile.ZIP_DEFLATED
    return {
        "of nothing": zipped([]),
        "of an absolute name": zipped([PICKLE, DATA, ("/etc/x", b"")]),
        "without a pickle": zipped([DATA]),
        "of a pickle elsewhere": zipped([("x/y/data.pkl", PICKLE[1]), DATA]),
        "of a pickle at its root": zipped([("data.pkl", PICKLE[1]), ("data/0", NUMBERS)]),
        "of a pickle in another folder": zipped([DATA, ("n/data.pkl", PICKLE[1])]),
        "of a pickle outside": zipped([("../data.pkl", PICKLE[1]), ("m/data/0", NUMBERS)]),
        "of a folder for a pickle": zipped([("m/data.pkl/", b""), DATA]),
        "of an empty pickle": zipped([("m/data.pkl", b""), DATA]),
        "of two pickles": zipped([PICKLE, PICKLE, DATA]),
        "of two storages": zipped([PICKLE, DATA, ("m/data/0", b"\1" * 24)]),
        "without its numbers": zipped([PICKLE]),
        "of too few numbers": zipped([PICKLE, ("m/data/0", b"\0" * 23)]),
        "of a byte order elsewhere": zipped([PICKLE, DATA, ("n/byteorder", b"big")]),
        "of numbers elsewhere": zipped([PICKLE, ("m/data/../data/0", NUMBERS)]),
        "of code": zipped([PICKLE, DATA, code, ("m/constants.pkl", PICKLE[1])]),
        "of a byte order that is none": zipped([PICKLE, DATA, ("m/byteorder", b"middle")]),
        "of no byte order": zipped([PICKLE, DATA, ("m/byteorder", b"")]),
        "of a megabyte of byte order": zipped([PICKLE, DATA, ("m/byteorder", b"little" * 200_000)]),
        "of ten thousand members": partial(zipped, [DATA, *((f"m/data/{n}", b"") for n in many)]),
        "bomb of numbers": partial(zipped, [PICKLE, ("m/data/0", zeros)], packed),
        "bomb beside the numbers": partial(zipped, [PICKLE, DATA, ("m/x", zeros)], packed),
        "bomb of a pickle": partial(
            zipped, [("m/data.pkl", b"\x80\x02" + b"N0" * (4 << 20) + b"."), DATA], packed
        ),
        "of a pickle packed by bzip2": zipped([PICKLE, DATA], zipfile.ZIP_BZIP2),
        "of a pickle packed by lzma": zipped([PICKLE, DATA], zipfile.ZIP_LZMA),
    }  # fmt: skip


def _set(content: bytes, at: int, value: int, size: int) -> bytes:
    return content[:at] + value.to_bytes(size, "little") + content[at + size :]


FIELDS = {
    "flags": (8, 2, (1,)),
    "method": (10, 2, (8, 9, 99)),
    "packed size": (20, 4, (0, 1, 25, 2**31, 2**32 - 2, 2**32 - 1)),
    "size": (24, 4, (0, 1, 25, 2**31, 2**32 - 2, 2**32 - 1)),
    "length of the name": (28, 2, (0, 1, 2**16 - 1)),
    "length of the extra field": (30, 2, (1, 2**16 - 1)),
    "length of the comment": (32, 2, (1, 2**16 - 1)),
    "place": (42, 4, (1, 10, 2**31, 2**32 - 2, 2**32 - 1)),
}
"""Field of a member in the list -> its place, its bytes, and lies."""


def _of_lies() -> dict[str, bytes]:
    found = {}
    listed = SOUND.index(b"PK\1\2")
    members = {
        "the pickle": SOUND.index(b"PK\1\2", listed),
        "the numbers": SOUND.rindex(b"PK\1\2"),
    }
    for whose, entry in members.items():
        for field, (place, size, lies) in FIELDS.items():
            if whose == "the numbers" and field.startswith("length of the"):
                continue  # the last of the list: nothing behind it is read wrongly
            for lie in lies:
                words = f"that lies of the {field} of {whose}: {lie}"
                found[words] = _set(SOUND, entry + place, lie, size)
    end = SOUND.index(b"PK\5\6")
    for field, place, size, lies in (
        ("size of the list", 12, 4, (0, 2**31, 2**32 - 2)),
        ("place of the list", 16, 4, (0, 2**31, 2**32 - 2)),
    ):
        for lie in lies:
            found[f"that lies of the {field}: {lie}"] = _set(SOUND, end + place, lie, size)
    own = SOUND.rindex(b"PK\3\4")
    found["whose numbers begin behind their end"] = _set(SOUND, own + 28, 60_000, 2)
    found["whose numbers have no header"] = _set(SOUND, own, 0, 4)
    found["whose members lie in one another"] = _nested()
    found["whose comment is another end"] = _set(SOUND, end + 20, 22, 2) + SOUND[end:]
    larger = b"PK\6\6" + (44).to_bytes(8, "little") + b"\0" * 44
    where = b"PK\6\7" + b"\0" * 4 + b"\xff" * 8 + b"\1\0\0\0"
    found["whose list for large files lies elsewhere"] = SOUND[:end] + larger + where + SOUND[end:]
    found["with a NUL in a name"] = SOUND.replace(b"m/data/0", b"m/data\x000")
    return found


def _nested() -> bytes:
    """Return a file whose numbers are said to begin inside its pickle."""
    return _set(SOUND, SOUND.rindex(b"PK\1\2") + 42, 5, 4)


def _boundaries() -> dict[int, str]:
    with zipfile.ZipFile(io.BytesIO(SOUND)) as source:
        infos = source.infolist()
        found = {source.start_dir: "before its list"}
    for info in infos:
        begin = info.header_offset + 30 + len(info.filename)
        found[info.header_offset] = f"before {info.filename}"
        found[begin] = f"in {info.filename}"
        found[begin + info.file_size] = f"behind {info.filename}"
    end = SOUND.index(b"PK\5\6")
    found |= {end: "before its end", end + 4: "in its end", len(SOUND): "at its end"}
    return dict(sorted(found.items()))
